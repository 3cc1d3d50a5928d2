"""What the pictures of tower show of moves is what the environment does."""

from __future__ import annotations

import itertools
import math
from functools import partial
from pathlib import Path

import numpy as np
from recordings import record
from tower_picture import cubes, head, keep, layers, middle, moment, spot_at

import puffer_envs
from puffer_envs import Replay
from puffer_render.draw.tower import draw, frames
from puffer_render.scene import Camera
from puffer_render.studio import Studio, Take

GRAB, FALLEN, CRUSHED = 4, 2, 3


def eager(rng: np.random.Generator, mask: np.ndarray) -> int:
    """An action: often to grab, so that blocks move."""
    return GRAB if mask[GRAB] and rng.random() < 0.4 else int(rng.choice(np.flatnonzero(mask)))


def test_a_move_leads_from_the_state_before_to_the_one_after() -> None:
    """Nothing jumps: hero and blocks move a part of a layer in a frame, and end where the next state has them."""
    rng = np.random.default_rng(3)
    moved = lost = falls = 0
    with puffer_envs.make("tower", 2, seed=4, difficulty=0.7) as env:
        env.reset()
        for number in range(700):
            assert env.action_masks is not None
            i = number % 2
            before = keep(env.state(i))
            env.step(np.array([eager(rng, mask) for mask in env.action_masks], np.int32))
            after = env.state(i)
            ended = after.tick == 0
            blocks = not ended and (before.layers != after.layers).any()
            if not blocks and number % 40:
                continue
            length = frames(before, after)
            shown = [moment(before, after, frame, length) for frame in (0.001, *range(1, length), length - 0.001)]
            heads = [head(state) for state in shown]
            assert np.allclose(heads[0], head(before), atol=0.02)
            assert max(np.abs(b - a).max() for a, b in itertools.pairwise(heads)) < 1.6
            if ended:
                continue
            assert np.allclose(heads[-1], head(after), atol=0.15)  # he leans on what he holds until the end
            ways = [cubes(state, glass=False) for state in shown]  # some of blocks that stand alone
            for earlier, later in itertools.pairwise(ways):
                for place in later:
                    at_rest = spot_at(place) in layers(before) and np.allclose(place, middle(spot_at(place)))
                    assert at_rest or min(np.abs(place - other).max() for other in earlier) < 2.1
            left, come = layers(before) - layers(after), layers(after) - layers(before)
            assert left <= {spot_at(place) for place in ways[0]}
            assert come <= {spot_at(place) for place in ways[-1]}
            moved, lost, falls = moved + len(left), lost + len(left) - len(come), falls + (length > 8)
    assert moved > 20 and lost > 0 and falls > 0


def test_the_end_of_an_episode_is_shown() -> None:
    """The move to it is found again from the state before and the result: its frames, and how it looks at the end."""
    rng, seen = np.random.default_rng(1), set()
    with puffer_envs.make("tower", 32, seed=4, difficulty=0.6) as env:
        env.reset()
        for _ in range(140):
            assert env.action_masks is not None
            before = [keep(env.state(i)) for i in range(32)]
            env.step(np.array([eager(rng, mask) for mask in env.action_masks], np.int32))
            for i in np.flatnonzero(env.terminals).tolist():
                after, result = env.state(i), int(env.state(i).result)
                length = frames(before[i], after)
                start, end = (head(moment(before[i], after, at, length)) for at in (0.001, length - 0.001))
                assert length >= {1: 31, FALLEN: 11, CRUSHED: 25}[result]
                if result == FALLEN:
                    assert end[2] < start[2] - 5
                elif result == CRUSHED:
                    assert end[2] < start[2] or math.dist(start[:2], end[:2]) > 0.5
                else:
                    goal = middle((int(before[i].goal_height), int(before[i].goal_cell)))
                    assert np.abs(end[:2] - goal[:2]).max() < 0.2
                seen.add(result)
    assert seen == {1, FALLEN, CRUSHED}


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
            state = env.state(number)
            hero, goal = (
                middle((int(state.height), int(state.cell))),
                middle((int(state.goal_height), int(state.goal_cell))),
            )
            span = max(abs(hero[2] - goal[2]), 4)
            target = (4, 4, max((hero[2] + goal[2]) / 2 - 0.5, 1.5))
            eye = np.array(Camera(target, 11.5 + 1.05 * span, yaw=-66, pitch=30, fov=38).position)
            glass = {spot_at(place) for place in cubes(state, glass=True)}
            found += len(glass)
            ways = [hero + np.array([0, 0, up]) for up in (-0.4, -0.1, 0.2)] + [goal]
            along = np.linspace(0.0, 1.0, 2000)[:, None]
            for spot in layers(state):
                nearest = [np.abs(way + along * (eye - way) - middle(spot)).max(1).min() for way in ways]
                assert (spot in glass) == (min(nearest) < 0.5) or abs(min(nearest) - 0.5) < 0.06, spot
    assert found > 8
