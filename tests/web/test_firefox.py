"""The pages in Firefox: one plays by real keys, hands over by Tab, clicks at a board, and trains on several Workers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .firefox import Firefox, find_firefox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TABLE = "document.body.dataset"
DRIVER = "document.getElementById('driver').textContent"


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    if find_firefox() is None:
        pytest.skip("no Firefox on PATH: apt install firefox-esr")
    made = Firefox(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


def test_a_person_plays_by_keys(site: str, firefox: Firefox) -> None:
    """A key that is held steers; Tab keeps control, and hands it back."""
    firefox.open(f"{site}/pong.html")
    firefox.wait(f"{TABLE}.steps > 5 && {DRIVER} === 'the trained policy plays'")
    firefox.key("ArrowUp", up=False)
    firefox.wait(f"{DRIVER} === 'you play'")
    firefox.key("ArrowUp", down=False)
    firefox.wait(f"{DRIVER} === 'the trained policy plays'")
    firefox.key("Tab")
    firefox.wait(f"{DRIVER} === 'you play'")
    firefox.key("Tab")
    firefox.wait(f"{DRIVER} === 'the trained policy plays'")
    assert firefox.faults == []


def test_a_board_is_played_by_clicks(site: str, firefox: Firefox) -> None:
    firefox.open(f"{site}/gomoku.html")
    firefox.key("Tab")
    firefox.key("r")
    firefox.wait(f"{DRIVER}.includes('click') && {TABLE}.steps === '0'")
    box = json.loads(firefox.run("JSON.stringify(document.getElementById('screen').getBoundingClientRect())"))
    firefox.click(round(box["x"] + 0.35 * box["width"]), round(box["y"] + 0.5 * box["height"]))
    firefox.wait(f"{TABLE}.steps === '1'")
    assert firefox.faults == []


@pytest.mark.parametrize("shared", [False, True])
def test_a_policy_is_trained(shared: bool, site: str, isolated: str, firefox: Firefox) -> None:
    firefox.open(f"{isolated if shared else site}/cartpole.html")
    firefox.run("document.getElementById('train').click()")
    firefox.wait(f"{TABLE}.trained >= 16384", 120)
    assert (int(firefox.run(f"{TABLE}.workers")) > 1) == shared
    assert firefox.run(DRIVER) == "what you train plays"
    assert firefox.faults == []
