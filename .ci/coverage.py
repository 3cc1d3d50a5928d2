"""Which branches of c/ do the quick tests never take? `python .ci/coverage.py`, outside of `.ci/run`.

It needs Debian's clang, libclang-rt-NN-dev and llvm-NN of its version, and a checkout whose .venv runs the tests. The
package is built once more with Clang's counters, for the baseline instruction set, into build/coverage/env. There the
tests of environments, kernels and the search run, a file at a time, and beside them two programs in C: the trainer's
kernels, and forged states of every environment. What tests compile for themselves is counted too. A branch that was
never taken and is not listed in .ci/uncovered.txt fails the command, as does a line of that list that is no longer
true: `--write` brings its lines up to date, and leaves new ones without a reason.

It takes about eight minutes of one core. Stopped and called again it continues where it was; a test file runs again if
its own text, its helpers or the C have changed. NAMEs choose among what is run: `test_delve` is two of the files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT, LIST = ROOT / "build/coverage", ROOT / ".ci/uncovered.txt"
PYTHON = OUT / "env/bin/python"
TESTS = ["tests/engine/test_bits.py", "tests/envs", "tests/engine/test_hostile.py", "tests/engine/test_logs.py"]
TESTS += ["tests/engine/test_forged_states.py", "tests/train/test_encoders.py", "tests/train/test_kernels_library.py"]
KERNELS = ("s", "_bits", "_border", "_convolutions", "_learner", "_sampling")
TESTS += [f"tests/train/test_kernel{name}.py" for name in KERNELS]
TESTS += ["tests/engine/test_math.py", "tests/engine/test_perft.py", "tests/vector/test_native_set.py"]
TESTS += ["tests/arena/test_search.py"]
TESTS += ["tests/train/test_selfplay.py::test_networks_act_for_their_own_rows_as_if_they_were_alone"]
CHOICE = "(golden or not test_bits) and not harm and not too_wide"  # others repeat this for other compilers
PROGRAMS = {"counted_states": ["libpuffer_c.a"], "learn_test": ["libpuffer_learn.a", "libpuffer_c.a"]}
COUNTERS = ["-fprofile-instr-generate", "-fcoverage-mapping"]
FOLDERS = ("c/envs", "c/learn", "c")
UNKNOWN = "# Nobody has looked at these yet."
Branch = tuple[str, str, str]
"""File, which way is never taken (`true` or `false`), and the text of its line, which stays when its number changes."""
Counts = dict[str, dict[tuple[int, ...], list[int]]]
"""For each file and place, how often its branch went both ways, in any of the files that include it."""


def missing() -> str | None:
    """Say what has to be installed first; None if nothing."""
    clang = shutil.which("clang")
    if clang is None:
        return "clang is not installed: apt-get install clang."
    asked = [clang, f"-print-file-name=libclang_rt.profile-{platform.machine()}.a"]
    version = subprocess.check_output([clang, "-dumpversion"], text=True).partition(".")[0]
    places = [subprocess.check_output(asked, text=True).strip(), *map(tool, ("llvm-profdata", "llvm-cov"))]
    if all(Path(place).exists() for place in places):
        return None
    return f"this clang cannot count: apt-get install libclang-rt-{version}-dev llvm-{version}."


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


def write_compiler() -> Path:
    """A folder whose `cc` compiles with counters, for tests that compile; those for sanitizers call `gcc`."""
    folder = OUT / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    words = [str(shutil.which("clang")), *COUNTERS, "-Wno-pass-failed"]
    (folder / "cc").write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n', "utf-8")
    (folder / "cc").chmod(0o755)
    return folder


def list_steps() -> dict[str, list[list[str]]]:
    """What is run, by name: the commands of each."""
    names = re.findall(r"^PUF_ENV\w*\((\w+)\)", (ROOT / "c/envs.def").read_text("utf-8"), re.MULTILINE)
    states = [[str(OUT / "counted_states"), name, "400", "5"] for name in names]  # as test_forged_states.py does
    steps = {"learn_test": [[str(OUT / "learn_test"), "2"]], "counted_states": states}
    for pattern in TESTS:
        folder = ROOT / pattern
        for path in sorted(folder.glob("test_*.py")) if folder.is_dir() else [folder]:
            made = OUT / "made" / path.name.partition(".py")[0]
            options = ["-q", "-p", "no:cacheprovider", f"--basetemp={made}", "-k", CHOICE]
            steps[str(path.relative_to(ROOT))] = [[str(PYTHON), "-m", "pytest", *options, str(path)]]
    return steps


def state_of(name: str) -> str:
    """A number that changes with what a step depends on."""
    paths = [path for folder in ("c", "cython") for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths += [path for path in (ROOT / "tests").rglob("*.*") if path.suffix in (".py", ".c", ".h")]
    own = name.partition("::")[0]
    mine = [path for path in paths if not path.name.startswith("test_") or str(path.relative_to(ROOT)) == own]
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in sorted(mine))).hexdigest()


def run(chosen: list[str]) -> list[str]:
    """Run what has not been run yet, and return the steps that failed.

    Each step counts into a folder of its own in build/coverage/raw.
    """
    folder, failed = write_compiler(), []
    (OUT / "made").mkdir(exist_ok=True)
    steps = {name: step for name, step in list_steps().items() if not chosen or any(part in name for part in chosen)}
    for number, (name, commands) in enumerate(steps.items(), 1):
        raw, state = OUT / "raw" / name.replace("/", "."), state_of(name)
        done = raw / "done"
        if done.exists() and done.read_text("utf-8") == state:
            continue
        shutil.rmtree(raw, ignore_errors=True)
        counted = os.environ | {"LLVM_PROFILE_FILE": str(raw / "%m.profraw")}
        counted["PATH"] = f"{folder}{os.pathsep}{counted['PATH']}"
        begin = time.monotonic()
        for command in commands:
            ended = subprocess.run(command, check=False, cwd=ROOT, env=counted, capture_output=True, text=True)
            if ended.returncode not in (0, 5):  # 5: there is no such test
                print(f"{ended.stdout[-4000:]}{ended.stderr[-2000:]}\nerror: {' '.join(command)} failed")
                failed.append(name)
                break
        else:
            raw.mkdir(parents=True, exist_ok=True)
            done.write_text(state, "utf-8")
        print(f"{number:3} of {len(steps)}  {time.monotonic() - begin:6.1f} s  {name}", flush=True)
    return failed


def has_counters(path: Path) -> bool:
    """Whether a file was compiled with counters, and linked."""
    if path.suffix in (".o", ".a", ".profraw") or path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF" and b"__llvm_covmap" in file.read()


def tool(name: str) -> str:
    """LLVM's tool of clang's own version, which is beside it."""
    return str(Path(str(shutil.which("clang"))).resolve().with_name(name))


def read_counts() -> Counts:
    """What was counted."""
    raw = [str(path) for path in (OUT / "raw").rglob("*.profraw")]
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", *raw, "-o", str(OUT / "profile")], check=True)
    objects = [OUT / name for name in PROGRAMS] + sorted((OUT / "env").rglob("puffer_*/*.so"))
    objects += [path for path in sorted((OUT / "made").rglob("*")) if has_counters(path)]
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
    parser.add_argument("names", nargs="*", metavar="NAME", help="run only steps that have this in their name")
    parser.add_argument("--counted", action="store_true", help="use what the last call has counted")
    parser.add_argument("--write", action="store_true", help="write .ci/uncovered.txt")
    options = parser.parse_args()
    if reason := missing():
        parser.error(reason)
    steps = list_steps()
    if unknown := [part for part in options.names if not any(part in name for name in steps)]:
        parser.error(f"no step has {unknown[0]!r} in its name; all steps: {', '.join(steps)}")
    if options.counted and not any((OUT / "raw").rglob("*.profraw")):
        parser.error("nothing was counted yet: call it without --counted")
    failed = []
    if not options.counted:
        build()
        failed = run(options.names)
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
    if failed:
        print(f"error: {', '.join(failed)} failed")
    return int(bool(failed) or left.keys() != listed.keys())


if __name__ == "__main__":
    sys.exit(main())
