"""Sweeps of processes that share a database but no folder."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sweeps import SEARCH, SMALL, Told, trials, wait_for

pytest.importorskip("optuna")

from puffer_train.errors import StorageError
from puffer_train.sweep import shared_database
from puffer_train.sweep.plan import Plan
from puffer_train.sweep.pool import Pool
from puffer_train.sweep.shared_database import SharedDatabase, prepare
from puffer_train.sweep.sweep import Sweep

COMMAND = """
import sys
from puffer_train.cli.sweep import main
from puffer_train.sweep import shared_database
if __name__ == "__main__":
    shared_database.BEAT_SECONDS, shared_database.GRACE_SECONDS = 0.2, 4
    sys.exit(main())
"""
URL = "sqlite:///trials.db"


def ended(folder: str) -> list[str]:
    return [path.parent.name for path in Path(folder, "trials").glob("*/trial.json")]


def ask_database(question: str) -> int:
    with closing(sqlite3.connect("trials.db", timeout=0)) as database:
        database.execute("BEGIN IMMEDIATE")
        return int(database.execute(question).fetchone()[0])


def suspend(process: subprocess.Popen[str]) -> None:
    """Suspend a process while it runs a trial and does not lock the database."""
    while True:
        process.send_signal(signal.SIGSTOP)
        with suppress(sqlite3.OperationalError):
            if ask_database("SELECT count(*) FROM trials WHERE state = 'RUNNING'"):
                return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)


def taken_over() -> bool:
    with suppress(sqlite3.OperationalError):
        return ask_database("SELECT count(*) FROM puffer_sweep_claims WHERE turn > 0") > 0
    return False


@pytest.mark.parametrize(
    "ending",
    [pytest.param(signal.SIGKILL, id="killed"), pytest.param(signal.SIGSTOP, id="suspended", marks=pytest.mark.slow)],
)
def test_each_trial_is_run_once_and_what_a_silent_process_ran_is_taken_over(
    sweep: Told, ending: signal.Signals
) -> None:
    """Killed, or suspended for longer than the others wait, and then back among them."""
    count = 10 if ending == signal.SIGKILL else 20
    line = [sys.executable, "-c", COMMAND]
    first = [*line, "cartpole", *SMALL, *SEARCH, "--trials", str(count), "--storage", URL, "--run-dir", "first"]
    second = [*line, "--join", URL, "first", "--run-dir", "second", "--trials", str(count), "--workers", "1"]
    with subprocess.Popen(first, stdout=subprocess.PIPE, text=True) as one:
        wait_for(lambda: len(ended("first")) >= 2)
        suspend(one)
        one.send_signal(ending)
        with subprocess.Popen(second, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as other:
            wait_for(taken_over)
            if ending == signal.SIGSTOP:
                one.send_signal(signal.SIGCONT)
            early = one.communicate(timeout=120)[0]
            late, err = other.communicate(timeout=120)
    done = [number for number, *_ in trials("second")]
    assert other.returncode == 0 and "Traceback" not in err, err
    assert one.returncode == (0 if ending == signal.SIGSTOP else -ending), early
    assert "Other machines join with: puffer-sweep --join URL first" in early
    assert trials("first") == trials("second") and done in (list(range(count)), list(range(count + 1)))
    assert f"{len(done)} runs, 0 failed" in early + late
    told = re.findall(r"\d+/\d+ +run (\d+) ", early + late)
    assert len(set(told)) == len(told), (early, late)
    assert set(ended("first")) | set(ended("second")) == {f"{number:06d}" for number in done}
    assert len(set(ended("first")) & set(ended("second"))) <= 1, "what the silent process had begun, or just ended"
    assert sweep("--show", "second") == 0
    place = sweep.out.split()[-1]
    host = f"{socket.gethostname()}:{Path.cwd()}/first/trials/"
    assert place.startswith(host) or Path(place, "trial.json").exists()
    shutil.rmtree("second/trials")
    assert sweep("--show", "second") == 0 and f"{socket.gethostname()}:{Path.cwd()}/" in sweep.out.split()[-1]


def test_only_one_process_takes_over_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, folders = prepare(f"sqlite:///{tmp_path}/trials.db"), [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    one, two, three = (SharedDatabase(engine, 1, folder) for folder in folders)
    assert one.alone() and two.alone(), "nobody has been seen to live yet"
    one.begin(0)
    one.begin(1)
    for each in (two, three):
        each.look()
        assert not each.take_over(0, 0.0, tmp_path) and not each.take_over(2, 0.0, tmp_path)
    one.end()
    two.look()
    three.look()
    assert [each.take_over(0, 0.0, tmp_path) for each in (two, three)] == [True, False]
    assert two.owns(0) and not three.owns(0) and not one.owns(0)
    assert two.take_over(0, 0.0, tmp_path), "what it has and does not run is its own"

    monkeypatch.setattr(shared_database, "BEAT_SECONDS", 0.0)
    for each in (two, three, two, three):
        each.look()
    assert not two.alone(), "the third was seen to live"
    monkeypatch.setattr(shared_database, "GRACE_SECONDS", 0.05)
    time.sleep(0.1)
    three.look()
    assert three.take_over(0, 0.0, tmp_path), "the second was silent for too long"
    assert not two.owns(0)
    two.look()
    assert not two.take_over(0, 0.0, tmp_path), "the third lives"


def test_a_process_killed_in_this_folder_is_known_to_be_gone_at_once(tmp_path: Path) -> None:
    engine = prepare(f"sqlite:///{tmp_path}/trials.db")
    source = f"""
