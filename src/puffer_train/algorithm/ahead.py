"""Collecting ahead: one rollout is played while the one before is learned from.

Whatever plays it has a policy, buffers and a recurrent state of its own. It plays with the weights from before the
update that runs meanwhile, so data is one update older than usual. PPO's ratio is taken to the policy that played,
which is what corrects for that.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import torch

from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.collector import Collector
from puffer_train.learners.protocol import Learner
from puffer_train.policy import Policy

LOOK_SECONDS = 0.1
"""How often a wait for a rollout looks at how far it is."""


class Ahead:
    """A rollout in progress in a thread of its own."""

    def __init__(self, collector: Collector, actors_of: Learner) -> None:
        """Collect with `collector`, whose actors are those of a learner that learns nothing."""
        self.collector, self._learner = collector, actors_of
        self._thread = ThreadPoolExecutor(1, "collector")
        self._rollout: Future[list[str]] | None = None

    @property
    def under_way(self) -> bool:
        """Whether a rollout was started and not taken."""
        return self._rollout is not None

    @torch.no_grad()
    def copy_policy(self, policy: Policy) -> None:
        """Make the policy that plays equal to another one."""
        ours = self.collector.policy
        mine, its = [*ours.parameters(), *ours.buffers()], [*policy.parameters(), *policy.buffers()]
        for target, source in zip(mine, its, strict=True):
            target.copy_(source)

    def start(self, sampling: torch.Generator, steps_before: int) -> None:
        """Start a rollout; see `Collector` for the arguments."""
        self._learner.weights_changed()
        self.collector.begin(sampling)
        self._rollout = self._thread.submit(self.collector.play, steps_before)

    def take(self, buffers: Buffers, look: Callable[[], object]) -> list[str]:
        """Wait for the rollout and copy it; return what was not finite in it and where.

        Args:
            buffers: Where to copy it to.
            look: Called while waiting.

        Raises:
            EnvironmentFailedError: The environment raised.
        """
        assert self._rollout is not None
        look()
        while not wait([self._rollout], LOOK_SECONDS).done:
            look()
        rollout, self._rollout = self._rollout, None
        faults = rollout.result()
        buffers.copy_(self.collector.buffers)
        return faults

    def cancel(self) -> None:
        """End the rollout in progress, if there is one, after the step in progress; what it played is dropped."""
        if self._rollout is not None:
            self.collector.leaving = True
            wait([self._rollout])
            self._rollout = None
