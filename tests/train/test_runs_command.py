"""`puffer-runs`: what it lists, finds, compares, labels, removes and archives, and what it refuses."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from run_folders import IDENTITY, evaluate, make_run

from puffer_envs.contract import completion
from puffer_train.cli import plot as cli_plot
from puffer_train.cli import runs as cli_runs
from puffer_train.report import live, run_table
from puffer_train.storage.archive import archive_run
from puffer_train.storage.discovery import find_runs
from puffer_train.storage.labels import Labels, read_labels
from puffer_train.storage.lock import FolderLock, find_holder
from puffer_train.storage.summary import summarize

HERE = Path(__file__).parent
KILLED = "still running, or killed"


class Command:
    """Runs `puffer-runs` and keeps what it prints."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        status = cli_runs.main(arguments)
        self.out, self.err = self._capture.readouterr()
        return status

    def names(self, *arguments: str) -> list[str]:
        """The runs that are listed, in order."""
        assert self(*arguments, "--json") == 0, self.err
        return [Path(run["run"]).name for run in json.loads(self.out)]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Five runs in `runs`: breakout-1 (evaluated) and breakout-2, drone, one that crashed, one that failed."""
    monkeypatch.chdir(tmp_path)
    evaluate(make_run(tmp_path / "runs/breakout-1", 1), 90)
    make_run(tmp_path / "runs/breakout-2", 2, train__gamma=0.9)
    make_run(tmp_path / "runs/drones/drone", 3, environment="drone", env__wind=2.5, lines=100, ended="interrupted")
    make_run(tmp_path / "runs/crashed", 4, environment="pong", lines=20, ended=KILLED)
    make_run(tmp_path / "runs/failed", 5, environment="pong", lines=0, ended="failed")
    return Command(capsys)


# --- list ---


def test_a_table_of_runs_the_newest_first(runs: Command) -> None:
    assert runs() == 0
    head, *lines = runs.out.splitlines()
    assert head.split() == ["run", "env", "seed", "status", "steps", "time", "steps/s", "score", "perf", "started"]
    assert [line.split()[0] for line in lines] == ["failed", "crashed", "drones/drone", "breakout-2", "breakout-1", "~"]
    assert " ".join(lines[-2].split()) == "breakout-1 breakout 1 finished 200k 1:40 2k 90 ~1 2026-01-01 12:00"
    assert "~ from training, not evaluated" in lines[-1]
    assert "20k of 200k" in lines[1]


def test_states_are_told_apart(runs: Command) -> None:
    with FolderLock(Path("runs/crashed")):  # as the trainer holds it
        assert runs.names("status=live") == ["crashed"]
        assert str(find_holder(Path("runs/crashed"))).startswith(f"process {os.getpid()} on ")
    (Path("runs/crashed") / ".lock").write_text("{}")  # left behind by a process that was killed
    for status, names in {
        "live": [],
        "crashed": ["crashed"],
        "failed": ["failed"],
        "interrupted": ["drone"],
        "finished": ["breakout-2", "breakout-1"],
    }.items():
        assert runs.names(f"status={status}") == names


def test_looking_at_a_folder_keeps_no_trainer_out(tmp_path: Path) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            find_holder(tmp_path)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(300):
            with FolderLock(tmp_path):  # refused, if it finds the folder locked
                pass
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        (["perf>=0.9", "env=breakout"], ["breakout-2", "breakout-1"]),
        (["score>50 env=breakout"], ["breakout-2", "breakout-1"]),
        (["score<=90"], ["breakout-1"]),
        (["gamma=0.9"], ["breakout-2"]),
        (["train.gamma!=0.9", "steps>100k"], ["breakout-1"]),
        (["env=DR*"], ["drone"]),
        (["wind>2"], ["drone"]),
        (["env.frameskip=2", "seed<3"], ["breakout-2", "breakout-1"]),
        (["started>=2026-01-04"], ["failed", "crashed"]),
        (["steps=20_000"], ["crashed"]),
        (["package-code=9*", "seed=1"], ["breakout-1"]),
        (["status=nothing"], []),
    ],
)
def test_conditions(runs: Command, conditions: list[str], names: list[str]) -> None:
    assert runs.names("list", *conditions) == names


def test_sorting_and_columns(runs: Command) -> None:
    assert runs.names("--sort", "-perf,seed") == ["breakout-1", "breakout-2", "drone", "crashed", "failed"]
    assert runs.names("list", "--sort", "env,-score", "--limit", "2") == ["breakout-2", "breakout-1"]
    assert runs("env=breakout", "--columns", "run,gamma,xyz", "--sort", "run") == 2
    assert "no run has a value called 'xyz'. `puffer-runs --json` shows what there is." in runs.err
    assert runs("env=breakout", "--columns", "run,gamma,environment-code,tag", "--sort", "run") == 0
    rows = [line.split() for line in runs.out.splitlines()]
    assert rows[1:] == [["breakout-1", "0.98", "eeeeeeee"], ["breakout-2", "0.9", "eeeeeeee"]]
    assert runs("--columns", "+gamma,wind", "--limit", "1", "--sort", "seed") == 0
    assert runs.out.splitlines()[0].split()[-2:] == ["gamma", "wind"]
    assert "and 4 more runs" in runs.out


def test_folders_are_searched_and_each_run_is_found_once(runs: Command, tmp_path: Path) -> None:
    assert runs.names("runs/drones") == ["drone"]
    assert len(runs.names("runs", "runs/drones", "runs/breakout-1", str(tmp_path / "runs"))) == 5
    (tmp_path / "runs/half").mkdir()
    (tmp_path / "runs/half/config.json").write_text("{")
    assert runs("runs") == 0
    assert runs.err.startswith("puffer-runs: skipped 1 folder, such as: runs/half is not a run folder")
    assert len(find_runs([tmp_path])) == 6


def test_a_terminal_gets_colour_and_its_own_width(runs: Command) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=60, color_system="standard")
    summaries = [summarize(path) for path in find_runs([Path("runs")])]
    run_table.print_table(summaries, None, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"\x1b\[32mfinished *\x1b", text)
    assert re.search(r"\x1b\[31mcrashed *\x1b", text)
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert max(map(len, plain.splitlines())) <= 60
    assert plain.splitlines()[0].split() == ["run", "env", "status", "steps", "score"], "what matters most"


# --- show, compare, live ---


def test_show_has_everything(runs: Command) -> None:
    assert runs("note", "breakout-1", "the", "first") == 0
    assert runs("show", "breakout-1", "runs/breakout-2") == 0
    words = " ".join(runs.out.split())
    for part in (
        "runs/breakout-1 breakout, seed 1 finished",
        "200k steps in 1:40",
        "note: the first",
        "over 8 fresh full episodes mean std min max score 90 0.5 90 90",
        "environment code eeeeeeee",
        "2026-01-01 12:00:00 UTC 1:40 200k finished puffer-train breakout --seed 1",
        "one line of numbers per iteration",
        "resume it with: puffer-train --resume runs/breakout-1",
        "newest numbers, not evaluated",
    ):
        assert part in words, part


def test_compare_names_what_differs(runs: Command) -> None:
    make_run(Path("runs/same"), 7)
    edited = {"identity": IDENTITY | {"package_code": "8" * 64}}
    make_run(Path("runs/edited"), 1, **edited)  # type: ignore[arg-type]
    assert runs("compare", "breakout-1", "breakout-2") == 0
    words = " ".join(runs.out.split())
    for part in ("train.gamma 0.98 0.9", "score 90 ± 0.5 ~200", "seed 1 2", "1 difference besides the seed"):
        assert part in words, part
    assert runs("compare", "breakout-1", "edited") == 0
    assert "package code 99999999 88888888" in " ".join(runs.out.split())
    assert runs("compare", "breakout-1", "same") == 0
    assert "The same run with seeds 1 and 7." in runs.out
    assert "what differs" not in runs.out
    make_run(Path("runs/old"), 1, identity=None)
    make_run(Path("runs/old-2"), 1, identity=None)
    assert runs("compare", "old", "old-2") == 0
    assert "it is unknown which code made them" in runs.out


def test_live_runs_are_watched_until_they_end(runs: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs("live") == 0
    assert runs.out == "no run is live.\n"
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with FolderLock(Path("runs/crashed")):
        assert runs("live", "--once") == 0
        assert " ".join(runs.out.splitlines()[1].split()) == "crashed pong 4 20k of 200k 500 400 1 6:00"
        found = [summarize(Path("runs/crashed"))]
    pauses: list[float] = []
    monkeypatch.setattr(live.time, "sleep", lambda seconds: (pauses.append(seconds), found.clear()))
    live.watch(lambda: found, console, 2.0)
    assert pauses == [2.0]
    assert "1 live run; Ctrl-C stops watching, not the training" in console.file.getvalue()  # type: ignore[attr-defined]


# --- labels ---


def test_tags_and_notes(runs: Command) -> None:
    assert runs("tag", "breakout-1", "best", "base-line") == 0
    assert runs.out == "runs/breakout-1: tags base-line, best\n"
    assert runs("tag", "env=breakout", "seen") == 0
    assert len(runs.out.splitlines()) == 2
    assert runs.names("tag=best") == ["breakout-1"]
    assert runs.names("tag!=best", "tag=seen") == ["breakout-2"]
    assert runs("note", "breakout-1", "a long", "story") == 0
    assert runs("untag", "breakout-1", "best") == 0
    assert read_labels(Path("runs/breakout-1")) == Labels(("base-line", "seen"), "a long story")
    assert runs("list", "note=*story") == 0
    assert "base-line, seen" in runs.out
    assert runs("untag", "breakout-1", "sen") == 2
    assert "breakout-1 has no tag 'sen'. Did you mean 'seen'?" in runs.err
    assert runs("untag", "breakout-1", "base-line", "seen") == 0
    assert runs("note", "breakout-1", "") == 0
    assert runs.out == "runs/breakout-1: no tags, no note\n"
    assert not (Path("runs/breakout-1") / "labels.json").exists()
    for damaged in ("{", "[]", '{"tags": 3}'):
        (Path("runs/breakout-1") / "labels.json").write_text(damaged)
        assert read_labels(Path("runs/breakout-1")) == Labels()


# --- remove, archive ---


def test_remove_asks(runs: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert runs("remove", "crashed") == 2
    assert "nobody can answer here: add --yes" in runs.err
    questions: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda text: (questions.append(text), "n")[1])
    assert runs("remove", "crashed", "failed") == 0
    assert "Nothing was changed." in runs.out
    assert questions[0].startswith("Remove 2 runs, ")
    monkeypatch.setattr("builtins.input", lambda text: "y")
    assert runs("remove", "status=crashed") == 0
    assert runs.out.endswith("removed runs/crashed\n")
    assert runs.names() == ["failed", "drone", "breakout-2", "breakout-1"]
    assert not list(Path("runs").glob(".*"))


def test_what_is_live_or_more_than_a_run_is_not_removed(runs: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with FolderLock(Path("runs/crashed")):
        for command in ("remove", "archive"):
            assert runs(command, "failed", "crashed", "--yes") == 2
            assert f"runs/crashed is live (process {os.getpid()} on " in runs.err
    assert Path("runs/failed").is_dir(), "all or nothing"
    make_run(Path("runs/failed/inner/run"))
    assert runs("remove", "failed", "--yes") == 2
    assert "runs/failed holds other runs, such as runs/failed/inner/run: move them out first." in runs.err
    Path("runs/link").symlink_to("breakout-1")
    assert runs("remove", "link", "--yes") == 2
    assert "runs/link is a link" in runs.err
    monkeypatch.chdir("runs/breakout-1")
    assert runs("remove", ".", "--yes") == 2
    assert "is the current folder or above it" in runs.err


def contents(folder: Path) -> dict[str, object]:
    """What files hold and links lead to."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return {str(p.relative_to(folder)): str(p.readlink()) if p.is_symlink() else p.read_bytes() for p in found}


