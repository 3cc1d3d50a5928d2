"""What a release must satisfy, and what it tells its users: `release.py COMMAND`.

    check TAG         the tag, pyproject.toml and a dated section of CHANGELOG.md name the same version
    complete FOLDER   the sdist and a wheel for each promised platform are there, none over 5 MB, each with an SBOM
    same ONE OTHER    files of the same name in two folders are the same bytes
    notes FOLDER      print the release's notes in Markdown: what has changed, and the SHA-256 of each file

The workflow `wheels` runs these; they run anywhere. The exit status is 1 if something is not satisfied.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "puffer_envs"
MAX_BYTES = 5_000_000
PLATFORMS = {
    "manylinux": ("x86_64", "aarch64"),
    "musllinux": ("x86_64", "aarch64"),
    "macosx": ("x86_64", "arm64"),
    "win": ("amd64", "arm64"),
}
"""Systems, as they begin a wheel's platform tag, and the processors that end it."""


def version(project: Path = ROOT) -> str:
    """The version in a folder's pyproject.toml."""
    return str(tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def section(changelog: str, wanted: str) -> tuple[str, str]:
    """The date and the text of a version's section; empty if there is none."""
    found = re.search(
        rf"^## \[{re.escape(wanted)}\] - (?P<date>\S+)\n(?P<text>.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    return (found["date"], found["text"].strip()) if found else ("", "")


def check_tag(tag: str, project_version: str, changelog: str) -> list[str]:
    """What is wrong with releasing this tag."""
    faults = []
    if tag != f"v{project_version}":
        faults.append(f"the tag is {tag}, but pyproject.toml has version {project_version}: tag v{project_version}")
    date, text = section(changelog, project_version)
    if not text:
        faults.append(f"CHANGELOG.md has no section [{project_version}]: write one")
    elif not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        faults.append(f"the section [{project_version}] of CHANGELOG.md is dated {date!r}: write YYYY-MM-DD")
    return faults


def check_files(folder: Path, project_version: str) -> list[str]:
    """What is missing from a folder of wheels and an sdist, or too large."""
    files = {path.name: path for path in folder.iterdir()}
    faults = [] if f"{NAME}-{project_version}.tar.gz" in files else [f"there is no {NAME}-{project_version}.tar.gz"]
    wheels = {name: path for name, path in files.items() if name.endswith(".whl")}
    for system, machines in PLATFORMS.items():
        for machine in machines:
            wanted = re.compile(rf"{NAME}-{re.escape(project_version)}-cp311-abi3-.*\b{system}\w*_{machine}\.whl")
            if not any(map(wanted.fullmatch, wheels)):
                faults.append(f"there is no wheel for {system} on {machine}")
    pages = f"{NAME}_web-{project_version}-py3-none-any.whl"
    faults += [] if pages in wheels else [f"there is no {pages}"]
    for name, path in wheels.items():
        if path.stat().st_size > MAX_BYTES:
            faults.append(f"{name} has {path.stat().st_size / 1e6:.1f} MB: at most {MAX_BYTES / 1e6:g} are promised")
        if name != pages and not has_sbom(path, project_version):
            faults.append(f"{name} has no SBOM of version {project_version}")
    return faults


def has_sbom(wheel: Path, project_version: str) -> bool:
    """Whether a wheel lists what it consists of, where PEP 770 has it."""
    with zipfile.ZipFile(wheel) as archive:
        listed = [name for name in archive.namelist() if re.search(r"\.dist-info/sboms/[^/]+\.cdx\.json$", name)]
        boms = [json.loads(archive.read(name)) for name in listed]
    return any(bom["metadata"]["component"]["version"] == project_version for bom in boms)


def differences(one: Path, other: Path) -> list[str]:
    """Files of the same name that differ, with what differs within a wheel; or that no name is in both."""
    both = sorted({path.name for path in one.iterdir()} & {path.name for path in other.iterdir()})
    faults = [] if both else [f"{one} and {other} have no file in common"]
    for name in both:
        if (one / name).read_bytes() != (other / name).read_bytes():
            inside = members(one / name) ^ members(other / name) if name.endswith(".whl") else set()
            faults.append(f"{name} differs{': ' if inside else ''}{', '.join(sorted({each for each, _ in inside}))}")
    return faults


def members(wheel: Path) -> set[tuple[str, int]]:
    """Names and checksums of what is in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {(each.filename, each.CRC) for each in archive.infolist()}


def notes(folder: Path, project_version: str, changelog: str) -> str:
    """The release's notes in Markdown."""
    _, text = section(changelog, project_version)
    rows = [
        f"| `{path.name}` | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |" for path in sorted(folder.iterdir())
    ]
    table = "\n".join(["| file | SHA-256 |", "|---|---|", *rows])
    verify = f"gh attestation verify {NAME}-{project_version}-*.whl --repo OWNER/REPOSITORY"
    return (
        f"{text}\n\n### Files\n\n{table}\n\nEach file is built from this tag by the workflow `wheels` and attested: "
        f"`{verify}` checks where a wheel comes from. The Linux wheel is built twice and compared. Every wheel has a "
        "CycloneDX SBOM in `.dist-info/sboms`.\n"
    )


def existing_folder(given: str) -> Path:
    """A folder named on the command line."""
    if not Path(given).is_dir():
        raise argparse.ArgumentTypeError(f"{given} is not a folder")
    return Path(given)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("tag")
    for name in ("complete", "notes"):
        commands.add_parser(name).add_argument("folder", type=existing_folder)
    same = commands.add_parser("same")
    for folder in ("one", "other"):
        same.add_argument(folder, type=existing_folder)
    options = parser.parse_args(arguments)
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    match options.command:
        case "check":
            faults = check_tag(options.tag, version(), changelog)
        case "complete":
            faults = check_files(options.folder, version())
        case "same":
            faults = differences(options.one, options.other)
        case _:
            print(notes(options.folder, version(), changelog))
            faults = []
    for fault in faults:
        print(f"error: {fault}.", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
