"""What the pictures of tower show of moves is what the environment does."""

from __future__ import annotations

import itertools
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
from recordings import record

import puffer_envs
from puffer_envs import Replay
from puffer_render.draw.tower import draw, frames, view
from puffer_render.draw.tower_motion import middle, motion, rest
from puffer_render.draw.tower_moves import BELOW, find_action, find_move, previews
from puffer_render.draw.tower_rules import BASE, GRAB, TOP, Tower
from puffer_render.draw.tower_scene import Stage, find_glass
from puffer_render.states import keep
from puffer_render.studio import Studio, Take


def test_each_move_is_the_environments() -> None:
    """Also those that end an episode: they are found again from the state before and the result."""
    rng = np.random.default_rng(1)
    seen: Counter[str] = Counter()
    with puffer_envs.make("tower", 32, seed=4, difficulty=0.6) as env:
        env.reset()
        for _ in range(140):
            before = [Tower(env.state(i)) for i in range(32)]
            actions = [eager(rng, tower) for tower in before]
            env.step(np.array(actions, np.int32))
            for i, (tower, action) in enumerate(zip(before, actions, strict=True)):
                move = find_move(tower, action)
                after, ended = Tower(env.state(i)), bool(env.terminals[i])
                result = int(env.state(i).result) if ended else 0
                seen[f"result {result}"] += 1
                seen["lost blocks"] += BELOW in [end[2] for end in move.landings().values()]
                seen["rounds of falls"] += len(move.falls) > 1
                seen["rows"] += len(move.pushed) > 1
                found = None if env.truncations[i] else find_action(tower, after, result)
                if result > 1:
                    assert move.fate == result and found is not None and found.fate == result
                elif result == 1:
                    assert move.after.at == tower.goal and found is not None and found.after.at == tower.goal
                elif not env.truncations[i]:
                    assert move.after.same(after) and found is not None and found.after.same(after)
                ways = [a for a in range(4) if tower.can[a] and a % 2 == tower.facing % 2]
                assert sorted(previews(tower)) == (ways if tower.hands == "hold" else [])
    wanted = ("result 1", "result 2", "result 3", "lost blocks", "rounds of falls", "rows")
    assert [what for what in wanted if not seen[what]] == []


def eager(rng: np.random.Generator, tower: Tower) -> int:
    """An action: often to grab, so that blocks move."""
    choices = [action for action in range(6) if tower.can[action]]
    return GRAB if tower.can[GRAB] and rng.random() < 0.4 else int(rng.choice(choices))


def test_a_move_leads_from_the_state_before_to_the_one_after() -> None:
    """Nothing jumps: hero and blocks move a part of a layer in a frame, and end where the next state has them."""
    rng = np.random.default_rng(3)
    moved = 0
    with puffer_envs.make("tower", seed=5, difficulty=0.7) as env:
        env.reset()
        for _ in range(400):
            before, tower = keep(env.state(0)), Tower(env.state(0))
            env.step(np.array([eager(rng, tower)], np.int32))
            after = env.state(0)
            length = frames(before, after)
            shown = [motion(before, after, frame) for frame in range(length + 1)]
            if shown[0].move is None:
                continue
            poses = [one.pose().center for one in shown]
            assert (poses[0] == rest(before).center).all()
            assert max(np.abs(b - a).max() for a, b in itertools.pairwise(poses)) < 1.6
            blocks = [one.blocks() for one in shown]
            for start, end in shown[0].move.landings().items():
                moved += 1
                way = [places[start] for places in blocks]
                assert (way[0] == middle(start)).all()
                assert end[2] == BELOW or np.allclose(way[-1], middle(end))
                assert max(np.abs(b - a).max() for a, b in itertools.pairwise(way)) < 2.1
            if after.tick > 0:
                assert np.allclose(poses[-1], rest(after).center)
    assert moved > 20


def test_a_film_shows_moves_frame_by_frame(tmp_path: Path) -> None:
    """The pictures of whole steps are those of the states, as many frames apart as the moves last."""
    recorded = record("tower", 6, tmp_path / "tower.replay")
    studio = Studio(Take(recorded, scale=0.25))
    pictures = list(studio.pictures(range(studio.frames)))
    assert len(pictures) == studio.frames > 5 * 6
    again = list(Studio(Take(recorded, scale=0.25)).pictures(range(7, 20)))
    assert all((one == other).all() for one, other in zip(pictures[7:20], again, strict=True))
    steps = []
    replay, before = Replay.load(recorded), None
    for env in replay.play():
        state = env.state(0)
        steps.append((0 if before is None else frames(before, state), studio.canvas.render(partial(draw, state))))
        before = keep(state)
    at = 0
    for length, picture in steps:
        at += length
        assert (pictures[at] == picture).all()


def test_blocks_before_the_hero_and_the_goal_are_glass_and_no_others() -> None:
    found = 0
    with puffer_envs.make("tower", 8, seed=6, difficulty=0.8) as env:
        env.reset()
        for number in range(8):
            stage = Stage(env.state(number))
            eye = np.array(view(stage).position)
            glass = find_glass(stage, view(stage).position)
            found += len(glass)
            ways = [stage.hero.center + np.array([0, 0, up]) for up in (-0.4, -0.1, 0.2)] + [middle(stage.world.goal)]
            along = np.linspace(0.0, 1.0, 2000)[:, None]
            for height in range(BASE, TOP + 1):
                for spot in stage.world.layer(height):
                    nearest = [np.abs(way + along * (eye - way) - middle(spot)).max(1).min() for way in ways]
                    assert (spot in glass) == (min(nearest) < 0.5) or abs(min(nearest) - 0.5) < 0.06, spot
    assert found > 8
