"""puffer-envs check: the report, what it survives, and the page that explains it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import puffer_envs
from puffer_envs.cli import main
from puffer_envs.conformance import CHECKS, Result, check_doc, check_name
from puffer_envs.conformance.guide import rewrite
from puffer_envs.conformance.isolation import Announcement, MistakeError, Request, check_isolated
from puffer_envs.conformance.report import Report

from .conftest import LibraryBuilder

pytestmark = pytest.mark.alone

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/check.md"
SINGLE = [check_name(check) for check in CHECKS["single"]]
NATIVE = [check_name(check) for check in CHECKS["native"]]


@pytest.fixture(autouse=True)
def in_the_folder_of_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)


Check = Callable[..., tuple[int, str, str]]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Check:
    """puffer-envs check: arguments -> exit code, standard output and error."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code: Any = main(["check", *arguments])
        except SystemExit as error:
            code = error.code
        return (code, *capsys.readouterr())

    return run


def isolated(name: str, time_limit: float = 60.0, leave_out: tuple[str, ...] = ()) -> dict[str, Result]:
    """Results by check, from a child process; the announcement and the order are as promised."""
    done = tuple((name, "ok") for name in leave_out)
    first, *rest = check_isolated(Request(f"faulty_environments:{name}", 20, time_limit=time_limit, done=done))
    while isinstance(first, str):  # 'start' has begun
        first, *rest = rest
    assert isinstance(first, Announcement) and list(first.checks) == SINGLE
    results = [event for event in rest if isinstance(event, Result)]
    assert [result.check for result in results] == [name for name in SINGLE if name not in leave_out]
    return {result.check: result for result in results}


# -- what the report survives ----------------------------------------------------------------------------------


def test_an_environment_that_hangs_fails_in_time_and_says_where() -> None:
    start = time.monotonic()
    results = isolated("Hangs", time_limit=1.5)
    assert time.monotonic() - start < 15
    found = results["interface"]
    assert found.status == "failed" and "did not finish within 1.5 s" in found.message
    assert re.search(r"faulty_environments.py:\d+ in noise: (while|time.sleep)", found.where[-1])
    assert results["workers"].status == "skipped"


def test_slow_is_not_broken() -> None:
    """It is still playing when its time is over."""
    passed = tuple((name, "ok") for name in SINGLE if name != "observations")
    (found,) = [
        event
        for event in check_isolated(Request("faulty_environments:IsSlow", 2000, time_limit=2, done=passed))
        if isinstance(event, Result) and event.check == "observations"
    ]
    assert found.status == "slow" and "too slow to tell whether it is right; give it more time" in found.message


def test_the_other_checks_go_on_after_a_hang() -> None:
    results = isolated("HangsForOneSeed", time_limit=3, leave_out=("workers",))
    assert [name for name, result in results.items() if result.status == "failed"] == ["ends"]
    assert not [name for name, result in results.items() if result.status == "skipped"]


def test_after_two_hangs_the_rest_is_left_out() -> None:
    results = isolated("HangsForTwoSeeds", time_limit=1.5)
    assert [name for name, result in results.items() if result.status == "failed"] == ["ends", "shared state"]
    assert "2 checks hung" in results["workers"].message


@pytest.mark.skipif(sys.platform == "win32", reason="no signal can ask the worker there")
def test_a_hang_in_a_worker_process_says_where() -> None:
    found = isolated("HangsElsewhere", time_limit=15)["workers"]
    assert found.status == "failed" and "WorkerTimeoutError" in found.message
    assert re.search(r"faulty_environments.py:\d+ in noise: (while|time.sleep)", found.where[-1])


def test_an_environment_that_ends_its_process_only_fails_a_check() -> None:
    found = isolated("Dies")["interface"]
    assert found.status == "failed" and "ended with status 3" in found.message
    assert "It had printed: the wheels came off" in found.message


@pytest.mark.skipif(sys.platform == "win32", reason="there is no signal there")
def test_a_crash_only_fails_a_check_and_says_where() -> None:
    found = isolated("Crashes")["interface"]
    assert found.status == "failed" and "killed by signal 11" in found.message
    assert re.search(r"faulty_environments.py:\d+ in noise: ctypes.string_at\(0\)$", found.where[-1])


