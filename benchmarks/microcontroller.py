"""Every shipped policy as a C file, with float32, int16 and int8 weights: `python benchmarks/microcontroller.py`.

It exports each, plays it with rounded weights and without, and, where arm-none-eabi-gcc and qemu-system-arm are
installed, measures its code on a Cortex-M4. Results go to results/microcontroller.json, and tables of them to
docs/microcontroller.md; `--show` only writes those.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS, PAGE = HERE / "results/microcontroller.json", HERE.parent / "docs/microcontroller.md"
END = "<!-- end -->"
KINDS = ("float32", "int16", "int8")
PARTS = """#include "{name}.h"
typedef {name}_state State;
typedef {number} Number;
#define INPUTS {upper}_OBSERVATION
#define OUTPUTS {upper}_OUTPUTS
#define reset {name}_reset
#define step {name}_step
"""
QEMU = ("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-icount", "shift=0", "-semihosting-config")
QEMU += ("enable=on,target=native", "-kernel")
M4 = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-std=c99", "-Os")


def measure(name: str, kind: str, episodes: int, folder: Path) -> dict[str, Any]:
    """Export a policy and return what is known of it."""
    from puffer_envs.contract.trained import trained_policy
    from puffer_train.run.export_c import export_c

    out = folder / f"{name}.c"
    found = export_c(trained_policy(name), out, kind, episodes=episodes)
    rounding = {} if found.rounding is None else dataclasses.asdict(found.rounding)
    about = {"policy": name, "weights": kind, **on_cortex_m4(out, found.cost.flash)}
    return about | dataclasses.asdict(found.cost) | rounding


def on_cortex_m4(file: Path, constants: int) -> dict[str, int]:
    """Return the bytes of code on a Cortex-M4, and the instructions of a step as QEMU counts them; {} without tools."""
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None or shutil.which(QEMU[0]) is None:
        return {}
    (number,) = set(re.findall(r"const (\w+)\* observation", file.with_suffix(".h").read_text("utf-8")))
    parts = PARTS.format(name=file.stem, upper=file.stem.upper(), number=number)
    (file.parent / "policy.h").write_text(parts, "utf-8")
    made, program = file.with_suffix(".o"), file.with_suffix(".elf")
    run(compiler, *M4, "-c", file, "-o", made)
    size = run(f"{compiler.removesuffix('gcc')}size", made).splitlines()[1].split()[0]
    linked = ("-ffreestanding", "-nostdlib", f"-Wl,-T,{HERE.parent / 'tests/train/cortex_m.ld'}", f"-I{file.parent}")
    run(compiler, *M4, *linked, HERE / "cortex_m4.c", file, "-o", program)
    return {"code": int(size) - constants, "instructions": int(run(*QEMU, program))}


def run(*words: str | Path) -> str:
    """Run a program and return what it printed; QEMU prints to stderr."""
    done = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


def memory(rows: list[dict[str, Any]]) -> str:
    """Return the bytes that all policies take, as a table in Markdown."""
    columns = ("policy", *KINDS, "code", "RAM", "stack")
    lines = []
    for name, own in by_policy(rows):
        numbers = [own[kind]["flash"] for kind in KINDS] + [own["float32"][key] for key in ("code", "ram", "stack")]
        lines.append([f"`{name}`", *(f"{number:,}" for number in numbers)])
    return table(columns, lines)


def work(rows: list[dict[str, Any]]) -> str:
    """Return what a step of all policies computes, as a table in Markdown."""
    columns = ("policy", "multiply-adds", "exponentials", *(f"instructions, {kind}" for kind in KINDS))
    lines = []
    for name, own in by_policy(rows):
        numbers = [own["float32"][key] for key in ("multiply_adds", "exponentials")]
        numbers += [own[kind]["instructions"] for kind in KINDS]
        lines.append([f"`{name}`", *(f"{number:,}" for number in numbers)])
    return table(columns, lines)


def scores(rows: list[dict[str, Any]]) -> str:
    """Return what rounding costs, as a table in Markdown."""
    columns = ("policy", "perf, float32", "int16", "int8", "error, int16", "int8", "same, int8")
    lines = []
    for name, own in by_policy(rows):
        rounded = [own[kind] for kind in KINDS[1:]]
        assert all(row["statistic"] == "perf" for row in rounded)
        means = [f"{number:.3f}" for number in (rounded[0]["before"], *(row["after"] for row in rounded))]
        errors = [f"{row['difference']:.2g}" for row in rounded]
        lines.append([f"`{name}`", *means, *errors, f"{own['int8']['agreement']:.1%}"])
    return table(columns, lines)


def by_policy(rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """Yield each policy, and its rows by how weights are stored."""
    for name in dict.fromkeys(row["policy"] for row in rows):
        yield name, {row["weights"]: row for row in rows if row["policy"] == name}


def table(columns: Iterable[str], lines: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    columns = list(columns)
    return "\n".join(f"| {' | '.join(line)} |" for line in [columns, ["---"] * len(columns), *lines])


def main() -> None:
    import torch

    from puffer_envs.contract.trained import list_trained

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="policies to measure, beside what is there [all]")
    parser.add_argument("--episodes", type=int, default=512, help="played by each of the two")
    parser.add_argument("--show", action="store_true", help="only write the table")
    options = parser.parse_args()
    if unknown := set(options.names) - set(list_trained()):
        parser.error(f"no trained policy ships for {min(unknown)!r}; there are: {', '.join(list_trained())}")
    torch.set_num_threads(1)
    if not options.show:
        names = options.names or list_trained()
        rows = [row for row in json.loads(RESULTS.read_text("utf-8"))["policies"] if row["policy"] not in names]
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                for kind in KINDS:
                    rows.append(measure(name, kind, options.episodes, Path(folder)))
                    print(json.dumps(rows[-1]), flush=True)
        rows.sort(key=lambda row: str(row["policy"]))  # stable: the kinds of weights stay in order
        RESULTS.write_text(json.dumps({"policies": rows}, indent=1) + "\n")
    measured = json.loads(RESULTS.read_text("utf-8"))["policies"]
    page = PAGE.read_text("utf-8")
    for write in (memory, work, scores):
        before, begin, rest = page.partition(f"<!-- {write.__name__}: written by benchmarks/microcontroller.py -->")
        _, end, after = rest.partition(END)
        page = f"{before}{begin}\n\n{write(measured)}\n\n{end}{after}"
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
