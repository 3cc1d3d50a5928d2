"""Checks of a single Gymnasium or PettingZoo environment, outside of vectors, which check, copy and hide things.

The first line of a docstring says what the check ensures, the rest how to fix a failure.
docs/check.md is generated from them.
"""

from __future__ import annotations

import inspect
import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from puffer_envs.adapters import masks
from puffer_envs.adapters.action_codec import ActionCodec
from puffer_envs.adapters.kinds import Kinds, KindsOfActions, KindsOfObservations
from puffer_envs.adapters.observation_codec import ObservationCodec
from puffer_envs.adapters.prepare import Preparation
from puffer_envs.conformance.contract_checks import slack
from puffer_envs.conformance.errors import ContractError, NotOfferedError, require
from puffer_envs.conformance.repeat_checks import Moment, first_difference, play
from puffer_envs.conformance.single_runs import SingleRun
from puffer_envs.conformance.subject import Subject
from puffer_envs.contract.wrap import Wrap

Space = spaces.Space[Any]


def check_spaces(s: Subject) -> str | None:
    """Spaces fit the contract, in every instance.

    Observations consist of Box, Discrete, MultiDiscrete and MultiBinary, nested in Dict and
    Tuple to any depth. So do actions, but all discrete or all continuous. All agents of an
    environment act in one of these ways; their spaces may differ. Text, graphs and sequences are
    left out. Give boxes their true bounds, and actions finite bounds.
    """
    with s.play() as one, s.play() as two:
        env = one.env
        pairs = _spaces(env)
        for (what, space), (_, other) in zip(pairs, _spaces(two.env), strict=True):
            require(space == other, f"{what} is {space} in one instance and {other} in another; make them equal")
        wrap = Wrap() if s.source is None else s.source.wrap
        agents = ["agent"] if isinstance(env, gymnasium.Env) else list(env.possible_agents)
        notes = _require_usable(agents, pairs, wrap)
        _require_sound_boxes(pairs)
        if notes:
            return notes[0]
        loose = [what for what, space in pairs if "action" in what and not _bounded(space)]
        return f"the {loose[0]} is without bounds; give it some, so that actions can be scaled" if loose else None


def _spaces(env: Any) -> list[tuple[str, Any]]:
    if isinstance(env, gymnasium.Env):
        return [(what, getattr(env, what)) for what in ("observation_space", "action_space")]
    return [
        (f"{what}({agent!r})", getattr(env, what)(agent))
        for what in ("observation_space", "action_space")
        for agent in env.possible_agents
    ]


def _require_usable(agents: list[Any], pairs: list[tuple[str, Any]], wrap: Wrap) -> tuple[str, ...]:
    """Raise `ContractError` unless rows can hold these spaces of observations and actions; return what is left out."""
    half = len(pairs) // 2
    observed = dict(zip(agents, (space for _, space in pairs[:half]), strict=True))
    acted = dict(zip(agents, (space for _, space in pairs[half:]), strict=True))
    notes: tuple[str, ...] = ()
    try:
        kinds = Kinds(observed, acted)
        if kinds.count > 1:
            notes = KindsOfObservations(kinds, wrap, 1).notes
        else:
            (observation,), (action,) = kinds.observed, kinds.acted
            if masks.is_beside_observation(observation, action):
                observation = masks.without(observation)
            prepared = Preparation(observation, wrap, 1)
            ObservationCodec(prepared.space)
            notes = prepared.notes
    except ValueError as error:
        raise ContractError(f"the observation space cannot be used: {error}") from error
    try:
        KindsOfActions(kinds, 1) if kinds.count > 1 else ActionCodec(kinds.acted[0])
    except ValueError as error:
        raise ContractError(f"the action space cannot be used: {error}") from error
    return notes


def _require_sound_boxes(pairs: list[tuple[str, Any]]) -> None:
    for what, space in pairs:
        for name, leaf in _leaf_spaces(what, space):
            if isinstance(leaf, spaces.Box):
                bad = ~(leaf.low <= leaf.high)
                require(
                    not bad.any(),
                    f"{name} is a Box with low above high, or NaN: {leaf}; correct its bounds",
                )


