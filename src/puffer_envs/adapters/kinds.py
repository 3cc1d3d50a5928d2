"""Agents of different spaces in rows of one layout: padded, and masked where they may choose among fewer actions.

Agents with the same spaces are of one kind. A row names its kind, and has a part for the observation of each kind, of
which only its own is filled: what an input means does not depend on who reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters import masks
from puffer_envs.adapters.action_codec import ActionCodec
from puffer_envs.adapters.observation_codec import ObservationCodec, Writer
from puffer_envs.adapters.prepare import Preparation
from puffer_envs.adapters.spaces import Space
from puffer_envs.contract.wrap import Wrap

KIND = "kind"
"""Name of the observation that says of which kind an agent is."""


class Kinds:
    """The kinds of an environment's agents."""

    def __init__(self, observed: Mapping[Any, Space], acted: Mapping[Any, Space]) -> None:
        """observed, acted: the spaces of every agent, in the order of the rows."""
        pairs: list[tuple[Space, Space]] = []
        self.of_agent: list[int] = []
        first: list[Any] = []
        for agent, space in observed.items():
            pair = (space, acted[agent])
            if pair not in pairs:
                pairs.append(pair)
                first.append(agent)
            self.of_agent.append(pairs.index(pair))
        self.observed = [pair[0] for pair in pairs]
        self.acted = [pair[1] for pair in pairs]
        self.names = _names(first)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.names)


def _names(agents: list[Any]) -> list[str]:
    """Name each kind after its first agent, without a number at its end if that is unique."""
    short = [re.sub(r"[_.-]?\d+$", "", str(agent)) for agent in agents]
    unique = len(set(short)) == len(short) and all(short) and KIND not in short
    return short if unique else [str(agent) for agent in agents]


class KindsOfObservations:
    """Does for several kinds what `ObservationCodec` does for one; masks beside observations are taken out."""

    def __init__(self, kinds: Kinds, wrap: Wrap, envs: int) -> None:
        """Raises ValueError for a space that rows cannot hold."""
        self._kinds, agents = kinds, len(kinds.of_agent)
        self._of_row = kinds.of_agent * envs
        self._unmask = [
            masks.beside(space) if masks.is_beside_observation(space, action) else None
            for space, action in zip(kinds.observed, kinds.acted, strict=True)
        ]
        plain = [
            masks.without(space) if unmask else space
            for space, unmask in zip(kinds.observed, self._unmask, strict=True)
        ]
        self._prepared = [Preparation(space, wrap, agents * envs) for space in plain]
        parts = {name: prepared.space for name, prepared in zip(kinds.names, self._prepared, strict=True)}
        self._codec = ObservationCodec(spaces.Dict({**parts, KIND: spaces.Discrete(kinds.count)}))
        self.space, self.fields = self._codec.space, self._codec.fields
        self.notes = tuple(dict.fromkeys(note for prepared in self._prepared for note in prepared.notes))

    def name_of(self, row: int) -> str:
        """Return the name of the kind of agent in a row."""
        return self._kinds.names[self._of_row[row]]

    def restart(self, row: int) -> None:
        """The next observation of this row is the first of an episode."""
        self._prepared[self._of_row[row]].restart(row)

    def writer(self, rows: NDArray[Any]) -> Writer:
        """Return write(row, observation), which writes every byte of that row."""
        parts = self._codec.part_writers(rows)
        writers = [parts[name] for name in self._kinds.names]
        write_kind, of_row = parts[KIND], self._of_row

        def write(row: int, observation: Any) -> None:
            kind = of_row[row]
            unmask = self._unmask[kind]
            rows[row] = 0
            writers[kind](row, self._prepared[kind](row, observation if unmask is None else unmask(observation)))
            write_kind(row, kind)

        return write


