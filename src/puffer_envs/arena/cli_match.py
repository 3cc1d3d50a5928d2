"""`puffer-match`: games between policies, scripts and chance, with ratings."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from puffer_envs.arena.match import MAX_GAMES, MatchOptions, play_match
from puffer_envs.arena.players import find_players, split_name
from puffer_envs.arena.progress import Progress
from puffer_envs.arena.ratings import rate
from puffer_envs.arena.summary import as_json, details, ladder, payoffs
from puffer_envs.contract.commands import (
    Parser,
    add_library,
    add_network,
    add_seed,
    add_threads,
    run_command,
    whole_number,
)
from puffer_envs.contract.offers import load_file

PROGRAM = "puffer-match"
EXAMPLES = """examples:
  puffer-match connect4 trained random script:4
  puffer-match runs/connect4-1 runs/connect4-2 --games 4000
  puffer-match tanks trained random --replays games
  puffer-match runs/hex-1 runs/hex-1@50 --games 100
  puffer-match cards a.safetensors b.safetensors script:2 --env.mirror true --json
"""


def build_parser() -> Parser:
    """Return the parser of `puffer-match`."""
    parser = Parser(
        prog=PROGRAM, description="Let players play each other, with sides swapped, and rate them.", epilog=EXAMPLES
    )
    parser.add_argument(
        "players",
        nargs="*",
        metavar="[NAME] PLAYER",
        help="an environment, if the policies do not tell it, and two players or more: policy files, run folders, "
        "trained, random, script:N; FILE@200 runs 200 simulations before each move",
    )
    parser.add_argument(
        "--games", type=whole_number(2, MAX_GAMES), default=1000, metavar="N", help="of each two players [1000]"
    )
    add_seed(parser, 0, "of the games and of what players draw [0]")
    add_threads(parser, 1, "to step the games with [1]")
    parser.add_argument("--deterministic", action="store_true", help="policies take their most likely action")
    parser.add_argument("--replays", type=Path, metavar="FOLDER", help="save a replay of each kind of win")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_env_settings()
    add_library(parser)
    add_network(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 a mistake, 130 Ctrl-C."""
    return run_command(PROGRAM, lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    parser = build_parser()
    options, settings = parser.parse(arguments)
    for library in options.library:
        load_file(library)
    name, words = split_name(options.players)
    if len(words) < 2:
        parser.error("a match needs two players: policy files, run folders, trained, random or script:N")
    name, players = find_players(words, name, search=True)
    how = MatchOptions(
        options.games + options.games % 2, options.seed, options.deterministic, options.threads, options.network
    )
    began = time.perf_counter()
    tallies = play_match(name, players, settings, how, Progress(), options.replays)
    seconds = time.perf_counter() - began
    ratings = rate(tallies, [player.key for player in players])
    if options.json:
        print(json.dumps(as_json(name, settings, players, tallies, ratings), indent=2))
        return 0
    games = sum(tally.games for tally in tallies)
    lines = [*ladder(players, ratings), "", "points per game against", *payoffs(players, tallies, ratings), ""]
    print("\n".join([*lines, *details(tallies), "", f"{games:,} games of {name} in {seconds:.1f} s"]))
    if options.replays is not None:
        print(f"replays in {options.replays}; puffer-play shows one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
