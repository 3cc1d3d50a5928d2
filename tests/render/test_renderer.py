"""render_mode="rgb_array" and "human" of the adapters."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from importlib.metadata import entry_points

import numpy as np
import pytest
from programs import environment, run_python
from virtual_display import VirtualDisplay, wait_for

import puffer_envs
from puffer_render.draw import tower
from puffer_render.offscreen import Offscreen
from puffer_render.renderer import Renderer


def run(code: str, display: VirtualDisplay | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script whose warnings are errors; it must succeed."""
    env = environment() if display is None else environment(DISPLAY=display.environment["DISPLAY"])
    done = run_python("-W", "error", "-c", "import gymnasium, numpy as np, puffer_envs\n" + code, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_renderer_is_found_by_entry_point() -> None:
    (entry,) = (e for e in entry_points(group="puffer.renderers") if e.value == "puffer_render.renderer:Renderer")
    assert entry.load() is Renderer


def test_pictures_without_a_screen_follow_the_environment() -> None:
    run("""
from puffer_envs.adapters.registration import gymnasium_id
pictures = {}
for name in puffer_envs.list_envs():
    env = gymnasium.make(gymnasium_id(puffer_envs.spec(name)), render_mode="rgb_array", disable_env_checker=False)
    assert env.metadata["render_fps"] == puffer_envs.spec(name).rate
    env.action_space.seed(0)
    env.reset(seed=0)
    first = env.render()
    assert first.dtype == np.uint8 and first.ndim == 3 and first.shape[2] == 3 and min(first.shape[:2]) > 250
    assert np.array_equal(first, env.render()), "drawing changes something"
    moved = False  # at any step: the next game may begin like the first
    for _ in range(8):
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        moved |= not np.array_equal(env.render(), first)
        if terminated or truncated:
            break
    assert moved and env.render().shape == first.shape
    env.reset(seed=0)
    assert np.array_equal(env.render(), first), "a picture depends on more than the state"
    assert np.unique(first.reshape(-1, 3), axis=0).shape[0] > 20
    env.close()
    env.close()
""")


def test_environments_of_several_sizes_take_turns() -> None:
    run("""
envs = [gymnasium.make(f"puffer/{name}-v1", render_mode="rgb_array") for name in ("Pong", "Squared", "Pong")]
for env in envs:
    env.reset(seed=4)
first = [env.render() for env in envs]
assert first[0].shape != first[1].shape
assert np.array_equal(first[0], first[2])
envs[0].close()
for env, picture in zip(envs[1:], first[1:]):
    assert np.array_equal(env.render(), picture)
    env.close()
""")


def test_batches_have_a_picture_for_every_row() -> None:
    run("""
envs = gymnasium.make_vec("puffer/Snake-v1", num_envs=2, num_snakes=3, render_mode="rgb_array")
envs.reset(seed=0)
pictures = envs.render()
assert len(pictures) == envs.num_envs == 6
assert pictures[0] is pictures[2] and not np.array_equal(pictures[0], pictures[3])
envs.close()
from puffer_envs.adapters.to_pettingzoo import parallel_env
env = parallel_env("snake", render_mode="rgb_array", num_snakes=3)
env.reset(seed=0)
assert np.array_equal(env.render(), pictures[0])
env.close()
from puffer_envs.adapters.to_stable_baselines3 import make_vec_env
envs = make_vec_env("snake", 2, seed=0, render_mode="rgb_array", num_snakes=3)
envs.reset()
tiles = envs.render()
assert tiles.shape == (2 * len(pictures[0]), *pictures[0].shape[1:])
assert np.array_equal(tiles, np.concatenate([pictures[0], pictures[3]]))
envs.close()
""")


def test_a_picture_of_nothing_is_refused() -> None:
    run("""
env = gymnasium.make("puffer/Snake-v1", render_mode="rgb_array").unwrapped
try:
    env.render()
except RuntimeError as error:
    assert "reset" in str(error), error
else:
    raise AssertionError("it drew what has not begun")
""")


def test_a_window_is_offered_where_there_may_be_a_screen(display: VirtualDisplay) -> None:
    show = """
from puffer_envs.adapters.to_pettingzoo import parallel_env
print(gymnasium.make("puffer/Pong-v1").metadata["render_modes"], parallel_env("snake").metadata["render_modes"])
"""
    assert run(show).stdout.strip() == "['rgb_array'] ['rgb_array']"
    assert run(show, display).stdout.strip() == "['human', 'rgb_array'] ['human', 'rgb_array']"


def test_a_window_without_a_screen_is_one_sentence() -> None:
    run("""
from puffer_envs.adapters.to_gymnasium import PufferEnv
from puffer_render import RenderError
env = PufferEnv("pong", render_mode="human")
try:
    env.reset()
except RenderError as error:
    assert "no display" in str(error) and "rgb_array" in str(error), error
else:
    raise AssertionError("it showed something, where?")
""")


@pytest.mark.parametrize("screen", [False, True])
def test_the_checker_draws_in_every_mode(display: VirtualDisplay, screen: bool) -> None:
    run(
        """
from gymnasium.utils.env_checker import check_env
check_env(gymnasium.make("puffer/Breakout-v1").unwrapped)
""",
        display if screen else None,
    )


SHOW = """
import sys, time, gymnasium, puffer_envs
env = gymnasium.make("puffer/Cartpole-v1", render_mode="rgb_array")
env.reset()
env.render()  # without a screen, before there is a window
env.close()
env = gymnasium.make("puffer/Cartpole-v1", render_mode="human")
env.reset(seed=0)
other = gymnasium.make("puffer/Pong-v1", render_mode="rgb_array")
other.reset(seed=0)
print(other.render().shape, flush=True)  # beside a window
second = gymnasium.make("puffer/Pong-v1", render_mode="human")
try:
    second.reset()
except Exception as error:
    print(error, flush=True)
start, steps, fast = time.perf_counter(), 0, 0.0
while fast < 1000:
    *_, terminated, truncated, _ = env.step(steps % 2)
    if terminated or truncated:
        env.reset()
    steps += 1
    if steps % 50 == 0:
        fast = 50 / (time.perf_counter() - start)
        start = time.perf_counter()
        print(f"{fast:.1f}", flush=True)
print(other.render().shape)
env.close()
other.close()
"""


def test_a_window_shows_every_step_at_its_pace_until_it_is_closed(display: VirtualDisplay) -> None:
    env = environment(DISPLAY=display.environment["DISPLAY"])
    command = [sys.executable, "-W", "error", "-c", SHOW]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            window = display.wait_for_window("cartpole", program)
            assert program.stdout
            assert program.stdout.readline().strip() == "(544, 680, 3)"
            assert "one window per process" in program.stdout.readline()
            assert 10 < float(program.stdout.readline()) < 60  # steps a second: 50, less on a busy machine
            before = display.pixels()
            wait_for("the picture moves", lambda: not np.array_equal(before, display.pixels()))
            display.press_close_button(window)
            out, err = program.communicate(timeout=60)
        finally:
            program.kill()
    assert program.returncode == 0, err
    assert out.splitlines()[-1] == "(544, 680, 3)", "once the window is closed, the environment continues without it"
    assert float(out.splitlines()[-2]) > 1000


def test_a_step_that_is_shown_in_frames_takes_as_long_as_they() -> None:
    """In a window: from the picture before it to that after it."""
    with puffer_envs.make("tower", 2, seed=1) as env:
        env.reset()
        renderer, canvas = Renderer(env), Offscreen(*tower.SIZE, 0.25)
        length, draw = renderer._move(0)
        assert length == pytest.approx(1 / 6)
        first = canvas.render(draw(0.5))
        env.step(np.array([int(np.flatnonzero(mask)[0]) for mask in env.action_masks], np.int32))
        length, draw = renderer._move(0)
        assert length == pytest.approx(5 / 30)
        half, last = canvas.render(draw(0.5)), canvas.render(draw(1.0))
        assert (last == canvas.render(partial(tower.draw, env.state(0)))).all()
        assert (half != first).any() and (half != last).any()
        assert renderer._move(1)[0] == pytest.approx(1 / 6), "another environment's state is not the one before"
