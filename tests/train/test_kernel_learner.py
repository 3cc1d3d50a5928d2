"""The kernels as the trainer uses them: chosen where they know the network, and learning no worse than torch."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import own_networks
import pytest
import runs
import tiny
import torch
from gymnasium.spaces import Box, Discrete
from tiny import make_trainer
from tiny_environments import CartPole, Signpost, fields_of

from puffer_envs.policy import load_policy
from puffer_train.algorithm.evaluate import evaluate
from puffer_train.errors import ConfigError, ContractError
from puffer_train.learners import fronts
from puffer_train.learners.hybrid import HybridLearner
from puffer_train.learners.kernels import KernelLearner, unsupported_reason
from puffer_train.learners.torch import TorchLearner


class Grid(tiny.Bandit):
    """A bandit whose context is shown as a small picture of whole numbers."""

    shape, highest = (2, 3, 3), 3

    def __init__(self, num_envs: int) -> None:
        super().__init__(num_envs, np.eye(2))
        self.single_observation_space = Box(0, self.highest, self.shape, np.uint8)
        self.observations = np.zeros((num_envs, *self.shape), np.uint8)
        self.final_observations = np.zeros_like(self.observations)

    def observe(self, out: Any) -> None:
        out[:] = self.context[:, None, None, None]
        out[:, 0] += self.generator.integers(0, 3, out[:, 0].shape).astype(np.uint8)


REASONS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "units": (CartPole, {"hidden": 24}, "policy.hidden 24 is not a multiple of 16"),
}


@pytest.mark.parametrize("case", REASONS)
def test_torch_does_what_the_kernels_do_not_know(case: str) -> None:
    kind, policy, reason = REASONS[case]
    trainer = make_trainer(kind(4), policy=policy)
    assert isinstance(trainer.learner, TorchLearner)
    assert reason in str(unsupported_reason(trainer.policy))
    assert trainer.learner.work == "PyTorch runs the network."
    trainer.iterate()
    with pytest.raises(ConfigError, match=f"--learner kernels cannot be used: .*{reason}.*--learner auto"):
        make_trainer(kind(4), policy=policy, learner="kernels")


def test_the_kernels_do_what_they_know() -> None:
    assert isinstance(make_trainer(CartPole(4)).learner, KernelLearner)
    assert isinstance(make_trainer(CartPole(4), learner="torch").learner, TorchLearner)
    assert unsupported_reason(make_trainer(CartPole(4), policy={"cell": "lstm", "hidden": 48}).policy) is None


class Pictures(Grid):
    """The same as an image."""

    shape, highest = (36, 36, 3), 255


class Map(Signpost):
    """Its picture is large enough for a map."""

    row_bytes = 48
    observation_fields = (
        *Signpost.observation_fields[:4],
        *fields_of(("picture", Box(0, 5, (5, 5), np.uint8), 20, np.uint8)),
    )

    def observe(self, out: Any) -> None:
        super().observe(out)
        out[:, 20:45] %= 6


CONVOLVED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "grid": (Grid, {"encoder": "grid"}, ""),
    "embedding": (Grid, {"encoder": "embedding", "cell": "lstm"}, ""),
    "image": (Pictures, {"cell": "lstm"}, ""),
    "fields": (Map, {"layers": 2}, ""),
}
"""Environments whose observations go through convolutions."""


@pytest.mark.parametrize("case", CONVOLVED)
def test_the_kernels_run_convolutions(case: str) -> None:
    kind, policy, _ = CONVOLVED[case]
    for learner in ("auto", "kernels"):
        trainer = make_trainer(kind(4), policy=policy, learner=learner)
        assert type(trainer.learner) is KernelLearner
        assert unsupported_reason(trainer.policy) is None
        assert trainer.learner.work == "The C kernels run the whole network."
        assert trainer.iterate()["updates"] > 0


@pytest.mark.parametrize("case", CONVOLVED)
def test_torch_runs_convolutions_that_give_too_much(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fronts, "MAX_FEATURES", 10)
    kind, policy, _ = CONVOLVED[case]
    trainer = make_trainer(kind(4), policy=policy)
    assert type(trainer.learner) is HybridLearner
    assert "features, more than 10" in str(unsupported_reason(trainer.policy))
    assert trainer.iterate()["updates"] > 0


OWN = {"network": own_networks.Encoder}


@pytest.mark.parametrize("learner", ["auto", "kernels"])
def test_torch_encodes_and_the_kernels_do_the_rest(learner: str) -> None:
    trainer = make_trainer(CartPole(4), policy=OWN, learner=learner)
    assert isinstance(trainer.learner, HybridLearner)
    assert "no networks of your own" in str(unsupported_reason(trainer.policy))
    assert "PyTorch runs the encoder" in trainer.learner.work
    assert trainer.iterate()["updates"] > 0


def test_a_run_with_convolutions_is_evaluated_and_played(shell: runs.Shell) -> None:
    convolutions = ["--policy.encoder", "grid", "--policy.hidden", "16", "--learner", "kernels"]
    run = shell.train("squared", *runs.SMALL, *convolutions, "--steps", "768", "--run-dir", "run")
    assert run.status == 0 and "The C kernels run the whole network." in run.out
    assert "score" in shell("puffer-eval", "run", "--episodes", "4").out
    player = load_policy(shell.folder / "run/policy.safetensors")
    assert player.act(np.zeros((3, 11, 11), np.uint8)).shape == (3,)


def test_the_kernels_look_up_codes() -> None:
    learned = {}
    for learner in ("kernels", "torch"):
        trainer = make_trainer(Signpost(32), learner=learner, gamma=0.5)
        assert isinstance(trainer.learner, KernelLearner) == (learner == "kernels")
        while not trainer.finished:
            trainer.iterate()
        learned[learner] = evaluate(Signpost(64), trainer.policy, seed=5, deterministic=True)
    for result in learned.values():
        assert np.mean(result.figures["episode_return"]) > 3.8, "4 is perfect, guessing gives 1.3"


class Broken(Signpost):
    """Writes 255 into bytes `first` to `last` of the second row, when it observes for the time `when`.

    0 is the reset; then in each step come the final observation, of use where an episode ends, and the next one.
    """

    first, last, when = 0, 4, 6

    def observe(self, out: Any) -> None:
        super().observe(out)
        self.observed = getattr(self, "observed", -1) + 1
        if self.observed == self.when:
            out[1, self.first : self.last] = 255


class Position(torch.nn.Module):
    """A network of one's own."""

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.body = torch.nn.Linear(2, 5)

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.body(observations["position"])


