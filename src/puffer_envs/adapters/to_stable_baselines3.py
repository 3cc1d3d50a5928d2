"""Native environments in Stable-Baselines3: `make_vec_env("breakout", num_envs=64)`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.adapters.native import draw_seed, make_native
from puffer_envs.adapters.rendering import Frame, View
from puffer_envs.environment import Environment
from puffer_envs.settings import check_seed

try:
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import VecEnv
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn
except ImportError as error:
    raise ImportError(f"Stable-Baselines3 is not installed ({error}): pip install stable-baselines3") from None

Array = NDArray[Any]
BY_ENVIRONMENT = ("log", "state", "state_hash")
"""Methods of the native environment that take the number of an environment."""


def make_vec_env(
    name: str,
    num_envs: int = 1,
    seed: int | None = None,
    threads: int = 1,
    render_mode: str | None = None,
    **settings: Any,
) -> PufferVecEnv:
    """Make a batch of environments for Stable-Baselines3.

    Args:
        name: one of `puffer_envs.list_envs()`.
        num_envs: environments in the batch.
        seed: seed of the first reset, 0 to 2**64 - 1; None draws one. An algorithm's own seed replaces it.
        threads: how many threads step the batch; results do not depend on it.
        render_mode: "rgb_array", "human" (a window that follows environment 0) or None.
        **settings: settings of the environments.

    Raises:
        ValueError, TypeError: an unknown name, setting or mode, or a value that is not allowed.
        gymnasium.error.DependencyNotInstalled: there is a render mode, but no renderer is installed.
    """
    return PufferVecEnv(make_native(name, settings, num_envs, threads=threads), seed, render_mode)


class PufferVecEnv(VecEnv):
    """A native batch as a VecEnv with a row per agent: `num_envs` is environments times agents.

    `step` returns copies, because Stable-Baselines3 stores an observation only after the next step, and adds to rewards
    in place.

    The infos of a row whose episode has ended have `terminal_observation`, `TimeLimit.truncated` and `episode` (`r`
    return, `l` steps, `t` seconds since the start), so no Monitor or VecMonitor is needed.
    """

    def __init__(self, environment: Environment, seed: int | None = None, render_mode: str | None = None) -> None:
        """Wrap an environment, which is closed with this. The other arguments are those of `make_vec_env`."""
        self.environment = environment
        """The native environment, with `state(i)`, `log()` and all."""
        self._view = View(environment, render_mode)
        super().__init__(environment.num_agents, environment.single_observation_space, environment.single_action_space)
        metadata: dict[str, Any] = self.metadata
        metadata["render_fps"] = environment.spec.rate
        self._next_seed = draw_seed() if seed is None else check_seed(seed)
        self._seeded = True
        self._actions: Array = environment.actions
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, np.int64)
        self._start = time.perf_counter()

    def reset(self) -> Array:
        """Start new episodes in all environments, with the seed given last if it has not been used yet.

        Returns:
            Observations, (rows, *obs_shape).
        """
        observations = self.environment.reset(self._next_seed if self._seeded else None)
        self._seeded = False
        self.reset_infos = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0
        self._lengths[:] = 0
        self._view.follow()
        return observations.copy()

    def step_async(self, actions: Array) -> None:
        """Store the actions, (rows,) or (rows, k), for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step with the stored actions.

        Returns:
            (observations, rewards, dones, infos).

        Raises:
            ValueError: an action is out of range or not finite; no environment has moved.
        """
        env = self.environment
        observations, rewards, terminals, truncations = env.step(self._actions)
        self._returns += rewards
        self._lengths += 1
        dones = terminals | truncations
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            self._finish_episodes(np.flatnonzero(dones), infos)
        self._view.follow()
        return observations.copy(), rewards.copy(), dones, infos

    def _finish_episodes(self, rows: NDArray[np.intp], infos: list[dict[str, Any]]) -> None:
        seconds = round(time.perf_counter() - self._start, 6)
        final_observations = self.environment.final_observations[rows]
        for row, final_observation in zip(rows.tolist(), final_observations, strict=True):
            infos[row] = {
                "terminal_observation": final_observation,
                "TimeLimit.truncated": bool(self.environment.truncations[row]),
                "episode": {"r": float(self._returns[row]), "l": int(self._lengths[row]), "t": seconds},
            }
        self._returns[rows] = 0
        self._lengths[rows] = 0

    def seed(self, seed: int | None = None) -> list[int | None]:
        """Store a seed for the next reset of the whole batch; None draws one. Returns it once per row."""
        self._next_seed = draw_seed() if seed is None else check_seed(seed)
        self._seeded = True
        return [self._next_seed] * self.num_envs

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of the native environment, the same for every row.

        Raises:
            AttributeError: there is no such attribute.
        """
        value = self._view.mode if attr_name == "render_mode" else getattr(self.environment, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Raise AttributeError: the rows share one native environment, whose settings do not change."""
        raise AttributeError(
            f"{self.environment.spec.name}: {attr_name} cannot be set. Give settings to make_vec_env instead"
        )

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call `log`, `state` or `state_hash` for the environments of some rows.

        Raises:
            AttributeError: another method; call those on `environment`.
        """
        if method_name not in BY_ENVIRONMENT:
            raise AttributeError(
                f"method {method_name!r}: a row has {', '.join(BY_ENVIRONMENT)}. Call others on `environment`"
            )
        method = getattr(self.environment, method_name)
        rows: Iterable[int] = self._get_indices(indices)
        return [method(*method_args, env=row // self.environment.agents, **method_kwargs) for row in rows]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Return True for Monitor, whose work is done here, and False for everything else."""
        return [wrapper_class is Monitor for _ in self._get_indices(indices)]

    def get_images(self) -> list[Frame | None]:
        """Return an image of each environment, (height, width, 3) uint8; `render` combines them."""
        return [self._view.picture(self, env) for env in range(self.environment.num_envs)]

    def render(self, mode: str | None = None) -> Frame | None:
        """Return one image with all environments as tiles in mode rgb_array; None in mode human, which has a window."""
        if self.render_mode == "human":
            return self._view.picture(self)
        return super().render(mode)

    def close(self) -> None:
        """Free all resources. Can be called twice."""
        self._view.close()
        self.environment.close()
