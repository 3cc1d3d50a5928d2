"""Foundries with rules drawn at random: does a policy that sees the rules play factories that it has never trained in?

    puffer-train tables:make --settings tables.toml     in this folder: train in 256 factories, each with its own rules
    python benchmarks/tables.py POLICY [--json FILE]    play those, and others that share no table with them

A table says which kinds are mines, generators and altars, which goods they make, how much each needs, and how long it
takes. Scripted players, who know the rules, and random ones play the same factories.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from players import Player, random_player
from scripted.foundry import crews

import puffer_envs
from puffer_envs import Environment
from puffer_envs.contract.policy_info import PolicyError
from puffer_envs.policy import load_policy

GOODS = ("ore", "crystal", "battery", "gear", "laser", "shield")
HELD_OUT = 4
"""One of so many tables is never trained on."""
MACHINES = {"a_machines": 7, "b_machines": 7, "c_machines": 7}
GAMES, STEPS = 32, 1000
Table = dict[str, Any]


def draw_table(rng: np.random.Generator) -> Table:
    """Mines, generators and altars in any order, with any goods, which all pay the same."""
    mine, generator, altar = (str(kind) for kind in rng.permutation(list("abc")))
    raw, part = (str(good) for good in rng.choice(GOODS, 2, replace=False))
    table: Table = {"reward_ore": 0.1, "reward_battery": 0.1, "reward_other": 0.1}
    table |= {f"{mine}_in1": "none", f"{mine}_out": raw, f"{mine}_cooldown": int(rng.integers(20, 60))}
    table |= {f"{generator}_in1": raw, f"{generator}_out": part, f"{generator}_cooldown": int(rng.integers(10, 40))}
    table |= {f"{altar}_in1": part, f"{altar}_out": "heart", f"{altar}_cooldown": int(rng.integers(5, 20))}
    table |= {f"{generator}_in1_count": int(rng.integers(1, 3)), f"{altar}_in1_count": int(rng.integers(1, 4))}
    return table | {f"{altar}_in2": str(rng.choice(["none", raw]))}


def key(table: Table) -> tuple[Any, ...]:
    """What makes a table another one: all but times and rewards."""
    return tuple(sorted((name, value) for name, value in table.items() if "cooldown" not in name and "rew" not in name))


def is_held_out(table: Table) -> bool:
    """The same for a table in every process."""
    text = repr(key(table)).encode()
    return sum((i + 1) * byte for i, byte in enumerate(text)) % HELD_OUT == 0


def table_for(number: int, held_out: bool) -> Table:
    """The table of a factory: that of its number, in training or not."""
    rng = np.random.default_rng((number, held_out))
    while is_held_out(table := draw_table(rng)) != held_out:
        pass
    return table


def in_order(table: Table) -> list[tuple[str, Any]]:
    """So that some chain leads to a heart after each setting: kind a makes hearts until all others are set."""
    others = [item for item in table.items() if item[0][0] != "a"]
    own = sorted((item for item in table.items() if item[0][0] == "a"), key=lambda item: item[0] == "a_out")
    return [("a_in1", "none"), ("a_out", "heart"), *others, *own]


def make(num_envs: int, seed: int = 0, first: int = 0, held_out: bool = False, **settings: Any) -> Environment:
    """Factories with a table each."""
    env = puffer_envs.make("foundry", num_envs, seed=seed, first=first, **{"rules_seen": True, **MACHINES, **settings})
    for i in range(num_envs):
        for name, value in in_order(table_for(first + i, held_out)):
            env.set(name, value, [i])
    env.reset()
    return env


def policy_player(path: Path) -> Player:
    """The policy file's, which draws its actions."""
    policy = load_policy(path, seed=0)
    if policy.info.environment not in ("foundry", "tables:make"):
        raise PolicyError(f"{path} plays {policy.info.environment}, not foundry.")

    def player(env: Environment) -> Callable[[], Any]:
        own = policy.info.environment
        policy.require(own, env.single_observation_space, env.single_action_space, env.observation_fields)
        policy.reset()
        return lambda: policy.act(env.observations, action_masks=env.action_masks)

    return player


def perf(player: Callable[[Environment], Callable[[], Any]], held_out: bool, **settings: Any) -> tuple[float, float]:
    """The mean over factories, and its standard error."""
    with make(GAMES, seed=1, held_out=held_out, **settings) as env:
        act = player(env)
        for _ in range(STEPS):
            env.step(act())
        each = [env.log(i)["perf"] for i in range(GAMES)]
    return float(np.mean(each)), float(np.std(each) / GAMES**0.5)


def main() -> int:
    """Play, print, and write the file if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", type=Path, help="the policy.safetensors of such a training")
    parser.add_argument("--blind", action="store_true", help="hide the rules from the policy")
    parser.add_argument("--json", type=Path, help="write a file of results")
    args = parser.parse_args()
    players: dict[str, Player] = {
        "policy": policy_player(args.policy),
        "random": random_player,
        "in sight": lambda env: crews(env, 5),
    }
    results: dict[str, Any] = {}
    for name, player in players.items():
        for held_out in (False, True):
            mean, error = perf(player, held_out, rules_seen=not args.blind)
            where = "held out" if held_out else "trained on"
            results.setdefault(name, {})[where] = {"perf": mean, "error": error}
            print(f"{name:10} {where:10} perf {mean:.3f} +- {error:.3f}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PolicyError as error:
        sys.exit(f"tables.py: {error}")
