"""Checkpoints: complete or not there, whole or refused."""

import errno
import hashlib
import itertools
import pickle
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from failing_disk import FailingDisk

from puffer_train.errors import CheckpointError, StorageError
from puffer_train.storage import checkpoint
from puffer_train.storage.checksummed_json import seal

HERE = Path(__file__).parent
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks descriptors up in /proc")


def tensors(value: float = 1.0) -> dict[str, torch.Tensor]:
    return {"weights": torch.full((50, 7), value), "generator": torch.arange(100, dtype=torch.uint8)}


def manifest(steps: int) -> dict[str, Any]:
    return {"counters": {"steps": steps}, "identity": {}, "seed": 1, "settings": {}, "versions": {}}


def save(folder: Path, steps: int = 100, value: float = 1.0, kept: int = 3) -> Path:
    return checkpoint.save(folder, steps, tensors(value), manifest(steps), kept)


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
        checkpoint.save(tmp_path, 1, bad, manifest(1))
    assert not list(tmp_path.iterdir())


# --- damage ---


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path, generator = save(tmp_path), random.Random(1)
    for file in (path / checkpoint.TENSORS, path / checkpoint.MANIFEST):
        whole = file.read_bytes()
        for _ in range(1000):
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
        for length in range(0, len(whole), max(1, len(whole) // 100)):
            file.write_bytes(whole[:length])
            with pytest.raises(CheckpointError, match=str(path)):
                checkpoint.load(path)
        file.unlink()
        with pytest.raises(CheckpointError, match=str(path)):
            checkpoint.load(path)
        file.write_bytes(whole)


def test_nothing_is_before_the_only_checkpoint(tmp_path: Path) -> None:
    (save(tmp_path, 1, 1.0) / checkpoint.TENSORS).write_bytes(b"")
    warnings: list[str] = []
    with pytest.raises(CheckpointError, match=r": its only checkpoint is damaged\.$"):
        checkpoint.load_latest(tmp_path, warnings.append)
    assert len(warnings) == 1 and "Falling back" not in warnings[0]


def test_falls_back_loudly(tmp_path: Path) -> None:
    older, newer = save(tmp_path, 1, 1.0), save(tmp_path, 2, 2.0)
    (newer / checkpoint.TENSORS).write_bytes(b"")
    warnings: list[str] = []
    assert checkpoint.load_latest(tmp_path, warnings.append).path == older
    assert len(warnings) == 1
    assert str(newer) in warnings[0]
    (older / checkpoint.MANIFEST).unlink()
    with pytest.raises(CheckpointError, match="none of its 2 checkpoints is intact"):
        checkpoint.load_latest(tmp_path, warnings.append)


def test_differences_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="its action sizes is 3, here it is 4"):
        checkpoint.check_identity({"action_sizes": 3}, {"action_sizes": 4}, tmp_path)
    with pytest.raises(CheckpointError, match=r"'a' is torch.float32 \(2,\), here it is torch.float32 \(3,\)"):
        checkpoint.check_shapes({"a": torch.zeros(2)}, {"a": torch.zeros(3)}, tmp_path)
    with pytest.raises(CheckpointError, match="no tensor 'b'"):
        checkpoint.check_shapes({"a": torch.zeros(2)}, {"b": torch.zeros(3)}, tmp_path)


def forge(path: Path, content: dict[str, Any], data: bytes | None = None) -> None:
    """Give a checkpoint other content, with checksums that are right."""
    if data is not None:
        (path / checkpoint.TENSORS).write_bytes(data)
    data = (path / checkpoint.TENSORS).read_bytes()
    sums = {"tensors_bytes": len(data), "tensors_sha256": hashlib.sha256(data).hexdigest()}
    (path / checkpoint.MANIFEST).write_bytes(seal(sums | content, checkpoint.CHECKSUM_KEY))


OTHER_JSON = [b"[]", b"7", b"null", b"{}", b'"text"', b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b"1e999"]
OTHER_JSON += [b'{"format": 1e999}', b'{"manifest_sha256": []}', b"\xff\xfe", b"", b'{"tensors_bytes": -1}']


@pytest.mark.parametrize("text", OTHER_JSON, ids=[text[:12].decode("latin1") for text in OTHER_JSON])
def test_other_json_is_refused(tmp_path: Path, text: bytes) -> None:
    path = save(tmp_path)
    (path / checkpoint.MANIFEST).write_bytes(text)
    with pytest.raises(CheckpointError, match=str(path)):
        checkpoint.load(path)


@pytest.mark.parametrize("key", [*checkpoint.CONTENT, "tensors_bytes", "tensors_sha256", "format"])
@pytest.mark.parametrize("value", [None, [1], "x" * 9, 1.5])
def test_a_sealed_manifest_of_something_else_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    path = save(tmp_path)
    forge(path, {"format": checkpoint.FORMAT} | manifest(1))
    checkpoint.load(path)
    forge(path, {"format": checkpoint.FORMAT} | manifest(1) | {key: value})
    with pytest.raises(CheckpointError, match=str(path)):
        checkpoint.load(path)


@pytest.mark.parametrize(
    "more",
    [{"run": []}, {"ranks": "2"}, {"ranks": True}, {"run": {"retreats": "1"}}, {"run": {"step_scale": None}}]
    + [{"run": {"seconds": seconds}} for seconds in (-1.0, float("nan"), 1e300, [0.0])],
)
def test_a_sealed_manifest_has_numbers_where_they_are_used(tmp_path: Path, more: dict[str, Any]) -> None:
    path = save(tmp_path)
    forge(path, {"format": checkpoint.FORMAT, "ranks": 2, "run": {"seconds": 1.5, "retreats": 1}} | manifest(1))
    checkpoint.load(path)
    forge(path, {"format": checkpoint.FORMAT} | manifest(1) | more)
    with pytest.raises(CheckpointError, match="no valid 'run'"):
        checkpoint.load(path)


def test_another_version_is_named(tmp_path: Path) -> None:
    path = save(tmp_path)
    forge(path, manifest(1) | {"format": "puffer-checkpoint-9"})
    with pytest.raises(CheckpointError, match=f"{path} has format 'puffer-checkpoint-9'; this version reads"):
        checkpoint.load(path)


def test_forged_tensors_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path)
    for data in (b"", b"\xff" * 100, (1 << 60).to_bytes(8, "little") + b"{}"):
        forge(path, {"format": checkpoint.FORMAT} | manifest(1), data)
        with pytest.raises(CheckpointError, match="is not a safetensors file"):
            checkpoint.load(path)
    bad = safetensors.torch.save({"a": torch.tensor([1.0, float("nan")])})
    forge(path, {"format": checkpoint.FORMAT} | manifest(1), bad)
    with pytest.raises(CheckpointError, match="'a' holds a value that is not finite"):
        checkpoint.load(path)


