"""What a run saves of its training: checkpoints, which hold everything needed to resume it, and the policy."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from puffer_envs.contract.policy_info import PolicyError
from puffer_train.algorithm import training_state
from puffer_train.errors import CheckpointError, StorageError
from puffer_train.run.state import RunState
from puffer_train.storage import checkpoint
from puffer_train.storage.policy_file import identify, write_policy
from puffer_train.system.machine import versions

POLICY = "policy.safetensors"
"""The policy in a run folder."""

SNAPSHOT = "environment.snapshot"
"""Name in a checkpoint of the environment's snapshot."""


def save(run: RunState, *, game: bool = True) -> None:
    """Write a checkpoint, unless there is one of this moment.

    Args:
        run: The run. With `game`, all ranks must call this together: rank 0 writes what the others send.
        game: Whether to include the state of the environment and of its episodes.

    Raises:
        StorageError: The disk refuses.
        CheckpointError: A number is not finite.
    """
    ppo, ranks = run.ppo, run.ranks
    wanted = ranks.leads and run.saved_at != ppo.steps
    if not (ranks.agree(wanted) if game else wanted):
        return
    tensors = training_state.learned_tensors(ppo) | (_game(run) if game else {})
    if not ranks.leads:
        return
    train = run.settings.train
    checkpoint.save(
        run.checkpoints, ppo.steps, tensors, _manifest(run), train.checkpoints_kept, train.checkpoints_spread
    )
    run.saved_at = ppo.steps


def checkpoint_now(run: RunState) -> checkpoint.Checkpoint:
    """Return what a checkpoint would hold now; it stays as it is while the run continues."""
    tensors = training_state.learned_tensors(run.ppo) | _game(run)
    return checkpoint.Checkpoint(run.folder, {name: t.detach().clone() for name, t in tensors.items()}, _manifest(run))


def _manifest(run: RunState) -> dict[str, Any]:
    """Return what a checkpoint says about its tensors."""
    ppo = run.ppo
    return {
        "counters": training_state.counters(ppo),
        "identity": identity(run),
        "seed": ppo.seed,
        "settings": run.settings.as_dict(),
        "versions": versions(),
        "ranks": run.ranks.count,
        "run": {"seconds": ppo.seconds, "step_scale": ppo.step_scale, "retreats": run.retreats},
    }


def save_or_warn(run: RunState) -> None:
    """Save in the middle of a run. A disk that is full now may not be so later, so training continues."""
    try:
        save(run)
    except (StorageError, CheckpointError) as error:
        run.warn(f"{error} Training continues; the next checkpoint is tried as usual.")


def save_last(run: RunState) -> None:
    """Save the end of a run. Where that fails, the much smaller policy is saved.

    Raises:
        StorageError: The checkpoint could not be written.
    """
    try:
        save(run)
    except (StorageError, CheckpointError) as error:
        saved = ""
        with suppress(StorageError, PolicyError):
            saved = f" The policy is in {export_policy(run)}."
        raise StorageError(f"{error}{saved} {newest_checkpoint(run)}") from error


def newest_checkpoint(run: RunState) -> str:
    """Return a sentence about what the run can be resumed from."""
    checkpoints = checkpoint.list_checkpoints(run.checkpoints)
    if not checkpoints:
        return "Nothing was saved before."
    return f"Resume from {checkpoints[-1].name} with: {run.resume_command()}"


def export_policy(run: RunState) -> Path:
    """Write the policy file and return its path.

    Raises:
        PolicyError: A weight is not finite.
        StorageError: The disk refuses.
    """
    path = run.folder / POLICY
    write_policy(path, run.ppo.player, identify(run.ppo.env, run.source.name, run.settings.env))
    return path


def identity(run: RunState) -> dict[str, Any]:
    """Return what a checkpoint must agree with to be resumed."""
    policy = run.ppo.policy
    about = identify(run.ppo.env, run.source.name, run.settings.env)
    return {
        "environment": about.name,
        "environment_version": about.version,
        "environment_settings": json.loads(json.dumps(about.settings, default=str)),
        **policy.spec.identity(),
        **policy.identity(),
        "seed": run.ppo.seed,
        **({} if run.ppo.opponents is None else run.ppo.opponents.identity()),
    }


def rank_prefix(rank: int) -> str:
    """Return what the names of a rank's game begin with in a checkpoint: nothing for those of rank 0."""
    return f"rank{rank}." if rank else ""


def _game(run: RunState) -> dict[str, torch.Tensor]:
    """Return the state of the game: on rank 0 that of all ranks, whose weights have to be the same."""
    ppo, ranks = run.ppo, run.ranks
    game = training_state.game_tensors(ppo)
    snapshot = getattr(ppo.env, "snapshot", None)
    if snapshot is not None:
        with ppo.calls:
            game[SNAPSHOT] = torch.frombuffer(bytearray(snapshot()), dtype=torch.uint8)
    if ranks.count == 1:
        return game
    ranks.check_same("the weights", list(ppo.policy.parameters()))
    others = ranks.collect(safetensors.torch.save(game))[1:]
    return game | {
        f"{rank_prefix(rank)}{name}": tensor
        for rank, data in enumerate(others, 1)
        for name, tensor in safetensors.torch.load(data).items()
    }
