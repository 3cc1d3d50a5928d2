"""What happens when training fails: the policy is saved, and the error tells where, and how to resume."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import safetensors.torch
import torch

from puffer_envs.contract.files import write_atomically
from puffer_train.errors import CheckpointError, CodeFailedError, NonFiniteError, RanksError, StorageError
from puffer_train.run.saving import newest_checkpoint, save
from puffer_train.run.state import RunState
from puffer_train.storage.files import storing

FAILURE = "failure.txt"
"""In a run folder: why the run ended, with the traceback of the environment or the network."""

DUMP = "nonfinite-dump.safetensors"
"""In a run folder: the last rollout, weights and gradients of a run that met too many NaNs."""


def saved_after_failure(run: RunState) -> AbstractContextManager[None]:
    """Training happens inside; on rank 0, its errors are raised again with a sentence about what was saved."""
    return _saved(run) if run.ranks.leads else _in_step(run)


@contextmanager
def _in_step(run: RunState) -> Iterator[None]:
    """What the other ranks do: where all fail, they leave together."""
    try:
        yield
    except NonFiniteError:
        run.ranks.end()
        run.ranks.wait()  # rank 0 is writing down why
        raise


@contextmanager
def _saved(run: RunState) -> Iterator[None]:
    try:
        yield
    except NonFiniteError as error:
        saved = f"{dump(run, str(error))} {_save_learned(run)}"
        run.ranks.end()
        run.ranks.wait()
        raise NonFiniteError(f"{error} {saved}") from error
    except RanksError as error:
        raise RanksError(f"{error} {_save_learned(run)}") from error
    except CodeFailedError as error:
        raise type(error)(f"{error}\n{_save_after_failure(run, str(error))}") from error
    except KeyboardInterrupt:
        run.say(f"Exited immediately. {newest_checkpoint(run)}")
        raise


def _save_after_failure(run: RunState, reason: str) -> str:
    """Save the progress before the user's code failed, and the reason; return a sentence."""
    failure = run.folder / FAILURE
    try:
        with storing(failure):
            write_atomically(failure, f"After {run.ppo.steps} steps: {reason}\n".encode())
        where = f"The traceback is also in {failure}. "
    except StorageError:
        where = ""  # the terminal shows it anyway
    return where + _save_learned(run)


def _save_learned(run: RunState) -> str:
    """Save the progress of a run that cannot continue; return a sentence."""
    if run.ppo.updates == 0:
        return "There was nothing to save yet."
    if run.saved_at == run.ppo.steps:
        return newest_checkpoint(run)
    try:
        save(run, game=False)
    except (StorageError, CheckpointError) as error:
        return f"Progress since the last checkpoint is lost: {error} {newest_checkpoint(run)}"
    return f"Progress is saved. Once that is fixed, resume with: {run.resume_command()}"


def dump(run: RunState, reason: str) -> str:
    """Write the last, broken rollout to help find the cause; return a sentence."""
    buffers, policy = run.ppo.buffers, run.ppo.policy
    tensors = {name: value for name, value in vars(buffers).items() if isinstance(value, torch.Tensor)}
    tensors |= {f"policy.{name}": p.detach() for name, p in policy.named_parameters()}
    tensors |= {f"gradient.{name}": p.grad for name, p in policy.named_parameters() if p.grad is not None}
    path = run.folder / DUMP
    try:
        contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
        write_atomically(path, safetensors.torch.save(contiguous, {"reason": reason}))
    except OSError as error:
        return f"The dump could not be written: {error.strerror or error}."
    return f"The last rollout, weights and gradients are in {path}."
