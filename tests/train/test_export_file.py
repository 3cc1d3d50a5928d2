"""`puffer-export NAME out.safetensors`, and policy files with weights of half the size."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs import SMALL, Shell

import puffer_envs
from puffer_envs.contract.policy_file import WEIGHT, PolicyFile
from puffer_envs.contract.policy_info import PolicyError
from puffer_envs.contract.tensor_file import body_of, pack, unpack
from puffer_envs.contract.trained import trained_policy
from puffer_envs.policy import load_policy
from puffer_train.contract import describe
from puffer_train.storage.policy_file import read_policy


def single(tmp_path: Path, scale: float = 1.0) -> PolicyFile:
    """A policy whose weights float16 cannot hold."""
    file = PolicyFile.read(trained_policy("cartpole"))
    return replace(
        file, weights="float32", tensors={k: v * np.float32(1.0001 * scale) for k, v in file.tensors.items()}
    )


def test_weights_are_halved_and_nothing_else(tmp_path: Path) -> None:
    """They are rounded to the nearest; NumPy and torch read the same numbers, and write the same file."""
    file, path = single(tmp_path), tmp_path / "half.safetensors"
    replace(file, weights="float16").write(path)
    read = PolicyFile.read(path)
    assert read.weights == "float16"
    for name, tensor in file.tensors.items():
        wanted = tensor.astype(np.float16) if name.endswith(WEIGHT) else tensor
        assert (read.tensors[name] == wanted).all() and read.tensors[name].dtype == np.float32
    again = tmp_path / "again.safetensors"
    read.write(again)
    assert again.read_bytes() == path.read_bytes()
    with puffer_envs.make("cartpole", 4) as env:
        policy = read_policy(path, describe(env, "cartpole"))
    for name, tensor in (("encoder.weight", policy.encoder), ("head.weight", policy.head)):
        assert (tensor.detach().numpy() == read.tensors[name]).all()
    assert load_policy(path).act(np.zeros((4, 4), np.float32)).shape == (4,)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """A weight above 65,504; and a scale that is stored as float16, which no version writes."""
    with pytest.raises(PolicyError, match=r"tensor '\w+(\.\d)?\.weight' holds NaN or infinity, as float16"):
        replace(single(tmp_path, scale=1e5), weights="float16").write(tmp_path / "p.safetensors")
    assert not list(tmp_path.iterdir())

    whole = trained_policy("cartpole").read_bytes()
    metadata, found, _ = unpack(whole)
    dtypes = {"F16": "<f2", "F32": "<f4"}
    tensors = {
        name: np.frombuffer(memory, dtypes[kind]).reshape(shape) for name, (kind, shape, memory) in found.items()
    }
    tensors["input_scale"] = tensors["input_scale"].astype(np.float16)
    metadata["sha256"] = hashlib.sha256(metadata["policy"].encode() + body_of(tensors)).hexdigest()
    (tmp_path / "p.safetensors").write_bytes(pack(metadata, tensors))
    with pytest.raises(PolicyError, match=r"tensor 'input_scale' is F16 \(4,\), expected F32 \(4,\)"):
        PolicyFile.read(tmp_path / "p.safetensors")


def test_the_command_writes_and_compares(shell: Shell) -> None:
    single(shell.folder).write(shell.folder / "whole.safetensors")
    words = ("whole.safetensors", "half.safetensors", "--weights", "float16", "--episodes", "16")
    done = shell("puffer-export", *words, "--json")
    assert done.status == 0, done.err
    told = json.loads(done.out)
    assert (told["files"], told["kind"], told["cost"]) == (["half.safetensors"], "float16", None)
    assert 0 < told["rounding"]["difference"] < 0.1 and told["rounding"]["agreement"] > 0.95
    size, whole = (Path(f"{name}.safetensors").stat().st_size for name in ("half", "whole"))
    assert f"{size:,}" in shell("puffer-export", *words).out
    assert size < 0.6 * whole


def test_a_checkpoint_becomes_a_policy_file(shell: Shell) -> None:
    assert shell("puffer-train", "squared", *SMALL, "--steps", "1024", "--run-dir", "run").status == 0
    wanted = Path("run/policy.safetensors").read_bytes()
    Path("run/policy.safetensors").unlink()
    done = shell("puffer-export", "run", "own.safetensors")
    assert done.status == 0, done.err
    assert Path("own.safetensors").read_bytes() == wanted


def test_weights_keep_as_many_bits_as_asked_for(shell: Shell) -> None:
    single(shell.folder).write(shell.folder / "whole.safetensors")
    words = ("whole.safetensors", "out.safetensors", "--episodes", "0")
    done = shell("puffer-export", *words, "--weights", "float16", "--bits", "7")
    assert done.status == 0, done.err
    whole, read = PolicyFile.read("whole.safetensors"), PolicyFile.read("out.safetensors")
    for name, tensor in read.tensors.items():
        if name.endswith(WEIGHT):
            usual = np.sqrt(np.mean(whole.tensors[name].astype(float) ** 2))
            step = 2.0 ** (np.floor(np.log2(usual)) + 1 - 7)
            assert (tensor / step == np.rint(tensor / step)).all()
            assert (abs(tensor - whole.tensors[name]) <= step / 2).all()
        else:
            assert (tensor == whole.tensors[name]).all()
    refused = shell("puffer-export", *words, "--bits", "7").err
    assert refused.startswith("puffer-export: --bits is for --weights float16")
