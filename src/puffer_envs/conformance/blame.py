"""Find the place in the user's own files where something went wrong, from the text of a traceback."""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from puffer_envs import _core

FRAMES = 2
"""How many are shown, the innermost last."""

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+),? in (?P<function>.+?)\s*$')
_INNERMOST_FIRST = re.compile(r"\(most recent call first\)")
_INNERMOST_LAST = re.compile(r"\(most recent call last\)")

_OURS = Path(__file__).resolve().parents[1]
_SHIPPED = [_OURS, Path(_core.__file__).resolve().parent]
"""With our C files; the second in an editable install."""
_PATHS = sysconfig.get_paths()
_LIBRARIES = [Path(_PATHS[name]).resolve() for name in ("purelib", "platlib")]
_STANDARD = [Path(_PATHS[name]).resolve() for name in ("stdlib", "platstdlib")]

Frame = tuple[str, int, str]
"""File, line and function."""


def frames_in(text: str) -> list[Frame]:
    """All frames of all tracebacks in a text, each traceback with the innermost frame last."""
    sections: list[list[Frame]] = [[]]
    reverse = [False]
    for line in text.splitlines():
        first, last = _INNERMOST_FIRST.search(line), _INNERMOST_LAST.search(line)
        if first or last:
            sections.append([])
            reverse.append(bool(first))
        elif match := _FRAME.match(line):
            sections[-1].append((match["file"], int(match["line"]), match["function"]))
    return [
        frame
        for section, turn in zip(sections, reverse, strict=True)
        for frame in (reversed(section) if turn else section)
    ]


def where(text: str) -> tuple[str, ...]:
    """The innermost frames of the user's own files, as 'file:line in function: code'.

    If there are none, the frames of installed libraries, one of which may be the environment. Ours are never shown.
    """
    frames = [f for f in frames_in(text) if not f[0].startswith("<") and not _inside(f[0], [_OURS])]
    others = [f for f in frames if not _inside(f[0], _LIBRARIES) and not _inside(f[0], _STANDARD)]
    others = others or [f for f in frames if _inside(f[0], _LIBRARIES)]
    return tuple(_shown(frame) for frame in others[-FRAMES:])


def raised_by_us(error: BaseException) -> bool:
    """Whether this package raised it; its message is then complete."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and _inside(frames[-1].filename, [_OURS])


@dataclass(frozen=True)
class SanitizerReport:
    """What a sanitizer found."""

    message: str
    """Its first lines: what kind of access, and of how many bytes."""
    where: tuple[str, ...]
    """The innermost frames whose source is known, as `where` gives them."""


def sanitizer_report(text: str) -> SanitizerReport | None:
    """The report of AddressSanitizer or UndefinedBehaviorSanitizer in what a process printed; None if there is none."""
    if undefined := re.search(r"^.+?:\d+:\d+: runtime error: (.+)$", text, re.MULTILINE):
        return SanitizerReport(f"UndefinedBehaviorSanitizer found: {undefined[1]}", _stack(text[undefined.start() :]))
    found = re.search(r"ERROR: AddressSanitizer: (?P<kind>\S+)", text)
    if found is None:
        return None
    access = re.search(r"^(READ|WRITE) of size (\d+)", text[found.end() :], re.MULTILINE)
    what = f"a {access[1].lower()} of {access[2]} bytes outside its memory" if access else found["kind"]
    return SanitizerReport(f"AddressSanitizer found {what}", _stack(text[found.end() :].partition("\n\n")[0]))


def _stack(text: str) -> tuple[str, ...]:
    """The innermost frames of a sanitizer's stack that are the user's; of the macros' loops only if it is alone."""
    found = re.findall(r"^\s*#\d+ \S+ in (.+?) (/[^\n]+?):(\d+)", text, re.MULTILINE)
    frames = [frame for frame in found if not _inside(frame[1], _SHIPPED)] or found
    own = [frame for frame in frames if not re.match(r"\w+_(step|reset|observe)_all\b", frame[0])]
    return tuple(_shown((file, int(line), function)) for function, file, line in reversed((own or frames)[:FRAMES]))


def _inside(file: str, folders: Iterable[Path]) -> bool:
    path = Path(file).resolve()
    in_libraries = any(path.is_relative_to(folder) for folder in _LIBRARIES)
    return any(path.is_relative_to(folder) and (folder not in _STANDARD or not in_libraries) for folder in folders)


def _shown(frame: Frame) -> str:
    file, line, function = frame
    code = linecache.getline(file, line).strip()
    return f"{shown_path(Path(file))}:{line} in {function}" + (f": {code}" if code else "")


def shown_path(path: Path) -> Path:
    """The path from the current folder, where it is inside."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