class BrokenMap(Broken, Map):
    """The same, with a map."""


@pytest.mark.parametrize("kind", [Broken, BrokenMap])
@pytest.mark.parametrize(("policy", "learner"), [({}, KernelLearner), ({"network": Position}, HybridLearner)])
def test_numbers_within_rows_of_bytes_are_checked(kind: Any, policy: dict[str, Any], learner: Any) -> None:
    trainer = make_trainer(kind(4), policy=policy)
    assert type(trainer.learner) is learner
    assert "position" in str(trainer.collect())


@pytest.mark.parametrize("when", [0, 2, 7, 16])
@pytest.mark.parametrize(("first", "last", "name"), [(16, 17, "goal"), (8, 12, "pair")])
def test_a_code_that_is_no_choice_is_refused(when: int, first: int, last: int, name: str) -> None:
    kind = type("Wrong", (Broken,), {"when": when, "first": first, "last": last})
    trainer = make_trainer(kind(4))
    assert type(trainer.learner) is KernelLearner
    with pytest.raises(ContractError, match=f"field '{name}' holds .* choices count from 0"):
        for _ in range(4):
            trainer.collect()


@pytest.mark.parametrize("when", [0, 2, 7, 16])
def test_a_cell_outside_its_range_is_refused(when: int) -> None:
    """Where torch would refuse it: another row of weights would be looked up."""
    kind = type("Wrong", (BrokenMap,), {"when": when, "first": 44, "last": 45})
    trainer = make_trainer(kind(4))
    assert type(trainer.learner) is KernelLearner
    with pytest.raises(ContractError, match="an observation holds 255, but its space allows 0 to 5 only"):
        for _ in range(4):
            trainer.collect()


