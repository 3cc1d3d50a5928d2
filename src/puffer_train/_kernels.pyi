from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS: dict[str, int]
SOME_TRUNCATED: int
BAD_OBSERVATIONS: int
BAD_REWARDS: int

Floats = NDArray[np.float32]

def supported_isas() -> list[str]: ...

class Workers:
    threads: int
    isa: str
    def __init__(self, threads: int, isa: str | None = None) -> None: ...

class Learner:
    workers: Workers
    horizon: int
    number: str
    def __init__(
        self,
        workers: Workers,
        cell: str,
        inputs: int,
        hidden: int,
        layers: int,
        choices: Sequence[int] | None,
        scale: Floats | None,
        input_scale: Floats,
        number: str,
        horizon: int,
    ) -> None: ...
    def state_size(self) -> int: ...
    def pack(self, parameters: tuple[Floats | None, ...]) -> None: ...
    def gradient(
        self,
        rollout: Rollout,
        sequences: NDArray[np.int64],
        importance: Floats,
        gradients: tuple[Floats | None, ...],
        normalize: bool,
        refresh: bool,
        clip: float,
        value_clip: float,
        value_coefficient: float,
        entropy_coefficient: float,
        scale: tuple[float, float, float] | None = None,
    ) -> tuple[float, list[float]]: ...

class Rollout:
    def __init__(self, learner: Learner, arrays: dict[str, Any]) -> None: ...
    def estimate_advantages(
        self,
        reward_scale: float,
        reward_clip: float,
        gamma: float,
        lam: float,
        clipped: bool,
        rho_clip: float,
        trace_clip: float,
    ) -> None: ...

class Actor:
    first: int
    last: int
    def __init__(self, rollout: Rollout, env: Any, state: Floats, first: int, last: int, before: int = 0) -> None: ...
    def act(self, t: int, key: int, greedy: bool = False) -> int: ...
    def look_ahead(self, t: int, state: Floats) -> int: ...
    def value(self, observations: NDArray[Any], state: Floats, values: Floats) -> int: ...
    def store(self, t: int) -> int: ...
    def reset_state(self, t: int) -> None: ...

class Muon:
    def __init__(self, workers: Workers, matrices: list[tuple[Floats, Floats, Floats]]) -> None: ...
    def step(self, learning_rate: float, momentum: float, gradient_scale: float, decay: float = 0.0) -> None: ...
