"""Where the documentation is, for messages: an installed package has no docs/ folder."""

from __future__ import annotations

DOCUMENTATION = "https://puffer-envs.readthedocs.io/en/latest/"
"""The documentation's home."""


def page_url(page: str) -> str:
    """The address of a page: `page` is its path in docs/ without `.md`, with an optional `#heading`."""
    path, mark, heading = page.partition("#")
    return f"{DOCUMENTATION}{path}.html{mark}{heading}"
