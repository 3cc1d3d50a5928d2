"""backgammon against its rules told a second time: every way to play a turn, tried checker by checker."""

from __future__ import annotations

import functools
import hashlib
import struct

import numpy as np
import pytest

import puffer_envs
from puffer_envs import Environment
from puffer_envs.policy import load_policy
from puffer_envs.snapshot import SnapshotError

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
        seen += [count == 1 for count in points] + [count >= 2 for count in points]
        seen += [max(count - 2, 0) for count in points] + [side[BAR], side[0]]
    seen += [die == high and die in dice for die in range(1, 7)]
    seen += [die != high and die in dice for die in range(1, 7)]
    return [int(value) for value in [*seen, len(dice), *expected_outcomes(sides, player, turn, dice, high)]]


def expected_outcomes(sides: list[Side], player: int, turn: bool, dice: Dice, high: int) -> list[bool]:
    """Which actions hit, leave a checker alone, and make a point, from the boards before and after."""
    own, other = sides[player], sides[1 - player]
    outcomes = np.zeros((3, 2, 25), bool)
    for place, die in legal_moves(own, other, dice) if turn else ():
        after, beaten = play(own, other, place, die)
        target = place - die
        outcomes[0, int(die != high), place - 1] = beaten[BAR] > other[BAR]
        outcomes[1, int(die != high), place - 1] = target > 0 and after[target] == 1
        outcomes[2, int(die != high), place - 1] = target > 0 and after[target] == 2
    return list(outcomes.flat)


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


# --- Positions that are put together, in a snapshot ---


def offset_of(field: str) -> int:
    return next(f.offset for f in puffer_envs.spec("backgammon").fields if f.name == field)


def put(env: Environment, fields: dict[str, bytes]) -> None:
    """Write bytes into the state of the only environment; a state that contradicts the rules is refused."""
    snapshot = env.snapshot()
    start = snapshot.index(b"\n", snapshot.index(b"\n") + 1) + 1
    body = bytearray(snapshot[start + 32 :])
    for field, content in fields.items():
        at = offset_of(field)
        body[at : at + len(content)] = content
    env.restore(snapshot[:start] + hashlib.sha256(body).digest() + bytes(body))


def packed(own: Side, other: Side) -> bytes:
    """Both sides as the state holds them: what is taken, what that blocks, and the checkers."""
    content = b""
    for side in (own, other):
        taken = sum(1 << place for place in range(1, 26) if side[place])
        blocks = sum(1 << 25 - place for place in range(1, 25) if side[place] > 1)
        content += struct.pack("<II26b2x", taken, blocks, *side)
    return content


KNOWN: list[tuple[str, dict[int, int], dict[int, int], tuple[int, int], set[tuple[int, int]]]] = [
    ("either die, but not both: the higher one", {20: 1}, {16: 2}, (6, 5), {(20, 6)}),
    ("one die only after the other", {20: 1, 1: 14}, {11: 2}, (6, 5), {(20, 5)}),
    ("a five that would leave no six is not allowed", {20: 1, 7: 1, 1: 13}, {16: 2, 11: 2}, (6, 5), {(7, 6), (20, 5)}),
    ("off by what it shows, or from the highest by more", {5: 1, 3: 1, 2: 1}, {1: 1}, (6, 3), {(5, 6), (3, 3), (5, 3)}),
    ("a blocked double", {8: 1, 4: 1, 1: 1}, {20: 2}, (3, 3), {(4, 3)}),
    ("not off while one is outside", {7: 1, 3: 1}, {1: 1}, (3, 2), {(7, 3), (7, 2), (3, 2)}),
    ("from the bar first", {25: 2, 6: 5}, {1: 2, 2: 2}, (3, 2), {(25, 3)}),
    ("a double as often as it can be", {8: 1, 4: 1, 1: 1}, {1: 1}, (3, 3), {(8, 3), (4, 3)}),
]
"""What it shows, both sides, dice, and the places and dice that may be moved."""


