"""The dashboard in terminals of any size, and as plain lines."""

import copy
import io
import os
import pty
import re
import select
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from puffer_train.report import dashboard as module
from puffer_train.report.dashboard import Dashboard, draw, line_of, sparks
from puffer_train.report.formatting import clock, counted, short, size
from puffer_train.report.progress import MAX_POINTS, Progress, real_rate
from puffer_train.report.signs import Signs

HERE = Path(__file__).parent
REPORT = {"policy_loss": -0.01234, "entropy": 0.5, "learning_rate": 0.022, "updates": 60.0, "skipped": 2.0, "new": 3.0}
STATISTICS = {"env/score": 812.5, "env/perf": 0.94, "env/aim": 0.5, "env/n": 31.0}


def progress() -> Progress:
    shown = Progress("breakout", "runs/breakout-20260101-120000", 20_000_000)
    for i in range(10):
        seconds = {"policy": 2.0, "forward": 1.0, "a section with a long name": 0.5}
        shown.update(100_000 * (i + 1), REPORT | STATISTICS | {"env/score": 812.5 * i / 9}, seconds)
    return shown


def drawn(width: int, height: int, ascii_only: bool = False, shown: Progress | None = None) -> list[str]:
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(draw(shown or progress(), width, height, ascii_only))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 95, 96, 120, 200, 400])
@pytest.mark.parametrize("height", [12, 24, 50])
def test_fits_every_terminal(width: int, height: int) -> None:
    lines = drawn(width, height)
    assert max(map(len, lines)) <= min(width, module.WIDEST)
    assert len(lines) < height, "a picture as high as the terminal would scroll"
    if width >= 40:
        assert any("score 812.5" in line for line in lines), "the score always has its place"
        assert any("1M" in line for line in lines)
    if width >= 60 and height >= 24:
        text = "\n".join(lines)
        for part in ("learning rate", "policy", "57%", "perf", "0.94", "new", "not finite  2"):
            assert part in text


def test_numbers_that_change_do_not_move_the_picture() -> None:
    first = progress()
    second = copy.deepcopy(first)  # a second one would have a rate of its own
    second.report |= {"env/score": 3.0, "entropy": 0.123456, "env/perf": 1.0}
    for a, b in zip(drawn(100, 30, shown=first), drawn(100, 30, shown=second), strict=True):
        assert len(a) == len(b)
        assert re.sub(r"[\d.▁-█]+", " ", a).split() == re.sub(r"[\d.▁-█]+", " ", b).split()


def test_ascii_terminals_get_ascii() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    console = Console(width=120, file=file, force_terminal=True, color_system=None)
    console.print(draw(progress(), 120, 30, console.options.ascii_only))
    text = file.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "score 812.5" in text
    assert "###" in text


def test_the_trend_is_on_the_scale_of_the_whole_run() -> None:
    trend = [(25, 0.0), (50, 7.0), (74, 15.0)]
    upper, lower = sparks(trend, 100, 8)
    assert (upper, lower) == ("     █  ", "  ▁ ██  "), "nothing where nothing is known yet"
    assert sparks([], 100, 3) == ("   ", "   ")
    assert sparks([(100, 5.0)], 100, 3) == ("   ", "  ▁"), "one value has no course"


def test_a_long_run_keeps_few_points() -> None:
    shown = Progress("breakout", "run", 10**9)
    for steps in range(5000):
        shown.update(steps, {"env/score": float(steps)}, {})
    assert len(shown.trend) <= MAX_POINTS
    assert shown.trend[0] == (0, 0.0)
    assert [steps for steps, _ in shown.trend] == sorted(steps for steps, _ in shown.trend)
    assert shown.trend[-1][0] >= 4990


