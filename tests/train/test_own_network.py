"""Networks of the user's own: what they get and must return, training, resuming, playing, and every mistake."""

from __future__ import annotations

import importlib
import linecache
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import own_networks
import pytest
import torch
from runs import SMALL, Shell, metrics, signalled
from torch import nn

import puffer_envs
import puffer_train
from puffer_envs.contract.actions import ActionSpec
from puffer_envs.contract.errors import UserError
from puffer_envs.contract.observations import FieldSpec
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import PolicyError, read_info
from puffer_envs.policy import NumpyPolicy, load_policy
from puffer_train.algorithm.optimizer import Muon
from puffer_train.config import PolicySettings
from puffer_train.contract import EnvironmentSpec, describe
from puffer_train.errors import CodeFailedError, ConfigError
from puffer_train.policy import Policy, find_network, make_policy
from puffer_train.policy.own import OwnFront, made_up
from puffer_train.run import torch_cost
from puffer_train.storage.policy_file import EnvironmentIdentity, read_policy, write_policy

ROWS = 5
DISCRETE, BOX = ActionSpec("discrete", (2, 3), (2,)), ActionSpec("box", (2,), (2,), (100.0, -1.0), (140.0, 3.0))
ARRAY = EnvironmentSpec(ROWS, ROWS, (2, 3), "float32", (0.5,) * 6, DISCRETE)
GRID = EnvironmentSpec(ROWS, ROWS, (4, 5), "uint8", (1.0,) * 20, DISCRETE, observation_range=(0, 7))
FIELDS = EnvironmentSpec(
    ROWS,
    ROWS,
    (28,),
    "uint8",
    (1.0,) * 15,
    BOX,
    observation_fields=(
        FieldSpec("speed", "box", 0, "float32", (4,), ()),
        FieldSpec("screen", "box", 16, "uint8", (2, 3), ()),
        FieldSpec("place", "discrete", 24, "int32", (), (5,)),
    ),
)
GOOD = [
    ("Encoder", ARRAY),
    ("Encoder", replace(ARRAY, action=BOX)),
    ("Convolution", GRID),
    ("Fields", FIELDS),
    ("Recurrent", ARRAY),
    ("Recurrent", replace(ARRAY, action=BOX)),
    ("Memoryless", ARRAY),
]


def made(name: str, spec: EnvironmentSpec = ARRAY, seed: int = 1, **settings: Any) -> Policy:
    chosen = PolicySettings(hidden=16, layers=1, network=f"own_networks:{name}")
    return make_policy(spec, replace(chosen, **settings), torch.Generator().manual_seed(seed))


# -- what it is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "spec"), GOOD)
def test_steps_are_the_sequence(name: str, spec: EnvironmentSpec) -> None:
    """With episodes that end in between, and a gradient for every parameter."""
    policy, time = made(name, spec), 6
    seen = torch.stack([made_up(spec, ROWS, seed) for seed in range(time)])
    keep = (torch.rand(time, ROWS, generator=torch.Generator().manual_seed(0)) > 0.3).float()
    first = torch.rand_like(policy.initial_state(ROWS))
    whole = policy(seen, first, keep)
    state, steps = first.clone(), []
    for t in range(time):
        state *= keep[t].unsqueeze(-1)
        steps.append(policy.step(seen[t], state))
    torch.testing.assert_close(torch.stack(steps, 1), whole, rtol=1e-5, atol=1e-6)
    whole.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for n, p in policy.named_parameters() if n != "log_std")


def test_fields_come_by_name_in_their_own_dtypes_and_shapes() -> None:
    policy = made("Fields", FIELDS)
    rows = made_up(FIELDS, ROWS)
    policy.step(rows, policy.initial_state(ROWS))
    assert isinstance(policy.front, OwnFront)
    network = policy.front.net
    assert network.seen == {"speed": (torch.float32, (4,)), "screen": (torch.uint8, (2, 3)), "place": (torch.int32, ())}


