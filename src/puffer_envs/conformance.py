"""The contract, tested: what `puffer-envs check` and the test suite run on every environment.

A check is a function that takes a `Subject` and raises `ContractError` with one sentence: what is wrong, where, and
what to do. Checks that need an optional part of the contract (snapshots, logs, ...) are skipped where it is missing.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from puffer_envs import _core
from puffer_envs.contract import BufferEnv
from puffer_envs.environment import make
from puffer_envs.replay import Replay
from puffer_envs.snapshot import SnapshotError
from puffer_envs.spec import list_envs

Check = Callable[["Subject"], None]
STEPS = 300
BATCH = 6
END_LIMIT = 200_000
"""Steps of random actions within which some episode must end."""
REQUIRED_LOG = ("n", "perf", "score", "episode_return", "episode_length")


class ContractError(AssertionError):
    """The environment breaks the contract."""


class NotOfferedError(Exception):
    """The environment lacks the optional part that a check is about."""


@dataclass
class Subject:
    """The environment under test."""

    name: str
    """For messages."""
    factory: Callable[..., Any]
    """factory(num_envs, seed, **keywords) -> BufferEnv."""
    native: bool
    """Whether it is one of ours: then it also takes `threads`, `isa`, `first` and `buffers`."""
    steps: int = STEPS
    """How long each trajectory is."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Passed to the factory."""

    @contextlib.contextmanager
    def env(self, num_envs: int = BATCH, seed: int = 0, **keywords: Any) -> Iterator[Any]:
        """An environment, closed afterwards."""
        made = self.factory(num_envs=num_envs, seed=seed, **keywords, **self.settings)
        try:
            yield made
        finally:
            made.close()


@dataclass(frozen=True)
class Result:
    """What came of one check."""

    check: str
    """Its name."""
    doc: str
    """What it makes sure of."""
    status: str
    """'ok', 'failed' or 'not offered'."""
    message: str
    """Why, unless ok."""


def require(condition: object, message: str) -> None:
    """Raise `ContractError` unless the condition holds."""
    if not condition:
        raise ContractError(message)


def random_actions(env: BufferEnv, rng: np.random.Generator) -> NDArray[Any]:
    """One uniformly random action per row, respecting action masks of single discrete actions."""
    masks = env.action_masks
    if masks is not None and isinstance(env.single_action_space, gymnasium.spaces.Discrete):
        scores = np.where(masks, rng.random(masks.shape), -1.0)
        return np.asarray(scores.argmax(axis=1), dtype=np.int32)
    return _uniform_actions(env, rng, env.actions.shape)


