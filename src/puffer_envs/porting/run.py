"""The whole comparison: three levels, one certificate."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from puffer_envs import bench
from puffer_envs.contract.trained import list_trained, trained_policy
from puffer_envs.environment import make
from puffer_envs.porting import certificate
from puffer_envs.porting.adapter import Adapter, find_adapter, load_adapter
from puffer_envs.porting.advice import look_at
from puffer_envs.porting.episodes import Episodes, compare_episodes
from puffer_envs.porting.pair import Pair
from puffer_envs.porting.play import Player, draw, policy_player, random_player, scripted_player
from puffer_envs.porting.reference import check_spaces, make_reference, settings_of
from puffer_envs.porting.shrink import shrink
from puffer_envs.porting.steps import Case, Steps, compare_steps
from puffer_envs.porting.transfer import Transfer, compare_scores
from puffer_envs.spec import spec

BATCH = 64
"""Environments of ours side by side on level 1."""
KEEP = 0.8
"""How often a random player does what it did before: random pushes alone lead nowhere."""
REFERENCE_STEPS = 3000
"""Steps that the reference's speed is measured over."""
SEARCHED = 50
"""Episodes that may be played to find a difference again, from the start of one."""


@dataclass(frozen=True)
class Request:
    """What to compare."""

    reference: str
    """`gymnasium:ID` or `module:factory`."""
    name: str
    """Of ours."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of ours, above the adapter's."""
    adapter: Path | None = None
    """Its file; None: the one beside ours, or the one that ships."""
    steps: int = 100_000
    """Single steps."""
    episodes: int = 200
    """Whole episodes."""
    scores: int = 500
    """Episodes of each policy on each side."""
    policies: Sequence[Path] = ()
    """Files; without any, the trained policy that ships for ours, if there is one."""
    seed: int = 1
    """Of everything random."""
    command: str = ""
    """The command line, for the certificate."""
    say: Callable[[str], None] = lambda _: None
    """Told what is being done."""


@dataclass
class Found:
    """What the comparison gave."""

    facts: dict[str, Any]
    """The certificate."""
    case: Case | None
    """The first difference, shrunk."""
    advice: list[str]
    """What to look at next."""


def port(request: Request) -> Found:
    """Compare ours with the reference.

    Raises:
        ValueError, TypeError, ImportError: something about the request, the adapter or the reference is wrong.
    """
    env_spec = spec(request.name)
    adapter = load_adapter(find_adapter(env_spec, request.adapter), env_spec)
    settings = settings_of(request.settings, adapter)
    request.say("making the reference")
    reference = make_reference(request.reference, adapter)
    with (
        make(request.name, BATCH, request.seed, **settings) as many,
        make(request.name, 1, request.seed + 1, **settings) as one,
    ):
        check_spaces(request.reference, reference, env_spec, many._layout, adapter)
        return _compare(request, adapter, Pair(many, reference, adapter), Pair(one, reference, adapter))


def _compare(request: Request, adapter: Adapter, many: Pair, one: Pair) -> Found:
    policies = _policies(request, many)
    space = many.env.single_action_space
    rng = np.random.default_rng(request.seed)
    players: list[Player] = [random_player(space, rng, KEEP), random_player(space, rng)]
    scripted = {name: partial(scripted_player, act, many.env) for name, act in adapter.players.items()}
    policies = {**scripted, **policies}
    players += [make_player() for make_player in policies.values()]
    request.say(f"single steps: {request.steps:,}")
    steps = compare_steps(one if adapter.follow else many, players, request.steps)
    case = steps.found
    episodes, transfers = Episodes(), []
    if case is None:
        request.say(f"whole episodes: {request.episodes:,}")
        # a policy's actions answer what ours shows: once two unstable systems part, they keep only ours up
        fitting = players[:2] if adapter.growth.factor > 1 else players
        episodes = compare_episodes(one, fitting, request.episodes)
        case = episodes.found
    if case is None:
        request.say(f"policies: {request.scores:,} episodes on each side")
        every: dict[str, Callable[[], Player]] = {"random": lambda: random_player(space, np.random.default_rng(7))}
        transfers = compare_scores(many, {**every, **policies}, request.scores) if request.scores else []
    advice: list[str] = []
    if case is not None:
        request.say("shrinking the difference")
        case = smallest(one, players, case)
        advice = look_at(case, request.name, adapter.path.name)
    same, more = _verdict(case, episodes, transfers, request.name)
    facts = _facts(request, adapter, many, one if adapter.follow else many, steps, episodes, transfers)
    facts["same"] = same
    facts["difference"] = None if case is None else certificate.case_facts(case, many, advice)
    facts["look_at"] = advice + more
    return Found(certificate.plain(facts), case, advice + more)


