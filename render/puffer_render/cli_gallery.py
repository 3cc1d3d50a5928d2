"""puffer-gallery: a poster of games, or a card of each, from trained policies' play."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

import puffer_envs
from puffer_envs.contract.commands import Parser, add_library, add_seed, run_command, whole_number
from puffer_envs.contract.names import suggest_nearest
from puffer_envs.spec import is_native
from puffer_render.errors import RenderError, import_av
from puffer_render.gallery import Card, draw_card, draw_poster, make_card
from puffer_render.pdf import write_pdf
from puffer_render.sources import load_libraries
from puffer_render.video import write_png

PROGRAM = "puffer-gallery"
EXAMPLES = """examples:
  puffer-gallery poster.png
  puffer-gallery poster.pdf --size 72x48in --dpi 150
  puffer-gallery classics.png cartpole acrobot pendulum --size 1800x600 --title ""
  puffer-gallery cards/ --size 640x480                   a PNG of each game
"""
KINDS = (".png", ".pdf")
POSTER_SIZE, CARD_SIZE = "2400x1600", "640x480"
DPI = 150
INCHES = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4}
MIN_SIDE, MAX_SIDE = 200, 30_000
"""Pixels."""
MAX_PIXELS = 200_000_000
"""Three bytes each, twice while they are written."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 a mistake, 130 Ctrl-C."""

    def body() -> int:
        _main(arguments)
        return 0

    return run_command(PROGRAM, body)


def _main(arguments: Sequence[str] | None) -> None:
    parser = _parser()
    options, _ = parser.parse(arguments)
    load_libraries(options.library)
    import_av()  # a missing extra is reported before any work
    out: Path = options.out or parser.error("a name is needed: OUT, a .png or .pdf for a poster, or a folder for cards")
    cards = out.is_dir() or not out.suffix
    if not cards and out.suffix.lower() not in KINDS:
        parser.error(f"OUT is {str(out)!r}; it must be a folder or end in one of {', '.join(KINDS)}")
    width, height = _pixels(parser, options.size or (CARD_SIZE if cards else POSTER_SIZE), options.dpi)
    known = puffer_envs.list_envs()
    for name in options.names:
        if not is_native(name):
            raise RenderError(f"there is no environment {name!r}.{suggest_nearest(name, known)}")
    names = list(dict.fromkeys(options.names)) or known
    if cards:
        _write_cards(out, names, width, height, options)
    else:
        _write_poster(out, names, width, height, options)


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Draw a poster of games, or a card of each: a moment of an episode that the shipped policy plays.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "out",
        metavar="OUT",
        type=Path,
        nargs="?",
        help="a .png or .pdf for a poster, or a folder for a card of each game",
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="the environments, in this order [all]")
    parser.add_argument(
        "--size", metavar="WxH", help=f"in pixels, or with in, cm or mm [{POSTER_SIZE}, cards {CARD_SIZE}]"
    )
    parser.add_argument("--dpi", metavar="N", type=whole_number(10, 1200), default=DPI, help=f"pixels per inch [{DPI}]")
    parser.add_argument("--title", default="puffer-envs", help='of a poster; "" for none [puffer-envs]')
    add_seed(parser, 7, "of the games [7]")
    add_library(parser)
    return parser


def _pixels(parser: Parser, size: str, dpi: int) -> tuple[int, int]:
    """The size on the command line, in pixels."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)(in|cm|mm|px)?", size)
    if found is None:
        parser.error(f"--size is {size!r}; write it as 3840x2160, 72x48in, 60x40cm or 600x400mm")
    scale = INCHES.get(found[3], 0) * dpi or 1
    width, height = (round(float(found[side]) * scale) for side in (1, 2))
    if not MIN_SIDE <= min(width, height) <= max(width, height) <= MAX_SIDE or width * height > MAX_PIXELS:
        parser.error(
            f"--size {size} has {width} x {height} pixels; each side must be from {MIN_SIDE} to {MAX_SIDE:_}, and "
            f"there can be {MAX_PIXELS:_} pixels in all"
        )
    return width, height


def _write_cards(folder: Path, names: Sequence[str], width: int, height: int, options: argparse.Namespace) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RenderError(f"{folder}: cannot be made ({error.strerror})") from None
    for card in _cards(names, options.seed):
        file = folder / f"{card.name}.png"
        write_png(file, draw_card(card, width, height), options.dpi)
        print(f"{file}: {width} x {height}", file=sys.stderr)


def _write_poster(out: Path, names: Sequence[str], width: int, height: int, options: argparse.Namespace) -> None:
    sheet = draw_poster(_cards(names, options.seed), len(names), width, height, options.title)
    (write_pdf if out.suffix.lower() == ".pdf" else write_png)(out, sheet, options.dpi)
    print(f"{out}: {width} x {height}, {out.stat().st_size / 1024:.0f} KiB", file=sys.stderr)


def _cards(names: Sequence[str], seed: int) -> Iterator[Card]:
    """The cards, one by one, with a bar on a terminal."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        shown = track(names, "drawing", console=console, transient=True, disable=not console.is_terminal)
        for name in shown:
            yield make_card(name, seed, Path(folder))


if __name__ == "__main__":
    raise SystemExit(main())
