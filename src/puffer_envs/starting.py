"""`puffer-envs new`: a folder with a small game that works at once, to change into one's own."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shutil
import tempfile
from importlib import resources
from pathlib import Path

from puffer_envs import _core
from puffer_envs.compiling import find_compilers
from puffer_envs.contract import shell
from puffer_envs.contract.completion import DISTRIBUTION
from puffer_envs.contract.errors import UserError
from puffer_envs.contract.files import replace

TEMPLATES = {
    "grid": "a thief, a key, a door, a treasure and a guard, cell by cell",
    "continuous": "a rocket that lands, with two continuous actions",
    "multi-agent": "a flock: many agents with continuous actions, rewarded for flying together",
    "board": "three in a row where old stones vanish, against an opponent or in self-play",
    "arcade": "a bat in a cave that scrolls, seen as pixels",
}
"""What `--template` can be, and what each is."""
DEFAULT = "grid"
PLACEHOLDER = "my_game"
"""What the templates call the environment."""
SHARED = {
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "pyproject.toml": "pyproject.toml",
    "test_my_game.py": f"test_{PLACEHOLDER}.py",
    "wheels.yml": ".github/workflows/wheels.yml",
}
"""Files that are the same for all templates, and where they go."""
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_NAME = 40
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
"""Windows has no folders and files of these names."""


def create(folder: Path, template: str) -> str:
    """Write a folder with an environment that is named after it, and return what to do next.

    Args:
        folder: The folder, which must not exist yet.
        template: One of `TEMPLATES`.

    Raises:
        UserError: The name cannot be an environment's, the folder exists, or it cannot be written.
    """
    name = folder.name
    check_name(name)
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} exists already: nothing was written. Choose another name, or remove it.")
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}. Nothing was written.") from None
    try:
        for file, text in _contents(name, template).items():
            path = scratch / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        replace(scratch / name, folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}. Nothing was written.") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return _next_steps(folder)


def check_name(name: str) -> None:
    """Raise `UserError` unless an environment of one's own can have this name."""
    if not NAME.fullmatch(name) or len(name) > MAX_NAME:
        near = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:MAX_NAME].rstrip("_")
        hint = f" Did you mean {near!r}?" if NAME.fullmatch(near) else ""
        raise UserError(
            f"{name!r} cannot be the name of an environment: use lower-case letters, digits and single underscores, "
            f"beginning with a letter, at most {MAX_NAME}.{hint}"
        )
    if name in _core.names():
        raise UserError(f"{name!r} is the name of an environment that ships with puffer-envs: choose another name.")
    if name in DEVICES:
        raise UserError(f"{name!r} is the name of a device on Windows: choose another name.")
    if name.startswith("puf"):
        raise UserError(f"{name!r} begins as the names in puffer.h do: choose another name.")
    module = importlib.util.find_spec(name)
    if keyword.iskeyword(name) or (module is not None and module.origin is not None):
        raise UserError(f"{name!r} is the name of something in Python: choose another name.")


def _contents(name: str, template: str) -> dict[str, str]:
    """Return the files of a new environment, by their paths in its folder."""
    root = resources.files("puffer_envs") / "templates"
    game = root / template_folder(template)
    own = {f"{PLACEHOLDER}{ending}": game / f"{PLACEHOLDER}{ending}" for ending in (".h", ".py", ".toml")}
    shared = {path: root / "shared" / file for file, path in SHARED.items()}
    return {_rename(path, name): _rename(file.read_text("utf-8"), name) for path, file in (own | shared).items()}


def template_folder(template: str) -> str:
    """Return the name of its folder: one that tools which look into wheels take for a package's."""
    return template.replace("-", "_")


def _rename(text: str, name: str) -> str:
    """Replace the templates' name: my_game, MyGame in the names of types, MY_GAME in those of constants."""
    camel = "".join(word.capitalize() for word in name.split("_"))
    return text.replace("my_game", name).replace("MyGame", camel).replace("MY_GAME", name.upper())


def _next_steps(folder: Path) -> str:
    """Return what to type next; every line works here, in this order."""
    name = folder.name
    path = str(folder) if folder.is_absolute() else f".{os.sep}{folder}"
    quoted = shell.quote(path)
    steps = [
        (f"puffer-play {quoted}", "play it"),
        (f"puffer-train {quoted}", "let a policy learn it, in a minute"),
        (f"puffer-envs check {quoted}", "test it after every change"),
        (f"pip install --no-build-isolation {quoted}", f"from then on {name} is its name everywhere"),
    ]
    extras = [extra for extra, module in (("train", "torch"), ("render", "raylib")) if not _has(module)]
    if not find_compilers():
        extras.append("author")
    if extras:
        steps.insert(0, (f'pip install "{DISTRIBUTION}[{",".join(extras)}]"', "what is missing here"))
    width = max(len(command) for command, _ in steps)
    listed = "\n".join(f"  {command:{width}}  # {what}" for command, what in steps)
    return (
        f"Wrote {folder}: {name}.h has the rules, {name}.py the drawing, {name}.toml how it is trained.\n"
        f"What to do next:\n{listed}"
    )


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
