"""What every command shares: one option parser, one set of words, errors in one line, and exit statuses.

Exit statuses are 0 for success, 1 for a failure, 2 for a mistake in the command, and 128 plus the number of the
signal that ended it (130 for Ctrl-C).
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from puffer_envs.contract import completion
from puffer_envs.contract.command_line import PREFIX, WRAP_PREFIX, Value, hint_number, parse_number, take_settings
from puffer_envs.contract.documentation import page_url
from puffer_envs.contract.errors import UsageError, UserError, printable
from puffer_envs.contract.names import suggest, suggest_nearest
from puffer_envs.contract.trained import trained_policy
from puffer_envs.contract.wrap import Wrap

EXTRAS = {
    "torch": "train",
    "safetensors": "train",
    "raylib": "render",
    "pyray": "render",
    "av": "render",
    "matplotlib": "plot",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "onnxscript": "onnx",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
}
"""Modules and the extra that installs them."""

SYNONYMS = {"--lr": "--train.learning-rate", "--timesteps": "--steps", "--env": f"{PREFIX}KEY", "--gpu": "--learner"}
"""Options of other tools, and what they are called here."""


class Parser(argparse.ArgumentParser):
    """argparse with the grammar that all commands share.

    Options are written out in full, with dashes or underscores. `--env.KEY VALUE` is a setting of the environment.
    Mistakes are `UsageError`s, with the option that was probably meant.
    """

    def __init__(self, **keywords: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=HelpFormatter, **keywords)
        self.env_settings = False
        if " " not in self.prog:  # not a subcommand's
            self.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        stop = "" if message.endswith((".", "?")) else "."
        raise UsageError(f"{message}{stop} `{self.prog} --help` lists the options.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            hint = suggest_nearest(str(value), known)
            raise argparse.ArgumentError(action, f"{value!r} must be one of {', '.join(known)}{hint and f'.{hint}'}")

    def add_env_settings(self, defaults: str = "") -> None:
        """Accept `--env.KEY VALUE`. defaults: the settings there are, as `NAME=VALUE` words, for the help."""
        self.env_settings = True
        listed = f" [{defaults}]" if defaults else "; `puffer-envs info NAME` lists them"
        note = f"a setting of the environment; can be repeated{listed}"
        self.add_argument(f"{PREFIX}KEY", dest="env_key", metavar="VALUE", help=note.replace("%", "%%"))
        words = ", ".join(word.name for word in dataclasses.fields(Wrap))
        help_text = f"how to wrap an environment of another package: {words} ({page_url('wrap')})"
        self.add_argument(f"{WRAP_PREFIX}KEY", dest="wrap_key", metavar="VALUE", help=help_text)

    def parse(self, arguments: Sequence[str] | None = None) -> tuple[argparse.Namespace, dict[str, Value]]:
        """Parse a command line.

        Args:
            arguments: the words after the command's name; None for those of this process.

        Returns:
            The options, and the environment's settings by name.

        Raises:
            UsageError: an option is unknown, misses its value or has a wrong one.
        """
        words = sys.argv[1:] if arguments is None else arguments
        if completion.VARIABLE in os.environ:
            sys.stdout.writelines(f"{word}\n" for word in completion.complete(self, words))
            self.exit()
        rest, settings = take_settings(words)
        # Intermixed: `NAME --option OUT` is two names, which plain argparse refuses; it cannot take subcommands.
        parse = self.parse_known_args if self._subparsers else self.parse_known_intermixed_args
        options, unknown = parse([_with_dashes(argument) for argument in rest])
        chosen: Parser = getattr(options, "parser", self)
        if unknown:
            chosen.error(chosen._describe_unknown(unknown[0]))
        if settings and not chosen.env_settings:
            chosen.error(f"{PREFIX}{next(iter(settings))} is given, but this command makes no environment")
        return options, settings

    def _describe_unknown(self, word: str) -> str:
        flag = word.partition("=")[0]
        if not word.startswith("-"):
            return f"unexpected argument {word!r}"
        if flag in SYNONYMS:
            return f"there is no option {flag!r}. Did you mean {SYNONYMS[flag]!r}?"
        known = [option for action in self._actions for option in action.option_strings]
        by_last_part = [option for option in known if option.rpartition(".")[2] == flag.lstrip("-")]
        hint = f" Did you mean {by_last_part[0]!r}?" if by_last_part else suggest(flag, known, max_listed=0)
        return f"there is no option {flag!r}.{hint}"


class HelpFormatter(argparse.HelpFormatter):
    """Narrow columns, and epilogs as they are written."""

    def __init__(self, prog: str, **keywords: Any) -> None:
        super().__init__(prog, max_help_position=34, **keywords)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return "".join(indent + line for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(version(completion.DISTRIBUTION))
        parser.exit()


def whole_number(minimum: int, maximum: int = (1 << 63) - 1) -> Callable[[str], int]:
    """Return an argparse type: a whole number in this range, also written as `20_000_000`, `2e7` or `20M`."""

    def parse(text: str) -> int:
        value = parse_number(text)
        if value is None or not math.isfinite(value) or value != int(value):
            hint = hint_number(text)
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number{hint and f'.{hint}'}")
        if not minimum <= value <= maximum:
            limit = f"at least {minimum}" if value < minimum else f"at most {maximum}"
            raise argparse.ArgumentTypeError(f"{text} must be {limit}")
        return int(value)

    return parse


def real_number(minimum: float = -math.inf, maximum: float = math.inf, above: bool = False) -> Callable[[str], float]:
    """Return an argparse type: a finite number in this range. above: the minimum itself is excluded."""

    def parse(text: str) -> float:
        value = parse_number(text)
        if value is None or not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number")
        if value < minimum or (above and value == minimum):
            raise argparse.ArgumentTypeError(f"{text} must be {'above' if above else 'at least'} {minimum:g}")
        if value > maximum:
            raise argparse.ArgumentTypeError(f"{text} must be at most {maximum:g}")
        return float(value)

    return parse


def add_seed(parser: argparse.ArgumentParser, default: int | None, what: str) -> None:
    """Add `--seed`: the same word in every command."""
    parser.add_argument("--seed", type=whole_number(0), default=default, metavar="S", help=what)


def add_threads(parser: argparse.ArgumentParser, default: int | None, what: str) -> None:
    """Add `--threads`."""
    parser.add_argument("--threads", type=whole_number(1, 1024), default=default, metavar="N", help=what)


def add_library(parser: argparse.ArgumentParser) -> None:
    """Add `--library`: environments of the user's own."""
    parser.add_argument(
        "--library",
        action="append",
        default=[],
        metavar="FILE",
        help="first load an environment of your own: a C file, or a shared library; can be repeated",
    )


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add `--policy.network`: the permission to import the network that a policy names."""
    parser.add_argument(
        "--policy.network",
        dest="network",
        action="append",
        default=[],
        metavar="MODULE:CLASS",
        help="network of your own that the policy was trained with; it is imported",
    )


def add_trained(parser: argparse.ArgumentParser) -> None:
    """Add `--trained`: the policy that ships for the environment; `find_trained` reads it."""
    parser.add_argument("--trained", action="store_true", help="the policy that ships for environment NAME plays")


def find_trained(parser: Parser, name: str | Path | None, *others: object) -> Path:
    """The policy file that `--trained` stands for.

    Args:
        parser: of the command.
        name: the environment's, as given.
        others: other options that name a policy.

    Raises:
        UserError: no environment is named, another policy is given too, or none ships.
    """
    if name is None:
        parser.error("--trained needs the name of an environment")
    if any(other is not None for other in others):
        parser.error("--trained is a policy, and another one is given: leave out one of the two")
    return trained_policy(str(name))


def run_command(name: str, command: Callable[[], int]) -> int:
    """Run a command's body and return its exit status; a user's mistake becomes one line on stderr.

    Args:
        name: of the command; it begins every line.
        command: the body, which returns an exit status.
    """
    try:
        return command()
    except UserError as error:
        complain(f"{name}: {error}")
        return error.exit_code
    except ModuleNotFoundError as error:
        module = (error.name or "").split(".")[0]
        if module not in EXTRAS:
            raise
        complain(f'{name}: {module} is missing: pip install "{completion.DISTRIBUTION}[{EXTRAS[module]}]"')
        return 2
    except BrokenPipeError:  # the reader of the output has closed it
        sys.stdout = None
        return 0
    except OSError as error:
        if error.filename is None:  # not about a file
            raise
        complain(f"{name}: {error.filename}: {error.strerror}.")
        return 1
    except KeyboardInterrupt as interrupt:
        complain(f"\n{name}: interrupted")
        return 128 + int(getattr(interrupt, "number", signal.SIGINT))


def complain(sentence: str) -> None:
    """Write a line to stderr at once, as `printable` shows it.

    `print` writes its newline separately: lines of two ranks could become one.
    """
    sys.stderr.write(printable(sentence) + "\n")


def _with_dashes(argument: str) -> str:
    """Let options be spelled with underscores."""
    if not argument.startswith("--"):
        return argument
    flag, equals, value = argument.partition("=")
    return flag.replace("_", "-") + equals + value
