"""Check commit messages: `check_commits.py` checks those since this rule began, `check_commits.py FILE` one message.

A subject has the form `area: imperative` and at most 72 characters; below an empty line the body says why. Merges are
exempt. To check messages as you write them: `git config core.hooksPath .ci/hooks`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

MAX_SUBJECT = 72
SUBJECT = re.compile(r"^(Merge |Revert |(fixup|squash)! |[a-z0-9][\w./, -]*: \S)")


def faults(message: str) -> list[str]:
    """What is wrong with a message; comment lines, which git removes, do not count."""
    lines = [line.rstrip() for line in message.splitlines() if not line.startswith("#")]
    subject, rest = (lines[0] if lines else ""), lines[1:]
    found = []
    if len(subject) > MAX_SUBJECT:
        found.append(f"the subject has {len(subject)} characters: at most {MAX_SUBJECT} are allowed")
    if not SUBJECT.match(subject):
        found.append("the subject has no area: write `area: imperative`, for example `docs: fix the install line`")
    if rest and rest[0]:
        found.append("the second line is not empty: separate subject and body")
    if not subject.startswith(("Merge ", "Revert ", "fixup! ", "squash! ")) and not any(rest):
        found.append("there is no body: say why, with figures where there are any")
    return found


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def new_commits() -> list[str]:
    """The commits after the one that added this file; none where the history is cut off before it."""
    script = Path(__file__).resolve()
    began = git("log", "--diff-filter=A", "--format=%H", "--", str(script)).split()
    if not began or (Path(git("rev-parse", "--git-dir")) / "shallow").exists():
        return []
    return git("rev-list", "--no-merges", f"{began[-1]}..HEAD").split()


def main() -> int:
    """Print every fault; 1 when there is one."""
    if len(sys.argv) > 1:
        messages = {sys.argv[1]: Path(sys.argv[1]).read_text("utf-8")}
    else:
        messages = {commit[:8]: git("log", "-1", "--format=%B", commit) for commit in new_commits()}
    wrong = [(name, fault) for name, message in messages.items() for fault in faults(message)]
    for name, fault in wrong:
        print(f"{name}: {fault}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
