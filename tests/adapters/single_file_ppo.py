"""PPO in one file of PyTorch, as people write it, over whatever `gymnasium.make_vec` makes with a Discrete action.

python single_file_ppo.py puffer_envs:puffer/Cartpole-v1

The algorithm is Proximal Policy Optimization (Schulman et al. 2017, arXiv:1707.06347) with generalized advantages
(Schulman et al. 2016, arXiv:1506.02438).
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical


@dataclass(frozen=True)
class Settings:
    """Hyperparameters that suit CartPole."""

    num_envs: int = 32
    horizon: int = 64
    total_steps: int = 150_000
    learning_rate: float = 2e-3
    gamma: float = 0.99
    gae_lambda: float = 0.9
    epochs: int = 6
    minibatches: int = 4
    clip: float = 0.2
    entropy: float = 0.01
    value: float = 0.5
    most_gradient: float = 0.5


class Agent(nn.Module):
    """Two small networks: logits of the actions, and the value."""

    def __init__(self, inputs: int, choices: int) -> None:
        super().__init__()
        self.actor, self.critic = (self._network(inputs, outputs) for outputs in (choices, 1))
        with torch.no_grad():
            self.actor[-1].weight.mul_(0.01)

    @staticmethod
    def _network(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))

    def values(self, observations: Tensor) -> Tensor:
        return self.critic(observations).squeeze(-1)


def as_floats(observations: np.ndarray) -> Tensor:
    """A copy (rows, inputs) float32: the environment overwrites its arrays."""
    return torch.tensor(observations.reshape(len(observations), -1), dtype=torch.float32)


def rollout(
    envs: Any, agent: Agent, now: Tensor, s: Settings, returns: deque[float]
) -> tuple[dict[str, Tensor], Tensor]:
    """`horizon` steps of every environment: a batch of all of them, and the observations after the last."""
    steps: dict[str, list[Tensor]] = {key: [] for key in ("observations", "actions", "log_probs", "values")}
    rewards, ends = [], []
    for _ in range(s.horizon):
        with torch.no_grad():
            choice = Categorical(logits=agent.actor(now))
            action = choice.sample()
            row = (now, action, choice.log_prob(action), agent.values(now))
        for key, value in zip(steps, row, strict=True):
            steps[key].append(value)
        seen, reward, terminated, truncated, infos = envs.step(action.numpy())
        reward = torch.tensor(reward, dtype=torch.float32)
        if truncated.any():  # a time limit is no end of the world: what would have followed has a value
            with torch.no_grad():
                reward[truncated] += s.gamma * agent.values(as_floats(np.stack(infos["final_obs"][truncated])))
        if "final_info" in infos:
            returns.extend(infos["final_info"]["episode_return"][infos["_final_info"]].tolist())
        rewards.append(reward)
        ends.append(torch.tensor(terminated | truncated, dtype=torch.float32))
        now = as_floats(seen)

    advantage, following = torch.zeros(len(now)), agent.values(now).detach()
    advantages = []
    for t in reversed(range(s.horizon)):
        alive = 1 - ends[t]
        error = rewards[t] + s.gamma * alive * following - steps["values"][t]
        advantage = error + s.gamma * s.gae_lambda * alive * advantage
        advantages.append(advantage)
        following = steps["values"][t]
    batch = {key: torch.cat(values) for key, values in steps.items()} | {"advantages": torch.cat(advantages[::-1])}
    return batch | {"targets": batch["advantages"] + batch["values"]}, now


def loss(agent: Agent, b: dict[str, Tensor], s: Settings) -> Tensor:
    choice = Categorical(logits=agent.actor(b["observations"]))
    ratio = (choice.log_prob(b["actions"]) - b["log_probs"]).exp()
    advantages = (b["advantages"] - b["advantages"].mean()) / (b["advantages"].std() + 1e-8)
    surrogate = torch.min(ratio * advantages, ratio.clamp(1 - s.clip, 1 + s.clip) * advantages)
    squares = (agent.values(b["observations"]) - b["targets"]).square()
    return -surrogate.mean() + s.value * squares.mean() - s.entropy * choice.entropy().mean()


def train(name: str, seed: int = 0, s: Settings | None = None, **kwargs: Any) -> list[float]:
    """Train, and return the mean return of the last 100 episodes after every update."""
    s = s or Settings()
    torch.manual_seed(seed)
    envs = gymnasium.make_vec(name, num_envs=s.num_envs, **kwargs)
    agent = Agent(int(np.prod(envs.single_observation_space.shape)), int(envs.single_action_space.n))
    optimizer = torch.optim.Adam(agent.parameters(), lr=s.learning_rate, eps=1e-5)
    returns: deque[float] = deque(maxlen=100)
    curve = []
    now = as_floats(envs.reset(seed=seed)[0])
    updates = s.total_steps // (s.num_envs * s.horizon)
    for update in range(updates):
        optimizer.param_groups[0]["lr"] = s.learning_rate * (1 - update / updates)
        batch, now = rollout(envs, agent, now, s, returns)
        for _ in range(s.epochs):
            for rows in torch.randperm(s.num_envs * s.horizon).chunk(s.minibatches):
                optimizer.zero_grad()
                loss(agent, {key: value[rows] for key, value in batch.items()}, s).backward()
                nn.utils.clip_grad_norm_(agent.parameters(), s.most_gradient)
                optimizer.step()
        curve.append(float(np.mean(returns)) if returns else 0.0)
    envs.close()
    return curve


if __name__ == "__main__":
    for number, mean in enumerate(train(sys.argv[1]), start=1):
        print(f"update {number}: mean return {mean:.1f}")
