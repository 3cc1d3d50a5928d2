"""Every registered environment can be watched and played: by its own drawing, or by the generic one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from programs import environment, run_python
from recordings import play_randomly

import puffer_envs
from puffer_render.camera import CAMERA_KEYS
from puffer_render.cli_play import CONTROL_KEYS
from puffer_render.draw import Drawing, drawing_for, find_module, pong
from puffer_render.draw.generic import generic_drawing
from puffer_render.frame import BORDER, GLOW, Frame, pack
from puffer_render.keys import make_keymap
from puffer_render.offscreen import Offscreen, Pixels
from puffer_render.palette import NIGHT, PINK, fade
from puffer_render.player import Player
from puffer_render.states import keep

NAMES = puffer_envs.list_envs()
SPLIT = [name for name in NAMES if drawing_for(name, None).splits_steps]


@pytest.fixture(params=NAMES)
def env(request: pytest.FixtureRequest) -> Iterator[puffer_envs.Environment]:
    with puffer_envs.make(request.param, seed=1) as made:
        made.reset()
        yield made


def render(drawing: Drawing, env: puffer_envs.Environment) -> Pixels:
    return Offscreen(*drawing.size).render(lambda frame: drawing.draw(env.state(0), frame))


def check_picture(pixels: Pixels) -> None:
    colors = np.unique(pixels.reshape(-1, 3), axis=0)
    assert len(colors) > 20, "hardly anything is drawn"
    bright = (pixels.max(-1) > 150).mean()
    assert bright > 0.001, "nothing stands out"
    assert (pixels[0] == NIGHT[:3]).all(), "the ground is not the palette's"


def test_drawing_shows_something_and_changes_nothing(env: puffer_envs.Environment) -> None:
    drawing = drawing_for(env.spec.name, env)
    play_randomly(env, 5)
    before = env.state_hash()
    first = render(drawing, env)
    check_picture(first)
    assert env.state_hash() == before
    play_randomly(env, 20)
    assert (render(drawing, env) != first).any(), "the picture does not change as the environment steps"


def test_the_persons_agent_stands_out(env: puffer_envs.Environment) -> None:
    if env.num_agents == 1:
        return
    drawing = drawing_for(env.spec.name, env)
    play_randomly(env, 5)

    def seen_by(agent: int) -> Pixels:
        def draw(frame: Frame) -> None:
            frame.person = agent
            drawing.draw(env.state(0), frame)

        return Offscreen(*drawing.size).render(draw)

    assert (seen_by(0) != seen_by(1)).any()
    assert (seen_by(env.num_agents - 1) != seen_by(0)).any()


def test_generic_drawing_fits_every_environment(env: puffer_envs.Environment) -> None:
    size, draw = generic_drawing(env.spec.name, env)
    play_randomly(env, 5)
    first = render(Drawing(size, draw), env)
    check_picture(first)
    play_randomly(env, 20)
    assert (render(Drawing(size, draw), env) != first).any()


def test_all_environments_here_have_a_drawing() -> None:
    assert [name for name in NAMES if find_module(name) is None] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_person_gets_an_environment_that_can_be_made(name: str) -> None:
    drawing = drawing_for(name, None)
    with puffer_envs.make(name, **drawing.play) as env:
        env.reset()
        check_picture(render(drawing, env))


def test_each_choice_has_a_key_or_is_what_happens_without_one(env: puffer_envs.Environment) -> None:
    drawing = drawing_for(env.spec.name, env)
    parts = env.spec.layout.actions
    if drawing.pilot is not None and env.action_masks is not None:  # its keys are those of the moves there are
        chosen = {drawing.pilot(env.state(0), frozenset({label}), 0) for label in drawing.keys}
        if drawing.touch is not None:
            width, height = drawing.size
            points = itertools.product(range(0, width, 7), range(0, height, 7))
            chosen |= {drawing.touch(env.state(0), x, y) for x, y in points} - {None}
        assert chosen == set(np.flatnonzero(env.action_masks[0]))
        return
    keymap = make_keymap(parts, drawing.keys, drawing.idle)
    for number, part in enumerate(parts):
        bound = {binding.value for binding in keymap.bindings if binding.part == number}
        assert bound | {keymap.idle[number]} >= set(range(part.choices))
    labels = {label for part in parts for label in part.labels}
    # the keys of a pilot say what it is to do
    assert drawing.pilot or set(drawing.keys) <= labels
    assert {drawing.idle} <= labels | {None}


def test_the_window_knows_all_keys() -> None:
    """A name that raylib does not have ends puffer-play before its window shows anything."""
    raylib = pytest.importorskip("raylib")
    for name in NAMES:
        drawing = drawing_for(name, None)
        keymap = make_keymap(puffer_envs.spec(name).layout.actions, drawing.keys, drawing.idle, drawing.pilot)
        keys = [*CONTROL_KEYS, *CAMERA_KEYS, *(key for binding in keymap.bindings for key in binding.keys)]
        assert [key for key in keys if not hasattr(raylib, f"KEY_{key.upper()}")] == [], name


def test_every_environment_can_be_played(env: puffer_envs.Environment) -> None:
    drawing = drawing_for(env.spec.name, env)
    keymap = make_keymap(env.spec.layout.actions, drawing.keys, drawing.idle)
    player = Player(env, keymap, rate=10)
    for binding in keymap.bindings:
        player.advance(0.2, {binding.keys[0]}, set())
        assert player.person_drives
        assert env.actions.reshape(env.num_agents, -1)[0, binding.part] == binding.value


@pytest.mark.parametrize("name", SPLIT)
@pytest.mark.parametrize("held", [2, 4, 7])
def test_frames_one_by_one_lead_where_steps_do(name: str, held: int) -> None:
    """What puffer-render and puffer-play rely on when they show an environment frame by frame."""
    setting = find_module(name).FRAMESKIP
    random = np.random.default_rng(0)
    with puffer_envs.make(name, **{setting: held}) as steps, puffer_envs.make(name, **{setting: 1}) as frames:
        steps.reset(5)
        frames.reset(5)
        ended = 0
        for _ in range(3000):
            space = steps.single_action_space
            choices = getattr(space, "nvec", getattr(space, "n", None))
            if choices is None:
                action = random.uniform(space.low, space.high, steps.actions.shape).astype(np.float32)
            else:
                action = random.integers(0, choices, steps.actions.shape).astype(np.int32)
            steps.step(action)
            reward = 0.0
            for _ in range(held):
                frames.step(action)
                reward += float(frames.rewards[0])
                if frames.terminals[0] or frames.truncations[0]:
                    break
            assert steps.terminals[0] == frames.terminals[0] and steps.rewards[0] == np.float32(reward)
            assert steps.truncations[0] == frames.truncations[0]
            for field in steps.state(0):
                assert np.array_equal(getattr(steps.state(0), field), getattr(frames.state(0), field)), field
            ended += int(steps.terminals[0] or steps.truncations[0])
        assert ended > 0, "no episode ended, so that this was not tested"


def test_pongs_ball_flies_smoothly_between_steps() -> None:
    """Nothing moves further in a frame than the environment lets it, whatever happened within the step."""
    frames, pixel = 4, 32
    fastest_ball, fastest_paddle = pixel * math.hypot(12, 6) + 1, pixel * 8 + 1
    edge, wall = 320 * pixel, (240 - 6) * pixel
    random = np.random.default_rng(0)
    with puffer_envs.make("pong", frameskip=frames, max_score=1000) as env:
        env.reset(3)
        points = 0
        for _ in range(5000):
            before = keep(env.state(0))
            # follow the ball badly: rallies, and points for both
            wanted = np.sign(float(before.ball_y) - float(before.paddle_y) + random.normal(0, 60 * pixel))
            env.step(np.array([{0: 0, -1: 1, 1: 2}[int(wanted)]], np.int32))
            after = env.state(0)
            shown = [before, *(pong.between(before, after, frame, frames) for frame in range(1, frames))]
            scored = (before.score, before.opponent_score) != (after.score, after.opponent_score)
            points += scored
            shown += [] if scored else [after]
            for one, other in itertools.pairwise(shown):
                across, down = (float(getattr(other, b)) - float(getattr(one, b)) for b in ("ball_x", "ball_y"))
                assert math.hypot(across, down) <= fastest_ball
                assert abs(float(other.paddle_y) - float(one.paddle_y)) <= fastest_paddle
                assert abs(float(other.ball_x)) <= edge and abs(float(other.ball_y)) <= wall
        assert points > 20


def test_no_drawing_needs_raylib() -> None:
    """Only windows do."""
    code = """
