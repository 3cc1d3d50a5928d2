"""Which branches of c/ do the quick tests never take? `python .ci/coverage.py`, outside of `.ci/run`.

It needs Debian's clang with its run-time library, and a checkout whose .venv runs the tests. The package is built once
more with Clang's counters, for the baseline instruction set, into build/coverage/env. There the tests of environments
and kernels run, and beside them two programs in C: the trainer's kernels, and forged states of every environment. A
branch that was never taken and is not listed in .ci/uncovered.txt fails the command, as does a line of that list that
is no longer true: `--write` brings its lines up to date, and leaves new ones without a reason.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT, LIST = ROOT / "build/coverage", ROOT / ".ci/uncovered.txt"
PYTHON = OUT / "env/bin/python"
TESTS = ["tests/engine/test_bits.py", "tests/envs", "tests/engine/test_hostile.py", "tests/engine/test_logs.py"]
TESTS += ["tests/engine/test_forged_states.py", "tests/train/test_encoders.py", "tests/train/test_kernels_library.py"]
KERNELS = ("s", "_bits", "_border", "_convolutions", "_learner", "_sampling")
TESTS += [f"tests/train/test_kernel{name}.py" for name in KERNELS]
CHOICE = "(golden or not test_bits) and not harm and not too_wide"  # others compile for themselves
PROGRAMS = {"counted_states": ["libpuffer_c.a"], "learn_test": ["libpuffer_learn.a", "libpuffer_c.a"]}
COUNTERS = ["-fprofile-instr-generate", "-fcoverage-mapping"]
FOLDERS = ("c/envs", "c/learn", "c")
UNKNOWN = "# Nobody has looked at these yet."
Branch = tuple[str, str, str]
"""File, which way is never taken (`true` or `false`), and the text of its line, which stays when its number changes."""
Counts = dict[str, dict[tuple[int, ...], list[int]]]
"""For each file and place, how often its branch went both ways, in any of the files that include it."""


def build() -> None:
    """Install the package with counters beside the packages of .venv, whose own editable install is not seen."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(OUT / "env")], check=True)
        library = "lib/python{}.{}/site-packages".format(*sys.version_info)
        (OUT / "env" / library / "beside.pth").write_text(f"{ROOT / '.venv' / library}\n", "utf-8")
    flags = {"CC": "clang", "CFLAGS": " ".join([*COUNTERS, "-Wno-pass-failed"]), "LDFLAGS": COUNTERS[0]}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "-q", "--no-deps", "--force-reinstall"]
    command += ["--no-build-isolation", f"-Cbuild-dir={OUT / 'cmake'}", "-Ccmake.define.PUF_QUICK=ON"]
    words = [*command, "-Cinstall.strip=false", str(ROOT)]
    subprocess.run(words, check=True, env=os.environ | flags | {"PATH": path})
    for name, libraries in PROGRAMS.items():
        sources = [ROOT / f"tests/c/{name}.c", *(OUT / "cmake" / library for library in libraries)]
        words = ["clang", "-std=gnu17", "-O1", *COUNTERS, f"-I{ROOT / 'c'}", *map(str, sources)]
        subprocess.run([*words, "-o", str(OUT / name), "-pthread", "-lm"], check=True)


