"""`puffer-train`, killed by SIGKILL in the middle of an iteration: python killed_run.py ITERATION ARGUMENT..."""

import os
import signal
import sys
from typing import Any

from runs import before_iteration

from puffer_train.algorithm.ppo import PPO
from puffer_train.cli import train as cli_train


def kill_in_the_middle(trainer: PPO) -> None:
    """The environment's step after next never returns."""
    env: Any = getattr(trainer.env, "parts", [trainer.env])[0]
    original, calls = env.step, []

    def step(actions: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(actions)

    env.step = step


if __name__ == "__main__":
    with before_iteration(int(sys.argv[1]), kill_in_the_middle):
        sys.exit(cli_train.main(sys.argv[2:]))
