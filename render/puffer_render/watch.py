"""The file of a user's own environment while it is edited: compiled again and put in place whenever it is saved."""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from puffer_envs.compiling import own_files
from puffer_envs.library import CODE, compile_again, replace_library
from puffer_envs.snapshot import SnapshotError
from puffer_envs.spec import Field
from puffer_render.draw import Drawing, drawing_for
from puffer_render.errors import RenderError
from puffer_render.frame import Frame

POLL_SECONDS = 0.2
"""Between two looks at the files."""
SHOWN_SECONDS = 4.0
"""How long good news stays."""

QUOTES = {ord(quote): "'" for quote in "‘’"}
"""Of compilers; the font has none of these."""

Make = Callable[[], tuple[Any, int]]
"""Makes the environment with the code that is there now, and says for how many of its steps an action is held."""
Stamp = tuple[tuple[str, int, int], ...]


class Watcher:
    """Looks at an environment's file, at those that it includes, and at its drawing."""

    def __init__(self, name: str, make: Make) -> None:
        """Raises RenderError where the environment was not compiled from a file."""
        if name not in CODE:
            raise RenderError(f"{name}: --watch needs the source. Give a C or C++ file, such as ./my_game.h.")
        self.name, self._make = name, make
        self.note = ""
        """What to say about the code now; empty most of the time."""
        self.failed = False
        """Whether it is about an error: the code that plays is older than the file."""
        self._code, self._drawing = self._stamps()
        self._due = self._until = 0.0
        self._pool = ThreadPoolExecutor(1, "compiler")
        self._compiling: Future[Path] | None = None

    def _stamps(self) -> tuple[Stamp, Stamp]:
        """What tells the files from the ones that replace them: of the code, and of the drawing."""
        code = CODE[self.name]
        return _stamp(own_files(code)), _stamp([code.with_suffix(".py")])

    def poll(self, env: Any, drawing: Drawing) -> tuple[Any, int, Drawing] | None:
        """Return environment, steps per action and drawing, if something is new; the environment may be the old one.

        env, drawing: those of now. The new environment has the state of the old one where that fits.
        """
        now = time.monotonic()
        if self.note and not self.failed and now > self._until and self._compiling is None:
            self.note = ""
        if self._compiling is not None:
            return self._take_code(env, drawing) if self._compiling.done() else None
        if now < self._due:
            return None
        self._due = now + POLL_SECONDS
        code, drawn = self._stamps()
        if code != self._code:
            self._code = code
            self.note = "compiling ..."
            self._compiling = self._pool.submit(compile_again, self.name)
        elif drawn != self._drawing:
            self._drawing = drawn
            return self._take_drawing(env)
        return None

    def _take_code(self, old: Any, drawing: Drawing) -> tuple[Any, int, Drawing] | None:
        assert self._compiling is not None
        done, self._compiling = self._compiling, None
        try:
            replace_library(self.name, done.result())
            env, hold = self._make()
        except (OSError, ValueError, RenderError) as error:
            self.complain(str(error))
            return None
        env.reset()
        self.praise(f"new code, {_carry_over(old, env)}")
        return env, hold, self._read_drawing(env) or drawing

    def _take_drawing(self, env: Any) -> tuple[Any, int, Drawing] | None:
        drawing = self._read_drawing(env)
        if drawing is None:
            return None
        self.praise("new drawing")
        return env, 0, drawing

    def _read_drawing(self, env: Any) -> Drawing | None:
        """The drawing in the file beside the code, or None if it has an error, which is shown."""
        try:
            drawing = drawing_for(self.name, env)
            drawing.draw(env.state(0), Frame(*drawing.size))
        except Exception as error:
            self._blame_drawing(error)
            return None
        return self.guard(drawing)

    def guard(self, drawing: Drawing) -> Drawing:
        """Return a drawing whose errors are shown, and do not end the program."""

        def draw(state: Any, frame: Frame) -> None:
            try:
                drawing.draw(state, frame)
            except Exception as error:
                self._blame_drawing(error)

        return replace(drawing, draw=draw)

    def _blame_drawing(self, error: Exception) -> None:
        file = CODE[self.name].with_suffix(".py")
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        line = f":{frames[-1].lineno}" if frames else ""
        message = f"{file.name}{line}: {type(error).__name__}: {error}"
        if message != self.note:  # it is drawn many times a second
            self.complain(message)

    def praise(self, note: str) -> None:
        """Show a note for a while, and print it."""
        self.note, self.failed, self._until = note, False, time.monotonic() + SHOWN_SECONDS
        print(f"{self.name}: {note}", flush=True)

    def complain(self, message: str) -> None:
        """Print an error, and show where it is until the file is right."""
        found = re.search(r":(\d+):(?:\d+:)? (?:fatal )?error: (.+)", message)
        note = f"line {found[1]}: {found[2]}" if found else message.partition("\n")[0]
        self.note = note.translate(QUOTES)
        self.failed = True
        print(message, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Wait for a compiler that still runs."""
        self._pool.shutdown()


def _stamp(files: Iterable[Path]) -> Stamp:
    stamps = []
    for file in files:
        try:
            about = file.stat()
        except OSError:  # editors may replace a file by a new one
            continue
        stamps.append((str(file), about.st_mtime_ns, about.st_size))
    return tuple(stamps)


def _carry_over(old: Any, env: Any) -> str:
    """Give a new environment the state of the old one, if it means the same there. Returns what was done."""
    if [_place(field) for field in old.spec.fields] != [_place(field) for field in env.spec.fields]:
        return "new game: the state has other fields"
    if old.agents != env.agents or old.single_action_space != env.single_action_space:
        return "new game: there are other agents or actions"
    try:
        env.restore(old.snapshot())
    except SnapshotError:
        return "new game: the state has another size, or the settings are others"
    return "same state"


def _place(field: Field) -> tuple[object, ...]:
    """Where a field is and what it holds: all but its description."""
    parts = tuple(_place(part) for part in field.parts)
    return field.name, field.dtype, field.in_block, field.in_assets, field.offset, field.shape, parts
