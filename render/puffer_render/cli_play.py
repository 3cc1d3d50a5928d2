"""puffer-play: play an environment with the keyboard, or watch a policy and take over."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import puffer_envs
from puffer_envs.arena.players import MAX_SIMULATIONS
from puffer_envs.arena.search import SearchingPolicy, make_search
from puffer_envs.arena.sides import two_sides
from puffer_envs.contract.commands import (
    Parser,
    add_library,
    add_network,
    add_seed,
    add_trained,
    find_trained,
    run_command,
    whole_number,
)
from puffer_envs.contract.offers import open_given
from puffer_envs.policy import NumpyPolicy, PolicyError
from puffer_envs.settings import resolve_settings
from puffer_envs.spec import ActionPart, is_native, read_layout, to_numbers
from puffer_render.camera import CAMERA_KEYS, move_camera
from puffer_render.draw import Drawing, drawing_for, own_drawing
from puffer_render.errors import RenderError
from puffer_render.follow import Follower
from puffer_render.frame import Frame
from puffer_render.keys import KeyMap, make_keymap
from puffer_render.overlay import FOOTER, draw_footer, draw_help, draw_note, draw_stop, draw_thoughts
from puffer_render.past import Course
from puffer_render.player import Player
from puffer_render.sources import load_libraries, read_policy
from puffer_render.spectator import watch_policy
from puffer_render.tape import Tape
from puffer_render.watch import Watcher
from puffer_render.window import Window

PROGRAM = "puffer-play"
EXAMPLES = """examples:
  puffer-play breakout                       play it yourself
  puffer-play breakout --trained             watch the policy that ships with it; hold a key to take over
  puffer-play runs/breakout-1                watch a policy of your own
  puffer-play --follow runs/breakout-1       watch it while it trains
  puffer-play ./my_game.h --watch            while you edit it: code and drawing are replaced when they are saved
  puffer-play othello --trained --search 200 against a policy that searches; T takes a seat
  puffer-play drone --env.num-drones 16
"""
CONTROL_KEYS = ("p", "n", "r", "h", "t", "q", "tab", "escape", "z", "f1", "page_up", "page_down")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 a mistake, 130 Ctrl-C."""

    def body() -> int:
        _main(arguments)
        return 0

    return run_command(PROGRAM, body)


def _main(arguments: Sequence[str] | None) -> None:
    parser = _parser()
    options, settings = parser.parse(arguments)
    load_libraries(options.library)
    open_given(options)
    name, path = _find_policy(parser, options)
    follower = None
    if options.follow:
        if path is None:
            parser.error("--follow needs the folder of a run")
        follower = Follower(path, options.seed)
        policy: NumpyPolicy | None = follower.wait()
    else:
        policy = None if path is None else read_policy(path, options.seed, options.network)
    if name is None:
        if policy is None:
            parser.error("name an environment, or give a policy with --policy FILE")
        name = policy.info.environment
    if not is_native(name) and (":" in name or (policy is not None and policy.info.environment == name)):
        if policy is None:
            raise RenderError(
                f"{name} has no keys here; with --policy FILE a policy plays it, and you watch (environments with "
                f"keys: {', '.join(puffer_envs.list_envs())})"
            )
        if options.search or options.replay is not None:
            parser.error(f"--search and --replay are for environments of this package's kind, which {name} is not")
        watch_policy(name, policy, settings, options.seed, follower)
        return
    if options.search:
        settings = _for_search(parser, options, name, policy, settings)
    watcher = None
    if options.watch:
        watcher = Watcher(name, lambda: _make(name, options.seed, settings, policy))
    env, hold = _make(name, options.seed, settings, policy)
    if policy is not None and policy.info.environment_version != env.spec.version:
        print(
            f"{PROGRAM}: this policy was trained in version {policy.info.environment_version} of {name}; "
            f"this is version {env.spec.version}, so it may play badly",
            file=sys.stderr,
        )
    with env:
        searched = policy
        if options.search and policy is not None:
            search = make_search(env, policy, two_sides(name, env.settings), options.search)
            searched = SearchingPolicy(search, policy)
        if options.replay is not None and (watcher is not None or (policy is None and Course.offered_by(env))):
            parser.error("--replay holds one environment with one set of settings: no --watch, no level after level")
        play(env, searched, options.seed, hold, follower, watcher, options.replay)


def _for_search(
    parser: Parser, options: Any, name: str, policy: NumpyPolicy | None, settings: dict[str, Any]
) -> dict[str, Any]:
    """The settings with which both sides of the game are agents."""
    if policy is None:
        parser.error("--search is for a policy: add --trained or --policy FILE")
    if options.follow or options.watch:
        parser.error("--search goes with neither --follow nor --watch")
    trained = policy.info.settings if policy.info.environment == name else {}
    return two_sides(name, {**trained, **settings}).settings