def test_damaged_ones_do_not_push_out_new_ones(tmp_path: Path) -> None:
    """A run that fell back to step 1 because 8 and 9 are damaged saves steps 2 to 4, which sort before those."""
    for steps in (1, 8, 9):
        save(tmp_path, steps)
    for steps in (8, 9):
        (tmp_path / f"step_{steps:015d}" / checkpoint.MANIFEST).unlink()
    warnings: list[str] = []
    for steps in (2, 3, 4):
        assert save(tmp_path, steps, kept=2).is_dir()
        assert checkpoint.load_latest(tmp_path, warnings.append).manifest["counters"] == {"steps": steps}
    assert len(warnings) == 6, "two damaged ones, three times"
    assert [int(path.name[5:20]) for path in checkpoint.list_checkpoints(tmp_path)] == [3, 4, 8, 9]


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


# --- a disk that refuses ---


@needs_proc
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_failure_at_any_call_loses_nothing(tmp_path: Path, error: int, lasting: bool) -> None:
    """Every mkdir, open, write, fsync and rename of a save is refused in turn."""
    folder = tmp_path / "checkpoints"
    earlier = [save(folder, steps, float(steps)) for steps in (1, 2, 3)]
    with FailingDisk(tmp_path).mounted() as disk:
        disk.fail(-1, 0)
        save(folder, 4)
        names = ["mkdir", "mkdir", *["open", "write", "fsync"] * 2, "open", "fsync", "replace", "open", "fsync"]
        assert disk.calls[: len(names)] == names, "it knows all calls of a save"
        assert disk.calls[len(names)] == "replace", "and the one that hides the oldest before it is removed"
    for number in range(len(names)):
        shutil.rmtree(folder)
        earlier = [save(folder, steps, float(steps)) for steps in (1, 2, 3)]
        with FailingDisk(tmp_path).mounted() as disk:
            disk.fail(number, error, 1000 if lasting else None)
            with pytest.raises(StorageError, match=f"cannot write a checkpoint to {folder}: .*\\.") as refused:
                save(folder, 4, 4.0)
        assert str(refused.value).count("\n") == 0
        whole = [checkpoint.load(path) for path in checkpoint.list_checkpoints(folder)]
        assert [found.path for found in whole][:3] == earlier, "none that was there is lost"
        renamed = number > names.index("replace")
        assert len(whole) == (4 if renamed else 3)
        newest = checkpoint.load_latest(folder, no_warning)
        assert newest.tensors["weights"].unique().tolist() == [4.0 if renamed else 3.0]
        save(folder, 5)
        assert not list(folder.glob(".*")), "what was begun is cleared away"


