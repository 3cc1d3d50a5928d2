"""Adapters: the Python file that says how the states of two environments correspond."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puffer_envs.contract.documentation import page_url
from puffer_envs.contract.factories import load_file
from puffer_envs.contract.names import suggest
from puffer_envs.library import CODE
from puffer_envs.porting.tolerance import EXACT, Growth, Within
from puffer_envs.spec import LIBRARIES, EnvSpec

KNOWN = Path(__file__).parent / "known"
"""The adapters of the environments that ship."""
NAMES = {
    "read", "write", "FIELDS", "OBSERVATION", "REWARD", "IGNORED", "GROWTH", "REFERENCE_SETTINGS", "SETTINGS",
    "to_reference", "observe", "borderline", "share", "prepare", "NOTES", "FOLLOW", "PLAYERS", "chaotic",
}  # fmt: skip


class AdapterError(ValueError):
    """An adapter is missing, or something in it is."""


@dataclass(frozen=True)
class Adapter:
    """What an adapter file says; docs/port.md describes each name."""

    path: Path
    """The file."""
    read: Callable[[Any], Mapping[str, Any]]
    """Of the reference: our fields by name."""
    write: Callable[[Any, Mapping[str, Any]], None]
    """Put a state, our fields by name, into the reference."""
    fields: Mapping[str, Within]
    """Tolerances of fields; those not named must be equal."""
    observation: Mapping[str, Within]
    """Tolerances of parts of the observation; a part not named has that of the field of its name."""
    reward: Within
    """Of the reward."""
    growth: Growth
    """How they grow over an episode."""
    ignored: Mapping[str, str]
    """Our fields that the reference has not, and why that does not matter."""
    reference_settings: Mapping[str, Any]
    """Of the reference."""
    settings: Mapping[str, Any]
    """Of ours."""
    to_reference: Callable[[Any], Any] | None = None
    """Turns an action of ours into one of the reference."""
    observe: Callable[[Any], Any] | None = None
    """Turns an observation of the reference into one of ours."""
    borderline: Callable[[Mapping[str, Any], float], bool] | None = None
    """Whether a state is so near to where an episode ends that rounding, so many times that of a step, decides."""
    share: Callable[[Any, Any, Mapping[str, Any], Any], None] | None = None
    """Give the reference the random draws of ours: share(env, draws, state, action)."""
    prepare: Callable[[Any], None] | None = None
    """Change a reference once it is made."""
    chaotic: Callable[[Mapping[str, Any]], bool] | None = None
    """Whether a state is one from which roundings grow within a step, so that only distributions can be compared."""
    follow: str = ""
    """Why single steps are compared along episodes that both play; "": states can be put anywhere."""
    players: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """Scripted players, from an observation of ours to an action of ours, or classes of such, by name."""
    notes: tuple[str, ...] = field(default=())
    """What cannot be the same, for the certificate."""

    def of_field(self, name: str) -> Within:
        """The tolerance of a field."""
        return self.fields.get(name, EXACT)

    def of_part(self, name: str) -> Within:
        """The tolerance of a part of the observation."""
        return self.observation.get(name, self.fields.get(name, EXACT))


def find_adapter(env: EnvSpec, given: Path | None) -> Path:
    """The adapter's file: the one given, NAME_port.py beside ./NAME.h, or the one that ships."""
    if given is not None:
        if not given.is_file():
            raise AdapterError(f"--adapter {given}: there is no such file. {_draft(env, given)}")
        return given
    own = CODE.get(env.name) or LIBRARIES.get(env.name)
    if own is not None:
        beside = Path(own).with_name(f"{Path(own).stem}_port.py")
        if not beside.is_file():
            raise AdapterError(
                f"there is no adapter {beside.name} beside {Path(own).name}: it says how the states of the two "
                f"correspond. {_draft(env, beside)}"
            )
        return beside
    shipped = KNOWN / f"{env.name}.py"
    if not shipped.is_file():
        raise AdapterError(
            f"no adapter ships for {env.name}: give one with --adapter FILE. {_draft(env, Path(f'{env.name}_port.py'))}"
        )
    return shipped


def _draft(env: EnvSpec, path: Path) -> str:
    return f"To begin with a draft that names every field of {env.name}, add --draft {path.name}"


