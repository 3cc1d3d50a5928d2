"""Level 1: single steps, each from a state that is the same on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting.pair import Gap, Named, Outcome, Pair
from puffer_envs.porting.play import Player


@dataclass
class Case:
    """A step that differs."""

    before: Named
    """The state that both started from."""
    rng: bytes
    """Our generator in it."""
    actions: list[Any]
    """What was done from there; in the last step the two differ."""
    gaps: list[Gap]
    """What differs."""
    ours: Outcome
    """What it led to here."""
    theirs: Outcome
    """What it led to there."""
    start: str = "a reached state"
    """Where `before` comes from."""
    hidden: bool = False
    """Whether the two agreed when the last step was repeated from the same fields."""


@dataclass
class Steps:
    """What single steps gave."""

    count: int = 0
    """Steps compared."""
    from_theirs: int = 0
    """Of them, from states that the reference reached."""
    ends: int = 0
    """Of them, steps that ended an episode."""
    borderline: int = 0
    """Of them, steps where one side ended and the other did not, within a rounding of the border."""
    chaotic: int = 0
    """Of them, steps in which roundings may grow; where both play the same episodes, also those after them."""
    chaotic_same: int = 0
    """Of those, steps that did not differ."""
    apart: bool = False
    """Whether this episode came to a chaotic state, where both play the same."""
    found: Case | None = None
    """The first step that differs."""
    largest: dict[str, float] = field(default_factory=dict)
    """The largest difference of each number."""


def compare_steps(pair: Pair, players: Sequence[Player], count: int) -> Steps:
    """Play with each player in turn, comparing every step, until `count` are done or one differs.

    Half of the steps start from states that the reference reached by itself. With the adapter's FOLLOW both play the
    same episodes, so that what cannot be put into the reference is there from the step before.
    """
    result = Steps(largest=pair.largest)
    env = pair.env
    follow = bool(pair.adapter.follow)
    shares = [(player, ours) for player in players for ours in (True, False)]
    for number, (player, ours) in enumerate(shares):
        until = count * (number + 1) // len(shares) if number + 1 < len(shares) else count
        env.reset()
        seen, _ = pair.reference.reset()
        begun = np.ones(env.num_envs, bool)
        while result.count < until and result.found is None:
            if follow and not ours:
                seen, begun = _follow_theirs(pair, player, seen, begun, result)
            elif ours:
                begun = _play_ours(pair, player, begun, result)
            else:
                _play_theirs(pair, player, result)
    return result


def _play_ours(pair: Pair, player: Player, begun: NDArray[np.bool_], result: Steps) -> NDArray[np.bool_]:
    """One step of all of ours; each is repeated on the reference."""
    actions = player(pair.env.observations, begun)
    before = pair.states()
    rngs = [pair.rng(i) for i in range(pair.env.num_envs)]
    ours = pair.step_ours(actions)
    for i, state in enumerate(before):
        pair.write(state)
        theirs = pair.step_reference(actions[i], rngs[i], state)
        judge(pair, Case(state, rngs[i], [actions[i]], [], ours[i], theirs), result)
        if theirs.terminal or theirs.truncated:
            pair.reference.reset()
        if result.found is not None:
            break
    return np.asarray(pair.env.terminals | pair.env.truncations)


def _play_theirs(pair: Pair, player: Player, result: Steps) -> None:
    """The reference plays by itself; its states are put into ours, and stepped there."""
    count = pair.env.num_envs
    reached: list[Named] = []
    seen, _ = pair.reference.reset()
    begun = True
    for _ in range(count):
        action = player(pair.seen(seen).reshape(1, *pair.env.observations.shape[1:]), np.array([begun]))[0]
        reached.append(pair.read())
        seen, _, terminal, truncated, _ = pair.reference.step(pair.convert(action))
        begun = bool(terminal or truncated)
        if begun:
            seen, _ = pair.reference.reset()
    pair.put(reached)
    before = pair.states()  # as ours holds them, which may have fewer digits
    actions = player(pair.env.observations, np.ones(count, bool))
    rngs = [pair.rng(i) for i in range(count)]
    ours = pair.step_ours(actions)
    for i, state in enumerate(before):
        pair.write(state)
        theirs = pair.step_reference(actions[i], rngs[i], state)
        judge(pair, Case(state, rngs[i], [actions[i]], [], ours[i], theirs), result)
        result.from_theirs += 1
        if result.found is not None:
            return


def _follow_theirs(
    pair: Pair, player: Player, seen: Any, begun: NDArray[np.bool_], result: Steps
) -> tuple[Any, NDArray[np.bool_]]:
    """One step of the reference, which ours repeats: the reference's observation after it, and whether it ended."""
    action = player(pair.seen(seen).reshape(1, *pair.env.observations.shape[1:]), begun)
    pair.put([pair.read()])
    before, rng = pair.states()[0], pair.rng(0)
    ours = pair.step_ours(action)[0]
    theirs = pair.step_reference(action[0], rng, before)
    judge(pair, Case(before, rng, [action[0]], [], ours, theirs), result)
    result.from_theirs += 1
    ended = theirs.terminal or theirs.truncated
    return pair.reference.reset()[0] if ended else theirs.raw, np.array([ended])


def judge(pair: Pair, case: Case, result: Steps) -> None:
    """Count a step, and keep it if it differs."""
    result.count += 1
    result.ends += case.theirs.terminal or case.theirs.truncated
    chaotic = result.apart or pair.is_chaotic(case.before, case.ours.state, case.theirs.state)
    ended = case.ours.state is None or case.theirs.terminal or case.theirs.truncated
    result.apart = chaotic and bool(pair.adapter.follow) and not ended  # what no field shows may differ from here on
    if chaotic:
        result.chaotic += 1
        result.chaotic_same += not pair.compare(case.ours, case.theirs)
        return
    case.gaps = pair.compare(case.ours, case.theirs, record=True)
    if any(gap.what == "end" for gap in case.gaps) and pair.on_the_border(case.theirs):
        result.borderline += 1
    elif case.gaps:
        result.found = case
