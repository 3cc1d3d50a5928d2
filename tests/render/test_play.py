"""puffer-play in a real window on a virtual display: real key presses go in, pixels come out."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from policies import write_policy
from programs import complaint, environment, run_module
from virtual_display import PATIENCE, VirtualDisplay, wait_for

import puffer_envs
from puffer_render import cli_play
from puffer_render.draw import breakout
from puffer_render.frame import HUD_HEIGHT
from puffer_render.overlay import FOOTER
from puffer_render.palette import AMBER, MINT, RAINBOW, SNOW, TEAL, Color
from puffer_render.player import REST

WIDTH, HEIGHT = breakout.SIZE
pytestmark = pytest.mark.alone

PADDLE_Y = HUD_HEIGHT + 8 + round((310 + 4) * 1.25)


class Game:
    """A running puffer-play, seen through its window."""

    def __init__(self, display: VirtualDisplay, window: str, process: subprocess.Popen[str]) -> None:
        self.display, self.window, self.process = display, window, process

    def hold(self, key: str) -> None:
        self.display.xdotool("keydown", key)

    def release(self, key: str) -> None:
        self.display.xdotool("keyup", key)

    def tap(self, key: str) -> None:
        self.display.xdotool("key", key)

    def picture(self) -> NDArray[np.uint8]:
        """The game, without the footer."""
        return self.display.pixels()[:HEIGHT, :WIDTH]

    def footer(self) -> NDArray[np.uint8]:
        return self.display.pixels()[HEIGHT : HEIGHT + FOOTER, :WIDTH]

    def paddle(self) -> float:
        """The paddle's middle, in pixels from the left; NaN before the first picture."""
        columns = np.flatnonzero(near(self.display.pixels()[PADDLE_Y, :WIDTH], TEAL))
        return float(columns.mean()) if columns.size else np.nan

    def wait_for_paddle(self, low: float, high: float) -> None:
        wait_for(f"the paddle between {low} and {high}", lambda: low <= self.paddle() <= high)

    def ball_y(self) -> float:
        """The ball's middle, in pixels from the top; it must be between bricks and paddle."""
        return float(np.nonzero(near(self.picture()[215 : PADDLE_Y - 12, 20:-20], SNOW))[0].mean())

    def fall_within(self, seconds: float) -> float:
        """How far the ball moves up or down."""
        start = self.ball_y()
        time.sleep(seconds)
        return abs(self.ball_y() - start)

    def still(self) -> bool:
        before = self.picture()
        time.sleep(0.2)
        return bool((before == self.picture()).all())

    def wait_for_end(self) -> int:
        return self.process.wait(PATIENCE)


def near(pixels: NDArray[np.uint8], color: Color, distance: int = 40) -> NDArray[np.bool_]:
    return np.abs(pixels.astype(int) - color[:3]).max(-1) < distance


@contextlib.contextmanager
def playing(display: VirtualDisplay, *arguments: object, start: bool = True) -> Iterator[Game]:
    """puffer-play NAME ..., called as a function by a program that then says whether it is still there.

    start: press a key to begin the game.
    """
    code = "import sys; from puffer_render.cli_play import main; print('returned', main(sys.argv[1:]), flush=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment(DISPLAY=display.environment["DISPLAY"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        game = Game(display, display.wait_for_window("puffer-play", process), process)
        wait_for("the first picture", lambda: game.footer().max() > 200)
        if start:
            wait_for("the start", lambda: near(game.picture(), MINT).any())
            for key in ("Left", "Right"):  # the first one starts the game; the second one takes its move back
                game.tap(key)
            wait_for("the paddle", lambda: not np.isnan(game.paddle()))
        yield game
    finally:
        process.kill()
        process.communicate()


def test_breakout_is_played_with_keys(display: VirtualDisplay) -> None:
    with playing(display, "breakout") as game:
        game.wait_for_paddle(WIDTH / 2 - 5, WIDTH / 2 + 5)
        bricks = game.picture()[110:210]
        assert near(bricks, RAINBOW[0]).any() and near(bricks, RAINBOW[5]).any()

        game.hold("Left")
        game.wait_for_paddle(0, 80)
        game.release("Left")
        game.hold("d")
        game.wait_for_paddle(WIDTH - 80, WIDTH)
        game.release("d")

        game.tap("Escape")
        assert game.wait_for_end() == 0


