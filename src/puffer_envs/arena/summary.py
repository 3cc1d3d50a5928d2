"""What a match came to: ratings and payoffs, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from puffer_envs.arena.match import Tally
from puffer_envs.arena.players import Player
from puffer_envs.arena.ratings import Rating

MAX_LABEL = 24
"""Characters of a player's name in a table."""


def as_json(
    name: str, settings: dict[str, Any], players: Sequence[Player], tallies: Sequence[Tally], ratings: Sequence[Rating]
) -> dict[str, Any]:
    """A match as JSON values."""
    return {
        "environment": name,
        "settings": settings,
        "players": [
            {
                "name": player.label,
                "sha256": player.sha256 or None,
                "rating": round(rating.rating, 1),
                "low": round(rating.low, 1),
                "high": round(rating.high, 1),
                "score": round(rating.score, 4),
                "games": rating.games,
            }
            for player, rating in zip(players, ratings, strict=True)
        ],
        "matches": [
            {
                "first": tally.first.label,
                "second": tally.second.label,
                "wins": tally.wins,
                "draws": tally.draws,
                "losses": tally.losses,
                "score": round(tally.score, 4),
                "wins_by_side": tally.wins_by_side,
                "pairs": tally.pairs,
                "mean_steps": round(tally.steps / tally.games, 2),
            }
            for tally in tallies
        ],
    }


def ladder(players: Sequence[Player], ratings: Sequence[Rating]) -> list[str]:
    """Lines of a table: the players from the best to the worst."""
    width = max(len(_short(player)) for player in players)
    lines = [f"{'':>3}  {'player':<{width}}  {'rating':>6}  {'95 % interval':>15}  {'score':>6}  {'games':>6}"]
    order = sorted(range(len(players)), key=lambda number: -ratings[number].rating)
    for place, number in enumerate(order, start=1):
        it = ratings[number]
        interval = f"{it.low:+.0f} to {it.high:+.0f}"
        lines.append(
            f"{place:>3}  {_short(players[number]):<{width}}  {it.rating:>+6.0f}  {interval:>15}  {it.score:>6.3f}  "
            f"{it.games:>6}"
        )
    return lines


def payoffs(players: Sequence[Player], tallies: Sequence[Tally], ratings: Sequence[Rating]) -> list[str]:
    """Lines of a table: the points per game of the player of the row against that of the column."""
    order = sorted(range(len(players)), key=lambda number: -ratings[number].rating)
    scores = payoff(players, tallies)
    width = max(len(_short(player)) for player in players)
    heads = "".join(f"{place:>7}" for place in range(1, len(order) + 1))
    lines = [f"{'':>3}  {'':<{width}}{heads}"]
    for place, row in enumerate(order, start=1):
        found = (scores.get((players[row].key, players[column].key)) for column in order)
        cells = "".join(f"{'-' if score is None else f'{score:.3f}':>7}" for score in found)
        lines.append(f"{place:>3}  {_short(players[row]):<{width}}{cells}")
    return lines


def details(tallies: Sequence[Tally]) -> list[str]:
    """Lines: the games of each two players."""
    lines = []
    for tally in tallies:
        first, second = tally.wins_by_side
        half = tally.games / 2
        sides = (
            ""
            if tally.second.kind == "script"
            else f", {first / half:.3f} of wins as first, {second / half:.3f} as second"
        )
        lines.append(
            f"  {_short(tally.first)} - {_short(tally.second)}: {tally.wins} won, {tally.draws} drawn, "
            f"{tally.losses} lost{sides}; {tally.steps / tally.games:.1f} steps"
        )
    return lines


def payoff(players: Sequence[Player], tallies: Sequence[Tally]) -> dict[tuple[str, str], float]:
    """Points per game of one player against another, by their keys."""
    points: dict[tuple[str, str], list[float]] = {}
    for tally in tallies:
        for pair, won in (
            ((tally.first.key, tally.second.key), tally.score),
            ((tally.second.key, tally.first.key), 1 - tally.score),
        ):
            known = points.setdefault(pair, [0.0, 0.0])
            known[0] += won * tally.games
            known[1] += tally.games
    return {pair: won / games for pair, (won, games) in points.items()}


def _short(player: Player) -> str:
    return player.label if len(player.label) <= MAX_LABEL else player.label[: MAX_LABEL - 3] + "..."
