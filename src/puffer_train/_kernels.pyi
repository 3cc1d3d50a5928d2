"""The trainer's kernels for processors: acting, gradients, advantages, Muon. See cython/_kernels.pyx and c/learn.

Sizes: T steps, A agents (rows), B sequences; I inputs, H hidden units, L layers, G rows of a layer's matrix and F its
columns, S numbers of recurrent state per layer and agent; k numbers in an action, K outputs: all choices of an action
together, or k where actions are continuous. Arrays are C-contiguous and aligned. They are checked when an object is
made over them, and never copied.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELLS: dict[str, int]
"""The recurrent cells that kernels know, by name, and the number that C gives them."""
NUMBERS: dict[str, int]
"""The dtypes of observations that kernels know, by name, and the number that C gives them."""
MAX_CHOICES: int
"""Of all codes of an observation, and values of all channels of a grid."""
MAX_FRONTS: int
"""Arrays of an observation that can go through convolutions."""
SOME_TRUNCATED: int
"""Flag of `Actor.store`: an episode was truncated."""
BAD_OBSERVATIONS: int
"""Flag of `Actor.store`: an observation is NaN or infinite, or a code or a cell has none of its values."""
BAD_REWARDS: int
"""Flag of `Actor.store`: a reward is NaN or infinite."""

Floats = NDArray[np.float32]

def supported_isas() -> list[str]:
    """Return the instruction sets that this processor and this build have, slowest first."""

def fused_isas() -> list[str]:
    """Return those of them that round a product and a sum once: their results agree to the bit."""

Part = tuple[str, int, int, int]
"""(number, first byte, count, choices) of what a row of bytes holds; choices of 0: amounts."""

Front = tuple[str, str, int, tuple[int, ...], bool, int, int, int, float, tuple[tuple[int, int, int, int], ...]]
"""An array that goes through convolutions, see `Learner`."""

class Workers:
    """Threads and an instruction set, which learners and optimizers share. One job at a time."""

    threads: int
    """How many threads work."""
    isa: str
    """The instruction set that they use."""

    def __init__(self, threads: int, isa: str | None = None) -> None:
        """Start threads.

        Args:
            threads: how many; results do not depend on it.
            isa: one of `supported_isas()`, or None for the best one.

        Raises:
            ValueError: no such instruction set here, or fewer than one thread.
            MemoryError: the threads could not be started.
        """

class Learner:
    """One network. One thread at a time may call its methods, and none may call `pack` while an `Actor` acts."""

    workers: Workers
    """Who computes gradients."""
    horizon: int
    """T of the sequences that are trained on."""
    number: str
    """Dtype of observations, one of `NUMBERS`."""

    def __init__(
        self,
        workers: Workers,
        cell: str,
        inputs: int | None,
        hidden: int,
        layers: int,
        choices: Sequence[int] | None,
        scale: Floats | None,
        input_scale: Floats | None,
        number: str,
        horizon: int,
        bins: int = 0,
        input_mean: Floats | None = None,
        parts: list[Part] | None = None,
        row_bytes: int = 0,
        fronts: list[Front] | None = None,
    ) -> None:
        """Allocate the weights and the memory of all threads.

        Args:
            workers: who computes gradients.
            cell: `mingru` or `lstm`.
            inputs: I; None: there is no encoder, and what the first layer gets (H numbers) is handed in.
            hidden: H, a multiple of 16.
            layers: L.
            choices: (k,) how many choices each number of an action has; None: actions are continuous.
            scale: (k,) float32, the unit of each number of a continuous action; not used with `choices`.
            input_scale: (I,) float32, what observations are multiplied with; ignored without an encoder.
            number: dtype of observations, one of `NUMBERS`; float32 without an encoder.
            horizon: T.
            bins: of the distribution that the value is, at least 2; 0: the value is one number.
            input_mean: (I,) float32, what is subtracted from observations before they are multiplied; they are then cut
                to +-10. None: neither.
            parts: (number, first byte, count, choices) of what rows of bytes hold, which observations then are; in the
                order of the inputs. `choices` of 0: amounts, an input each; else codes, so many inputs each. None: all
                numbers are amounts.
            row_bytes: of an observation with parts.
            fronts: (`image`, `grid` or `embedding`, number, first byte, (height, width, channels), whether channels are
                first, least value, values, size, scale, ((channels, kernel, stride, padding), ...)) of each array in
                these rows that goes through convolutions. `inputs` are without them, and may be 0. None: none does.

        Raises:
            ValueError: there is no kernel for that.
            MemoryError: there is not enough memory.
        """

    def state_size(self) -> int:
        """Return S."""

    def pack(self, parameters: tuple[Floats | None, ...]) -> None:
        """Use new weights from now on.

        Args:
            parameters: encoder (H, I + features) or None, core (L, G, F), head (K + V, H) for V rows of the value,
                log_std (k,) or None, and for each of `fronts` its embedding (channels * values, size) or None and the
                kernels of each layer (channels out, channels in * kernel * kernel), all float32. Copied.

        Raises:
            ValueError: one of them has another shape or dtype.
        """

    def normalize(self, mean: Floats, scale: Floats) -> None:
        """Use a new `input_mean` and `input_scale`, both (I,) float32, from now on. Copied.

        Raises:
            ValueError: one has another shape or dtype, or there is no `input_mean`.
        """

    def gradient(
        self,
        rollout: Rollout,
        sequences: NDArray[np.int64],
        importance: Floats,
        gradients: tuple[Floats | None, ...],
        normalize: bool,
        refresh: bool,
        clip: float,
        value_clip: float,
        value_coefficient: float,
        entropy_coefficient: float,
        scale: tuple[float, float, float] | None = None,
    ) -> tuple[float, list[float]]:
        """Compute the gradient of the loss over some sequences.

        Args:
            rollout: what was played, made for this learner.
            sequences: (B,) int64 numbers of agents, with 1 <= B <= A; an agent may occur more than once
                if there is an encoder.
            importance: (B,) float32 factors of the advantages.
            gradients: written to; laid out as the parameters of `pack`.
            normalize: bring the advantages to mean 0 and spread 1 first.
            refresh: write new values and ratios back into the rollout.
            clip: how far the ratio of probabilities may move from 1.
            value_clip: how far a value may move from the rollout's.
            value_coefficient: weight of the value loss.
            entropy_coefficient: weight of the entropy.
            scale: instead of `normalize`, where other processes have more samples of the minibatch: the weight of one
                sample (above 0), what is subtracted from advantages, and their factor after that.

        Returns:
            The length of the gradient, and 7 figures in the order of `puffer_train.kernels.FIGURES`.

        Raises:
            ValueError: an array does not fit, or the rollout belongs to another learner.
            RuntimeError: the threads are busy with another job.
        """

class Rollout:
    """The arrays that T steps of A agents are kept in."""

    def __init__(self, learner: Learner, arrays: dict[str, Any]) -> None:
        """Check the arrays and keep references to them.

        Args:
            learner: whose sizes the arrays have.
            arrays: by name, all time-major. observations: (T + 1, A, I) of the learner's `number`; without an encoder
                (T + 1, A, n) of any dtype, which is only stored, or None; T of them, and of masks, where nobody acts.
                inputs, by_inputs: (T, A, H) float32, only without an encoder and only to learn from: what the first
                layer gets, and receives the gradient of the loss with respect to that. actions: (T, A, k) int64,
                float32 where continuous. masks: (T + 1, A, K) bool or None. present: (T + 1, A) bool or None. ends: (T,
                A) bool. first_state: (L, A, S) float32. log_probs, advantages, values, ratios, rewards, final_values:
                (T, A) float32. last_value: (A,) float32.

        Raises:
            ValueError: one is missing, or has another shape, dtype or layout.
        """

    def estimate_advantages(
        self,
        reward_scale: float,
        reward_clip: float,
        gamma: float,
        lam: float,
        clipped: bool,
        rho_clip: float,
        trace_clip: float,
    ) -> None:
        """Fill `advantages`.

        Args:
            reward_scale: factor of rewards.
            reward_clip: bound of the magnitude of rewards after that; 0: none.
            gamma: discount per step.
            lam: lambda of generalised advantage estimation, 0 to 1.
            clipped: correct by the ratios (V-trace).
            rho_clip: upper bound of a ratio in a step's error, with `clipped`.
            trace_clip: upper bound of a ratio in the trace, with `clipped`.
        """

class Actor:
    """Acts for rows `first` to `last - 1` of a rollout, in one thread. n = `last` - `first`."""

    first: int
    """Its first row."""
    last: int
    """The row after its last."""

    def __init__(self, rollout: Rollout, env: Any, state: Floats, first: int, last: int, before: int = 0) -> None:
        """Check the environment's arrays and keep references to them.

        Args:
            rollout: where steps are stored.
            env: has `observations`, `rewards`, `terminals`, `truncations` of the buffer contract, n rows each.
            state: (L, A, S) float32, the recurrent state of all rows of the rollout.
            first: its first row.
            last: the row after its last.
            before: rows of other processes before row 0: random numbers depend on a row's number among all.

        Raises:
            ValueError: an array has another shape, dtype or layout, or the rollout has no such rows.
        """

    def act(self, t: int, key: int, greedy: bool = False, inputs: Floats | None = None) -> int:
        """Choose the actions of step `t`, with their log-probabilities and values; advances the state.

        Args:
            t: 0 to T - 1.
            key: uint64; the same key, rows and outputs give the same actions.
            greedy: take the likeliest action.
            inputs: (n, H) float32, what the first layer gets; only without an encoder.

        Returns:
            The first of its n rows whose outputs are not finite, or -1.

        Raises:
            IndexError: the rollout has no such step.
        """

    def look_ahead(self, t: int, state: Floats, inputs: Floats | None = None) -> int:
        """Write the values of the observations of slot `t` (0 to T) to `last_value`.

        Args:
            t: slot of observations.
            state: (L, n, S) float32, a copy of the rows' state; overwritten.
            inputs: as in `act`.

        Returns:
            As `act`.

        Raises:
            IndexError: the rollout has no such slot.
            ValueError: the state has another shape or dtype.
        """

    def value(self, observations: NDArray[Any], state: Floats, values: Floats) -> int:
        """Compute the values of m observations of any rows.

        Args:
            observations: (m, I) of the learner's `number`; without an encoder (m, H) float32.
            state: (L, m, S) float32; overwritten.
            values: (m,) float32; written to.

        Returns:
            As `act`, of the m rows.

        Raises:
            ValueError: an array has another shape, dtype or layout.
        """

    def store(self, t: int) -> int:
        """Copy observations, rewards and ends after step `t` (0 to T - 1) into the rollout.

        Masks and who is present must be there already.

        Returns:
            The sum of those of `SOME_TRUNCATED`, `BAD_OBSERVATIONS` and `BAD_REWARDS` that apply.

        Raises:
            IndexError: the rollout has no such step.
        """

    def reset_state(self, t: int) -> None:
        """Zero the recurrent state of the rows whose episode ended with step `t` (0 to T - 1).

        Raises:
            IndexError: the rollout has no such step.
        """

class Crowd:
    """Networks that share n rows of an environment: which of them acts for a row may change with every step."""

    def __init__(
        self,
        rows: NDArray[np.int64],
        numbers: NDArray[np.int64],
        networks: list[Learner | None],
        states: list[Floats | None],
    ) -> None:
        """Check the arrays and keep references to the states.

        Args:
            rows: (n,): which rows of the arrays of `act` these are.
            numbers: (n,): their numbers among all rows, by which random numbers go.
            networks: of the same observations and actions; None in a place that nobody has.
            states: (L, n, S) of each network, None where that is; networks of the same sizes may share one.

        Raises:
            ValueError: an array does not fit, or a network differs in what it sees or does.
        """

    def act(
        self,
        who: NDArray[np.int32],
        observations: NDArray[Any],
        masks: NDArray[np.bool_] | None,
        actions: NDArray[Any],
        key: int,
    ) -> None:
        """Choose the actions of the n rows, each network those of its own; advances the states.

        Args:
            who: (n,): the place of each row's network; of another number, nobody acts.
            observations: (A, size) of the networks' number.
            masks: (A, K), or None.
            actions: (A, k) int64, or float32 if continuous; receives those of the rows.
            key: uint64; the same key, row numbers and outputs give the same actions.

        Raises:
            ValueError: an array does not fit.
        """

class Stack:
    """The network without its loss: encoder, recurrent layers and head. One thread at a time may call its methods."""

    workers: Workers
    """Who computes."""

    def __init__(
        self,
        workers: Workers,
        cell: str,
        inputs: int | None,
        hidden: int,
        layers: int,
        outputs: int = 0,
        input_scale: Any = None,
        parts: list[Part] | None = None,
        row_bytes: int = 0,
    ) -> None:
        """Allocate the weights.

        Args:
            workers: who computes.
            cell: `mingru` or `lstm`.
            inputs: I; None: there is no encoder, and inputs are the first layer's.
            hidden: H, a multiple of 16.
            layers: L.
            outputs: O, rows of the head, at least 2; 0: there is no head, and outputs are the last layer's.
            input_scale: (I,) float32, what the encoder multiplies inputs with.
            parts: of inputs that are rows of bytes, see `Learner`.
            row_bytes: of such a row.

        Raises:
            ValueError: there is no kernel for that.
            MemoryError: there is not enough memory.
        """

    def state_size(self) -> int:
        """Return S."""

    def pack(self, parameters: tuple[Floats | None, ...]) -> None:
        """Use new weights from now on.

        Args:
            parameters: encoder (H, I) or None, core (L, G, F), head (O, H) or None, all float32. Copied.

        Raises:
            ValueError: one of them has another shape or dtype.
        """

    def memory_size(self, steps: int, rows: int) -> int:
        """Return how many numbers `forward` remembers of T steps of B rows for `backward`."""

    def forward(
        self, inputs: NDArray[Any], keep: Floats | None, state: Floats, outputs: Floats, memory: Floats | None = None
    ) -> None:
        """Run sequences through the network.

        Args:
            inputs: (T, B, I) of a dtype in `NUMBERS`; without an encoder (T, B, H) float32; with parts (T, B,
                row_bytes) uint8, of which nobody checks that codes are choices.
            keep: (T, B) float32, 0 where the state is reset before that step, else 1; None: 1 throughout.
            state: (L, B, S) float32 before the first step; receives that after the last.
            outputs: (T, B, O) float32, without a head (T, B, H); written to.
            memory: `memory_size` float32 if `backward` follows.

        Raises:
            ValueError: an array has another shape, dtype or layout.
            RuntimeError: the threads are busy with another job.
        """

    def backward(
        self,
        by_outputs: Floats,
        keep: Floats | None,
        by_inputs: Floats | None,
        memory: Floats,
        gradients: tuple[Floats | None, ...],
    ) -> None:
        """Compute gradients, with the weights of `forward`.

        Args:
            by_outputs: (T, B, O) or (T, B, H) float32: the gradient of the outputs.
            keep: as in `forward`.
            by_inputs: (T, B, H) float32; receives the gradient of the inputs; only without an encoder.
            memory: what `forward` left; overwritten.
            gradients: written to; laid out as the parameters of `pack`.

        Raises:
            ValueError: an array has another shape, dtype or layout.
            RuntimeError: the threads are busy with another job.
        """

def evaluate(
    workers: Workers,
    outputs: Floats,
    choices: Sequence[int],
    masks: NDArray[np.bool_] | None,
    actions: NDArray[np.int64],
    log_probs: Floats,
    entropies: Floats,
    by_outputs: Floats | None = None,
) -> None:
    """Compute how likely discrete actions are, or the gradient of that, in this thread.

    Args:
        workers: whose instruction set computes.
        outputs: (B, K) float32, logits.
        choices: how many choices each number of an action has.
        masks: (B, K) bool, at least one choice of each number; None: all are allowed.
        actions: (B, k) int64.
        log_probs: (B,) float32; receives log-probabilities; with `by_outputs`, the gradient of these.
        entropies: (B,) float32; receives entropies; with `by_outputs`, the gradient of these.
        by_outputs: (B, K) float32; receives the gradient of the outputs.

    Raises:
        ValueError: an array has another shape, dtype or layout, or an action is none of the choices.
    """

def sample(
    workers: Workers,
    outputs: Floats,
    choices: Sequence[int] | None,
    masks: NDArray[np.bool_] | None,
    log_std: Floats | None,
    scale: Floats | None,
    key: int,
    greedy: bool,
    actions: NDArray[Any],
    log_probs: Floats,
) -> None:
    """Choose actions, in this thread.

    Args:
        workers: whose instruction set computes.
        outputs: (B, K) float32: logits, or means of continuous actions.
        choices: how many choices each number of an action has; None: actions are continuous.
        masks: (B, K) bool, at least one choice of each number; None: all are allowed.
        log_std: (K,) float32, the logarithm of the spread of continuous actions.
        scale: (K,) float32, the unit of each continuous action.
        key: uint64; the same key and outputs give the same actions.
        greedy: take the likeliest action.
        actions: (B, k) int64, float32 where continuous; written to.
        log_probs: (B,) float32; written to.

    Raises:
        ValueError: an array has another shape, dtype or layout.
    """

def estimate_advantages(
    workers: Workers,
    rewards: Floats,
    values: Floats,
    last_value: Floats,
    final_values: Floats,
    ends: NDArray[np.bool_],
    ratios: Floats | None,
    advantages: Floats,
    gamma: float,
    lam: float,
    rho_clip: float,
    trace_clip: float,
) -> None:
    """Fill `advantages`, in this thread.

    Args:
        workers: whose instruction set computes.
        rewards: (T, A) float32.
        values: (T, A) float32.
        last_value: (A,) float32.
        final_values: (T, A) float32.
        ends: (T, A) bool.
        ratios: (T, A) float32; None: 1 throughout.
        advantages: (T, A) float32; written to.
        gamma: discount per step.
        lam: lambda of generalised advantage estimation, 0 to 1.
        rho_clip: upper bound of a ratio in a step's error.
        trace_clip: upper bound of a ratio in the trace.

    Raises:
        ValueError: an array has another shape, dtype or layout.
    """

class Muon:
    """The Muon optimizer over some matrices."""

    def __init__(self, workers: Workers, matrices: list[tuple[Floats, Floats, Floats]]) -> None:
        """Check the arrays and keep references to them.

        Args:
            workers: who computes.
            matrices: parameter, gradient and moving average of each, all (m, n) float32.

        Raises:
            ValueError: an array has another shape, dtype or layout.
            MemoryError: there is not enough memory.
        """

    def step(self, learning_rate: float, momentum: float, gradient_scale: float, decay: float = 0.0) -> None:
        """Move every matrix once.

        Args:
            learning_rate: factor of the orthogonal step.
            momentum: what part of the moving average stays.
            gradient_scale: factor of gradients, before anything else.
            decay: what part of every weight is taken away.

        Raises:
            RuntimeError: the threads are busy with another job.
        """
