"""What the two commands share: options, settings, and errors in one line."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from puffer_envs.contract.errors import UserError

USAGE_ERROR = 2
"""Exit code for what the user can mend, as argparse's."""
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line, and whose options are written out in full."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(allow_abbrev=False, **keywords)

    def error(self, message: str) -> NoReturn:
        """Report one line on stderr and exit with `USAGE_ERROR`."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")


def run(program: str, main: Callable[[Sequence[str] | None], None], arguments: Sequence[str] | None) -> int:
    """Call `main`; a mistake of the user's becomes one line on stderr and exit code 2."""
    try:
        main(arguments)
    except UserError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print(f"\n{program}: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def positive(text: str) -> float:
    """An argparse type: a finite number above 0."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text}")
    return value


def finite(text: str) -> float:
    """An argparse type: a finite number."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a finite number, got {text}")
    return value


def count(text: str) -> int:
    """An argparse type: an integer from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be an integer from 1, got {text}")
    return value
