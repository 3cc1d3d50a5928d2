"""Checks of a batch behind the buffer contract (docs/contract.md).

The first line of a docstring says what the check ensures, the rest how to fix a failure.
docs/check.md is generated from them.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from puffer_envs import _core
from puffer_envs.conformance.end_checks import END_LIMIT
from puffer_envs.conformance.errors import ContractError, NotOfferedError, require
from puffer_envs.conformance.runs import BatchRun, difference, outputs, random_actions
from puffer_envs.conformance.subject import BATCH, Subject
from puffer_envs.contract import BufferEnv
from puffer_envs.replay import Replay
from puffer_envs.snapshot import SnapshotError

REQUIRED_LOG = ("n", "perf", "score", "episode_return", "episode_length")
LOG_LIMIT = 400_000
"""Agent steps during which perf is checked, after every agent's first episode has ended."""
LOG_NUMBERS = 1 << 30
"""Observed meanwhile, at most: pictures take their time."""
PARTS = (
    "num_envs", "num_agents", "single_observation_space", "single_action_space", "observations", "actions", "rewards",
    "terminals", "truncations", "final_observations", "action_masks", "agent_mask", "reset", "step", "close",
)  # fmt: skip
"""What a batch must have."""


def check_arrays(s: Subject) -> None:
    """All arrays are there, in shape and dtype.

    Allocate each array once, in the constructor, with the shape and dtype that the buffer
    contract gives. What does not apply (`action_masks`, `agent_mask`) is None.
    """
    with s.env() as env:
        missing = [name for name in PARTS if not hasattr(env, name)]
        require(not missing, f"the {type(env).__name__} has no {', '.join(missing)}; the contract asks for it")
        require(env.num_envs == BATCH, f"num_envs must be the {BATCH} that the factory was given, is {env.num_envs}")
        require(env.num_agents % env.num_envs == 0, "num_agents must be a multiple of num_envs")
        for name, (shape, dtype) in _expected_arrays(env).items():
            array = getattr(env, name)
            require(isinstance(array, np.ndarray), f"{name} must be a NumPy array, is a {type(array).__name__}")
            require(
                array.shape == shape and array.dtype == dtype,
                f"{name} must be {np.dtype(dtype)} {shape}, is {array.dtype} {array.shape}",
            )


def _expected_arrays(env: Any) -> dict[str, tuple[tuple[int, ...], Any]]:
    obs, act, rows = env.single_observation_space, env.single_action_space, env.num_agents
    require(isinstance(obs, gymnasium.spaces.Box), f"single_observation_space must be a Box, is {obs}")
    known = obs.dtype in (np.uint8, np.int8, np.float32)
    require(known, f"single_observation_space must be of uint8, int8 or float32, is of {obs.dtype}")
    expected: dict[str, tuple[tuple[int, ...], Any]] = {
        "observations": ((rows, *obs.shape), obs.dtype),
        "final_observations": ((rows, *obs.shape), obs.dtype),
        "rewards": ((rows,), np.float32),
        "terminals": ((rows,), np.bool_),
        "truncations": ((rows,), np.bool_),
    }
    choices = 0
    if isinstance(act, gymnasium.spaces.Box):
        require(len(act.shape) == 1, f"a Box of actions must be one-dimensional, is {act}")
        expected["actions"] = ((rows, *act.shape), np.float32)
    elif isinstance(act, gymnasium.spaces.Discrete):
        require(act.start == 0, f"a Discrete action space must start at 0, is {act}")
        expected["actions"], choices = ((rows,), np.int32), int(act.n)
    elif isinstance(act, gymnasium.spaces.MultiDiscrete):
        expected["actions"], choices = ((rows, len(act.nvec)), np.int32), int(act.nvec.sum())
    else:
        raise ContractError(f"single_action_space must be Discrete, MultiDiscrete or Box, is {act}")
    optional = {"action_masks": ((rows, choices), np.bool_), "agent_mask": ((rows,), np.bool_)}
    return expected | {name: of for name, of in optional.items() if getattr(env, name) is not None}


