"""minatar_asterix and the package MinAtar's Asterix."""

from collections.abc import Mapping
from typing import Any

from puffer_envs.porting import Draws, Given, elapsed_steps, minatar, set_elapsed_steps

IGNORED = minatar.IGNORED
NOTES = minatar.NOTES
_SAME = ("spawn_speed", "spawn_timer", "move_speed", "move_timer", "ramp_timer")
"""Fields that have the same name there."""


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    rules = env.unwrapped.rules
    rows = [row or (0, 0, False, None) for row in rules.entities]
    return {
        "what": [0 if gold is None else 1 + gold for *_, gold in rows], "where": [x for x, *_ in rows],
        "right": [right for *_, right, _ in rows], "x": rules.player_x, "y": rules.player_y,
        "ramps": rules.ramp_index, "last": env.unwrapped.game.last_action, "tick": elapsed_steps(env),
        **{name: getattr(rules, name) for name in _SAME},
    }  # fmt: skip


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    rules = env.unwrapped.rules
    rows = zip(state["what"], state["where"], state["right"], strict=True)
    rules.entities = [
        [int(x), row, bool(right), what == 2] if what else None for row, (what, x, right) in enumerate(rows, 1)
    ]
    for name in _SAME:
        setattr(rules, name, int(state[name]))
    rules.player_x, rules.player_y, rules.ramp_index = int(state["x"]), int(state["y"]), int(state["ramps"])
    rules.terminal, env.unwrapped.game.last_action = False, int(state["last"])
    set_elapsed_steps(env, state["tick"])


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """Whether the last action is repeated; and from where what comes in which row, in case something comes."""
    del action
    given = [draws.uniform(), draws.uniform(), draws.uniform()]
    free = int((state["what"] == 0).sum())
    if free:
        given.append(draws.below(free))
    env.unwrapped.np_random = Given(given)
