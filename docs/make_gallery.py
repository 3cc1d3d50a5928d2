"""Make the pictures of the README and of the pages: `python docs/make_gallery.py [NAME ...]`.

The policies that ship were trained with the shipped settings (`puffer-train NAME`). Each plays one
game, which is recorded as a replay, and a frame of it is drawn; for some, a few seconds too. The
templates of `puffer-envs new` are trained first; their names here are those of the games.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Picture:
    """What to show, and of which environment."""

    name: str
    """Of the environment."""
    render: str
    """Options of puffer-render."""
    env: str = ""
    """Settings of the environment, as options of puffer-eval."""


PICTURES = {
    "acrobot.png": Picture("acrobot", "--frame 270"),
    "asteroids.png": Picture("asteroids", "--frame 4020"),
    "backgammon.png": Picture("backgammon", "--frame 20"),
    "bipedal_walker.png": Picture("bipedal_walker", "--frame 240"),
    "blackjack.png": Picture("blackjack", "--frame 1"),
    "blobs.png": Picture("blobs", "--frame 1200"),
    "boids.png": Picture("boids", "--frame 500"),
    "breakout.png": Picture("breakout", "--frame 3200"),
    "car_racing.png": Picture("car_racing", "--frame 300"),
    "car_racing_pixels.png": Picture("car_racing_pixels", "--frame 75"),
    "cards.png": Picture("cards", "--frame 560"),
    "cartpole.png": Picture("cartpole", "--frame 12"),
    "checkers.png": Picture("checkers", "--frame 20"),
    "chess.png": Picture("chess", "--frame 33"),
    "cliff_walking.png": Picture("cliff_walking", "--frame 7"),
    "connect4.png": Picture("connect4", "--frame 12"),
    "craftax_classic.png": Picture("craftax_classic", "--frame 300"),
    "delve.png": Picture("delve", "--frame 849"),
    "drone.png": Picture("drone", "--frame 500", "--env.task flag"),
    "drone-cube.png": Picture("drone", "--frame 500", "--env.task cube"),
    "drone-race.png": Picture("drone", "--frame 400", "--env.task race"),
    "enduro.png": Picture("enduro", "--frame 2300"),
    "foundry.png": Picture("foundry", "--frame 700"),
    "frozen_lake.png": Picture("frozen_lake", "--frame 13"),
    "go.png": Picture("go", "--frame 14"),
    "gomoku.png": Picture("gomoku", "--frame 3"),
    "hex.png": Picture("hex", "--frame 6"),
    "lantern.png": Picture("lantern", "--frame 100"),
    "lunar_lander.png": Picture("lunar_lander", "--frame 60"),
    "maze.png": Picture("maze", "--frame 20"),
    "memory.png": Picture("memory", "--frame 0"),
    "merge2048.png": Picture("merge2048", "--frame 4501"),
    "minatar_asterix.png": Picture("minatar_asterix", "--frame 450"),
    "minatar_breakout.png": Picture("minatar_breakout", "--frame 60"),
    "minatar_freeway.png": Picture("minatar_freeway", "--frame 100"),
    "minatar_seaquest.png": Picture("minatar_seaquest", "--frame 400"),
    "minatar_space_invaders.png": Picture("minatar_space_invaders", "--frame 60"),
    "mountain_car.png": Picture("mountain_car", "--frame 128"),
    "mountain_car_continuous.png": Picture("mountain_car_continuous", "--frame 100"),
    "othello.png": Picture("othello", "--frame 9"),
    "pendulum.png": Picture("pendulum", "--frame 66"),
    "pong.png": Picture("pong", "--frame 1500"),
    "racer.png": Picture("racer", "--frame 2400"),
    "snake.png": Picture("snake", "--frame 180"),
    "squared.png": Picture("squared", "--frame 3"),
    "tanks.png": Picture("tanks", "--frame 130"),
    "taxi.png": Picture("taxi", "--frame 22"),
    "tower.png": Picture("tower", "--frame 130", "--env.difficulty 0.98 --env.spread 0.01"),
    "breakout.gif": Picture("breakout", "--fps 25 --every 3 --max-seconds 8 --scale 0.6"),
    "drone.gif": Picture("drone", "--fps 16.7 --every 3 --max-seconds 9 --scale 0.5 --zoom 1.05", "--env.task flag"),
}

TEMPLATES = {
    "vault": ("grid", 13),
    "lander": ("continuous", 50),
    "flock": ("multi-agent", 200),
    "three_stones": ("board", 3),
    "bat_cave": ("arcade", 150),
}
"""A game of each template, and the frame to draw."""


def run(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)


def draw_template(folder: Path, template: str, frame: int) -> None:
    run("puffer_envs.cli", "new", str(folder), "--template", template)
    run("puffer_train.cli.train", str(folder), "--no-video", "--run-dir", str(folder / "run"))
    image = str(DOCS / "images" / f"template-{template}.png")
    options = ["--frame", str(frame), "--scale", "0.6", "--library", str(folder)]
    run("puffer_render.cli_render", str(folder / "run"), image, *options)


def main() -> int:
    names = sys.argv[1:]
    chosen = {file: picture for file, picture in PICTURES.items() if not names or picture.name in names}
    (DOCS / "images").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        games = {(picture.name, picture.env) for picture in chosen.values()}
        replays = {game: f"{scratch}/{number}.puf" for number, game in enumerate(sorted(games))}
        for (name, env), replay in replays.items():
            options = ["--trained", "--episodes", "1", "--seed", "7", "--replay", replay]
            run("puffer_train.cli.eval", name, *options, *env.split())
        for file, picture in chosen.items():
            replay = replays[picture.name, picture.env]
            run("puffer_render.cli_render", replay, str(DOCS / "images" / file), *picture.render.split())
        for name, (template, frame) in TEMPLATES.items():
            if not names or name in names:
                draw_template(Path(scratch) / name, template, frame)
    return 0


if __name__ == "__main__":
    sys.exit(main())
