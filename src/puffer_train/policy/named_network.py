"""Networks of the user's own by name: `module:Class`, the class, and a hash of the source that it depends on.

A run and its policy file name the network and keep the hash, never the code: to load them, give the name again,
which is the permission to import it, and a network whose source has changed since is noticed.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import sys
import textwrap
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from puffer_train.errors import ConfigError
from puffer_train.own_code import load_code

SETTING = "policy.network"
"""The setting that names it."""


@dataclass(frozen=True)
class NamedNetwork:
    """A class and what it is called."""

    name: str
    """`module:Class`."""
    kind: type[nn.Module]
    """Called with the environment's spec."""
    source: str
    """Source of the class and of everything in its module that it uses."""

    @property
    def sha256(self) -> str:
        """Hash of the source without comments, docstrings and blank lines: 64 hexadecimal digits."""
        return hashlib.sha256("\n".join(_code_lines(self.source)).encode()).hexdigest()


def find_network(name: str) -> NamedNetwork:
    """Return the network called `module:Class`; the current folder is searched for the module too.

    Raises:
        ConfigError: There is none, it is not a class derived from `nn.Module`, or its source cannot be read.
        CodeFailedError: Its module fails when it is imported.
    """
    found: object = load_code(SETTING, name)
    if not isinstance(found, type) or not issubclass(found, nn.Module):
        what = f"the class {found.__name__}" if isinstance(found, type) else f"of type {type(found).__name__}"
        raise ConfigError(f"{SETTING} {name!r} is {what}: it must be a class derived from torch.nn.Module.")
    return NamedNetwork(name, found, _source_of(found, name))


def check_permission(path: Path, found: str, given: Sequence[str]) -> str:
    """Return the name of the network that a file at `path` asks for, "" if none, as the user gave it.

    Raises:
        ConfigError: It was not given. A file alone must not decide which code runs.
    """
    if not found:
        return ""
    for name in given:
        if name == found:
            return name
    if given:
        raise ConfigError(f"{path} was trained with the network {found!r}, not with {' or '.join(map(repr, given))}.")
    raise ConfigError(
        f"{path} was trained with your own code, {found!r}: give --{SETTING} {found} as well if you trust it."
    )


# -- source ------------------------------------------------------------------------------------------------


def _source_of(kind: type[nn.Module], name: str) -> str:
    """Return the source of a class, after that of the functions, classes and constants of its module that it uses."""
    try:
        own = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError) as error:
        raise ConfigError(
            f"{SETTING} {name!r}: its source cannot be read, so no run could tell whether it has changed. "
            "Define it in a file or a notebook."
        ) from error
    try:
        module = inspect.getsource(sys.modules[kind.__module__])
        statements = ast.parse(module).body
    except (KeyError, OSError, TypeError, SyntaxError):  # a notebook has cells, not a module
        return own
    used, new = set[str](), _names(ast.parse(own))
    while new - used:
        used |= new
        new = set().union(*(_names(statement) for statement in statements if _defines(statement) & used))
    parts = [
        ast.get_source_segment(module, statement) or ""
        for statement in statements
        if _defines(statement) & used and kind.__name__ not in _defines(statement)
    ]
    return "\n\n".join([*parts, own])


def _names(tree: ast.AST) -> set[str]:
    """Return the names that code uses."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _defines(statement: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines; imports count as none."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return set().union(*(_names(target) for target in targets))
    return set()


def _code_lines(source: str) -> Iterator[str]:
    """Yield the logical lines of code without comments, docstrings and spaces that mean nothing."""
    depth, line, only_text = 0, "", True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.INDENT:
            depth += 1
        elif token.type == tokenize.DEDENT:
            depth -= 1
        elif token.type == tokenize.NEWLINE:
            if not only_text:  # a docstring is a line of text
                yield f"{depth} {line}"
            line, only_text = "", True
        elif token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER):
            only_text = only_text and token.type == tokenize.STRING
            words = line[-1:].isalnum() and token.string[:1].isalnum()
            line += f" {token.string}" if words else token.string
