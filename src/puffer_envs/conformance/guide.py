"""The list of all checks in docs/check.md, made from their docstrings: python -m puffer_envs.conformance.guide FILE"""

from __future__ import annotations

import argparse
import inspect
import sys
import textwrap
from pathlib import Path

from puffer_envs.conformance.suite import ALONE_CHECKS, BATCH_CHECKS, NATIVE_CHECKS, WORKER_CHECKS, Check, check_name

MARK = "<!-- made by python -m puffer_envs.conformance.guide; edit the docstrings of the checks instead -->"
"""Everything below this line is made."""

WITHOUT_BATCH = tuple(check for check in ALONE_CHECKS if check not in BATCH_CHECKS)
PARTS = (
    ("Of everything", tuple(check for check in ALONE_CHECKS if check in BATCH_CHECKS)),
    ("Of a single environment by itself", WITHOUT_BATCH),
    ("Of a batch: your own, or a vector of your single environments", BATCH_CHECKS),
    ("Of what is written in Python", WORKER_CHECKS),
    ("Of native environments", NATIVE_CHECKS),
)


def guide() -> str:
    """Headings and paragraphs, in Markdown."""
    told: set[Check] = set()
    lines = []
    for title, checks in PARTS:
        lines += ["", f"## {title}"]
        for check in checks:
            if check not in told:
                told.add(check)
                first, _, rest = inspect.cleandoc(check.__doc__ or "").partition("\n\n")
                text = " ".join(f"**{first}** {rest}".split())
                lines += ["", f"### {check_name(check)}", *textwrap.wrap(text, 120, break_on_hyphens=False)]
    return "\n".join(lines) + "\n"


def rewrite(text: str) -> str:
    """A page with its made part as it should be."""
    written, mark, _ = text.partition(MARK)
    if not mark:
        raise ValueError(f"the page must have this line: {MARK}")
    return written + mark + "\n" + guide()


def main() -> int:
    """Rewrite the page that is named; 0, or 2 where that cannot be."""
    parser = argparse.ArgumentParser(
        description="Write the list of all checks into a page, below the line that marks it."
    )
    parser.add_argument("page", type=Path, metavar="FILE", help="docs/check.md")
    page = parser.parse_args().page
    try:
        page.write_text(rewrite(page.read_text("utf-8")), "utf-8")
    except (OSError, ValueError) as error:
        print(f"guide: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