def test_a_terminal_is_redrawn_in_place_one_picture_at_a_time() -> None:
    out = io.StringIO()
    with Dashboard(progress(), Console(file=out, force_terminal=True, width=100), live=True) as dashboard:
        for _ in range(3):
            dashboard.refresh(force=True)
        dashboard.refresh()  # too soon
        dashboard.say("something happened")
    text = out.getvalue()
    assert text.count(module.BEGIN_PICTURE) == text.count(module.END_PICTURE) == 4
    assert "\x1b[1A" in text
    assert "something happened" in text


def test_elsewhere_it_is_lines() -> None:
    out = io.StringIO()
    with Dashboard(progress(), Console(file=out, width=40)) as dashboard:
        dashboard.refresh(force=True)
        dashboard.refresh()  # too soon
    assert "\x1b" not in out.getvalue()
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("1M/20M steps")
    assert "score 812.5" in lines[0]
    assert "skipped 2" in lines[0]


def test_lines_become_rarer_in_a_long_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    out = io.StringIO()
    shown = Progress("breakout", "run", 100)
    with Dashboard(shown, Console(file=out)) as dashboard:
        for _ in range(3600):
            now += 1
            dashboard.refresh()
        assert 80 < len(out.getvalue().splitlines()) < 240, "720 at one every five seconds"


def test_before_anything_is_known() -> None:
    empty = Progress("breakout", "run", 100)
    assert "- left" in line_of(empty)
    for width in (20, 40, 80, 120):
        assert any("0%" in line for line in drawn(width, 24, shown=empty))


def test_the_speed_in_real_time_is_shown_where_it_is_known() -> None:
    @dataclass
    class Known:
        spec: object
        num_envs: int = 4
        num_agents: int = 8

    class Spec:
        rate = 50.0

    assert real_rate(object()) is None
    assert real_rate(Known(object())) is None
    shown = progress()
    shown._marks = [(0.0, 0), (1.0, 1_000_000)]
    assert not any("real time" in line for line in drawn(120, 30, shown=shown))
    shown.real_rate = real_rate(Known(Spec()))
    assert any("1M steps/s   10,000x real time" in line for line in drawn(120, 30, shown=shown)), "2 agents at 50 Hz"
    assert not any("real time" in line for line in drawn(60, 30, shown=shown)), "the time left matters more"


def test_what_is_unhealthy_has_a_word_and_a_colour() -> None:
    shown = progress()
    shown.update(5_000_000, {"approx_kl": 0.3, "explained_variance": -0.5}, {})
    console = Console(width=120, file=io.StringIO(), force_terminal=True, color_system="standard", record=True)
    console.print(draw(shown, 120))
    text = console.export_text(styles=True)
    for word in ("high  0.3", "below 0  -0.5", "not finite  2"):
        assert re.search(rf"\x1b\[1;33m *{re.escape(word)} *\x1b\[0m", text), text
    assert "approx_kl 0.3 high" in line_of(shown)


@pytest.mark.parametrize(
    ("reports", "words"),
    [
        ([(0.0, {"entropy": 1.1}), (0.3, {"entropy": 0.01})], {"entropy": "collapsed"}),
        ([(0.0, {"entropy": 1.1}), (0.3, {"entropy": 0.01}), (0.9, {})], {"entropy": "collapsed"}),
        ([(0.0, {"entropy": 1.1}), (0.9, {"entropy": 0.01})], {}),  # a policy that is sure of a solved game
        ([(0.0, {"entropy": 5.0}), (0.3, {"entropy": -2.0})], {}),  # continuous actions
        ([(0.05, {"explained_variance": -3.0})], {}),  # too early to tell
        ([(0.2, {"explained_variance": -3.0})], {"explained_variance": "below 0"}),
        ([(0.2, {"approx_kl": 0.09, "clip_fraction": 0.4})], {}),
        ([(0.2, {"approx_kl": 0.11, "clip_fraction": 0.6})], {"approx_kl": "high", "clip_fraction": "high"}),
    ],
)
def test_signs_of_trouble(reports: list[tuple[float, dict[str, float]]], words: dict[str, str]) -> None:
    signs, newest = Signs(), {}
    for done, report in reports:
        newest |= report
        signs.update(newest, done)
    assert signs.words == words