def test_a_game_begins_with_a_key_and_ends_with_its_score(display: VirtualDisplay) -> None:
    with playing(display, "breakout", "--env.max-frames", "60", start=False) as game:
        wait_for("the panel", lambda: near(game.picture(), MINT).any())
        assert game.still(), "the game began by itself"
        game.tap("Left")
        wait_for("the game", lambda: not np.isnan(game.paddle()))
        wait_for("its end", lambda: np.isnan(game.paddle()) and near(game.picture(), MINT).any())
        assert game.still(), "the next game began by itself"
        time.sleep(REST)
        game.tap("Left")
        wait_for("the next game", lambda: not np.isnan(game.paddle()))
        game.tap("Escape")
        assert game.wait_for_end() == 0
        assert game.process.stdout is not None
        assert "breakout: score 0 in 60 steps" in game.process.stdout.read()


def test_the_list_of_keys_stops_the_game(display: VirtualDisplay) -> None:
    with playing(display, "breakout") as game:
        game.tap("h")
        wait_for("a still picture", game.still)
        game.tap("h")
        wait_for("the game", lambda: not game.still())


def test_a_run_folder_is_its_policy(display: VirtualDisplay, tmp_path: Path) -> None:
    always_left(tmp_path).rename(tmp_path / "policy.safetensors")
    with playing(display, tmp_path, start=False) as game:
        game.wait_for_paddle(0, 80)


def test_pause_step_and_reset(display: VirtualDisplay) -> None:
    with playing(display, "breakout") as game:
        game.tap("p")
        wait_for("a still picture", game.still)
        before = game.picture()
        game.tap("n")
        wait_for("one step", lambda: not np.array_equal(game.picture(), before))
        assert game.still(), "a single step was not the only one"

        start = game.paddle()
        game.hold("Right")
        for _ in range(5):  # 8 world pixels each
            before = game.picture()
            game.tap("n")
            wait_for("the next step", lambda: not np.array_equal(game.picture(), before))  # noqa: B023
        game.release("Right")
        game.wait_for_paddle(start + 45, start + 55)
        game.tap("p")
        wait_for("the game to continue", lambda: not game.still())
        game.tap("r")
        wait_for("a game that has not begun", lambda: np.isnan(game.paddle()))


def test_speed(display: VirtualDisplay) -> None:
    with playing(display, "breakout") as game:
        for _ in range(4):
            game.tap("minus")  # a sixteenth
        time.sleep(0.1)
        assert 0 < game.fall_within(0.3) < 40  # 6 are expected, 96 at normal speed
        for _ in range(3):
            game.tap("plus")
        wait_for("a faster ball", lambda: game.fall_within(0.2) > 20, seconds=5)


def test_help_is_shown(display: VirtualDisplay) -> None:
    with playing(display, "breakout") as game:
        game.tap("p")
        wait_for("a still picture", game.still)
        before = game.picture()
        game.tap("h")
        wait_for("the list of keys", lambda: (game.picture() != before).mean() > 0.2)
        game.tap("h")
        wait_for("its end", lambda: np.array_equal(game.picture(), before))
        assert near(game.footer(), MINT).any(), "who plays is not shown"