def smallest(one: Pair, players: Sequence[Player], case: Case) -> Case:
    """The case shrunk; where it depends on what no field shows, one from the start of an episode."""
    shrunk = shrink(one, case)
    if shrunk is not None:
        return shrunk
    case.hidden = True
    names = {gap.name for gap in case.gaps}
    for _ in range(SEARCHED // len(players)):
        found = compare_episodes(one, players, len(players), starts=0).found
        if found is not None and names & {gap.name for gap in found.gaps}:
            again = shrink(one, found) or found
            again.hidden = True
            return again
    return case


def _policies(request: Request, pair: Pair) -> dict[str, Callable[[], Player]]:
    paths = {path.name: path for path in request.policies}
    if not paths and request.name in list_trained():
        paths = {"trained": trained_policy(request.name)}
    made: dict[str, Callable[[], Player]] = {}
    for name, path in paths.items():
        policy_player(path, pair.env, 0)  # refuse a wrong one before anything is played
        made[name] = lambda path=path: policy_player(path, pair.env, request.seed)  # type: ignore[misc]
    return made


def _verdict(case: Case | None, episodes: Episodes, transfers: Sequence[Transfer], name: str) -> tuple[bool, list[str]]:
    """Whether the two are the same, and what to look at where only distributions tell."""
    said = [
        f"{field!r} starts elsewhere: compare how {name}_reset draws it with the reference's reset."
        for field, distance in episodes.starts.items()
        if distance > 1
    ]
    if not episodes.returns_agree:
        said.append(
            f"The returns of episodes differ in the mean although single steps agree: look at time limits, and at what "
            f"{name} keeps that no field of the adapter shows."
        )
    said += [
        f"The policy {t.policy!r} scores {t.ours.mean:.4g} here and {t.theirs.mean:.4g} there although single "
        "steps agree: "
        "look at starts, at time limits, and at states that random actions do not reach (more --steps, another "
        "--policy)."
        for t in transfers
        if not t.same
    ]
    return case is None and not said, said


def _facts(
    request: Request,
    adapter: Adapter,
    pair: Pair,
    compared: Pair,
    steps: Steps,
    episodes: Episodes,
    transfers: Sequence[Transfer],
) -> dict[str, Any]:
    request.say("speeds")
    settings: dict[str, Any] = dict(pair.env.settings)
    return {
        "format": certificate.FORMAT,
        "same": False,
        "environment": {"name": pair.spec.name, "version": pair.spec.version, "settings": settings},
        "reference": {
            "name": request.reference,
            "settings": dict(adapter.reference_settings),
            "packages": _packages(pair.reference),
        },
        "adapter": {
            "file": adapter.path.name,
            "sha256": hashlib.sha256(adapter.path.read_bytes()).hexdigest(),
        },
        "command": request.command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "puffer_envs": importlib.metadata.version("puffer-envs"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "seed": request.seed,
        "tolerances": certificate.tolerances(compared, adapter),
        "ignored": dict(adapter.ignored),
        "follow": adapter.follow,
        "growth": {"factor": adapter.growth.factor, "why": adapter.growth.why, "steps": adapter.growth.steps},
        "steps": certificate.steps_facts(steps),
        "episodes": certificate.episodes_facts(episodes),
        "starts": {"compared": episodes.start_count, "distances": episodes.starts},
        "transfer": certificate.transfer_facts(transfers),
        "speed": {
            "ours": bench.measure(pair.spec.name, 4096, seconds=0.05, **settings).steps_per_second,
            "reference": _reference_speed(pair),
        },
        "notes": list(adapter.notes),
    }


def _packages(reference: Any) -> list[str]:
    """The packages that the reference's code is in, with their versions."""
    roots = {type(reference.unwrapped).__module__.partition(".")[0], "gymnasium", "numpy"}
    owners = importlib.metadata.packages_distributions()
    names = sorted({owner for root in roots for owner in owners.get(root, [])})
    return [f"{name} {importlib.metadata.version(name)}" for name in names]


def _reference_speed(pair: Pair) -> float:
    """Steps a second of the reference, over one or two seconds at most."""
    rng = np.random.default_rng(0)
    actions = [pair.convert(action) for action in draw(pair.env.single_action_space, REFERENCE_STEPS, rng)]
    pair.reference.reset(seed=1)
    begin, done = time.perf_counter(), 0
    for action in actions:
        _, _, terminal, truncated, _ = pair.reference.step(action)
        done += 1
        if terminal or truncated:
            pair.reference.reset()
        if time.perf_counter() - begin > 2:
            break
    return done / (time.perf_counter() - begin)
