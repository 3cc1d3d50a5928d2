"""puffer-play: play an environment with the keyboard, or watch a policy and take over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import puffer_envs
from puffer_envs.policy import NumpyPolicy, PolicyError, load_policy
from puffer_envs.spec import read_layout

from puffer_render.cli import Parser, parse_settings, run
from puffer_render.draw import Drawing, drawing_for, find_module
from puffer_render.errors import RenderError
from puffer_render.frame import Frame
from puffer_render.keys import KeyMap, make_keymap
from puffer_render.overlay import FOOTER, draw_footer, draw_help
from puffer_render.player import Player
from puffer_render.window import Window

PROGRAM = "puffer-play"
CONTROL_KEYS = ("p", "n", "r", "h", "q", "escape")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    return run(PROGRAM, _main, arguments)


def _main(arguments: Sequence[str] | None) -> None:
    parser = Parser(
        prog=PROGRAM,
        description="Play an environment in a window. The keys are shown on the screen.",
        epilog="Environments: " + ", ".join(puffer_envs.list_envs()),
    )
    parser.add_argument("name", metavar="NAME", help="an environment")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="let this policy play; hold a key to take over")
    parser.add_argument("--seed", type=int, default=0, help="of the first game and of the policy (default: 0)")
    parser.add_argument(
        "--env.KEY", dest="_", metavar="VALUE", help="a setting of the environment, e.g. --env.max_steps 100"
    )
    options, rest = parser.parse_known_args(arguments)
    settings = parse_settings(parser, rest)
    policy = _load_policy(options.policy, options.seed)
    env = _make(options.name, options.seed, settings, policy)
    with env:
        play(env, policy, options.seed)


def play(env: Any, policy: NumpyPolicy | None = None, seed: int = 0) -> None:
    """Open a window and play until the person leaves. Raises RenderError when there is no display."""
    drawing = drawing_for(env.spec.name, env)
    parts = read_layout(env.spec.name, list(env.settings.values())).actions
    keymap = make_keymap(parts, drawing.keys, drawing.idle)
    game_keys = [key for binding in keymap.bindings for key in binding.keys]
    width, height = drawing.size
    window = Window(f"{env.spec.name} — puffer-play", width, height + FOOTER, [*CONTROL_KEYS, *game_keys])
    try:
        _loop(window, Player(env, keymap, policy, seed), drawing)
    finally:
        window.close()


def _loop(window: Window, player: Player, drawing: Drawing) -> None:
    show_help = False
    before = time.perf_counter()
    while not window.closed:
        pressed = window.pressed()
        if pressed & {"escape", "q"}:
            return
        show_help ^= "h" in pressed
        _obey(player, pressed, window.typed())
        now = time.perf_counter()
        player.advance(now - before, window.held(), pressed)
        before = now
        window.show(lambda frame: _draw(player, drawing, window.fps, show_help, frame))  # noqa: B023


def _obey(player: Player, pressed: frozenset[str], typed: str) -> None:
    """The keys that are the window's rather than the game's."""
    if "p" in pressed:
        player.paused = not player.paused
    if "n" in pressed:
        player.paused = True
        player.step()
    if "r" in pressed:
        player.reset()
    for character in typed:
        if character in "+=":
            player.faster()
        elif character in "-_":
            player.slower()


def _draw(player: Player, drawing: Drawing, fps: int, show_help: bool, frame: Frame) -> None:
    width, height = drawing.size
    drawing.draw(player.env.state(0), frame)
    if show_help:
        draw_help(player.keymap, frame, height)
    draw_footer(player, fps, height, frame)


def _load_policy(path: Path | None, seed: int) -> NumpyPolicy | None:
    if path is None:
        return None
    try:
        return load_policy(path, seed)
    except (PolicyError, ValueError) as error:
        raise RenderError(str(error)) from None


def _make(name: str, seed: int, settings: dict[str, Any], policy: NumpyPolicy | None) -> Any:
    """The environment: for a policy with the settings of its training, for a person with the drawing's own."""
    suited = policy.info.settings if policy else getattr(find_module(name), "PLAY", {})
    try:
        env = puffer_envs.make(name, num_envs=1, seed=seed, **{**suited, **settings})
        if policy is not None:
            policy.require(name, env.single_observation_space, env.single_action_space)
    except (ValueError, TypeError, MemoryError, PolicyError) as error:
        raise RenderError(str(error)) from None
    return env


if __name__ == "__main__":
    raise SystemExit(main())
