"""Scripted players beside the shipped policy: `python benchmarks/players.py [NAME ...] [--policy FILE] [--json FILE]`.

A table per environment: what each player of `benchmarks/scripted/NAME.py` scores, a random one, and the policy. A mean
is over all episodes that ended, with its standard error over `--envs` games that are played side by side.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import puffer_envs
from puffer_envs import Environment
from puffer_envs.contract.command_line import parse_number
from puffer_envs.contract.policy_info import PolicyError
from puffer_envs.policy import load_policy

HERE = Path(__file__).parent
Act = Callable[[], Any]
Player = Callable[[Environment], Act]


def names() -> list[str]:
    """Environments that have scripted players."""
    return sorted(path.stem for path in (HERE / "scripted").glob("[a-z]*.py"))


def random_player(env: Environment) -> Act:
    """Draws from what the masks allow."""
    rng, space = np.random.default_rng(0), env.single_action_space
    if env.action_masks is None:
        space.seed(0)
        return lambda: np.stack([space.sample() for _ in range(env.num_agents)])
    choices = [int(space.n)] if hasattr(space, "n") else [int(n) for n in space.nvec]
    ends = np.cumsum(choices)

    def act() -> Any:
        scores = np.where(env.action_masks, rng.random(env.action_masks.shape), -1.0)
        heads = [scores[:, end - n : end].argmax(1) for n, end in zip(choices, ends, strict=True)]
        return (heads[0] if hasattr(space, "n") else np.stack(heads, 1)).astype(np.int32)

    return act


def policy_player(path: Path) -> Player:
    """The policy file's, which draws its actions."""

    def player(env: Environment) -> Act:
        policy = load_policy(path, seed=0)
        policy.require(env.spec.name, env.single_observation_space, env.single_action_space, env.observation_fields)

        def act() -> Any:
            policy.reset(env.terminals | env.truncations)
            return policy.act(env.observations, action_masks=env.action_masks, agent_mask=env.agent_mask)

        return act

    return player


def play(name: str, player: Player, envs: int, steps: int, settings: dict[str, Any]) -> dict[str, float]:
    """Return the means of the log, and the standard error of perf over the games."""
    with puffer_envs.make(name, envs, seed=1, **settings) as env:
        env.reset()
        act = player(env)
        for _ in range(steps):
            env.step(act())
        each = [env.log(i) for i in range(envs)]
    each = [log for log in each if log]
    counts = np.array([log["n"] for log in each])
    keys = sorted(set.intersection(*(set(log) for log in each)) - {"n"}) if each else []
    means = {key: float(np.average([log[key] for log in each], weights=counts)) for key in keys}
    error = float(np.std([log["perf"] for log in each]) / len(each) ** 0.5) if each else float("nan")
    return {"episodes": int(counts.sum()), "perf_error": error, **means}


def main(arguments: list[str] | None = None) -> int:
    """Play, print, and write the file if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names())}; by default all")
    parser.add_argument("--policy", type=Path, help="a policy file in place of the shipped one; with one NAME")
    parser.add_argument("--envs", type=parse_number, default=64, help="games side by side (default: %(default)s)")
    parser.add_argument("--steps", type=parse_number, default=4000, help="of each game (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the environment")
    parser.add_argument("--json", type=Path, help="write or update a file of results")
    args = parser.parse_args(arguments)
    if unknown := [name for name in args.names if name not in names()]:
        parser.error(f"there are no scripted players of {', '.join(unknown)}; choose from {', '.join(names())}")
    if args.policy and len(args.names) != 1:
        parser.error("--policy needs one NAME")
    if args.policy and not args.policy.exists():
        parser.error(f"--policy is {args.policy}: there is no such file")
    if not args.envs or not args.steps:
        parser.error("--envs and --steps must be whole numbers from 1")
    try:
        settings = {key: json.loads(value) for key, _, value in (item.partition("=") for item in args.set)}
        for name in args.names or names():
            puffer_envs.make(name, **settings).close()
    except (ValueError, TypeError) as error:
        parser.error(f"--set takes KEY=VALUE, a number, true or false: {error}")
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    for name in args.names or names():
        players: dict[str, Player] = {"random": random_player}
        players |= importlib.import_module(f"scripted.{name}").PLAYERS
        shipped = args.policy or Path(puffer_envs.__file__).parent / "trained" / f"{name}.safetensors"
        players |= {"policy": policy_player(shipped)} if shipped.exists() else {}
        results[name] = {}
        for player, make in players.items():
            row = results[name][player] = play(name, make, args.envs, args.steps, settings)
            print(f"{name:10} {player:14}", "  ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PolicyError as error:
        sys.exit(f"players.py: {error}")