def check_identity(s: Subject) -> str | None:
    """The arrays stay the same objects.

    `reset` and `step` return them every time. Write into the arrays (`self.rewards[:] = ...`),
    never rebind their names (`self.rewards = ...`), and return them without a copy.
    """
    with s.env() as env:
        own = {name: value for name in PARTS if isinstance(value := getattr(env, name), np.ndarray)}
        rng = np.random.default_rng(0)
        require(env.reset(0) is env.observations, "reset must return the array `observations` itself, not a copy")
        for step in range(1, 4):
            actions, start = random_actions(env, rng), time.perf_counter()
            result = env.step(actions)
            seconds = time.perf_counter() - start
            expected = (env.observations, env.rewards, env.terminals, env.truncations)
            require(
                isinstance(result, tuple) and len(result) == 4 and all(map(_is, result, expected)),
                "step must return the arrays (observations, rewards, terminals, truncations) themselves, as a tuple",
            )
            for name, array in own.items():
                require(
                    getattr(env, name) is array,
                    f"{name} is another array after step {step}: write into it (`self.{name}[:] = ...`) rather than "
                    "rebind the name",
                )
        return None if s.single else s.keep_pace(seconds)


def _is(one: object, other: object) -> bool:
    return one is other


def check_bounds(s: Subject) -> None:
    """Rows lie in the space; flags exclude each other.

    Rewards are finite. Widen the space, or scale or clip the value. If an episode ends in the
    same step as its time limit, the row is terminal.
    """
    with s.env() as env:
        rng = np.random.default_rng(1)
        env.reset(1)
        _require_bounds(env, env.observations, np.arange(env.num_agents), "observations", "after reset(1)")
        for step in range(1, s.steps + 1):
            env.step(random_actions(env, rng))
            where = f"at step {step} after reset(1)"
            _require_bounds(env, env.observations, np.arange(env.num_agents), "observations", where)
            ended = np.flatnonzero(env.terminals | env.truncations)
            _require_bounds(env, env.final_observations[ended], ended, "final_observations", where)
            for row in np.flatnonzero(~np.isfinite(env.rewards)):
                raise ContractError(f"rewards[{row}] is {env.rewards[row]} {where}; rewards must be finite")
            for row in np.flatnonzero(env.terminals & env.truncations):
                raise ContractError(f"row {row} is both terminal and truncated {where}; where both apply, set terminal")


def _require_bounds(env: BufferEnv, values: NDArray[Any], rows: NDArray[Any], name: str, where: str) -> None:
    space = env.single_observation_space
    bad = ~((values >= space.low - slack(space.low)) & (values <= space.high + slack(space.high)))  # NaN is bad too
    bad |= ~np.isfinite(values)
    if bad.any():
        row, *at = (int(i) for i in np.argwhere(bad)[0])
        low, high = space.low[tuple(at)], space.high[tuple(at)]
        raise ContractError(
            f"{name}{[int(rows[row]), *at]} is {values[(row, *at)]} {where}, but its space says {low} to {high}; "
            "widen the space, or scale or clip the value"
        )


def slack(bound: Any) -> Any:
    """How far fractions may be beyond a bound, as rounding: a millionth of it, 1e-6 near 0; integers not at all."""
    bound = np.asarray(bound)
    if bound.dtype.kind != "f":
        return 0
    return np.where(np.isfinite(bound), 1e-6 * np.maximum(1.0, np.abs(bound)), 0.0)


def check_written(s: Subject) -> None:
    """Every step writes every byte of every output.

    Earlier contents of the arrays must not matter. Assign whole arrays in `reset` and `step`
    (for example `rewards[:] = 0` first). Keep state in separate arrays, because callers may
    overwrite these.
    """
    with s.env() as clean, s.env() as poisoned:
        rng = np.random.default_rng(2)
        for env, poison in ((clean, False), (poisoned, True)):
            _poison(env, poison)
            env.reset(2)
        _require_untouched(clean, poisoned, "reset(2)")
        for step in range(1, s.steps + 1):
            actions = random_actions(clean, rng)
            for env, poison in ((clean, False), (poisoned, True)):
                _poison(env, poison)
                env.step(actions)
            _require_untouched(clean, poisoned, f"step {step} after reset(2)")


def _poison(env: BufferEnv, high: bool) -> None:
    for array in (env.observations, env.final_observations, env.rewards, env.terminals, env.truncations,
                  env.action_masks, env.agent_mask):  # fmt: skip
        if array is not None:
            if not array.flags.writeable:
                raise NotOfferedError("arrays that can be overwritten to see what is written")
            array.fill(_highest(array.dtype) if high else 0)