def run() -> None:
    """Run programs and tests, which count into build/coverage/raw: a file for each library, for all processes."""
    shutil.rmtree(OUT / "raw", ignore_errors=True)
    counted = os.environ | {"LLVM_PROFILE_FILE": str(OUT / "raw/%m.profraw")}
    subprocess.run([str(OUT / "learn_test"), "2"], check=True, env=counted)
    names = re.findall(r"^PUF_ENV\w*\((\w+)\)", (ROOT / "c/envs.def").read_text("utf-8"), re.MULTILINE)
    for name in names:  # as tests/engine/test_forged_states.py does
        subprocess.run([str(OUT / "counted_states"), name, "400", "5"], check=True, env=counted)
    command = [str(PYTHON), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", CHOICE, *TESTS]
    subprocess.run(command, check=True, cwd=ROOT, env=counted)


def tool(name: str) -> str:
    """LLVM's tool of clang's own version, which is beside it."""
    return str(Path(shutil.which("clang") or sys.exit("error: clang is not installed")).resolve().with_name(name))


def read_counts() -> Counts:
    """What was counted."""
    raw = [str(path) for path in (OUT / "raw").glob("*.profraw")]
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", *raw, "-o", str(OUT / "profile")], check=True)
    objects = [OUT / name for name in PROGRAMS] + sorted((OUT / "env").rglob("puffer_*/*.so"))
    words = [f"-instr-profile={OUT / 'profile'}", str(objects[0]), *(f"-object={path}" for path in objects[1:])]
    words += ["-skip-functions", "-skip-expansions"]  # which would take all memory
    words += [str(path) for folder in FOLDERS for path in (ROOT / folder).glob("*.[ch]")]
    done = subprocess.run([tool("llvm-cov"), "export", *words], check=True, capture_output=True, text=True)
    counts: Counts = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for file in json.loads(done.stdout)["data"][0]["files"]:
        name = str(Path(file["filename"]).relative_to(ROOT))
        for *place, true, false, _, _, _ in file["branches"]:
            both = counts[name][tuple(place)]
            both[0] += true
            both[1] += false
    return counts


def never_taken(counts: Counts) -> dict[Branch, list[int]]:
    """The branches that were never taken, and the numbers of their lines."""
    left: dict[Branch, list[int]] = defaultdict(list)
    for name, branches in sorted(counts.items()):
        lines = (ROOT / name).read_text("utf-8").splitlines()
        for place, both in sorted(branches.items()):
            for way, count in zip(("true", "false"), both, strict=True):
                if count == 0:
                    left[name, way, " ".join(lines[place[0] - 1].split())].append(place[0])
    return left


def read_list() -> dict[Branch, str]:
    """The reason of each branch: lines `FILE: WAY: TEXT` below a line that begins with #."""
    found, reason = {}, ""
    for line in LIST.read_text("utf-8").splitlines() if LIST.exists() else []:
        if line.startswith("#"):
            reason = line
        elif line:
            name, way, text = line.split(": ", 2)
            found[name, way, text] = reason
    return found


def write_list(left: dict[Branch, list[int]], listed: dict[Branch, str]) -> None:
    """Write what is true now, with the reasons that are known."""
    groups: dict[str, list[str]] = {reason: [] for reason in [*dict.fromkeys(listed.values()), UNKNOWN]}
    for branch in left:
        groups[listed.get(branch, UNKNOWN)].append(": ".join(branch))
    parts = ["\n".join([reason, *lines]) for reason, lines in groups.items() if lines]
    LIST.write_text("\n\n".join(parts) + "\n", "utf-8")


def main() -> int:
    """Return 1 if a branch is neither taken nor listed, or listed and taken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counted", action="store_true", help="use what the last call has counted")
    parser.add_argument("--write", action="store_true", help="write .ci/uncovered.txt")
    options = parser.parse_args()
    if not options.counted:
        build()
        run()
    counts = read_counts()
    left, listed = never_taken(counts), read_list()
    if options.write:
        write_list(left, listed)
        listed = read_list()
    for branch in sorted(left.keys() - listed.keys()):
        print(f"{branch[0]}:{','.join(map(str, left[branch]))}: never {branch[1]}: {branch[2]}")
    for branch in sorted(listed.keys() - left.keys()):
        print(f".ci/uncovered.txt: no longer true: {': '.join(branch)}")
    for folder in FOLDERS:
        branches = [both for name in counts if str(Path(name).parent) == folder for both in counts[name].values()]
        found = [count for both in branches for count in both]
        taken = sum(count > 0 for count in found)
        print(f"{folder}: {taken:,} of {len(found):,} branches were taken ({taken / len(found):.1%})")
    return int(left.keys() != listed.keys())


if __name__ == "__main__":
    sys.exit(main())
