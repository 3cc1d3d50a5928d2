"""Proximal policy optimisation (Schulman et al. 2017) with a recurrent policy: the whole algorithm.

One iteration is two halves. `collect` plays `horizon` steps of every environment with the current policy; `learn`
improves the policy on what was collected. The arithmetic is a `Learner`'s (learners/protocol.py): C kernels, or torch.

Three things about episode ends are easy to get wrong, and happen here in one place each:

- A truncated episode goes on in principle. Its last transition leads to the value of its true last observation,
  seen with the recurrent state from before the reset: `_play`.
- The recurrent state returns to zero between episodes, in rollout and in training alike: `Buffers.keep`.
- Advantages do not flow from one episode into the one before: `Buffers.ends`.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from puffer_envs.contract.logs import merge_logs
from puffer_envs.contract.machine import physical_memory
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.episodes import EpisodeMeter
from puffer_train.algorithm.loss import Scale
from puffer_train.algorithm.optimizer import Optimizer
from puffer_train.algorithm.rewards import RewardNormalizer
from puffer_train.config import Settings, check_batch
from puffer_train.contract import Environment, describe
from puffer_train.errors import EnvironmentCalls, NonFiniteError
from puffer_train.learners.protocol import (
    BAD_OBSERVATIONS,
    BAD_REWARDS,
    SOME_TRUNCATED,
    Actor,
    UnattendedLearner,
    make_learner,
)
from puffer_train.moments import moments
from puffer_train.policy import Policy
from puffer_train.system.ranks import ALONE, Ranks

MOST_SKIPS_IN_A_ROW = 10
"""After this many skipped updates one after the other, training stops."""


class Trainer:
    """Trains a policy on one environment, which it resets, steps and reads, but does not close."""

    def __init__(
        self,
        env: Environment,
        settings: Settings,
        seed: int,
        name: str = "environment",
        *,
        threads: int = 1,
        learner: str = "auto",
        ranks: Ranks = ALONE,
    ) -> None:
        """Check the environment against the contract, make the policy, and reset the environment with `seed`.

        threads: how many compute gradients where the kernels do; each of the environment's `parts`, if it has any, is
        played by a thread of its own. learner: one of `config.LEARNERS`. ranks: who trains along; `env` is this one's
        share of the environments, settings are those of all together.

        Raises `ContractError` or `ConfigError`. One seed gives the same numbers every time with the same torch and the
        same kind of processor, with the kernels on any number of threads; global generators are neither used nor
        changed.
        """
        self.env, self.settings, self.seed, self.ranks = env, settings, seed, ranks
        self.calls = EnvironmentCalls(name)
        self.spec = describe(env, name)
        train = settings.train
        check_batch(train, self.all_rows, ranks.local_count * env.observations.nbytes, physical_memory())
        seeds = np.random.SeedSequence(seed).generate_state(3, np.uint32)
        initial, self.sampling, self.shuffling = (torch.Generator().manual_seed(int(s)) for s in seeds)
        self.policy = Policy(self.spec, settings.policy, initial)
        self.buffers = Buffers(env, self.policy, train.horizon)
        self.state = self.policy.initial_state(self.spec.rows)
        self.parts: list[Environment] = getattr(env, "parts", [env])
        self.learner = make_learner(learner, self.policy, self.buffers, self.parts, self.state, train, threads, ranks)
        for parameter in self.policy.parameters():
            ranks.copy_first_(parameter.detach())
        self.learner.weights_changed()
        workers = self.learner.workers if train.optimizer == "muon" else None
        self.optimizer = Optimizer(
            self.policy.named_parameters(), train.momentum, workers, train.optimizer, train.weight_decay
        )
        self.players = ThreadPoolExecutor(len(self.parts) - 1) if len(self.parts) > 1 else None
        self.rewards = RewardNormalizer(self.spec.rows, train.gamma) if train.normalize_rewards else None
        self.episodes = None if hasattr(env, "log") else EpisodeMeter(self.spec.rows)

        self.steps = 0
        """Agent steps trained on so far."""
        self.updates = 0
        """Gradient steps taken so far."""
        self.skipped = 0
        """Updates skipped so far because something was not finite."""
        self.skipped_in_a_row = 0
        self.fault: str | None = None
        """What was not finite, and where, when an update was last skipped."""
        self.clock = Stopwatch()
        self.on_skip: Callable[[str], None] = lambda fault: None
        """Called with the reason whenever an update is skipped."""

        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Reset the environment: every episode starts anew, what was learned stays."""
        with self.calls:
            self.env.reset(seed)
        self.state.zero_()
        if self.rewards is not None:
            self.rewards.returns.zero_()
        np.copyto(self.buffers.observations[-1].numpy(), self.env.observations)
        for part, actor in zip(self.parts, self.learner.actors, strict=True):
            self._store_masks(part, actor, self.buffers.horizon)

    @property
    def player(self) -> Policy:
        """The policy as it is now, on the processor: itself, or a copy."""
        return self.policy if self.policy.head.device.type == "cpu" else copy.deepcopy(self.policy).cpu()

    @property
    def all_rows(self) -> int:
        """Agents of all ranks."""
        return self.ranks.count * self.spec.rows

    @property
    def batch(self) -> int:
        """Agent steps in one rollout of all ranks."""
        return self.settings.train.horizon * self.all_rows

    @property
    def finished(self) -> bool:
        """Whether the steps that the settings ask for are done."""
        return self.steps >= self.settings.train.steps

    @property
    def progress(self) -> float:
        """How much of the run lies behind, 0 to 1."""
        return min(1.0, self.steps / self.settings.train.steps)

    def iterate(self) -> dict[str, float]:
        """Collect one rollout and learn from it; return what there is to report, every value finite.

        Losses are missing when the update was skipped, `env/...` when no episode ended. Raises
        `NonFiniteError` after ten skipped updates in a row, `EnvironmentFailedError` when the environment raises.
        """
        start = time.perf_counter()
        fault = self.collect()
        losses: dict[str, float] = {}
        if fault is None:
            losses = self.learn()
        else:
            self._skip(fault)
        self.steps += self.batch
        with self.clock.section("environment"), self.calls:
            episodes = self.env.log() if self.episodes is None else self.episodes.take()  # type: ignore[attr-defined]
        if self.ranks.count > 1:
            with self._meeting():
                mine = json.dumps({key: float(value) for key, value in episodes.items()})
                episodes = merge_logs([json.loads(log) for log in self.ranks.tell(mine.encode())])
        report = {"steps": self.steps, "updates": self.updates, "skipped": self.skipped, **losses}
        report |= {f"env/{key}": float(value) for key, value in episodes.items()}
        self.clock.total += time.perf_counter() - start
        return {key: value for key, value in report.items() if math.isfinite(value)}

    # -- playing -------------------------------------------------------------------------------------------

    @torch.no_grad()
    def collect(self) -> str | None:
        """Fill the buffers with one rollout; return what was not finite in it and where, or None."""
        buffers = self.buffers
        with self.clock.section("store"):
            buffers.turn_over()
            buffers.first_state.copy_(self.state)
            buffers.final_values.zero_()
            key = self.sampling.get_state()
            for actor in self.learner.actors:
                self.sampling.set_state(key)
                actor.begin(self.sampling)
        faults = self._play_parts()
        with self.clock.section("advantage"):
            buffers.ratios.fill_(1.0)
            if self.rewards is not None:
                self.rewards.update(buffers.rewards, buffers.ends, buffers.present, self.ranks)
            self._estimate_advantages()
            if not math.isfinite(float(buffers.advantages.sum())):
                faults.append("an advantage of the rollout is not finite")
        with self._meeting():
            return self.ranks.first(faults[0] if faults else None)

    def _play_parts(self) -> list[str]:
        """Play all parts of the environment, each in a thread of its own; return what was not finite."""
        work = list(zip(self.parts, self.learner.actors, strict=True))
        clocks = [Stopwatch() for _ in work]
        waiting = []
        if self.players is not None:
            waiting = [self.players.submit(self._play, *w, c) for w, c in zip(work[1:], clocks[1:], strict=True)]
        try:
            faults = self._play(*work[0], clocks[0])
        finally:  # nobody may still be stepping when an error leaves this method
            errors = [future.exception() for future in waiting]
        for error in errors:
            if error is not None:
                raise error
        for clock in clocks:
            self.clock.add(clock, 1 / len(clocks))
        return faults + [fault for future in waiting for fault in future.result()]

    @torch.no_grad()
    def _play(self, env: Environment, actor: Actor, clock: Stopwatch) -> list[str]:
        """Play one part for a whole rollout; return what was not finite in it and where."""
        buffers, faults = self.buffers, []
        mine = slice(actor.first, actor.last)
        actions = buffers.actions.numpy()[:, mine].reshape(buffers.horizon, *env.actions.shape)
        clock.start()
        for t in range(buffers.horizon):
            bad = actor.act(t)
            if bad >= 0:
                faults.append(self._fault_in_output(t, actor.first + bad))
            clock.lap("policy")
            with self.calls:
                env.actions[...] = actions[t]
                env.step(env.actions)
            clock.lap("environment")
            self._store_masks(env, actor, t + 1)
            noticed = actor.store(t)
            if self.episodes is not None:
                self.episodes.add(mine, buffers, t)
            if noticed & SOME_TRUNCATED:
                faults += self._value_truncated(env, actor, t)
            if noticed & (BAD_OBSERVATIONS | BAD_REWARDS):
                faults += self._faults_at(t, actor)
            actor.wipe(t)
            clock.lap("store")
        actor.finish()
        clock.lap("policy")
        return faults

    def _store_masks(self, env: Environment, actor: Actor, slot: int) -> None:
        """Copy who is there and what they may do into a slot of the buffers."""
        buffers, mine = self.buffers, slice(actor.first, actor.last)
        if buffers.masks is not None and env.action_masks is not None:
            np.copyto(buffers.masks[slot, mine].numpy(), env.action_masks)
        if buffers.present is not None and env.agent_mask is not None:
            np.copyto(buffers.present[slot, mine].numpy(), env.agent_mask)

    def _value_truncated(self, env: Environment, actor: Actor, t: int) -> list[str]:
        """Value what was cut off at step t, with the state that it was seen with."""
        rows = np.flatnonzero(env.truncations)
        values = actor.value(env.final_observations[rows], rows)
        self.buffers.final_values[t, actor.first + torch.from_numpy(rows)] = values
        bad = ~torch.isfinite(values)
        if not bad.any():
            return []
        row = actor.first + rows[int(bad.nonzero()[0])]
        return [f"the value of final_observations, row {row}, at step {t} of the rollout is not finite"]

    def _fault_in_output(self, t: int, row: int) -> str:
        """Say why the policy's output for that row at step t is not finite."""
        seen = self.policy.observations.floats(self.buffers.observations[t, row])
        culprits = [name for name, numbers in seen.items() if not torch.isfinite(numbers).all()]
        what = f"{culprits[0]}, row {row}," if culprits else f"the policy's output for row {row}"
        return f"{what} at step {t} of the rollout is not finite"

    def _faults_at(self, t: int, actor: Actor) -> list[str]:
        """Name the first row that is not finite in each of rewards of step t and observations after it."""
        mine = slice(actor.first, actor.last)
        seen = self.policy.observations.floats(self.buffers.observations[t + 1, mine])
        faults = []
        for name, numbers, step in [
            ("rewards", self.buffers.rewards[t, mine], t),
            *((k, v, t + 1) for k, v in seen.items()),
        ]:
            bad = (~torch.isfinite(numbers)).nonzero()
            if len(bad):
                row = actor.first + int(bad[0, 0])
                faults.append(f"{name}, row {row}, at step {step} of the rollout is not finite")
        return faults

    # -- learning ------------------------------------------------------------------------------------------

    def learn(self) -> dict[str, float]:
        """Take the gradient steps that the replay ratio asks for; return their mean losses."""
        train = self.settings.train
        fallen = 0.5 * (1 + math.cos(math.pi * self.progress))
        decay = train.final_learning_rate + (1 - train.final_learning_rate) * fallen
        explained = self._explained_variance()
        unattended = not train.refresh_advantages and self.ranks.count == 1
        if unattended and isinstance(self.learner, UnattendedLearner):
            with self.clock.section("gradient"):
                return self._learn_unattended(self.learner, decay) | {"explained_variance": explained}
        reports: list[dict[str, float]] = []
        for segments, importance, scale in self._minibatches():
            report = self._gradient_step(segments, importance, scale, decay)
            if report is not None:
                reports.append(report)
                if 0 < train.max_kl < report["approx_kl"]:
                    break
            if train.refresh_advantages:
                with self.clock.section("advantage"):
                    self._estimate_advantages()
        means = {key: sum(r[key] for r in reports) / len(reports) for key in reports[0]} if reports else {}
        return means | {"learning_rate": train.learning_rate * decay, "explained_variance": explained}

    def _learn_unattended(self, learner: UnattendedLearner, decay: float) -> dict[str, float]:
        """Have all gradient steps taken at once; return their mean losses."""
        train = self.settings.train
        rates = (train.learning_rate * decay, train.vector_learning_rate * decay)
        books = learner.learn(self.optimizer, self._choose_segments(), rates)
        self.updates += books.taken
        if books.taken:
            self.skipped_in_a_row = 0
        if books.fault is not None:
            self._skip(books.fault, books.skipped, books.skipped_last)
        return books.means | {"learning_rate": rates[0]}

    def _estimate_advantages(self) -> None:
        self.learner.estimate_advantages(1.0 if self.rewards is None else self.rewards.factor)
        if self.buffers.present is not None:
            self.buffers.advantages *= self.buffers.present[:-1]

    def _choose_segments(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the agents whose sequences make up this rank's share of each minibatch, and their importance: (B,)."""
        train, rows = self.settings.train, self.spec.rows
        size = train.minibatch // train.horizon // self.ranks.count
        count = max(1, round(train.replay_ratio * self.batch / train.minibatch))
        if train.priority_alpha == 0:
            epochs = math.ceil(count * size / rows) + 1
            order = torch.cat([torch.randperm(rows, generator=self.shuffling) for _ in range(epochs)])
            for i in range(count):
                yield order[i * size : (i + 1) * size], torch.ones(size)
            return
        beta = train.priority_beta + (1 - train.priority_beta) * self.progress
        for _ in range(count):
            surprise = self.buffers.advantages.abs().sum(0)
            priority = (surprise / surprise.max().clamp_min(1e-30)).pow(train.priority_alpha) + 1e-12
            probability = priority / priority.sum()
            segments = torch.multinomial(probability, size, replacement=True, generator=self.shuffling)
            yield segments, (rows * probability[segments]).pow(-beta)

    def _minibatches(self) -> Iterator[tuple[Tensor, Tensor, Scale | None]]:
        """Yield the sequences of each minibatch, their importance, and, where other ranks have more, their scale."""
        if self.ranks.count == 1:
            for segments, importance in self._choose_segments():
                yield segments, importance, None
        elif self.settings.train.refresh_advantages:
            for segments, importance in self._choose_segments():
                yield segments, importance, self._scales([segments])[0]
        else:  # advantages stay as they are: the ranks need to meet only once
            chosen = list(self._choose_segments())
            scales = self._scales([segments for segments, _ in chosen])
            for (segments, importance), scale in zip(chosen, scales, strict=True):
                yield segments, importance, scale

    def _scales(self, minibatches: list[Tensor]) -> list[Scale]:
        """Return the scale of each minibatch, of which all ranks know their own sequences (B,)."""
        buffers, normalize = self.buffers, self.settings.train.normalize_advantages
        mine = []
        for segments in minibatches:
            advantages = buffers.advantages[:, segments]
            mine.append(moments(advantages if buffers.present is None else advantages[buffers.present[:-1, segments]]))
        with self._meeting():
            return [Scale.of(of_all, normalize=normalize) for of_all in self.ranks.pool(torch.stack(mine))]

    def _gradient_step(
        self, segments: Tensor, importance: Tensor, scale: Scale | None, decay: float
    ) -> dict[str, float] | None:
        """Improve the policy on some sequences; return the losses, or None when the step had to be skipped."""
        train = self.settings.train
        with self.clock.section("gradient"):
            norm, report = self.learner.gradient(segments, importance, scale)
        fault = self._fault_in_gradient(report, norm)
        if self.ranks.count > 1:
            with self._meeting():
                norm, report, fault = self._add_up(report, fault)
        report["gradient_norm"] = norm
        if fault is not None:
            self._skip(fault)
            return None
        with self.clock.section("optimizer"):
            self.optimizer.step(
                train.learning_rate * decay,
                train.vector_learning_rate * decay,
                gradient_scale=min(1.0, train.max_gradient_norm / max(norm, 1e-12)),
            )
            self.learner.weights_changed()
        self.updates += 1
        self.skipped_in_a_row = 0
        return report

    def _add_up(self, report: dict[str, float], fault: str | None) -> tuple[float, dict[str, float], str | None]:
        """Add up gradients and figures over the ranks; return the gradient's length, the figures and what is wrong.

        A number that is not finite on one rank is not finite in the sum: all of them see it, and do the same.
        """
        gradients = [parameter.grad for parameter in self.policy.parameters() if parameter.grad is not None]
        figures = torch.tensor(list(report.values()), device=gradients[0].device)
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), figures])
        self.ranks.sum_(flat)
        *sums, figures = torch.split(flat, [*(gradient.numel() for gradient in gradients), len(figures)])
        for gradient, total in zip(gradients, sums, strict=True):
            gradient.copy_(total.view_as(gradient))
        norm = float(flat[: -len(figures)].double().norm())
        report = dict(zip(report, figures.tolist(), strict=True))
        together = self._fault_in_gradient(report, norm)
        return norm, report, None if together is None else self.ranks.first(fault) or together

    def _fault_in_gradient(self, report: dict[str, float], norm: float) -> str | None:
        """Return which loss or which parameter's gradient is not finite, or None."""
        for key, value in report.items():
            if key != "gradient_norm" and not math.isfinite(value):
                return f"{key.replace('_', ' ')} is not finite"
        if math.isfinite(norm):
            return None
        for name, parameter in self.policy.named_parameters():
            if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
                return f"the gradient of parameter {name!r} is not finite"
        return "the norm of the gradient is not finite"

    def _skip(self, fault: str, times: int = 1, times_in_a_row: int = 1) -> None:
        """Count updates that were not made. Raises `NonFiniteError` when it was one too many in a row."""
        self.fault = fault
        self.skipped += times
        self.skipped_in_a_row += times_in_a_row
        self.on_skip(fault)
        if self.skipped_in_a_row >= MOST_SKIPS_IN_A_ROW:
            raise NonFiniteError(f"stopped after {self.skipped_in_a_row} skipped updates in a row: {fault}.")

    def _explained_variance(self) -> float:
        """How much of the spread of returns the value function foresaw: 1 all, 0 none, below 0 misleading."""
        buffers = self.buffers
        advantages, values = buffers.advantages, buffers.values
        if buffers.present is not None:
            advantages, values = advantages[buffers.present[:-1]], values[buffers.present[:-1]]
        mine = torch.stack([moments(advantages), moments(advantages + values)])
        with self._meeting():
            (count, _, surprise), (_, _, spread) = self.ranks.pool(mine).tolist()
        return 1 - surprise / spread if count > 1 and spread > 0 else math.nan

    @contextmanager
    def _meeting(self) -> Iterator[None]:
        """Time what is done together with other ranks, and waiting for them."""
        if self.ranks.count == 1:
            yield
            return
        with self.clock.section("ranks"):
            yield

    # -- stopping and going on -----------------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """Return everything needed to go on between two iterations, by name. The environment is not in it."""
        return {
            **{f"policy.{name}": p.detach() for name, p in self.policy.named_parameters()},
            **{f"optimizer.{name}": t for name, t in self.optimizer.tensors().items()},
            **({} if self.rewards is None else {"rewards.moments": self.rewards.moments}),
            "generator.sampling": self.sampling.get_state(),
            "generator.shuffling": self.shuffling.get_state(),
        }

    def counters(self) -> dict[str, int]:
        """Return the whole numbers that belong to `tensors`."""
        return {
            "steps": self.steps,
            "updates": self.updates,
            "skipped": self.skipped,
            "skipped_in_a_row": self.skipped_in_a_row,
            "optimizer_steps": self.optimizer.steps,
        }

    def play_tensors(self) -> dict[str, Tensor]:
        """Return where the game stands: recurrent state, current observation and its masks, returns so far."""
        buffers = self.buffers
        slots = {"observations": buffers.observations, "masks": buffers.masks, "present": buffers.present}
        play = {"state": self.state} | {name: slot[-1] for name, slot in slots.items() if slot is not None}
        if self.rewards is not None:
            play["returns"] = self.rewards.returns
        if self.episodes is not None:
            play["episode_returns"] = torch.from_numpy(self.episodes.returns)
            play["episode_lengths"] = torch.from_numpy(self.episodes.lengths)
        return {f"play.{name}": tensor for name, tensor in play.items()}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor], counters: dict[str, int], play: bool) -> None:
        """Go on from `tensors` and `counters`; with `play`, also from where the game stood."""
        mine = self.tensors() | (self.play_tensors() if play else {})
        for name, tensor in mine.items():
            if not name.startswith("generator."):
                tensor.copy_(tensors[name])
        self.sampling.set_state(tensors["generator.sampling"])
        self.shuffling.set_state(tensors["generator.shuffling"])
        self.learner.weights_changed()
        self.steps, self.updates = counters["steps"], counters["updates"]
        self.skipped, self.skipped_in_a_row = counters["skipped"], counters["skipped_in_a_row"]
        self.optimizer.steps = counters["optimizer_steps"]


class Stopwatch:
    """Adds up where time goes, in seconds by section."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.total = 0.0
        """All of it, sections or not."""
        self._began = 0.0

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def start(self) -> None:
        """Begin a lap."""
        self._began = time.perf_counter()

    def lap(self, name: str) -> None:
        """Time what happened since the last lap or the start; cheaper than a section."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._began
        self._began = now

    def add(self, other: Stopwatch, share: float) -> None:
        """Add another one's seconds, of which only a share counts: that of one of several threads."""
        for name, seconds in other.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + share * seconds
