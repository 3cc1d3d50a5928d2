"""What the trainer's commands share: an option per setting, and how a command is run."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from puffer_envs.contract import commands
from puffer_envs.contract.commands import Parser
from puffer_envs.contract.offers import load_offers
from puffer_train.config import SECTIONS, Settings, field_help
from puffer_train.system.signals import interruptible


def add_settings(parser: Parser, defaults: Settings, shown: bool) -> None:
    """Add one option per setting; `config.overlay` checks the values.

    Args:
        parser: Gets a group per table of settings.
        defaults: Shown as defaults: the environment's own, if it is known.
        shown: Whether `--help` lists them.
    """
    for section, kind in SECTIONS.items():
        group = parser.add_argument_group(f"[{section}] settings" if shown else None)
        notes, types = field_help(kind), get_type_hints(kind)
        for setting in dataclasses.fields(kind):
            default = getattr(getattr(defaults, section), setting.name)
            help_text = f"{notes.get(setting.name, '')} [{_written(default)}]".replace("%", "%%")
            group.add_argument(
                f"--{section}.{setting.name.replace('_', '-')}",
                dest=f"{section}.{setting.name}",
                metavar=_metavar(types[setting.name], setting.metadata.get("names")),
                help=help_text if shown else argparse.SUPPRESS,
            )


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:_}" if isinstance(value, int) else str(value)


def _metavar(kind: Any, names: tuple[str, ...] | None) -> str:
    if names is not None:
        return "{" + ",".join((*names, "MODULE:NAME")) + "}"
    if get_origin(kind) is Literal:
        return "{" + ",".join(get_args(kind)) + "}"
    return {bool: "{true,false}", int: "N", float: "X", str: "TEXT"}.get(kind, "VALUE")


def given_settings(options: argparse.Namespace, env: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the settings given on the command line as tables for `config.overlay`."""
    tables: dict[str, dict[str, object]] = {section: {} for section in SECTIONS}
    for key, value in vars(options).items():
        section, dot, name = key.partition(".")
        if dot and value is not None:
            tables[section][name] = value
    return tables | {"env": dict(env)}


def print_environments() -> None:
    """Print the name of every environment that an installed package offers."""
    for name in load_offers():
        print(name)


def run_command(name: str, command: Callable[[], int]) -> int:
    """Run a command's body as `contract.commands.run_command` does; SIGTERM and SIGHUP end it as Ctrl-C does."""
    # Threads of torch that wait for each other sleep instead of spinning. On two cores that others use too, spinning
    # made training 15 times slower; on idle ones sleeping costs little. OpenMP reads this when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    def body() -> int:
        with interruptible():
            return command()

    return commands.run_command(name, body)