def test_the_features_go_through_the_encoder() -> None:
    """A network that only hands on the numbers is the flat encoder."""

    class Plain(nn.Module):
        def __init__(self, spec: Any) -> None:
            super().__init__()
            self.scale = spec.observation_scale[0]

        def forward(self, observations: torch.Tensor) -> torch.Tensor:
            return observations.flatten(1) * self.scale

    settings = puffer_train.config.overlay(puffer_train.Settings(), {"policy": {"network": Plain}}, "test").policy
    flat, own = (make_policy(ARRAY, s, torch.Generator()) for s in (PolicySettings(), settings))
    own.load_state_dict(flat.state_dict())
    seen, state = made_up(ARRAY, ROWS), flat.initial_state(ROWS)
    torch.testing.assert_close(own.step(seen, state.clone()), flat.step(seen, state))


def test_a_seed_gives_one_network_and_leaves_torch_alone() -> None:
    before = torch.get_rng_state()
    one, same, other = (torch.cat([p.flatten() for p in made("Encoder", seed=seed).parameters()]) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_muon_takes_the_kernels_of_a_convolution_for_one_matrix() -> None:
    values = torch.randn(6, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    kernels, matrix = nn.Parameter(values.clone()), nn.Parameter(values.clone().flatten(1))
    for parameter in (kernels, matrix):
        parameter.grad = parameter.detach().clone()
        Muon([("weight", parameter)], 0.9).step(0.1, 0.1)
    torch.testing.assert_close(kernels.flatten(1), matrix)
    assert not torch.equal(kernels, values)


# -- runs --------------------------------------------------------------------------------------------------


def small(name: str, *more: str) -> list[str]:
    return [*SMALL, "--policy.network", f"own_networks:{name}", *more]


@pytest.mark.parametrize("name", ["Encoder", "Recurrent", "Memoryless"])
def test_a_run_resumes_exactly_and_is_evaluated(name: str, shell: Shell) -> None:
    own = ["--policy.network", f"own_networks:{name}"]
    assert shell.train("squared", *small(name), "--steps", "768", "--run-dir", "whole").status == 0
    with signalled(4):
        stopped = shell.train("squared", *small(name), "--steps", "768", "--run-dir", "half")
    refused = shell.train("--resume", "half")
    assert refused.status == 2 and f"own_networks:{name}" in refused.err
    assert shell.typed(stopped.resume_command).status == 0
    assert metrics(shell.folder / "whole") == metrics(shell.folder / "half")
    files = [(shell.folder / run / "policy.safetensors").read_bytes() for run in ("whole", "half")]
    assert files[0] == files[1]
    assert f"class {name}(" in (shell.folder / "half/network.py").read_text()

    refused = shell("puffer-eval", "half", "--episodes", "4")
    assert refused.status == 2 and f"--policy.network own_networks:{name}" in refused.err
    other = shell("puffer-eval", "half", "--policy.network", "own_networks:Two")
    assert "not with 'own_networks:Two'" in other.err
    results = [
        shell("puffer-eval", *which, "--episodes", "4", *own).out
        for which in (["half"], ["--checkpoint", "half"], ["whole", "--against", "half"])
    ]
    assert results[0] == results[1] and "score" in results[2]


def test_the_kernels_run_what_follows_an_encoder(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_cost, "MEASURED_SECONDS", 0.0)
    hidden = ["--policy.hidden", "16", "--steps", "384"]
    encoder = shell.train("squared", *small("Encoder", *hidden), "--run-dir", "a")
    whole = shell.train("squared", *small("Recurrent", *hidden), "--run-dir", "b")
    if importlib.util.find_spec("puffer_train._kernels") is not None:
        assert "The C kernels run the recurrent layers, heads and loss; PyTorch runs the encoder." in encoder.out
    assert "PyTorch runs the network." in whole.out
    sentence = r"PyTorch (takes|took) (\d+)% of the time, which (makes|made) training up to ([\d.]+) times as long"
    for run in (encoder, whole):  # early in the run, and at its end
        figures = re.findall(sentence, run.out)
        assert [(takes, makes) for takes, _, makes, _ in figures] == [("takes", "makes"), ("took", "made")]
        for _, share, _, times in figures:
            assert float(times) == pytest.approx(1 / (1 - int(share) / 100), rel=0.2)
    if importlib.util.find_spec("puffer_train._kernels") is not None:
        kernels = shell.train("squared", *SMALL, *hidden, "--run-dir", "c")
        assert "The C kernels run the whole network." in kernels.out and "PyTorch t" not in kernels.out


def test_the_printed_commands_work(shell: Shell) -> None:
    done = shell.train("squared", *small("Encoder"), "--steps", "384", "--run-dir", "run")
    (line,) = [line.strip() for line in done.out.splitlines() if line.strip().startswith("puffer-eval")]
    assert shell.typed(line.replace("1000", "4")).status == 0
    readme = (shell.folder / "run/README.md").read_text()
    assert "puffer-play policy.safetensors --policy.network own_networks:Encoder" in readme


def test_a_class_from_python_needs_no_module(tmp_path: Path) -> None:
    class Local(own_networks.Encoder):  # type: ignore[misc, name-defined]
        pass

    train = {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 4}
    options: dict[str, Any] = {"settings": {"train": train, "policy": {"hidden": 8, "layers": 1}}, "threads": 1}
    options |= {"video": False, "quiet": True, "policy": Local}
    run = puffer_train.train("squared", steps=384, folder=tmp_path / "run", **options)
    assert run.evaluate(4).episodes >= 4
    again = puffer_train.train(resume=tmp_path / "run", steps=768, policy=Local, video=False, quiet=True)
    assert again.metrics["steps"][-1] == 768
    with pytest.raises(UserError, match="Local"):
        puffer_train.train(resume=tmp_path / "run", steps=1024)
    readme = (tmp_path / "run/README.md").read_text()
    assert "puffer-eval" not in readme and "puffer-play" not in readme, "they could not import it"


# -- files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "spec"), GOOD)
def test_a_policy_file_is_played_where_its_network_is(name: str, spec: EnvironmentSpec, tmp_path: Path) -> None:
    policy, path, networks = made(name, spec), tmp_path / "p.safetensors", [f"own_networks:{name}"]
    write_policy(path, policy, EnvironmentIdentity("game", 3, {}))
    again, player = read_policy(path, spec, networks), load_policy(path, networks=networks)
    assert isinstance(player, NumpyPolicy) and player.info.encoder == "network"
    states = [policy.initial_state(ROWS) for _ in range(2)]
    for seed in range(3):
        seen = made_up(spec, ROWS, seed)
        outputs = [one.step(seen, state) for one, state in zip((policy, again), states, strict=True)]
        torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-6, atol=1e-6)
        actions = player.act(seen.numpy(), deterministic=True)
        wanted = policy.sample_actions(outputs[0], None)
        if spec.action.kind == "box":
            wanted = (wanted + policy.action_centre).clamp(torch.tensor(BOX.low), torch.tensor(BOX.high))
        np.testing.assert_allclose(actions, wanted.reshape(actions.shape).numpy(), rtol=1e-5)
    for read in (lambda: read_policy(path, spec), lambda: load_policy(path)):
        with pytest.raises(ConfigError, match=f"give --policy.network own_networks:{name} as well if you trust it"):
            read()


def test_a_file_cannot_choose_what_is_imported(tmp_path: Path) -> None:
    policy, path = made("Encoder"), tmp_path / "p.safetensors"
    write_policy(path, policy, EnvironmentIdentity("game", 3, {}))
    file = PolicyFile.read(path)
    assert file.info.network is not None
    evil = replace(file.info, network=replace(file.info.network, name="antigravity:fly"))
    PolicyFile(evil, file.tensors).write(path)
    for networks in ([], ["own_networks:Encoder"]):
        with pytest.raises(ConfigError, match="antigravity:fly"):
            load_policy(path, networks=networks)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("layers", [0, 2])
def test_a_policy_without_memory_is_one_of_no_layers(layers: int, tmp_path: Path) -> None:
    policy = make_policy(ARRAY, PolicySettings(hidden=8, layers=layers), torch.Generator().manual_seed(0))
    path = tmp_path / "p.safetensors"
    write_policy(path, policy, EnvironmentIdentity("game", 1, {}))
    again, player = read_policy(path, ARRAY), load_policy(path)
    first, second = made_up(ARRAY, ROWS, 1), made_up(ARRAY, ROWS, 2)
    state = again.initial_state(ROWS)
    outputs = [again.step(seen, state) for seen in (first, second, first)]
    assert torch.equal(outputs[0], outputs[2]) == (layers == 0)
    actions = [player.act(seen.numpy(), deterministic=True) for seen in (first, second, first)]
    np.testing.assert_array_equal(actions[2], policy.sample_actions(outputs[2], None).numpy())


def test_no_layers_train_and_resume(shell: Shell) -> None:
    none = [*SMALL, "--policy.layers", "0"]
    assert shell.train("squared", *none, "--steps", "768", "--run-dir", "whole").status == 0
    with signalled(4):
        stopped = shell.train("squared", *none, "--steps", "768", "--run-dir", "half")
    assert shell.typed(stopped.resume_command).status == 0
    assert metrics(shell.folder / "whole") == metrics(shell.folder / "half")


# -- a network that changed --------------------------------------------------------------------------------

SOURCE = '''
import math
from torch import nn
WIDTH = 8
UNUSED = 1
def layer(n):
    return nn.Linear(n, WIDTH)  # as wide as it takes
class Net(nn.Module):
    """Reads squares."""
    def __init__(self, spec):
        super().__init__()
        self.body = layer(math.prod(spec.observation_shape))
    def forward(self, observations):
        return self.body(observations.flatten(1).float()).tanh()
'''


def rewritten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Write `changing.py` with one text replaced by another; return the hash of its network."""

    def write(old: str, new: str) -> str:
        (folder / "changing.py").write_text(SOURCE.replace(old, new))
        monkeypatch.delitem(sys.modules, "changing", raising=False)
        importlib.invalidate_caches()
        linecache.clearcache()
        return find_network("changing:Net").sha256

    return write


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return rewritten(tmp_path, monkeypatch)


def test_the_hash_is_that_of_the_code_that_counts(write: Callable[[str, str], str]) -> None:
    first = write("", "")
    same = [("UNUSED = 1", "UNUSED = 2"), ("Reads squares", "Reads"), ("  # as wide as it takes", ""), ("(n)", "( n )")]
    assert [write(*change) for change in same] == [first] * 4
    other = [("WIDTH = 8", "WIDTH = 9"), (".tanh()", ".relu()"), ("nn.Linear(n, WIDTH)", "nn.Linear(n, WIDTH, False)")]
    hashes = [write(*change) for change in other]
    assert first not in hashes and len(set(hashes)) == 3


def test_a_network_that_changed_is_refused_and_nothing_is_lost(write: Callable[[str, str], str], shell: Shell) -> None:
    write("", "")
    own = ["--policy.network", "changing:Net"]
    assert shell.train("squared", *SMALL, *own, "--steps", "384", "--run-dir", "run").status == 0
    before = {path: path.read_bytes() for path in (shell.folder / "run").rglob("*") if path.is_file()}
    write(".tanh()", ".relu()")
    for command in (["puffer-train", "--resume", "run", "--steps", "768"], ["puffer-eval", "run"]):
        done = shell(*command, *own)
        assert done.status == 2 and "another version of 'changing:Net': its source has changed" in done.err
    assert {path: path.read_bytes() for path in (shell.folder / "run").rglob("*") if path.is_file()} == before
    write("Reads squares", "Reads")
    assert shell.train("--resume", "run", "--steps", "768", *own, "--no-video").status == 0


# -- mistakes ----------------------------------------------------------------------------------------------

MISTAKES = {
    "nowhere:Net": "there is no module 'nowhere'",
    "own_networks:Encodr": "has nothing called 'Encodr'. Did you mean 'Encoder'?",
    "own_networks:function": "is of type function: it must be a class derived from torch.nn.Module",
    "own_networks:NoModule": "is the class NoModule: it must be a class derived from torch.nn.Module",
    "own_networks:WIDTH": "is of type int: it must be a function or a class",
    "own_networks:WrongShape": r"returns features of shape \(16,\) for 3 observations: it must be \(3, F\)",
    "own_networks:WrongType": "returns features torch.float64: they must be a tensor of float32",
    "own_networks:Two": "returns 2 things: it must return features",
    "own_networks:NotFinite": "returns features that are not finite",
    "own_networks:Random": r"gives other features when it is asked again \(dropout\?\)",
    "own_networks:Mixing": "gives a row other features when other rows are beside it",
    "own_networks:Normalising": r"changes its own state when it is called \(batch normalisation\?\)",
    "own_networks:Changing": "changes the observations that it gets",
    "own_networks:Frozen": "cannot learn: no gradient reaches its parameters",
    "own_networks:Counting": "holds 'order' in torch.int64: what is saved must be float32",
    "own_networks:Lazy": "has layers without a size: write it instead of nn.Lazy",
    "own_networks:ManyArguments": r"has forward\(self, observations, state, keep\): it must take",
    "own_networks:NoSize": "its attribute state_size, the numbers that it remembers of a row",
    "own_networks:WrongValue": r"returns value of shape \(3, 1\) for 3 observations: it must be \(3,\)",
}


@pytest.mark.parametrize(("name", "sentence"), MISTAKES.items())
def test_mistakes_are_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        make_policy(ARRAY, PolicySettings(network=name), torch.Generator())
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(("name", "words"), [("Broken", "no such width"), ("BrokenForward", "cannot be multiplied")])
def test_code_that_raises_shows_where(name: str, words: str) -> None:
    with pytest.raises(CodeFailedError, match=words) as caught:
        made(name)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"policy.network 'own_networks:{name}' failed."
    assert "own_networks.py" in lines[2], "the first frame is the user's"


def test_a_mistake_leaves_no_folder(shell: Shell) -> None:
    done = shell.train("squared", *small("WrongShape"), "--run-dir", "run")
    assert done.status == 2 and "own_networks:WrongShape" in done.err
    assert not (shell.folder / "run").exists()
    done = shell.train("squared", *SMALL, "--policy.network", "Encoder", "--run-dir", "run")
    assert "policy.network is 'Encoder'; it must be your own code as module:name" in done.err


def test_a_network_that_fails_later_loses_nothing(shell: Shell) -> None:
    """Its traceback is shown, the progress saved."""
    calls = {"left": 60}

    class Failing(own_networks.Encoder):  # type: ignore[misc, name-defined]
        def forward(self, observations: torch.Tensor) -> torch.Tensor:
            calls["left"] -= 1
            if calls["left"] == 0:
                raise RuntimeError("out of luck")
            return super().forward(observations)

    train = {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 0}
    settings = {"train": train, "policy": {"hidden": 8, "layers": 1}}
    with pytest.raises(CodeFailedError, match=r"out of luck[\s\S]*Progress is saved"):
        puffer_train.train("squared", steps=8000, folder="run", settings=settings, policy=Failing, video=False)
    done = puffer_train.train(resume="run", steps=2000, policy=Failing, video=False)
    assert done.metrics["steps"][-1] >= 2000 and math.isfinite(done.metrics["loss"][-1])


# -- the renderer ------------------------------------------------------------------------------------------


def test_the_renderer_plays_it_if_told_its_name(tmp_path: Path) -> None:
    pytest.importorskip("puffer_render")
    with puffer_envs.make("squared", num_envs=1) as env:
        about = EnvironmentIdentity("squared", env.spec.version, dict(env.settings))
        policy = made("Recurrent", describe(env))
    write_policy(tmp_path / "p.safetensors", policy, about)
    command = [sys.executable, "-m", "puffer_render.cli_render", "p.safetensors", "out.png"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    own = ["--policy.network", "own_networks:Recurrent"]
    for options, status in (([], 2), (own, 0)):
        done = subprocess.run([*command, *options], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == status and "Traceback" not in done.stderr, done.stderr
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("key", "value"),
    [("name", ""), ("sha256", "abc"), ("features", -1), ("state", 1.5), ("observation_range", [1]), ("name", None)],
)
def test_damaged_metadata_is_refused_by_name(key: str, value: Any, tmp_path: Path) -> None:
    write_policy(tmp_path / "p", made("Encoder"), EnvironmentIdentity("game", 1, {}))
    about = PolicyFile.read(tmp_path / "p").info.as_json()
    assert read_info(about).as_json() == about
    with pytest.raises(PolicyError, match=key):
        read_info(about | {"network": about["network"] | {key: value}})
    with pytest.raises(PolicyError, match="network"):
        read_info({name: of for name, of in about.items() if name != "network"})
