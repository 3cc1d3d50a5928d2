"""Action masks that allow nothing: any action would break the environment's own rules."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from puffer_train.algorithm.buffers import Buffers
from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import EnvironmentFailedError


def check_masks(
    buffers: Buffers, slot: int, rows: slice, spec: EnvironmentSpec, name: str, step: int, first_env: int = 0
) -> None:
    """Check that every agent among `rows` of a slot may take some action.

    Args:
        buffers: Where the masks are.
        slot: Which of them.
        rows: The agents to look at.
        spec: Of the environments.
        name: Names them in the message.
        step: Number of the step, for the message.
        first_env: Number of the environment that has row 0.

    Raises:
        EnvironmentFailedError: An agent that is there may do nothing; names the environment, the agent and the step.
    """
    if buffers.masks is None:
        return
    present = None if buffers.present is None else buffers.present[slot, rows].numpy()
    row = _row_without_choice(buffers.masks[slot, rows].numpy(), present, spec.action.sizes)
    if row is None:
        return
    env, agent = divmod((rows.start or 0) + row, spec.rows // spec.envs)
    raise EnvironmentFailedError(
        f"environment {name!r} number {first_env + env} allows agent {agent} no action at step {step}: its action mask "
        "must allow at least one choice of every action."
    )


def _row_without_choice(
    masks: NDArray[np.bool_], present: NDArray[np.bool_] | None, sizes: Sequence[int]
) -> int | None:
    """Return the first row of masks (A, K) that allows no choice of some action, or None."""
    if bytes(min(sizes)) not in masks.tobytes():  # a search that takes 3 us where the exact one takes 15
        return None
    bounds = itertools.pairwise(np.cumsum([0, *sizes]).tolist())
    stuck = np.logical_or.reduce([~masks[:, first:last].any(1) for first, last in bounds])
    if present is not None:
        stuck &= present
    return int(stuck.argmax()) if stuck.any() else None