def _highest(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        return np.nan
    return True if dtype.kind == "b" else np.iinfo(dtype).max


def _require_untouched(clean: BufferEnv, poisoned: BufferEnv, when: str) -> None:
    found = difference(outputs(clean), outputs(poisoned))
    require(not found, f"{when} leaves a trace of what the arrays held before ({found}); write every row of them")


def check_log(s: Subject) -> None:
    """log() gives means of finished episodes, once.

    `n` is their number. Sum over the episodes that finish, divide by their number when asked,
    and clear. `perf`, if there is one, is from 0 to 1 in every episode.
    """
    with s.env(num_envs=64 if s.native else BATCH) as env:
        if not hasattr(env, "log"):
            raise NotOfferedError("log")
        rng, going_on = np.random.default_rng(4), s.patience()
        env.reset(4)
        require(env.log() == {}, "log() must be empty before an episode has finished")
        ended = 0
        for _ in range(END_LIMIT):
            env.step(random_actions(env, rng))
            ended += int((env.terminals | env.truncations).sum())
            if ended >= env.num_agents or not going_on():
                break
        if not ended:
            raise NotOfferedError("episode that ends")
        log = env.log()
        missing = [name for name in (REQUIRED_LOG if s.native else REQUIRED_LOG[:1]) if name not in log]
        require(not missing, f"log() lacks {', '.join(missing)}")
        counts = (ended, ended * env.num_envs / env.num_agents)
        require(log["n"] in counts, f"log() counts {log['n']:g} episodes, the flags counted {ended}")
        bad = [name for name, value in log.items() if not np.isfinite(value)]
        require(not bad, f"log() gives {bad and log[bad[0]]} for {bad[:1]}; it must be finite")
        require(env.log() == {}, "log() must clear what it reported")
        if s.kind != "single":  # there, perf is whatever the environment's info has under that name
            _require_perf(log, "in the first episodes")
            _watch_perf(s, env, rng)


def _watch_perf(s: Subject, env: Any, rng: np.random.Generator) -> None:
    """Keep playing, and check perf at every step in which episodes end, before it is averaged away."""
    going_on = s.patience()
    agent_steps = min(LOG_LIMIT, LOG_NUMBERS // env.observations[0].size)
    for step in range(1, agent_steps // env.num_agents + 1):
        env.step(random_actions(env, rng))
        ended = np.flatnonzero((env.terminals | env.truncations).reshape(env.num_envs, -1).any(axis=1))
        logs = [env.log(int(i)) for i in ended] if s.native else [env.log()][: len(ended)]
        for log in logs:
            _require_perf(log, f"{step} steps later")
        if not going_on():
            return


def _require_perf(log: dict[str, float], when: str) -> None:
    for name, value in log.items():
        if name == "perf" or name.endswith(".perf"):
            require(
                0.0 <= value <= 1.0,
                f"{name} is {value:g} {when}, and must be from 0 to 1: divide by the most that can be reached, or clip",
            )


def check_hostile_actions(s: Subject) -> None:
    """Bad actions raise, and nothing moves.

    An action that is out of range or not finite raises ValueError. Check the whole batch of
    actions first, before any environment steps and before they are cast to int32: `if not
    ((actions >= 0) & (actions < n)).all(): raise ValueError(...)`.
    """
    with s.env() as env, s.env() as twin:
        rng = np.random.default_rng(5)
        env.reset(6)
        twin.reset(6)
        for step in range(1, 21):
            good = random_actions(env, rng)
            before = outputs(env)
            refused = [_refuse(env, bad) for bad in _bad_actions(env, good, strict=s.kind != "batch")]
            found = difference(before, outputs(env))
            require(not found, f"the refused actions {refused[-1]} changed what is shown: {found}")
            env.step(good)
            twin.step(good)
            found = difference(outputs(env), outputs(twin))
            require(not found, f"refused actions before step {step} moved the environment: {found}")


def _bad_actions(env: BufferEnv, good: NDArray[Any], strict: bool) -> Iterator[NDArray[Any]]:
    """Action arrays whose last element is bad. Other people's batches get only those that the contract names."""
    if strict:
        yield good[:-1]
        yield good[None]
        yield np.full(good.shape, None)
    last = (-1,) * good.ndim
    values: tuple[Any, ...]
    if good.dtype == np.float32:
        values = (np.float32("nan"), np.float32("inf"), np.float32("-inf"), np.float64("nan"))
    else:
        space = env.single_action_space
        count = int(space.n if isinstance(space, gymnasium.spaces.Discrete) else space.nvec[-1])  # type: ignore[attr-defined]
        values = (-1, count, 2**31 - 1, -(2**31), np.int64(2**32), np.int64(-(2**32)), np.uint64(2**63))
        values += (0.5, float("nan")) if strict else ()
    for value in values:
        dtype = np.result_type(good.dtype, np.asarray(value)) if good.dtype != np.float32 else np.asarray(value).dtype
        bad = good.astype(dtype)
        bad[last] = value
        yield bad


def _refuse(env: BufferEnv, bad: NDArray[Any]) -> str:
    shown = f"{bad.dtype} {bad.shape} ending in {bad.reshape(-1)[-1]}"
    try:
        env.step(bad)
    except (ValueError, TypeError):
        return shown
    except Exception as error:
        raise ContractError(f"actions {shown} raised {type(error).__name__} instead of ValueError") from error
    raise ContractError(f"actions {shown} were accepted; check them all, and raise ValueError before anything moves")


def check_clipping(s: Subject) -> None:
    """Continuous actions are clipped to their box.

    This applies to finite ones; others raise. Call `np.clip(actions, space.low, space.high)`
    before using them.
    """
    with s.env() as env, s.env() as twin:
        space = env.single_action_space
        if not isinstance(space, gymnasium.spaces.Box):
            raise NotOfferedError("continuous actions")
        env.reset(8)
        twin.reset(8)
        for step, (bound, far) in enumerate(((space.high, 1e30), (space.low, -1e30), (space.high, 1e30)), 1):
            edge = np.where(np.isfinite(bound), bound, np.float32(0.0))
            beyond = np.where(np.isfinite(bound), far, 0.0)
            env.step(np.broadcast_to(beyond, env.actions.shape).copy())
            twin.step(np.broadcast_to(edge, env.actions.shape).astype(np.float32))
            found = difference(outputs(env), outputs(twin))
            require(not found, f"at step {step}, the action {far:g} must act like the box's edge, but {found}")


def check_life_cycle(s: Subject) -> None:
    """After close, step and reset raise.

    `close` may be called twice. Set a flag in `close`, return immediately if it is already set,
    and check it in `step` and `reset`.
    """
    with s.env() as env:
        actions = random_actions(env, np.random.default_rng(0)) if env.action_masks is None else None
        if actions is not None and s.kind != "batch":
            _require_error(lambda: env.step(actions), "step before reset")
        env.reset(0)
        actions = random_actions(env, np.random.default_rng(0))
        env.step(actions)
        env.close()
        try:
            env.close()
        except Exception as error:
            raise ContractError(f"close must do nothing the second time, but raised {error!r}") from error
        _require_error(lambda: env.step(actions), "step after close")
        _require_error(lambda: env.reset(0), "reset after close")


def _require_error(call: Callable[[], Any], what: str) -> None:
    try:
        call()
    except Exception:
        return
    raise ContractError(f"{what} must raise, but was accepted")


def check_snapshots(s: Subject) -> None:
    """A restored snapshot continues exactly.

    Native environments also reject a damaged or foreign one. Store everything that the next
    step depends on, including the state of the random generator.
    """
    with s.env() as env, s.env(num_envs=BATCH + 1) as larger:
        if not hasattr(env, "snapshot"):
            raise NotOfferedError("snapshots")
        require(hasattr(env, "restore"), "there is a method snapshot but no restore")
        run = BatchRun(env)
        run.reset(9)
        for _ in range(s.steps // 2):
            run.step()
        snapshot, observations = env.snapshot(), env.observations.copy()
        ahead = _follow(env, s.steps // 2)
        env.restore(snapshot)
        require(np.array_equal(env.observations, observations), "restore must bring back the observations")
        for step, (one, other) in enumerate(zip(_follow(env, s.steps // 2), ahead, strict=True), 1):
            found = difference(one, other)
            require(not found, f"{step} steps after restore the run differs: {found}")
        if s.native:
            _require_refused_snapshots(env, larger, snapshot)


def _require_refused_snapshots(env: Any, larger: Any, snapshot: bytes) -> None:
    flipped = bytearray(snapshot)
    flipped[-1] ^= 1
    for wrong, target in ((bytes(flipped), env), (snapshot[:-1], env), (b"", env), (snapshot, larger)):
        hash_before = env.state_hash()
        try:
            target.restore(wrong)
        except SnapshotError:
            require(env.state_hash() == hash_before, "a refused snapshot changed the state")
            continue
        raise ContractError("a damaged or foreign snapshot was accepted")


def _follow(env: BufferEnv, steps: int) -> list[dict[str, NDArray[Any]]]:
    rng = np.random.default_rng(10)
    seen = []
    for _ in range(steps):
        env.step(random_actions(env, rng))
        seen.append(outputs(env))
    return seen


def check_replays(s: Subject) -> None:
    """A saved replay repeats the run exactly.

    Only native environments record replays.
    """
    if not s.native:
        raise NotOfferedError("replays")
    with s.env(num_envs=1) as env:
        rng = np.random.default_rng(11)
        env.start_replay(11)
        seen = [outputs(env)]
        for _ in range(s.steps):
            env.step(random_actions(env, rng))
            seen.append(outputs(env))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.replay"
            env.save_replay(path)
            replayed = [outputs(again) for again in Replay.load(path).play()]
        require(len(replayed) == len(seen), f"the replay has {len(replayed)} moments, the run had {len(seen)}")
        for step, (one, other) in enumerate(zip(replayed, seen, strict=True)):
            found = difference(one, other)
            require(not found, f"the replay differs from the run it recorded at step {step}: {found}")


def check_batching(s: Subject) -> None:
    """Neither batch size nor threads matter.

    Environment i behaves the same in a batch of any size, with any number of threads and any
    instruction set. Give each environment its own generator, seeded by (seed, its number in the
    run): `np.random.default_rng([seed, first + i])`. With one generator for the whole batch
    they depend on each other.
    """
    takes_first = s.native or (s.source is not None and s.source.batched and s.source.divisible)
    total = 12 if s.native else BATCH
    whole = _by_environment(s, total)
    for size in (1, total - 2):
        for first in range(0, total, size) if takes_first else (0,):
            here = min(size, total - first)
            part = _by_environment(s, here, first, total)
            how = f"made with first={first}" if first else "in front"
            _require_same(part, whole[first : first + here], f"in a batch of {here}, {how},", first, total)
    if s.kind == "single":
        _require_same(_by_environment(s, total, batch=2), whole, "made in groups of 2", 0, total)
    if s.native:
        for threads in (2, 4):
            _require_same(_by_environment(s, total, threads=threads), whole, f"with {threads} threads", 0, total)
        for isa in _core.supported_isas():
            with contextlib.suppress(ValueError):  # a user's own library has one variant
                _require_same(_by_environment(s, total, isa=isa), whole, f"in the variant for {isa}", 0, total)


def _require_same(
    part: list[list[dict[str, NDArray[Any]]]],
    whole: list[list[dict[str, NDArray[Any]]]],
    how: str,
    first: int,
    total: int,
) -> None:
    for number, (one, other) in enumerate(zip(part, whole, strict=True), first):
        for step, (x, y) in enumerate(zip(one, other, strict=True), 1):
            found = difference(x, y)
            require(
                not found,
                f"environment {number} behaves differently {how} than in a batch of {total}, at step {step} "
                f"after reset(14): {found}. Seed each environment by (seed, its number), and let them share nothing",
            )


def _by_environment(
    s: Subject, size: int, first: int = 0, total: int | None = None, **keywords: Any
) -> list[list[dict[str, NDArray[Any]]]]:
    """For each environment of the batch, its outputs over time, under actions drawn for the whole run."""
    rng = np.random.default_rng(13)
    histories: list[list[dict[str, NDArray[Any]]]] = [[] for _ in range(size)]
    if first:
        keywords["first"] = first
    with s.env(num_envs=size, **keywords) as env:
        env.reset(14)
        agents = env.num_agents // size
        for _ in range(s.steps):
            env.step(random_actions(env, rng, first * agents, (total or size) * agents))
            shown = outputs(env)
            for i, history in enumerate(histories):
                history.append({name: array[i * agents : (i + 1) * agents] for name, array in shown.items()})
        if s.native:
            for i, history in enumerate(histories):
                history.append({"state_hash": np.array(env.state_hash(i))})
    return histories
