"""Completion with the Tab key, for every command.

The shell runs the command itself with the words typed so far and `VARIABLE` set; `Parser.parse` then prints what the
last word can become. So options, environments and their settings are those of the installed version.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import distribution
from itertools import chain
from pathlib import Path

from puffer_envs.contract.command_line import PREFIX
from puffer_envs.contract.offers import load_offers

DISTRIBUTION = "puffer-envs"
SETTING = f"{PREFIX}KEY"
VARIABLE = "_PUFFER_COMPLETE"

PATHS = {"FILE", "RUN", "DIR", "OUT"}
"""Values named so in the help are files or folders; a `NAME` is an environment."""

BASH = """\
_puffer() {
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("${word%/}")
    done < <(VARIABLE=1 "$1" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -o filenames -F _puffer COMMANDS
"""

ZSH = """\
_puffer() {
    local -a found
    found=(${(f)"$(VARIABLE=1 $words[1] "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    compadd -S '' -- ${(M)found:#*/}
    compadd -- ${found:#*/}
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _puffer COMMANDS
"""

FISH = """\
function __puffer
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    env VARIABLE=1 $words "$current" 2>/dev/null
end
for command in COMMANDS
    complete -c $command -f -a '(__puffer)'
end
"""

SHELLS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def script(shell: str) -> str:
    """What a shell runs once, in its start-up file, to complete all our commands."""
    commands = distribution(DISTRIBUTION).entry_points.select(group="console_scripts")
    names = " ".join(sorted(command.name for command in commands))
    return SHELLS[shell].replace("VARIABLE", VARIABLE).replace("COMMANDS", names)


def complete(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """What the last of these words can become, sorted. words: those after the command's name, the last unfinished."""
    *before, current = words or [""]
    for word in before:
        parser = _subcommands(parser).get(word, parser)
    options = {flag: action for action in parser._actions for flag in action.option_strings}
    last = options.get(before[-1].replace("_", "-")) if before else None
    found: Iterable[str]
    if last is not None and last.nargs != 0:
        found = _values(last, current)
    elif current.startswith("-"):
        current = current.replace("_", "-")
        found = chain(options, _settings(before) if SETTING in options else ())
    else:
        found = (value for action in parser._actions if not action.option_strings for value in _values(action, current))
    return sorted({word for word in found if word.startswith(current) and word != SETTING})


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _values(action: argparse.Action, current: str) -> Iterator[str]:
    """What an option or a positional argument can be."""
    kinds = str(action.metavar).strip("{}").replace("|", ",").split(",")
    if action.choices is not None:
        yield from map(str, action.choices)
    elif str(action.metavar).startswith("{"):
        yield from kinds
    if "NAME" in kinds and not action.option_strings:
        yield from load_offers()
    if PATHS & set(kinds):
        yield from _paths(current)


def _paths(current: str) -> Iterator[str]:
    """Files and folders (these with a slash) whose path begins with `current`."""
    folder, slash, name = current.rpartition("/")
    inside = Path(folder + slash)
    for path in inside.iterdir() if inside.is_dir() else ():
        if not path.name.startswith(".") or name.startswith("."):
            yield folder + slash + path.name + "/" * path.is_dir()


def _settings(words: Sequence[str]) -> Iterator[str]:
    """`--env.KEY` for every setting of the environment that these words name, or whose run they name."""
    offers = load_offers()
    for word in words:
        name = word if word in offers else _environment_of(Path(word))
        if name in offers:
            env = offers[name].make(name, num_envs=1)
            yield from (PREFIX + setting.replace("_", "-") for setting in env.settings)
            env.close()


def _environment_of(run: Path) -> str:
    try:
        return str(json.loads((run / "config.json").read_text("utf-8"))["environment"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