from pathlib import Path
from puffer_train.errors import StorageError
from puffer_train.sweep.pool import Pool
from puffer_train.sweep.shared_database import SharedDatabase, prepare
from puffer_train.sweep.plan import Plan
from puffer_train.sweep.sweep import Sweep
shared = SharedDatabase(prepare("sqlite:///{tmp_path}/trials.db"), 1, Path("{tmp_path}"))
shared.begin(0)
print(flush=True)
input()
"""
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        shared = SharedDatabase(engine, 1, tmp_path)
        assert not shared.alone() and not shared.take_over(0, 0.0, tmp_path)
        process.kill()
    assert shared.alone() and shared.take_over(0, 0.0, tmp_path)


def test_a_database_that_fails_ends_the_sweep_with_one_sentence(sweep: Told) -> None:
    assert sweep("cartpole", *SMALL, *SEARCH, "--trials", "1", "--storage", URL, "--run-dir", "s") == 0, sweep.err
    opened = Sweep(Path("s"), Plan.read(Path("s")))
    with pytest.raises(StorageError, match=r"the sweep's database does not answer: .*no such table.* Resume"), opened:
        with closing(sqlite3.connect("trials.db")) as database:
            database.execute("DROP TABLE puffer_sweep_workers")
        opened.run(2, 60.0, Pool(1, 60.0), lambda *_: None)


def test_what_cannot_be_joined_is_refused(sweep: Told) -> None:
    new = ["cartpole", *SMALL, *SEARCH, "--trials", "1", "--storage", URL, "--run-dir"]
    assert sweep(*new, "here/s") == 0, sweep.err
    assert sweep("--join", URL, "t") == 2
    assert sweep.err == "puffer-sweep: the database has no sweep 't': it has s.\n"
    assert sweep("--join", "nosql://x", "s") == 2
    assert "the database cannot be used: " in sweep.err and sweep.err.count("\n") == 1
    assert sweep("--join", "sqlite:///typo.db", "s") == 2
    assert sweep.err == "puffer-sweep: the database cannot be used: there is no file typo.db.\n"
    assert not Path("typo.db").exists()
    assert sweep(*new, "there/s", "--metric", "score") == 2
    assert "the database has another sweep 's': names are unique. Choose another --run-dir." in sweep.err
    assert sweep("cartpole", *SMALL, *SEARCH, "--trials", "1", "--run-dir", "own") == 0
    assert sweep("--join", URL, "s", "--run-dir", "own") == 2
    assert "own has another sweep: choose a new folder for --run-dir." in sweep.err
