"""What the algorithm works with: checked and made before the first step, and its counters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_envs.contract.machine import physical_memory
from puffer_train.algorithm.advantage import own_advantage
from puffer_train.algorithm.ahead import Ahead
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.collector import Collector
from puffer_train.algorithm.curriculum import Curriculum
from puffer_train.algorithm.health import Health
from puffer_train.algorithm.minibatches import Minibatches
from puffer_train.algorithm.observations import ObservationNormalizer
from puffer_train.algorithm.opponents import Named, Opponents
from puffer_train.algorithm.optimizer import make_optimizer
from puffer_train.algorithm.rewards import RewardNormalizer
from puffer_train.algorithm.sides import Sides, divide
from puffer_train.algorithm.stopwatch import Stopwatch
from puffer_train.config import Settings, check_batch
from puffer_train.contract import describe
from puffer_train.errors import ConfigError, EnvironmentCalls
from puffer_train.learners.protocol import Learner
from puffer_train.learners.registry import make_learner
from puffer_train.policy import Policy, make_policy
from puffer_train.system.ranks import Ranks

OPPONENTS_SEED = 0x706F6F6C
"""Makes the seed of the opponents' draws differ from the others of a run."""


class Parts:
    """The parts of a `PPO`, by name, and how far it is."""

    def __init__(
        self,
        env: BufferEnv,
        settings: Settings,
        seed: int,
        name: str,
        threads: int,
        learner: str,
        ranks: Ranks,
        opponents: Sequence[Named],
    ) -> None:
        """Check and make them; `PPO` says what each argument is. Raises `ContractError` and `ConfigError`."""
        self.env, self.settings, self.seed, self.ranks = env, settings, seed, ranks
        self.calls = EnvironmentCalls(name)
        self.spec = describe(env, name)
        train = settings.train
        rows, size = ranks.count * self.spec.rows, ranks.local_count * env.observations.nbytes
        sides = self._divide(learner) if settings.selfplay.used else None
        learning = None if sides is None else sides.learning(self.spec.rows)
        check_batch(train, rows if sides is None else rows - sides.rows_of_all, size, physical_memory())
        if train.overlap:
            self._check_overlap(learner)
        seeds = np.random.SeedSequence(seed).generate_state(3, np.uint32)
        initial, self.sampling, self.shuffling = (torch.Generator().manual_seed(int(s)) for s in seeds)
        self.policy = make_policy(self.spec, settings.policy, initial, train.normalize_observations)
        self.buffers = Buffers(env, self.policy, train.horizon, learning)
        self.state = self.policy.initial_state(self.spec.rows)
        self.parts: list[BufferEnv] = getattr(env, "parts", [env])
        self.learner = make_learner(learner, self.policy, self.buffers, self.parts, self.state, train, threads, ranks)
        for parameter in self.policy.parameters():
            ranks.copy_first_(parameter.detach())
        self.learner.weights_changed()
        self.optimizer = make_optimizer(train, self.policy.named_parameters(), self.learner.workers)
        self.own_advantage = own_advantage(train)
        self.minibatches = Minibatches(self.buffers, train, self.shuffling, ranks)
        self.observations = ObservationNormalizer(self.policy) if self.policy.normalized else None
        self.rewards = RewardNormalizer(self.spec.rows, train.gamma) if train.normalize_rewards else None
        self.curriculum = Curriculum(settings.curriculum, env, self.calls)
        self.health, self.clock = Health(), Stopwatch()
        self.opponents = None if sides is None else self._make_opponents(sides, opponents)
        self.ahead = self._make_ahead(learner) if train.overlap else None
        self.collector = self.ahead.collector if self.ahead else self._make_collector(self.policy, self.learner)
        self.watch: Callable[[float], bool] = lambda done: False
        """Called often during an iteration with the share of the rollout that is played; returns whether to end it."""
        self.steps = 0
        """Agent steps trained on so far, by all ranks."""
        self.updates = 0
        """Gradient steps taken so far."""
        self.seconds = 0.0
        """Seconds of training so far, as the caller counts them between iterations."""
        self.step_scale = 1.0
        """Both step lengths are multiplied by this."""

    @property
    def batch(self) -> int:
        """Agent steps in one rollout of all ranks."""
        return self.settings.train.horizon * self.spec.rows * self.ranks.count

    def _make_collector(
        self, policy: Policy, learner: Learner, buffers: Buffers | None = None, state: Tensor | None = None
    ) -> Collector:
        """Return what plays with the actors of a learner into its buffers; both are the algorithm's own by default."""
        return Collector(
            self.env,
            self.spec,
            policy,
            self.buffers if buffers is None else buffers,
            self.state if state is None else state,
            learner.actors,
            self.calls,
            self.clock,
            self.ranks.rank * self.spec.envs,
            self.opponents,
        )

    def _divide(self, learner: str) -> Sides:
        """Return which rows opponents play. Raises `ConfigError` where they cannot."""
        if learner == "cuda":
            raise ConfigError("selfplay.share: --learner cuda cannot be used with opponents. Use --learner auto.")
        return divide(self.settings.selfplay, self.spec, self.calls.name, self.ranks.rank, self.ranks.count)

    def _make_opponents(self, sides: Sides, fixed: Sequence[Named]) -> Opponents:
        """Return who plays for the rows that do not learn."""
        seed = int(np.random.SeedSequence([self.seed, OPPONENTS_SEED]).generate_state(1, np.uint32)[0])
        horizon, chosen = self.buffers.horizon, self.settings.selfplay
        learning = self.buffers.learning
        assert learning is not None
        return Opponents(chosen, sides, self.policy, self.parts, learning, horizon, seed, self.ranks, fixed)

    def _check_overlap(self, kind: str) -> None:
        """Raise `ConfigError` where rollouts cannot be played ahead."""
        if hasattr(self.env, "snapshot"):
            raise ConfigError(
                f"train.overlap cannot be used in {self.calls.name!r}: it keeps snapshots, so that runs resume "
                "exactly, between two rollouts. Leave it out."
            )
        if kind == "cuda":
            raise ConfigError("train.overlap cannot be used with --learner cuda. Leave one of them out.")

    def _make_ahead(self, kind: str) -> Ahead:
        """Return what collects while this learns."""
        policy, train = copy.deepcopy(self.policy), self.settings.train
        buffers, state = Buffers(self.env, policy, train.horizon), policy.initial_state(self.spec.rows)
        learner = make_learner(kind, policy, buffers, self.parts, state, train, 1, self.ranks)
        return Ahead(self._make_collector(policy, learner, buffers, state), learner)