def _uniform_actions(env: BufferEnv, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    space = env.single_action_space
    if isinstance(space, gymnasium.spaces.Box):
        return rng.uniform(space.low, space.high, shape).astype(np.float32)
    choices = space.n if isinstance(space, gymnasium.spaces.Discrete) else space.nvec  # type: ignore[attr-defined]
    return rng.integers(0, choices, shape, dtype=np.int32)


def trajectory(env: BufferEnv, seed: int, steps: int, action_seed: int = 0) -> Iterator[tuple[bytes, ...]]:
    """The bytes of every output, after the reset and after each step with random actions."""
    rng = np.random.default_rng(action_seed)
    env.reset(seed)
    yield _outputs(env)
    for _ in range(steps):
        env.step(random_actions(env, rng))
        yield _outputs(env)


def _outputs(env: BufferEnv) -> tuple[bytes, ...]:
    ended = env.terminals | env.truncations
    arrays = [env.observations, env.rewards, env.terminals, env.truncations, env.final_observations[ended]]
    arrays += [mask for mask in (env.action_masks, env.agent_mask) if mask is not None]
    return tuple(a.tobytes() for a in arrays)


def check_spaces(s: Subject) -> None:
    """Spaces and arrays have the shapes and dtypes of the contract."""
    with s.env() as env:
        obs, act = env.single_observation_space, env.single_action_space
        require(isinstance(obs, gymnasium.spaces.Box), f"single_observation_space must be a Box, is {obs}")
        known = obs.dtype in (np.uint8, np.int8, np.float32)
        require(known, f"observations must be uint8, int8 or float32, are {obs.dtype}")
        require(env.num_agents % env.num_envs == 0, "num_agents must be a multiple of num_envs")
        a = env.num_agents
        expected: dict[str, tuple[tuple[int, ...], Any]] = {
            "observations": ((a, *obs.shape), obs.dtype),
            "final_observations": ((a, *obs.shape), obs.dtype),
            "rewards": ((a,), np.float32),
            "terminals": ((a,), np.bool_),
            "truncations": ((a,), np.bool_),
        }
        if isinstance(act, gymnasium.spaces.Box):
            expected["actions"] = ((a, *act.shape), np.float32)
            require(len(act.shape) == 1, f"a Box of actions must be one-dimensional, is {act}")
        elif isinstance(act, gymnasium.spaces.Discrete):
            expected["actions"] = ((a,), np.int32)
            require(act.start == 0, "a Discrete action space must start at 0")
        elif isinstance(act, gymnasium.spaces.MultiDiscrete):
            expected["actions"] = ((a, len(act.nvec)), np.int32)
        else:
            raise ContractError(f"single_action_space must be Discrete, MultiDiscrete or Box, is {act}")
        for name, (shape, dtype) in expected.items():
            array = getattr(env, name, None)
            require(isinstance(array, np.ndarray), f"{name} must be a NumPy array, is {type(array).__name__}")
            require(
                array.shape == shape and array.dtype == dtype,  # type: ignore[union-attr]
                f"{name} must be {np.dtype(dtype)} {shape}, is {array.dtype} {array.shape}",  # type: ignore[union-attr]
            )


def check_identity(s: Subject) -> None:
    """reset and step return the environment's own arrays, every time."""
    with s.env() as env:
        rng = np.random.default_rng(0)
        require(env.reset(0) is env.observations, "reset must return the array `observations` itself")
        for _ in range(3):
            result = env.step(random_actions(env, rng))
            own = (env.observations, env.rewards, env.terminals, env.truncations)
            require(
                len(result) == 4 and all(x is y for x, y in zip(result, own, strict=True)),
                "step must return the arrays (observations, rewards, terminals, truncations) themselves",
            )


def check_bounds(s: Subject) -> None:
    """Observations stay in the declared space, rewards are finite, flags exclude each other."""
    with s.env() as env:
        rng = np.random.default_rng(1)
        env.reset(1)
        _require_bounds(env, env.observations, "after reset")
        for step in range(s.steps):
            env.step(random_actions(env, rng))
            where = f"at step {step + 1}"
            _require_bounds(env, env.observations, where)
            ended = env.terminals | env.truncations
            _require_bounds(env, env.final_observations[ended], f"in final_observations {where}")
            require(np.isfinite(env.rewards).all(), f"a reward is not finite {where}: {env.rewards}")
            require(not (env.terminals & env.truncations).any(), f"a row is both terminal and truncated {where}")


def _require_bounds(env: BufferEnv, observations: NDArray[Any], where: str) -> None:
    space = env.single_observation_space
    bad = ~((observations >= space.low) & (observations <= space.high))  # NaN is bad too
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ContractError(
            f"observation {at} is {observations[at]} {where}, outside [{space.low[at[1:]]}, {space.high[at[1:]]}]; "
            "widen the space or scale the value"
        )


def check_written(s: Subject) -> None:
    """Every byte of every output is written on every step: what the arrays held before leaves no trace."""
    with s.env() as clean, s.env() as poisoned:
        rng = np.random.default_rng(2)
        for env, byte in ((clean, 0x00), (poisoned, 0xFF)):
            _poison(env, byte)
            env.reset(2)
        require(_outputs(clean) == _outputs(poisoned), "reset does not write every byte of the outputs")
        for step in range(s.steps):
            actions = random_actions(clean, rng)
            for env, byte in ((clean, 0x00), (poisoned, 0xFF)):
                _poison(env, byte)
                env.step(actions)
            require(_outputs(clean) == _outputs(poisoned), f"step {step + 1} does not write every byte of the outputs")


def _poison(env: BufferEnv, byte: int) -> None:
    for array in (env.observations, env.final_observations, env.rewards, env.terminals, env.truncations,
                  env.action_masks, env.agent_mask):  # fmt: skip
        if array is not None:
            array.view(np.uint8).fill(1 if array.dtype == np.bool_ and byte else byte)


def check_seeds(s: Subject) -> None:
    """The same seed gives the same run; reset(seed) starts it again from anywhere."""
    with s.env() as one, s.env(seed=99) as two:
        first = list(trajectory(one, 7, s.steps))
        again = list(trajectory(one, 7, s.steps))
        other = list(trajectory(two, 7, s.steps))
        for step, (x, y, z) in enumerate(zip(first, again, other, strict=True)):
            require(x == y, f"reset(7) a second time goes another way at step {step}: some state survives reset")
            require(x == z, f"reset(7) goes another way in a second instance at step {step}: some state is shared")


def check_fresh_episodes(s: Subject) -> None:
    """reset() without a seed starts the run of the constructor's seed, then draws fresh episodes."""
    with s.env(seed=5) as env, s.env(seed=0) as other:
        by_constructor = env.reset().copy()
        by_seed = other.reset(5).copy()
        require(np.array_equal(by_constructor, by_seed), "the first reset() must use the seed given at construction")


def check_ends(s: Subject) -> None:
    """Episodes end, and the log counts them."""
    with s.env(num_envs=64) as env:
        rng = np.random.default_rng(3)
        env.reset(3)
        for _ in range(END_LIMIT):
            env.step(random_actions(env, rng))
            if env.terminals.any() or env.truncations.any():
                return
        raise ContractError(f"no episode ended in {END_LIMIT} steps of random actions; set a terminal or a time limit")


def check_log(s: Subject) -> None:
    """log() reports finished episodes once, with perf in [0, 1]."""
    with s.env(num_envs=64) as env:
        if not hasattr(env, "log"):
            raise NotOfferedError("log")
        rng = np.random.default_rng(4)
        env.reset(4)
        require(env.log() == {}, "log() must be empty before an episode has finished")
        ended = 0
        for _ in range(END_LIMIT):
            env.step(random_actions(env, rng))
            ended += int((env.terminals | env.truncations).sum())
            if ended >= 64:
                break
        log = env.log()
        missing = [name for name in REQUIRED_LOG if name not in log]
        require(not missing, f"log() lacks {', '.join(missing)}")
        require(log["n"] == ended, f"log() counts {log['n']} episodes, the flags counted {ended}")
        require(0.0 <= log["perf"] <= 1.0, f"perf must be from 0 to 1, is {log['perf']}")
        require(env.log() == {}, "log() must clear what it reported")


def check_hostile_actions(s: Subject) -> None:
    """An action that is out of range, not finite or of the wrong shape raises, and nothing moves."""
    with s.env() as env, s.env() as twin:
        rng = np.random.default_rng(5)
        env.reset(6)
        twin.reset(6)
        for _ in range(20):
            good = random_actions(env, rng)
            for bad in _bad_actions(env, good):
                _require_refusal(env, bad)
            env.step(good)
            twin.step(good)
            require(_outputs(env) == _outputs(twin), "a refused action moved the environment")


def _bad_actions(env: BufferEnv, good: NDArray[Any]) -> Iterator[NDArray[Any]]:
    yield good[:-1]
    yield good[None]
    yield np.full(good.shape, None)
    last = (-1,) * good.ndim
    values: tuple[Any, ...]
    if good.dtype == np.float32:
        values = (np.float32("nan"), np.float32("inf"), np.float32("-inf"), np.float64("nan"))
    else:
        values = (-1, 2**31 - 1, -(2**31), np.int64(2**32), np.int64(-(2**32)), np.uint64(2**63), 0.5, float("nan"))
    for value in values:
        dtype = np.result_type(good.dtype, np.asarray(value)) if good.dtype != np.float32 else np.asarray(value).dtype
        bad = good.astype(dtype)
        bad[last] = value
        yield bad


def _require_refusal(env: BufferEnv, bad: NDArray[Any]) -> None:
    shown = f"{bad.dtype} {bad.shape} ending in {bad.reshape(-1)[-1]}"
    try:
        env.step(bad)
    except (ValueError, TypeError):
        return
    except Exception as error:
        raise ContractError(f"actions {shown} raised {type(error).__name__} instead of ValueError") from error
    raise ContractError(f"actions {shown} were accepted; they must raise ValueError")


def check_clipping(s: Subject) -> None:
    """Finite continuous actions beyond the box are clipped to it."""
    with s.env() as env, s.env() as twin:
        space = env.single_action_space
        if not isinstance(space, gymnasium.spaces.Box):
            raise NotOfferedError("continuous actions")
        env.reset(8)
        twin.reset(8)
        for sign in (1.0, -1.0, 1.0):
            far = np.full(env.actions.shape, sign * 1e30)
            edge = np.broadcast_to(space.high if sign > 0 else space.low, env.actions.shape)
            env.step(far)
            twin.step(edge)
            require(_outputs(env) == _outputs(twin), "a finite action beyond the box must act like the box's edge")


def check_life_cycle(s: Subject) -> None:
    """step before reset, and anything after close, raises; close may come twice."""
    with s.env() as env:
        actions = random_actions(env, np.random.default_rng(0))
        _require_error(lambda: env.step(actions), "step before reset")
        env.reset(0)
        env.step(actions)
        env.close()
        env.close()
        _require_error(lambda: env.step(actions), "step after close")
        _require_error(lambda: env.reset(0), "reset after close")


def _require_error(call: Callable[[], Any], what: str) -> None:
    try:
        call()
    except Exception:
        return
    raise ContractError(f"{what} must raise")


def check_snapshots(s: Subject) -> None:
    """A restored snapshot goes on exactly; a damaged or foreign one is refused."""
    with s.env() as env, s.env(num_envs=BATCH + 1) as larger:
        if not hasattr(env, "snapshot"):
            raise NotOfferedError("snapshots")
        list(trajectory(env, 9, s.steps // 2))
        snapshot, observations = env.snapshot(), env.observations.copy()
        ahead = _follow(env, s.steps // 2)
        restored = env.restore(snapshot)
        require(np.array_equal(restored, observations), "restore must bring back the observations")
        require(_follow(env, s.steps // 2) == ahead, "after restore the run goes another way")
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


def _follow(env: BufferEnv, steps: int) -> list[tuple[bytes, ...]]:
    rng = np.random.default_rng(10)
    outputs = []
    for _ in range(steps):
        env.step(random_actions(env, rng))
        outputs.append(_outputs(env))
    return outputs


def check_replays(s: Subject) -> None:
    """A saved replay repeats the run exactly."""
    with s.env(num_envs=1) as env:
        if not hasattr(env, "start_replay"):
            raise NotOfferedError("replays")
        rng = np.random.default_rng(11)
        env.start_replay(11)
        seen = [_outputs(env)]
        for _ in range(s.steps):
            env.step(random_actions(env, rng))
            seen.append(_outputs(env))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.replay"
            env.save_replay(path)
            replayed = [_outputs(again) for again in Replay.load(path).play()]
        require(replayed == seen, "the replay differs from the run it recorded")


def check_batching(s: Subject) -> None:
    """Environment i behaves the same in a batch of any size, with any number of threads and instruction set."""
    if not s.native:
        raise NotOfferedError("first, threads and isa")
    whole = _by_environment(s, 12)
    for sizes in ((1,) * 12, (7, 5)):
        parts: list[list[bytes]] = []
        for i, size in enumerate(sizes):
            parts += _by_environment(s, size, first=sum(sizes[:i]), total=12)
        require(parts == whole, f"batches of {sizes} go another way than one batch of 12")
    for threads in (2, 4):
        require(_by_environment(s, 12, threads=threads) == whole, f"{threads} threads go another way than one")
    for isa in _core.supported_isas():
        with contextlib.suppress(ValueError):  # a user's own library has one variant
            require(_by_environment(s, 12, isa=isa) == whole, f"the variant for {isa} goes another way")


def _by_environment(
    s: Subject, size: int, first: int = 0, total: int | None = None, **keywords: Any
) -> list[list[bytes]]:
    """For each environment of the batch, the bytes of its outputs over time, under actions drawn per run."""
    rng = np.random.default_rng(13)
    histories: list[list[bytes]] = [[] for _ in range(size)]
    with s.env(num_envs=size, first=first, **keywords) as env:
        env.reset(14)
        agents = env.num_agents // size
        for _ in range(s.steps):
            shape = ((total or size) * agents, *env.actions.shape[1:])
            actions = _uniform_actions(env, rng, shape)[first * agents : first * agents + env.num_agents]
            env.step(actions)
            for i, history in enumerate(histories):
                rows = slice(i * agents, (i + 1) * agents)
                ended = (env.terminals | env.truncations)[rows]
                history.append(
                    env.observations[rows].tobytes() + env.rewards[rows].tobytes() + env.terminals[rows].tobytes()
                    + env.truncations[rows].tobytes() + env.final_observations[rows][ended].tobytes()
                )  # fmt: skip
        for i, history in enumerate(histories):
            history.append(env.state_hash(i).to_bytes(8, "little"))
    return histories


CHECKS: tuple[Check, ...] = (
    check_spaces,
    check_identity,
    check_bounds,
    check_written,
    check_seeds,
    check_fresh_episodes,
    check_ends,
    check_log,
    check_hostile_actions,
    check_clipping,
    check_life_cycle,
    check_snapshots,
    check_replays,
    check_batching,
)


def check_name(check: Check) -> str:
    """'check_spaces' -> 'spaces'."""
    return check.__name__.removeprefix("check_").replace("_", " ")


def subject(name: str, steps: int = STEPS, **settings: Any) -> Subject:
    """The subject for one of our own environments."""

    def factory(num_envs: int, seed: int, **keywords: Any) -> Any:
        return make(name, num_envs=num_envs, seed=seed, **keywords)

    return Subject(name, factory, native=name in list_envs(), steps=steps, settings=settings)


def run_checks(s: Subject, checks: tuple[Check, ...] = CHECKS) -> Iterator[Result]:
    """Run the checks one by one. An exception of the environment's own is a failure, with its text."""
    for check in checks:
        status, message = "ok", ""
        try:
            check(s)
        except NotOfferedError as error:
            status, message = "not offered", str(error)
        except ContractError as error:
            status, message = "failed", str(error)
        except Exception as error:  # whatever the environment raises is its own fault, and is reported as such
            status, message = "failed", f"{type(error).__name__}: {error}"
        yield Result(check_name(check), (check.__doc__ or "").strip(), status, message)