# -- environments in C ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "which", "message"),
    [
        ("-DFAULTY_STEP=((uint8_t*)io.obs)[FAULTY_CELLS+3]=77;", "memory", "its observation (50 bytes): to byte 53,"),
        ("-DFAULTY_STEP=((uint8_t*)io.obs)[-2]=77;", "memory", "its observation (50 bytes): to byte -2, where 0 is"),
        ("-DFAULTY_STEP=io.rewards[1]=2;", "memory", "wrote outside its reward (4 bytes): to byte 4, where 3 is"),
        ("-DFAULTY_STEP=((int32_t*)s)[sizeof(*s)/4]=7;", "memory", "step 1 after reset(16) wrote outside its state"),
        ("-DFAULTY_SHAPE=40", "memory", "reset(16) wrote outside its observation (40 bytes): to byte 40, where 39 is"),
        (
            "-DFAULTY_START=PUF_RANGE(-100,FAULTY_CELLS)",
            "forged states",
            "0xffffff9c in field 'start' wrote outside its",
        ),
        ("-DFAULTY_PERF=0.25f+(s->start>45)", "log", " steps later, and must be from 0 to 1"),
    ],
    ids=["observation", "before it", "reward", "state", "shape", "range", "perf"],
)
def test_a_fault_in_c_is_named(flag: str, which: str, message: str, build_library: LibraryBuilder) -> None:
    found = in_c(build_library(flag, name="faulty"), which)
    assert found.status == "failed" and message in found.message


def in_c(library: Path, which: str) -> Result:
    """The result of one check of tests/c/faulty.h, in a separate process."""
    others = tuple((name, "ok") for name in NATIVE if name != which)
    request = Request("faulty", 20, libraries=(str(library),), done=others)
    (result,) = [event for event in check_isolated(request) if isinstance(event, Result)]
    return result


def test_a_table_that_disagrees_with_the_shape_is_one_sentence(
    build_library: LibraryBuilder, capfd: pytest.CaptureFixture[str]
) -> None:
    library = build_library("-DFAULTY_COUNT=20", name="faulty")
    for command in (["info", "faulty"], ["check", "faulty"]):
        assert main([*command, "--library", str(library)]) == 2
        error = capfd.readouterr().err
        assert error.count("\n") == 1 and "faulty: its table of observations has 20 elements, its shape (50,)" in error
    assert "faulty" not in puffer_envs.list_envs()


# -- the report --------------------------------------------------------------------------------------------------

REPORT = """\
faulty_environments:LeavesItsSpace: single environments, each by itself and in a vector

  ok          start             The factory makes a new environment every time.
  ok          interface         reset and step take and return the right types.
  ok          spaces            Spaces fit the contract, in every instance.
  FAILED      observations      Values lie in the space; rewards are finite.
      The observation[1] is 4.504636764526367 at reset(seed=1), but its space
      says -2.0 to 2.0; correct the value, or widen the space.

  not offered masks             No action masks.
  ok          ends              Episodes end.
"""


def test_the_report_reads_well_in_80_columns(check: Check) -> None:
    code, out, error = check("faulty_environments:LeavesItsSpace", "--steps", "20")
    assert code == 1 and not error
    assert out.startswith(REPORT)
    lines = out.splitlines()
    assert all(len(line) <= 80 for line in lines[1:])
    assert not [line for line in lines if line != line.rstrip()]
    assert "  Skipped, as observations failed: bounds.\n" in out
    assert re.search(r"\n  20 ok, 1 failed, 2 not offered, 1 skipped, in [\d.]+ s\n", out)
    assert lines[-1] == "Failed: faulty_environments:LeavesItsSpace (1)."


def test_names_are_shown_as_they_are_in_a_terminal_too() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    report = Report("[bold]my:car:", console)
    report.follow(["seeds", Result("seeds", "", "failed", "observation[0] is :red_car: [red]")])
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[bold]my:car:" in shown and "Observation[0] is :red_car: [red]." in shown
    assert "\N{AUTOMOBILE}" not in shown


