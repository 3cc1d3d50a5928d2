"""Playing against opponents that do not learn: earlier policies of the run, and policies from files.

In some environments (`sides`) an opponent has one side. Its rows get their actions from it, and are absent for
everything that learns: `Buffers.present` says so. An opponent stays until the round is over, when every agent that
learns has ended an episode; then another one comes, drawn from the `pool`. The side with the higher mean of rewards
over the round has won it. In a round without opponent the policy plays both sides there too.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.pool import Pool
from puffer_train.algorithm.sides import Sides
from puffer_train.config import SelfplaySettings
from puffer_train.learners.frozen import Frozen, FrozenActor
from puffer_train.learners.shared import row_bounds
from puffer_train.policy import Policy
from puffer_train.system.ranks import Ranks

NOBODY = -1
"""Instead of a place in the pool: the policy that learns plays itself."""

KEYS = 1 << 62
"""Keys of random numbers are less than this."""


@dataclass(frozen=True)
class Named:
    """An opponent from a file."""

    label: str
    """What it is called."""
    sha256: str
    """Of the file."""
    policy: Policy
    """The policy."""
    own_turns: bool = False
    """Whether it has only ever seen its own turns: it learned against a script."""


@dataclass
class Rounds:
    """The rounds in progress in E environments of one part of the batch, views of the arrays of `Opponents`."""

    envs: NDArray[np.int64]
    """(E,): the environments, numbered within the part."""
    learns: NDArray[np.bool_]
    """(E, agents): which agents learn."""
    weights: NDArray[np.float64]
    """(E, agents): rewards times these add up to the lead of the side that learns: the difference of means."""
    first: int
    """Number of the first of them in the arrays over all parts."""
    opponents: NDArray[np.int32]
    """(E,): the place in the pool of who plays; NOBODY where the policy plays itself."""
    leads: NDArray[np.float64]
    """(E,): of the side that learns, over the round."""
    done: NDArray[np.bool_]
    """(E, agents): who has ended an episode in this round."""
    row_env: NDArray[np.int64]
    """(n,): for each row of an opponent, which of the E environments it is in."""
    row_agent: NDArray[np.int64]
    """(n,): and its number there."""
    rows: NDArray[np.int64]
    """(n,): and its number in the batch."""
    actor: FrozenActor
    """Acts for these rows."""
    states: list[Tensor]
    """(L, n, S) of each size of opponents: their recurrent states."""
    finished: list[tuple[NDArray[np.int32], NDArray[np.float64]]] = field(default_factory=list)
    """Opponents of the rounds that ended in this rollout, and the points got against them."""


class Opponents:
    """Who plays against the policy that learns."""

    def __init__(
        self,
        settings: SelfplaySettings,
        sides: Sides,
        policy: Policy,
        parts: Sequence[BufferEnv],
        learning: NDArray[np.bool_],
        horizon: int,
        seed: int,
        ranks: Ranks,
        fixed: Sequence[Named] = (),
    ) -> None:
        """Take the first snapshot, unless there are opponents from files.

        Args:
            settings: Of the pool.
            sides: Which rows are theirs.
            policy: The policy that learns.
            parts: The environment's.
            learning: (A,): which rows learn now; it is kept up to date.
            horizon: Steps of a rollout.
            seed: Of their draws.
            ranks: The processes that train together.
            fixed: Opponents from files.
        """
        self.settings, self.sides, self.policy, self.ranks, self.fixed = settings, sides, policy, ranks, list(fixed)
        self.pool = Pool(settings, len(self.fixed))
        self.generator = torch.Generator().manual_seed(seed)
        snapshots = len(self.pool.born) - len(self.fixed)
        self.frozen = [Frozen(named.policy, named.own_turns) for named in self.fixed]
        self.frozen += [Frozen(copy.deepcopy(policy).cpu()) for _ in range(snapshots)]
        self.horizon, self.learning = horizon, learning
        self.entered = 0
        """How often somebody entered, or all were replaced: for those who look at the pool now and then."""
        envs, agents = len(sides.envs), sides.learns.shape[1]
        self._who = np.zeros(envs, np.int32)
        self._leads = np.zeros(envs)
        self._done = np.zeros((envs, agents), np.bool_)
        """Those of `Rounds`, of all parts."""
        sizes = [frozen.policy.initial_state(1).shape for frozen in self.frozen]
        self._kinds = [sizes.index(size) for size in sizes]
        self.rounds = [self._make_rounds(part, bounds) for part, bounds in zip(parts, row_bounds(parts), strict=True)]
        self._key = 0
        """Of the random numbers of this rollout; that of step t is t more."""
        self._noise: Tensor | None = None
        """Torch's random numbers of this rollout, if it acts for somebody."""
        self._next = np.zeros((horizon, envs), np.int32)
        """Who comes where a round ends with step t."""
        if not self.fixed:
            self._enter(0)

    def _make_rounds(self, part: BufferEnv, bounds: tuple[int, int]) -> Rounds:
        """Return the rounds in one part of the batch, whose rows these are."""
        sides, agents = self.sides, self.sides.learns.shape[1]
        first_env = bounds[0] // agents
        begin, end = np.searchsorted(sides.envs, [first_env, first_env + part.num_envs]).tolist()
        places = sides.places
        row_begin, row_end = np.searchsorted(places, [begin, end]).tolist()
        learns, numbers = sides.learns[begin:end], np.arange(row_begin, row_end)
        own = learns / np.maximum(1, learns.sum(axis=1, keepdims=True))
        other = ~learns / np.maximum(1, (~learns).sum(axis=1, keepdims=True))
        states = {kind: self.frozen[kind].policy.initial_state(len(numbers)) for kind in self._kinds}
        of_each = [states[kind] for kind in self._kinds]
        actor = FrozenActor(sides.rows[row_begin:row_end], sides.rows_before + numbers, self.frozen, of_each)
        return Rounds(
            envs=sides.envs[begin:end] - first_env,
            learns=learns,
            weights=own - other,
            first=begin,
            opponents=self._who[begin:end],
            leads=self._leads[begin:end],
            done=self._done[begin:end],
            row_env=places[row_begin:row_end] - begin,
            row_agent=sides.rows[row_begin:row_end] % agents,
            rows=sides.rows[row_begin:row_end],
            actor=actor,
            states=list(states.values()),
        )

    # -- playing -------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """New rounds begin everywhere."""
        self._leads[:], self._done[:] = 0.0, False
        self._who[:] = self._draw(1)[0]
        for rounds in self.rounds:
            for state in rounds.states:
                state.zero_()
            self._note_who_learns(rounds)

    def _note_who_learns(self, rounds: Rounds) -> None:
        self.learning[rounds.rows] = rounds.opponents[rounds.row_env] == NOBODY

    def begin(self) -> None:
        """Draw the random numbers of a rollout."""
        self._key = int(torch.randint(KEYS, (1,), generator=self.generator))
        self._next = self._draw(self.horizon)
        if any(frozen.core is None for frozen in self.frozen):
            self._noise = self.policy.actions.noise(self.horizon, self.sides.rows_of_all, self.generator)
        for rounds in self.rounds:
            rounds.finished.clear()

    def _draw(self, steps: int) -> NDArray[np.int32]:
        """Draw opponents: (steps, E). They are drawn for the environments of all processes, which agree on them."""
        drawn = torch.rand(steps, self.sides.of_all, generator=self.generator, dtype=torch.float64).numpy()
        there = np.flatnonzero(self.pool.there)
        bounds = np.cumsum(self.pool.chances()[there])[:-1]
        mine, need = slice(self.sides.before, self.sides.before + len(self.sides.envs)), self.pool.need()
        met = there[np.searchsorted(bounds, drawn[:, mine] / need, side="right")]
        return np.where(drawn[:, mine] < need, met, NOBODY).astype(np.int32)

    def act(self, rounds: Rounds, t: int, buffers: Buffers) -> None:
        """Fill slot t of the actions of an opponent's rows, over what the policy that learns put there."""
        if len(rounds.row_env):
            noise = None if self._noise is None else self._noise[t]
            rounds.actor.act(t, buffers, rounds.opponents[rounds.row_env], self._key + t, noise)

    def see(self, rounds: Rounds, env: BufferEnv, t: int) -> None:
        """Take note of step t of the part of the environment."""
        if not len(rounds.envs):
            return
        shape = (env.num_envs, -1)
        rewards = env.rewards.reshape(shape)[rounds.envs]
        ended = (env.terminals | env.truncations).reshape(shape)[rounds.envs]
        leads = np.einsum("ij,ij->i", rewards, rounds.weights)
        np.add(rounds.leads, leads, out=rounds.leads, where=np.isfinite(leads))  # or no checkpoint could be written
        if env.agent_mask is not None:
            ended = ended | ~env.agent_mask.reshape(shape)[rounds.envs]
        if not ended.any():
            return
        np.logical_or(rounds.done, ended, out=rounds.done)
        over = np.logical_and.reduce(rounds.done | ~rounds.learns, axis=1)
        fresh = ended[rounds.row_env, rounds.row_agent] | over[rounds.row_env]
        for state in rounds.states:
            state[:, torch.from_numpy(np.flatnonzero(fresh))] = 0.0
        if over.any():
            met = over & (rounds.opponents != NOBODY)
            rounds.finished.append((rounds.opponents[met], 0.5 + 0.5 * np.sign(rounds.leads[met])))
            following = self._next[t]
            rounds.opponents[over] = following[rounds.first : rounds.first + len(over)][over]
            rounds.leads[over], rounds.done[over] = 0.0, False
            self._note_who_learns(rounds)

    def finish(self) -> dict[str, float]:
        """Count the rounds that ended in the rollout, on all processes; return their report."""
        places = len(self.pool.born)
        of_all = np.zeros((2, places))
        for rounds in self.rounds:
            for who, points in rounds.finished:
                of_all[0] += np.bincount(who, points, places)
                of_all[1] += np.bincount(who, minlength=places)
            rounds.finished.clear()
        if self.ranks.count > 1:
            told = [json.loads(text) for text in self.ranks.tell(json.dumps(of_all.tolist()).encode())]
            of_all = np.sum(np.array(told), axis=0)
        points, games = of_all
        self.pool.add(points, games)
        played, rates = float(games.sum()), self.pool.rates[self.pool.there]
        report = {
            "games": played,
            "need": self.pool.need(),
            "pool": float(len(rates)),
            "win_rate": self.pool.rate,
            "hardest": float(rates.min()),
        }
        if played:
            report["points"] = float(points.sum()) / played
        return {f"selfplay/{key}": value for key, value in report.items()}

    # -- the pool ------------------------------------------------------------------------------------------

    def consider(self, iterations: int, steps: int) -> None:
        """Let the policy enter the pool if it is time, after this many iterations and agent steps."""
        if self.pool.wants_snapshot(iterations):
            self._enter(steps)

    def start_over(self, steps: int) -> None:
        """Forget all snapshots, and start with the policy as it is after so many agent steps."""
        self.pool = Pool(self.settings, len(self.fixed))
        if not self.fixed:
            self._enter(steps)
        self.entered += 2  # anybody may have been replaced

    def _enter(self, steps: int) -> None:
        place = self.pool.enter(steps)
        self.frozen[place].take({name: tensor.cpu() for name, tensor in self.policy.saved_tensors().items()})
        self.entered += 1

    def identity(self) -> dict[str, Any]:
        """Return what a checkpoint must agree with: the opponents from files."""
        return {"opponents": [named.sha256 for named in self.fixed]} if self.fixed else {}

    def snapshots(self) -> dict[int, Policy]:
        """Return the earlier policies in the pool by the agent steps when they entered."""
        pairs = zip(self.pool.born[len(self.fixed) :].tolist(), self.frozen[len(self.fixed) :], strict=True)
        return {born: frozen.policy for born, frozen in sorted(pairs, key=lambda pair: pair[0]) if born >= 0}

    # -- checkpoints ---------------------------------------------------------------------------------------

    def learned_tensors(self) -> dict[str, Tensor]:
        """Return the pool: who is in it, results, weights, and the generator."""
        tensors = {name: torch.from_numpy(getattr(self.pool, name)) for name in ("born", "points", "games")}
        snapshots = [frozen.policy.saved_tensors() for frozen in self.frozen[len(self.fixed) :]]
        if snapshots:
            of_each = {name: torch.stack([of_one[name] for of_one in snapshots]) for name in snapshots[0]}
            tensors |= {f"weights.{name}": tensor for name, tensor in of_each.items()}
        named = {f"selfplay.{name}": tensor for name, tensor in tensors.items()}
        return named | {"generator.selfplay": self.generator.get_state()}

    def game_tensors(self) -> dict[str, Tensor]:
        """Return the rounds in progress."""
        tensors = {"opponents": self._who, "leads": self._leads, "done": self._done}
        found = {f"selfplay.{name}": torch.from_numpy(array) for name, array in tensors.items()}
        states = zip(*(rounds.states for rounds in self.rounds), strict=True)
        return found | {f"selfplay.state.{i}": torch.cat(of_parts, dim=1) for i, of_parts in enumerate(states)}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], *, game: bool) -> None:
        """Continue from such tensors; those of the game are called `play....` there."""
        for name in ("born", "points", "games"):
            getattr(self.pool, name)[:] = tensors[f"selfplay.{name}"].numpy()
        for number, frozen in enumerate(self.frozen[len(self.fixed) :]):
            own = frozen.policy.saved_tensors()
            frozen.take({name: tensors[f"selfplay.weights.{name}"][number] for name in own})
        self.generator.set_state(tensors["generator.selfplay"])
        self.entered += 2
        if not game:
            return
        for name, array in (("opponents", self._who), ("leads", self._leads), ("done", self._done)):
            array[:] = tensors[f"play.selfplay.{name}"].numpy()
        for rounds in self.rounds:
            self._note_who_learns(rounds)
        for i in range(len(set(self._kinds))):
            whole = tensors[f"play.selfplay.state.{i}"]
            sizes = [rounds.states[i].shape[1] for rounds in self.rounds]
            for rounds, of_part in zip(self.rounds, torch.split(whole, sizes, dim=1), strict=True):
                rounds.states[i].copy_(of_part)
