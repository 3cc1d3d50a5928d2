"""backgammon against its rules told a second time: every way to play a turn, tried checker by checker."""

from __future__ import annotations

import functools

import numpy as np

import puffer_envs
from puffer_envs import Environment

BAR = 25
START = {24: 2, 13: 5, 8: 3, 6: 5}
Side = tuple[int, ...]  # a player's checkers: off, on its points 1 to 24, on the bar
Dice = tuple[int, ...]  # still to be played


def sources(own: Side, walls: frozenset[int], die: int) -> list[int]:
    """From where a checker may move; `walls`: the points that the other blocks, as this player numbers them."""
    found = []
    for place in [BAR] if own[BAR] else range(1, 25):
        if not own[place]:
            continue
        target = place - die
        legal = target not in walls if target > 0 else not any(own[7:]) and (target == 0 or not any(own[place + 1 :]))
        if legal:
            found.append(place)
    return found


def walls_of(other: Side) -> frozenset[int]:
    return frozenset(25 - point for point in range(1, 25) if other[point] >= 2)


def moved(own: Side, place: int, die: int) -> Side:
    after = list(own)
    after[place] -= 1
    after[max(place - die, 0)] += 1
    return tuple(after)


def play(own: Side, other: Side, place: int, die: int) -> tuple[Side, Side]:
    """Both sides after a move."""
    target = max(place - die, 0)
    if target and other[25 - target] == 1:
        hit = list(other)
        hit[25 - target] = 0
        hit[BAR] += 1
        other = tuple(hit)
    return moved(own, place, die), other


def without(dice: Dice, die: int) -> Dice:
    rest = list(dice)
    rest.remove(die)
    return tuple(rest)


@functools.cache
def longest(own: Side, walls: frozenset[int], dice: Dice) -> int:
    """How many of these dice can be played."""
    rows = [
        1 + longest(moved(own, place, die), walls, without(dice, die))
        for die in set(dice)
        for place in sources(own, walls, die)
    ]
    return max(rows, default=0)


def legal_moves(own: Side, other: Side, dice: Dice) -> set[tuple[int, int]]:
    """Places and dice that a longest row of moves begins with; of one move only, by the higher die."""
    walls = walls_of(other)
    most = longest(own, walls, dice)
    found = {
        (place, die)
        for die in set(dice)
        for place in sources(own, walls, die)
        if 1 + longest(moved(own, place, die), walls, without(dice, die)) == most
    }
    if most == 1:
        found = {(place, die) for place, die in found if die == max(die for _, die in found)}
    return found


def ends(own: Side, other: Side, dice: Dice) -> set[tuple[Side, Side]]:
    """All positions that a turn may end with."""
    moves = legal_moves(own, other, dice)
    if not moves:
        return {(own, other)}
    return set().union(*(ends(*play(own, other, place, die), without(dice, die)) for place, die in moves))


def sides_of(env: Environment, index: int = 0) -> list[Side]:
    return [tuple(int(count) for count in side) for side in env.state(index).sides.checkers]


def dice_of(env: Environment, index: int = 0) -> Dice:
    state = env.state(index)
    return tuple(int(die) for die, moves in zip(state.dice, state.moves, strict=True) for _ in range(int(moves)))


def expected_observation(sides: list[Side], player: int, turn: bool, dice: Dice, high: int) -> list[int]:
    seen = [int(turn)]
    for side in (sides[player], sides[1 - player]):
        points = side[1:25]
        seen += [count == 1 for count in points] + [count >= 2 for count in points] + [count >= 3 for count in points]
        seen += [max(count - 3, 0) for count in points] + [side[BAR], side[0]]
    seen += [die == high and die in dice for die in range(1, 7)]
    seen += [die != high and die in dice for die in range(1, 7)]
    return [int(value) for value in [*seen, len(dice)]]


def test_self_play_follows_the_rules() -> None:
    rng = np.random.default_rng(1)
    passed, worths, doubles, forced = 0, set(), 0, 0
    with puffer_envs.make("backgammon", self_play=True, gammons=True) as env:
        env.reset(3)
        assert env.action_masks is not None
        for _ in range(12):
            sides, turn, dice = sides_of(env), int(env.state().turn), dice_of(env)
            assert sides == [tuple(START.get(place, 0) for place in range(26))] * 2
            assert len(dice) == 2 and dice[0] > dice[1]
            high, over = dice[0], False
            while not over:
                moves = legal_moves(sides[turn], sides[1 - turn], dice)
                for player in (0, 1):
                    expected = expected_observation(sides, player, turn == player, dice, high)
                    assert env.observations[player].tolist() == expected
                actions = {place - 1 + 25 * (die != high): (place, die) for place, die in moves}
                assert set(np.flatnonzero(env.action_masks[turn])) == set(actions)
                assert np.flatnonzero(env.action_masks[1 - turn]).tolist() == [0]
                wished = int(rng.integers(50))
                chosen = next((action for action in sorted(actions) if action >= wished), min(actions))
                env.step([wished, wished])
                place, die = actions[chosen]
                forced += len(actions) == 1
                sides[turn], sides[1 - turn] = play(sides[turn], sides[1 - turn], place, die)
                over = sides[turn][0] == 15
                assert env.terminals.tolist() == [over, over]
                dice = without(dice, die)
                if over or (dice and legal_moves(sides[turn], sides[1 - turn], dice)):
                    continue
                thrower, state = 1 - turn, env.state()
                if int(state.turn) == turn:  # the other could not move
                    missed = tuple(int(die) for die in state.thrown[thrower])
                    assert not legal_moves(sides[thrower], sides[turn], missed * (1 + (missed[0] == missed[1])))
                    passed += 1
                turn, dice = int(state.turn), dice_of(env)
                high = dice[0]
                doubles += len(dice) == 4
                assert len(dice) == (4 if len(set(dice)) == 1 else 2) and dice[0] >= dice[-1]
            loser = sides[1 - turn]
            worth = 1 if loser[0] else 2 if not any(loser[19:]) else 3
            assert env.rewards[turn] == worth and env.rewards[1 - turn] == -worth
            state = env.state()
            assert [tuple(side) for side in state.ended.tolist()] == sides
            assert (int(state.result), int(state.worth)) == (1 + turn, worth)
            worths.add(worth)
        assert env.log()["perf"] == 0.5
    assert passed and doubles and forced and worths >= {1, 2}