@pytest.mark.parametrize("name", ["observations", "rewards", "terminals", "truncations"])
def test_arrays_in_pieces_are_left_to_torch(name: str) -> None:
    """The contract does not forbid them, and a copy would not follow what the environment writes."""

    def scattered() -> CartPole:
        env = CartPole(4)
        array = getattr(env, name)
        setattr(env, name, np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)[..., ::2])
        return env

    trainer = make_trainer(scattered())
    assert isinstance(trainer.learner, TorchLearner)
    assert trainer.iterate()["updates"] > 0
    with pytest.raises(ConfigError, match=f"the environment's {name} are not contiguous"):
        make_trainer(scattered(), learner="kernels")


def test_the_command_line_names_the_choices(shell: runs.Shell) -> None:
    done = shell("puffer-train", "squared", "--learner", "numpy")
    assert done.status == 2
    assert "kernels" in done.err and "torch" in done.err and "Traceback" not in done.err


def chaos(rows: int) -> Any:
    return tiny.Chaos(rows, Discrete(3), masked=True, deserted=True)


ITERATIONS = {
    **CONVOLVED,
    "own": (CartPole, OWN, ""),
    "mingru": (chaos, {"layers": 2}, ""),
    "lstm": (chaos, {"layers": 2, "cell": "lstm"}, ""),
    "values": (chaos, {"value_head": "distribution"}, ""),
}


@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize("case", ITERATIONS)
def test_one_iteration_is_that_of_torch(case: str, refresh: bool) -> None:
    """The same rollout, learned from by both: weights differ by rounding alone."""
    found = []
    kind, policy, _ = ITERATIONS[case]
    for learner in ("kernels", "torch"):
        train = {"minibatch": 24 * 8, "refresh_advantages": refresh, "priority_alpha": 0.8 * refresh}
        trainer = make_trainer(kind(24), policy=policy, learner=learner, **train)
        if not found:
            assert trainer.collect() is None
            rollout = copy.deepcopy({k: v for k, v in vars(trainer.buffers).items() if isinstance(v, torch.Tensor)})
        for name, tensor in rollout.items():
            getattr(trainer.buffers, name).copy_(tensor)
        first = {name: p.detach().clone() for name, p in trainer.policy.named_parameters()}
        report = trainer.learn()
        found.append((report, {name: p.detach() - first[name] for name, p in trainer.policy.named_parameters()}))
    (report, moved), (wanted, right) = found
    assert report == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    for name, step in right.items():
        torch.testing.assert_close(moved[name], step, rtol=0, atol=2e-3 * float(step.abs().max()))


@pytest.mark.parametrize("policy", [{}, {"cell": "lstm", "hidden": 32}], ids=["mingru", "lstm"])
def test_both_learn_equally_well(policy: dict[str, Any]) -> None:
    """A lock of three wheels, by chance open once in 24 times: mean over seeds of the last hundred returns."""

    def learned(learner: str) -> float:
        scores = []
        for seed in (1, 2):
            env = tiny.Combination(64, seed)
            trainer = make_trainer(env, seed, policy=policy, learner=learner, steps=30_000, horizon=8, gamma=0.5)
            tiny.train(trainer)
            scores.append(float(np.mean([env.step(act(trainer))[1].mean() for _ in range(20)])))
        return float(np.mean(scores))

    def act(trainer: Any) -> Any:
        output = trainer.policy.step(torch.from_numpy(trainer.env.observations), trainer.policy.initial_state(64))
        return trainer.policy.sample_actions(output, None, None).numpy()

    kernels, by_torch = learned("kernels"), learned("torch")
    assert min(kernels, by_torch) > 0.8
    assert kernels == pytest.approx(by_torch, abs=0.1)
