"""A learner that keeps what every gradient was like, to find out afterwards what happened in an iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor

from puffer_train.algorithm.loss import Scale
from puffer_train.learners.protocol import Learner
from puffer_train.policy import Policy


@dataclass(frozen=True)
class Gradient:
    """The gradient of one minibatch."""

    number: int
    """Counted from 1 in its iteration."""
    norm: float
    """Its length, before it was clipped."""
    losses: dict[str, float]
    """What the learner reports of it: losses, KL, clip fraction."""
    parameters: dict[str, float]
    """Length of the gradient of each parameter."""
    sequences: list[int]
    """The agents whose sequences it was made of."""


class RecordingLearner:
    """Passes everything on to another learner. The results are the same, to the last bit."""

    def __init__(self) -> None:
        self._learner: Any = None
        self._policy: Policy | None = None
        self._gradients: list[Gradient] = []

    def of(self, learner: Learner, policy: Policy) -> Learner:
        """Record this learner from now on; return what to use in its place."""
        self._learner, self._policy = learner, policy
        return cast(Learner, self)

    def take(self) -> list[Gradient]:
        """Return the gradients since the last call."""
        taken, self._gradients = self._gradients, []
        return taken

    def __getattr__(self, name: str) -> Any:
        if name == "learn":
            raise AttributeError(name)  # it would take the steps of a whole iteration by itself
        return getattr(self._learner, name)

    def gradient(
        self, sequences: Tensor, importance: Tensor, scale: Scale | None = None
    ) -> tuple[float, dict[str, float]]:
        """See `Learner.gradient`."""
        assert self._policy is not None
        norm, losses = self._learner.gradient(sequences, importance, scale)
        lengths = {name: float(p.grad.norm()) for name, p in self._policy.named_parameters() if p.grad is not None}
        number = len(self._gradients) + 1
        self._gradients.append(Gradient(number, norm, dict(losses), lengths, sequences.tolist()))
        return norm, losses
