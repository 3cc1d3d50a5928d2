"""What a page knows about an environment: enough to play it, with the keys of the window."""

from __future__ import annotations

import importlib.util
import json
import sys
from types import ModuleType

import pytest

import puffer_envs
from puffer_render.draw import drawing_for

from .conftest import WEB


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    if not (WEB / "pages.py").exists():
        pytest.skip("no checkout around the tests: there are no pages")
    spec = importlib.util.spec_from_file_location("web_pages", WEB / "pages.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["web_pages"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cartpole", "breakout", "snake", "boids", "racer", "tanks", "connect4"])
def test_a_page_can_be_played(name: str, pages: ModuleType) -> None:
    about = json.loads(json.dumps(pages.describe(name)))
    env = puffer_envs.spec(name)
    assert about["bindings"] and not about["piloted"]
    assert all(binding["caps"] for binding in about["bindings"])
    known = {param.name: param for param in env.params}
    for key, value in (about["settings"] | about["play"]).items():
        assert known[key].low <= value <= known[key].high
    assert about["train"]["minibatch"] % about["train"]["horizon"] == 0


def test_keys_held_together_are_what_the_pilot_makes_of_them(pages: ModuleType) -> None:
    """In the page there is no Python: the page gets the action of every set of keys in advance."""
    drawing = drawing_for("enduro", None)
    chords = pages.find_chords("enduro", drawing)
    assert len(chords) == 2 ** len(drawing.keys)
    assert chords["gas+left"] == [drawing.pilot(None, frozenset({"gas", "left"}), 0)]
    assert chords[""] != chords["gas"] != chords["gas+left"]


def test_keys_that_depend_on_the_state_are_left_out(pages: ModuleType) -> None:
    """A brake is no action by itself, and a drone's rotors are none of its keys."""
    chords = pages.find_chords("lantern", drawing_for("lantern", None))
    assert "left+up" in chords and "brake" not in chords
    assert pages.find_chords("drone", drawing_for("drone", None)) == {}