import sys, puffer_envs
from puffer_render.draw import drawing_for
from puffer_render.offscreen import Offscreen
for name in puffer_envs.list_envs():
    with puffer_envs.make(name, seed=1) as env:
        env.reset()
        drawing = drawing_for(name, env)
        Offscreen(*drawing.size).render(lambda frame: drawing.draw(env.state(0), frame))
assert "raylib" not in sys.modules
"""
    done = run_python("-c", code, env=environment())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["generic", "no such", "../x", "os.path", ""])
def test_other_names_have_no_drawing(name: str) -> None:
    assert find_module(name) is None


ICE = (196, 232, 250, 255)


def test_beams_and_ice_of_a_foundry_are_drawn() -> None:
    arms = {"teams": 2, "d_machines": 3, "d_in1": "none", "d_in2": "none", "d_cooldown": 1, "energy": 50}
    rng = np.random.default_rng(0)
    with puffer_envs.make("foundry", seed=1, num_levels=1, workers=40, **arms) as env:
        env.reset()
        while not (env.state(0).workers.beam > 0).any():
            assert env.state(0).tick < 500
            scores = np.where(env.action_masks, rng.random(env.action_masks.shape), -1.0)
            scores[:, 6] *= 2  # attack
            env.step(scores.argmax(1).astype(np.int32))
        drawing, workers = drawing_for("foundry", env), env.state(0).workers
        frame = Frame(*drawing.size)
        drawing.draw(env.state(0), frame)
        beams = [numbers for verb, numbers in frame.entries() if verb == GLOW and numbers[-1] == pack(fade(PINK, 0.8))]
        ice = [numbers for verb, numbers in frame.entries() if verb == BORDER and numbers[-1] == pack(ICE)]
        assert len(beams) == (workers.beam > 0).sum() > 0
        assert len(ice) == (workers.thaws > 0).sum() > 0
