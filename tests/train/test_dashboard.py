"""The dashboard in terminals of any width, and as plain lines."""

import io

import pytest
from rich.console import Console

from puffer_train.dashboard import Dashboard, Progress, clock, draw, line_of, short


def progress() -> Progress:
    shown = Progress("breakout", "runs/breakout-20260101-120000", 20_000_000)
    report = {"policy_loss": -0.01234, "entropy": 0.5, "learning_rate": 0.022, "updates": 60.0, "skipped": 2.0}
    shown.update(
        1_000_000, report | {"env/score": 812.5, "env/aim": 0.5, "env/n": 31.0}, {"policy": 2.0, "forward": 1.0}
    )
    return shown


@pytest.mark.parametrize("width", [20, 40, 60, 80, 115, 116, 200])
def test_fits_every_terminal(width: int) -> None:
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(draw(progress(), width))
    lines = capture.get().splitlines()
    assert max(map(len, lines)) <= width
    if width >= 60:
        assert "812.5" in capture.get()
        assert "learning rate" in capture.get()


def test_a_terminal_is_redrawn_in_place() -> None:
    out = io.StringIO()
    with Dashboard(progress(), Console(file=out, force_terminal=True, width=100)) as dashboard:
        for _ in range(3):
            dashboard.refresh(force=True)
        dashboard.say("something happened")
    assert "\x1b[1A" in out.getvalue()
    assert "something happened" in out.getvalue()


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


def test_before_anything_is_known() -> None:
    empty = Progress("breakout", "run", 100)
    assert "- left" in line_of(empty)
    Console(file=io.StringIO()).print(draw(empty, 80))


def test_numbers_read_well() -> None:
    assert [short(n) for n in (7, 1234, 20_000_000, 3.5e9)] == ["7", "1.23k", "20M", "3.5G"]
    assert [clock(s) for s in (None, 5, 65, 3725)] == ["-", "0:05", "1:05", "1:02:05"]