def _find_policy(parser: Parser, options: Any) -> tuple[str | None, Path | None]:
    """The environment that is named, if one is, and where the policy is, if one is to play."""
    name: str | None = options.name
    path: Path | None = options.policy
    if options.trained:
        return name, find_trained(parser, name, path)
    if name is not None and path is None and not is_native(name) and (options.follow or Path(name).exists()):
        return None, Path(name)
    return name, path


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Play an environment in a window, or watch a policy. The keys are shown on the screen.",
        epilog=EXAMPLES,
    )
    parser.add_argument("name", metavar="NAME|FILE", nargs="?", help="an environment, a policy file or a run folder")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="let this policy, or that of a run, play; hold a key to take over"
    )
    add_trained(parser)
    parser.add_argument(
        "--follow", action="store_true", help="NAME is a run that trains: play its newest weights, as they improve"
    )
    parser.add_argument(
        "--watch", action="store_true", help="NAME is a C or C++ file: play what it says whenever it is saved"
    )
    parser.add_argument(
        "--search",
        type=whole_number(1, MAX_SIMULATIONS),
        metavar="N",
        help="boards: the policy runs N simulations before each move",
    )
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="save what was played since the start, or since R was last pressed"
    )
    add_seed(parser, 0, "of the first game and of the policy [0]")
    parser.add_env_settings()
    add_library(parser)
    add_network(parser)
    return parser


def play(
    env: Any,
    policy: NumpyPolicy | None = None,
    seed: int = 0,
    hold: int = 1,
    follower: Follower | None = None,
    watcher: Watcher | None = None,
    replay: Path | None = None,
) -> None:
    """Open a window and play until the person leaves; decisions are made every `hold` steps.

    follower: where newer weights of the policy come from. watcher: where newer code of the environment comes from.
    replay: where to save what was played. Raises RenderError when there is no display.
    """
    tape = None if replay is None else Tape()
    drawing = drawing_for(env.spec.name, env)
    drawing = drawing if watcher is None else watcher.guard(drawing)
    keymap = _keymap(env, drawing)
    window = Window(f"{env.spec.name} — puffer-play", *drawing.size, FOOTER, _keys(keymap, drawing))
    try:
        player = Player(env, keymap, policy, seed, steps_per_second(env, drawing), hold, tape)
        _suit(player, drawing)
        player.speed = drawing.speed if policy is None else 1.0
        if policy is None:
            player.begin()
        _loop(window, player, drawing, follower, watcher)
    except ValueError as error:  # from the policy: its file was valid, but its outputs are not
        if policy is None:
            raise
        raise RenderError(f"the policy cannot continue: {error}") from None
    finally:
        window.close()
        if watcher is not None:
            watcher.close()
        if tape is not None and replay is not None and len(tape):
            tape.save(replay, env)
            print(f"{PROGRAM}: {replay} has the last {len(tape)} steps; puffer-render makes a video of it")


def _keymap(env: Any, drawing: Drawing) -> KeyMap:
    return make_keymap(_action_parts(env), drawing.keys, drawing.idle, drawing.pilot)


def _action_parts(env: Any) -> Sequence[ActionPart]:
    return read_layout(env.spec.name, to_numbers(env.spec, env.settings)).actions


def _keys(keymap: KeyMap, drawing: Drawing) -> list[str]:
    """The keys that the window watches."""
    keys = [key for binding in keymap.bindings for key in binding.keys]
    return [*CONTROL_KEYS, *keys, *(CAMERA_KEYS if drawing.camera else ())]


def _suit(player: Player, drawing: Drawing) -> None:
    """Let the player do what the drawing asks for."""
    player.remember = drawing.between is not None
    if drawing.frames is not None and drawing.frame_rate is not None:
        frames, a_step = drawing.frames, drawing.frame_rate / player.env.spec.rate
        player.lasting = lambda before, after: frames(before, after) / a_step
    player.past.kept = drawing.undoes and player.policy is None
    player.course = Course(player.env) if player.policy is None and Course.offered_by(player.env) else None
    player.waits = drawing.waits
    player.present, player.goal = drawing.present, drawing.goal
    if drawing.verdict is not None:
        player.judge = drawing.verdict
    player.rate = steps_per_second(player.env, drawing)


def _take_newer(window: Window, player: Player, drawing: Drawing, watcher: Watcher) -> Drawing:
    """Play newer code, with its drawing, if the file was saved. Returns the drawing."""
    newer = watcher.poll(player.env, drawing)
    if newer is None:
        return drawing
    env, hold, drawing = newer
    keymap = _keymap(env, drawing)
    window.fit(*drawing.size, _keys(keymap, drawing))
    player.take_env(env, keymap)
    player.hold = hold or player.hold
    _suit(player, drawing)
    return drawing


