"""Files that are damaged, forged or hostile: named and refused, never run, never silently replaced by a fresh start."""

import json
import pickle
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import SMALL, Done, Shell, metrics, newest, saved_steps, signalled

import puffer_envs
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.policy import PolicyError, load_policy
from puffer_envs.replay import Replay
from puffer_train.contract import describe
from puffer_train.errors import CheckpointError
from puffer_train.storage import checkpoint
from puffer_train.storage.checksummed_json import seal
from puffer_train.storage.policy_file import read_policy

BATCH = 16 * 8
RUN = ["cartpole", *SMALL, "--steps", str(9 * BATCH), "--train.checkpoint-interval", str(2 * BATCH)]
STEPS = [2 * BATCH, 4 * BATCH, 5 * BATCH]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with a run that was stopped after five iterations, and one that was not; made by the first test."""
    return {"made in": tmp_path_factory.mktemp("runs")}


@pytest.fixture
def whole(shell: Shell, runs: dict[str, Path]) -> Path:
    """An undisturbed run."""
    if "whole" not in runs:
        assert shell.train(*RUN, "--run-dir", runs["made in"] / "whole").status == 0
        runs["whole"] = runs["made in"] / "whole"
    return runs["whole"]


@pytest.fixture
def run(shell: Shell, runs: dict[str, Path]) -> Path:
    """A copy of the stopped run."""
    if "stopped" not in runs:
        with signalled(5):
            assert shell.train(*RUN, "--run-dir", runs["made in"] / "stopped").status == 130
        runs["stopped"] = runs["made in"] / "stopped"
    folder = shell.folder / "run"
    shutil.copytree(runs["stopped"], folder)
    assert saved_steps(folder) == STEPS
    return folder


def go_on(shell: Shell, folder: Path) -> Done:
    return shell.train("--resume", folder, "--threads", "1", "--no-video")


def damages(data: bytes, generator: random.Random, flips: int, cuts: int) -> list[bytes]:
    """Copies with a bit flipped, and copies with the end missing."""
    damaged = []
    for _ in range(flips):
        flipped = bytearray(data)
        flipped[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        damaged.append(bytes(flipped))
    return damaged + [data[: generator.randrange(len(data))] for _ in range(cuts)]


OFTEN = pytest.param(1000, 100, marks=pytest.mark.slow)


# --- checkpoints ---


@pytest.mark.parametrize(("flips", "cuts"), [(60, 20), OFTEN])
def test_damage_is_noticed_with_the_path(run: Path, flips: int, cuts: int) -> None:
    """The checkpoint of a real run."""
    path, generator = checkpoint.list_checkpoints(run / "checkpoints")[-1], random.Random(1)
    for name in (checkpoint.TENSORS, checkpoint.MANIFEST):
        file = path / name
        data = file.read_bytes()
        for damaged in damages(data, generator, flips, cuts):
            file.write_bytes(damaged)
            with pytest.raises(CheckpointError, match=str(file)):
                checkpoint.load(path)
        file.write_bytes(data)
    checkpoint.load(path)


@pytest.mark.parametrize("how", ["flipped", "cut", "missing", "replaced", "empty folder"])
def test_a_damaged_checkpoint_is_fallen_back_from_loudly(shell: Shell, run: Path, whole: Path, how: str) -> None:
    """The run resumes from the one before it, and ends where it would have ended."""
    path = checkpoint.list_checkpoints(run / "checkpoints")[-1]
    file = path / checkpoint.TENSORS
    data = file.read_bytes()
    if how == "flipped":
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 4]))
    elif how == "cut":
        file.write_bytes(data[:-1])
    elif how == "missing":
        file.unlink()
    elif how == "replaced":
        (path / checkpoint.MANIFEST).write_text("[[]]")
    else:
        shutil.rmtree(path)
        path.mkdir()
    done = go_on(shell, run)
    assert done.status == 0, done.err
    warnings = [line for line in done.out.splitlines() if line.startswith("WARNING: ")]
    assert len(warnings) == 1
    assert str(path) in warnings[0]
    assert warnings[0].endswith("Falling back to the checkpoint before it.")
    assert f"Resuming from {run}/checkpoints/step_{4 * BATCH:015d}" in done.out
    assert newest(run).manifest["counters"] == newest(whole).manifest["counters"]
    assert metrics(run) == metrics(whole)
    assert (run / "policy.safetensors").read_bytes() == (whole / "policy.safetensors").read_bytes()


def test_no_fresh_start_where_none_is_whole(shell: Shell, run: Path) -> None:
    for path in checkpoint.list_checkpoints(run / "checkpoints"):
        (path / checkpoint.MANIFEST).write_text("{}")
    before = (run / "metrics.jsonl").read_bytes()
    done = go_on(shell, run)
    assert done.status == 2
    assert done.out.count("WARNING: ") == 3
    assert done.err == f"puffer-train: cannot resume from {run}/checkpoints: none of its 3 checkpoints is intact.\n"
    assert (run / "metrics.jsonl").read_bytes() == before


def forge(path: Path, **content: Any) -> None:
    """Change a checkpoint's manifest, and seal it again."""
    whole = checkpoint.load(path).manifest
    (path / checkpoint.MANIFEST).write_bytes(seal(whole | content, checkpoint.CHECKSUM_KEY))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"counters": {}}, "its counter 'steps' is None"),
        ({"counters": {"steps": -1, "updates": 1}}, "its counter 'steps' is -1"),
        ({"counters": {"steps": 1e999, "updates": 1}}, "its counter 'steps' is inf"),
        ({"counters": {"steps": True, "updates": 1}}, "its counter 'steps' is True"),
        ({"counters": {"steps": 1 << 70, "updates": 1}}, "its counter 'steps' is 1180591620717411303424"),
        ({"identity": {}}, "does not fit: its setting env."),
        ({"seed": 7}, "its seed is 7, here it is 1"),
    ],
)
def test_a_forged_manifest_is_refused_in_one_line(
    shell: Shell, run: Path, content: dict[str, Any], message: str
) -> None:
    forge(checkpoint.list_checkpoints(run / "checkpoints")[-1], **content)
    done = go_on(shell, run)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert message in done.err


