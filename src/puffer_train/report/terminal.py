"""Output that may fail without ending training."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO, cast

from rich.console import Console


def lasting_console() -> Console:
    """Return a console on standard output that goes silent once writing fails, so that training continues.

    A terminal may be closed, the `head` behind a pipe may have exited, the disk of a log may be full.
    """
    plain = False if notebook_shell() is not None else None  # it says that it is a terminal, and is none
    return Console(file=cast(TextIO, LastingOutput(sys.stdout)), force_terminal=plain, force_jupyter=False)


def notebook_shell() -> Any:
    """Return the shell of the notebook whose cell is running, None outside of notebooks."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell if hasattr(shell, "kernel") else None


class LastingOutput(io.TextIOBase):
    """A text stream that forwards everything until that fails, and then drops it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream."""
        return self._stream.encoding if self._stream is not None else "utf-8"

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Descriptor of the stream; raises `OSError` where it has none."""
        if self._stream is None:
            raise OSError("this output is closed")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write, or drop, the text."""
        if self._stream is not None:
            try:
                return self._stream.write(text)
            except UnicodeEncodeError:  # a name may hold letters that the code page of Windows lacks
                return self._stream.write(text.encode(self.encoding, "replace").decode(self.encoding))
            except OSError:
                self._give_up()
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError:
                self._give_up()

    def _give_up(self) -> None:
        """Redirect the descriptor to the null device: Python flushes the stream when the process exits."""
        stream, self._stream = self._stream, None
        assert stream is not None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        except OSError:
            pass  # a stream in memory has no descriptor
        finally:
            os.close(nowhere)
