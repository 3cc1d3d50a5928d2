"""Terminal pictures as SVG files that need nothing from outside: browsers show them with their own fonts."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme

NORMAL = "0d1117 ff7b72 7ee787 e2c060 58a6ff d2a8ff 39c5cf c9d1d9"
BRIGHT = "6e7681 ffa198 7ee787 f0d078 79c0ff e2c5ff 56d4dd f0f6fc"
"""The colours of a terminal: black, red, green, yellow, blue, magenta, cyan, white."""


def _rgb(colours: str) -> list[tuple[int, int, int]]:
    return [(colour[0], colour[1], colour[2]) for colour in map(bytes.fromhex, colours.split())]


THEME = TerminalTheme((13, 17, 23), (201, 209, 217), _rgb(NORMAL), _rgb(BRIGHT))
"""Light text on dark."""

FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own fetches a font from the web."""


def render_svg(content: RenderableType, width: int, title: str) -> str:
    """Return a picture of what a terminal of this many columns would show."""
    console = Console(
        record=True,
        width=width,
        file=io.StringIO(),
        force_terminal=True,
        force_jupyter=False,
        color_system="truecolor",
    )
    console.print(content)
    return console.export_svg(title=title, theme=THEME, code_format=FORMAT, unique_id="dashboard")
