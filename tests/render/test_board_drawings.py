"""Boards: where a click and a key go, and what is drawn as the winning path."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_render.draw import backgammon, checkers, chess, go, gomoku, merge2048, othello
from puffer_render.draw import hex as hexes
from puffer_render.frame import HUD_HEIGHT, RECT, Frame
from puffer_render.offscreen import Offscreen
from puffer_render.palette import SNOW
from puffer_render.states import keep

OFFSCREEN = Offscreen(*hexes.SIZE)


class Grid:
    """Where the cells of hex lie in a rectangle: the board is as large as fits, in its middle."""

    def __init__(self, left: float, top: float, wide: float, high: float, size: int) -> None:
        root = math.sqrt(3)
        self.radius = min(wide / (root * (1.5 * size + 0.2)), high / (1.5 * size + 1.1))
        self.step = root * self.radius
        self.left = left + (wide - self.step * (1.5 * size - 1.5)) / 2
        self.top = top + (high - self.radius * (1.5 * size - 1.5)) / 2

    def middle(self, row: float, column: float) -> tuple[float, float]:
        return self.left + (column + row / 2) * self.step, self.top + 1.5 * self.radius * row


def test_every_cell_of_hex_is_clicked_at_its_middle() -> None:
    for size in (3, 7, 13):
        with puffer_envs.make("hex", self_play=True, size=size, opening=0) as env:
            env.reset(1)
            for turn in range(2):
                state = env.state(0)
                grid = Grid(26, HUD_HEIGHT + 26, 640, 420, size)
                for row in range(size):
                    for column in range(size):
                        cell = row * size + column if int(state.turn) == 0 else column * size + row
                        free = state.view[0][row * size + column] == 0
                        assert hexes.touch(state, *grid.middle(row, column)) == (cell if free else None)
                assert hexes.touch(state, 0, 0) is None
                assert hexes.pilot(state, frozenset({"swap"}), 0) == (size * size if turn else 0)
                env.step([size + 1] * 2)
                assert turn or int(env.state(0).stones) == 1


def dotted(state: Any) -> list[int]:
    """The cells of hex's small board, of 5 by 5, with a white dot."""
    grid = Grid(640 + 2 * 26 + 8, HUD_HEIGHT + 26 + 420 - 140, 190 - 16, 130, 5)
    pixels = OFFSCREEN.render(lambda frame: hexes.draw(state, frame))
    middles = [grid.middle(cell // 5, cell % 5) for cell in range(25)]
    return [cell for cell, (x, y) in enumerate(middles) if tuple(pixels[round(y), round(x)]) == SNOW[:3]]


def test_the_winning_path_of_hex_connects_both_sides() -> None:
    with puffer_envs.make("hex", 40, size=5, strength=0) as env:
        env.reset(2)
        rng = np.random.default_rng(0)
        seen = set()
        for _ in range(40):
            env.step(rng.integers(25, size=40))
            for index in np.flatnonzero(env.terminals):
                state = env.state(int(index))
                path = dotted(state)
                stones = {int(state.ended[cell]) for cell in path}
                lines = sorted(cell // 5 if stones == {1} else cell % 5 for cell in path)
                assert lines[0] == 0 and lines[-1] == 4 and len(stones) == 1
                assert stones == {int(state.result)}
                seen |= stones
        assert seen == {1, 2}


def legal_moves(env: puffer_envs.Environment, agent: int) -> list[int]:
    assert env.action_masks is not None
    moves: list[int] = np.flatnonzero(env.action_masks[agent]).tolist()
    return moves


def test_only_cells_where_one_may_move_are_clicked_in_othello() -> None:
    with puffer_envs.make("othello", size=8) as env:
        env.reset(0)
        state, tile = env.state(0), 480 / 8
        found = {
            othello.touch(state, 30 + (column + 0.5) * tile, HUD_HEIGHT + 30 + (row + 0.5) * tile)
            for row in range(8)
            for column in range(8)
        }
        moves = legal_moves(env, 0)
        assert found - {None} == set(moves)
        assert othello.touch(state, 2, 2) is None
        pressed = [othello.pilot(state, frozenset({cap}), 0) for cap in tuple(othello.KEYS)]
        assert pressed == [moves[min(number, len(moves) - 1)] for number in range(len(pressed))]


def test_only_points_where_one_may_move_are_clicked_in_go() -> None:
    with puffer_envs.make("go", size=9, self_play=True) as env:
        env.reset(0)
        rng = np.random.default_rng(0)
        for _ in range(60):
            env.step(np.full(2, rng.integers(81), np.int32))
        state, tile = env.state(0), 504 / 9
        found = {
            go.touch(state, 30 + (column + 0.5) * tile, HUD_HEIGHT + 16 + (row + 0.5) * tile)
            for row in range(9)
            for column in range(9)
        }
        legal = set(legal_moves(env, int(state.turn)))
        assert found - {None} == legal - {81} and len(legal) < 60
        assert go.touch(state, 2, 2) is None
        assert go.pilot(state, frozenset({"pass"}), 0) == 81


def middle(bit: int) -> tuple[float, float]:
    """Of a square of checkers, in tiles from the top left corner, as the first player sees it."""
    row, place = divmod(bit - (bit + 4) // 9, 4)
    return 2 * place + row % 2 + 0.5, 7.5 - row


def moves_of_checkers(state: Any) -> list[tuple[int, tuple[float, float], tuple[float, float]]]:
    """The action of each legal move, and where it begins and ends."""
    reach, turn, found = 1 + int(state.jumps), int(state.turn), []
    for way, shift in enumerate((4, 5, -5, -4)):
        for bit in (bit for bit in range(36) if int(state.legal[way]) >> bit & 1):
            begin, end = (middle(35 - at if turn else at) for at in (bit, bit + shift * reach))
            found.append((32 * way + bit - (bit + 4) // 9, begin, end))
    return found


def test_each_move_of_checkers_is_clicked_beside_the_square_that_it_comes_from() -> None:
    with puffer_envs.make("checkers", self_play=True) as env:
        env.reset(1)
        rng = np.random.default_rng(0)
        caps = tuple(checkers.KEYS)
        for _ in range(300):
            state = env.state(0)
            moves = moves_of_checkers(state)
            assert [action for action, _, _ in moves] == legal_moves(env, int(state.turn))
            for number, (action, begin, end) in enumerate(moves):
                column, row = (0.75 * to + 0.25 * at for to, at in zip(end, begin, strict=True))
                if max(abs(column - end[0]), abs(row - end[1])) >= 0.5:  # a jump comes from two squares away
                    column, row = (to + 0.4 * np.sign(at - to) for to, at in zip(end, begin, strict=True))
                assert checkers.touch(state, 30 + column * 63, HUD_HEIGHT + 18 + row * 63) == action
                last = min(number, len(caps) - 1)
                assert checkers.pilot(state, frozenset({caps[last]}), 0) == moves[last][0]
            env.step(np.full(2, rng.integers(128), np.int32))


def test_only_what_may_be_chosen_is_clicked_in_chess() -> None:
    """Pieces, then squares, then what a pawn becomes; the first agent sits at the bottom, whichever colour it has."""
    tile, top, become = 520 / 8, HUD_HEIGHT + 14, 2
    middles = [(34 + (k % 8 + 0.5) * tile, top + (k // 8 + 0.5) * tile) for k in range(64)]
    becoming = [(x, top + 4 * tile) for x, _ in middles[2:6]]
    rng = np.random.default_rng(0)
    seen = set()
    for seed in range(4):
        with puffer_envs.make("chess", self_play=True, start="fourth", opening=0) as env:
            env.reset(seed)
            for _ in range(40):
                state = env.state(0)
                assert env.action_masks is not None
                legal = np.flatnonzero(env.action_masks[int(state.turn)]).tolist()
                points = becoming if int(state.stage) == become else middles
                found = [chess.touch(state, x, y) for x, y in points]
                assert sorted(action for action in found if action is not None) == legal
                assert chess.touch(state, 2, 2) is None
                assert chess.pilot(state, frozenset({"2"}), 0) == legal[min(1, len(legal) - 1)]
                if int(state.moves) == 0 and int(state.stage) == 0:  # the king at g1 may move
                    seen.add(int(state.white))
                    corner = middles[62 if int(state.white) == 0 else 1]
                    assert chess.touch(state, *corner) == 6
                env.step(np.full(2, int(rng.choice(legal)), np.int32))
                seen.add(f"stage {int(state.stage)}")
    assert seen == {0, 1, "stage 0", "stage 1", "stage 2"}


@pytest.mark.parametrize("x, y, move", [(270, 80, 0), (530, 330, 1), (270, 560, 2), (40, 330, 3)])
def test_a_click_slides_the_tiles_to_the_edge_that_is_near(x: float, y: float, move: int) -> None:
    with puffer_envs.make("merge2048") as env:
        env.reset(3)
        state = env.state(0)
        assert merge2048.touch(state, x, y) == (move if move in legal_moves(env, 0) else None)
        assert merge2048.touch(state, 2, 2) is None


def tiles(state: Any) -> set[tuple[float, float]]:
    """The corners of the tiles that are drawn, without the empty cells."""
    frame = Frame(*merge2048.SIZE)
    merge2048.draw(state, frame)
    rects = [numbers for verb, numbers in frame.entries() if verb == RECT and numbers[2] == numbers[3] == 112]
    return {(round(numbers[0], 3), round(numbers[1], 3)) for numbers in rects[16:]}


def test_tiles_slide_to_where_they_are_after_a_move() -> None:
    """Just before they are there, tiles lie near those of the board after the move, but for the one that appears."""
    rng = np.random.default_rng(1)
    with puffer_envs.make("merge2048") as env:
        env.reset(3)
        for _ in range(60):
            before = keep(env.state(0))
            env.step([int(rng.integers(4))])
            after = env.state(0)
            if merge2048.frames(before, after) == 1:
                continue
            arriving = tiles(merge2048.between(before, after, 3999, 6000))
            there = tiles(after)
            assert {(round(x), round(y)) for x, y in arriving} < {(round(x), round(y)) for x, y in there}
            assert len({(round(x), round(y)) for x, y in arriving}) == len(there) - 1


def test_backgammon_shows_the_others_turn_move_by_move() -> None:
    """After a pause each, unless it had several turns, of which a state has only the last."""
    seen = set()
    with puffer_envs.make("backgammon", strength=1) as env:
        env.reset(1)
        for _ in range(120):
            before = keep(env.state(0))
            env.step([int(env.action_masks[0].argmax())])
            after, length = env.state(0), backgammon.frames(before, env.state(0))
            answered = int(after.played[1]) if after.played[0] == 0 else 0
            assert length in (1, 10 + 22 * answered)
            seen.add(length)
            if length > 40:
                assert tiles_of(backgammon.between(before, after, 12, length)) != tiles_of(after)
    assert {10, 10 + 22 * 2} <= seen


def tiles_of(state: Any) -> list[Any]:
    """Everything that is drawn."""
    frame = Frame(*backgammon.SIZE)
    backgammon.draw(state, frame)
    return frame.entries()


def test_only_empty_cells_are_clicked_in_gomoku_and_enter_finds_a_five() -> None:
    with puffer_envs.make("gomoku", self_play=True, size=7) as env:
        env.reset(0)
        tile = 504 / 7
        for _ in range(3):
            found = [
                gomoku.touch(env.state(0), 30 + (column + 0.5) * tile, HUD_HEIGHT + 16 + (row + 0.5) * tile)
                for row in range(7)
                for column in range(7)
            ]
            turn = int(env.state(0).turn)
            assert [cell for cell in found if cell is not None] == legal_moves(env, turn)
            env.step(np.full(2, 48, np.int32))
        assert gomoku.touch(env.state(0), 2, 2) is None
    with puffer_envs.make("gomoku", size=7, strength=0) as env:
        env.reset(0)
        while not env.terminals[0]:
            fives = np.flatnonzero(env.observations[0, 99:148] == 2)
            pressed = gomoku.pilot(env.state(0), frozenset({"good cell"}), 0)
            assert pressed in fives or not len(fives)
            env.step([pressed])
        assert len(fives) and env.rewards[0] == 1


def test_each_move_of_backgammon_has_a_badge_and_a_key() -> None:
    """Beside the board at the place where it begins; a click at checkers plays the higher die that may."""
    rng = np.random.default_rng(0)
    caps = tuple(backgammon.KEYS)
    top, seen = HUD_HEIGHT + 32, set()
    with puffer_envs.make("backgammon", self_play=True) as env:
        env.reset(4)
        for _ in range(300):
            state = env.state(0)
            turn = int(state.turn)
            moves = legal_moves(env, turn)
            for number, action in enumerate(moves):
                which, place = divmod(action, 25)
                dice = [die for die in (0, 1) if 25 * die + place in moves]
                slot = place + 1 if turn == 0 else 24 - place  # 1 to 24 from the lower right, 25 and 0 the bars
                column = 5.5 if slot in (0, 25) else 12 - slot if slot <= 12 else slot - 13
                across = 26 + 584 / 2 if slot in (0, 25) else 26 + (column + 0.5) * 45 + 44 * (column >= 6)
                low = slot <= 12
                beside = across + (dice.index(which) - (len(dice) - 1) / 2) * 21
                assert backgammon.touch(state, beside, top + (455 if low else -15)) == action
                assert backgammon.touch(state, across, top + (400 if low else 40)) == 25 * dice[0] + place
                key = min(number, len(caps) - 1)
                assert backgammon.pilot(state, frozenset({caps[key]}), 0) == moves[key]
                seen |= {(turn, low), "bar" if slot in (0, 25) else "point"}
            env.step(np.full(2, int(rng.choice(moves)), np.int32))
        assert backgammon.touch(env.state(0), 2, 2) is None
    assert seen == {(0, True), (0, False), (1, True), (1, False), "bar", "point"}
