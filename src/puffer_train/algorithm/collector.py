"""Playing: a policy fills buffers with rollouts of an environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.episodes import EpisodeMeter
from puffer_train.algorithm.health import fault_in_output, faults_in_step
from puffer_train.algorithm.masks import check_masks
from puffer_train.algorithm.opponents import Opponents, Rounds
from puffer_train.algorithm.stopwatch import Stopwatch
from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import EnvironmentCalls
from puffer_train.learners.protocol import BAD_OBSERVATIONS, BAD_REWARDS, SOME_TRUNCATED, Actor
from puffer_train.policy import Policy
from puffer_train.system.parallel import Team


class Collector:
    """Plays rollouts in an environment, which it resets, steps and reads; each of its parts in its own thread."""

    def __init__(
        self,
        env: BufferEnv,
        spec: EnvironmentSpec,
        policy: Policy,
        buffers: Buffers,
        state: Tensor,
        actors: Sequence[Actor],
        calls: EnvironmentCalls,
        clock: Stopwatch,
        first_env: int = 0,
        opponents: Opponents | None = None,
    ) -> None:
        """Nothing is reset or stepped yet.

        Args:
            env: The environment.
            spec: What it is like.
            policy: The policy that the actors act with.
            buffers: Where rollouts go.
            state: The recurrent state (L, A, S) of all rows, updated in place.
            actors: One for each part of the environment.
            calls: The context for its calls.
            clock: Gets the seconds that all this takes.
            first_env: Number of its first environment among those of all ranks.
            opponents: Who plays for the rows that do not learn, if there are any.
        """
        self.env, self.spec, self.policy, self.buffers, self.state = env, spec, policy, buffers, state
        self.actors, self.calls, self.clock, self.first_env = actors, calls, clock, first_env
        self.opponents = opponents
        self.parts: list[BufferEnv] = getattr(env, "parts", [env])
        self.team = Team(len(self.parts))
        self.episodes = None if hasattr(env, "log") else EpisodeMeter(spec.rows)
        self.played = 0
        """Steps of the rollout in progress that are done."""
        self.on_step: Callable[[], object] = lambda: None
        """Called after each step, in the thread that collects."""
        self.leaving = False
        """Whether to leave the rollout after this step."""

    def restart(self, seed: int) -> None:
        """Reset the environment: every episode starts from scratch. The observations are the last slot's."""
        with self.calls:
            self.calls.run(self.env.reset, seed)
        self.state.zero_()
        if self.opponents is not None:
            self.opponents.restart()
        if self.episodes is not None:
            self.episodes.restart()
        np.copyto(self.buffers.observations[-1].numpy(), self.env.observations)
        for part, actor in zip(self.parts, self.actors, strict=True):
            self._store_masks(part, self.buffers.horizon, slice(actor.first, actor.last), 0)

    def begin(self, sampling: torch.Generator) -> None:
        """Prepare the buffers for a rollout, and draw its random numbers."""
        buffers = self.buffers
        with self.clock.section("store"):
            buffers.turn_over()
            buffers.first_state.copy_(self.state)
            buffers.final_values.zero_()
            key = sampling.get_state()
            for actor in self.actors:
                sampling.set_state(key)
                actor.begin(sampling)
            if self.opponents is not None:
                self.opponents.begin()
        self.played, self.leaving = 0, False

    def play(self, steps_before: int) -> list[str]:
        """Play a rollout; return what was not finite in it and where.

        Args:
            steps_before: Steps of each environment in earlier rollouts, for errors.

        Raises:
            EnvironmentFailedError: The environment raised.
        """
        clocks = [Stopwatch() for _ in self.parts]
        rounds = [None] * len(self.parts) if self.opponents is None else self.opponents.rounds
        work = zip(self.parts, self.actors, clocks, rounds, strict=True)
        faults = self.team.run([partial(self._play, *of_one, steps_before) for of_one in work])
        for clock in clocks:
            self.clock.add(clock, 1 / len(clocks))
        return [fault for of_one in faults for fault in of_one]

    @torch.no_grad()
    def _play(
        self, env: BufferEnv, actor: Actor, clock: Stopwatch, rounds: Rounds | None, steps_before: int
    ) -> list[str]:
        """Play one part for a whole rollout, or until `leaving`; return what was not finite in it and where."""
        buffers, faults, rows = self.buffers, [], slice(actor.first, actor.last)
        clock.start()
        for t in range(buffers.horizon):
            bad = actor.act(t)
            if bad >= 0:
                faults.append(fault_in_output(self.policy, buffers, t, actor.first + bad))
            if rounds is not None and self.opponents is not None:
                self.opponents.act(rounds, t, buffers)
            clock.lap("policy")
            with self.calls:
                buffers.give_actions(env, t, rows)
                self.calls.run(env.step, env.actions)
            clock.lap("environment")
            if rounds is not None and self.opponents is not None:
                self.opponents.see(rounds, env, t)
            self._store_masks(env, t + 1, rows, steps_before + t + 1)
            noticed = actor.store(t)
            if self.episodes is not None:
                self.episodes.add(rows, buffers, t)
            if noticed & SOME_TRUNCATED:
                faults += self._value_truncated(env, actor, t)
            if noticed & (BAD_OBSERVATIONS | BAD_REWARDS):
                faults += faults_in_step(self.policy, buffers, t, rows)
            actor.reset_state(t)
            clock.lap("store")
            if rows.start == 0:
                self.played = t + 1
                self.on_step()
            if self.leaving:
                buffers.skip_to_end(t + 1, rows)
                return faults
        actor.finish()
        clock.lap("policy")
        return faults

    def _store_masks(self, env: BufferEnv, slot: int, rows: slice, step: int) -> None:
        """Copy which rows hold an agent and what these may do. Raises `EnvironmentFailedError` if that is nothing."""
        self.buffers.store_masks(env, slot, rows)
        check_masks(self.buffers, slot, rows, self.spec, self.calls.name, step, self.first_env)

    def _value_truncated(self, env: BufferEnv, actor: Actor, t: int) -> list[str]:
        """Value the episodes cut off at step t, with the state from before the reset; return what was not finite."""
        rows = np.flatnonzero(env.truncations)
        values = actor.value(env.final_observations[rows], rows)
        self.buffers.final_values[t, actor.first + torch.from_numpy(rows)] = values
        bad = ~torch.isfinite(values)
        if not bad.any():
            return []
        row = actor.first + rows[int(bad.nonzero()[0])]
        return [f"the value of final_observations, row {row}, at step {t} of the rollout is not finite"]

    def log(self) -> dict[str, float]:
        """Return means over the episodes that ended since the last call, by statistic."""
        with self.clock.section("environment"), self.calls:
            means = self.env.log() if self.episodes is None else self.episodes.take()  # type: ignore[attr-defined]
        return {key: float(value) for key, value in means.items()}