def _leaf_spaces(name: str, space: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _leaf_spaces(f"{name}[{key!r}]", part)
    elif isinstance(space, spaces.Tuple):
        for position, part in enumerate(space.spaces):
            yield from _leaf_spaces(f"{name}[{position}]", part)
    else:
        yield name, space


def _bounded(space: Any) -> bool:
    boxes = [leaf for _, leaf in _leaf_spaces("", space) if isinstance(leaf, spaces.Box)]
    return all(np.isfinite(box.low).all() and np.isfinite(box.high).all() for box in boxes)


def check_interface(s: Subject) -> str | None:
    """reset and step take and return the right types.

    `reset` takes a seed. Gymnasium: `reset(self, *, seed=None, options=None)` returns
    (observation, info); `step(self, action)` returns (observation, reward, terminated,
    truncated, info), with a number, two bools and a dict. PettingZoo's ParallelEnv returns
    dictionaries of these by agent. `agents` lists the living agents, and an agent leaves it
    when its flag is set.
    """
    with s.play() as run:
        _require_seed_parameter(run.env)
        start, going_on = time.perf_counter(), s.patience()
        played = sum(1 for _ in itertools.takewhile(lambda _: going_on(), play(run, 2, s.steps)))
        slow = s.keep_pace((time.perf_counter() - start) / max(played, 1))
        return run.note or slow


def _require_seed_parameter(env: Any) -> None:
    reset = getattr(env, "unwrapped", env).reset
    try:
        parameters = inspect.signature(reset).parameters
    except (TypeError, ValueError):
        return  # some callables have no signature
    anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    require(
        anything or "seed" in parameters,
        f"reset{inspect.signature(reset)} of {type(getattr(env, 'unwrapped', env)).__name__} takes no seed; write "
        "def reset(self, *, seed=None, options=None)",
    )


def check_observations(s: Subject) -> str | None:
    """Values lie in the space; rewards are finite.

    Observations must have the shape of their space and lie within its bounds. Build them in the
    dtype of the space. Clip them, or widen the bounds to what can occur. Fractions may be beyond
    a bound by a millionth of it, or by 1e-6 near 0: that is rounding. NaN and infinity come from
    divisions by zero, logarithms, and integrations that diverge.
    """
    note = None
    with s.play() as run:
        for _ in play(run, 1, s.steps):
            for name, space, value in run.observed():
                note = _require_inside(name, space, value, run.where) or note
            for name, value in run.rewarded():
                finite = np.isfinite(np.float32(value))
                require(finite, f"the {name} is {value} at {run.where}; rewards must be finite float32 numbers")
    return note


def _require_inside(name: str, space: Any, value: Any, where: str) -> str | None:
    """Raise `ContractError` unless the value lies in the space; a note where its type is not quite the declared one."""
    note = None
    if isinstance(space, spaces.Dict):
        found = sorted(map(str, value)) if isinstance(value, Mapping) else None
        wanted = sorted(map(str, space.spaces))
        require(found == wanted, f"the {name} must be a dict with the keys {wanted}, has {found} at {where}")
        for key, part in space.spaces.items():
            note = _require_inside(f"{name}[{key!r}]", part, value[key], where) or note
        return note
    if isinstance(space, spaces.Tuple):
        sized = isinstance(value, tuple | list) and len(value) == len(space.spaces)
        require(sized, f"the {name} must be a tuple of {len(space.spaces)}, is {value!r} at {where}")
        for position, (part, item) in enumerate(zip(space.spaces, value, strict=True)):
            note = _require_inside(f"{name}[{position}]", part, item, where) or note
        return note
    return _require_leaf(name, space, value, where)


def _require_leaf(name: str, space: Any, value: Any, where: str) -> str | None:
    try:
        array = np.asarray(value)
    except ValueError:  # ragged lists
        array = np.asarray(None)
    require(
        array.dtype.kind in "biuf",
        f"the {name} is of type {type(value).__name__} at {where}, not a number or an array of numbers",
    )
    shape = space.shape or ()
    require(array.shape == shape, f"the {name} has shape {array.shape} at {where}, but its space says {shape}")
    low, high = _limits(space)
    if np.dtype(space.dtype).kind != "f":
        whole = array.dtype.kind != "f" or bool((np.isfinite(array) & (array == np.floor(array))).all())
        require(whole, f"the {name} holds {array.dtype} numbers with fractions at {where}, but its space {space.dtype}")
    rounded = array.astype(space.dtype) if np.dtype(space.dtype).kind == "f" else array
    bad = ~((rounded >= low - slack(low)) & (rounded <= high + slack(high))) | ~np.isfinite(rounded)
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        edges = f"{np.broadcast_to(low, shape)[at]} to {np.broadcast_to(high, shape)[at]}"
        raise ContractError(
            f"the {name}{list(at) if at else ''} is {array[at]} at {where}, but its space says {edges}; "
            "correct the value, or widen the space"
        )
    if isinstance(space, spaces.Box) and array.dtype != space.dtype:
        return f"the {name} comes as {array.dtype} but its space says {space.dtype}: it is converted at every step"
    return None


def _limits(space: Any) -> tuple[Any, Any]:
    if isinstance(space, spaces.Box):
        return space.low, space.high
    if isinstance(space, spaces.Discrete):
        return space.start, space.start + space.n - 1
    if isinstance(space, spaces.MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    return 0, 1  # MultiBinary


def check_masks(s: Subject) -> None:
    """Action masks fit the actions and allow one.

    A mask is `action_mask` in the info of every reset and step, or beside other parts of a Dict
    observation, or what a method `action_masks()` returns. It has one number per choice, in one
    array or in parts like the action space, and allows at least one choice of each action.
    """
    with s.play() as run:
        seen = False
        for _ in play(run, 17, s.steps):
            if run.over:
                continue
            for name, space, mask in run.masks():
                seen = True
                try:
                    allowed = masks.flat(mask, space)
                except ValueError as error:
                    raise ContractError(f"{name} at {run.where}: {error}") from None
                for number, choices in enumerate(masks.by_action(allowed, space)):
                    require(
                        choices.any(),
                        f"{name} at {run.where} allows no choice of action {number}; allow one, or end the episode",
                    )
        if not seen:
            raise NotOfferedError("action masks")


def check_aliasing(s: Subject) -> str | None:
    """Observations handed out do not change later.

    The caller may also write to them. Return a copy (`self._state.copy()`), not the array that
    the environment keeps using. Vectors copy immediately, so they are not affected; other
    programs keep what they receive.
    """
    with s.play() as run:
        expected = []
        held: list[tuple[str, Any, bytes]] = []
        for moment in play(run, 7, s.steps):
            expected.append(moment)
            for where, array, was in held:
                if array.tobytes() != was:
                    return (
                        f"the observation handed out at {where} was changed later, at {run.where}; return a copy "
                        "of the array"
                    )
            held = [(run.where, array, array.tobytes()) for array in _handed_out(run)]
    with s.play() as run:
        where, found = first_difference(expected, _scribbling(run, s.steps))
        if where:
            return (
                f"writing into observations that were handed out changes the environment, seen at {where}: {found}; "
                "return a copy of the array"
            )
    return None


def _scribbling(run: SingleRun, steps: int) -> Iterator[Moment]:
    for moment in play(run, 7, steps):
        yield moment
        for array in _handed_out(run):
            if array.flags.writeable:
                array.fill(1)


def _handed_out(run: SingleRun) -> Iterator[Any]:
    for _, _, observation in run.observed():
        yield from _arrays_in(observation)


def _arrays_in(observation: Any) -> Iterator[Any]:
    if isinstance(observation, dict):
        for key, part in observation.items():
            if key != masks.KEY:  # which the run reads
                yield from _arrays_in(part)
    elif isinstance(observation, tuple | list):
        for part in observation:
            yield from _arrays_in(part)
    elif isinstance(observation, np.ndarray):
        yield observation


def check_closing(s: Subject) -> None:
    """close may be called twice, and at any time.

    Free each resource and forget it: `if self.window is not None: ...; self.window = None`.
    """
    assert s.single is not None
    for used in (False, True):
        env = s.single()
        if used:
            env.reset(seed=0)
        for which in ("first", "second"):
            try:
                env.close()
            except Exception as error:
                when = "after a reset" if used else "right after the constructor"
                raise ContractError(f"the {which} close {when} raised {type(error).__name__}: {error}") from error
