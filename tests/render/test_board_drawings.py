"""Boards: where a click goes, and what is drawn as the winning path."""

from __future__ import annotations

from typing import Any

import numpy as np

import puffer_envs
from puffer_render.draw import checkers, chess, go, merge2048, othello
from puffer_render.draw import hex as hexes
from puffer_render.offscreen import Offscreen
from puffer_render.palette import SNOW

OFFSCREEN = Offscreen(*hexes.SIZE)


def test_every_cell_of_hex_is_clicked_at_its_middle() -> None:
    for size in (3, 7, 13):
        with puffer_envs.make("hex", self_play=True, size=size, opening=0) as env:
            env.reset(1)
            for turn in range(2):
                state = env.state(0)
                grid = hexes.board_grid(size)
                for row in range(size):
                    for column in range(size):
                        cell = row * size + column if int(state.turn) == 0 else column * size + row
                        free = state.view[0][row * size + column] == 0
                        assert hexes.touch(state, *grid.middle(row, column)) == (cell if free else None)
                assert hexes.touch(state, 0, 0) is None
                env.step([size + 1] * 2)
                assert turn or int(env.state(0).stones) == 1


def dotted(state: Any) -> list[int]:
    """The cells of hex's small board, of 5 by 5, with a white dot."""
    top = hexes.HUD_HEIGHT + hexes.MARGIN + hexes.HIGH
    grid = hexes.Grid(hexes.WIDE + 2 * hexes.MARGIN + 8, top - 140, 190 - 16, 130, 5)
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


def test_only_cells_where_one_may_move_are_clicked_in_othello() -> None:
    with puffer_envs.make("othello", size=8) as env:
        env.reset(0)
        state, tile = env.state(0), othello.BOARD_SIDE / 8
        top = othello.HUD_HEIGHT + othello.MARGIN
        found = {
            othello.touch(state, othello.MARGIN + (column + 0.5) * tile, top + (row + 0.5) * tile)
            for row in range(8)
            for column in range(8)
        }
        assert env.action_masks is not None
        assert found - {None} == set(np.flatnonzero(env.action_masks[0]).tolist())
        assert othello.touch(state, 2, 2) is None


def test_only_points_where_one_may_move_are_clicked_in_go() -> None:
    with puffer_envs.make("go", size=9, self_play=True) as env:
        env.reset(0)
        rng = np.random.default_rng(0)
        for _ in range(60):
            env.step(np.full(2, rng.integers(81), np.int32))
        state, tile = env.state(0), go.SIDE / 9
        found = {
            go.touch(state, go.MARGIN + (column + 0.5) * tile, go.HUD_HEIGHT + go.ABOVE + (row + 0.5) * tile)
            for row in range(9)
            for column in range(9)
        }
        assert env.action_masks is not None
        legal = set(np.flatnonzero(env.action_masks[int(state.turn)]).tolist())
        assert found - {None} == legal - {81} and len(legal) < 60
        assert go.touch(state, 2, 2) is None
        assert go.pilot(state, frozenset({"pass"}), 0) == 81


def test_each_move_of_checkers_is_clicked_beside_the_square_that_it_comes_from() -> None:
    with puffer_envs.make("checkers", self_play=True) as env:
        env.reset(1)
        rng = np.random.default_rng(0)
        for _ in range(300):
            state = env.state(0)
            assert env.action_masks is not None
            legal = np.flatnonzero(env.action_masks[int(state.turn)]).tolist()
            moves = checkers.moves(state)
            assert [action for action, _, _ in moves] == legal
            for number, (action, begin, end) in enumerate(moves):
                column, row = (0.75 * to + 0.25 * at for to, at in zip(end, begin, strict=True))
                if max(abs(column - end[0]), abs(row - end[1])) >= 0.5:  # a jump comes from two squares away
                    column, row = (to + 0.4 * np.sign(at - to) for to, at in zip(end, begin, strict=True))
                x, y = checkers.MARGIN + column * 63, checkers.HUD_HEIGHT + checkers.ABOVE + row * 63
                assert checkers.touch(state, x, y) == action
                cap = checkers.CAPS[min(number, len(checkers.CAPS) - 1)]
                assert checkers.pilot(state, frozenset({cap}), 0) == moves[min(number, len(checkers.CAPS) - 1)][0]
            env.step(np.full(2, rng.integers(128), np.int32))


def test_only_what_may_be_chosen_is_clicked_in_chess() -> None:
    """Pieces, then squares, then what a pawn becomes; the first agent sits at the bottom, whichever colour it has."""
    tile, top = chess.SIDE / 8, chess.HUD_HEIGHT + chess.ABOVE
    middles = [(chess.MARGIN + (k % 8 + 0.5) * tile, top + (k // 8 + 0.5) * tile) for k in range(64)]
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
                points = becoming if int(state.stage) == chess.BECOME else middles
                found = [chess.touch(state, x, y) for x, y in points]
                assert sorted(action for action in found if action is not None) == legal == chess.choices(state)
                assert chess.touch(state, 2, 2) is None
                assert chess.pilot(state, frozenset({"2"}), 0) == legal[min(1, len(legal) - 1)]
                if int(state.moves) == 0 and int(state.stage) == 0:  # the king at g1 may move
                    seen.add(int(state.white))
                    corner = middles[62 if int(state.white) == 0 else 1]
                    assert chess.touch(state, *corner) == 6
                env.step(np.full(2, int(rng.choice(legal)), np.int32))
                seen.add(f"stage {int(state.stage)}")
    assert seen == {0, 1, "stage 0", "stage 1", "stage 2"}


def test_tiles_slide_to_where_they_are_after_a_move() -> None:
    rng = np.random.default_rng(1)
    with puffer_envs.make("merge2048") as env:
        env.reset(3)
        for _ in range(300):
            env.step([int(rng.integers(4))])
            state = env.state(0)
            if int(state.last) < 0:
                continue
            arrived = [0] * 16
            for tile, _, end in merge2048.paths(merge2048.cells(state.before), int(state.last)):
                arrived[end] = tile if arrived[end] == 0 else tile + 1
            board = merge2048.cells(state.board)
            assert [k for k in range(16) if board[k] != arrived[k]] == [int(state.born)]
