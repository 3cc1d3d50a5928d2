"""PPO with a recurrent policy in one file: the buffer contract in, a policy file out.

    python one_file_trainer.py breakout --steps 20_000_000 --out breakout.safetensors
    puffer-play breakout.safetensors

The trainer of `puffer-train`, without what a run needs besides (checkpoints, resuming, reports, several machines) and
without its less common settings. Copy it and change what you like: the network, the loss, how data is collected.
Everything is plain PyTorch but what takes time, which `puffer_train.kernels` computes in C. Read it from the top:
settings, the network, playing, learning, saving.

Sizes: T steps of A agents in a rollout, B of them in a minibatch; I inputs, H hidden units, L layers, K outputs for the
actions. Arrays begin with the time.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import puffer_envs
from puffer_envs.contract import BufferEnv
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import read_info
from puffer_train import kernels
from puffer_train.contract import EnvironmentSpec, describe


@dataclass
class Settings:
    """How to learn: the defaults of `puffer-train`, which docs/training.md explains."""

    steps: int = 20_000_000  # of all agents together
    num_envs: int = 1024
    horizon: int = 32  # T
    minibatch: int = 8192  # samples: B = minibatch / horizon sequences
    replay_ratio: float = 1.5  # how often each sample is learned from
    hidden: int = 32  # H
    layers: int = 4  # L
    cell: str = "mingru"
    learning_rate: float = 0.015  # of matrices
    vector_learning_rate: float = 0.003
    momentum: float = 0.87
    max_gradient_norm: float = 1.11
    gamma: float = 0.98
    gae_lambda: float = 0.983
    reward_clip: float = 1.0
    clip: float = 0.81
    value_clip: float = 4.98
    value_coefficient: float = 3.47
    entropy_coefficient: float = 0.0049
    max_kl: float = 0.04  # 0: no limit
    loss: str = "kernels"  # or "torch": computed by Trainer.loss, which you can change
    seed: int = 1
    threads: int = 1


class Policy(nn.Module):
    """Linear encoder, recurrent layers, and one linear head for actions and value; nothing has a bias."""

    def __init__(self, spec: EnvironmentSpec, settings: Settings, generator: torch.Generator) -> None:
        super().__init__()
        self.spec = spec
        self.network = kernels.Recurrent(
            settings.hidden,
            settings.layers,
            settings.cell,
            inputs=len(spec.observation_scale),
            outputs=spec.action.outputs + 1,
            input_scale=spec.observation_scale,
            threads=settings.threads,
            generator=generator,
        )
        self.network.head.data[:-1] *= 0.1  # the first policy is nearly uniform
        self.continuous = spec.action.kind == "box"
        self.log_std = nn.Parameter(torch.full((spec.action.outputs,), math.log(0.5))) if self.continuous else None

    def forward(self, observations: Tensor, state: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs (T, B, K) and values (T, B) of sequences, for learning. keep (T, B): 0 where one starts."""
        outputs, _ = self.network(observations.flatten(2), state, keep)
        return outputs[..., :-1], outputs[..., -1]

    @torch.no_grad()
    def step(self, observations: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The same for one step (A, *shape), for acting; state (L, A, S) is updated in place."""
        outputs = self.network.step(observations.flatten(1), state)
        return outputs[:, :-1], outputs[:, -1]

    def sample(self, outputs: Tensor, masks: Tensor | None, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw actions (A, k) from outputs (A, K); return them and the logarithms (A,) of their probabilities."""
        if self.log_std is not None:
            return kernels.sample_gaussian(outputs, self.log_std, generator=generator)
        return kernels.sample_categorical(outputs, self.spec.action.sizes, masks=masks, generator=generator)

    def evaluate(self, outputs: Tensor, actions: Tensor, masks: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy, each (T, B), of actions (T, B, k) under outputs (T, B, K)."""
        if self.log_std is not None:
            normal = torch.distributions.Normal(outputs, self.log_std.exp())
            return normal.log_prob(actions).sum(-1), normal.entropy().sum(-1)
        return kernels.evaluate_categorical(outputs, actions, self.spec.action.sizes, masks=masks)


class Trainer:
    """Plays and learns, in turns."""

    def __init__(self, env: BufferEnv, settings: Settings) -> None:
        if env.agent_mask is not None or getattr(env, "observation_fields", None) is not None:
            raise SystemExit("Agents that come and go, and named fields, are left to puffer-train.")
        self.env, self.settings = env, settings
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.policy = Policy(describe(env), settings, self.generator)
        self.matrices = [p for p in self.policy.parameters() if p.ndim >= 2]
        self.vectors = [p for p in self.policy.parameters() if p.ndim < 2]
        self.muon = kernels.Muon(self.matrices, momentum=settings.momentum, threads=settings.threads)
        self.adam = torch.optim.Adam(self.vectors) if self.vectors else None
        self.ppo = kernels.PPOLoss(
            self.policy.network,
            None if self.policy.continuous else self.policy.spec.action.sizes,
            log_std=self.policy.log_std,
            clip=settings.clip,
            value_clip=settings.value_clip,
            value_coefficient=settings.value_coefficient,
            entropy_coefficient=settings.entropy_coefficient,
        )
        self.steps = 0

        times = (settings.horizon, env.num_agents)
        action = self.policy.spec.action

        def seen(array: np.ndarray[Any, Any]) -> Tensor:
            return torch.zeros(settings.horizon, *array.shape, dtype=torch.from_numpy(array).dtype)

        self.observations = seen(env.observations)
        self.masks = None if env.action_masks is None else seen(env.action_masks)
        kind = torch.float32 if self.policy.continuous else torch.int64
        self.actions = torch.zeros(*times, action.dimensions, dtype=kind)
        self.log_probs, self.values, self.rewards = torch.zeros(times), torch.zeros(times), torch.zeros(times)
        self.ends = torch.zeros(times, dtype=torch.bool)
        self.keep = torch.ones(times)  # 0 where an episode starts within a rollout: the recurrent state is reset
        self.final_values = torch.zeros(times)  # of what lies beyond an end: 0, but for a truncation
        self.advantages = torch.zeros(times)
        self.state = self.policy.network.initial_state(env.num_agents)
        self.first_state = self.state.clone()  # before step 0
        env.reset(settings.seed)

    def collect(self) -> None:
        """Play T steps of every agent with the current policy."""
        env, policy = self.env, self.policy
        self.first_state.copy_(self.state)
        self.final_values.zero_()
        for t in range(self.settings.horizon):
            self.observations[t] = torch.from_numpy(env.observations)
            masks = None
            if self.masks is not None and env.action_masks is not None:
                self.masks[t] = torch.from_numpy(env.action_masks)
                masks = self.masks[t]
            outputs, self.values[t] = policy.step(self.observations[t], self.state)
            self.actions[t], self.log_probs[t] = policy.sample(outputs, masks, self.generator)
            env.actions[...] = self.actions[t].numpy().reshape(env.actions.shape)
            env.step(env.actions)
            self.rewards[t] = torch.from_numpy(env.rewards)
            self.ends[t] = torch.from_numpy(env.terminals | env.truncations)
            if env.truncations.any():  # cut off, not over: the last observation still has a value
                rows = torch.from_numpy(np.flatnonzero(env.truncations))
                last = torch.from_numpy(env.final_observations)[rows]
                self.final_values[t, rows] = policy.step(last, self.state[:, rows].contiguous())[1]
            self.state[:, self.ends[t].nonzero()[:, 0]] = 0.0
        self.keep[1:] = (~self.ends[:-1]).float()
        _, last_value = policy.step(torch.from_numpy(env.observations), self.state.clone())
        settings = self.settings
        self.advantages = kernels.estimate_advantages(
            self.rewards.clamp(-settings.reward_clip, settings.reward_clip),
            self.values,
            last_value,
            self.ends,
            gamma=settings.gamma,
            lam=settings.gae_lambda,
            final_values=self.final_values,
        )
        self.steps += self.ends.numel()

    def learn(self) -> None:
        """Improve the policy on what was played, minibatch by minibatch."""
        settings, agents = self.settings, self.env.num_agents
        progress = min(1.0, self.steps / settings.steps)
        decay = 0.5 * (1 + math.cos(math.pi * progress))
        rates = [(self.muon, settings.learning_rate), (self.adam, settings.vector_learning_rate)]
        count = settings.minibatch // settings.horizon
        minibatches = max(1, round(settings.replay_ratio * self.ends.numel() / settings.minibatch))
        rounds = math.ceil(minibatches * count / agents)
        order = torch.cat([torch.randperm(agents, generator=self.generator) for _ in range(rounds)])
        for i in range(minibatches):
            chosen = order[i * count : (i + 1) * count]
            loss, kl = self.loss(chosen) if settings.loss == "torch" else self.kernel_loss(chosen)
            for optimizer, _ in rates:
                if optimizer is not None:
                    optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.policy.parameters(), settings.max_gradient_norm)
            for optimizer, rate in rates:
                if optimizer is not None:
                    optimizer.param_groups[0]["lr"] = rate * decay
                    optimizer.step()
            if 0 < settings.max_kl < kl:
                break

    def kernel_loss(self, agents: Tensor) -> tuple[Tensor, float]:
        """Return what `loss` does, from kernels that run forward pass, loss and backward pass in one go."""
        names = ("observations", "first_state", "ends", "actions", "log_probs", "values", "advantages", "masks")
        loss, figures = self.ppo(agents, **{name: getattr(self, name) for name in names})
        return loss, figures["approx_kl"]

    def loss(self, agents: Tensor) -> tuple[Tensor, float]:
        """Return the loss of the sequences of some agents (B,), and how far the policy is from the one that played."""
        settings = self.settings
        actions, log_probs, values, advantages, keep = (
            x.index_select(1, agents) for x in (self.actions, self.log_probs, self.values, self.advantages, self.keep)
        )
        masks = None if self.masks is None else self.masks.index_select(1, agents)
        state = self.first_state.index_select(1, agents)
        outputs, new_values = self.policy(self.observations.index_select(1, agents), state, keep)
        returns = advantages + values
        advantages = (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)

        log_prob, entropy = self.policy.evaluate(outputs, actions, masks)
        log_ratio = log_prob - log_probs
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
        policy_loss = torch.maximum(-advantages * ratio, -advantages * clipped).mean()
        near = values + (new_values - values).clamp(-settings.value_clip, settings.value_clip)
        value_loss = 0.5 * torch.maximum((new_values - returns).square(), (near - returns).square()).mean()
        loss = policy_loss + settings.value_coefficient * value_loss - settings.entropy_coefficient * entropy.mean()
        return loss, float((ratio - 1 - log_ratio).detach().mean())


def write_policy(path: Path, trainer: Trainer, environment: str) -> None:
    """Write a policy file (docs/policy-file.md), which players and `puffer-eval` read."""
    policy, settings = trainer.policy, trainer.settings
    about = {
        "environment": environment,
        "environment_version": getattr(getattr(trainer.env, "spec", None), "version", 0),
        "settings": dict(getattr(trainer.env, "settings", {})),
        "hidden": settings.hidden,
        "layers": settings.layers,
        "cell": settings.cell,
        "encoder": "flat",
        "value_head": "scalar",
        **policy.spec.identity(),
    }
    network = policy.network
    tensors = {"input_scale": torch.tensor(policy.spec.observation_scale)}
    tensors |= {"encoder.weight": network.encoder, "head.weight": network.head}
    tensors |= {f"core.{i}.weight": weight for i, weight in enumerate(network.core)}
    if policy.log_std is not None:
        tensors["log_std"] = policy.log_std
    PolicyFile(read_info(about), {name: x.detach().numpy().copy() for name, x in tensors.items()}).write(path)


def main() -> None:
    """Train, print how it is going, write the policy."""
    parser = argparse.ArgumentParser(description="Train a policy in one of puffer-envs' environments.")
    parser.add_argument("environment")
    parser.add_argument("--out", type=Path, default=Path("policy.safetensors"))
    for name, default in vars(Settings()).items():
        choices = ("kernels", "torch") if name == "loss" else None
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default, choices=choices)
    options = vars(parser.parse_args())
    environment, out = options.pop("environment"), options.pop("out")
    settings = Settings(**options)
    torch.set_num_threads(settings.threads)
    try:
        env = puffer_envs.make(environment, settings.num_envs, seed=settings.seed, threads=settings.threads)
    except ValueError as error:
        parser.error(str(error))
    trainer = Trainer(env, settings)
    begin = shown = time.perf_counter()
    while trainer.steps < settings.steps:
        trainer.collect()
        trainer.learn()
        if time.perf_counter() - shown > 1 or trainer.steps >= settings.steps:
            shown, score = time.perf_counter(), env.log().get("score", math.nan)
            print(
                f"{trainer.steps:>12,} steps  {trainer.steps / (shown - begin):>9,.0f}/s  score {score:.1f}", flush=True
            )
    write_policy(out, trainer, environment)
    env.close()


if __name__ == "__main__":
    main()
