"""Networks as users write them: good ones, and one for every mistake."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

WIDTH = 16


def layer(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.Tanh())


class Encoder(nn.Module):
    """Reads arrays of any shape."""

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.body = layer(math.prod(spec.observation_shape), WIDTH)

    def forward(self, observations: Tensor) -> Tensor:
        return self.body(observations.flatten(1).float())


class Convolution(nn.Module):
    """Reads grids (h, w), with a kernel of four dimensions."""

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.kernels = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, observations: Tensor) -> Tensor:
        return torch.relu(self.kernels(observations.unsqueeze(1).float())).flatten(1)


class Fields(nn.Module):
    """Reads named fields, each as it is."""

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.place = nn.Embedding(5, 3)
        self.rest = nn.Linear(4 + 6, 5)
        self.seen: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        self.seen = {name: (field.dtype, tuple(field.shape[1:])) for name, field in observations.items()}
        rest = torch.cat([observations["speed"], observations["screen"].flatten(1).float() / 255], 1)
        return torch.cat([self.place(observations["place"].long()), self.rest(rest)], 1)


class Recurrent(nn.Module):
    """A whole policy with a memory of its own."""

    state_size = 12

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.cell = nn.GRUCell(math.prod(spec.observation_shape), self.state_size)
        self.actions = nn.Linear(self.state_size, spec.action.outputs)
        self.value = nn.Linear(self.state_size, 1)

    def forward(self, observations: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        state = self.cell(observations.flatten(1).float(), state)
        return self.actions(state), self.value(state).squeeze(1), state


class Memoryless(nn.Module):
    """A whole policy without memory: two separate networks."""

    state_size = 0

    def __init__(self, spec: Any) -> None:
        super().__init__()
        inputs = math.prod(spec.observation_shape)
        self.actions = nn.Sequential(layer(inputs, WIDTH), nn.Linear(WIDTH, spec.action.outputs))
        self.value = nn.Sequential(layer(inputs, WIDTH), nn.Linear(WIDTH, 1))

    def forward(self, observations: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = observations.flatten(1).float()
        return self.actions(x), self.value(x).squeeze(1), state


# -- mistakes ----------------------------------------------------------------------------------------------


def function(spec: Any) -> nn.Module:
    return Encoder(spec)


class NoModule:
    pass


class Broken(Encoder):
    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        raise ValueError("no such width")


class BrokenForward(Encoder):
    def forward(self, observations: Tensor) -> Tensor:
        return self.body(observations.flatten(1)[:, :1].float())


class WrongShape(Encoder):
    def forward(self, observations: Tensor) -> Tensor:
        return super().forward(observations)[0]


class WrongType(Encoder):
    def forward(self, observations: Tensor) -> Tensor:
        return super().forward(observations).double()


class Two(Encoder):
    def forward(self, observations: Tensor) -> Any:
        features = super().forward(observations)
        return features, features


class NotFinite(Encoder):
    def forward(self, observations: Tensor) -> Tensor:
        return super().forward(observations).log()


class Random(Encoder):
    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.body = nn.Sequential(self.body, nn.Dropout(0.5))


class Mixing(Encoder):
    def forward(self, observations: Tensor) -> Tensor:
        features = super().forward(observations)
        return features - features.mean(0)


class Normalising(Encoder):
    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.body = nn.Sequential(self.body, nn.BatchNorm1d(WIDTH, affine=False))
        self.body[1].register_buffer("num_batches_tracked", None)


class Changing(Encoder):
    def forward(self, observations: Tensor) -> Tensor:
        return super().forward(observations.clamp_(0, 0))


class Frozen(Encoder):
    @torch.no_grad()
    def forward(self, observations: Tensor) -> Tensor:
        return super().forward(observations)


class Counting(Encoder):
    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.register_buffer("order", torch.arange(3))


class Lazy(Encoder):
    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.body = nn.LazyLinear(WIDTH)


class ManyArguments(Encoder):
    def forward(self, observations: Tensor, state: Tensor, keep: Tensor) -> Tensor:
        return observations


class NoSize(Memoryless):
    state_size = None  # type: ignore[assignment]


class WrongValue(Memoryless):
    def forward(self, observations: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        actions, value, state = super().forward(observations, state)
        return actions, value.unsqueeze(1), state


# -- what trains, but cannot be exported ---------------------------------------------------------------------


class Branching(Encoder):
    def forward(self, observations: Tensor) -> Tensor:
        features = super().forward(observations)
        return features if features.sum() > 0 else features * 2


class Counted(Encoder):
    def forward(self, observations: Tensor) -> Tensor:
        return super().forward(observations.reshape(len(observations), -1))


class Different(Encoder):
    def forward(self, observations: Tensor) -> Tensor:
        return super().forward(observations) + (0.1 if torch.compiler.is_compiling() else 0)
