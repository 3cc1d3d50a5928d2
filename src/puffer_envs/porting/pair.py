"""One of ours and the reference, stepped from the same state with the same action, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs import _core
from puffer_envs.environment import Environment
from puffer_envs.porting.adapter import Adapter, AdapterError
from puffer_envs.porting.draws import Draws
from puffer_envs.porting.tolerance import EXACT, Within
from puffer_envs.snapshot import SnapshotError, pack_snapshot
from puffer_envs.spec import Field

Named = dict[str, Any]
"""The fields of a state, by name."""


@dataclass(frozen=True)
class Outcome:
    """What a step led to."""

    state: Named | None
    """The fields after it; None of ours where the episode ended, since the next one has begun."""
    observation: NDArray[Any]
    """The last one of this episode."""
    reward: float
    """Of the step."""
    terminal: bool
    """The episode ended for good."""
    truncated: bool
    """It was cut off."""
    raw: Any = None
    """The reference's observation, before it was turned into one of ours."""


@dataclass(frozen=True)
class Gap:
    """One number that differs."""

    what: str
    """`state`, `observation`, `reward` or `end`."""
    name: str
    """Of the field, part or flag; with an index where it has several."""
    ours: float
    """Our number."""
    theirs: float
    """The reference's."""
    apart: float
    """How far they are apart."""
    allowed: float
    """How far they may be."""


