"""What a person names on the command line: a run folder, a policy file or a replay, told apart by what they are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

import puffer_envs
from puffer_envs import vector
from puffer_envs.adapters.rendering import has_display
from puffer_envs.conformance.runs import random_actions
from puffer_envs.contract.command_line import merge_tables
from puffer_envs.contract.offers import suggest_file
from puffer_envs.contract.policy_file import REPLAY_START
from puffer_envs.contract.wrap import KEY as WRAP
from puffer_envs.policy import NumpyPolicy, PolicyError, load_policy
from puffer_envs.vector.source import resolve
from puffer_render.errors import RenderError
from puffer_render.offscreen import Pixels

REPLAY, POLICY = "replay.puf", "policy.safetensors"
"""What they are called in a run folder."""
NEWEST = "newest.safetensors"
"""The policy that a run replaces every few seconds while it trains."""
FALLBACK_RATE = 30.0
"""Steps per second of an environment that does not say how fast it is."""

Kind = Literal["replay", "policy"]


@dataclass(frozen=True)
class Source:
    """A replay or a policy file."""

    kind: Kind
    path: Path


def load_libraries(paths: Iterable[str]) -> None:
    """Load environments of the user's own from shared libraries.

    Raises:
        RenderError: one of them cannot be loaded.
    """
    for path in paths:
        try:
            puffer_envs.load_library(path)
        except (OSError, ValueError) as error:
            raise RenderError(str(error)) from None


def find_source(path: Path, prefer: Kind = "replay") -> Source:
    """The file that is meant; of a run folder with both, the preferred one. Raises RenderError."""
    if path.is_dir():
        final = path / POLICY
        found = {"replay": path / REPLAY, "policy": final if final.is_file() else path / NEWEST}
        kinds: tuple[Kind, Kind] = ("replay", "policy") if prefer == "replay" else ("policy", "replay")
        for kind in kinds:
            if found[kind].is_file():
                return Source(kind, found[kind])
        raise RenderError(
            f"{path} is a folder with neither {POLICY} nor {REPLAY}: name a finished run's folder, a policy or "
            f"a replay."
            f"{suggest_file(str(path))}"
        )
    try:
        with path.open("rb") as file:
            start = file.read(len(REPLAY_START))
    except OSError as error:
        raise RenderError(f"{path}: cannot be read ({error.strerror or error})") from None
    if start == REPLAY_START:
        return Source("replay", path)
    if start[8:9] == b"{":  # safetensors: the length of a header, and the header
        return Source("policy", path)
    raise RenderError(f"{path} is not a replay, a policy file or a run folder")


def read_policy(path: Path, seed: int = 0, networks: Sequence[str] = ()) -> NumpyPolicy:
    """The policy of a file or of a run folder; networks: names of networks that may be imported. Raises UserError."""
    source = find_source(path, prefer="policy")
    if source.kind != "policy":
        raise RenderError(f"{path} holds a replay and no policy: puffer-render makes a video of it")
    try:
        return load_policy(source.path, seed, networks)
    except (PolicyError, ValueError) as error:
        raise RenderError(str(error)) from None


def record_game(
    name: str, policy: NumpyPolicy | None, settings: dict[str, Any], seed: int, max_steps: int, path: Path
) -> None:
    """Write a replay of one episode, or its first steps, in a native environment.

    Args:
        name: of the environment.
        policy: that plays; None for random actions.
        settings: of the environment, over those of the policy's training.
        seed: of the episode and of random actions.
        max_steps: at which the replay ends at the latest.
        path: of the replay.

    Raises:
        RenderError: there is no such game, or the policy cannot play it.
    """
    trained = {} if policy is None or policy.info.environment != name else policy.info.settings
    rng = np.random.default_rng(seed)
    try:
        with puffer_envs.make(name, num_envs=1, **{**trained, **settings}) as env:
            if policy is not None:
                policy.require(name, env.single_observation_space, env.single_action_space, env.observation_fields)
            env.start_replay(seed)
            for _ in range(max_steps):
                if policy is None:
                    actions = random_actions(env, rng)
                else:
                    actions = policy.act(env.observations, action_masks=env.action_masks, agent_mask=env.agent_mask)
                _, _, terminals, truncations = env.step(actions)
                if (terminals | truncations).all():
                    break
                if policy is not None:
                    policy.reset(terminals | truncations)
            env.save_replay(path)
    except (ValueError, TypeError, MemoryError, PolicyError) as error:
        raise RenderError(str(error)) from None


@dataclass
class Watched:
    """A third-party environment that draws its own pictures, played by a policy."""

    env: Any
    """A vector of one."""
    policy: NumpyPolicy
    rate: float
    """Steps per second."""

    def pictures(self, seed: int) -> Iterator[Pixels]:
        """One for the start and one for each step of an episode. Raises RenderError where there is none."""
        self.env.reset(seed)
        yield take_picture(self.env, self.policy.info.environment)
        while True:
            _, _, terminals, truncations = self.env.step(self.act())
            if (terminals | truncations).any():
                return
            yield take_picture(self.env, self.policy.info.environment)

    def act(self) -> Any:
        """The policy's action for what is observed now."""
        try:
            return self.policy.act(
                self.env.observations, action_masks=self.env.action_masks, agent_mask=self.env.agent_mask
            )
        except ValueError as error:
            raise RenderError(f"the policy cannot continue: {error}") from None


def take_picture(env: Any, name: str) -> Pixels:
    """What the environment of a vector of one draws. Raises RenderError if that is not a picture."""
    picture = env.render(0)
    if not isinstance(picture, np.ndarray) or picture.ndim != 3 or picture.shape[2] != 3:
        kind = "nothing" if picture is None else type(picture).__name__
        raise RenderError(f"{name} draws no picture: its render() returned {kind}, not an RGB array (height, width, 3)")
    return np.ascontiguousarray(picture, np.uint8)


@contextlib.contextmanager
def make_shown(name: str, settings: dict[str, Any], mode: Literal["rgb_array", "human"]) -> Iterator[tuple[Any, float]]:
    """A vector of one third-party environment, made with a render mode, and its rate. Raises RenderError."""
    if mode == "rgb_array" and not has_display():
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame, which many draw with, looks for a screen
    try:
        given = {**settings, "render_mode": mode}
        source = resolve(name, given, None)
        if source.batched:
            raise RenderError(f"{name} makes whole batches, which do not draw themselves: there is nothing to show")
        single = source.factory(**source.settings)
        env = vector.make(lambda: single, 1, backend="serial", wrap=given.get(WRAP))
    except RenderError:
        raise
    except Exception as error:  # third-party code may raise anything
        raise RenderError(f"{name} cannot be made with render_mode={mode!r}: {error}") from None
    try:
        yield env, float((getattr(single, "metadata", None) or {}).get("render_fps") or FALLBACK_RATE)
    finally:
        env.close()


@contextlib.contextmanager
def watch(
    policy: NumpyPolicy, settings: dict[str, Any], mode: Literal["rgb_array", "human"], name: str | None = None
) -> Iterator[Watched]:
    """The environment that a policy was trained in, which may be named, made with a render mode. Raises RenderError."""
    name = name or policy.info.environment
    if name != policy.info.environment:
        raise RenderError(f"this policy was trained on {policy.info.environment!r}, not on {name!r}.")
    with make_shown(name, merge_tables(policy.info.settings, settings), mode) as (env, rate):
        try:
            policy.require(name, env.single_observation_space, env.single_action_space, env.observation_fields)
        except PolicyError as error:
            raise RenderError(str(error)) from None
        yield Watched(env, policy, rate)
