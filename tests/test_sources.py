"""What the sources may contain: which part knows of which, nothing that runs what it reads, nothing private."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# What each part must not know of. The shared vocabulary, puffer_envs.contract, is the exception.
CONTRACT = "puffer_envs.contract"
FORBIDDEN = {
    "puffer_envs": {"puffer_train", "puffer_render", "torch", "raylib", "pyray"},
    "puffer_train": {"puffer_envs", "puffer_render", "raylib", "pyray"},
    "puffer_render": {"puffer_train", "torch"},
}
PACKAGES = tuple(FORBIDDEN)
# Modules that run what they read.
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNSAFE_SETTINGS = {"weights_only=False", "allow_pickle=True"}
# The one file that may: it speaks with worker processes, which are sent the user's own functions. Nothing that was
# stored, or came over a network, is read there.
PICKLES = {Path("vector/channel.py"): {"imports cloudpickle", "imports pickle"}}
# Files that `puffer-envs new` copies, which are no modules of the package: drawings among them.
TEMPLATES = "templates"
# Functions that import the module they are given the name of.
IMPORTERS = {"import_module", "__import__", "_import"}
# What `puffer_envs.adapters` adapts to: users of such an adapter have the package.
ADAPTED = {"ale_py", "pettingzoo", "stable_baselines3"}


def package_folder(package: str) -> Path:
    """Where a package's sources are, without importing it."""
    spec = importlib.util.find_spec(package)
    assert spec and spec.origin
    return Path(spec.origin).parent


def sources(package: str) -> Iterator[tuple[Path, ast.Module]]:
    """Every Python file of a package, parsed."""
    for path in sorted(package_folder(package).rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"), str(path))


def imported_modules(tree: ast.AST) -> set[str]:
    """The full names of all modules that are imported anywhere in it, also inside functions."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in IMPORTERS:
            names |= {str(a.value) for a in node.args if isinstance(a, ast.Constant)}
    return names


def imports(tree: ast.AST) -> set[str]:
    """The top-level names of all modules that are imported in it, without those of the contract."""
    names = imported_modules(tree)
    return {name.partition(".")[0] for name in names if name != CONTRACT and not name.startswith(f"{CONTRACT}.")}


def dangers(tree: ast.AST) -> list[str]:
    """What in it could run code that came with data."""
    found = [f"imports {name}" for name in sorted(imports(tree) & UNSAFE_MODULES)]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
            found.append(f"line {node.lineno}: {node.func.id}")
        settings = map(ast.unparse, node.keywords)
        found += [f"line {node.lineno}: {setting}" for setting in settings if setting in UNSAFE_SETTINGS]
        if ast.unparse(node.func) == "torch.load":
            found.append(f"line {node.lineno}: torch.load")
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "def f(b):\n    from pickle import loads\n    return loads(b)",
        "importlib.import_module('marshal')",
        "eval('1')",
        "exec(compile(text, 'x', 'exec'))",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "load(path, weights_only=False)",
    ],
)
def test_the_search_for_dangers_finds(code: str) -> None:
    assert dangers(ast.parse(code))


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_that_is_read_can_run(package: str) -> None:
    for path, tree in sources(package):
        allowed = PICKLES.get(path.relative_to(package_folder(package)), set())
        assert set(dangers(tree)) == allowed, path


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_do_not_know_what_they_must_not(package: str) -> None:
    modules = [(path, tree) for path, tree in sources(package) if TEMPLATES not in path.parts]
    broken = {str(path): bad for path, tree in modules if (bad := imports(tree) & FORBIDDEN[package])}
    assert not broken


def test_the_contract_needs_numpy_and_gymnasium_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "gymnasium"}
    found = {path.name: imports(tree) for path, tree in sources("puffer_envs") if path.parent.name == "contract"}
    assert found["__init__.py"] == set() and set().union(*found.values()) <= allowed


def declared(*requirements: str) -> set[str]:
    """The modules of these requirements, which are all called as their distribution is."""
    return {Requirement(requirement).name for requirement in requirements}


def test_every_dependency_is_declared_and_used() -> None:
    extras = PROJECT["optional-dependencies"]
    base, train, render = (declared(*group) for group in (PROJECT["dependencies"], extras["train"], extras["render"]))
    known = set(sys.stdlib_module_names) | set(PACKAGES)
    used = {name: set().union(*(imports(tree) for _, tree in sources(name))) - known for name in PACKAGES}
    used["puffer_envs"] -= ADAPTED
    used["puffer_envs"] -= {"minatar", "craftax", "jax"}  # are imported where ports are compared with them
    used["puffer_train"].discard("triton")  # comes with PyTorch for CUDA, and is imported where there is a GPU
    shows = ("plot", "wandb", "tensorboard", "onnx", "sweep", "ray")
    named = [requirement for extra in shows for requirement in extras[extra]]
    shown = declared(*named) - {"puffer-envs"}
    used["puffer_train"].discard("av")  # comes with the renderer, and is imported where that has made a video
    used["puffer_train"].discard("IPython")  # runs the notebook, where it is imported
    assert used["puffer_train"] <= base | train | shown
    assert used["puffer_render"] <= base | render
    assert used["puffer_envs"] <= base
    assert base | train | render | shown == set().union(*used.values()), "declared, but imported nowhere"


def test_only_adapters_import_what_they_adapt_to() -> None:
    importing = {path.parent.name for package in PACKAGES for path, tree in sources(package) if imports(tree) & ADAPTED}
    assert importing == {"adapters"}


# --- what is in git ---

TEXT = {".c", ".def", ".h", ".json", ".md", ".py", ".pyi", ".pxd", ".pyx", ".sh", ".toml", ".txt", ".yml", ""}
LARGE = 2_000_000  # bytes
# Folders and addresses that exist on one machine or in one network only.
PRIVATE = re.compile(
    r"(?<![\w.$}~])/(?:root|work|home/\w+|Users/\w+|opt/\w+|mnt/\w+)/\w"
    r"|https?://(?:localhost|[0-9.]+|[\w-]+)[:/]"
    r"|\b[\w-]+\.(?:internal|corp|lan|intranet)\b"
    r"|file:/{2}/"
)


def tracked(*options: str) -> list[Path]:
    """The files in git, relative to the root. Skips where the tests are not in a git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", *options]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [Path(name) for name in names if name and (ROOT / name).is_file()]


def test_nothing_that_git_ignores_is_tracked() -> None:
    assert tracked("--ignored", "--exclude-standard") == []


def test_tracked_files_are_small() -> None:
    large = [path for path in tracked() if (ROOT / path).stat().st_size > LARGE]
    assert not large


@pytest.mark.parametrize(
    "text", ["/".join(["", "root", "x"]), "http:" + "//build:80/", "ci." + "internal", "file:" + "///x"]
)
def test_the_search_for_private_places_finds(text: str) -> None:
    assert PRIVATE.search(f"see {text}")


def test_nothing_in_git_names_a_private_place() -> None:
    found = [
        f"{name}:{number}: {match.group()}"
        for name in tracked()
        if name.suffix in TEXT
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1)
        if (match := PRIVATE.search(line))
    ]
    assert not found