def load_adapter(path: Path, env: EnvSpec) -> Adapter:
    """Read an adapter's file.

    Raises:
        AdapterError: it cannot be imported, or something in it is missing or wrong.
    """
    module = _import(path)
    given = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    for name in given:
        if name.isupper() and name not in NAMES:
            near = suggest(name, NAMES)
            raise AdapterError(f"{path.name}: {name} means nothing in an adapter.{near} Constants begin with _")
    for name in ("read", "write"):
        if not callable(given.get(name)):
            raise AdapterError(f"{path.name} has no function {name}(): {page_url('port')} shows both, read and write")
    fields, parts = {f.name for f in env.fields}, {p.name for p in env.obs}
    _check_names(path, "FIELDS", given.get("FIELDS", {}), fields, env)
    _check_names(path, "IGNORED", given.get("IGNORED", {}), fields, env)
    _check_names(path, "OBSERVATION", given.get("OBSERVATION", {}), parts, env)
    for name, why in given.get("IGNORED", {}).items():
        if not (isinstance(why, str) and why.strip()):
            raise AdapterError(f"{path.name}: IGNORED[{name!r}] must say why the field does not matter")
    reward, growth = given.get("REWARD", EXACT), given.get("GROWTH", Growth(1.0, "roundings add up"))
    if not isinstance(reward, Within):
        raise AdapterError(f"{path.name}: REWARD must be a Within(largest difference, why)")
    if not isinstance(growth, Growth):
        raise AdapterError(f"{path.name}: GROWTH must be a Growth(factor, why)")
    if not isinstance(given.get("FOLLOW", ""), str):
        raise AdapterError(f"{path.name}: FOLLOW must say why single steps are compared along episodes")
    for name, player in given.get("PLAYERS", {}).items():
        if not callable(player):
            raise AdapterError(f"{path.name}: PLAYERS[{name!r}] must be a function from an observation to an action")
    functions = ("to_reference", "observe", "borderline", "share", "prepare", "chaotic")
    for name in functions:
        if name in given and not callable(given[name]):
            raise AdapterError(f"{path.name}: {name} must be a function")
    return Adapter(
        path=path,
        read=given["read"],
        write=given["write"],
        fields=given.get("FIELDS", {}),
        observation=given.get("OBSERVATION", {}),
        reward=reward,
        growth=growth,
        ignored=given.get("IGNORED", {}),
        reference_settings=given.get("REFERENCE_SETTINGS", {}),
        settings=given.get("SETTINGS", {}),
        follow=given.get("FOLLOW", ""),
        players=given.get("PLAYERS", {}),
        notes=tuple(given.get("NOTES", ())),
        **{name: given.get(name) for name in functions},
    )


def _import(path: Path) -> Any:
    sys.path.append(str(path.parent))
    try:
        return load_file(f"puffer_port_{path.stem}", path)
    except Exception as error:
        line = _line_of(error, path)
        raise AdapterError(f"{path.name}{line} cannot be imported: {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(str(path.parent))


def _line_of(error: BaseException, path: Path) -> str:
    """`:12`, where an exception passed through a file."""
    if isinstance(error, SyntaxError):
        return f":{error.lineno}"
    line, trace = None, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == str(path) else line
        trace = trace.tb_next
    return "" if line is None else f":{line}"


def _check_names(path: Path, table: str, given: Any, known: set[str], env: EnvSpec) -> None:
    if not isinstance(given, Mapping):
        raise AdapterError(f"{path.name}: {table} must be a table of names, such as {{{min(known)!r}: ...}}")
    for name, value in given.items():
        if name not in known:
            what = "part of its observation" if table == "OBSERVATION" else "field"
            raise AdapterError(f"{path.name}: {table} names {name!r}: {env.name} has no such {what}."
                               f"{suggest(str(name), known)}")  # fmt: skip
        if table != "IGNORED" and not isinstance(value, Within):
            raise AdapterError(f"{path.name}: {table}[{name!r}] must be a Within(largest difference, why)")


DRAFT = '''"""How the state of {name} corresponds to that of {reference}."""

import numpy as np

from puffer_envs.porting import Within, elapsed_steps, set_elapsed_steps

FIELDS = {{
{fields}}}


def read(env):
    """Our fields, from the reference. `env.unwrapped` is the reference without its wrappers."""
    original = env.unwrapped
    return {{
{reads}    }}


def write(env, state):
    """Put our fields into the reference."""
    original = env.unwrapped
{writes}'''


def draft(env: EnvSpec, reference: str) -> str:
    """An adapter to begin with: every field is named, and nothing works yet."""
    named = [f for f in env.fields if f.doc]
    limits = "".join(f'    "{f.name}": Within(0.0, ""),  # {f.doc}\n' for f in named if f.dtype.kind == "f")
    reads = "".join(f'        "{f.name}": {_source(f.name)},  # {f.doc}\n' for f in named)
    writes = "".join(
        "    set_elapsed_steps(env, state['tick'])\n"
        if f.name == "tick"
        else f"    original.{f.name} = state['{f.name}']\n"
        for f in named
    )
    return DRAFT.format(name=env.name, reference=reference, fields=limits, reads=reads, writes=writes.replace("'", '"'))


def write_draft(env: EnvSpec, reference: str, path: Path) -> None:
    """Write a draft.

    Raises:
        AdapterError: the file exists.
    """
    if path.exists():
        raise AdapterError(f"--draft {path}: the file exists. Give another name, or delete it")
    path.write_text(draft(env, reference), "utf-8")


def _source(name: str) -> str:
    return "elapsed_steps(env)" if name == "tick" else f"original.{name}"
