"""How far pictures of car_racing_pixels are from those of Gymnasium's CarRacing-v3, which needs Box2D and pygame.

`python benchmarks/car_racing_pictures.py` plays the original with the policy that ships for car_racing, whose steering
is disturbed in every other episode. After each step its state is put into ours, and both pictures are compared. It
writes benchmarks/results/car_racing_pictures.json, docs/ports/car_racing_pixels.md and
tests/envs/car_racing_pictures.npz.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

import puffer_envs
from puffer_envs.policy import load_policy
from puffer_envs.porting.adapter import KNOWN, load_adapter
from puffer_envs.porting.pair import Pair

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results/car_racing_pictures.json"
PAGE = ROOT / "docs/ports/car_racing_pixels.md"
STORED = ROOT / "tests/envs/car_racing_pictures.npz"
EPISODES, STEPS, KEPT = 12, 250, 25
ZOOMED = 50
PARTS = {"the road": slice(0, 84), "instruments": slice(84, 96)}


def frames() -> Iterator[tuple[int, dict[str, Any], NDArray[np.uint8], NDArray[np.uint8]]]:
    """The step, the state, the picture of ours and that of the original."""
    from puffer_envs.porting.known import car_racing as known  # needs Box2D

    reference: Any = gymnasium.make("CarRacing-v3")
    original = reference.unwrapped
    original.puffer_at = 0
    with puffer_envs.make("car_racing_pixels", 1) as env:
        env.reset()
        pair = Pair(env, reference, load_adapter(KNOWN / "car_racing.py", puffer_envs.spec("car_racing")))
        policy = load_policy(ROOT / "src/puffer_envs/trained/car_racing.safetensors", seed=1)
        for episode in range(EPISODES):
            rng = np.random.default_rng(episode)
            picture, _ = reference.reset(seed=episode)
            original.puffer_at, push = 0, 0.0
            policy.reset()
            trail = {name: np.zeros(64, np.float32) for name in ("trail_x", "trail_y", "trail_angle")}
            for step in range(STEPS):
                seen = known._see(original)
                state = pair.read()
                pair.put([state | trail])
                yield step, state | trail, env.observations[0], picture
                for name, value in zip(trail, (state["x"], state["y"], state["angle"]), strict=True):
                    trail[name][step % 64] = value
                if step % 10 == 0:
                    push = rng.uniform(-0.7, 0.7) * (episode % 2)
                action = policy.act(seen[None])[0] + [push, 0, 0]
                picture, _, terminal, truncated, _ = reference.step(np.clip(action, [-1, 0, 0], 1).astype(np.float32))
                if terminal or truncated:
                    break
    reference.close()


class Tally:
    """How far pixels are apart."""

    def __init__(self) -> None:
        self.levels = np.zeros(256, np.int64)
        self.frames = 0
        self.total = 0.0
        self.worst_frame = 0.0

    def add(self, apart: NDArray[np.int64]) -> None:
        self.frames += 1
        self.levels += np.bincount(apart.max(-1).reshape(-1), minlength=256)
        self.total += float(apart.mean())
        self.worst_frame = max(self.worst_frame, float(apart.mean()))

    def facts(self) -> dict[str, Any]:
        shares = np.cumsum(self.levels) / self.levels.sum()
        return {
            "frames": self.frames,
            "same": round(float(shares[0]), 4),
            "within_1": round(float(shares[1]), 4),
            "within_4": round(float(shares[4]), 4),
            "mean": round(self.total / self.frames, 4),
            "worst_frame": round(self.worst_frame, 3),
            "largest": int(np.flatnonzero(self.levels).max()),
        }


def page(facts: Mapping[str, Any]) -> str:
    """The page, from the figures."""
    rows = "\n".join(
        f"| {row['when']}, {row['part']} | {row['frames']:,} | {row['same']:.2%} | {row['within_1']:.2%} "
        f"| {row['within_4']:.2%} | {row['mean']:.3f} | {row['worst_frame']:.2f} | {row['largest']} |"
        for row in facts["rows"]
    )
    return f"""# car_racing_pixels: how far its pictures are from Gymnasium's

`python benchmarks/car_racing_pictures.py` wrote this page on {facts["date"]}, with
{facts["versions"]}. The rules are those of
car_racing, which has [its own proof](car_racing.md). Here pictures are compared: Gymnasium plays
{facts["episodes"]} episodes, its state is put into ours after each step, and both draw it. In half of
the episodes a disturbed driver leaves the road.

| when, where | pictures | same pixels | within 1 | within 4 | mean | worst picture | largest |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

A pixel counts by the channel that differs most, of 255 levels. *Mean* is over all channels; *worst
picture* is the largest such mean of one. The camera comes nearer in the first second.

## What is not the same

- Gymnasium paints polygons on 1000 by 800 dots and shrinks that; here each pixel's share of a
  polygon is computed. Along edges they differ by a level or two, at corners of kerbs and of the
  car by more.

- Where the road crosses itself, both tiles count there instead of the later one.

- Digits stand where Gymnasium's font puts them, sometimes a dot beside it.

- Gymnasium darkens a tile when the car's body touches it. Here that is so while it does, and for
  good once a wheel has touched it.

- A return that ends in exactly one half is rounded to the other side now and then.
"""


def main() -> None:
    """Compare, and write the figures, the page, and some pictures for the tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    if missing := [name for name in ("Box2D", "pygame") if importlib.util.find_spec(name) is None]:
        parser.error(f"{missing[0]} is missing: pip install swig, then pip install 'gymnasium[box2d]'")
    tallies = {(when, part): Tally() for when in ("first second", "later") for part in PARTS}
    kept: list[tuple[dict[str, Any], NDArray[np.uint8]]] = []
    for count, (step, state, ours, theirs) in enumerate(frames()):
        apart = np.abs(ours.astype(np.int64) - theirs)
        for part, rows in PARTS.items():
            tallies["first second" if step < ZOOMED else "later", part].add(apart[rows])
        if count % (EPISODES * STEPS // KEPT) == 7:
            kept.append((state, theirs))
    versions = f"gymnasium {gymnasium.__version__}, numpy {np.__version__} and Python {platform.python_version()}"
    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions,
        "episodes": EPISODES,
        "rows": [{"when": when, "part": part} | tally.facts() for (when, part), tally in tallies.items()],
    }
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(facts), "utf-8")
    names = kept[0][0]
    columns = {name: np.array([state[name] for state, _ in kept]) for name in names}
    columns = {name: c.astype(np.float32) if c.dtype == np.float64 else c for name, c in columns.items()}
    np.savez_compressed(STORED, picture=np.array([picture for _, picture in kept]), **columns)
    print(page(facts))


if __name__ == "__main__":
    main()
