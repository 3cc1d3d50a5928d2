"""The API reference of the site, as an MkDocs hook: a page for each folder of modules, made from the docstrings.

The pages exist only while the site is built. They are found by reading the packages, so that a new module is on its
page without being listed anywhere. What a package exports in `__all__` is shown there, and not again with its module.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"puffer_envs": ROOT / "src", "puffer_train": ROOT / "src", "puffer_render": ROOT / "render"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the parts of the navigation that are made: environments and reference."""
    pages = [{title: f"reference/{title}.md"} for title in reference_pages()]
    environments = sorted(Path(config.docs_dir, "environments").glob("*.md"), key=lambda path: path.stem)
    listed = ["environments/index.md", *[f"environments/{p.name}" for p in environments if p.stem != "index"]]
    made = {"Environments": listed, "Reference": [*pages]}
    assert config.nav is not None, "mkdocs.yml has a nav"
    for part in config.nav:
        (title,) = part
        if title in made:
            part[title] = made[title]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the reference."""
    for title, text in reference_pages().items():
        files.append(File.generated(config, f"reference/{title}.md", content=text))
    return files


_pages: dict[str, str] = {}


def reference_pages() -> dict[str, str]:
    """Markdown of each page, by its title: a package, or a folder within one."""
    if not _pages:
        for package, folder in PACKAGES.items():
            root = griffe.load(package, search_paths=[str(folder)], allow_inspection=False)
            for part in _folders(root):
                _pages[part.path] = page(part)
    return _pages


def page(part: Any) -> str:
    """A page: the folder itself with what it exports, then each of its modules."""
    exported = set(part.exports or ())
    lines = [f"# {part.path}", "", _directive(part, sorted(exported))]
    shown = {part.members[name].final_target.path for name in exported if part.members[name].is_alias}
    for module in _modules(part):
        public = {name: member.path for name, member in module.members.items() if _is_public(module, member)}
        names = [name for name, path in public.items() if path not in shown]
        if names:
            lines += ["", f"## {module.name}", "", _directive(module, names)]
    return "\n".join(lines) + "\n"


def _folders(root: Any) -> Iterator[Any]:
    """A package and the packages in it."""
    yield root
    for member in list(root.members.values()):
        if not member.is_alias and member.is_module and not member.name.startswith("_") and member.is_subpackage:
            yield from _folders(member)


def _modules(part: Any) -> list[Any]:
    """The modules directly in a folder, by name."""
    found = [m for m in part.members.values() if not m.is_alias and m.is_module and not m.name.startswith("_")]
    return sorted((m for m in found if not m.is_subpackage), key=lambda m: str(m.name))


def _is_public(module: Any, member: Any) -> bool:
    """Whether a name is for other modules: no underscore, and made here."""
    listed = module.exports
    if listed is not None:
        return member.name in listed
    return not member.name.startswith("_") and not member.is_alias and not member.is_module


def _directive(module: Any, names: list[str]) -> str:
    """What mkdocstrings replaces by the documentation of a module and some of its names."""
    options = [
        "    options:",
        "      heading_level: 2",
        "      show_root_heading: false",
        "      show_root_toc_entry: false",
        f"      members: [{', '.join(names)}]" if names else "      members: false",
    ]
    return "\n".join([f"::: {module.path}", *options])
