"""`puffer-envs doctor`: what it finds here, that a fault shows, and what it must not tell."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from puffer_envs import cli, health
from puffer_envs.contract import health as contract
from puffer_envs.contract.health import Finding


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the packages' checks be those of this module, or `puffer_envs`."""
    places = {"puffer_envs": "puffer_envs.health:checks"}
    made = [EntryPoint(name, places.get(name, f"{__name__}:{name}"), contract.GROUP) for name in names]
    monkeypatch.setattr(contract, "entry_points", lambda group: made)


def test_nothing_is_wrong_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    assert cli.main(["doctor", "--json", str(file)]) == 0
    printed, report = capsys.readouterr().out, json.loads(file.read_text())
    assert "Nothing is wrong." in printed and report["wrong"] == 0
    found = {
        f"{package}: {line['what']}": line["found"] for package, lines in report["packages"].items() for line in lines
    }
    assert "46 of 46 environments" in found["puffer_envs: golden hashes"]
    assert "without a screen" in found["puffer_render: pictures"]
    assert "k steps/s of training" in found["puffer_train: breakout, a core"]
    told = [name for name in (str(Path.home()), socket.gethostname()) if len(name) > 3 and name in file.read_text()]
    assert told == []


def test_wrong_bytes_are_wrong(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    only(monkeypatch, "puffer_envs")
    monkeypatch.setattr(health, "list_envs", lambda: ["cartpole", "squared"])
    hashes = {"cartpole": health.expected("cartpole"), "squared": "0" * 64}
    monkeypatch.setattr(health, "expected", hashes.get)
    assert cli.main(["doctor"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "wrong 1 of 2 environments give the expected bytes" in printed and "not squared (" in printed
    assert "1 of these must not be: please report this" in printed


def broken() -> Iterator[Finding]:
    yield Finding("before", "is shown")
    raise ZeroDivisionError("of ours")


def test_a_package_that_fails_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "broken", "missing_extra", "working")
    monkeypatch.setitem(globals(), "working", lambda: iter([Finding("all", "well")]))
    real = EntryPoint.load

    def load(entry: EntryPoint) -> object:
        if entry.name == "missing_extra":
            raise ImportError('this needs torch: pip install "puffer-envs[train]"')
        return globals()[entry.name] if entry.name in globals() else real(entry)

    monkeypatch.setattr(EntryPoint, "load", load)
    assert cli.main(["doctor"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "before is shown" in printed and "wrong ZeroDivisionError: of ours" in printed
    assert 'not installed this needs torch: pip install "puffer-envs[train]"' in printed
    assert "all well" in printed
