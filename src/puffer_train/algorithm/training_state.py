"""The state of a training: everything that a checkpoint has to hold to continue it between two iterations."""

from __future__ import annotations

import torch
from torch import Tensor

from puffer_train.algorithm.ppo import PPO


def learned_tensors(trainer: PPO) -> dict[str, Tensor]:
    """Return weights, the optimizer's memory and the random generators by name; nothing of the game."""
    return {
        **{f"policy.{name}": tensor for name, tensor in trainer.policy.saved_tensors().items()},
        **{f"optimizer.{name}": t for name, t in trainer.optimizer.tensors().items()},
        **({} if trainer.observations is None else {"observations.moments": trainer.observations.moments}),
        **({} if trainer.rewards is None else {"rewards.moments": trainer.rewards.moments}),
        **trainer.curriculum.tensors(),
        **({} if trainer.opponents is None else trainer.opponents.learned_tensors()),
        "generator.sampling": trainer.sampling.get_state(),
        "generator.shuffling": trainer.shuffling.get_state(),
    }


def counters(trainer: PPO) -> dict[str, int]:
    """Return the whole numbers that belong to `learned_tensors`."""
    return {
        "steps": trainer.steps,
        "updates": trainer.updates,
        "skipped": trainer.health.skipped,
        "skipped_in_a_row": trainer.health.skipped_in_a_row,
        "optimizer_steps": trainer.optimizer.steps,
    }


def game_tensors(trainer: PPO) -> dict[str, Tensor]:
    """Return the state of the episodes by name: recurrent state, last observations, unfinished returns."""
    buffers = trainer.buffers
    slots = {"observations": buffers.observations, "masks": buffers.masks, "present": buffers.present}
    game = {"state": trainer.state} | {name: slot[-1] for name, slot in slots.items() if slot is not None}
    if trainer.rewards is not None:
        game["returns"] = trainer.rewards.returns
    if trainer.opponents is not None:
        game |= trainer.opponents.game_tensors()
    if trainer.episodes is not None:
        game["episode_returns"] = torch.from_numpy(trainer.episodes.returns)
        game["episode_lengths"] = torch.from_numpy(trainer.episodes.lengths)
    return {f"play.{name}": tensor for name, tensor in game.items()}


@torch.no_grad()
def restore(trainer: PPO, tensors: dict[str, Tensor], numbers: dict[str, int], *, game: bool) -> None:
    """Continue from `tensors` and the counters `numbers`; with `game`, from the state of the episodes too."""
    mine = learned_tensors(trainer) | (game_tensors(trainer) if game else {})
    for name, tensor in mine.items():
        if not name.startswith("generator."):
            tensor.copy_(tensors[name])
    trainer.sampling.set_state(tensors["generator.sampling"])
    trainer.shuffling.set_state(tensors["generator.shuffling"])
    trainer.curriculum.restore(tensors)
    if trainer.opponents is not None:
        trainer.opponents.restore(tensors, game=game)
    trainer.learner.weights_changed()
    trainer.steps, trainer.updates = numbers["steps"], numbers["updates"]
    trainer.health.skipped, trainer.health.skipped_in_a_row = numbers["skipped"], numbers["skipped_in_a_row"]
    trainer.optimizer.steps = numbers["optimizer_steps"]
    if trainer.episodes is not None:
        trainer.episodes.finished.clear()
