"""The API reference of the site, as an MkDocs hook: a page for each package and each folder in it, from docstrings.

The pages exist only while the site is built. They are found by reading the sources, so a new module appears without
being listed anywhere. Names that a package exports in `__all__` are shown with the package, not again with their
module.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"puffer_envs": ROOT / "src", "puffer_train": ROOT / "src", "puffer_render": ROOT / "render"}
INTRODUCTION = """# Reference

Every public name of the three packages, from the docstrings. [Concepts](../concepts.md) explains how the
packages relate.
"""


@dataclass(frozen=True)
class Page:
    """One page of the reference."""

    title: str
    """Import path of the package."""
    summary: str
    """First line of the package's docstring."""
    text: str
    """Markdown, with directives that mkdocstrings replaces."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the generated parts of the navigation: environments and reference."""
    environments = sorted(path.name for path in Path(config.docs_dir, "environments").glob("*.md"))
    environments.remove("index.md")
    generated = {
        "Environments": ["environments/index.md", *[f"environments/{name}" for name in environments]],
        "Reference": ["reference/index.md", *[{page.title: f"reference/{page.title}.md"} for page in pages()]],
    }
    assert config.nav is not None, "mkdocs.yml has a nav"
    for part in config.nav:
        (title,) = part
        part[title] = generated.get(title, part[title])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the reference."""
    overview = "\n".join(f"- [`{page.title}`]({page.title}.md): {page.summary}" for page in pages())
    files.append(File.generated(config, "reference/index.md", content=f"{INTRODUCTION}\n{overview}\n"))
    for page in pages():
        files.append(File.generated(config, f"reference/{page.title}.md", content=page.text))
    return files


def on_page_content(html: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Link the pages that docstrings name by their file, such as docs/contract.md."""

    def link(found: re.Match[str]) -> str:
        name = found.group(1)
        if files.get_file_from_path(f"{name}.md") is None:
            raise PluginError(f"{page.file.src_uri} names docs/{name}.md, which does not exist")
        return f'<a href="../{name}.html">{found.group()}</a>'

    return re.sub(r"\bdocs/([\w-]+)\.md\b", link, html) if page.file.src_uri.startswith("reference/") else html


@functools.cache
def pages() -> tuple[Page, ...]:
    """One page for each package and each package within it."""
    roots = [griffe.load(name, search_paths=[str(folder)], allow_inspection=False) for name, folder in PACKAGES.items()]
    return tuple(_page(package) for root in roots for package in _packages(root))


def _page(package: Any) -> Page:
    """A page: what the package exports, then each of its modules."""
    exported = sorted(package.exports or ())
    shown = {package.members[name].final_target.path for name in exported if package.members[name].is_alias}
    parts = [f"# {package.path}", _directive(package, exported, level=2)]
    for module in _modules(package):
        public = {name: member.path for name, member in module.members.items() if _is_public(module, member)}
        names = [name for name, path in public.items() if path not in shown]
        if names:
            parts += [f"## {module.name}", _directive(module, names, level=3)]
    docstring = package.docstring.value if package.docstring else ""
    return Page(package.path, docstring.partition("\n")[0], "\n\n".join(parts) + "\n")


def _packages(root: Any) -> Iterator[Any]:
    """A package and the packages within it."""
    yield root
    for _, member in sorted(root.members.items()):
        if not member.is_alias and member.is_module and member.is_subpackage and not member.name.startswith("_"):
            yield from _packages(member)


def _modules(package: Any) -> list[Any]:
    """The modules directly in a package, by name."""
    found = [m for m in package.members.values() if not m.is_alias and m.is_module and not m.name.startswith("_")]
    return sorted((m for m in found if not m.is_subpackage), key=lambda m: str(m.name))


def _is_public(module: Any, member: Any) -> bool:
    """Whether other modules may use a name: it is exported, or it is defined here without an underscore."""
    if module.exports is not None:
        return member.name in module.exports
    return not (member.name.startswith("_") or member.is_alias or member.is_module)


def _directive(module: Any, names: list[str], level: int) -> str:
    """What mkdocstrings replaces by the documentation of a module and some of its names."""
    options = {
        "heading_level": level,
        "show_root_heading": "false",
        "show_root_toc_entry": "false",
        "members": f"[{', '.join(names)}]" if names else "false",
    }
    return "\n".join([f"::: {module.path}", "    options:", *[f"      {key}: {x}" for key, x in options.items()]])
