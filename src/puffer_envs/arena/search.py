"""Search before each move: what-if games on copies of the state, guided by a policy.

Each simulation walks down the tree of moves to a position that is not in it yet. That position has the value that the
policy's critic gives it, or the game's result, and it counts for all moves on the way. Moves are chosen as in Danihelka
et al. 2022 (Policy improvement by planning with Gumbel), without noise. The score of a move at a node is

    log P(a) + (50 + max N) q(a)

where P is the policy's probability, N(a) how often the move was taken, and q(a) the mean value of what it led to, as a
chance to win. Where it was never taken, q is the value that is expected of the node: of its own value v, counted once,
and of the moves that were taken, each counted N(a) times and weighted by P: (v + N sum(P q) / sum(P)) / (1 + N). The
softmax of the scores is a better policy P'.

- At the root the 16 moves of the highest P are compared by halving: all are tried equally often, then the half of them
  with the higher scores, and so on until the simulations are used up.
- Below, the move is taken that was taken least, compared with its share of P': the largest P'(a) - N(a) / (1 + N).
- The move that is played has the highest score of those that were tried most.

All games of a batch are searched side by side: a simulation is one step of a second batch, and one call of the policy.
A copy of a state holds everything, also what a player could not know: it is for games without secrets and dice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.arena.errors import ArenaError
from puffer_envs.arena.sides import Sides
from puffer_envs.contract.tensor_file import Floats
from puffer_envs.environment import Environment, make
from puffer_envs.policy import NumpyPolicy

COMPARED = 16
"""Moves at the root."""
WEIGHT = 50
"""Of q, before anything was tried."""

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass
class Position:
    """What is known of one position in each of some games, after the policy has seen it."""

    mover: Ints
    """(M,): which of the two rows is to move."""
    prior: Floats
    """(M, K): the policy's probabilities; 0 for moves that are not allowed."""
    value: Floats
    """(M,): what the critic expects for row 0, -1 to 1."""
    memory: Floats
    """(M, L, 2, S): the recurrent state of both rows."""


class Observer:
    """A policy that looks at both sides of games, as it does when it plays them."""

    def __init__(self, policy: NumpyPolicy, turn: int) -> None:
        """turn: where in an observation stands whether it is the row's turn."""
        self._policy, self._turn = policy, turn
        self.sees_all = bool(policy.info.settings.get("self_play", False))
        """Whether it learned by self-play. If not, it has seen only its own turns, and expects to win from there."""

    def memory(self, games: int) -> Floats:
        """The recurrent state at the start of games: (M, L, 2, S)."""
        layers, _, size = self._policy.initial_state(1).shape
        return np.zeros((games, layers, 2, size), np.float32)

    def look(self, env: Environment, games: Ints, memory: Floats) -> Position:
        """See positions.

        Args:
            env: with two rows for each game.
            games: numbers of its environments, (M,).
            memory: of both rows before they see it, (M, L, 2, S).
        """
        assert env.action_masks is not None
        observations = env.observations.reshape(env.num_envs, 2, -1)[games]
        mover = (observations[:, 1, self._turn] == 1).astype(np.int64)
        every = np.arange(len(games))
        shape = env.observations.shape[1:]
        after = memory.copy()
        if self.sees_all:
            state = np.moveaxis(memory, 1, 0).reshape(memory.shape[1], -1, memory.shape[3])
            state = np.ascontiguousarray(state)
            logits, values = self._policy.evaluate(observations.reshape(-1, *shape), state)
            after = np.moveaxis(state.reshape(memory.shape[1], len(games), 2, -1), 0, 1).copy()
            logits, values = logits.reshape(len(games), 2, -1)[every, mover], values.reshape(-1, 2)[every, mover]
        else:
            state = np.ascontiguousarray(np.moveaxis(memory[every, :, mover], 1, 0))
            logits, values = self._policy.evaluate(observations[every, mover].reshape(-1, *shape), state)
            after[every, :, mover] = np.moveaxis(state, 0, 1)
        allowed = env.action_masks.reshape(env.num_envs, 2, -1)[games, mover]
        prior = softmax(np.where(allowed, logits, -np.inf))
        return Position(mover, prior, np.clip(values, -1, 1) * (1 - 2 * mover), after)