def test_window_can_be_resized(display: VirtualDisplay) -> None:
    with playing(display, "breakout") as game:
        display.xdotool("windowsize", game.window, str(WIDTH // 2), str((HEIGHT + FOOTER) // 2))
        row = PADDLE_Y // 2
        wait_for(
            "a paddle half as large",
            lambda: 30 < near(display.pixels()[row, : WIDTH // 2], TEAL).sum() < 45,
        )


@pytest.mark.parametrize("way", ["button", "q"])
def test_closing_the_window_closes_nothing_else(display: VirtualDisplay, way: str) -> None:
    with playing(display, "breakout") as game:
        if way == "button":
            display.press_close_button(game.window)
        else:
            game.tap("q")
        assert game.wait_for_end() == 0
        assert game.process.stdout is not None and "returned 0" in game.process.stdout.read()


def test_policy_plays_and_the_person_takes_over(display: VirtualDisplay, tmp_path: Path) -> None:
    with playing(display, "breakout", "--policy", always_left(tmp_path), start=False) as game:
        game.wait_for_paddle(0, 80)
        wait_for("the policy's sign", lambda: near(game.footer()[:, :60], AMBER).any())
        game.hold("Right")
        game.wait_for_paddle(WIDTH - 80, WIDTH)
        wait_for("the person's sign", lambda: near(game.footer()[:, :60], MINT).any())
        game.release("Right")
        game.wait_for_paddle(0, 80)


def test_a_run_is_followed_while_it_trains(display: VirtualDisplay, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.jsonl").write_text('{"steps": 12400000, "env/score": 312.5}\n')
    writer = threading.Timer(1.0, lambda: always_left(tmp_path).replace(run / "newest.safetensors"))
    writer.start()
    with playing(display, "--follow", run, start=False) as game:
        game.wait_for_paddle(0, 80)
        always(2, tmp_path).replace(run / "newest.safetensors")
        game.wait_for_paddle(WIDTH - 80, WIDTH)
        always_left(tmp_path).replace(run / "policy.safetensors")
        game.wait_for_paddle(0, 80)
        game.tap("Escape")
        assert game.wait_for_end() == 0
    writer.join()


def always_left(folder: Path, **settings: object) -> Path:
    """A policy file for breakout that moves left, whatever it sees."""
    return always(1, folder, **settings)


def always(choice: int, folder: Path, **settings: object) -> Path:
    """A policy file for breakout that always takes one choice: its one unit is the number of balls left."""
    encoder = np.zeros((1, 118), np.float32)
    encoder[0, 7] = 1
    head = np.zeros((4, 1), np.float32)
    head[choice] = 1000
    given = {"encoder": encoder, "head": head, "settings": {"frameskip": 4, **settings}}
    version = puffer_envs.spec("breakout").version
    return write_policy(folder / "left.safetensors", "breakout", 118, 3, version=version, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name an environment"),
        (["gymnasium:CartPole-v1"], "with --policy FILE"),
        (["gymnasium:CartPole-v1", "--trained"], "no trained policy ships for 'gymnasium:CartPole-v1'"),
        (["--policy", "{folder}"], "neither policy.safetensors nor replay.puf"),
        (["breakot"], "Did you mean 'breakout'?"),
        (["breakout", "--env.frameskp", "2"], "Did you mean 'frameskip'?"),
        (["breakout", "--env.frameskip", "0"], "from 1 to 16"),
        (["breakout", "--env.frameskip", "many"], "setting 'frameskip' must be an integer from 1 to 16, got 'many'"),
        (["breakout", "--env.frameskip"], "--env.frameskip needs a value: --env.frameskip VALUE."),
        (["breakout", "--sed", "1"], "--sed"),
        (["breakout", "--seed", "-1"], "seed"),
        (["breakout", "--policy", "absent"], "absent: cannot be read"),
        (["breakout", "--env.num_envs", "2"], "no setting 'num_envs'"),
        (["cartpole", "--policy", "{policy}"], "'breakout', not on 'cartpole'"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, empty = always_left(tmp_path), tmp_path / "empty"
    empty.mkdir()
    words = [argument.format(policy=policy, folder=empty) for argument in arguments]
    status = cli_play.main(words)
    told = capsys.readouterr()
    assert said in complaint(subprocess.CompletedProcess(words, status, told.out, told.err))


def test_without_a_display_it_says_so() -> None:
    assert "no display" in complaint(run_module("cli_play", "breakout"))


def test_settings_of_a_policy_file_are_checked_like_any(tmp_path: Path) -> None:
    policy = always_left(tmp_path, buffers="x")
    assert "no setting 'buffers'" in complaint(run_module("cli_play", "breakout", "--policy", policy))


def test_a_dead_display_is_one_line() -> None:
    assert "no display" in complaint(run_module("cli_play", "breakout", env=environment(DISPLAY=":9999")))