def test_results_go_into_a_file_too(check: Check, tmp_path: Path) -> None:
    names = ("squared", "faulty_environments:Raises")
    code, out, _ = check(*names, "--steps", "20", "--json", str(tmp_path / "checks.json"))
    assert code == 1 and out.endswith("Failed: faulty_environments:Raises (1).\n")
    one, two = json.loads((tmp_path / "checks.json").read_text())["environments"]
    assert (one["name"], one["kind"], one["failed"]) == ("squared", "native", 0)
    assert {result["status"] for result in one["results"]} == {"ok", "not offered"}
    failed = next(result for result in two["results"] if result["status"] == "failed")
    assert failed["check"] == "interface" and "KeyError: 'wheel'" in failed["message"]
    assert failed["where"][-1].endswith('in noise: raise KeyError("wheel")')


def test_what_the_environment_prints_is_not_in_the_report() -> None:
    command = [sys.executable, "-m", "puffer_envs.cli", "check", "faulty_environments:Chats", "--steps", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "brrm" not in done.stdout + done.stderr
    assert done.stdout.endswith("faulty_environments:Chats keeps the contract.\n")


# -- mistakes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sqared"], "Did you mean 'squared'?"),
        (["faulty_environments:Care"], "Did you mean 'Car'?"),
        (["faulty_environments:"], "faulty_environments"),
        (["faulty_environments:__doc__"], "is of type str: it must be a callable"),
        (["nowhere:Car"], "there is no module 'nowhere'"),
        (["gymnasium:Nothing-v0"], "Gymnasium has no environment 'Nothing-v0'"),
        (["gymnasium:CartPole-v1", "--set", "wings=2"], "wings"),
        (["pettingzoo:nothing_v1"], "nothing_v1"),
        (["squared", "--set", "max_steps=0"], "must be from 1"),
        (["squared", "--set", "max_steps"], "argument --set: 'max_steps' must be NAME=VALUE"),
        (["squared", "--timeout", "0"], "argument --timeout: 0 must be at least 1"),
        (["squared", "--json", "nowhere/at/all.json"], "there is no folder nowhere/at"),
        (["squared", "--library", "nowhere.so"], "nowhere.so"),
        ([], "required: NAME"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(check: Check, arguments: list[str], message: str) -> None:
    code, out, error = check(*arguments)
    assert code == 2 and message in error, error
    assert not out and "Traceback" not in error
    assert len(error.strip().splitlines()) == 1 or error.startswith("usage:")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import numpy\nnumppy.zeros(3)\n", r"NameError: name 'numppy' is not defined.*:2 in <module>: numppy.zeros"),
        ("import nowhere_at_all\n", "No module named 'nowhere_at_all'"),
        ("def make(:\n", r"SyntaxError: .*broken_module.py, line 1"),
        ("raise SystemExit(3)\n", r"SystemExit: 3.*:1 in <module>"),
    ],
)
def test_a_module_that_cannot_be_imported(
    code: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MistakeError, match=message):
        list(check_isolated(Request("broken_module:make", 20)))


def test_a_module_that_hangs_when_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sleepy_module.py").write_text("import time\ntime.sleep(1000)\n")
    monkeypatch.chdir(tmp_path)
    *_, found = check_isolated(Request("sleepy_module:make", 20, time_limit=1.5))
    assert isinstance(found, Result) and found.check == "start" and "did not finish" in found.message
    assert found.where == ("sleepy_module.py:2 in <module>: time.sleep(1000)",)


# -- the page ----------------------------------------------------------------------------------------------------


def test_the_page_says_what_the_checks_say() -> None:
    text = PAGE.read_text()
    assert rewrite(text) == text, "run: python -m puffer_envs.conformance.guide docs/check.md"


def test_every_check_says_what_it_asks_in_a_line_and_what_to_do() -> None:
    for one in {one for checks in CHECKS.values() for one in checks}:
        assert len(check_doc(one)) <= 48 and check_doc(one).endswith("."), "the report has one line for it"
        assert len((one.__doc__ or "").split("\n\n")) > 1, f"{check_name(one)} does not say what to do"


def test_results_and_options_are_on_the_page(check: Check) -> None:
    text = PAGE.read_text()
    for word in ("ok", "note", "slow", "FAILED", "not offered", "skipped"):
        assert f"| {word} |" in text
    options = set(re.findall(r"--[a-z]+", check("--help")[1])) - {"--help", "--library"}
    assert options and not [option for option in options if option not in text]