@pytest.mark.parametrize("content", [{"identity": {}}, {"settings": {}}, {"settings": {"env": 7}}])
def test_a_forged_manifest_is_not_judged(shell: Shell, run: Path, content: dict[str, Any]) -> None:
    forge(checkpoint.list_checkpoints(run / "checkpoints")[-1], **content)
    done = shell("puffer-eval", "cartpole", "--checkpoint", run)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "does not name its environment" in done.err


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("policy.head", torch.zeros(2, 2), "'policy.head' is torch.float32 (2, 2), here it is"),
        ("policy.head", torch.zeros(3, 8, dtype=torch.float64), "'policy.head' is torch.float64 (3, 8), here it is"),
        ("generator.sampling", torch.zeros(3, dtype=torch.uint8), "'generator.sampling' is torch.uint8 (3,), here"),
        ("policy.head", None, "it has no tensor 'policy.head'"),
        ("generator.sampling", torch.Generator().get_state().fill_(255), "'generator.sampling' is not the state of a"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_in_one_line(
    shell: Shell, run: Path, name: str, tensor: torch.Tensor | None, message: str
) -> None:
    path = checkpoint.list_checkpoints(run / "checkpoints")[-1]
    found = checkpoint.load(path)
    tensors = {key: value for key, value in found.tensors.items() if key != name}
    tensors |= {} if tensor is None else {name: tensor}
    shutil.rmtree(path)
    checkpoint.save(run / "checkpoints", 5 * BATCH, tensors, {key: found.manifest[key] for key in checkpoint.CONTENT})
    done = go_on(shell, run)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert f"puffer-train: {path} " in done.err
    assert message in done.err


# --- config.json ---


@pytest.mark.parametrize(("flips", "cuts"), [(12, 4), pytest.param(200, 40, marks=pytest.mark.slow)])
def test_a_damaged_config_is_not_believed(shell: Shell, run: Path, flips: int, cuts: int) -> None:
    """The settings that the checkpoint holds are used instead, with a message."""
    file, generator = run / "config.json", random.Random(2)
    data, policy = file.read_bytes(), b""
    for damaged in damages(data, generator, flips, cuts):
        folder = shell.folder / "copy"
        shutil.copytree(run, folder)
        (folder / "config.json").write_bytes(damaged)
        done = go_on(shell, folder)
        assert done.status == 0, done.err
        assert f"WARNING: {folder}/config.json is damaged or was edited (" in done.out
        left = (folder / "policy.safetensors").read_bytes()
        assert left == (policy or left), "the same run every time"
        policy = left
        assert json.loads((folder / "config.json").read_bytes())["settings"]["train"]["steps"] == 9 * BATCH
        shutil.rmtree(folder)


OTHER_JSON = ["[]", "7", "null", "{}", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, "1e999", '{"seed": 1e999}', ""]


@pytest.mark.parametrize("text", OTHER_JSON, ids=[text[:9] for text in OTHER_JSON])
def test_other_json_in_place_of_the_config(shell: Shell, run: Path, text: str) -> None:
    (run / "config.json").write_text(text)
    done = go_on(shell, run)
    assert done.status == 0, done.err
    assert f"using the settings in {run}/checkpoints/step_" in done.out


def test_no_config_at_all(shell: Shell, run: Path) -> None:
    (run / "config.json").unlink()
    done = go_on(shell, run)
    assert done.status == 0
    assert "No such file or directory" in done.out


@pytest.mark.parametrize(
    "content",
    [
        {"seed": -1},
        {"seed": 1e300},
        {"seed": "1"},
        {"environment": 7},
        {"settings": []},
        {"settings": {"train": {"steps": [1]}}},
        {"settings": {"env": {"gravity": {"deep": 1}}}},
        {"settings": {"trane": {}}},
        {"settings": {"train": {"horizon": 1e300}}},
        {"environment": "no_such"},
        {"environment": "os:system"},
        {"history": 7},
        {"log": 7},
        {"log": ["nothing"]},
        {"log": [["deep"]]},
    ],
    ids=str,
)
def test_a_forged_config_is_refused_in_one_line(shell: Shell, run: Path, content: dict[str, Any]) -> None:
    saved = json.loads((run / "config.json").read_text())
    saved.pop("sha256")
    (run / "config.json").write_bytes(seal(saved | content, "sha256"))
    done = go_on(shell, run)
    assert (done.status, done.err.count("\n")) == (2, 1), done.all
    assert saved_steps(run) == STEPS


# --- policy files ---


@pytest.mark.parametrize(("flips", "cuts"), [(60, 20), OFTEN])
def test_a_damaged_policy_is_refused_by_both_readers(whole: Path, tmp_path: Path, flips: int, cuts: int) -> None:
    data, file = (whole / "policy.safetensors").read_bytes(), tmp_path / "policy.safetensors"
    env = puffer_envs.make("cartpole")
    spec = describe(env)
    for damaged in damages(data, random.Random(3), flips, cuts):
        file.write_bytes(damaged)
        with pytest.raises(PolicyError, match=str(file)):
            read_policy(file, spec)
        with pytest.raises(PolicyError, match=str(file)):
            load_policy(file)
    file.write_bytes(data)
    assert read_policy(file, spec).hidden == load_policy(file).info.hidden == 8
    env.close()


def test_a_damaged_policy_is_one_line(shell: Shell, whole: Path) -> None:
    data = bytearray((whole / "policy.safetensors").read_bytes())
    data[-1] ^= 1
    Path("policy.safetensors").write_bytes(data)
    done = shell("puffer-eval", "--policy", "policy.safetensors")
    assert (done.status, done.out) == (2, "")
    assert done.err == "puffer-eval: policy.safetensors: it is damaged: its checksum does not match.\n"


# --- malice ---


class Exploit:
    """Leaves a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.target,))


def payloads(target: Path) -> list[bytes]:
    """What runs when it is loaded carelessly: plain, as torch saves it, and within a NumPy array."""
    torch.save(Exploit(target), target.with_name("payload.pt"))
    plain = [pickle.dumps(Exploit(target), protocol) for protocol in (0, 2, 5)]
    for data in plain:
        pickle.loads(data)
        assert target.exists(), "it works"
        target.unlink()
    return [*plain, target.with_name("payload.pt").read_bytes()]


def write_checkpoint(data: bytes, run: Path) -> None:
    for path in checkpoint.list_checkpoints(run / "checkpoints"):
        (path / checkpoint.TENSORS).write_bytes(data)
        (path / checkpoint.MANIFEST).write_bytes(data)


def write_config(data: bytes, run: Path) -> None:
    write_checkpoint(data, run)
    (run / "config.json").write_bytes(data)


def write_policy(data: bytes, run: Path) -> None:
    (run / "policy.safetensors").write_bytes(data)


def write_settings(data: bytes, run: Path) -> None:
    (run / "settings.toml").write_bytes(data)


@pytest.mark.parametrize(
    ("place", "command"),
    [
        (write_checkpoint, ["puffer-train", "--resume", "run"]),
        (write_config, ["puffer-train", "--resume", "run"]),
        (write_checkpoint, ["puffer-eval", "--checkpoint", "run"]),
        (write_policy, ["puffer-eval", "--policy", "run"]),
        (write_settings, ["puffer-train", "cartpole", "--settings", "run/settings.toml"]),
    ],
)
def test_pickles_do_not_run(shell: Shell, run: Path, place: Callable[[bytes, Path], None], command: list[str]) -> None:
    ran = shell.folder / "ran"
    for data in payloads(ran):
        place(data, run)
        done = shell(*command)
        assert (done.status, done.err.count("\n")) == (2, 1)
        assert not ran.exists()


def test_a_pickle_in_place_of_a_replay_does_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for data in payloads(ran):
        (tmp_path / "replay.puf").write_bytes(data)
        with pytest.raises(ValueError, match="replay"):
            Replay.load(tmp_path / "replay.puf")
        assert not ran.exists()


def test_a_policy_file_does_not_choose_the_code_that_runs(shell: Shell, whole: Path) -> None:
    """`os:system` is a module and a callable, and its argument a setting."""
    file = PolicyFile.read(whole / "policy.safetensors")
    info = replace(file.info, environment="os:system", settings={"command": "touch ran"})
    PolicyFile(info, file.tensors).write("evil.safetensors")
    done = shell("puffer-eval", "--policy", "evil.safetensors")
    assert done.status == 2
    assert "evil.safetensors is for 'os:system', which runs code: give that name as well if you trust it." in done.err
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["os:system", "gymnasium:antigravity:X-v0"])
def test_a_run_folder_does_not_choose_the_code_that_runs(shell: Shell, run: Path, name: str) -> None:
    for path in checkpoint.list_checkpoints(run / "checkpoints"):
        found = checkpoint.load(path)
        settings = found.manifest["settings"] | {"env": {"command": "touch ran"}}
        forge(path, identity=found.manifest["identity"] | {"environment": name}, settings=settings)
    (run / "config.json").unlink()
    for command in (["puffer-train", "--resume"], ["puffer-eval", "--checkpoint"]):
        done = shell(*command, run)
        assert done.status == 2
        assert f"is for {name!r}, which runs code" in done.err
        assert not Path("ran").exists()
