"""Makes the tests' small environments importable, and torch quick on small work."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import runs
    import sweeps

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> runs.Shell:
    """Runs commands in an empty folder."""
    import runs  # noqa: PLC0415 - torch after the environment variable

    monkeypatch.chdir(tmp_path)
    return runs.Shell(tmp_path, capsys)


@pytest.fixture
def quick_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the workers of sweeps from a process that has torch, which takes longer to import than most trials to run.

    Sweeps that are processes of their own start their workers as users' sweeps do.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    from forked_ranks import warm_context  # noqa: PLC0415 - found once this folder is in the path

    context = warm_context()
    monkeypatch.setattr("puffer_train.sweep.pool.multiprocessing.get_context", lambda method: context)


@pytest.fixture
def sweep_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder for sweeps, whose workers find the tests' environments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)


@pytest.fixture
def sweep(capsys: pytest.CaptureFixture[str], sweep_folder: None, quick_workers: None) -> sweeps.Told:
    """Runs `puffer-sweep` in an empty folder."""
    import sweeps  # noqa: PLC0415 - torch after the environment variable

    return sweeps.Told(capsys)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """The numbers of a seed hold for one number of threads; on tests' sizes one is the fastest, too."""
    import torch  # noqa: PLC0415 - after the environment variable

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
