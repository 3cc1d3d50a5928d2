"""A batch of games: who moves in which row, and who won."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from puffer_envs.arena.actors import Actor, Mask
from puffer_envs.arena.sides import Sides
from puffer_envs.environment import Environment

SCRIPT = -1
"""In the place of a player's number: the environment's own script."""
LOSS, DRAW, WIN = -1, 0, 1
"""Outcomes for side 0."""


class Referee:
    """Lets players choose the actions of a batch, one game in each environment, and notes the outcomes.

    The rows of one player are one call, whatever the number of its opponents; a game that has ended costs nothing.
    """

    def __init__(self, env: Environment, sides: Sides, seats: NDArray[np.int64], actors: Mapping[int, Actor]) -> None:
        """seats: the player's number on each side of each game, (games, 2). actors: by number."""
        games = len(seats)
        self.env, self.sides, self.actors = env, sides, actors
        self.outcomes: NDArray[np.int64] = np.zeros(games, np.int64)
        """Of each game that is over, for side 0."""
        self.lengths: NDArray[np.int64] = np.zeros(games, np.int64)
        """Steps of each game so far."""
        self.playing: Mask = np.ones(games, bool)
        """Whether each game still runs."""
        self.steps = 0
        self.moving: Mask = np.zeros(0, bool)
        """Whether each row was to move when the last actions were chosen."""
        self._side = np.tile(sides.rows, games)
        self._game = np.repeat(np.arange(games), len(sides.rows))
        self._totals = np.zeros(len(self._game))
        player = seats[self._game, self._side]
        self._rows = {number: np.flatnonzero(player == number) for number in actors}
        for number, actor in actors.items():
            actor.sit(self._rows[number])

    def choose(self) -> NDArray[np.generic]:
        """The actions of all rows; 0 where a game is over."""
        env = self.env
        actions = np.zeros_like(env.actions)
        self.moving = self._moving()
        for number, actor in self.actors.items():
            rows = self._rows[number]
            if len(rows):
                masks = None if env.action_masks is None else env.action_masks[rows]
                agents = None if env.agent_mask is None else env.agent_mask[rows]
                actions[rows] = actor.act(env.observations[rows], masks, agents, self.moving[rows])
        return actions

    def _moving(self) -> Mask:
        """Whether each row is to move now: the flag `turn` says so, or that there is a choice."""
        env = self.env
        if self.sides.turn is not None:
            flat = env.observations.reshape(len(self._game), -1)
            return np.asarray(flat[:, self.sides.turn] == 1)
        if env.action_masks is None or not self.sides.together or self.sides.scripted:
            return np.ones(len(self._game), bool)
        return np.asarray(env.action_masks.sum(axis=1) > np.atleast_2d(env.actions.T).shape[0])

    @property
    def running(self) -> Mask:
        """Whether each row is of a game that still runs."""
        return self.playing[self._game]

    def see(self) -> None:
        """Note what a step did."""
        env, games = self.env, len(self.playing)
        self.steps += 1
        self.lengths += self.playing
        ended = env.terminals | env.truncations
        if self.sides.together:
            over = self.playing & ended.reshape(games, -1)[:, 0]
            won = np.where(env.terminals, env.rewards, 0.0)  # the last step says who won; cut off is a draw
        else:
            self._totals += env.rewards
            over = self.playing & (self.steps == self.sides.max_steps)
            won = self._totals
        self.outcomes[over] = self._compare(won)[over]
        self.playing &= ~over
        for number, actor in self.actors.items():
            rows = self._rows[number]
            if not self.sides.together:
                actor.begin(ended[rows])
            elif over.any():
                left = self.playing[self._game[rows]]
                actor.keep(left)
                self._rows[number] = rows[left]

    def _compare(self, won: NDArray[np.floating]) -> NDArray[np.int64]:
        """The outcome of each game for side 0, by the means of its rows on both sides."""
        by_game = won.reshape(len(self.playing), -1).astype(np.float64)
        first = by_game[:, self.sides.rows == 0].mean(axis=1)
        second = 0.0 if self.sides.scripted else by_game[:, self.sides.rows == 1].mean(axis=1)
        return np.asarray(np.sign(first - second), np.int64)
