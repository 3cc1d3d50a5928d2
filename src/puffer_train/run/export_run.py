"""`puffer-export`: a trained policy as an ONNX file, compared with torch on games that it plays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train import config
from puffer_train.algorithm.buffers import Buffers
from puffer_train.config import TrainSettings
from puffer_train.contract import describe
from puffer_train.environments import registry
from puffer_train.errors import EnvironmentCalls
from puffer_train.learners.registry import make_learner
from puffer_train.policy import Policy
from puffer_train.run.trained import Trained
from puffer_train.storage.onnx_file import Parity, write_onnx
from puffer_train.storage.policy_file import identify

PLAYED_ENVS, PLAYED_STEPS = 16, 64
"""Environments and steps whose observations the exported policy is compared on."""


def export(
    source: Path,
    path: Path,
    *,
    name: str | None = None,
    networks: Sequence[str] = (),
    env_settings: Mapping[str, object] | None = None,
    seed: int = 1000,
) -> Parity:
    """Write the policy of a run, policy file or checkpoint as an ONNX file; return how well it agrees with torch.

    Args:
        source: A run folder, policy file or checkpoint.
        path: The file to write.
        name: The environment's name, needed where it imports code.
        networks: Names of networks of the user's own that may be imported.
        env_settings: Changes of the environment's settings, for the games that are played to compare.
        seed: Of those games.

    Raises:
        UserError: There is no policy, it cannot be exported, or onnxruntime and torch disagree.
    """
    trained = Trained.find(source)
    name = registry.resolve_name(trained.path, trained.environment, name)
    settings = config.overlay(config.Settings(env=trained.settings), {"env": env_settings or {}}, "command line").env
    with registry.find(name).opened(PLAYED_ENVS, seed, 1, settings) as env:
        policy = trained.load(describe(env, name), networks)
        return write_onnx(path, policy, identify(env, name, settings), played(env, policy, seed, name))


@torch.no_grad()
def played(env: BufferEnv, policy: Policy, seed: int, name: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the observations (A, *shape) and states (L, A, S) of the policy playing in `env`."""
    calls = EnvironmentCalls(name)
    with calls:
        env.reset(seed)
    generator = torch.Generator().manual_seed(seed)
    buffers, state = Buffers(env, policy, 1), policy.initial_state(env.num_agents)
    (actor,) = make_learner("torch", policy, buffers, [env], state, TrainSettings(), 1).actors
    for _ in range(PLAYED_STEPS):
        buffers.observe(env)
        yield buffers.observations[0].clone(), state.clone()
        actor.begin(generator)
        actor.act(0)
        buffers.give_actions(env, 0)
        with calls:
            calls.run(env.step, env.actions)
        state *= torch.from_numpy(~(env.terminals | env.truncations)).unsqueeze(-1)
