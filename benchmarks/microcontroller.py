"""Every shipped policy as a C file, with float32, int16 and int8 weights: `python benchmarks/microcontroller.py`.

It exports each, plays it with rounded weights and without, and, where arm-none-eabi-gcc is installed, measures the
code that it becomes on a Cortex-M4. Results go to results/microcontroller.json, and tables of
them to docs/microcontroller.md; `--show` only writes those.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
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
M4 = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-std=c99", "-Os")


def measure(name: str, kind: str, episodes: int, folder: Path) -> dict[str, Any]:
    """Export a policy and return what is known of it."""
    from puffer_envs.contract.trained import trained_policy
    from puffer_train.run.export_c import export_c

    out = folder / f"{name}.c"
    found = export_c(trained_policy(name), out, kind, episodes=episodes)
    rounding = {} if found.rounding is None else dataclasses.asdict(found.rounding)
    about = {"policy": name, "weights": kind, "code": code_bytes(out, found.cost.flash)}
    return about | dataclasses.asdict(found.cost) | rounding


def code_bytes(file: Path, constants: int) -> int | None:
    """Return the bytes of code on a Cortex-M4 without the constants; None if there is no compiler for it."""
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        return None
    made = file.with_suffix(".o")
    subprocess.run([compiler, *M4, "-c", str(file), "-o", str(made)], check=True)
    size = subprocess.run(
        [f"{compiler.removesuffix('gcc')}size", str(made)], check=True, capture_output=True, text=True
    )
    return int(size.stdout.splitlines()[1].split()[0]) - constants


def costs(rows: list[dict[str, Any]]) -> str:
    """Return memory and work of all policies as a table in Markdown."""
    columns = ("policy", *KINDS, "code", "RAM", "stack", "multiply-adds", "exponentials")
    lines = []
    for name, own in by_policy(rows):
        flash = [own[kind]["flash"] for kind in KINDS]
        rest = [own["float32"][key] for key in ("code", "ram", "stack", "multiply_adds", "exponentials")]
        lines.append([f"`{name}`", *(f"{number:,}" for number in [*flash, *rest])])
    return table(columns, lines)


def scores(rows: list[dict[str, Any]]) -> str:
    """Return what rounding costs, as a table in Markdown."""
    columns = ("policy", "score", "float32", "int16", "int8", "error, int16", "int8", "same actions, int16", "int8")
    lines = []
    for name, own in by_policy(rows):
        rounded = [own[kind] for kind in KINDS[1:]]
        means = [f"{number:.4g}" for number in (rounded[0]["before"], *(row["after"] for row in rounded))]
        errors = [f"{row['difference']:.2g}" for row in rounded]
        same = [f"{row['agreement']:.2%}" for row in rounded]
        lines.append([f"`{name}`", rounded[0]["statistic"], *means, *errors, *same])
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
    parser.add_argument("--episodes", type=int, default=512, help="played by each of the two")
    parser.add_argument("--show", action="store_true", help="only write the table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.show:
        rows = []
        with tempfile.TemporaryDirectory() as folder:
            for name in list_trained():
                for kind in KINDS:
                    rows.append(measure(name, kind, options.episodes, Path(folder)))
                    print(json.dumps(rows[-1]), flush=True)
        RESULTS.write_text(json.dumps({"policies": rows}, indent=1) + "\n")
    measured = json.loads(RESULTS.read_text("utf-8"))["policies"]
    page = PAGE.read_text("utf-8")
    for what, written in (("costs", costs(measured)), ("scores", scores(measured))):
        before, begin, rest = page.partition(f"<!-- {what}: written by benchmarks/microcontroller.py -->")
        _, end, after = rest.partition(END)
        page = f"{before}{begin}\n\n{written}\n\n{end}{after}"
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
