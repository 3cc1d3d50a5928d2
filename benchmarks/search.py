"""How much search adds to a policy: `python benchmarks/search.py [NAME ...] [--games N] [--json FILE]`.

The shipped policy plays itself without a search, with 50 and with 200 simulations before each move, sides swapped. It
also plays the environment's scripts, without a search and with 50 simulations. Results are added to the file.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as puffer-match does: threads that wait for each other take longer

from puffer_envs.arena.match import MatchOptions, play_match
from puffer_envs.arena.players import find_players

SCRIPTS = {
    "backgammon": ("script:1", "script:2"),
    "checkers": ("script:2", "script:4"),
    "chess": ("script:1", "script:2"),
    "connect4": ("script:4", "script:6"),
    "go": ("script:1", "script:2"),
    "gomoku": ("script:2",),
    "hex": ("script:3",),
    "othello": ("script:3",),
}
"""Of each board: the one that its policy learned against, and stronger ones."""
FEW, MANY = 50, 200
"""Simulations."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boards", nargs="*", default=list(SCRIPTS), metavar="NAME")
    parser.add_argument("--games", type=int, default=200, help="of each two players [200]")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if unknown := [name for name in options.boards if name not in SCRIPTS]:
        parser.error(f"{unknown[0]!r} is not one of {', '.join(SCRIPTS)}")
    if options.games < 2:
        parser.error(f"--games is {options.games}; it must be at least 2")
    for board in options.boards:
        began, rows = time.process_time(), []
        for words in (["trained", f"trained@{FEW}", *SCRIPTS[board]], ["trained", f"trained@{MANY}"]):
            _, players = find_players(words, board, search=True)
            for tally in play_match(board, players, {}, MatchOptions(options.games)):
                sides = {"first": tally.first.label, "second": tally.second.label}
                rows.append({**sides, "won": tally.wins, "drawn": tally.draws, "lost": tally.losses})
                print(board, *rows[-1].values(), flush=True)
        seconds = round(time.process_time() - began)
        print(f"{board}: {seconds} processor seconds", flush=True)
        if options.json:
            results = json.loads(options.json.read_text("utf-8")) if options.json.exists() else {}
            results[board] = {"games": options.games, "seconds": seconds, "matches": rows}
            options.json.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
