"""A league as one HTML page that needs no server and loads nothing: ladder, payoffs as a picture, every record."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from puffer_envs.arena.league import League
from puffer_envs.arena.match import Tally
from puffer_envs.arena.players import Player
from puffer_envs.arena.ratings import Rating
from puffer_envs.arena.summary import payoff

TEMPLATE = Path(__file__).with_name("page.html")
CELL, MAX_LABEL = 46, 22
"""Pixels of a cell of the picture; characters of a label beside it."""
LETTER = 7
"""Pixels of a letter, about."""
BAR = 260
"""Pixels of the scale of ratings."""


def make_page(league: League, tallies: Sequence[Tally], ratings: Sequence[Rating]) -> str:
    """Return the page. tallies: of each two players. ratings: in the order of the league's players."""
    order = sorted(range(len(ratings)), key=lambda number: -ratings[number].rating)
    players, ranked = [league.players[number] for number in order], [ratings[number] for number in order]
    title = f"{league.folder.resolve().name}: a league of {league.environment}"
    games = sum(tally.games for tally in tallies)
    settings = ", ".join(f"{key} = {value}" for key, value in league.settings.items()) or "default settings"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<div class="dim">{len(players)} players, {games:,} games; {escape(league.environment)} version '
        f"{league.version}, {escape(settings)}. puffer-league verify plays every match again.</div>",
        '<div class="panels">',
        f'<div class="panel"><h2>Ladder</h2>{_ladder(players, ranked)}</div>',
        '<div class="panel"><h2>Points per game, row against column</h2>' + _picture(players, tallies) + "</div>",
        "</div>",
        '<div class="records">',
        *(_record(player, rating, tallies) for player, rating in zip(players, ranked, strict=True)),
        "</div>",
    ]
    return TEMPLATE.read_text("utf-8").replace("{{TITLE}}", escape(title)).replace("{{BODY}}", "\n".join(parts))


def _ladder(players: Sequence[Player], ratings: Sequence[Rating]) -> str:
    low, high = min(rating.low for rating in ratings), max(rating.high for rating in ratings)
    rows = [
        f'<tr><td class="num dim">{place}</td><td><a href="#{_anchor(player)}">{escape(player.label)}</a></td>'
        f'<td class="num">{rating.rating:+.0f}</td><td class="num dim">{rating.low:+.0f} to {rating.high:+.0f}</td>'
        f"<td>{_interval(rating, low, max(high, low + 1))}</td>"
        f'<td class="num">{rating.score:.3f}</td><td class="num">{rating.games:,}</td></tr>'
        for place, (player, rating) in enumerate(zip(players, ratings, strict=True), start=1)
    ]
    head = (
        '<tr><th></th><th>player</th><th class="num">rating</th><th class="num">95 %</th><th></th>'
        '<th class="num">score</th><th class="num">games</th></tr>'
    )
    return f"<table>{head}{''.join(rows)}</table>"


def _interval(rating: Rating, low: float, high: float) -> str:
    """A bar from the lower to the upper end, and a dot at the rating."""
    left, middle, right = (
        4 + (BAR - 8) * (value - low) / (high - low) for value in (rating.low, rating.rating, rating.high)
    )
    return (
        f'<svg width="{BAR}" height="14"><line class="axis" x1="0" x2="{BAR}" y1="7" y2="7"/>'
        f'<line class="bar" x1="{left:.1f}" x2="{right:.1f}" y1="7" y2="7"/>'
        f'<circle class="dot" cx="{middle:.1f}" cy="7" r="4"/></svg>'
    )


def _picture(players: Sequence[Player], tallies: Sequence[Tally]) -> str:
    scores = payoff(players, tallies)
    labels = [f"{place} {_cut(player.label)}" for place, player in enumerate(players, start=1)]
    left, top = 14 + LETTER * max(map(len, labels)), 24
    width, height = left + CELL * len(players) + 1, top + CELL * len(players) + 1
    parts = [f'<svg width="{width}" height="{height}" role="img" aria-label="points per game of each two players">']
    for row, player in enumerate(players):
        y = top + row * CELL
        parts.append(f'<text x="{left - 8}" y="{y + CELL / 2 + 4}" text-anchor="end">{escape(labels[row])}</text>')
        parts.append(
            f'<text class="dim" x="{left + (row + 0.5) * CELL}" y="{top - 8}" text-anchor="middle">{row + 1}</text>'
        )
        for column, other in enumerate(players):
            parts.append(_cell(left + column * CELL, y, scores.get((player.key, other.key))))
    return "".join([*parts, "</svg>"])


def _cell(x: float, y: float, score: float | None) -> str:
    """A square: blue where the row wins, orange where it loses, the deeper the more."""
    if score is None:
        return ""
    side, depth = ("--win", 2 * score - 1) if score >= 0.5 else ("--loss", 1 - 2 * score)
    fill = f"color-mix(in srgb, var({side}) {100 * depth:.0f}%, var(--even))"
    ink = ' style="fill:var(--back)"' if depth > 0.55 else ""
    return (
        f'<rect x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{CELL - 2}" rx="4" style="fill:{fill}"/>'
        f'<text x="{x + CELL / 2}" y="{y + CELL / 2 + 4}" text-anchor="middle"{ink}>{score:.2f}</text>'
    )


def _record(player: Player, rating: Rating, tallies: Sequence[Tally]) -> str:
    """A panel: what a player is, and its games against each other."""
    about = {"random": "any allowed move", "script": "the script of the environment"}.get(player.kind, "")
    if player.info is not None:
        about = f"{player.info.hidden} units, {player.info.layers} layers of {player.info.cell}; {player.sha256[:12]}"
    rows = []
    for tally in tallies:
        if player.key not in (tally.first.key, tally.second.key):
            continue
        first = player.key == tally.first.key
        other = tally.second if first else tally.first
        wins, losses = (tally.wins, tally.losses) if first else (tally.losses, tally.wins)
        score = tally.score if first else 1 - tally.score
        shares = zip("wdl", (wins, tally.draws, losses), strict=True)
        bar = "".join(f'<i class="{name}" style="width:{100 * n / tally.games:.1f}%"></i>' for name, n in shares)
        rows.append(
            f'<tr><td>{escape(_cut(other.label))}</td><td class="num">{score:.3f}</td><td><span class="results">{bar}'
            f'</span></td><td class="num dim">{wins} / {tally.draws} / {losses}</td></tr>'
        )
    head = '<tr><th>against</th><th class="num">score</th><th></th><th class="num">won / drawn / lost</th></tr>'
    table = f"<table>{head}{''.join(rows)}</table>" if rows else '<span class="dim">no games yet</span>'
    return (
        f'<div class="panel" id="{_anchor(player)}"><h3>{escape(player.label)} '
        f'<span class="dim" style="font-weight:400">{rating.rating:+.0f}</span></h3>'
        f'<div class="dim">{escape(about)}</div>{table}</div>'
    )


def _anchor(player: Player) -> str:
    return escape(f"player-{player.key[:16]}".replace(":", "-"), quote=True)


def _cut(label: str) -> str:
    return label if len(label) <= MAX_LABEL else label[: MAX_LABEL - 3] + "..."
