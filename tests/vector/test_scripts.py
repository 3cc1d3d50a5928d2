"""Where a vector is made: scripts without a guard, `python -c`, notebooks, children of other processes, and forks."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from puffer_envs import vector

from .conftest import LINUX, children
from .unruly_envs import Walks

RunScript = Callable[..., "subprocess.CompletedProcess[str]"]

BODY = """
import functools
import gymnasium
import numpy as np
from puffer_envs import vector

STEP = 2

class Counter(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, start=0):
        self.start = start

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = self.start
        return np.array([self.count], np.float32), {}

    def step(self, action):
        self.count += STEP * int(action)
        return np.array([self.count], np.float32), 1.0, False, False, {}

def make_counter(start=0):
    return Counter(start)
"""

USE = """
print("main runs once")
env = vector.make(FACTORY, 2, backend="processes", workers=2)
env.reset(0)
env.step([1, 0])
print(env.observations.ravel().tolist())
env.close()
"""

FACTORIES = {
    "a function": ("make_counter", [2.0, 0.0]),
    "a class": ("Counter", [2.0, 0.0]),
    "a lambda": ("lambda: Counter(1)", [3.0, 1.0]),
    "a partial": ("functools.partial(make_counter, start=5)", [7.0, 5.0]),
    "a closure": ("(lambda start: (lambda: Counter(start)))(4)", [6.0, 4.0]),
}


def check(done: subprocess.CompletedProcess[str], seen: list[float]) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["main runs once", str(seen)]
    assert done.stderr == ""


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_script_without_a_guard(factory: str, run_script: RunScript) -> None:
    source, seen = FACTORIES[factory]
    check(run_script(BODY + USE.replace("FACTORY", source)), seen)


def test_python_c(run_script: RunScript) -> None:
    check(run_script("", "-c", BODY + USE.replace("FACTORY", "Counter")), [2.0, 0.0])


def test_a_script_from_standard_input(run_script: RunScript) -> None:
    check(run_script("", "-", input=BODY + USE.replace("FACTORY", "make_counter")), [2.0, 0.0])


def test_python_m(run_script: RunScript, tmp_path: Path) -> None:
    (tmp_path / "my_program.py").write_text(BODY + USE.replace("FACTORY", "Counter"))
    check(run_script("", "-m", "my_program"), [2.0, 0.0])


def test_a_notebook(run_script: RunScript) -> None:
    """Cells that are run one after the other in a `__main__` that has no file."""
    cells = [BODY, "STEP = 10", USE.replace("FACTORY", "Counter")]
    kernel = f"""
import sys, types
main = types.ModuleType("__main__")
sys.modules["__main__"] = main
for cell in {cells!r}:
    exec(compile(cell, "<cell>", "exec"), main.__dict__)
"""
    check(run_script(kernel), [10.0, 0.0])


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_child_of_multiprocessing(method: str, run_script: RunScript) -> None:
    use = "".join(f"    {line}\n" for line in USE.replace("FACTORY", "Counter").splitlines())
    source = f"""
{BODY}
import multiprocessing
def run():
{use}
if __name__ == "__main__":
    child = multiprocessing.get_context("{method}").Process(target=run, daemon=True)
    child.start()
    child.join()
    assert child.exitcode == 0
"""
    check(run_script(source), [2.0, 0.0])


@pytest.mark.skipif(not LINUX, reason="forks")
def test_a_fork_leaves_its_parents_workers_alone(run_script: RunScript) -> None:
    source = (
        BODY
        + """
import os, sys
env = vector.make(Counter, 2, backend="processes", workers=2)
env.reset(0)
env.step([1, 1])
if os.fork() == 0:
    for action in (lambda: env.step([1, 1]), env.reset, env.recv, lambda: env.send([1, 1]), env.log,
                   lambda: env.set("start", 1), env.render):
        try:
            action()
        except RuntimeError as error:
            assert "belong to the parent of this fork" in str(error), error
        else:
            sys.exit("was not refused")
    env.close()
    del env
    sys.exit(0)
assert os.wait()[1] == 0
env.step([1, 1])
print(env.observations.ravel().tolist())
"""
    )
    done = run_script(source)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[4.0, 4.0]\n", "")


def test_a_factory_that_cannot_be_sent() -> None:
    before = children() if LINUX else set()
    stream = sys.stdout

    def factory(num_envs: int, seed: int, first: int) -> Walks:
        stream.write("made")
        return Walks(num_envs, seed, first)

    with pytest.raises(TypeError, match=r"^factory cannot be sent to worker processes \(.*backend='serial'$"):
        vector.make(factory, 2, backend="processes")
    assert not LINUX or children() == before


def test_folders_added_to_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "walks_of_mine.py").write_text("from tests.vector.unruly_envs import Walks\nclass Mine(Walks): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path / "no string: ignored by imports"])
    for factory in ("walks_of_mine:Mine", __import__("walks_of_mine").Mine):
        with vector.make(factory, 2, backend="processes", workers=2) as env:
            assert isinstance(env, vector.Vector)
            env.reset()
            assert str(tmp_path) in env.render(0)["path"]


def test_a_module_that_the_parent_alone_can_see(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("made_at_run_time")

    class Hidden(Walks):
        pass

    Hidden.__module__, Hidden.__qualname__ = module.__name__, "Hidden"
    module.Hidden = Hidden  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(vector.WorkerError) as raised:
        vector.make(Hidden, 2, backend="processes", workers=2)
    first_line = str(raised.value).splitlines()[0]
    assert "No module named 'made_at_run_time'" in first_line and "must be importable there" in first_line


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.skipif(not LINUX, reason="needs a shell")
def test_a_parent_without_standard_streams(closed: str, run_script: RunScript, tmp_path: Path) -> None:
    """As a daemon may be: descriptors 0 to 2 are then given to the first files that are opened."""
    (tmp_path / "daemon.py").write_text(
        BODY
        + """
env = vector.make(Counter, 2, backend="processes", workers=2, timeout=20)
env.reset(0)
env.step([1, 0])
env.close()
open("seen", "w").write(str(env.observations.ravel().tolist()))
"""
    )
    command = ["sh", "-c", f"exec {sys.executable} daemon.py {closed}"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "seen").read_text() == "[2.0, 0.0]"


def test_environments_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="must have equal spaces"):
        vector.make(growing_walks, 2, backend="processes", workers=2)


def growing_walks(num_envs: int, seed: int, first: int) -> Walks:
    return Walks(num_envs, seed, first, size=4 + first)


@pytest.mark.parametrize(
    ("result", "message"),
    [("None", "got NoneType"), ("object()", "got object"), ("1 / 0", "ZeroDivisionError")],
)
def test_factories_that_make_something_else(result: str, message: str) -> None:
    with pytest.raises(vector.WorkerError, match=message):
        vector.make(make_nonsense, 2, backend="processes", workers=2, result=result)


def make_nonsense(result: str) -> Any:
    made: dict[str, Callable[[], Any]] = {"None": lambda: None, "object()": object, "1 / 0": lambda: 1 / 0}
    return made[result]()
