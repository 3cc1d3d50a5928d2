"""The tables of learners, cells and loggers: settings offer all of them, and each says when it cannot serve."""

from pathlib import Path
from typing import Any, cast, get_args, get_type_hints

import pytest
import torch
from tiny import make_trainer
from tiny_environments import CartPole
from torch import Tensor

from puffer_envs.contract.commands import EXTRAS
from puffer_train import config
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.evaluate import evaluate
from puffer_train.config import PolicySettings, TrainSettings
from puffer_train.contract import describe
from puffer_train.errors import ConfigError
from puffer_train.learners.cuda.network import unsupported_reason as unsupported_on_a_gpu
from puffer_train.learners.kernels import unsupported_reason
from puffer_train.learners.registry import LEARNERS, make_learner
from puffer_train.learners.torch import TorchLearner
from puffer_train.policy import Policy, cells, values
from puffer_train.report import loggers


def test_settings_offer_what_there_is() -> None:
    offered = get_type_hints(PolicySettings)
    assert set(get_args(offered["cell"])) == cells.CELLS.keys()
    assert set(get_args(offered["value_head"])) == values.VALUE_HEADS.keys()
    assert set(config.LEARNERS) == {"auto", *LEARNERS}
    assert {kind.package for kind in loggers.LOGGERS.values()} <= EXTRAS.keys()


def learner_of(policy: Policy, env: CartPole, kind: str = "auto") -> Any:
    buffers, state = Buffers(env, policy, 4), policy.initial_state(env.num_agents)
    return make_learner(kind, policy, buffers, [env], state, TrainSettings(horizon=4), 1)


def test_a_cell_that_kernels_do_not_have_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cells.CELLS, "other", cells.LSTM())
    env = CartPole(4)
    settings = PolicySettings(hidden=16, cell=cast(Any, "other"))
    policy = Policy(describe(env), settings, torch.Generator().manual_seed(0))
    assert unsupported_reason(policy) == "they have no other cell"
    assert unsupported_on_a_gpu(policy) == "it has no other cell"
    assert isinstance(learner_of(policy, env), TorchLearner)
    with pytest.raises(
        ConfigError, match=r"--learner kernels cannot be used: they have no other cell. Use --learner auto"
    ):
        learner_of(policy, env, "kernels")


class Left(Policy):
    """Goes left, whatever its weights are."""

    def step(self, observations: Tensor, state: Tensor) -> Tensor:
        output = super().step(observations, state)
        output[:2] = torch.tensor([[1e6], [0.0]])
        return output


def test_a_policy_with_a_step_of_its_own_is_asked() -> None:
    env = CartPole(4)
    policy = Left(describe(env), PolicySettings(hidden=16), torch.Generator().manual_seed(0))
    assert isinstance(learner_of(policy, env), TorchLearner)
    actions: list[Tensor] = []
    original = env.step
    env.step = lambda taken: (actions.append(torch.from_numpy(taken.copy())), original(taken))[1]  # type: ignore[method-assign]
    evaluate(env, policy, 1)
    assert not torch.stack(actions).any()
    for kind in ("kernels", "cuda"):
        with pytest.raises(ConfigError, match="not its subclass Left"):
            learner_of(policy, env, kind)


def test_a_logger_that_is_added_to_the_table_is_the_one_that_opens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines: list[int] = []

    class Mine:
        def __enter__(self) -> "Mine":
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, steps: int, numbers: object) -> None:
            lines.append(steps)

        def finish(self, summary: object) -> None: ...

    kind = loggers.LoggerKind("json", lambda folder, config, resumed_at, say: cast(Any, Mine()))
    monkeypatch.setitem(loggers.LOGGERS, "mine", kind)
    with loggers.open_logger("mine", tmp_path, {}, None, print) as logger:
        logger.write(7, {})
    assert lines == [7]
    assert kind.unsupported_reason() is None
    missing = loggers.LoggerKind("no_such_package", kind.open)
    assert missing.unsupported_reason() == 'no_such_package is missing: pip install "puffer-envs[no_such_package]"'


def test_what_a_trainer_gets_is_decided_by_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse = type(LEARNERS["kernels"])(LEARNERS["kernels"].make, lambda policy, parts: "not today", automatic=True)
    monkeypatch.setitem(LEARNERS, "kernels", refuse)
    assert isinstance(make_trainer(CartPole(4)).learner, TorchLearner)
    with pytest.raises(ConfigError, match="cannot be used: not today"):
        make_trainer(CartPole(4), learner="kernels")
