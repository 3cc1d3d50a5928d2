"""Environments that end a trial in other ways than by learning."""

import os
import time
from typing import Any

import numpy as np
import tiny_environments as tiny


class Odd(tiny.CartPole):
    """CartPole that does something else at its hundredth step: `how` is `die`, `hang`, `raise`, `nan` or `fine`."""

    def __init__(self, num_envs: int, seed: int = 0, how: str = "fine") -> None:
        super().__init__(num_envs, seed)
        self.how, self.steps = how, 0

    def step(self, actions: Any) -> Any:
        self.steps += 1
        if self.steps == 100:
            if self.how == "die":
                os._exit(3)
            if self.how == "hang":
                time.sleep(600)
            if self.how == "raise":
                raise ValueError("it does not like this")
        result = super().step(actions)
        if self.how == "nan" and self.steps > 100:
            self.rewards[:] = np.nan
        return result
