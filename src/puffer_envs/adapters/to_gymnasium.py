"""Native environments in Gymnasium: `gymnasium.make("puffer/Breakout-v1")` and `gymnasium.make_vec(...)`.

Importing `puffer_envs` registers the IDs; "puffer_envs:puffer/Breakout-v1" imports it.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from puffer_envs.adapters.native import draw_seed, make_native
from puffer_envs.adapters.next_step import NextStep
from puffer_envs.adapters.rendering import Frame, View, offered_modes
from puffer_envs.contract.logs import count_of

Array = NDArray[Any]
Info = dict[str, Any]
VectorStep = tuple[Array, Array, Array, Array, Info]

NOT_STARTED, RUNNING, OVER = "not started", "running", "over"


class PufferEnv(gymnasium.Env[Array, Any]):
    """One environment with one agent.

    The contract starts the next episode in the step that ends one; Gymnasium expects the last observation and then a
    `reset`. So `step` returns the final observation, and a `reset` right after it returns the first observation of the
    episode that has already started: trajectories are those of `puffer_envs.make` with the same seed.

    In the last step of an episode, `info` has the episode's log: perf, score, episode_return, episode_length and
    whatever else the environment reports. In other steps it is empty or, if actions can be forbidden, has
    `action_mask`, int8 (sum of choices,).
    """

    metadata: dict[str, Any] = {"render_modes": offered_modes()}

    def __init__(self, name: str, render_mode: str | None = None, *, first: int = 0, **settings: Any) -> None:
        """Make the environment.

        Args:
            name: one of `puffer_envs.list_envs()`.
            render_mode: "rgb_array", "human" (a window that follows every step) or None.
            first: number of this environment in the run: it behaves like environment `first` of a batch.
            **settings: settings of the environment.

        Raises:
            ValueError, TypeError: unknown name, setting or mode; a value that is not allowed; several agents.
            gymnasium.error.DependencyNotInstalled: there is a render mode, but no renderer is installed.
        """
        self.environment = make_native(name, settings, first=first)
        """The native environment, with `state()`, `snapshot()` and all."""
        if self.environment.num_agents != 1:
            raise ValueError(
                f"{name} has {self.environment.num_agents} agents with these settings: a Gymnasium Env has one. Use "
                "puffer_envs.adapters.to_pettingzoo, or gymnasium.make_vec, whose rows are agents"
            )
        self.observation_space = self.environment.single_observation_space
        self.action_space = self.environment.single_action_space
        self.metadata = type(self).metadata | {"render_fps": self.environment.spec.rate}
        self.render_mode = render_mode
        self._view = View(self.environment, render_mode)
        self._episode = NOT_STARTED

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, Info]:
        """Start an episode.

        Args:
            seed: 0 to 2**64 - 1. From here on, the run depends only on it and the actions. None: the first run is
                random, and later episodes continue its random sequence.
            options: not used.

        Returns:
            (observation, info).
        """
        super().reset(seed=seed)
        if seed is None and self._episode == NOT_STARTED:
            seed = draw_seed(self.np_random)
        if seed is not None or self._episode == RUNNING:
            self.environment.reset(seed)
        self._episode = RUNNING
        self._view.follow()
        return self.environment.observations[0].copy(), self._running_info()

    def step(self, action: Any) -> tuple[Array, float, bool, bool, Info]:
        """Take one step.

        Args:
            action: an element of `action_space`.

        Returns:
            (observation, reward, terminated, truncated, info).

        Raises:
            gymnasium.error.ResetNeeded: no episode is running.
            ValueError: the action is out of range or not finite.
        """
        if self._episode != RUNNING:
            raise ResetNeeded(f"{self.environment.spec.name}: the episode is {self._episode}. Call reset() first")
        env = self.environment
        env.step(np.asarray(action)[np.newaxis])
        self._view.follow()
        reward, terminated, truncated = env.rewards.item(), env.terminals.item(), env.truncations.item()
        if terminated or truncated:
            self._episode = OVER
            whole = env.log()
            log = {name: value for name, value in whole.items() if name != count_of(name, whole)}  # one episode
            return env.final_observations[0].copy(), reward, terminated, truncated, log
        return env.observations[0].copy(), reward, terminated, truncated, self._running_info()

    def _running_info(self) -> Info:
        masks = self.environment.action_masks
        return {} if masks is None else {"action_mask": masks[0].astype(np.int8)}

    def render(self) -> Frame | None:
        """Return an image, (height, width, 3) uint8, in mode rgb_array; None in mode human, which has a window.

        After an episode's last step, this is the start of the next one.
        """
        return self._view.picture(self)

    def close(self) -> None:
        """Free all resources. Can be called twice."""
        self._view.close()
        self.environment.close()


def _autoreset_mode(mode: AutoresetMode | str, agents: int) -> AutoresetMode:
    """Return a mode that a batch has. Raises ValueError for others."""
    try:
        known = AutoresetMode(mode)
    except ValueError:
        known = AutoresetMode.DISABLED
    if known is AutoresetMode.DISABLED:
        raise ValueError(f"autoreset_mode {mode!r}: it must be AutoresetMode.SAME_STEP or AutoresetMode.NEXT_STEP")
    if known is AutoresetMode.NEXT_STEP and agents > 1:
        raise ValueError(
            f"autoreset_mode NEXT_STEP is for environments with one agent, and this one has {agents}. Use SAME_STEP"
        )
    return known


class PufferVectorEnv(gymnasium.vector.VectorEnv[Array, Any, Array]):
    """A batch of environments without copies: what `gymnasium.make_vec("puffer/Breakout-v1", num_envs=1024)` returns.

    `reset` and `step` return the environment's own arrays, which the next call overwrites; with `copy=True` they return
    copies. Rewards are float32. Episodes restart within the step (`AutoresetMode.SAME_STEP`): observations are then
    the next episode's, and infos have `final_obs`, `final_info` (the episode's log, as in `PufferEnv`) and their
    masks `_final_obs` and `_final_info`, in the format of Gymnasium's `SyncVectorEnv`. With
    `AutoresetMode.NEXT_STEP`, the step that ends an episode returns its last observation, and its log in the infos;
    the next step ignores that row's action and returns the first observation of the next episode.

    Rows are agents: if an environment has several, `num_envs` counts all agents of the batch, row r is agent
    `r % agents` of environment `r // agents`, and a log covers all lives that ended in the environment in that step.
    """

    metadata: dict[str, Any] = {"render_modes": offered_modes(), "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self,
        name: str,
        num_envs: int = 1,
        render_mode: str | None = None,
        *,
        threads: int = 1,
        copy: bool = False,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        **settings: Any,
    ) -> None:
        """Make the batch.

        Args:
            name: one of `puffer_envs.list_envs()`.
            num_envs: environments in the batch.
            render_mode: "rgb_array", "human" (a window that follows environment 0) or None.
            threads: how many threads step the batch; results do not depend on it.
            copy: return copies, which later calls do not overwrite.
            autoreset_mode: when episodes restart, SAME_STEP or NEXT_STEP, which takes longer and is for environments
                with one agent.
            **settings: settings of the environments.

        Raises:
            ValueError, TypeError: an unknown name, setting or mode, or a value that is not allowed.
            gymnasium.error.DependencyNotInstalled: there is a render mode, but no renderer is installed.
        """
        self.environment = make_native(name, settings, num_envs, threads=threads)
        """The native environment, with `state(i)`, `snapshot()` and all."""
        self.num_envs = self.environment.num_agents
        self.single_observation_space = self.environment.single_observation_space
        self.single_action_space = self.environment.single_action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        mode = _autoreset_mode(autoreset_mode, self.environment.agents)
        self.metadata = type(self).metadata | {"render_fps": self.environment.spec.rate, "autoreset_mode": mode}
        self._next_step = NextStep(self.environment) if mode is AutoresetMode.NEXT_STEP else None
        self.render_mode = render_mode
        self.copy = copy
        self._view = View(self.environment, render_mode)
        self._started = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, Info]:
        """Start new episodes in all environments.

        Args:
            seed: 0 to 2**64 - 1, one for the whole batch. Environment i behaves the same in all runs with the same seed
                and actions, whatever the size of the batch. None: the first run is random.
            options: `reset_mask` is rejected; anything else is ignored.

        Returns:
            (observations, infos), with observations (rows, *obs_shape).

        Raises:
            ValueError: there is a `reset_mask`.
        """
        if options and "reset_mask" in options:
            raise ValueError(
                "reset_mask: single environments of a batch cannot be reset, since they restart in the step that ends "
                "an episode. Leave it out"
            )
        super().reset(seed=seed)
        if seed is None and not self._started:
            seed = draw_seed(self.np_random)
        observations = self.environment.reset(seed)
        if self._next_step is not None:
            self._next_step.reset()
        self._started = True
        self._view.follow()
        return observations.copy() if self.copy else observations, self._infos()

    def step(self, actions: ArrayLike) -> VectorStep:
        """Step every environment.

        Args:
            actions: elements of `action_space`, one row per agent.

        Returns:
            (observations, rewards, terminations, truncations, infos).

        Raises:
            ValueError: an action is out of range or not finite; no environment has moved.
        """
        step = self.environment.step if self._next_step is None else self._next_step.step
        observations, rewards, terminations, truncations = step(actions)
        infos = self._infos()
        if self._next_step is not None:
            self._add_logs(infos, np.flatnonzero(terminations | truncations))
        elif np.count_nonzero(terminations) or np.count_nonzero(truncations):
            self._add_final_infos(infos, terminations | truncations)
        self._view.follow()
        if self.copy:
            return observations.copy(), rewards.copy(), terminations.copy(), truncations.copy(), infos
        return observations, rewards, terminations, truncations, infos

    def _infos(self) -> Info:
        masks = self.environment.action_masks
        if masks is None:
            return {}
        return {"action_mask": masks.astype(np.int8), "_action_mask": np.ones(self.num_envs, np.bool_)}

    def _add_final_infos(self, infos: Info, ended: NDArray[np.bool_]) -> None:
        """Add final observations and logs of the rows that ended. This takes ownership of `ended` (rows,)."""
        rows = np.flatnonzero(ended)
        final_obs = np.full(self.num_envs, None, dtype=object)
        for row, observation in zip(rows.tolist(), self.environment.final_observations[rows], strict=True):
            final_obs[row] = observation
        final_info: Info = {}
        self._add_logs(final_info, rows)
        infos |= {"final_obs": final_obs, "_final_obs": ended.copy(), "final_info": final_info, "_final_info": ended}

    def _add_logs(self, infos: Info, rows: NDArray[np.intp]) -> None:
        """Add the logs of the rows that ended, and masks that say which have one."""
        if not len(rows):
            return
        for name, (values, there) in self._logs(rows).items():
            infos[name], infos[f"_{name}"] = np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
            infos[name][rows], infos[f"_{name}"][rows] = values, there

    def _logs(self, rows: NDArray[np.intp]) -> dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        """Return name -> the log of each row (len(rows),), shared by an environment's agents, and whether it is set."""
        envs, place = np.unique(rows // self.environment.agents, return_inverse=True)
        names = self.environment.spec.log_names
        sums = self.environment._log_each(envs)[place]
        counts = sums[:, [names.index(count_of(name, names)) for name in names]]
        there = counts > 0
        means = np.divide(sums, counts, out=np.zeros_like(sums), where=there)
        columns = zip(names, means.T, there.T, strict=True)
        return {name: (mean, known) for name, mean, known in columns if name != count_of(name, names)}

    def render(self) -> tuple[Frame, ...] | None:
        """Return an image per row, (height, width, 3) uint8, in mode rgb_array; None in mode human, which has a window.

        Drawing a large batch takes time, and about a megabyte per image. Agents of one environment share one array.
        """
        if self.render_mode != "rgb_array":
            self._view.picture(self)
            return None
        pictures = [self._view.picture(self, env) for env in range(self.environment.num_envs)]
        return tuple(p for p in pictures if p is not None for _ in range(self.environment.agents))

    def close_extras(self, **_: Any) -> None:
        """Free all resources."""
        if hasattr(self, "_view"):  # Gymnasium 1.2 also closes what __init__ refused to make
            self._view.close()
            self.environment.close()
