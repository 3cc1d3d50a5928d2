"""`puffer-train` on several ranks, to the second of which something happens: ranked_run.py WHAT ITERATION ARGUMENT...

Every rank writes a checksum of its weights to `weights.RANK` after each of its iterations.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path

import numpy as np
from runs import before_iteration

from puffer_train.algorithm.ppo import PPO
from puffer_train.cli import train as cli_train

RANK = os.environ["RANK"]


def spoil_gradient(trainer: PPO) -> None:
    """The next gradient that this rank computes holds a NaN."""
    original = trainer.learner.gradient

    def gradient(*arguments: object) -> object:
        trainer.learner.gradient = original  # type: ignore[method-assign]
        result = original(*arguments)  # type: ignore[arg-type]
        trainer.policy.core.grad.view(-1)[7] = np.nan  # type: ignore[union-attr]
        return float("nan"), result[1]

    trainer.learner.gradient = gradient  # type: ignore[method-assign, assignment]


def spoil_rewards(trainer: PPO) -> None:
    """A reward of this iteration is infinite."""
    spoil(trainer, lambda: trainer.env.rewards.__setitem__(3, np.inf))


def spoil_all_rewards(trainer: PPO) -> None:
    """From here on there are rewards that are not finite."""
    spoil(trainer, lambda: trainer.env.rewards.__setitem__(3, np.nan), times=1000)


def fail(trainer: PPO) -> None:
    """The environment's own code breaks."""
    spoil(trainer, lambda: 1 // 0)


def spoil(trainer: PPO, act: object, times: int = 1) -> None:
    """Do something after each of the next steps of the environment."""
    env = trainer.env
    original, done = env.step, []

    def step(actions: object) -> object:
        result = original(actions)  # type: ignore[arg-type]
        if len(done) < times:
            done.append(1)
            act()  # type: ignore[operator]
        return result

    env.step = step  # type: ignore[method-assign, assignment]


def kill(trainer: PPO) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang(trainer: PPO) -> None:
    Path("hanging").write_text(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGSTOP)


def stop(trainer: PPO) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def nothing(trainer: PPO) -> None:
    pass


EVENTS = (spoil_gradient, spoil_rewards, spoil_all_rewards, fail, kill, hang, stop, nothing)

if __name__ == "__main__":
    event = {event.__name__: event for event in EVENTS}[sys.argv[1]]
    iterate = PPO.iterate

    def watched(trainer: PPO) -> dict[str, float]:
        report = iterate(trainer)
        weights = b"".join(p.detach().numpy().tobytes() for p in trainer.policy.parameters())
        with Path(f"weights.{RANK}").open("a") as file:
            file.write(f"{trainer.steps} {trainer.updates} {hashlib.sha256(weights).hexdigest()}\n")
        return report

    PPO.iterate = watched  # type: ignore[method-assign]
    with before_iteration(int(sys.argv[2]), event if RANK == "1" else nothing):
        sys.exit(cli_train.main(sys.argv[3:]))
