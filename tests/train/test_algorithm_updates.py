"""Whole iterations of the trainer, seen from outside, against the same in NumPy.

An onlooker writes down what passes between trainer and environment. From that and the weights before, NumPy computes
in double precision what must be reported, and the weights after: states, values, bootstraps, reward scaling,
advantages, losses, gradients, clipping, momentum and orthogonalisation, all at once, and whatever the trainer is made
of inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import references
import torch
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numpy.typing import NDArray
from references import Array
from tiny import Chaos, make_trainer

from puffer_train.algorithm.ppo import PPO

TIME, ROWS = 8, 12


@dataclass
class Rollout:
    """What was played, and what the policy of that time makes of it."""

    seen: dict[str, NDArray[Any]]
    """What passed between trainer and environment, (T, A, ...)."""
    present: NDArray[np.bool_]
    ends: NDArray[np.bool_]
    """Where the episode ended, or its agent was gone after the step."""
    keep: Array
    """0 where a new episode begins, else 1."""
    first_state: Array
    """(L, A, S)."""
    final_values: Array
    """Of what was cut off, else 0."""
    last_value: Array
    """(A,)."""
    rewards: Array
    """As learned from."""

    def next_values(self, values: Array) -> Array:
        return np.where(self.ends, self.final_values, np.concatenate([values[1:], self.last_value[None]]))


class Onlooker:
    """Goes along with a trainer whose minibatches are whole rollouts, iteration by iteration."""

    def __init__(self, trainer: PPO, env: Chaos) -> None:
        self.trainer, self.env, self.train = trainer, env, trainer.settings.train
        self.time, self.rows = self.train.horizon, trainer.spec.rows
        weights = self.weights()
        self.averages = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self.square = np.zeros(env.actions.shape[-1])
        self.updates = 0
        self.state = trainer.policy.initial_state(self.rows).double().numpy()
        self.distance_to_kinks = math.inf

    def weights(self) -> dict[str, Array]:
        return {name: p.detach().double().numpy().copy() for name, p in self.trainer.policy.named_parameters()}

    def iterate(self) -> tuple[dict[str, float], dict[str, float], dict[str, Array], dict[str, Array]]:
        """Let the trainer iterate; return the report wanted and found, and the weights wanted and found."""
        weights, self.decay = self.weights(), 0.5 * (1 + math.cos(math.pi * self.trainer.progress))
        found = self.trainer.iterate()
        wanted = self.learn(weights, self.watch(weights))
        return wanted, found, weights, self.weights()

    def watch(self, weights: dict[str, Array]) -> Rollout:
        """Return what was played in the latest iteration."""
        seen = {
            name: np.stack([step[name] for step in self.env.history[-self.time :]]) for name in self.env.history[-1]
        }
        everyone = np.ones((self.time, self.rows), np.bool_)
        present = seen.get("agent_mask", everyone)
        still_there = np.concatenate([present[1:], [self.env.agent_mask if "agent_mask" in seen else everyone[0]]])
        ends = seen["terminals"] | seen["truncations"] | ~still_there
        keep = np.concatenate([np.ones((1, self.rows)), ~ends[:-1]])

        network, first_state = self.network(weights), self.state
        _, _, states = network.run(seen["observations"].astype(np.float64), first_state, keep)
        pairs = zip(seen["final_observations"], states, strict=True)
        final_values = np.stack([self.value(network, final, state) for final, state in pairs]) * seen["truncations"]
        self.state = states[-1] * ~ends[-1][:, None]
        last_value = self.value(network, self.env.observations, self.state)
        return Rollout(seen, present, ends, keep, first_state, final_values, last_value, self.rewards(seen["rewards"]))

    def rewards(self, given: NDArray[np.float32]) -> Array:
        """Return rewards as they are learned from."""
        rewards = given * self.train.reward_scale
        if self.train.normalize_rewards:
            rewards *= references.reward_factor(
                np.stack([step["rewards"] for step in self.env.history]).astype(np.float64),
                np.stack([step["terminals"] | step["truncations"] for step in self.env.history]),
                self.train.gamma,
            )
        limit = self.train.reward_clip
        return np.clip(rewards, -limit, limit) if limit > 0 else rewards

    def learn(self, weights: dict[str, Array], rollout: Rollout) -> dict[str, float]:
        """Change the weights, and return what there is to report."""
        where = self.where(rollout)
        outputs, _, _ = self.network(weights).run(*where)
        batch = references.Batch(
            log_probs=self.distribution(outputs, rollout, weights).log_prob,
            values=outputs[-1],
            advantages=self.estimate(rollout, outputs[-1], np.ones((self.time, self.rows))),
            importance=np.ones(self.rows),
            present=rollout.present.astype(np.float64),
        )
        known = batch.advantages[rollout.present], batch.values[rollout.present]
        explained = 1 - np.var(known[0]) / np.var(known[0] + known[1])

        reports = []
        for _ in range(round(self.train.replay_ratio)):
            network = self.network(weights)
            outputs, inputs, _ = network.run(*where)
            self.distance_to_kinks = min(self.distance_to_kinks, network.distance_to_kinks(inputs))
            actions = self.distribution(outputs, rollout, weights)
            report, d_actions, d_value = references.ppo(actions, outputs[-1], batch, self.train)
            means = len(outputs) - 1
            gradients = network.gradient(*where, np.concatenate([d_actions[:means], d_value[None]]))
            if "log_std" in weights:
                gradients["log_std"] = d_actions[means:].sum((1, 2))
            report["gradient_norm"] = self.step(weights, gradients)
            reports.append(report)
            if self.train.refresh_advantages:
                ratios = np.exp(actions.log_prob - batch.log_probs)
                batch.values, batch.advantages = outputs[-1], self.estimate(rollout, outputs[-1], ratios)
        figures = {name: float(np.mean([report[name] for report in reports])) for name in reports[0]}
        return figures | {
            "explained_variance": float(explained),
            "learning_rate": self.train.learning_rate * self.decay,
        }

    def where(self, rollout: Rollout) -> tuple[Array, Array, Array]:
        """Return what the network is run on."""
        return rollout.seen["observations"].astype(np.float64), rollout.first_state, rollout.keep

    def network(self, weights: dict[str, Array]) -> references.Network:
        cell = self.trainer.settings.policy.cell
        return references.Network(weights["encoder"], weights["core"], weights["head"], cell)

    def value(self, network: references.Network, observations: NDArray[Any], state: Array) -> Array:
        """Return the values (A,) of observations (A, O), seen with that state."""
        return network.run(observations.astype(np.float64)[None], state, np.ones((1, self.rows)))[0][-1, 0]

    def estimate(self, rollout: Rollout, values: Array, ratios: Array) -> Array:
        train = self.train
        clips = (ratios, train.rho_clip, train.trace_clip) if train.refresh_advantages else ()
        following = rollout.next_values(values)
        return references.advantages(
            rollout.rewards, values, following, rollout.ends, train.gamma, train.gae_lambda, *clips
        )

    def distribution(self, outputs: Array, rollout: Rollout, weights: dict[str, Array]) -> references.Actions:
        actions = rollout.seen["actions"].reshape(self.time, self.rows, -1)
        if "log_std" in weights:
            space = self.env.single_action_space
            half_range = (space.high - space.low).astype(np.float64) / 2
            return references.gaussian(outputs[:-1], weights["log_std"], actions.astype(np.float64), half_range)
        sizes = self.trainer.spec.action.sizes
        return references.categorical(outputs[:-1], actions, sizes, rollout.seen.get("action_masks"))

    def step(self, weights: dict[str, Array], gradients: dict[str, Array]) -> float:
        """Move the weights; return the length of the gradient before it was shortened."""
        self.updates += 1
        norm = references.gradient_norm(gradients)
        shorter = min(1.0, self.train.max_gradient_norm / norm)
        for name, gradient in gradients.items():
            average, rate = self.averages[name], self.train.learning_rate
            if name == "log_std":
                rate = self.train.vector_learning_rate
                direction, average, self.square = references.adam(
                    average, self.square, gradient * shorter, self.updates
                )
            else:
                direction, average = references.muon(average, gradient * shorter, self.train.momentum)
            self.averages[name] = average
            weights[name] = weights[name] - rate * self.decay * direction
        return norm


ONE, TWO = Discrete(4), MultiDiscrete([3, 2])
CONTINUOUS = Box(-2.0, 2.0, (2,), np.float32)

CASES: dict[str, tuple[Any, dict[str, bool], dict[str, Any]]] = {
    "discrete": (ONE, {}, {}),
    "several discrete": (TWO, {}, {}),
    "masked": (TWO, {"masked": True}, {}),
    "deserted": (ONE, {"masked": True, "deserted": True}, {}),
    "continuous": (CONTINUOUS, {}, {}),
    "tight limits": (ONE, {}, {"clip": 0.05, "value_clip": 0.05, "max_gradient_norm": 0.1}),
    "rewards as they are": (ONE, {}, {"reward_clip": 0.0, "reward_scale": 3.0, "normalize_advantages": False}),
    "rewards brought to one size": (ONE, {}, {"normalize_rewards": True, "reward_clip": 1.5}),
    "v-trace": (ONE, {}, {"refresh_advantages": True, "rho_clip": 0.9, "trace_clip": 0.95}),
}


def check_iterations(trainer: PPO, env: Chaos) -> None:
    """Three of them, to 5e-5 in weights that move by up to 0.3, and to 2e-4 of what is reported."""
    onlooker = Onlooker(trainer, env)
    for iteration in range(3):
        wanted, found, weights, after = onlooker.iterate()
        if onlooker.distance_to_kinks < 1e-6:
            assert iteration > 0, "choose another seed: on a kink, the gradient is a matter of rounding"
            break
        for name, value in wanted.items():
            assert found[name] == pytest.approx(value, rel=2e-4, abs=2e-5), name
        for name, weight in weights.items():
            np.testing.assert_allclose(after[name], weight, rtol=0, atol=5e-5, err_msg=name)


def whole_rollouts(time: int, rows: int, **settings: Any) -> dict[str, Any]:
    """Settings for minibatches that are whole rollouts, each of which is trained on twice."""
    size = time * rows
    return {"horizon": time, "minibatch": size, "replay_ratio": 2, "steps": 5 * size, "learning_rate": 0.05} | settings


@pytest.mark.parametrize("learner", ["kernels", "torch"])
@pytest.mark.parametrize("cell", ["mingru", "lstm"])
@pytest.mark.parametrize("case", CASES)
def test_iterations_equal_numpy(case: str, cell: str, learner: str) -> None:
    action, how, settings = CASES[case]
    env = Chaos(ROWS, action, **how)
    policy = {"hidden": 16, "layers": 2, "cell": cell}
    check_iterations(make_trainer(env, policy=policy, learner=learner, **whole_rollouts(TIME, ROWS, **settings)), env)


SHAPES: list[tuple[int, int, int, int, Any]] = [
    (2, 1, 16, 1, Discrete(2)),
    (1, 7, 16, 2, Discrete(3)),
    (5, 17, 32, 1, MultiDiscrete([5, 7, 2])),
    (3, 33, 48, 3, Discrete(19)),
    (4, 129, 16, 1, Box(-1.0, 1.0, (5,), np.float32)),
    (2, 64, 128, 1, Discrete(1)),
]
"""Steps, rows, units, layers and actions: fewer and more than fit side by side into a processor's registers."""


