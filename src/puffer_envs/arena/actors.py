"""How players choose actions for the rows they have in a batch of games."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from puffer_envs.arena.errors import ArenaError
from puffer_envs.arena.players import Player
from puffer_envs.arena.search import Search, make_search
from puffer_envs.arena.sides import Sides
from puffer_envs.environment import Environment
from puffer_envs.policy import NumpyPolicy, PolicyError, load_policy

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Actor(Protocol):
    """Chooses the actions of a fixed set of rows, in their order."""

    def sit(self, rows: Ints) -> None:
        """Learn which rows of the environment these are, before the first action."""
        ...

    def act(self, observations: NDArray[Any], masks: Mask | None, agents: Mask | None, moving: Mask) -> NDArray[Any]:
        """Actions for the rows; those that are not `moving` wait for their turn, and theirs are ignored."""
        ...

    def keep(self, rows: Mask) -> None:
        """Play only these rows from now on."""
        ...

    def begin(self, rows: Mask) -> None:
        """New episodes begin in these rows."""
        ...


class RandomActor:
    """Any allowed action, each as likely."""

    def __init__(self, space: Any, seed: int) -> None:
        self._space, self._random = space, np.random.default_rng(seed)

    def sit(self, rows: Ints) -> None:
        """See `Actor.sit`."""

    def act(self, observations: NDArray[Any], masks: Mask | None, agents: Mask | None, moving: Mask) -> NDArray[Any]:
        """See `Actor.act`."""
        space, rows = self._space, len(observations)
        if hasattr(space, "low"):
            return self._random.uniform(space.low, space.high, (rows, *space.shape)).astype(np.float32)
        sizes = np.atleast_1d(getattr(space, "nvec", getattr(space, "n", 1)))
        draws = self._random.random((rows, int(sizes.sum())))
        draws = draws if masks is None else np.where(masks, draws, -1.0)
        parts = np.split(draws, np.cumsum(sizes)[:-1], axis=1)
        choices = np.stack([part.argmax(axis=1) for part in parts], axis=1).astype(np.int32)
        return choices if hasattr(space, "nvec") else choices[:, 0]

    def keep(self, rows: Mask) -> None:
        """See `Actor.keep`."""

    def begin(self, rows: Mask) -> None:
        """See `Actor.begin`."""


class PolicyActor:
    """A frozen policy. One that learned against a script has only seen its own turns, and sees only those here."""

    def __init__(self, policy: NumpyPolicy, deterministic: bool, own_turns: bool) -> None:
        self._policy, self._deterministic, self._own_turns = policy, deterministic, own_turns

    def sit(self, rows: Ints) -> None:
        """See `Actor.sit`."""

    def act(self, observations: NDArray[Any], masks: Mask | None, agents: Mask | None, moving: Mask) -> NDArray[Any]:
        """See `Actor.act`."""
        if self._own_turns and not moving.all():
            return self._policy.act(observations, self._deterministic, masks, moving=moving)
        return self._policy.act(observations, self._deterministic, masks, agents)

    def keep(self, rows: Mask) -> None:
        """See `Actor.keep`."""
        self._policy.keep(rows)

    def begin(self, rows: Mask) -> None:
        """See `Actor.begin`."""
        self._policy.reset(rows)


class SearchActor:
    """A frozen policy that searches before each move; it has one row of each of its games."""

    def __init__(self, search: Search, agents: int) -> None:
        self._search, self._agents = search, agents

    def sit(self, rows: Ints) -> None:
        """See `Actor.sit`."""
        self._games = rows // self._agents

    def act(self, observations: NDArray[Any], masks: Mask | None, agents: Mask | None, moving: Mask) -> NDArray[Any]:
        """See `Actor.act`."""
        return self._search.act(self._games, moving)

    def keep(self, rows: Mask) -> None:
        """See `Actor.keep`."""
        self._games = self._games[rows]

    def begin(self, rows: Mask) -> None:
        """See `Actor.begin`."""
        self._search.begin(self._games[rows])


def make_actor(
    player: Player, sides: Sides, env: Environment, seed: int, deterministic: bool, networks: Sequence[str]
) -> Actor:
    """Make a player ready for some rows of an environment.

    Args:
        player: who plays; not a script.
        sides: how the environment is shared.
        env: the environment.
        seed: of the player's own chance.
        deterministic: whether a policy takes its most likely action.
        networks: names of networks that may be imported.

    Raises:
        ArenaError: the policy is for another size or cannot be read, or nothing can be searched.
    """
    if player.path is None:
        return RandomActor(env.single_action_space, seed)
    try:
        policy = load_policy(player.path, seed, networks)
        policy.require(sides.environment, env.single_observation_space, env.single_action_space, env.observation_fields)
    except PolicyError as error:
        raise ArenaError(f"{player.label}: {error}") from None
    if player.search:
        return SearchActor(make_search(env, policy, sides, player.search), env.agents)
    return PolicyActor(policy, deterministic, not policy.info.settings.get("self_play", False))
