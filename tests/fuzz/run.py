"""Fuzz what reads files from strangers: `python tests/fuzz/run.py [states|files] [--minutes M] [NAME ...]`.

`states` gives forged states to every environment's C, under the address and undefined-behaviour sanitizers: by
libFuzzer, where clang has it, else by the program's own inputs. `files` gives changed files to everything in Python
that reads one. M minutes are for each environment or kind of file (10). It stops at the first finding, and names its
input.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "c"), str(TESTS / "fuzz")]
build, files = importlib.import_module("build"), importlib.import_module("files")

OUT = TESTS.parent / "build/fuzz"
LIBFUZZER = ["-fsanitize=fuzzer,address,undefined", *build.SANITIZERS[:2], *build.SANITIZERS[3:]]
SLOWEST_S = 20
"""Seconds that one input may take; more is a hang."""


def has_libfuzzer() -> bool:
    """Whether clang is here with its run-time library. `CFLAGS` is for a clang that needs to be told where."""
    if not shutil.which("clang"):
        return False
    source = OUT / "probe.c"
    source.write_text("int LLVMFuzzerTestOneInput(const char* d, unsigned long n) { (void)d; return n > 9; }\n")
    command = ["clang", *flags(), "-fsanitize=fuzzer,address,undefined", str(source), "-o", str(OUT / "probe")]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def flags() -> list[str]:
    """Further flags of the compiler."""
    return os.environ.get("CFLAGS", "").split()


def fuzz_states(name: str, seconds: float) -> str:
    """Give forged states to an environment; returns what to print. Raises CalledProcessError on a finding."""
    if has_libfuzzer():
        program = build.build_fuzzer(name, OUT / f"{name}_fuzzer", "clang", [*LIBFUZZER, *flags(), "-Wno-pass-failed"])
        corpus = OUT / "corpus" / name
        corpus.mkdir(parents=True, exist_ok=True)
        options = [f"-max_total_time={seconds:.0f}", f"-timeout={SLOWEST_S}", "-max_len=256", "-print_final_stats=1"]
        command = [program, *options, "-verbosity=0", f"-artifact_prefix={OUT}/{name}-", corpus]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        found = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        if done.returncode != 0:
            sys.exit(f"{done.stderr[-6000:]}\n{name}: a finding. Its input is the file that the lines above name.")
        return f"{name}: {found[0].split()[-1]} inputs in {seconds:.0f} s, no finding"
    program = build.build_fuzzer(name, OUT / name, "cc", [*build.SANITIZERS, "-DOWN_MAIN"])
    end, seed, output = time.monotonic() + seconds, 0, ""
    while time.monotonic() < end:
        done = subprocess.run([program, "1000", str(seed)], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{done.stderr[-6000:]}\n{name}: a finding. To repeat it: {program} 1000 {seed}")
        seed, output = seed + 1, done.stdout
    return f"{output.split(':')[0]}: {1000 * seed} inputs in {seconds:.0f} s, no finding"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="`states`, `files`, environments or kinds of file")
    parser.add_argument("--minutes", type=float, default=10, help="for each of them [10]")
    options = parser.parse_intermixed_args()
    kinds = {"states": build.list_envs(), "files": list(files.KINDS)}
    what = options.names.pop(0) if options.names and options.names[0] in kinds else None
    known = [name for kind, names in kinds.items() if what in (None, kind) for name in names]
    for name in options.names:
        if name not in known:
            parser.error(f"there is nothing called {name!r}: choose from {', '.join(known)}")
    if not 0 < options.minutes < math.inf:
        parser.error(f"--minutes is {options.minutes:g}: it must be above 0")
    OUT.mkdir(parents=True, exist_ok=True)
    for name in options.names or known:
        is_state = name in kinds["states"]
        seconds = 60 * options.minutes
        print(fuzz_states(name, seconds) if is_state else files.fuzz(name, seconds, OUT), flush=True)


if __name__ == "__main__":
    main()