@pytest.mark.parametrize("cell", ["mingru", "lstm"])
@pytest.mark.parametrize(("time", "rows", "hidden", "layers", "action"), SHAPES)
def test_kernels_of_any_shape_equal_numpy(
    time: int, rows: int, hidden: int, layers: int, action: Any, cell: str
) -> None:
    env = Chaos(rows, action)
    policy = {"hidden": hidden, "layers": layers, "cell": cell}
    check_iterations(make_trainer(env, policy=policy, learner="kernels", threads=2, **whole_rollouts(time, rows)), env)


@pytest.mark.parametrize("learner", ["kernels", "torch"])
@pytest.mark.parametrize("cell", ["mingru", "lstm"])
@pytest.mark.parametrize("action", [ONE, TWO, CONTINUOUS], ids=["one", "two", "continuous"])
def test_gradient_of_weighted_sequences(action: Any, cell: str, learner: str) -> None:
    """Of some sequences only, one of them twice, as priorities choose them."""
    env = Chaos(ROWS, action)
    policy = {"hidden": 16, "layers": 2, "cell": cell}
    trainer = make_trainer(env, policy=policy, learner=learner, horizon=TIME, minibatch=4 * TIME, clip=0.2)
    onlooker = Onlooker(trainer, env)
    assert trainer.collect() is None
    rollout = onlooker.watch(onlooker.weights())
    chosen, importance = np.array([7, 2, 9, 2]), np.array([0.4, 1.7, 1.0, 0.6])
    trainer.buffers.log_probs.add_(0.2)  # as if the policy had moved: some ratios are clipped
    _, found = trainer.learner.gradient(torch.from_numpy(chosen), torch.from_numpy(importance).float())

    weights = onlooker.weights()
    outputs, _, _ = onlooker.network(weights).run(*onlooker.where(rollout))
    actions = onlooker.distribution(outputs, rollout, weights)
    batch = references.Batch(
        log_probs=actions.log_prob[:, chosen] + 0.2,
        values=outputs[-1][:, chosen],
        advantages=onlooker.estimate(rollout, outputs[-1], np.ones((TIME, ROWS)))[:, chosen],
        importance=importance,
        present=np.ones((TIME, 4)),
    )
    taken = references.Actions(*(array[..., chosen] for array in vars(actions).values()))
    wanted, d_actions, d_value = references.ppo(taken, outputs[-1][:, chosen], batch, trainer.settings.train)
    d_outputs = np.concatenate([d_actions[: len(outputs) - 1], d_value[None]])
    observations, first_state, keep = onlooker.where(rollout)
    gradients = onlooker.network(weights).gradient(
        observations[:, chosen], first_state[:, chosen], keep[:, chosen], d_outputs
    )
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=2e-4, abs=2e-5), name
    for name, gradient in gradients.items():
        np.testing.assert_allclose(
            dict(trainer.policy.named_parameters())[name].grad, gradient, rtol=1e-3, atol=1e-5, err_msg=name
        )