@needs_proc
def test_an_old_one_that_cannot_be_removed_stays_whole(tmp_path: Path) -> None:
    earlier = [save(tmp_path, steps) for steps in (1, 2, 3)]
    with FailingDisk(tmp_path).mounted() as disk:
        disk.fail(13, errno.EIO)
        new = save(tmp_path, 4)
    assert [checkpoint.load(path).path for path in checkpoint.list_checkpoints(tmp_path)] == [*earlier, new]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mounted)]
    if shutil.which("mount") is None or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("may not mount")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def test_a_disk_that_is_really_full(tiny_disk: Path) -> None:
    for steps in itertools.count(1):
        try:
            save(tiny_disk, steps, float(steps), kept=1000)
        except StorageError as error:
            assert str(error) == f"cannot write a checkpoint to {tiny_disk}: No space left on device."
            break
    assert 1 < steps < 40
    newest = checkpoint.load_latest(tiny_disk, no_warning)
    assert newest.tensors["weights"].unique().tolist() == [steps - 1.0]
    assert len(checkpoint.list_checkpoints(tiny_disk)) == steps - 1
    shutil.rmtree(checkpoint.list_checkpoints(tiny_disk)[0])
    save(tiny_disk, steps, kept=1000)


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """RLIMIT_FSIZE: a write that stops in the middle for real."""
    earlier = save(tmp_path, 1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            save(tmp_path, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == [earlier]
    checkpoint.load(earlier)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot write a checkpoint to .*file"):
        save(tmp_path / "file")
    with pytest.raises(CheckpointError, match="it holds no checkpoint"):
        checkpoint.load_latest(tmp_path / "file", no_warning)


@pytest.mark.parametrize("kills", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_while_saving(tmp_path: Path, kills: int) -> None:
    """SIGKILL at random instants: the newest complete checkpoint always loads, and none before it is lost."""
    program = [sys.executable, str(HERE / "kill_while_saving.py"), str(tmp_path), str(kills), "4"]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > kills / 10, "many kills came in the middle of a save"


@pytest.mark.parametrize("spread", [1, 4, 7])
def test_older_ones_are_kept_about_evenly_spread(tmp_path: Path, spread: int) -> None:
    for steps in range(10, 1010, 10):
        checkpoint.save(tmp_path, steps, tensors(1.0), manifest(steps), kept=2, spread=spread)
        left = [checkpoint.steps_of(path) for path in checkpoint.list_checkpoints(tmp_path)]
        assert len(left) == min(steps // 10, 2 + spread)
        assert left[0] == 10, "the first stays"
        assert left[-1] == steps
    assert left[-2:] == [990, 1000]
    gaps = [b - a for a, b in itertools.pairwise(left[:-1])]
    assert max(gaps) <= 2 * 1000 / spread, "a replay is never long"