@pytest.mark.parametrize(("own", "other", "dice", "expected"), [case[1:] for case in KNOWN], ids=[c[0] for c in KNOWN])
def test_known_positions(
    own: dict[int, int], other: dict[int, int], dice: tuple[int, int], expected: set[tuple[int, int]]
) -> None:
    """The second telling finds what the rules say, and the engine takes a state only if it finds the same."""
    sides = [tuple(places.get(place, 0) for place in range(26)) for places in (own, other)]
    first, second = ((15 - sum(side), *side[1:]) for side in sides)
    double = dice[0] == dice[1]
    assert legal_moves(first, second, dice * 2 if double else dice) == expected
    by_die = [sum(1 << place for place, die in expected if die == value) for value in dice]
    legal = [by_die[0], 0 if double else by_die[1]]
    with puffer_envs.make("backgammon") as env:
        env.reset(0)
        turn = np.array([*dice, *([4, 0] if double else [1, 1]), *legal], np.int32).tobytes() + packed(first, second)
        put(env, {"dice": turn, "played": bytes(8)})
        assert sides_of(env) == [first, second]
        for wrong in (legal[0] ^ 2, legal[0] | 1 << 24):
            bad = turn[:16] + struct.pack("<I", wrong) + turn[20:]
            with pytest.raises(SnapshotError, match="'legal' of environment 0"):
                put(env, {"dice": bad})


def test_a_game_is_cut_off_after_2000_steps() -> None:
    with puffer_envs.make("backgammon", self_play=True) as env:
        env.reset(0)
        put(env, {"tick": np.int32(1998).tobytes()})
        for left in (1, 0):
            env.step([0, 0])
            assert env.truncations.tolist() == [left == 0] * 2 and not env.terminals.any()
        assert env.rewards.tolist() == [0, 0] and int(env.state().result) == 3
        assert env.log()["perf"] == 0.5 and int(env.state().tick) == 0


# --- The script ---


def cost(side: Side) -> int:
    """What is still to do in a race: points, and six more for each checker on the board."""
    return sum(count * (place + 6) for place, count in enumerate(side) if place)


def test_the_scripted_opponent_plays_whole_turns_and_races_well() -> None:
    rng = np.random.default_rng(3)
    checked = races = 0
    with puffer_envs.make("backgammon", strength=2) as env:
        env.reset(5)
        for _ in range(400):
            (own, other), dice = sides_of(env), dice_of(env)
            assert env.action_masks is not None
            legal = np.flatnonzero(env.action_masks[0])
            action = int(rng.choice(legal)) if rng.random() < 0.5 else int(max(legal, key=lambda a: a % 25))
            place, die = action % 25 + 1, int(env.state().dice[action // 25])
            env.step([action])
            own, other = play(own, other, place, die)
            if env.terminals[0]:
                assert abs(env.rewards[0]) == 1  # whatever the game was worth
                continue
            rest = without(dice, die)
            if rest and legal_moves(own, other, rest):
                assert sides_of(env) == [own, other]
                continue
            thrown = tuple(int(value) for value in env.state().thrown[1])
            possible = ends(other, own, thrown * (1 + (thrown[0] == thrown[1])))
            if int(env.state().played[0]) == 0 and tuple(env.state().thrown[0]) == tuple(env.state().dice):
                after = sides_of(env)
                if (after[1], after[0]) not in possible:  # the agent could not move, so that it had more turns
                    assert own[BAR] or len(walls_of(other)) > 2
                    continue
                checked += 1
                if max(place for place in range(26) if own[place]) + max(p for p in range(26) if other[p]) < 25:
                    assert cost(after[1]) == min(cost(end) for end, _ in possible)
                    races += 1
    assert checked > 100 and races > 10


def test_each_strength_is_stronger() -> None:
    """Against the policy that ships."""
    policy = load_policy(puffer_envs.trained_policy("backgammon"), seed=1)
    shares = []
    for strength in (0, 1, 2):
        with puffer_envs.make("backgammon", 500, strength=strength) as env:
            observations = env.reset(1)
            won = np.full(500, np.nan)
            while np.isnan(won).any():
                observations, rewards, terminals, truncations = env.step(
                    policy.act(observations, action_masks=env.action_masks)
                )
                over = (terminals | truncations) & np.isnan(won)
                won[over] = rewards[over] > 0
                policy.reset(terminals | truncations)
        shares.append(won.mean())
    assert shares[0] > 0.8 and shares[0] > shares[1] > 0.45 and shares[1] > shares[2] + 0.1