def halving(moves: int, simulations: int) -> list[int]:
    """For each simulation, how often its move was taken before: all moves in turn, then half of them, and so on."""
    turns: list[int] = []
    taken, left, rounds = [0] * moves, moves, max(1, (moves - 1).bit_length())
    while len(turns) < simulations:
        for _ in range(max(1, simulations // (rounds * left))):
            turns += taken[:left]
            taken[:left] = [count + 1 for count in taken[:left]]
        left = max(min(2, moves), left // 2)
    return turns[:simulations]


def softmax(scores: Floats) -> Floats:
    """Probabilities over the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


class Tree:
    """The positions that simulations have reached, in M games at once: node 0 is what stands on the board."""

    def __init__(self, root: Position, states: NDArray[np.uint8], simulations: int) -> None:
        games, moves = root.prior.shape
        nodes = simulations + 1
        self.states = np.zeros((games, nodes, states.shape[1]), np.uint8)
        self.memory = np.zeros((games, nodes, *root.memory.shape[1:]), np.float32)
        self.mover = np.zeros((games, nodes), np.int64)
        self.prior = np.zeros((games, nodes, moves), np.float32)
        self.value = np.zeros((games, nodes), np.float32)
        self.over = np.zeros((games, nodes), bool)
        self.child = np.zeros((games, nodes, moves), np.int32)
        """0: not in the tree."""
        self.visits = np.zeros((games, nodes, moves), np.float32)
        self.total = np.zeros((games, nodes, moves), np.float32)
        """Of the values that simulations found, for row 0."""
        likeliest = np.argsort(-root.prior, axis=1, kind="stable")[:, :COMPARED]
        self.compared = np.zeros(root.prior.shape, bool)
        np.put_along_axis(self.compared, likeliest, True, axis=1)
        self.compared &= root.prior > 0
        """(M, K): which moves at the root are compared."""
        self.turns = np.array([halving(int(count), simulations) for count in self.compared.sum(axis=1)])
        """(M, simulations): how often a move at the root must have been taken to be the next one."""
        every = np.arange(games)
        self.add(every, 0, root, states, root.value, np.zeros(games, bool))

    def add(
        self, games: Ints, node: int, position: Position, states: NDArray[np.uint8], value: Floats, over: Mask
    ) -> None:
        """Put a position into some games; position and all others are of these games alone."""
        self.states[games, node], self.memory[games, node] = states, position.memory
        self.mover[games, node], self.prior[games, node] = position.mover, position.prior
        self.value[games, node], self.over[games, node] = value, over

    def scores(self, games: Ints, nodes: Ints) -> Floats:
        """Of each move at a node of each of these games, (M, K); -inf where it is not allowed."""
        visits, prior = self.visits[games, nodes], self.prior[games, nodes]
        view = (1 - 2 * self.mover[games, nodes])[:, None]  # values are kept for row 0
        q = view * np.divide(self.total[games, nodes], visits, where=visits > 0, out=np.zeros_like(visits))
        own, taken = view * self.value[games, nodes][:, None], visits.sum(axis=1, keepdims=True)
        share = np.where(visits > 0, prior, 0).sum(axis=1, keepdims=True)
        mean = np.divide((prior * q).sum(axis=1, keepdims=True), share, where=share > 0, out=np.zeros_like(share))
        q = np.where(visits > 0, q, (own + taken * mean) / (1 + taken))
        weight = WEIGHT + visits.max(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(prior) + weight * (1 + q) / 2, np.float32)

    def select(self, games: Ints, nodes: Ints, simulation: int) -> Ints:
        """The move to follow from a node of each of these games."""
        scores, visits = self.scores(games, nodes), self.visits[games, nodes]
        lag = softmax(scores) - visits / (1 + visits.sum(axis=1, keepdims=True))
        due = self.compared[games] & (visits == self.turns[games, simulation][:, None])
        at_root = np.where(due, scores, -np.inf)
        below = np.where(np.isfinite(scores), lag, -np.inf)
        return np.asarray(np.where((nodes == 0)[:, None], at_root, below).argmax(axis=1), np.int64)

    def best(self) -> tuple[Ints, Floats]:
        """The move to play in each game, (M,), and the better policy at the root, (M, K)."""
        games = np.arange(len(self.value))
        scores, visits = self.scores(games, np.zeros_like(games)), self.visits[:, 0]
        most = visits == visits.max(axis=1, keepdims=True)
        return np.where(most, scores, -np.inf).argmax(axis=1), softmax(scores)

    def descend(self, simulation: int) -> tuple[list[tuple[Ints, Ints, Ints]], Ints, Ints]:
        """Walk to the edge of the tree.

        Returns:
            For each depth the games, their nodes and the moves; the last node of each game, (M,); and what is behind
            the last move: a node where the game is over, or 0 for a new position, (M,).
        """
        games = np.arange(len(self.value))
        node = np.zeros(len(games), np.int64)
        last, reached, path = node.copy(), node.copy(), []
        while len(games):
            nodes = node[games]
            moves = self.select(games, nodes, simulation)
            path.append((games, nodes, moves))
            last[games] = nodes
            reached[games] = behind = self.child[games, nodes, moves]
            continues = (behind > 0) & ~self.over[games, behind]
            node[games] = behind
            games = games[continues]
        return path, last, reached

    def credit(self, path: list[tuple[Ints, Ints, Ints]], value: Floats) -> None:
        """Add what a simulation found, (M,) for row 0, to all moves that it took."""
        for games, nodes, moves in path:
            self.visits[games, nodes, moves] += 1
            self.total[games, nodes, moves] += value[games]


class Search:
    """Chooses moves in the games of a batch by search."""

    def __init__(self, env: Environment, policy: NumpyPolicy, turn: int, simulations: int) -> None:
        """env: with two rows for each game. turn: where in an observation stands whether it is the row's turn."""
        self._env, self._simulations = env, simulations
        self._observer = Observer(policy, turn)
        self._memory = self._observer.memory(env.num_envs)
        self._copies: Environment | None = None

    def begin(self, games: Ints | Mask) -> None:
        """New games begin."""
        self._memory[games] = 0

    def act(self, games: Ints, moving: Mask) -> Ints:
        """The moves of some games, in those of which it is `moving`; 0 in the others. Call it once a step."""
        position = self._observer.look(self._env, games, self._memory[games])
        self._memory[games] = position.memory
        chosen = np.zeros(len(games), np.int64)
        if moving.any():
            some = Position(*(part[moving] for part in vars(position).values()))
            chosen[moving] = self.grow(games[moving], some).best()[0]
        return chosen

    def foresee(self, games: Ints) -> tuple[Floats, Floats]:
        """The policy after a search, (M, K), and the value for row 0, (M,); nothing is advanced."""
        root = self._observer.look(self._env, games, self._memory[games])
        return self.grow(games, root).best()[1], root.value

    def grow(self, games: Ints, root: Position) -> Tree:
        """The tree after all simulations."""
        copies = self._make_copies(len(games))
        states = self._env._states.reshape(self._env.num_envs, -1)[games]
        tree = Tree(root, states, self._simulations)
        for node in range(1, self._simulations + 1):
            path, last, reached = tree.descend(node - 1)
            new = reached == 0
            value = tree.value[np.arange(len(games)), reached]
            if new.any():
                value[new] = self._expand(copies, tree, node, path, last, new)
            tree.credit(path, value)
        return tree

    def _expand(
        self, copies: Environment, tree: Tree, node: int, path: list[tuple[Ints, Ints, Ints]], last: Ints, new: Mask
    ) -> Floats:
        """Make the last moves of the games that are `new` on copies; returns the value of what they led to."""
        every = np.arange(len(last))
        move = np.zeros(len(last), np.int64)
        for games, _, moves in path:
            move[games] = moves  # the last one stays
        with copies._held():
            copies._states[:] = tree.states[every, last].reshape(-1)
        copies.step(np.repeat(move, 2).astype(np.int32))
        over = (copies.terminals | copies.truncations)[::2]
        rewards = copies.rewards.reshape(-1, 2)
        position = self._observer.look(copies, every, tree.memory[every, last])
        critic = position.value
        if not self._observer.sees_all:  # values at turns of both sides cannot be compared: take those at one's own
            own = position.mover == tree.mover[:, 0]
            critic = np.where(own, critic, tree.value[every, last])
        value = np.where(over, (rewards[:, 0] - rewards[:, 1]) / 2, critic).astype(np.float32)
        states = copies._states.reshape(len(last), -1)
        games = every[new]
        some = Position(*(part[new] for part in vars(position).values()))
        tree.add(games, node, some, states[new], value[new], over[new])
        tree.child[games, last[new], move[new]] = node
        return value[new]

    def _make_copies(self, count: int) -> Environment:
        """A batch of this many games with the same settings."""
        if self._copies is None or self._copies.num_envs != count:
            self.close()
            settings: dict[str, Any] = self._env.settings
            self._copies = make(self._env.spec.name, count, **settings)
            self._copies.reset(0)
        return self._copies

    def close(self) -> None:
        """Give memory back."""
        if self._copies is not None:
            self._copies.close()
            self._copies = None


class SearchingPolicy(NumpyPolicy):
    """A policy that searches before each move of a single game."""

    def __init__(self, search: Search, policy: NumpyPolicy) -> None:
        """policy: the one that guides the search."""
        self._search, self.info = search, policy.info

    def act(
        self,
        observations: NDArray[Any],
        deterministic: bool = False,
        action_masks: Mask | None = None,
        agent_mask: Mask | None = None,
        moving: Mask | None = None,
    ) -> NDArray[Any]:
        """The move of whose turn it is, for both rows."""
        move = self._search.act(np.zeros(1, np.int64), np.ones(1, bool))
        return np.repeat(move, len(observations)).astype(np.int32)

    def peek(self, observations: NDArray[Any], action_masks: Mask | None = None) -> tuple[list[Floats], Floats]:
        """The policy after a search from here, for both rows, and what the critic expects for each of them."""
        better, value = self._search.foresee(np.zeros(1, np.int64))
        return [np.repeat(better, 2, axis=0)], np.concatenate([value, -value])

    def reset(self, rows: Mask | None = None) -> None:
        """See `NumpyPolicy.reset`."""
        if rows is None or rows.any():
            self._search.begin(np.zeros(1, np.int64))


def make_search(env: Environment, policy: NumpyPolicy, sides: Sides, simulations: int) -> Search:
    """A policy that searches before each of its moves.

    Args:
        env: the games.
        policy: that guides the search.
        sides: how an environment is shared.
        simulations: for each move.

    Raises:
        ArenaError: this is no game of two players who take turns, both played by agents.
    """
    if sides.scripted:
        raise ArenaError(f"search foresees agents' moves, not those of {env.spec.name}'s script: name other players.")
    if sides.turn is None or env.agents != 2:
        raise ArenaError(f"{env.spec.name} cannot be searched: its players do not take turns, move by move.")
    return Search(env, policy, sides.turn, simulations)
