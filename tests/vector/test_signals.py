"""The signals between processes under the thread sanitizer: no wake-up is lost, nothing is raced."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from puffer_envs._signals import Signals, signals_size

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_no_wake_up_is_lost(sanitizer: str, tmp_path: Path) -> None:
    gcc, setarch = shutil.which("gcc"), shutil.which("setarch")
    if not gcc or not setarch or not (ROOT / "c/signals.c").exists():
        pytest.skip("needs gcc, setarch and a checkout")
    sources = [str(ROOT / path) for path in ("tests/c/signals_test.c", "c/signals.c")]
    flags = ["-std=gnu17", "-O1", "-g", f"-fsanitize={sanitizer}", f"-I{ROOT / 'c'}", "-pthread"]
    subprocess.run([gcc, *flags, *sources, "-o", str(tmp_path / "signals_test")], check=True)
    # Without address-space randomisation, because older thread sanitizers cannot map their shadow with it.
    done = subprocess.run([setarch, "-R", str(tmp_path / "signals_test")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]


def make_signals(blocks: int, workers: int) -> Signals:
    return Signals(np.zeros(signals_size(blocks, workers), np.uint8), blocks, workers)


def test_a_sleep_is_ended_by_one_byte() -> None:
    signals = make_signals(blocks=3, workers=1)
    signals.worker_sleeps(0, True)
    assert [signals.ask(block, 0) for block in range(3)] == [True, False, False]
    signals.parent_sleeps(True)
    assert [signals.finish(signals.next_asked(0, 3, False)) for _ in range(3)] == [True, False, False]


def test_blocks_take_turns() -> None:
    signals = make_signals(blocks=4, workers=2)
    for block in (0, 1, 3):
        assert not signals.ask(block, block // 2)
    assert signals.next_asked(0, 2, False) == 0
    signals.finish(0)
    signals.ask(0, 0)
    assert signals.next_asked(0, 2, False) == 1  # not 0 again, whose turn it was
    assert signals.next_asked(2, 4, False) == 3
    signals.finish(3)
    assert [signals.next_done(False) for _ in range(3)] == [0, 3, -1]


def test_memory_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="need"):
        Signals(np.zeros(64, np.uint8), 3, 1)
