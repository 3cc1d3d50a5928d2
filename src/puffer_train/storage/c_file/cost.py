"""What a policy costs on a microcontroller."""

from __future__ import annotations

from dataclasses import dataclass

from puffer_envs.contract.policy_info import CELL_SHAPES
from puffer_train.storage.c_file.matrix import PANEL
from puffer_train.storage.c_file.weights import Weights


@dataclass(frozen=True)
class Cost:
    """Memory in bytes, and what a step computes."""

    flash: int
    """Weights and other constants, without code."""
    ram: int
    """The state of an agent."""
    stack: int
    """The arrays of a step."""
    multiply_adds: int
    """At most, of a step: a code that is 0 adds nothing."""
    exponentials: int
    """At most, of a step; each comes with a division."""

    @classmethod
    def of(cls, weights: Weights) -> Cost:
        """Count."""
        info = weights.info
        # of a Box: standard deviation, centre and bounds
        actions = 4 * info.head_rows if info.action_kind == "box" else len(info.action_sizes)
        normalizing = 2 * weights.num_numbers if info.normalized else 0
        flash = sum(matrix.num_bytes for matrix in weights.matrices + weights.convolutions)
        flash += 4 * (actions + normalizing)
        flash += sum(front.embedding.nbytes for front in weights.fronts if front.embedding is not None)
        additions = sum(layer.work for front in weights.fronts for layer in front.layers)
        if weights.table is not None:
            flash += weights.table.rows.nbytes + weights.table.base.nbytes
            additions += len(weights.table.choices) * info.hidden
        x, gates, inputs = array_sizes(weights)
        return cls(
            flash=flash,
            ram=4 * info.layers * weights.unit_state,
            stack=4 * (x + gates + inputs + 2 * most_planes(weights) + info.head_rows),
            multiply_adds=sum(matrix.numbers.size for matrix in weights.matrices) + additions,
            exponentials={"mingru": 3, "lstm": 5}[info.cell] * info.hidden * info.layers,
        )


def array_sizes(weights: Weights) -> tuple[int, int, int]:
    """Return how many numbers the arrays of a step hold: x, the gates or outputs, and the inputs where converted."""
    info = weights.info
    rows, columns = CELL_SHAPES[info.cell].weight
    x, gates = (_padded(size) for size in (max(columns, 1) * info.hidden, max(rows * info.hidden, info.head_rows)))
    return x, gates, num_inputs(weights) if is_converted(weights) or weights.table or weights.fronts else 0


def most_planes(weights: Weights) -> int:
    """Return how many numbers the planes that a convolution multiplies may have."""
    layers = [layer for front in weights.fronts for layer in front.layers if not layer.looks_up]
    return max((layer.groups * layer.height * layer.width * layer.inner for layer in layers), default=0)


def num_inputs(weights: Weights) -> int:
    """Return how many inputs are multiplied."""
    return int(weights.encoder.numbers.shape[1])


def is_converted(weights: Weights) -> bool:
    """Whether observations are arrays of numbers that are not multiplied as they are."""
    if weights.table is not None or weights.fronts:
        return False
    return weights.info.observation_dtype != "float32" or weights.info.normalized


def _padded(size: int) -> int:
    return -(-size // PANEL) * PANEL
