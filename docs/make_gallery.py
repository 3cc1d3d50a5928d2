"""Make the pictures of the README: `python docs/make_gallery.py`.

The policies in docs/policies were trained with the shipped settings (`puffer-train NAME --seed 1`). Each plays one
game, which is recorded as a replay, and a frame of that is drawn; of Breakout also a few seconds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PICTURES = {
    "breakout.png": ("breakout", ["--frame", "3200"]),
    "cartpole.png": ("cartpole", ["--frame", "12"]),
    "pong.png": ("pong", ["--frame", "1500"]),
    "snake.png": ("snake", ["--frame", "330"]),
    "squared.png": ("squared", ["--frame", "3"]),
    "breakout.gif": ("breakout", ["--fps", "25", "--every", "3", "--max-seconds", "8", "--scale", "0.6"]),
}


def run(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)


def main() -> int:
    (DOCS / "images").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in sorted({environment for environment, _ in PICTURES.values()}):
            policy = DOCS / f"policies/{name}.safetensors"
            replay = f"{scratch}/{name}.puf"
            options = ["--policy", str(policy), "--episodes", "1", "--seed", "7", "--replay", replay]
            run("puffer_train.cli_eval", name, *options)
        for file, (name, options) in PICTURES.items():
            run("puffer_render.cli_render", f"{scratch}/{name}.puf", str(DOCS / "images" / file), *options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
