"""Make a difference small: the fewest actions from the start of an episode, and the simplest numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from puffer_envs.porting.adapter import AdapterError
from puffer_envs.porting.pair import Named, Pair
from puffer_envs.porting.steps import Case

ATTEMPTS = 400
"""Replays that shrinking may take."""


class Shrinker:
    """Replays a case on a pair with one environment of ours; asks whether the two still differ in the same number."""

    def __init__(self, pair: Pair, case: Case) -> None:
        self.pair, self.case, self.left = pair, case, ATTEMPTS
        pair.env.reset(0)
        self._fresh = pair.env.snapshot()  # what no field shows is as after a reset
        self._names = {gap.name.partition("[")[0] for gap in case.gaps}

    def replay(self, before: Named, actions: list[Any]) -> Case | None:
        """Run actions from a state on both sides; the case, up to the first step that differs as before."""
        if self.left <= 0:
            return None
        self.left -= 1
        pair = self.pair
        try:
            pair.env.restore(self._fresh)
            pair.put([before], self.case.rng)
            start = pair.states()[0]
            pair.reference.reset()
            pair.write(start)
            return self._run(start, actions)
        except AdapterError:
            return None  # not a state that both take

    def _run(self, start: Named, actions: list[Any]) -> Case | None:
        pair, growth = self.pair, self.pair.adapter.growth
        for tick, action in enumerate(actions, 1):
            rng, state = pair.rng(0), pair.states()[0]
            ours = pair.step_ours(np.asarray(action, pair.env.actions.dtype)[None])[0]
            theirs = pair.step_reference(action, rng, state)
            widened = growth.after(tick)
            gaps = pair.compare(ours, theirs, widened)
            if gaps and not pair.on_the_border(theirs, widened):
                same = self._names & {gap.name.partition("[")[0] for gap in gaps}
                return Case(start, self.case.rng, actions[:tick], gaps, ours, theirs, self.case.start) if same else None
            if ours.state is None or theirs.terminal or theirs.truncated:
                return None
        return None


def shrink(pair: Pair, case: Case) -> Case | None:
    """The smallest case found: actions are dropped and replaced by simpler ones, then numbers of the state.

    None where the two do not differ when the case is repeated: it depends on what no field shows.
    """
    shrinker = Shrinker(pair, case)
    best = shrinker.replay(case.before, case.actions)
    if best is None:
        return None
    best = _drop_actions(shrinker, best)
    best = _simplify_actions(shrinker, best)
    return _simplify_state(shrinker, best)


def _drop_actions(shrinker: Shrinker, best: Case) -> Case:
    """Leave out ever smaller runs of actions, as long as the two still differ."""
    size = max(1, len(best.actions) // 2)
    while True:
        at = 0
        while at < len(best.actions):
            fewer = best.actions[:at] + best.actions[at + size :]
            found = shrinker.replay(best.before, fewer) if fewer else None
            if found is not None:
                best = found
            else:
                at += size
        if size == 1:
            return best
        size = max(1, size // 2)


def _simplify_actions(shrinker: Shrinker, best: Case) -> Case:
    for at in range(len(best.actions)):
        if at >= len(best.actions):
            break
        action = np.asarray(best.actions[at])
        for simpler in (np.zeros_like(action), np.sign(action) if action.dtype.kind == "f" else action):
            if np.array_equal(simpler, action):
                break
            found = shrinker.replay(best.before, [*best.actions[:at], simpler, *best.actions[at + 1 :]])
            if found is not None:
                best = found
                break
    return best


def _simplify_state(shrinker: Shrinker, best: Case) -> Case:
    """Each number of the state: 0, else as few digits as will do."""
    for name, value in list(best.before.items()):
        for simpler in _simpler(np.asarray(value)):
            if np.array_equal(simpler, best.before[name]):
                break
            found = shrinker.replay({**best.before, name: simpler}, best.actions)
            if found is not None:
                best = found
                break
    return best


def _simpler(value: Any) -> list[Any]:
    if value.dtype.kind != "f":
        return [np.zeros_like(value)]
    return [np.zeros_like(value), *(np.round(value, digits).astype(value.dtype) for digits in range(4))]