def test_an_archive_holds_all_and_is_restored(runs: Command) -> None:
    Path("runs/breakout-1/wandb/run-a").mkdir(parents=True)
    Path("runs/breakout-1/wandb/latest-run").symlink_to("run-a")
    Path("runs/breakout-1/wandb/run-a/log").write_text("x")
    Path("runs/breakout-1/secret").symlink_to("/etc/hostname")
    before = contents(Path("runs/breakout-1"))
    assert before.pop("secret") == "/etc/hostname"
    assert runs("archive", "breakout-1", "--yes") == 0
    archived = Path("runs/archive/breakout-1.tar.gz")
    assert runs.out == f"{archived}  (unpack it with: puffer-runs restore {archived})\n"
    assert "breakout-1" not in runs.names()
    make_run(Path("runs/breakout-1"))
    assert runs("archive", "breakout-1", "--yes") == 2
    assert f"{archived} exists already: rename it, or the run." in runs.err
    assert runs("restore", str(archived)) == 2
    assert "runs/breakout-1 exists already: rename it first." in runs.err
    assert runs("remove", "breakout-1", "--yes") == 0
    assert runs("restore", str(archived)) == 0
    assert runs.out == "runs/breakout-1\n"
    assert contents(Path("runs/breakout-1")) == before, "all but links that lead out"
    assert not archived.exists()
    assert not list(Path("runs").glob(".*"))


