"""Whether a state that somebody forged can make a native environment leave its memory.

The first line of a docstring says what the check ensures, the rest how to fix a failure.
docs/check.md is generated from them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from puffer_envs import _core
from puffer_envs.conformance.errors import ContractError
from puffer_envs.conformance.memory_checks import guarded_arrays, written_outside
from puffer_envs.conformance.runs import random_actions
from puffer_envs.conformance.subject import Subject
from puffer_envs.snapshot import SnapshotError, pack_snapshot

WORDS = (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFF9C, 7, 100, 1000, 32767, 70000)
"""What 4 bytes of a state are set to."""
PLACES = 3
"""In each field: its first and its last word, and one between."""
STEPS = 12
"""Taken from each state that is let pass."""
UNKNOWN = -1
"""In what `cover` returns: no field holds this byte."""


def check_forged_states(s: Subject) -> None:
    """A forged snapshot is refused, or harmless.

    Snapshots and checkpoints come from strangers, who can put any number into any member of the
    state. Say in the table of fields what each may be: PUF_RANGE(least, most) for an index,
    PUF_LESS_THAN(State, member) where a setting is the limit, PUF_DERIVED for what `prepare`
    computes; and give members that nobody needs to see a row without a text. What two fields must
    agree on is for `contradiction`. The last line printed names the field.
    """
    guards = guarded_arrays(s, 1, 0xA5)  # of one environment: beside it is no other's row
    with s.env(num_envs=1, buffers={name: guard.array for name, guard in guards.items()}) as env:
        env.reset(17)
        rng = np.random.default_rng(17)
        for _ in range(s.steps // 4):
            env.step(random_actions(env, rng))
        valid = env._states.copy()
        for at, word, what in _forgeries(env, rng):
            if s.isolated:
                sys.stderr.write(f"restored {what}\n")
                sys.stderr.flush()
            states = valid.copy()
            states[at : at + 4] = np.frombuffer(word.to_bytes(4, "little"), np.uint8)[: len(states) - at]
            try:
                env.restore(pack_snapshot(env.spec, env.settings, env.num_envs, states))
            except SnapshotError:
                continue
            for _ in range(STEPS):
                env.step(random_actions(env, rng))
            if outside := written_outside(guards, env):
                raise ContractError(f"a restored snapshot with {what} wrote outside {outside}. {_advice(what)}")


def _advice(what: str) -> str:
    return "Give it a row in the table of fields" if "no field" in what else "Give that field a range: PUF_RANGE"


def _forgeries(env: Any, rng: np.random.Generator) -> Iterator[tuple[int, int, str]]:
    """What to set in the state: the first byte, a word, and what it is called."""
    settings = [p.to_number(env.settings[p.name]) for p in env.spec.params]
    covered, names, _ = _core.cover(env.spec.name, settings)
    for number in (*range(len(names)), UNKNOWN):
        words = np.unique(np.flatnonzero(covered == number) // 4)
        if not len(words):
            continue
        for place in {int(words[0]), int(words[-1]), *rng.choice(words, PLACES - 2).tolist()}:
            for word in WORDS:
                at = (
                    f"byte {4 * place} of its state, which no field holds" if number < 0 else f"field {names[number]!r}"
                )
                yield 4 * place, word, f"0x{word:08x} in {at}"
