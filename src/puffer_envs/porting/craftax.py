"""Craftax-Classic of the package craftax (Matthews et al., 2024) as a reference: `pip install craftax`, with JAX.

`classic` makes it, for `puffer-envs port puffer_envs.porting.craftax:classic craftax_classic`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

SIDE, EDGE, OUTSIDE, MARK = 64, 4, 15, 16
ROWS, COLUMNS, BLOCKS, CREATURES = 7, 9, 17, 4
SIZE = ROWS * COLUMNS * (BLOCKS + CREATURES) + 22
"""Numbers in the package's observation."""
THINGS = (
    "wood", "stone", "coal", "iron", "diamond", "sapling", "wood_pickaxe", "stone_pickaxe", "iron_pickaxe",
    "wood_sword", "stone_sword", "iron_sword",
)  # fmt: skip
NEEDS = ("health", "food", "drink", "energy")
COUNTS = {"hunger": 2, "thirst": 2, "fatigue": 1, "recover": 2}
"""What the package counts in floats, and how much one is here."""
KINDS = ("zombies", "cows", "skeletons")
FAR, FAR_BACK = 127, -64
"""Where arrows stop that do not fly: nobody sees so far."""
RIPE = 600


class Game(gymnasium.Env[NDArray[np.float32], Any]):
    """The package's environment; `state` is its state. Keys are drawn from `np_random`, two words for each."""

    def __init__(self, **settings: Any) -> None:
        self.jax: Any = importlib.import_module("jax")
        module: Any = importlib.import_module("craftax.craftax_classic.envs.craftax_symbolic_env")
        self.rules: Any = module.CraftaxClassicSymbolicEnvNoAutoReset()
        self.params: Any = self.rules.default_params.replace(**settings) if settings else None
        self.limit = int(settings.get("max_timesteps", self.rules.default_params.max_timesteps))
        self.observation_space = spaces.Box(0.0, 1.0, (SIZE,), np.float32)
        self.action_space = spaces.Discrete(17)
        self.state: Any = None

    def key(self) -> Any:
        """The next two words, as a key."""
        words = [int(self.np_random.integers(0, 2**32)) for _ in range(2)]
        return np.array(words, np.uint32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode in the world of the next key."""
        super().reset(seed=seed)
        seen, self.state = self.jax.device_get(self.rules.reset(self.key(), self.params))
        return np.asarray(seen, np.float32), {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Act. The package does not say whether an episode was cut off: it was if you live."""
        made = self.rules.step(self.key(), self.state, np.int32(action), self.params)
        seen, self.state, reward, done, _ = self.jax.device_get(made)
        dead = bool(done) and int(self.state.player_health) <= 0
        return np.asarray(seen, np.float32), float(reward), dead, bool(done) and not dead, {}


def classic(**settings: Any) -> gymnasium.Env[Any, Any]:
    """Craftax-Classic-Symbolic."""
    return Game(**settings)


# observations


def light_byte(light: Any) -> Any:
    """A light of 0 to 1 as our byte."""
    return (np.float32(light) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def bytes_of(observation: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The package's numbers as our bytes."""
    cells, rest = np.split(np.asarray(observation, np.float32), [ROWS * COLUMNS * (BLOCKS + CREATURES)])
    cells = cells.reshape(ROWS * COLUMNS, BLOCKS + CREATURES)
    tiles = (cells[:, :BLOCKS].argmax(1) - 2) & OUTSIDE
    creatures = cells[:, BLOCKS:] @ np.array([1, 2, 4, 8], np.float32)
    amounts = np.rint(rest[:16] * 10)
    facing, light, sleeping = rest[16:20].argmax(), light_byte(rest[20]), rest[21]
    return np.concatenate([tiles, creatures, [facing], amounts, [light, sleeping]]).astype(np.uint8)


def numbers_of(observations: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Our bytes as the package's 1,345 numbers, for a policy that was trained on these; light has 256 levels.

    Args:
        observations: uint8 `(rows, 145)`.
    """
    view, rows = ROWS * COLUMNS, len(observations)
    tiles, creatures, facing, amounts, light, sleeping = np.split(
        observations, [view, 2 * view, 2 * view + 1, 2 * view + 17, 2 * view + 18], axis=1
    )
    seen = np.zeros((rows, view, BLOCKS + CREATURES), np.float32)
    np.put_along_axis(seen, (np.where(tiles == OUTSIDE, 1, tiles + 2).astype(np.int64))[..., None], 1.0, axis=2)
    seen[..., BLOCKS:] = creatures[..., None] >> np.arange(CREATURES) & 1
    return np.concatenate(
        [seen.reshape(rows, -1), (amounts.astype(np.float16) / np.float16(10)).astype(np.float32),
         np.eye(4, dtype=np.float32)[facing[:, 0]], light / np.float32(255), sleeping.astype(np.float32)], axis=1
    )  # fmt: skip


# states


def read_state(state: Any) -> dict[str, Any]:
    """Our fields, from the package's state."""
    table: NDArray[np.uint8] = np.full((SIDE + 2 * EDGE,) * 2, OUTSIDE, np.uint8)
    tiles = (np.asarray(state.map) - 2) & OUTSIDE
    table[EDGE:-EDGE, EDGE:-EDGE] = tiles + MARK * np.asarray(state.mob_map)
    found: dict[str, Any] = {"map": table}
    for kind in KINDS:
        one = getattr(state, kind)
        rest = np.maximum(np.asarray(one.attack_cooldown), 0)
        found[kind] = np.column_stack([one.position, one.health, one.mask, rest]).astype(np.int8)
    places = np.clip(np.asarray(state.arrows.position), FAR_BACK, FAR)
    found["arrows"] = np.column_stack([places, state.arrows.mask, state.arrow_directions]).astype(np.int8)
    found["plants"] = np.asarray(state.growing_plants_positions, np.int8)
    found["plant_age"] = np.minimum(np.asarray(state.growing_plants_age), RIPE)
    found["num_plants"] = int(np.asarray(state.growing_plants_mask).sum())
    found["row"], found["column"] = (int(x) for x in state.player_position)
    found["facing"], found["sleeping"] = int(state.player_direction) - 1, int(state.is_sleeping)
    found["things"] = np.array([int(getattr(state.inventory, name)) for name in THINGS])
    found |= {name: int(getattr(state, f"player_{name}")) for name in NEEDS}
    counts = {name: int(by * float(getattr(state, f"player_{name}"))) for name, by in COUNTS.items()}
    found |= {"recovery" if name == "recover" else name: value for name, value in counts.items()}
    found["achievements"] = int(np.asarray(state.achievements) @ (1 << np.arange(22)))
    return found | {"tick": int(state.timestep), "light": float(state.light_level)}


def written(state: Any, ours: Mapping[str, Any]) -> Any:
    """The package's state with our fields in it."""
    table = np.asarray(ours["map"], np.int32)[EDGE:-EDGE, EDGE:-EDGE]
    tiles = table & OUTSIDE
    fields: dict[str, Any] = {
        "map": tiles + 2,
        "mob_map": table >= MARK,
        "player_position": np.array([ours["row"], ours["column"]], np.int32),
        "player_direction": np.int32(ours["facing"] + 1),
        "is_sleeping": np.bool_(ours["sleeping"]),
        "timestep": np.int32(ours["tick"]),
        "light_level": np.float32(ours["light"]),
        "achievements": (int(ours["achievements"]) >> np.arange(22) & 1).astype(bool),
        "growing_plants_positions": np.asarray(ours["plants"], np.int32),
        "growing_plants_age": np.asarray(ours["plant_age"], np.int32),
        "growing_plants_mask": np.arange(10) < int(ours["num_plants"]),
        "inventory": state.inventory.replace(**dict(zip(THINGS, np.asarray(ours["things"], np.int32), strict=True))),
        "arrow_directions": np.asarray(ours["arrows"], np.int32)[:, 3:5],
        "arrows": state.arrows.replace(
            position=np.asarray(ours["arrows"], np.int32)[:, :2], mask=np.asarray(ours["arrows"])[:, 2].astype(bool)
        ),
    }
    for kind in KINDS:
        rows = np.asarray(ours[kind], np.int32)
        fields[kind] = getattr(state, kind).replace(
            position=rows[:, :2], health=rows[:, 2], mask=rows[:, 3].astype(bool), attack_cooldown=rows[:, 4]
        )
    fields |= {f"player_{name}": np.int32(ours[name]) for name in NEEDS}
    counts = {name: ours["recovery" if name == "recover" else name] / by for name, by in COUNTS.items()}
    fields |= {f"player_{name}": np.float32(value) for name, value in counts.items()}
    return state.replace(**fields)