def test_hostile_archives_are_refused(runs: Command, tmp_path: Path) -> None:
    whole = archive_run(Path("runs/breakout-1"))
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:-40])
    (tmp_path / "text.tar.gz").write_text("text")
    for name in ("../out/config.json", "/tmp/x/config.json", "config.json", "a/../../b/config.json", "a/other.json"):
        with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
        assert runs("restore", str(tmp_path / "bad.tar.gz")) == 2
        assert "is not the archive of a run" in runs.err
        assert runs.err.count("\n") == 1
    for path in ("cut.tar.gz", "text.tar.gz"):
        assert runs("restore", path) == 2
        assert f"{path} cannot be read as an archive" in runs.err
    assert runs("restore", "nothing.tar.gz") == 2
    assert "nothing.tar.gz: there is no such file." in runs.err
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "cut.tar.gz", "text.tar.gz", "bad.tar.gz"}


# --- mistakes ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "breakout-3"], "there is no run 'breakout-3'. Did you mean 'breakout-2'?"),
        (["show", "runs/breakot-1"], "there is no run 'runs/breakot-1'. Did you mean 'runs/breakout-1'?"),
        (["show", "runs"], "runs is not a run folder: it has no config.json."),
        (["show"], "the following arguments are required: RUN"),
        (["compare", "breakout-1"], "breakout-1 is one run: name at least two to compare."),
        (["run"], "run: there is no such folder. Did you mean 'runs'?"),
        (["remov", "x"], "remov: there is no such folder. Did you mean 'remove'?"),
        (["perf"], "perf: there is no such folder. Quote conditions: 'perf>0.9'."),
        (["pref>0.9"], "no run has a value called 'pref'. Did you mean 'perf'?"),
        (["perf>high"], "perf>high: perf is compared with a number."),
        (["tag>2"], "tag>2: words are compared with = or !=."),
        (["--sort", "prf"], "no run has a value called 'prf'. Did you mean 'perf'?"),
        (["list", "--sorted", "x"], "there is no option '--sorted'. Did you mean '--sort'?"),
        (["tag", "breakout-1", "two words"], "tag 'two words': it may have letters, digits"),
        (["remove", "env=snake", "--yes"], "no run meets env=snake."),
        (["remove", "env=snake*", "--yes"], "no run meets 'env=snake*'."),
    ],
)
def test_mistakes_are_one_line(runs: Command, arguments: list[str], message: str) -> None:
    assert runs(*arguments) == 2
    assert (runs.out, runs.err.count("\n")) == ("", 1)
    assert runs.err.startswith("puffer-runs: ")
    assert message in runs.err


