"""Draw the picture of docs/training.md: `python docs/make_curves.py`, about two minutes.

Three runs on squared with its shipped learning rate, and three with one that is far too high; all without the KL
limit, which would hide the effect of such a rate.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).resolve().parent / "images" / "curves.png"
SETTINGS: dict[str, list[str]] = {"shipped": [], "wild": ["--train.learning-rate", "0.15"]}
SEEDS = (1, 2, 3)


def run(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", f"puffer_train.{module}", *arguments], check=True)


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folders = []
        for name, options in SETTINGS.items():
            for seed in SEEDS:
                folders.append(f"{scratch}/{name}-{seed}")
                where = ["--seed", str(seed), "--run-dir", folders[-1], "--no-video", "--train.max-kl", "0"]
                run("cli.train", "squared", *where, *options)
        run("cli.plot", *folders, "--curves", "-o", str(PICTURE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
