"""Checks of how episodes end, and of what comes after.

The first line of a docstring says what the check ensures, the rest how to fix a failure.
docs/check.md is generated from them.
"""

from __future__ import annotations

import numpy as np

from puffer_envs.conformance.errors import ContractError, NotOfferedError, require
from puffer_envs.conformance.runs import random_actions
from puffer_envs.conformance.subject import BATCH, Subject
from puffer_envs.contract import BufferEnv

END_LIMIT = 200_000
"""Steps of random actions of a batch within which some episode should end."""
SINGLE_END_LIMIT = 20_000
"""Steps of a single environment within which some episode should end."""
ENDS_WANTED = 5
"""After this many ends, all by a time limit, we conclude that there are no others."""


def check_ends(s: Subject) -> str | None:
    """Episodes end.

    An environment may run forever, but then it has no return to report and nothing ever
    restarts. If yours should end: set `terminated` at the goal or at failure, or give it a time
    limit with `gymnasium.register(..., max_episode_steps=...)` or
    `gymnasium.wrappers.TimeLimit`.
    """
    return _single_ends(s) if s.single else _batch_ends(s)


def _batch_ends(s: Subject) -> str | None:
    limit, going_on, step = END_LIMIT, s.patience(), 0
    with s.env(num_envs=64 if s.native else BATCH) as env:
        rng = np.random.default_rng(3)
        env.reset(3)
        while step < limit and going_on():
            step += 1
            env.step(random_actions(env, rng))
            if env.terminals.any() or env.truncations.any():
                return None
    missing = _endless(step)
    require(not s.native or step < limit, missing)  # who is slow has shown nothing yet
    return missing


def _single_ends(s: Subject) -> str | None:
    going_on, step, length = s.patience(), 0, 0
    lengths: list[int] = []
    with s.play() as run:
        run.reset(3)
        while step < SINGLE_END_LIMIT and going_on() and len(lengths) < ENDS_WANTED:
            step, length = step + 1, length + 1
            shown = run.step()
            if run.over:
                by_itself = any(v for name, v in shown.items() if name.startswith("terminat"))
                if by_itself:
                    return None
                lengths.append(length)
                run.reset(None)
                length = 0
    if not lengths:
        return _endless(step)
    same = f"after {lengths[0]:,} steps" if len(set(lengths)) == 1 else f"after {min(lengths):,} to {max(lengths):,}"
    return (
        f"the {len(lengths)} episodes seen were all cut off by a time limit, {same}; random actions reach no other end"
    )


def _endless(steps: int) -> str:
    return (
        f"no episode ended in {steps:,} steps of random actions; if episodes should end, set the terminal flag or a "
        "time limit"
    )


def check_restart(s: Subject) -> None:
    """Episodes restart in the step that ends them.

    `final_observations` keeps the last observation of the old episode. When an episode ends:
    copy its last observation to `final_observations`, start the next one, and write that one's
    first observation to `observations`. The trainer bootstraps truncated episodes from
    `final_observations`.
    """
    with s.env() as env, s.env() as twin:
        rng, going_on = np.random.default_rng(3), s.patience()
        for each in (env, twin):
            each.reset(3)
        ends = _Ends(env)
        for step in range(1, END_LIMIT + 1):
            if ends.enough or not going_on():
                break
            actions = random_actions(env, rng)
            if env.final_observations.flags.writeable:
                env.final_observations.fill(0)
                twin.final_observations.fill(1)
            env.step(actions)
            twin.step(actions)
            ends.look(env, twin, step)
        if not ends.count:
            raise NotOfferedError(f"episode that ends within {step:,} steps")
        ends.judge()


class _Ends:
    """What was seen of the ends of episodes."""

    WANTED = 12

    def __init__(self, env: BufferEnv) -> None:
        self.count = self._equal = 0
        self._varied = False
        self._before = env.observations.copy()
        self._in_a_row = np.zeros(env.num_agents, np.int64)
        self._longest = np.zeros(env.num_agents, np.int64)
        self._length = np.zeros(env.num_agents, np.int64)

    @property
    def enough(self) -> bool:
        stuck = (self._in_a_row > 0) & (self._longest > 1)
        return self.count >= self.WANTED and not stuck.any()

    def look(self, env: BufferEnv, twin: BufferEnv, step: int) -> None:
        """Record the ends of this step; `twin` took the same step with other bytes in `final_observations`."""
        ended = env.terminals | env.truncations
        self._length += 1
        self._in_a_row = np.where(ended & (self._length == 1), self._in_a_row + 1, 0)
        for row in np.flatnonzero(ended):
            final = env.final_observations[row]
            how = "truncated" if env.truncations[row] else "terminal"
            require(
                final.tobytes() == twin.final_observations[row].tobytes(),
                f"row {row} is {how} at step {step} after reset(3), but final_observations[{row}] was not written; "
                "copy the episode's last observation there before the next one begins",
            )
            self.count += 1
            self._equal += np.array_equal(final, env.observations[row])
        for row in np.flatnonzero((self._in_a_row >= self.WANTED) & (self._longest > 1)):
            raise ContractError(
                f"row {row} ended at step {step - self.WANTED} after reset(3) and again at each of the next "
                f"{self.WANTED} steps; start the next episode inside the step that ends one"
            )
        self._longest = np.where(ended, np.maximum(self._longest, self._length), self._longest)
        self._length[ended] = 0
        moving = ~ended & (env.observations != self._before).reshape(len(ended), -1).any(axis=1)
        self._varied = self._varied or bool(moving.any())
        self._before[:] = env.observations

    def judge(self) -> None:
        """Whether the last observations are those of the episodes that ended."""
        require(
            not self._varied or self._equal < self.count or self.count < self.WANTED,
            f"in all {self.count} ends seen, final_observations held the same as observations: the first observation "
            "of the next episode; copy the last one of the old episode there before you restart",
        )
