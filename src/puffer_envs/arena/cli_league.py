"""`puffer-league`: a folder of policies and the matches between them, which anybody can play again."""

from __future__ import annotations

import json
import random
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from puffer_envs.arena.errors import ArenaError
from puffer_envs.arena.league import FILE, League, add, begin, run, tallies_of
from puffer_envs.arena.ledger import read_ledger
from puffer_envs.arena.match import MAX_GAMES, MatchOptions, Tally
from puffer_envs.arena.page import make_page
from puffer_envs.arena.players import find_players, split_name
from puffer_envs.arena.progress import Progress
from puffer_envs.arena.ratings import Rating, rate
from puffer_envs.arena.summary import as_json, ladder, payoffs
from puffer_envs.arena.verify import merge, verify
from puffer_envs.contract.commands import Parser, add_library, add_network, add_seed, run_command, whole_number
from puffer_envs.contract.files import write_atomically
from puffer_envs.contract.offers import load_file

PROGRAM = "puffer-league"
EXAMPLES = """examples:
  puffer-league add club connect4 trained random script:4
  puffer-league add club runs/connect4-1
  puffer-league run club
  puffer-league table club
  puffer-league report club
  puffer-league verify club --sample 5
  puffer-league merge club somebody/club
"""


def build_parser() -> Parser:
    """Return the parser of `puffer-league`."""
    parser = Parser(prog=PROGRAM, description="Keep a league that anybody can verify.", epilog=EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = _command(commands, "add", "start a league, or add players to one")
    one.add_argument(
        "players", nargs="+", metavar="[NAME] PLAYER", help="policy files, run folders, trained, random, script:N"
    )
    one.add_argument(
        "--games", type=whole_number(2, MAX_GAMES), metavar="N", help="of each match, in a new league [200]"
    )
    add_seed(one, None, "of a new league's games [0]")
    one.add_argument(
        "--deterministic", action="store_true", help="in a new league, policies take their likeliest action"
    )
    one.add_env_settings()
    one = _command(commands, "run", "play the matches that are missing")
    one.add_argument("--again", action="store_true", help="play one more match of each two players")
    one = _command(commands, "verify", "play matches again and compare")
    one.add_argument("--sample", type=whole_number(1), metavar="N", help="so many of them, drawn at random [all]")
    one = _command(commands, "table", "print ratings and payoffs")
    one.add_argument("--json", action="store_true", help="print everything as JSON")
    one = _command(commands, "report", "write one HTML page")
    one.add_argument("--output", type=Path, metavar="FILE", help="where [DIR/league.html]")
    one = _command(commands, "merge", "take the players and matches of another league")
    one.add_argument("other", type=Path, metavar="OTHER", help="its folder")
    return parser


def _command(commands: Any, name: str, text: str) -> Parser:
    parser: Parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(parser=parser)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the league's folder")
    add_library(parser)
    add_network(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 a mistake or a forged match, 130 Ctrl-C."""
    return run_command(PROGRAM, lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    options, settings = build_parser().parse(arguments)
    for library in options.library:
        load_file(library)
    if options.command == "add":
        _add(options, settings)
        return 0
    league = League.read(options.folder, options.network)
    command = {"run": _run, "verify": _verify, "table": _table, "report": _report, "merge": _merge}[options.command]
    command(league, options)
    return 0


def _add(options: Namespace, settings: Mapping[str, Any]) -> None:
    folder, (name, words) = options.folder, split_name(options.players)
    new = not (folder / FILE).exists()
    if not new and (settings or options.games or options.seed is not None or options.deterministic):
        raise ArenaError(f"{folder} has settings of its own already: they hold for all its matches.")
    if not new:
        league = League.read(folder, options.network)
        if name not in (None, league.environment):
            raise ArenaError(f"{folder} is a league of {league.environment}, not of {name}.")
        _, players = find_players(words, league.environment)
    else:
        name, players = find_players(words, name)
        how = MatchOptions(options.games or 200, options.seed or 0, options.deterministic)
        league = begin(folder, name, settings, replace(how, games=how.games + how.games % 2))
    league = add(league, players)
    print(f"{folder}: {len(league.players)} players of {league.environment}; puffer-league run {folder} lets them play")


def _run(league: League, options: Namespace) -> None:
    new = run(league, options.again, Progress("matches"))
    print(f"{league.folder}: {len(new)} new matches, {sum(match.games for match in new):,} games")
    if not new:
        print("every two players have met; --again plays one more match of each")


def _verify(league: League, options: Namespace) -> None:
    matches = read_ledger(league.folder)
    tallies_of(league, matches)  # raises: a player is missing
    chosen = matches
    if options.sample is not None and options.sample < len(matches):
        chosen = random.SystemRandom().sample(matches, options.sample)  # nobody can know which
    progress, other, moves = Progress("matches"), 0, 0
    for number, match in enumerate(chosen):
        verdict = verify(league, match)
        other, moves = other + verdict.other, moves + verdict.moves
        progress(number + 1, len(chosen))
    same = "all of them the players' own" if not other else f"{other} of them chosen otherwise here"
    print(f"{league.folder}: {len(chosen)} of {len(matches)} matches repeat to the bit: {moves:,} moves, {same}")


def _table(league: League, options: Namespace) -> None:
    tallies, ratings = _rated(league)
    if options.json:
        print(json.dumps(as_json(league.environment, league.settings, league.players, tallies, ratings), indent=2))
        return
    lines = [*ladder(league.players, ratings), "", "points per game against"]
    print("\n".join([*lines, *payoffs(league.players, tallies, ratings)]))


def _report(league: League, options: Namespace) -> None:
    path = options.output or league.folder / "league.html"
    write_atomically(path, make_page(league, *_rated(league)).encode())
    print(path)


def _merge(league: League, options: Namespace) -> None:
    count = merge(league, League.read(options.other, options.network), Progress("matches"))
    print(f"{league.folder}: {count} new matches of {options.other}, each played again first")


def _rated(league: League) -> tuple[list[Tally], list[Rating]]:
    """The games of each two players together, and all ratings."""
    together: dict[tuple[str, str], Tally] = {}
    for tally in tallies_of(league, read_ledger(league.folder)):
        key = (tally.first.key, tally.second.key)
        together[key] = together[key].plus(tally) if key in together else tally
    if not together:
        raise ArenaError(f"{league.folder} has no matches yet: puffer-league run {league.folder} plays them.")
    return list(together.values()), rate(list(together.values()), [player.key for player in league.players])


if __name__ == "__main__":
    sys.exit(main())
