"""Proximal policy optimisation (Schulman et al. 2017) with a recurrent policy: the whole algorithm.

One iteration is two halves. `collect` plays `horizon` steps of every environment with the current policy;
`learn` improves the policy on what was collected. Buffers are time-major, (T, A) for T steps of A agents. Slot t
holds what belongs together: the observation that was seen, the action taken on it, and the reward and end which
*that action* brought. A slot T holds the observation after the last action, so that all T transitions count.

Three things about episode ends are easy to get wrong, and happen here in one place each:

- A truncated episode goes on in principle. Its last transition leads to the value of its true last observation,
  seen with the recurrent state from before the reset: `_close_episodes`.
- The recurrent state returns to zero between episodes, in rollout and in training alike: `Buffers.keep`.
- Advantages do not flow from one episode into the one before: `Buffers.ends`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_train.advantage import advantages
from puffer_train.config import Settings, TrainSettings, check_batch
from puffer_train.contract import Environment, describe
from puffer_train.errors import EnvironmentCalls, NonFiniteError
from puffer_train.optimizer import Optimizer
from puffer_train.policy import Policy
from puffer_train.rewards import RewardNormalizer
from puffer_train.runtime import physical_memory

MOST_SKIPS_IN_A_ROW = 10
"""After this many skipped updates one after the other, training stops."""

ADVANTAGE_EPSILON = 1e-8
"""Keeps the normalisation of advantages finite where they are all equal."""


class Buffers:
    """What one rollout of T steps and A agents leaves behind. Allocated once, overwritten by every rollout."""

    def __init__(self, env: Environment, policy: Policy, horizon: int) -> None:
        spec = policy.spec
        time_rows = (horizon, spec.rows)

        def like(array: NDArray[Any]) -> Tensor:
            return torch.zeros((horizon + 1, *array.shape), dtype=torch.from_numpy(array[:0].copy()).dtype)

        self.observations = like(env.observations)
        """(T + 1, A, *shape): what was seen before each step, and after the last."""
        self.masks = None if env.action_masks is None else like(env.action_masks)
        """(T + 1, A, K): which actions were allowed."""
        self.present = None if env.agent_mask is None else like(env.agent_mask)
        """(T + 1, A): which rows held an agent."""
        self.outputs = torch.zeros(horizon, spec.action.outputs + 1, spec.rows)
        """(T, K + 1, A): what the policy said: logits or means, then the value."""
        self.actions = torch.zeros((*time_rows, spec.action.dimensions), dtype=policy.actions.dtype)
        """(T, A, k): what was done."""
        self.log_probs = torch.zeros(time_rows)
        """(T, A): the log-probability it had."""
        self.rewards = torch.zeros(time_rows)
        """(T, A): what it brought, as the environment gave it."""
        self.ends = torch.zeros(time_rows, dtype=torch.bool)
        """(T, A): whether it ended the episode, by a terminal or a truncation."""
        self.final_values = torch.zeros(time_rows)
        """(T, A): value of what lies beyond the end: of the last observation at a truncation, else 0."""
        self.first_state = policy.initial_state(spec.rows)
        """(L, A, H): the recurrent state before step 0, already wiped where an episode starts there."""
        self.values = torch.zeros(time_rows)
        """(T, A): the value before each step."""
        self.last_value = torch.zeros(spec.rows)
        """(A,): the value after the last."""
        self.ratios = torch.ones(time_rows)
        """(T, A): new to old probability of the actions, where sequences were trained on already."""
        self.advantages = torch.zeros(time_rows)
        """(T, A)."""

    @property
    def keep(self) -> Tensor:
        """(T, A) float: 0 where the recurrent state is wiped before that step, else 1."""
        keep = torch.ones(self.ends.shape)
        keep[1:] -= self.ends[:-1].to(torch.float32)
        return keep

    def next_values(self) -> Tensor:
        """(T, A): the value of what each action led to."""
        following = torch.cat([self.values[1:], self.last_value.unsqueeze(0)])
        return torch.where(self.ends, self.final_values, following)


@dataclass
class Minibatch:
    """B whole sequences out of the buffers, all (T, B, ...)."""

    observations: Tensor
    actions: Tensor
    masks: Tensor | None
    present: Tensor | None
    log_probs: Tensor
    values: Tensor
    advantages: Tensor
    keep: Tensor
    first_state: Tensor
    """(L, B, H)."""
    importance: Tensor
    """(B,): undoes the bias of choosing some sequences more often; 1 where all are equally likely."""


class Trainer:
    """Trains a policy on one environment, which it resets, steps and reads, but does not close."""

    def __init__(self, env: Environment, settings: Settings, seed: int, name: str = "environment") -> None:
        """Check the environment against the contract, make the policy, and reset the environment with `seed`.

        Raises `ContractError` or `ConfigError`. One seed gives the same numbers every time with the same
        number of threads, the same torch and the same kind of processor: its generators are its own, and
        global ones are neither used nor changed.
        """
        self.env, self.settings, self.seed = env, settings, seed
        self.calls = EnvironmentCalls(name)
        self.spec = describe(env, name)
        train = settings.train
        check_batch(train, self.spec.rows, env.observations.nbytes, physical_memory())
        seeds = np.random.SeedSequence(seed).generate_state(3, np.uint32)
        initial, self.sampling, self.shuffling = (torch.Generator().manual_seed(int(s)) for s in seeds)
        self.policy = Policy(self.spec, settings.policy, initial)
        self.optimizer = Optimizer(self.policy.named_parameters(), train.momentum)
        self.buffers = Buffers(env, self.policy, train.horizon)
        self.state = self.policy.initial_state(self.spec.rows)
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
        self._observe(self.settings.train.horizon)

    @property
    def batch(self) -> int:
        """Agent steps in one rollout."""
        return self.settings.train.horizon * self.spec.rows

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
        fault = self.collect()
        losses: dict[str, float] = {}
        if fault is None:
            losses = self.learn()
        else:
            self._skip(fault)
        self.steps += self.batch
        with self.clock.section("environment"), self.calls:
            episodes = self.env.log() if self.episodes is None else self.episodes.take()  # type: ignore[attr-defined]
        report = {"steps": self.steps, "updates": self.updates, "skipped": self.skipped, **losses}
        report |= {f"env/{key}": float(value) for key, value in episodes.items()}
        return {key: value for key, value in report.items() if math.isfinite(value)}

    # -- playing -------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def collect(self) -> str | None:
        """Fill the buffers with one rollout; return what was not finite in it and where, or None."""
        buffers, policy, horizon = self.buffers, self.policy, self.settings.train.horizon
        faults: list[str] = []
        for slots in (buffers.observations, buffers.masks, buffers.present):
            if slots is not None:
                slots[0] = slots[horizon]
        buffers.first_state.copy_(self.state)
        buffers.final_values.zero_()
        noise = policy.actions.noise(horizon, self.spec.rows, self.sampling)

        for t in range(horizon):
            with self.clock.section("acting"):
                output = policy.step(buffers.observations[t], self.state)
                self._mend(output, t, faults)
                masks = None if buffers.masks is None else buffers.masks[t]
                actions = policy.actions.sample(output, noise[t], masks, policy)
                buffers.outputs[t] = output
                buffers.actions[t] = actions
            with self.clock.section("environment"), self.calls:
                self.env.actions[...] = actions.numpy().reshape(self.env.actions.shape)
                self.env.step(self.env.actions)
            with self.clock.section("acting"):
                self._observe(t + 1)
                self._close_episodes(t, faults)

        with self.clock.section("advantage"):
            # look ahead on a copy of the state: the next rollout starts with this observation
            buffers.last_value.copy_(policy.step(buffers.observations[horizon], self.state.clone())[-1])
            buffers.values.copy_(buffers.outputs[:, -1])
            masks = None if buffers.masks is None else buffers.masks[:horizon]
            outputs = buffers.outputs.movedim(0, 1)
            buffers.log_probs.copy_(policy.actions.evaluate(outputs, buffers.actions, masks, policy)[0])
            buffers.ratios.fill_(1.0)
            if self.rewards is not None:
                self.rewards.update(buffers.rewards, buffers.ends)
            self._estimate_advantages()
        return faults[0] if faults else self._fault_in_buffers()

    def _observe(self, slot: int) -> None:
        """Copy what the environment shows now into a slot of the buffers."""
        buffers, env = self.buffers, self.env
        np.copyto(buffers.observations[slot].numpy(), env.observations)
        if buffers.masks is not None and env.action_masks is not None:
            np.copyto(buffers.masks[slot].numpy(), env.action_masks)
        if buffers.present is not None and env.agent_mask is not None:
            np.copyto(buffers.present[slot].numpy(), env.agent_mask)

    def _close_episodes(self, t: int, faults: list[str]) -> None:
        """Store what step t brought, value what was truncated, and wipe the state of whoever starts anew.

        Adds what was not finite, and where, to `faults`.
        """
        env, buffers = self.env, self.buffers
        np.copyto(buffers.rewards[t].numpy(), env.rewards)
        ends = buffers.ends[t].numpy()
        np.logical_or(env.terminals, env.truncations, out=ends)
        if self.episodes is not None:
            self.episodes.add(env.rewards, ends)
        if env.truncations.any():
            rows = np.flatnonzero(env.truncations)
            final = torch.from_numpy(env.final_observations[rows])
            values = self.policy.step(final, self.state[:, rows])[-1]
            if not torch.isfinite(values).all():
                row = rows[int((~torch.isfinite(values)).nonzero()[0])]
                faults.append(f"the value of final_observations, row {row}, at step {t} of the rollout is not finite")
            buffers.final_values[t, rows] = values
        if buffers.present is not None:
            # an agent that left without a terminal is gone all the same: nothing follows for it
            np.logical_or(ends, ~buffers.present[t + 1].numpy(), out=ends)
        if ends.any():
            self.state *= (~buffers.ends[t]).unsqueeze(-1)

    def _mend(self, output: Tensor, t: int, faults: list[str]) -> None:
        """Look for non-finite numbers in the policy's output at step t; add what and where to `faults`.

        A rollout with one is not trained on. Its rows get neutral outputs and a fresh state, so that the
        environment still receives valid actions and the next rollout does not inherit the damage.
        """
        if math.isfinite(float(output.sum())):
            return
        bad = ~torch.isfinite(output).all(0)
        if not bad.any():
            return  # only the sum overflowed
        row = int(bad.nonzero()[0])
        output[:, bad] = 0.0
        self.state[:, bad] = 0.0
        seen = self.policy.observations.floats(self.buffers.observations[t, row])
        culprits = [name for name, numbers in seen.items() if not torch.isfinite(numbers).all()]
        what = f"{culprits[0]}, row {row}," if culprits else f"the policy's output for row {row}"
        faults.append(f"{what} at step {t} of the rollout is not finite")

    def _fault_in_buffers(self) -> str | None:
        """Look for non-finite numbers that the policy's output did not show; return what and where."""
        named = self.policy.observations.floats(self.buffers.observations) | {"rewards": self.buffers.rewards}
        for name, buffer in named.items():
            if math.isfinite(float(buffer.sum())):
                continue
            bad = (~torch.isfinite(buffer)).nonzero()
            if len(bad):
                t, row = bad[0, :2].tolist()
                return f"{name}, row {row}, at step {t} of the rollout is not finite"
        if not math.isfinite(float(self.buffers.advantages.sum())):
            return "an advantage of the rollout is not finite"
        return None

    # -- learning ------------------------------------------------------------------------------------------

    def learn(self) -> dict[str, float]:
        """Take the gradient steps that the replay ratio asks for; return their mean losses."""
        train = self.settings.train
        decay = 0.5 * (1 + math.cos(math.pi * self.progress))
        explained = self._explained_variance()
        reports: list[dict[str, float]] = []
        for segments, importance in self._choose_segments():
            with self.clock.section("gather"):
                minibatch = self._gather(segments, importance)
            report = self._gradient_step(minibatch, segments, decay)
            if report is not None:
                reports.append(report)
            if train.refresh_advantages:
                with self.clock.section("advantage"):
                    self._estimate_advantages()
        means = {key: sum(r[key] for r in reports) / len(reports) for key in reports[0]} if reports else {}
        return means | {"learning_rate": train.learning_rate * decay, "explained_variance": explained}

    @torch.no_grad()
    def _estimate_advantages(self) -> None:
        buffers, train = self.buffers, self.settings.train
        factor = 1.0 if self.rewards is None else self.rewards.factor
        rewards = buffers.rewards * (train.reward_scale * factor)
        if train.reward_clip > 0:
            rewards.clamp_(-train.reward_clip, train.reward_clip)
        ends = buffers.ends.to(torch.float32)
        refreshed = buffers.ratios if train.refresh_advantages else None
        buffers.advantages.copy_(
            advantages(
                rewards,
                buffers.values,
                buffers.next_values(),
                ends,
                gamma=train.gamma,
                lam=train.gae_lambda,
                ratios=refreshed,
                rho_clip=train.rho_clip,
                trace_clip=train.trace_clip,
            )
        )

    def _choose_segments(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the agents whose sequences make up each minibatch, and their importance weights: (B,)."""
        train, rows = self.settings.train, self.spec.rows
        size = train.minibatch // train.horizon
        count = max(1, round(train.replay_ratio * self.batch / train.minibatch))
        if train.priority_alpha == 0:
            epochs = math.ceil(count * size / rows) + 1
            order = torch.cat([torch.randperm(rows, generator=self.shuffling) for _ in range(epochs)])
            for i in range(count):
                yield order[i * size : (i + 1) * size], torch.ones(size)
            return
        beta = train.priority_beta + (1 - train.priority_beta) * self.progress
        for _ in range(count):
            priority = self.buffers.advantages.abs().sum(0).pow(train.priority_alpha) + 1e-12
            probability = priority / priority.sum()
            segments = torch.multinomial(probability, size, generator=self.shuffling)
            yield segments, (rows * probability[segments]).pow(-beta)

    def _gather(self, segments: Tensor, importance: Tensor) -> Minibatch:
        """Copy the sequences of the given agents (B,) out of the buffers."""
        buffers, horizon = self.buffers, self.settings.train.horizon

        def pick(tensor: Tensor) -> Tensor:
            return tensor.index_select(1, segments)

        return Minibatch(
            observations=pick(buffers.observations[:horizon]),
            actions=pick(buffers.actions),
            masks=None if buffers.masks is None else pick(buffers.masks[:horizon]),
            present=None if buffers.present is None else pick(buffers.present[:horizon]).to(torch.float32),
            log_probs=pick(buffers.log_probs),
            values=pick(buffers.values),
            advantages=pick(buffers.advantages),
            keep=pick(buffers.keep),
            first_state=pick(buffers.first_state),
            importance=importance,
        )

    def _gradient_step(self, minibatch: Minibatch, segments: Tensor, decay: float) -> dict[str, float] | None:
        """Improve the policy on one minibatch; return the losses, or None when the step had to be skipped."""
        train = self.settings.train
        with self.clock.section("forward"):
            output = self.policy(minibatch.observations, minibatch.first_state, minibatch.keep)
            loss, report, ratio = ppo_loss(output, minibatch, self.policy, train)
        with self.clock.section("backward"):
            self.optimizer.zero_gradients()
            loss.backward()  # type: ignore[no-untyped-call]
            norm = self.optimizer.gradient_norm()
        report["gradient_norm"] = norm
        fault = self._fault_in_gradient(report, norm)
        if fault is not None:
            self._skip(fault)
            return None
        with self.clock.section("optimizer"):
            self.optimizer.step(
                train.learning_rate * decay,
                train.vector_learning_rate * decay,
                gradient_scale=min(1.0, train.max_gradient_norm / max(norm, 1e-12)),
            )
        self.updates += 1
        self.skipped_in_a_row = 0
        if train.refresh_advantages:
            self.buffers.values.index_copy_(1, segments, output[-1].detach())
            self.buffers.ratios.index_copy_(1, segments, ratio)
        return report

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

    def _skip(self, fault: str) -> None:
        """Count an update that was not made. Raises `NonFiniteError` when it was one too many in a row."""
        self.fault = fault
        self.skipped += 1
        self.skipped_in_a_row += 1
        self.on_skip(fault)
        if self.skipped_in_a_row >= MOST_SKIPS_IN_A_ROW:
            raise NonFiniteError(f"stopped after {self.skipped_in_a_row} skipped updates in a row: {fault}.")

    def _explained_variance(self) -> float:
        """How much of the spread of returns the value function foresaw: 1 all, 0 none, below 0 misleading."""
        buffers = self.buffers
        spread = float((buffers.advantages + buffers.values).var())
        return 1 - float(buffers.advantages.var()) / spread if spread > 0 else math.nan

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
            "optimizer_steps": self.optimizer.steps,
        }

    def play_tensors(self) -> dict[str, Tensor]:
        """Return where the game stands: recurrent state, current observation and its masks, returns so far."""
        buffers = self.buffers
        slots = {"observations": buffers.observations, "masks": buffers.masks, "present": buffers.present}
        play = {"state": self.state} | {name: slot[-1] for name, slot in slots.items() if slot is not None}
        if self.rewards is not None:
            play["returns"] = self.rewards.returns
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
        self.steps, self.updates = counters["steps"], counters["updates"]
        self.skipped, self.optimizer.steps = counters["skipped"], counters["optimizer_steps"]


def ppo_loss(
    output: Tensor, minibatch: Minibatch, policy: Policy, train: TrainSettings
) -> tuple[Tensor, dict[str, float], Tensor]:
    """Return the loss of output (K + 1, T, B), what to report about it, and the probability ratios (T, B).

    policy: mean of max(-A w, -A clip(w, 1 - e, 1 + e)); value: half the larger of the squared errors of the
    value and of its clipped version against A + V_old; total: policy + c_v value - c_e entropy.
    """
    present = minibatch.present
    advantage = minibatch.advantages
    returns = advantage + minibatch.values

    def mean(x: Tensor) -> Tensor:
        return x.mean() if present is None else (x * present).sum() / present.sum().clamp_min(1.0)

    if train.normalize_advantages:
        centred = advantage - mean(advantage)
        advantage = centred / (mean(centred.square()).sqrt() + ADVANTAGE_EPSILON)
    advantage = advantage * minibatch.importance

    log_prob, entropy = policy.actions.evaluate(output, minibatch.actions, minibatch.masks, policy)
    log_ratio = log_prob - minibatch.log_probs
    ratio = log_ratio.exp()
    clipped_ratio = ratio.clamp(1 - train.clip, 1 + train.clip)
    policy_loss = mean(torch.maximum(-advantage * ratio, -advantage * clipped_ratio))

    value = output[-1]
    error = (value - returns).square()
    if train.value_clip > 0:
        shift = (value - minibatch.values).clamp(-train.value_clip, train.value_clip)
        error = torch.maximum(error, (minibatch.values + shift - returns).square())
    value_loss = 0.5 * mean(error)

    mean_entropy = mean(entropy)
    loss = policy_loss + train.value_coefficient * value_loss - train.entropy_coefficient * mean_entropy

    with torch.no_grad():
        figures = {
            "loss": loss,
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": mean_entropy,
            "old_approx_kl": mean(-log_ratio),
            "approx_kl": mean(ratio - 1 - log_ratio),
            "clip_fraction": mean(((ratio - 1).abs() > train.clip).to(torch.float32)),
            "importance": mean(ratio),
        }
        numbers = torch.stack([figure.detach() for figure in figures.values()]).tolist()
    return loss, dict(zip(figures, numbers, strict=True)), ratio.detach()


class EpisodeMeter:
    """Episode statistics for environments that keep none."""

    def __init__(self, rows: int) -> None:
        self.returns = np.zeros(rows)
        self.lengths = np.zeros(rows)
        self.finished: list[tuple[float, float]] = []

    def add(self, rewards: NDArray[np.float32], ends: NDArray[np.bool_]) -> None:
        """Count one step of every row."""
        self.returns += rewards
        self.lengths += 1
        if ends.any():
            self.finished += zip(self.returns[ends].tolist(), self.lengths[ends].tolist(), strict=True)
            self.returns[ends] = 0
            self.lengths[ends] = 0

    def take(self) -> dict[str, float]:
        """Return means over the episodes finished since the last call, `{}` when there were none."""
        if not self.finished:
            return {}
        returns, lengths = np.array(self.finished).T
        self.finished = []
        return {
            "episode_return": float(returns.mean()),
            "episode_length": float(lengths.mean()),
            "n": float(len(returns)),
        }


class Stopwatch:
    """Adds up where time goes, in seconds by section."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
