"""What rounding the weights of a policy costs, measured in games that both play; and policies of checkpoints."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_envs.contract.policy_file import PolicyFile
from puffer_train import config
from puffer_train.algorithm.evaluate import evaluate, evaluation_envs
from puffer_train.contract import describe
from puffer_train.environments import registry
from puffer_train.policy import Policy
from puffer_train.report.exported import Rounding
from puffer_train.run.export_run import PLAYED_ENVS, played
from puffer_train.run.trained import Trained
from puffer_train.storage.policy_file import identify, read_policy, write_policy

NEAR = 0.01
"""Share of a Box within which continuous actions agree."""


def measure(
    file: PolicyFile,
    rounded: PolicyFile,
    source: Path,
    name: str | None,
    env_settings: Mapping[str, object],
    episodes: int,
    seed: int,
) -> Rounding:
    """Compare a policy with its rounded form: outputs on the same observations, and the score of both.

    Both take the likeliest actions, in the same episodes.
    """
    name = registry.resolve_name(source, file.info.environment, name)
    settings = config.overlay(config.Settings(env=file.info.settings), {"env": env_settings}, "command line").env
    found = registry.find(name)
    with found.opened(PLAYED_ENVS, seed, 1, settings) as env, tempfile.TemporaryDirectory(prefix="puffer-") as folder:
        spec = describe(env, name)
        policies = []
        for number, each in enumerate((file, rounded)):
            path = Path(folder) / f"{number}.safetensors"
            each.write(path)
            policies.append(read_policy(path, spec))
        rows, difference, agreement = _compare(env, policies[0], policies[1], seed, name)
    with found.opened(evaluation_envs(spec, episodes), seed, 1, settings) as env:
        before, after = (evaluate(env, policy, seed, deterministic=True, name=name) for policy in policies)
    statistic = "perf" if "perf" in before.figures else before.main
    means = [float(np.mean(result.figures[statistic])) for result in (before, after)]
    return Rounding(rows, difference, agreement, min(before.episodes, after.episodes), statistic, *means)


@torch.no_grad()
def _compare(env: BufferEnv, policy: Policy, rounded: Policy, seed: int, name: str) -> tuple[int, float, float]:
    """Return how many observations were compared, the largest difference of an output, and how many actions agree."""
    outputs = policy.spec.action.outputs
    rows, difference, same, chosen = 0, 0.0, 0, 0
    memory = rounded.initial_state(env.num_agents)
    for observations, state in played(env, policy, seed, name):
        memory *= (state != 0).any(dim=0).any(dim=-1, keepdim=True)  # where an episode begins, it is zero
        wanted, found = policy.step(observations, state), rounded.step(observations, memory)
        scale = policy.action_scale if policy.spec.action.kind == "box" else 1
        apart = (found - wanted)[:outputs].T * scale
        rows, difference = rows + len(observations), max(difference, float(apart.abs().max()))
        agree = _agree(policy, wanted, found)
        same, chosen = same + int(agree.sum()), chosen + agree.numel()
    return rows, difference, same / chosen


def _agree(policy: Policy, wanted: Tensor, found: Tensor) -> Tensor:
    """Return for each number of the likeliest actions whether they agree."""
    mine, theirs = policy.sample_actions(wanted, None), policy.sample_actions(found, None)
    if policy.spec.action.kind == "discrete":
        return mine == theirs
    low, high = torch.tensor(policy.spec.action.low), torch.tensor(policy.spec.action.high)
    centre = policy.action_centre
    return ((mine + centre).clamp(low, high) - (theirs + centre).clamp(low, high)).abs() <= NEAR * (high - low)


def from_checkpoint(
    source: Path, name: str | None, networks: Sequence[str], env_settings: Mapping[str, object]
) -> PolicyFile:
    """Return the policy of a checkpoint, or of a run without a policy file."""
    trained = Trained.find(source)
    name = registry.resolve_name(trained.path, trained.environment, name)
    settings = config.overlay(config.Settings(env=trained.settings), {"env": env_settings}, "command line").env
    with registry.find(name).opened(1, 0, 1, settings) as env, tempfile.TemporaryDirectory(prefix="puffer-") as folder:
        path = Path(folder) / "policy.safetensors"
        write_policy(path, trained.load(describe(env, name), networks), identify(env, name, settings))
        return PolicyFile.read(path)
