"""Checkpoints: complete or not there, whole or refused."""

import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

from puffer_train import checkpoint
from puffer_train.errors import CheckpointError


def tensors(value: float = 1.0) -> dict[str, torch.Tensor]:
    return {"weights": torch.full((50, 7), value), "generator": torch.arange(100, dtype=torch.uint8)}


def save(folder: Path, steps: int = 100, value: float = 1.0) -> Path:
    return checkpoint.save(folder, steps, tensors(value), {"counters": {"steps": steps}, "name": "a name"})


def no_warning(line: str) -> None:
    pytest.fail(f"unexpected warning: {line}")


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    loaded = checkpoint.load(save(tmp_path / "new" / "folder"))
    assert loaded.manifest["counters"] == {"steps": 100}
    assert loaded.tensors.keys() == tensors().keys()
    assert all(torch.equal(loaded.tensors[name], tensor) for name, tensor in tensors().items())


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for steps in (5, 50, 500, 1000):
        save(tmp_path, steps, float(steps))
    again = save(tmp_path, 1000, 7.0)
    assert [path.name[-8:] for path in checkpoint.list_checkpoints(tmp_path)] == [
        "00000500",
        "00001000",
        "1000.001",
    ]
    assert checkpoint.load_latest(tmp_path, no_warning).path == again
    assert len(list(tmp_path.iterdir())) == 3, "nothing else is left behind"


def test_a_value_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    bad = tensors()
    bad["weights"][3, 4] = float("inf")
    with pytest.raises(CheckpointError, match="'weights' holds a value that is not finite"):
        checkpoint.save(tmp_path, 1, bad, {})
    assert not list(tmp_path.iterdir())


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path, generator = save(tmp_path), random.Random(1)
    for file in (path / checkpoint.TENSORS, path / checkpoint.MANIFEST):
        whole = file.read_bytes()
        for _ in range(500):
            damaged = bytearray(whole)
            damaged[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
            file.write_bytes(damaged)
            with pytest.raises(CheckpointError, match=str(path)):
                checkpoint.load(path)
        file.write_bytes(whole)
    checkpoint.load(path)


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = save(tmp_path)
    for file in (path / checkpoint.TENSORS, path / checkpoint.MANIFEST):
        whole = file.read_bytes()
        for length in range(0, len(whole), max(1, len(whole) // 50)):
            file.write_bytes(whole[:length])
            with pytest.raises(CheckpointError, match=str(path)):
                checkpoint.load(path)
        file.unlink()
        with pytest.raises(CheckpointError, match=str(path)):
            checkpoint.load(path)
        file.write_bytes(whole)


def test_falls_back_loudly(tmp_path: Path) -> None:
    older, newer = save(tmp_path, 1, 1.0), save(tmp_path, 2, 2.0)
    (newer / checkpoint.TENSORS).write_bytes(b"")
    warnings: list[str] = []
    assert checkpoint.load_latest(tmp_path, warnings.append).path == older
    assert len(warnings) == 1
    assert str(newer) in warnings[0]
    (older / checkpoint.MANIFEST).unlink()
    with pytest.raises(CheckpointError, match="none of its 2 checkpoints is whole"):
        checkpoint.load_latest(tmp_path, warnings.append)


def test_differences_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="its action sizes is 3, here it is 4"):
        checkpoint.check_identity({"action_sizes": 3}, {"action_sizes": 4}, tmp_path)
    with pytest.raises(CheckpointError, match=r"'a' is torch.float32 \(2,\), here it is torch.float32 \(3,\)"):
        checkpoint.check_shapes({"a": torch.zeros(2)}, {"a": torch.zeros(3)}, tmp_path)
    with pytest.raises(CheckpointError, match="no tensor 'b'"):
        checkpoint.check_shapes({"a": torch.zeros(2)}, {"b": torch.zeros(3)}, tmp_path)


class Exploit:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.target,))


def test_pickles_do_not_run(tmp_path: Path) -> None:
    path, ran = save(tmp_path), tmp_path / "ran"
    pickle.loads(pickle.dumps(Exploit(ran)))
    assert ran.exists(), "the payload works"
    ran.unlink()
    torch.save(Exploit(ran), tmp_path / "payload.pt")
    for payload in (pickle.dumps(Exploit(ran)), (tmp_path / "payload.pt").read_bytes()):
        for file in (path / checkpoint.TENSORS, path / checkpoint.MANIFEST):
            whole = file.read_bytes()
            file.write_bytes(payload)
            with pytest.raises(CheckpointError):
                checkpoint.load(path)
            file.write_bytes(whole)
    assert not ran.exists()


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = save(tmp_path, 1)

    def refuse(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_durable", refuse)
    with pytest.raises(CheckpointError, match="No space left on device"):
        save(tmp_path, 2)
    assert [older] == list(tmp_path.iterdir())
    checkpoint.load(older)


def test_killed_while_saving(tmp_path: Path) -> None:
    """Kill a process that does nothing but save, at random moments: the newest complete checkpoint always loads."""
    program = textwrap.dedent(f"""
        import torch
        from pathlib import Path
        from puffer_train import checkpoint
        steps = 1 + max([int(p.name[5:20]) for p in checkpoint.list_checkpoints(Path({str(tmp_path)!r}))] or [0])
        while True:
            weights = torch.full((400, 400), float(steps))
            checkpoint.save(Path({str(tmp_path)!r}), steps, {{"weights": weights}}, {{"steps": steps}}, 3)
            print(steps, flush=True)
            steps += 1
    """)
    generator = random.Random(4)
    for _ in range(8):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            saved = int(process.stdout.readline())
            time.sleep(generator.uniform(0, 0.05))
            os.kill(process.pid, signal.SIGKILL)
            rest = process.stdout.read().split()
        saved = int(rest[-1]) if rest else saved
        loaded = checkpoint.load_latest(tmp_path, no_warning)
        assert loaded.manifest["steps"] >= saved
        assert loaded.tensors["weights"].unique().tolist() == [float(loaded.manifest["steps"])]
        assert len(checkpoint.list_checkpoints(tmp_path)) >= min(saved, 3), "no earlier one is lost"
