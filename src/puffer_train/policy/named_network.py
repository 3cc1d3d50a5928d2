"""Networks of the user's own by name: `module:Class`, the class, and a hash of the source that it depends on.

A run and its policy file name the network and keep the hash, never the code: whoever loads them gives the name again,
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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from puffer_envs.contract.errors import EnvironmentNotFoundError
from puffer_envs.contract.factories import load_named
from puffer_train.config import can_import
from puffer_train.errors import ConfigError, NetworkFailedError, own_traceback

_given: dict[str, type[nn.Module]] = {}
"""Classes that this process was given as objects, by name."""


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


def name_network(network: str | type[nn.Module]) -> str:
    """Return the name that `policy.network` has for a network. A class is remembered for this process.

    Raises:
        ConfigError: It is neither a text nor a class derived from `nn.Module`.
    """
    if isinstance(network, str):
        return network
    name = f"{getattr(network, '__module__', '')}:{getattr(network, '__qualname__', network)}"
    _given[name] = _check_class(network, name)
    return name


def find_network(name: str) -> NamedNetwork:
    """Return the network called `name`: one that was given as a class, or else `module:Class`.

    The current folder is searched for the module too.

    Raises:
        ConfigError: There is none, it is not a class derived from `nn.Module`, or its source cannot be read.
        NetworkFailedError: Its module fails when it is imported.
    """
    kind = _given.get(name)
    if kind is None:
        module, colon, attribute = name.partition(":")
        if not (module and colon and attribute):
            raise ConfigError(f"policy.network is {name!r}: it must be module:Class, a torch.nn.Module.")
        with network_calls(name):
            try:
                found = load_named(name)
            except EnvironmentNotFoundError as error:
                raise ConfigError(f"policy.network: {error}{_where_defined(name)}") from error
        kind = _check_class(found, name)
    return NamedNetwork(name, kind, _source_of(kind, name))


def check_permission(path: Path, found: str, given: Sequence[str]) -> None:
    """Check the name of the network that a file at `path` asks for, "" if none, against those that the user gave.

    Raises:
        ConfigError: It is not among them. A file alone must not decide which code runs.
    """
    if not found or found in given:
        return
    if given:
        raise ConfigError(f"{path} was trained with the network {found!r}, not with {' or '.join(map(repr, given))}.")
    raise ConfigError(
        f"{path} has a network of its own, {found!r}, which runs code: give --policy.network {found} as well if "
        "you trust it."
    )


@contextmanager
def network_calls(name: str) -> Iterator[None]:
    """A context for the network's own code: whatever it raises becomes a `NetworkFailedError` with its traceback."""
    try:
        yield
    except (ConfigError, NetworkFailedError):
        raise
    except Exception as error:
        raise NetworkFailedError(f"policy.network {name!r} failed.\n{own_traceback(error)}") from error


def _check_class(found: object, name: str) -> type[nn.Module]:
    if isinstance(found, type) and issubclass(found, nn.Module):
        return found
    what = f"the class {found.__name__}" if isinstance(found, type) else f"of type {type(found).__name__}"
    raise ConfigError(f"policy.network {name!r} is {what}: it must be a class derived from torch.nn.Module.")


def _where_defined(name: str) -> str:
    return "" if can_import(name) else " A network of a script or notebook can be used in that one only."


# -- source ------------------------------------------------------------------------------------------------


def _source_of(kind: type[nn.Module], name: str) -> str:
    """Return the source of a class, after that of the functions, classes and constants of its module that it uses."""
    try:
        own = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError) as error:
        raise ConfigError(
            f"policy.network {name!r}: its source cannot be read, so no run could tell whether it has changed. "
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
