"""Certificates and the page of the classics are what was measured, and belong to what is here."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

import pytest

import puffer_envs
from puffer_envs.porting.adapter import KNOWN
from puffer_envs.porting.certificate import markdown

ROOT = Path(__file__).resolve().parents[2]
CERTIFICATES = sorted((ROOT / "docs/ports").glob("*.json"))
VARIANTS = {"bipedal_walker_hardcore": "bipedal_walker"}
"""Certificates of environments with other settings, of fewer steps: the rest is compared with the usual ones."""


def test_every_adapter_that_ships_has_a_certificate() -> None:
    assert {path.stem for path in CERTIFICATES} == {path.stem for path in KNOWN.glob("*.py")} | VARIANTS.keys()


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda path: path.stem)
def test_a_certificate_is_of_this_version_and_adapter(path: Path) -> None:
    facts = json.loads(path.read_text("utf-8"))
    name = facts["environment"]["name"]
    assert facts["same"] and facts["difference"] is None
    assert name == VARIANTS.get(path.stem, path.stem)
    assert facts["environment"]["version"] == puffer_envs.spec(name).version
    assert facts["adapter"]["sha256"] == hashlib.sha256((KNOWN / f"{name}.py").read_bytes()).hexdigest()
    assert facts["steps"]["compared"] >= (20_000 if path.stem in VARIANTS else 100_000)
    assert path.with_suffix(".md").read_text("utf-8") == markdown(facts)


def test_the_page_of_the_classics_is_what_was_measured() -> None:
    spec = importlib.util.spec_from_file_location("classics", ROOT / "benchmarks/classics.py")
    assert spec is not None and spec.loader is not None
    classics = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(classics)
    results = json.loads((ROOT / "benchmarks/results/classics.json").read_text("utf-8"))
    assert classics.page(results) == (ROOT / "docs/classics.md").read_text("utf-8")