def test_the_commands_of_the_page_can_be_typed() -> None:
    page = (HERE.parents[1] / "docs/runs.md").read_text("utf-8")
    lines = [
        line for block in re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL) for line in block.split("\n")
    ]
    words = [shlex.split(line, comments=True) for line in lines if re.match(r"puffer-(runs|plot) ", line)]
    assert len(words) > 15
    for program, *arguments in words:
        if program == "puffer-runs":
            cli_runs.build_parser().parse(cli_runs.complete(arguments))
        else:
            cli_plot.build_parser().parse(arguments)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["sh"], ["show"]),
        (["list", "--so"], ["--sort"]),
        (["--sort", "seed", "--col"], ["--columns"]),
        (["show", "runs/break"], ["runs/breakout-1/", "runs/breakout-2/"]),
    ],
)
def test_tab_completes(runs: Command, monkeypatch: pytest.MonkeyPatch, typed: list[str], found: list[str]) -> None:
    monkeypatch.setenv(completion.VARIABLE, "1")
    with pytest.raises(SystemExit):
        runs(*typed)
    assert runs._capture.readouterr().out.split() == found


def test_where_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    runs = Command(capsys)
    assert runs() == 2
    assert runs.err == "puffer-runs: there is no folder 'runs' here: name a folder with runs.\n"
    (tmp_path / "runs").mkdir()
    assert (runs(), runs.out) == (0, "no run.\n")
    assert (runs("env=x"), runs.out) == (0, "no run meets env=x.\n")
    assert (runs("--json"), runs.out) == (0, "[]\n")


def test_it_needs_no_torch(runs: Command, tmp_path: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from puffer_commands import runs; sys.exit(runs())"
    for arguments in (["runs"], ["show", "breakout-1"], ["compare", "breakout-1", "drones/drone"], ["--help"]):
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        assert "run" in done.stdout
