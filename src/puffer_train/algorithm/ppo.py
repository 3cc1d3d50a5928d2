"""Proximal policy optimisation (Schulman et al. 2017) with a recurrent policy: the whole algorithm.

One iteration is two halves. A `Collector` (collector.py) plays `horizon` steps of every environment with the current
policy; `learn` improves the policy on what was collected. With `train.overlap` both happen at the same time (ahead.py).
A `Learner` (learners/protocol.py) does the arithmetic: C kernels, or torch.

Three things about episode ends are easy to get wrong. Each is handled in one place:

- A truncated episode was cut off, not over. Its last transition leads to the value of its true last observation,
  seen with the recurrent state from before the reset: `Collector._play`.
- The recurrent state returns to zero between episodes, in rollout and in training: `Buffers.keep`.
- Advantages do not flow from one episode into the one before: `Buffers.ends`.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_envs.contract.logs import merge_logs
from puffer_train.algorithm.ahead import Ahead
from puffer_train.algorithm.episodes import EpisodeMeter
from puffer_train.algorithm.health import advice, fault_in_gradient, large_inputs
from puffer_train.algorithm.loss import Scale
from puffer_train.algorithm.minibatches import explained_variance
from puffer_train.algorithm.observations import copy_moments
from puffer_train.algorithm.opponents import Named
from puffer_train.algorithm.parts import Parts
from puffer_train.config import Settings
from puffer_train.learners.protocol import UnattendedLearner
from puffer_train.learners.shared import fill_advantages
from puffer_train.policy import Policy
from puffer_train.system.ranks import ALONE, Ranks


class PPO(Parts):
    """Trains a policy on one environment, which it resets, steps and reads, but does not close."""

    def __init__(
        self,
        env: BufferEnv,
        settings: Settings,
        seed: int,
        name: str = "environment",
        *,
        threads: int = 1,
        learner: str = "auto",
        ranks: Ranks = ALONE,
        opponents: Sequence[Named] = (),
    ) -> None:
        """Check the environment against the contract, make the policy, and reset the environment with `seed`.

        One seed gives the same numbers every time with the same torch and the same kind of processor, with the
        kernels on any number of threads. Global random generators are neither used nor changed.

        Args:
            env: This rank's share of the environments. Each of its `parts`, if it has any, is played by its own
                thread.
            settings: Those of all ranks together.
            seed: Seeds weights, actions and environments.
            name: Names the environment in errors.
            threads: How many threads compute gradients where the kernels do.
            learner: One of `config.LEARNERS`.
            ranks: The processes that train together.
            opponents: Policies from files that it plays against.

        Raises:
            ContractError: The environment breaks the buffer contract.
            ConfigError: Settings and environment do not fit together.
        """
        super().__init__(env, settings, seed, name, threads, learner, ranks, opponents)
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Reset the environment: every episode starts from scratch; the policy and optimizer stay."""
        self.stop_collecting()
        self.curriculum.apply(self.steps)
        self.collector.restart(seed)
        if self.rewards is not None:
            self.rewards.returns.zero_()
        if self.observations is not None:
            self.observations.begin(self.collector.buffers.observations[-1], self.ranks)
            self.observations.hand_over(self.policy)
            self.learner.weights_changed()

    def stop_collecting(self) -> None:
        """End the rollout that is played ahead, if there is one; the environment can then be closed."""
        if self.ahead is not None:
            self.ahead.cancel()

    @property
    def episodes(self) -> EpisodeMeter | None:
        """Statistics of episodes, where the environment keeps none."""
        return self.collector.episodes

    @property
    def player(self) -> Policy:
        """The policy as it is now, on the processor: itself, or a copy."""
        return self.policy if self.policy.action_scale.device.type == "cpu" else copy.deepcopy(self.policy).cpu()

    @property
    def finished(self) -> bool:
        """Whether the steps or the seconds that the settings allow are used up."""
        return self.progress >= 1

    @property
    def progress(self) -> float:
        """Share of the run that is done, 0 to 1: of its steps, or of its seconds where that is more."""
        train = self.settings.train
        timed = self.seconds / train.max_seconds if train.max_seconds else 0.0
        return min(1.0, max(self.steps / train.steps, timed))

    def iterate(self) -> dict[str, float]:
        """Collect one rollout and learn from it; return its report, every value finite.

        Losses are missing when the update was skipped, `env/...` when no episode ended. The report is empty when
        `watch` asked to leave the rollout: nothing was learned then.

        Raises:
            NonFiniteError: Ten updates in a row were skipped.
            EnvironmentFailedError: The environment raised.
        """
        start = time.perf_counter()
        faults = self._rollout()
        if faults is None:
            return {}
        fault, updates = self._judge_rollout(faults), self.updates
        episodes = self._episodes()
        if self.ahead is not None and self.steps + self.batch < self.settings.train.steps:
            self.curriculum.apply(self.steps)
            self._start_ahead(self.ahead, self._played + self.buffers.horizon)
        losses: dict[str, float] = {}
        if fault is None:
            losses = self.learn()
            self.health.judge(losses, partial(advice, self.policy, self.buffers, self.settings.train))
        else:
            self.health.skip(fault)
        self._normalize(learned=self.updates > updates)  # a rollout that was not learned from leaves nothing behind
        self.steps += self.batch
        report = {"steps": self.steps, "updates": self.updates, "skipped": self.health.skipped, **losses}
        report |= {f"env/{key}": value for key, value in episodes.items()}
        self.curriculum.watch(report)
        if self.ahead is None:
            self.curriculum.apply(self.steps)
        report |= self.curriculum.report()
        if self.opponents is not None:
            report |= self.opponents.finish()
            self.opponents.consider(self.steps // self.batch, self.steps)
        self.clock.total += time.perf_counter() - start
        return {key: value for key, value in report.items() if math.isfinite(value)}

    # -- playing -------------------------------------------------------------------------------------------

    @property
    def _played(self) -> int:
        """Steps of each environment so far."""
        return self.steps // self.batch * self.buffers.horizon

    def collect(self) -> str | None:
        """Fill the buffers with one rollout; return what was not finite in it and where, or None."""
        faults = self._rollout()
        return self._judge_rollout(faults or [])

    def _rollout(self) -> list[str] | None:
        """Fill the buffers with one rollout; return what was not finite, or None if it was left before its end."""
        collector = self.collector

        def look() -> None:
            collector.leaving |= self.watch(collector.played / self.buffers.horizon)

        if self.ahead is None:
            collector.begin(self.sampling)
            collector.on_step = look
            faults = collector.play(self._played)
        else:
            if not self.ahead.under_way:
                self._start_ahead(self.ahead, self._played)
            with self.clock.section("waiting"):
                faults = self.ahead.take(self.buffers, look)
        return None if collector.leaving else faults

    def _start_ahead(self, ahead: Ahead, steps_before: int) -> None:
        """Play the next rollout with the policy as it is now, and the newest moments of observations."""
        ahead.copy_policy(self.policy)
        if self.observations is not None:
            self.observations.hand_over(self.collector.policy)
        ahead.start(self.sampling, steps_before)

    @torch.no_grad()
    def _judge_rollout(self, faults: list[str]) -> str | None:
        """Estimate the advantages of a rollout; return what was not finite in it on any rank, or None."""
        buffers = self.buffers
        with self.clock.section("advantage"):
            buffers.ratios.fill_(1.0)
            if self.rewards is not None:
                self.rewards.update(buffers.rewards, buffers.ends, buffers.present, self.ranks)
            self._estimate_advantages()
            if not math.isfinite(float(buffers.advantages.sum())):
                faults.append("an advantage of the rollout is not finite")
        return self.ranks.first(faults[0] if faults else None)

    def _episodes(self) -> dict[str, float]:
        """Return means over the episodes of all ranks that ended since the last call, by statistic."""
        episodes = self.collector.log()
        if self.ranks.count > 1:
            episodes = merge_logs([json.loads(log) for log in self.ranks.tell(json.dumps(episodes).encode())])
            self.clock.seconds["ranks"] = self.ranks.seconds
        return episodes

    # -- learning ------------------------------------------------------------------------------------------

    def learn(self) -> dict[str, float]:
        """Take the gradient steps that the replay ratio asks for; return their mean losses."""
        train = self.settings.train
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress))
        decay = self.step_scale * (train.final_learning_rate + (1 - train.final_learning_rate) * cosine)
        rates = train.learning_rate * decay, train.vector_learning_rate * decay
        explained = explained_variance(self.buffers, self.ranks)
        unattended = not train.refresh_advantages and self.ranks.count == 1
        if unattended and isinstance(self.learner, UnattendedLearner):
            with self.clock.section("gradient"):
                summary = self.learner.learn(self.optimizer, self.minibatches.choose(self.progress), rates)
            self.updates += summary.taken
            self.health.count(summary)
            losses = summary.means
        else:
            losses = self._take_steps(rates)
        return losses | {"learning_rate": rates[0], "explained_variance": explained}

    def _take_steps(self, rates: tuple[float, float]) -> dict[str, float]:
        """Take one step for each minibatch, until the policy has moved far enough; return the mean losses."""
        train, reports = self.settings.train, []
        for sequences, importance, scale in self.minibatches.scaled(self.progress):
            report = self._gradient_step(sequences, importance, scale, rates)
            if report is not None:
                reports.append(report)
                if 0 < train.max_kl < report["approx_kl"]:
                    break
            if self.watch(1.0):
                break
            if train.refresh_advantages:
                with self.clock.section("advantage"):
                    self._estimate_advantages()
        return {key: sum(r[key] for r in reports) / len(reports) for key in reports[0]} if reports else {}

    def _gradient_step(
        self, sequences: Tensor, importance: Tensor, scale: Scale | None, rates: tuple[float, float]
    ) -> dict[str, float] | None:
        """Improve the policy on some sequences; return the losses, or None when the step had to be skipped."""
        with self.clock.section("gradient"):
            norm, report = self.learner.gradient(sequences, importance, scale)
        fault = fault_in_gradient(self.policy, report, norm)
        if self.ranks.count > 1:  # a number that is not finite on one rank is not finite in the sum: all do the same
            gradients = [parameter.grad for parameter in self.policy.parameters() if parameter.grad is not None]
            norm, report = self.ranks.sum_gradients(gradients, report)
            of_all = fault_in_gradient(self.policy, report, norm)
            fault = None if of_all is None else self.ranks.first(fault) or of_all
        if fault is not None:
            cause = large_inputs(self.policy, self.buffers.observations)
            self.health.skip(f"{fault}: {cause}" if cause else fault)
            return None
        with self.clock.section("optimizer"):
            shrink = min(1.0, self.settings.train.max_gradient_norm / max(norm, 1e-12))
            self.optimizer.step(*rates, gradient_scale=shrink)
            self.learner.weights_changed()
        self.updates += 1
        self.health.updated()
        return report | {"gradient_norm": norm}

    def _normalize(self, learned: bool) -> None:
        """Count what was seen if it was learned from; then normalise as whatever plays the next rollout does."""
        if self.observations is None:
            return
        if learned:
            with self.clock.section("store"):
                self.observations.update(self.buffers.observations[:-1], self.buffers.present, self.ranks)
        if self.ahead is None or not self.ahead.under_way:
            self.observations.hand_over(self.policy)
        else:
            copy_moments(self.collector.policy, self.policy)
        self.learner.weights_changed()

    @torch.no_grad()
    def _estimate_advantages(self) -> None:
        factor = 1.0 if self.rewards is None else self.rewards.factor
        if self.own_advantage is None:
            self.learner.estimate_advantages(factor)
        else:
            train = self.settings.train
            fill_advantages(self.buffers, train, train.reward_scale * factor, self.own_advantage)
        if self.buffers.present is not None:
            self.buffers.advantages *= self.buffers.present[:-1]