def _loop(window: Window, player: Player, drawing: Drawing, follower: Follower | None, watcher: Watcher | None) -> None:
    show_help = show_thoughts = False
    before = time.perf_counter()
    while not window.closed:
        pressed = window.pressed()
        if pressed & {"escape", "q"}:
            return
        show_help ^= "h" in pressed
        show_thoughts ^= "f1" in pressed
        held = window.held()
        _obey(player, pressed, held, window.typed())
        now = time.perf_counter()
        if drawing.camera:
            move_camera(window.orbit, held, window.dragged(), window.scrolled(), now - before)
        point = window.clicked() if drawing.touch is not None else None
        if point is not None and drawing.touch is not None:
            player.touched = drawing.touch(player.env.state(0), *point)
        if not show_help:
            games = len(player.games)
            player.advance(now - before, held, pressed)
            for game in player.games[games:]:
                print(f"{player.env.spec.name}: score {game} in {game.steps} steps", flush=True)
        before = now
        note = "" if follower is None else follow(player, follower)
        drawing = drawing if watcher is None else _take_newer(window, player, drawing, watcher)
        shown = Shown(window.fps, show_help, show_thoughts, note)
        window.show(lambda frame: _draw(player, drawing, shown, watcher, frame))  # noqa: B023


def follow(player: Player, follower: Follower) -> str:
    """Give the player newer weights if there are any. Returns what to say about them. Raises RenderError."""
    newer = follower.poll()
    if newer is not None:
        env = player.env
        try:
            newer.require(env.spec.name, env.single_observation_space, env.single_action_space, env.observation_fields)
        except PolicyError as error:
            raise RenderError(f"{follower.folder} holds another run now: {error} Start again.") from None
        player.take_policy(newer)
    return "" if follower.progress is None else follower.progress.describe()


def _obey(player: Player, pressed: frozenset[str], held: frozenset[str], typed: str) -> None:
    """Handle the keys of the window, as opposed to the game's."""
    if "p" in pressed:
        player.paused = not player.paused
    if "n" in pressed:
        player.paused = True
        player.step(held)
    if "r" in pressed and len(player.past) > 0:
        player.take_back(everything=True)
    elif "r" in pressed:
        player.reset()
    if "z" in pressed:
        player.take_back()
    if pressed & {"page_up", "page_down"}:
        player.change_level(1 if "page_up" in pressed else -1)
    if "tab" in pressed:
        player.hand_over()
    if "t" in pressed:
        player.take_seat()
    for character in typed:
        if character in "+=":
            player.faster()
        elif character in "-_":
            player.slower()


@dataclass(frozen=True)
class Shown:
    """What is shown beside the picture."""

    fps: int
    help: bool
    thoughts: bool
    note: str


def _draw(player: Player, drawing: Drawing, shown: Shown, watcher: Watcher | None, frame: Frame) -> None:
    frame.person = None if player.plays_all else player.agent
    drawing.draw(shown_state(player, drawing), frame)
    if shown.thoughts:
        draw_thoughts(player, _action_parts(player.env), frame)
    if shown.help:
        draw_help(player, frame, CAMERA_KEYS if drawing.camera else {})
    elif player.stopped is not None and not player.shows_end:
        draw_stop(player, frame)
    if watcher is not None and watcher.note:
        draw_note(watcher.note, watcher.failed, frame)
    draw_footer(player, shown.fps, frame, shown.note)


def shown_state(player: Player, drawing: Drawing) -> Any:
    """The state to draw now: between steps of several frames, one between the two steps' states."""
    state = player.env.state(0)
    if drawing.between is None or player.before is None or player.paused:
        return state
    if drawing.frames is not None:
        frames = drawing.frames(player.before, player.after)
        last = frames - 1 if player.stopped == "end" else frames
        frame = min(1 + int(player.progress * frames), last)
        return drawing.between(player.before, player.after, frame, frames) if 0 < frame < frames else state
    frames = int(player.env.settings[drawing.frameskip])
    frame = 1 + int(player.progress * frames)
    return drawing.between(player.before, state, frame, frames) if frame < frames else state


def steps_per_second(env: Any, drawing: Drawing) -> float:
    """The environment's rate, which depends on how long an action is held."""
    if drawing.frameskip is None or drawing.frame_rate is None or drawing.frames is not None:
        return float(env.spec.rate)
    return drawing.frame_rate / float(env.settings[drawing.frameskip])


def _make(name: str, seed: int, settings: dict[str, Any], policy: NumpyPolicy | None) -> tuple[Any, int]:
    """The environment, and for how many of its steps an action is held.

    A policy gets its training settings, a person the settings for people; `--env.KEY` overrides both.
    """
    drawing = own_drawing(name)
    suited = drawing.play if drawing else {}
    if policy is not None:
        suited = policy.info.settings if policy.info.environment == name else {}
    chosen = {**suited, **settings}
    hold = 1
    try:
        resolved: dict[str, Any] = dict(resolve_settings(puffer_envs.spec(name), chosen))
        if drawing is not None and drawing.splits_steps:
            frameskip = str(drawing.frameskip)
            if policy is not None or frameskip in chosen:
                hold = int(resolved[frameskip])
            resolved[frameskip] = 1
        env = puffer_envs.make(name, num_envs=1, seed=seed, **resolved)
        if policy is not None:
            policy.require(name, env.single_observation_space, env.single_action_space, env.observation_fields)
    except (ValueError, TypeError, MemoryError, PolicyError) as error:
        raise RenderError(str(error)) from None
    return env, hold


if __name__ == "__main__":
    raise SystemExit(main())
