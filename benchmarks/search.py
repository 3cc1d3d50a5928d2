"""How much search adds to a policy: `python benchmarks/search.py [NAME[=POLICY] ...] [--games N] [--json FILE]`.

Each policy plays itself without a search, with 50 and with 200 simulations before each move, sides swapped. The shipped
policies play unless a file is given.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from puffer_envs.arena.match import MatchOptions, play_match
from puffer_envs.arena.players import find_players
from puffer_envs.arena.ratings import rate
from puffer_envs.arena.summary import ladder

BOARDS = ("checkers", "chess", "connect4", "go", "gomoku", "hex", "othello")
SIMULATIONS = (50, 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boards", nargs="*", default=BOARDS, metavar="NAME[=POLICY]")
    parser.add_argument("--games", type=int, default=200, help="of each two players [200]")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    results = []
    for board in options.boards:
        name, _, file = board.partition("=")
        policy = file or "trained"
        _, players = find_players([policy, *(f"{policy}@{n}" for n in SIMULATIONS)], name, search=True)
        began = time.process_time()
        tallies = play_match(name, players, {}, MatchOptions(options.games))
        seconds = time.process_time() - began
        print(f"\n{name}, {options.games} games of each two players, {seconds:.0f} processor seconds")
        print("\n".join(ladder(players, rate(tallies, [player.key for player in players]))))
        rows = [
            {"first": t.first.search, "second": t.second.search, "score": t.score, "games": t.games} for t in tallies
        ]
        results.append({"environment": name, "policy": policy, "seconds": round(seconds, 1), "matches": rows})
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