class KindsOfActions:
    """Does for several kinds what `ActionCodec` does for one."""

    def __init__(self, kinds: Kinds, envs: int) -> None:
        """Raises ValueError where the kinds act in ways that do not fit into one row."""
        self._kinds = kinds
        self._codecs = [ActionCodec(space) for space in kinds.acted]
        own = [codec.space for codec in self._codecs]
        continuous = [isinstance(space, spaces.Box) for space in own]
        if len(set(continuous)) > 1:
            one, other = kinds.names[continuous.index(True)], kinds.names[continuous.index(False)]
            raise ValueError(
                f"{one!r} has continuous actions and {other!r} discrete ones: agents must act in one way. "
                "Wrap the environment so that they do"
            )
        of_row = np.array(kinds.of_agent * envs)
        self._rows = [np.flatnonzero(of_row == kind) for kind in range(kinds.count)]
        self._of_row = of_row
        if continuous[0]:
            self._join_boxes([space for space in own if isinstance(space, spaces.Box)])
        else:
            self._join_choices(own)

    def _join_boxes(self, own: list[spaces.Box]) -> None:
        columns = max(space.shape[0] for space in own)
        low, high = np.full(columns, np.inf, np.float32), np.full(columns, -np.inf, np.float32)
        for space in own:
            low[: len(space.low)] = np.minimum(low[: len(space.low)], space.low)
            high[: len(space.high)] = np.maximum(high[: len(space.high)], space.high)
        self.space: Space = spaces.Box(low, high, dtype=np.float32)
        self.allowed: NDArray[np.bool_] | None = None
        self._limits = [(space.low, space.high) for space in own]

    def _join_choices(self, own: list[Space]) -> None:
        counts = [np.atleast_1d(s.n if isinstance(s, spaces.Discrete) else s.nvec) for s in own]  # type: ignore[attr-defined]
        joined = np.ones(max(map(len, counts)), np.int64)
        for count in counts:
            joined[: len(count)] = np.maximum(joined[: len(count)], count)
        alone = all(isinstance(space, spaces.Discrete) for space in own)
        self.space = (
            spaces.Discrete(int(joined[0]), dtype=np.int32)
            if alone
            else spaces.MultiDiscrete(joined.astype(np.int32), dtype=np.int32)
        )
        starts = np.cumsum([0, *joined])
        self.allowed = np.zeros((len(own), int(joined.sum())), np.bool_)
        self.places: list[NDArray[np.int64]] = []
        for kind, count in enumerate(counts):
            self.places.append(np.concatenate([starts[c] + np.arange(n) for c, n in enumerate(count)]))
            self.allowed[kind, self.places[kind]] = True
            self.allowed[kind, starts[len(count) : -1]] = True  # a part that it does not have: one choice, ignored
        self._limits = [(np.zeros_like(count), count - 1) for count in counts]

    def decode(self, actions: NDArray[Any]) -> list[Any]:
        """Return one action of its own space per row."""
        given: list[Any] = [None] * len(actions)
        columns = actions[:, None] if actions.ndim == 1 else actions
        for codec, rows, (low, high) in zip(self._codecs, self._rows, self._limits, strict=True):
            mine = np.clip(columns[rows, : len(low)], low, high).astype(actions.dtype)
            if isinstance(codec.space, spaces.Discrete):
                mine = mine[:, 0]
            for row, action in zip(rows.tolist(), codec.decode(mine), strict=True):
                given[row] = action
        return given

    def mask_writer(self, rows: NDArray[np.bool_]) -> Callable[[int, Any, Mapping[str, Any]], None]:
        """Return write(row, observation, info), which writes what a row may do now."""
        allowed, of_row, places, acted, key = self.allowed, self._of_row, self.places, self._kinds.acted, masks.KEY
        assert allowed is not None
        beside = [
            masks.is_beside_observation(observed, action)
            for observed, action in zip(self._kinds.observed, acted, strict=True)
        ]

        def write(row: int, observation: Any, info: Mapping[str, Any]) -> None:
            kind = of_row[row]
            rows[row] = allowed[kind]
            mask = observation[key] if beside[kind] else info.get(key)
            if mask is not None:
                rows[row, places[kind]] = masks.flat(mask, acted[kind])

        return write