def test_the_last_picture_is_kept_as_svg(tmp_path: Path) -> None:
    with Dashboard(progress(), Console(file=io.StringIO()), folder=tmp_path):
        pass
    text = (tmp_path / module.PICTURE).read_text("utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    words = " ".join(filter(None, (node.text for node in root.iter() if node.tag.endswith("text"))))
    for part in ("puffer-train\xa0breakout", "812.5", "learning\xa0rate"):
        assert part in words
    assert "url(http" not in text, "it shows the same without a network"
    with Dashboard(progress(), Console(file=io.StringIO()), folder=tmp_path / "gone"):
        pass  # a disk that fails costs the picture, not the run


def test_numbers_read_well() -> None:
    assert [short(n) for n in (7, 1234, 999_999, 20_000_000, 3.5e9)] == ["7", "1.23k", "1M", "20M", "3.5G"]
    assert [clock(s) for s in (None, 5, 65, 3725)] == ["-", "0:05", "1:05", "1:02:05"]
    assert [counted(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert [size(n) for n in (0, 999, 1500, 999_999, 23e6, 4e9)] == ["0 B", "999 B", "1.5 kB", "1 MB", "23 MB", "4 GB"]


# --- a real run in terminals of several kinds ---


def train(tmp_path: Path, terminal: bool, **variables: str) -> str:
    """What a short run prints to a pseudo-terminal, or to a pipe."""
    arguments = ["tiny_environments:CartPole", "--steps", "20000", "--train.num-envs", "16", "--train.horizon", "8"]
    arguments += ["--train.minibatch", "64", "--threads", "1", "--train.eval-episodes", "4", "--no-video"]
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    unwanted = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", *module.NOTEBOOK_VARIABLES}
    inherited = {k: v for k, v in os.environ.items() if k not in unwanted}
    environment = inherited | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "TERM": "xterm-256color"} | variables
    command = [sys.executable, "-m", "puffer_train.cli.train", *arguments]
    if not terminal:
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout
    master, slave = pty.openpty()
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        timer = threading.Timer(120, process.kill)
        timer.start()
        output = b""
        while process.poll() is None or select.select([master], [], [], 0)[0]:
            try:
                output += os.read(master, 65536) if select.select([master], [], [], 0.05)[0] else b""
            except OSError:  # Linux's way to say that the other end is closed
                break
        timer.cancel()
    os.close(master)
    assert process.returncode == 0, output.decode()
    return output.decode()


COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;5;\d+)(?:;\d+)*m")


def test_a_real_terminal_gets_a_picture_in_colour(tmp_path: Path) -> None:
    text = train(tmp_path, terminal=True)
    assert module.BEGIN_PICTURE in text
    assert COLOUR.search(text)
    assert "━" in text
    assert "tiny_environments:CartPole" in text


def test_a_notebook_gets_lines(tmp_path: Path) -> None:
    """A cell's `!puffer-train` runs in a terminal, but every redrawn picture was added below the one before."""
    text = train(tmp_path, terminal=True, JPY_PARENT_PID="1")
    assert module.BEGIN_PICTURE not in text
    assert "/20k steps" in text


def test_no_color_is_heeded(tmp_path: Path) -> None:
    text = train(tmp_path, terminal=True, NO_COLOR="1")
    assert module.BEGIN_PICTURE in text
    assert not COLOUR.search(text)


@pytest.mark.parametrize(
    ("terminal", "variables"),
    [(True, {"TERM": "dumb"}), (False, {}), (False, {"FORCE_COLOR": "1"}), (False, {"PYTHONIOENCODING": "ascii"})],
)
def test_lines_without_escapes_elsewhere(tmp_path: Path, terminal: bool, variables: dict[str, str]) -> None:
    text = train(tmp_path, terminal, **variables)
    assert "\x1b" not in text
    assert "/20k steps" in text
    assert "Trained 20" in text
