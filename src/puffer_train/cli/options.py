"""What the commands share: option parsing, and errors as one line."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from puffer_envs.contract.command_line import Value, parse_number, take_settings
from puffer_envs.contract.errors import UsageError, UserError
from puffer_envs.contract.names import suggest
from puffer_train.config import SECTIONS, field_help
from puffer_train.environments.registry import list_environments
from puffer_train.system.signals import exit_status, interruptible

NEEDED = ("torch", "safetensors", "rich")
"""Packages that come with `puffer-envs[train]`."""

EXTRAS = dict.fromkeys(NEEDED, "train") | {"matplotlib": "plot", "tensorboard": "tensorboard", "wandb": "wandb"}
"""Packages and the extra that brings them."""


class Parser(argparse.ArgumentParser):
    """argparse that raises `UsageError` instead of printing its usage, and takes no abbreviations."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_HelpFormatter, **arguments)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (--help lists the options).")

    def parse(self, arguments: Sequence[str]) -> tuple[argparse.Namespace, dict[str, Value]]:
        """Return the parsed options and the environment's settings, given as `--env.KEY VALUE`."""
        rest, env = take_settings(arguments)
        options, unknown = self.parse_known_args([_with_dashes(argument) for argument in rest])
        if unknown:
            known = [flag for action in self._actions for flag in action.option_strings]
            raise UsageError(
                f"there is no option {unknown[0]!r}.{suggest(unknown[0].split('=')[0], known)}"
                if unknown[0].startswith("-")
                else f"unexpected argument {unknown[0]!r} (--help lists the options)."
            )
        return options, env


class _HelpFormatter(argparse.HelpFormatter):
    def __init__(self, prog: str, **arguments: Any) -> None:
        super().__init__(prog, max_help_position=34, **arguments)


def add_settings(parser: Parser) -> None:
    """Add one option per setting, with its docstring as help; values are checked by `config.overlay`."""
    for section, kind in SECTIONS.items():
        group = parser.add_argument_group(f"[{section}] settings", (kind.__doc__ or "").strip())
        notes = field_help(kind)
        for setting in dataclasses.fields(kind):
            group.add_argument(
                f"--{section}.{setting.name.replace('_', '-')}",
                dest=f"{section}.{setting.name}",
                metavar="VALUE",
                help=f"{notes.get(setting.name, '')} [{setting.default}]".replace("%", "%%"),
            )
    parser.add_argument_group(
        "[env] settings", "--env.KEY VALUE, for the environment itself (`puffer-envs info NAME` lists them)"
    )


def given_settings(options: argparse.Namespace, env: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the settings given on the command line as tables for `config.overlay`."""
    tables: dict[str, dict[str, object]] = {section: {} for section in SECTIONS}
    for key, value in vars(options).items():
        section, dot, name = key.partition(".")
        if dot and value is not None:
            tables[section][name] = value
    return tables | {"env": dict(env)}


def whole_number(least: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` on that also reads `20_000_000`, `2e7` and `20M`."""

    def parse(text: str) -> int:
        value = parse_number(text)
        if value is None or not math.isfinite(value) or value != int(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
        if not least <= value < 1 << 63:
            raise argparse.ArgumentTypeError(f"{text} must be at least {least}")
        return int(value)

    return parse


def print_environments() -> None:
    """Print the name of every environment on offer."""
    for name in list_environments():
        print(name)


def run_command(name: str, command: Callable[[], int]) -> int:
    """Run a command's body; mistakes, missing packages and Ctrl-C become one line and an exit status."""
    # Threads of torch that wait for each other sleep instead of spinning. On two cores that others use too, spinning
    # made training 15 times slower; on idle ones sleeping costs little. OpenMP reads this when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with interruptible():
            return command()
    except UserError as error:
        _complain(f"{name}: {error}")
        return error.exit_code
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in EXTRAS:
            raise
        _complain(f'{name}: {package} is missing: pip install "puffer-envs[{EXTRAS[package]}]"')
        return 2
    except OSError as error:
        if error.filename is None:  # not about a file
            raise
        _complain(f"{name}: {error.filename}: {error.strerror}.")
        return 1
    except KeyboardInterrupt as interrupt:
        _complain(f"\n{name}: interrupted")
        return exit_status(interrupt)


def _complain(sentence: str) -> None:
    """Write a line at once. `print` writes its end by itself: lines of two ranks that stop together became one."""
    sys.stderr.write(sentence + "\n")


def _with_dashes(argument: str) -> str:
    """Let options be spelt with underscores too."""
    if not argument.startswith("--"):
        return argument
    flag, equals, value = argument.partition("=")
    return flag.replace("_", "-") + equals + value