class Pair:
    """A batch of ours, and one reference."""

    def __init__(self, env: Environment, reference: Any, adapter: Adapter) -> None:
        self.env, self.reference, self.adapter = env, reference, adapter
        self.spec = env.spec
        self._size = env._states.size // env.num_envs
        self._rng_offset: int = _core.describe(env.spec.name)["rng_offset"]
        self._fields = {f.name: f for f in env.spec.fields if not f.in_block and not f.in_assets and not f.parts}
        self.largest: dict[str, float] = {}
        reference.reset(seed=0)
        self._check_reading()

    def _check_reading(self) -> None:
        """Every field of ours must be read or ignored, and nothing else."""
        found = self.read()
        for name in found:
            if name not in self._fields:
                raise AdapterError(f"{self._file}: read() returns {name!r}, which is no field of {self.spec.name}")
        for f in self.spec.fields:
            if f.doc and f.name not in found and f.name not in self.adapter.ignored:
                raise AdapterError(
                    f"{self._file}: {self.spec.name}'s field {f.name!r} ({f.doc}) is neither in read() nor in IGNORED: "
                    "compare it, or say there why it does not matter"
                )
        self.compared = [name for name in self._fields if name in found]

    @property
    def _file(self) -> str:
        return self.adapter.path.name

    # the reference

    def read(self) -> Named:
        """The reference's state, by our names."""
        try:
            return dict(self.adapter.read(self.reference))
        except Exception as error:
            raise AdapterError(f"{self._file}: read() raised {type(error).__name__}: {error}") from None

    def write(self, state: Mapping[str, Any]) -> None:
        """Put a state into the reference."""
        try:
            self.adapter.write(self.reference, state)
        except Exception as error:
            raise AdapterError(f"{self._file}: write() raised {type(error).__name__}: {error}") from None

    def step_reference(self, action: Any, rng: bytes, state: Mapping[str, Any]) -> Outcome:
        """Step the reference. rng, state: those that ours begins this step with, where draws are shared."""
        given, inner = self.convert(action), self.reference.unwrapped
        generator = inner.np_random
        if self.adapter.share is not None:
            try:
                self.adapter.share(self.reference, Draws.of(rng), state, action)
            except Exception as error:
                raise AdapterError(f"{self._file}: share() raised {type(error).__name__}: {error}") from None
        try:
            seen, reward, terminal, truncated, _ = self.reference.step(given)
        except Exception as error:
            raise AdapterError(
                f"the reference raised {type(error).__name__} when stepped with {given!r} after {self._file}'s "
                f"write(): {error}"
            ) from None
        inner.np_random = generator  # for its next reset
        return Outcome(
            self.read(), self.seen(seen), float(reward), bool(terminal), bool(truncated) and not terminal, seen
        )

    def seen(self, observation: Any) -> NDArray[Any]:
        """An observation of the reference, as ours."""
        converted = self.adapter.observe(observation) if self.adapter.observe else observation
        return np.asarray(converted).reshape(-1)

    def convert(self, action: Any) -> Any:
        """An action of ours, as one of the reference."""
        if self.adapter.to_reference is not None:
            return self.adapter.to_reference(action)
        return int(action) if np.ndim(action) == 0 else np.asarray(action)

    # ours

    def states(self) -> list[Named]:
        """The compared fields of every environment of ours, copied."""
        table = self.env._states.reshape(self.env.num_envs, self._size)
        columns = {name: self._column(table, self._fields[name]).copy() for name in self.compared}
        return [{name: column[i] for name, column in columns.items()} for i in range(self.env.num_envs)]

    def _column(self, table: NDArray[np.uint8], field: Field) -> NDArray[Any]:
        shape = field.shape[: field.ndim]
        size = int(np.prod(shape)) * field.dtype.itemsize
        return np.ascontiguousarray(table[:, field.offset : field.offset + size]).view(field.dtype).reshape(-1, *shape)

    def put(self, states: Sequence[Mapping[str, Any]], rng: bytes | None = None) -> None:
        """Put a state into each environment of ours, and a generator. Other members stay as they are."""
        env = self.env
        table = env._states.reshape(env.num_envs, self._size).copy()
        if rng is not None:
            table[:, self._rng_offset : self._rng_offset + len(rng)] = np.frombuffer(rng, np.uint8)
        for name, field in self._fields.items():
            if any(name in state for state in states):
                values = np.array([state[name] for state in states]).astype(field.dtype)
                flat = np.ascontiguousarray(values.reshape(env.num_envs, -1)).view(np.uint8)
                table[:, field.offset : field.offset + flat.shape[1]] = flat
        try:
            env.restore(pack_snapshot(env.spec, env.settings, env.num_envs, table.reshape(-1)))
        except SnapshotError as error:
            reason = str(error).split("cannot be right: ")[-1].removesuffix(". Use one that was not changed")
            raise AdapterError(
                f"{self._file}: read() gives a state that {env.spec.name} refuses: {reason}. Correct read(), or "
                "the range "
                "in the header's table of fields"
            ) from None

    def rng(self, index: int) -> bytes:
        """The generator of an environment of ours, as it is now."""
        at = index * self._size + self._rng_offset
        return self.env._states[at : at + 16].tobytes()

    def step_ours(self, actions: NDArray[Any]) -> list[Outcome]:
        """Step all of ours."""
        env = self.env
        env.step(actions)
        states = self.states()
        outcomes = []
        for i in range(env.num_envs):
            ended = bool(env.terminals[i] or env.truncations[i])
            row = (env.final_observations if ended else env.observations)[i].reshape(-1).copy()
            outcomes.append(
                Outcome(
                    None if ended else states[i], row, float(env.rewards[i]), bool(env.terminals[i]),
                    bool(env.truncations[i]),
                )
            )  # fmt: skip
        return outcomes

    # both

    def compare(self, ours: Outcome, theirs: Outcome, widened: float = 1.0, record: bool = False) -> list[Gap]:
        """Every number that differs by more than it may.

        Args:
            ours: a step of ours.
            theirs: the same of the reference.
            widened: what tolerances are multiplied by.
            record: remember the largest differences.
        """
        gaps = []
        for what, name, mine, other, within in self._numbers(ours, theirs):
            apart = within.difference(mine, other)
            worst = float(apart.max(initial=0.0))
            if record:
                self.largest[name] = max(self.largest.get(name, 0.0), worst)
            allowed = within.absolute * widened
            if worst <= allowed:
                continue
            for at in np.argwhere(apart > allowed):
                index = tuple(int(x) for x in at)
                label = f"{name}[{', '.join(map(str, index))}]" if apart.size > 1 else name
                a, b = np.asarray(mine, np.float64)[index], np.asarray(other, np.float64)[index]
                gaps.append(Gap(what, label, float(a), float(b), float(apart[index]), allowed))
        return gaps

    def _numbers(self, ours: Outcome, theirs: Outcome) -> list[tuple[str, str, Any, Any, Within]]:
        rows: list[tuple[str, str, Any, Any, Within]] = []
        if ours.state is not None and theirs.state is not None:
            for name in self.compared:
                rows.append(("state", name, ours.state[name], theirs.state[name], self.adapter.of_field(name)))
        for part in self.spec.obs:
            piece = slice(part.start, part.start + part.count)
            within = self.adapter.of_part(part.name)
            rows.append(("observation", f"observation {part.name}", ours.observation[piece], theirs.observation[piece],
                         within))  # fmt: skip
        rows.append(("reward", "reward", ours.reward, theirs.reward, self.adapter.reward))
        rows.append(("end", "terminal", ours.terminal, theirs.terminal, EXACT))
        rows.append(("end", "truncated", ours.truncated, theirs.truncated, EXACT))
        return rows

    def is_chaotic(self, *states: Named | None) -> bool:
        """Whether one of these states is chaotic: what comes of it is compared in distribution only."""
        rule = self.adapter.chaotic
        if rule is None:
            return False
        try:
            return any(bool(rule(state)) for state in states if state is not None)
        except Exception as error:
            raise AdapterError(f"{self._file}: chaotic() raised {type(error).__name__}: {error}") from None

    def on_the_border(self, theirs: Outcome, widened: float = 1.0) -> bool:
        """Whether the reference's state is where rounding decides that an episode ends."""
        rule = self.adapter.borderline
        if rule is None or theirs.state is None:
            return False
        try:
            return bool(rule(theirs.state, widened))
        except Exception as error:
            raise AdapterError(f"{self._file}: borderline() raised {type(error).__name__}: {error}") from None
