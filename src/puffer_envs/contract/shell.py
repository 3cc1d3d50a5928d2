"""Commands as they are typed into a shell of this system: what messages show, and what variables such as $CC hold."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable

WINDOWS = sys.platform == "win32"
"""Its shells know double quotes alone, and a backslash is part of a path there."""


def join(words: Iterable[str]) -> str:
    """Return the command of these words."""
    return " ".join(map(quote, words))


def quote(word: str) -> str:
    """Return a word as it has to be typed."""
    if not WINDOWS:
        return shlex.quote(word)
    return word if re.fullmatch(r"[\w@%+=:,./\\~-]+", word) else f'"{word}"'


def split(command: str) -> list[str]:
    """Return the words of a command."""
    if not WINDOWS:
        return shlex.split(command)
    return [word.replace('"', "") for word in re.findall(r'(?:"[^"]*"|[^\s"])+', command)]
