"""The commands puffer-train, puffer-eval, puffer-export and puffer-plot.

Their modules take a moment to import. What starts them is here, so that Ctrl-C in that moment is one line as well.
"""

import importlib
import sys


def start_train() -> int:
    """Run `puffer-train`; return its exit status."""
    return _start("train")


def start_eval() -> int:
    """Run `puffer-eval`; return its exit status."""
    return _start("eval")


def start_export() -> int:
    """Run `puffer-export`; return its exit status."""
    return _start("export")


def start_plot() -> int:
    """Run `puffer-plot`; return its exit status."""
    return _start("plot")


def _start(command: str) -> int:
    try:
        status: int = importlib.import_module(f"puffer_train.cli.{command}").main()
    except KeyboardInterrupt:
        print(f"\npuffer-{command}: interrupted", file=sys.stderr)
        return 130
    return status
