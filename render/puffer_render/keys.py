"""From held keys to actions.

A drawing module may say which keys mean which choice; every other environment gets keys by the labels of its
choices (left, up, ...), else by number. Key names are raylib's, in lower case: left, space, a, one, ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.spec import ActionPart

KEYS_OF_LABELS = {
    "left": ("left", "a"),
    "right": ("right", "d"),
    "up": ("up", "w"),
    "down": ("down", "s"),
    "fire": ("space",),
    "jump": ("space",),
}
"""The usual keys, for environments with these labels."""
IDLE_LABELS = ("stay", "noop", "none", "idle", "straight")
"""Choices that mean doing nothing; an action without one stays as it was."""
ROWS_OF_KEYS = (
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero"),
    ("z", "x", "c", "v", "b", "m", "comma", "period"),
)
"""Keys for choices whose labels are unknown, one row per discrete action."""
PAIRS_OF_KEYS = (
    (("left", ("left", "a")), ("right", ("right", "d"))),
    (("down", ("down", "s")), ("up", ("up", "w"))),
    (("−", ("one",)), ("+", ("two",))),
)
"""Lowest and highest value, one pair per continuous action: (direction, keys) each."""
NAMES = dict(zip(ROWS_OF_KEYS[0], "1234567890", strict=True))
NAMES |= {"comma": ",", "period": ".", "space": "Space", "left_shift": "Shift"}


Pilot = Callable[[Any, frozenset[str], int], Any]


@dataclass(frozen=True)
class Binding:
    """While any of these keys is held, part `part` of the action is `value`."""

    keys: tuple[str, ...]
    """Names of keys."""
    label: str
    """What it does, for people."""
    part: int
    """Which of the environment's actions."""
    value: float
    """The choice, or the value of a continuous action."""

    @property
    def caps(self) -> list[str]:
        """What is printed on the keys."""
        return [NAMES.get(key, key.capitalize()) for key in self.keys]


@dataclass(frozen=True)
class KeyMap:
    """All bindings of an environment, and what happens while no key is held."""

    bindings: tuple[Binding, ...]
    idle: tuple[float | None, ...]
    """For each part the value while no key is held; None: whatever it was."""
    pilot: Pilot | None = None
    """Makes the action of the bindings' labels instead of their values."""

    def driving(self, held: AbstractSet[str]) -> bool:
        """Whether the person is pressing any key of the game."""
        return any(not held.isdisjoint(binding.keys) for binding in self.bindings)

    def action(self, held: AbstractSet[str], last: NDArray[Any], state: Any = None, agent: int = 0) -> NDArray[Any]:
        """The action (parts,) for the held keys, given the last one. Of two keys for one part, the later binding.

        state, agent: the environment's state and whose action it is, used only by a pilot.
        """
        action = last.copy()
        if self.pilot is not None:
            labels = frozenset(binding.label for binding in self.bindings if not held.isdisjoint(binding.keys))
            action[:] = self.pilot(state, labels, agent)
            return action
        for part, value in enumerate(self.idle):
            if value is not None:
                action[part] = value
        for binding in self.bindings:
            if not held.isdisjoint(binding.keys):
                action[binding.part] = binding.value
        return action


def make_keymap(
    parts: Sequence[ActionPart],
    keys: Mapping[str, tuple[str, ...]] | None = None,
    idle: str | None = None,
    pilot: Pilot | None = None,
) -> KeyMap:
    """Keys for every part: the module's own (`keys`: label -> names, `idle`: label), else the usual keys.

    pilot: makes the action of the labels in `keys` (see `Drawing.pilot`), unless these are the choices that there are.
    """
    choices = set(parts[0].labels).difference(IDLE_LABELS) if len(parts) == 1 else set()
    if pilot is not None and choices != set(keys or {}):
        own = tuple(Binding(names, label, 0, 0.0) for label, names in (keys or {}).items())
        return KeyMap(own, (), pilot)
    bindings: list[Binding] = []
    idles: list[float | None] = []
    discrete = continuous = 0
    for number, part in enumerate(parts):
        if part.choices:
            row = ROWS_OF_KEYS[min(discrete, len(ROWS_OF_KEYS) - 1)]
            bindings += _bind_choices(number, part, keys or {}, idle, row)
            idles.append(_idle_choice(part.labels, idle))
            discrete += 1
        else:
            if continuous < len(PAIRS_OF_KEYS):
                for (direction, names), value in zip(PAIRS_OF_KEYS[continuous], (part.low, part.high), strict=True):
                    label = direction if len(parts) == 1 else f"{part.name} {direction}"
                    bindings.append(Binding(names, label, number, value))
            idles.append(float(np.clip(0.0, part.low, part.high)))
            continuous += 1
    return KeyMap(tuple(bindings), tuple(idles))


def _bind_choices(
    number: int, part: ActionPart, keys: Mapping[str, tuple[str, ...]], idle: str | None, row: tuple[str, ...]
) -> list[Binding]:
    usual = KEYS_OF_LABELS | dict(keys)
    spare = iter(row)
    bindings = []
    for choice, label in enumerate(part.labels):
        if label == idle or (idle is None and label in IDLE_LABELS):
            continue
        chosen = usual.get(label) or tuple(key for key in [next(spare, None)] if key)
        if chosen:
            bindings.append(Binding(chosen, label, number, choice))
    return bindings


def _idle_choice(labels: tuple[str, ...], idle: str | None) -> float | None:
    candidates = IDLE_LABELS if idle is None else (idle,)
    return next((float(labels.index(label)) for label in candidates if label in labels), None)
