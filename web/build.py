"""Build the pages that play and train in a browser: `python web/build.py [--out FOLDER] [NAME ...]`, or `make web`.

Everything is compiled to WebAssembly from the same C as the wheel, by the compiler in the `ziglang` wheel, without the
network: what all environments share becomes one module, engine.wasm, and each environment of c/envs.def a small one of
its own, which is loaded into the engine's memory and table of functions:

    0                 the stacks, which grow down and trap below 0: the engine's from STACK, an environment's from half
    STACK             an environment's data
    ENGINE            the engine's data, then its heap

    functions 0 ...   the engine's
    functions TABLE   an environment's
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import pages

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "web"
CACHE = ROOT / "build/web"
TARGET = ["--target=wasm32-wasi", "-msimd128", "-mbulk-memory"]
STACK = 1 << 20
"""Bytes: drone needs 105 kB for its lanes."""
ENGINE = STACK + (1 << 19)
"""Where the engine's data begins: an environment may have half a megabyte."""
MEMORY = (1 << 21, 1 << 30)
"""Bytes of memory, at first and at most, as module.js makes it."""
TABLE = 512
"""Number of an environment's first function; module.js makes room for as many."""
FLAGS = [
    *(
        "-std=c17",
        "-O3",
        "-DNDEBUG",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-fno-sanitize=all",
        "-DPUF_VARIANT=baseline",
    ),
    *("-fvisibility=hidden", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Wno-pass-failed"),
    f"-Werror=frame-larger-than={STACK // 4}",
]
"""As in CMakeLists.txt, where they decide the bits."""
EXACT, FUSED = "-ffp-contract=off", "-ffp-contract=fast"
THREADS = "-matomics"
"""Of what the engine is made of: it works in memory of one Worker or several."""
SOURCES = {
    "c/batch.c": EXACT,
    "c/pool_wasm.c": EXACT,
    "c/learn/learner.c": EXACT,
    "c/learn/kernels.c": FUSED,
    "c/learn/policy.c": EXACT,
    "c/learn/trainer.c": EXACT,
    "c/draw/raster.c": EXACT,
    "c/draw/picture.c": EXACT,
    "c/draw/space.c": EXACT,
    "web/c/game.c": EXACT,
    "web/c/picture.c": EXACT,
    "web/c/play.c": EXACT,
}
"""What the engine is made of, and how products are rounded in it."""
DRAWS = ("c/draw/picture.h", "c/draw/space.h")
"""An environment's drawing calls what is declared here..."""
DECLARED = re.compile(r"^(?!static)[A-Za-z][\w* ]*?(puf_\w+)\(", re.MULTILINE)
"""...in this way, but for puf_drawing, which is its own,..."""
LIBRARY = {"memchr", "memcmp", "strchr", "strcmp", "strlen", "strrchr"}
"""...and these functions of the C library."""


def list_envs() -> list[str]:
    """The environments in c/envs.def."""
    return re.findall(r"^PUF_ENV\w*\((\w+)\)", (ROOT / "c/envs.def").read_text(), re.MULTILINE)


def zig(*arguments: str) -> bytes:
    """Run the compiler of the wheel; its own cache is kept in build/web."""
    folder = str(CACHE / "zig")
    CACHE.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", *arguments], capture_output=True, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(f"error: zig {' '.join(arguments)}\n{done.stderr.decode()[-4000:]}")
    return done.stdout


def compile_object(source: Path, flags: Sequence[str]) -> Path:
    """The object file of a C source: compiled, or one that was compiled from the same text in the same way."""
    command = [*TARGET, *FLAGS, *flags, f"-I{ROOT / 'c'}"]
    text = zig("cc", *command, "-E", "-P", str(source))
    out = CACHE / f"{hashlib.sha256(repr([*TARGET, *FLAGS, *flags]).encode() + text).hexdigest()}.o"
    if not out.exists():
        unfinished = out.with_suffix(f".{os.getpid()}.o")
        zig("cc", *command, "-c", str(source), "-o", str(unfinished))
        unfinished.replace(out)
    return out


def compile_env(name: str) -> Path:
    """The object file of one environment and of its drawing."""
    if not (ROOT / f"c/draw/envs/{name}.h").exists():
        raise SystemExit(f"error: {name} has no drawing in c/draw/envs: pages show what it draws")
    lines = [
        *(f'#include "draw/envs/{name}.h"', "const PufDrawing* puf_drawing(const char* name)"),
        f"{{ (void)name; return &{name}_drawing; }}",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"{name}.c"
        source.write_text("\n".join(lines) + "\n")
        return compile_object(source, [EXACT, "-DPUF_EXPORT"])


def link(objects: Sequence[Path], out: Path, *options: str) -> None:
    """Make a program for WASI, as some tests are; or, with other options, a module that imports nothing but memory."""
    out.parent.mkdir(parents=True, exist_ok=True)
    all_options = ["-Wl,--gc-sections", "-Wl,--strip-all", f"-Wl,-z,stack-size={STACK}", "-O3", *options]
    zig("cc", *TARGET, *all_options, *map(str, objects), "-lm", "-o", str(out))


def build_engine(out: Path) -> None:
    """Everything but the environments."""
    objects = [compile_object(ROOT / source, [rounding, THREADS]) for source, rounding in SOURCES.items()]
    called = {name for header in DRAWS for name in DECLARED.findall((ROOT / header).read_text())} - {"puf_drawing"}
    options = ["-mexec-model=reactor", f"-Wl,--global-base={ENGINE}", "-Wl,--export-table", "-Wl,--growable-table"]
    options += [f"-Wl,--initial-memory={MEMORY[0]}", f"-Wl,--max-memory={MEMORY[1]}"]
    options += ["-Wl,--import-memory", "-Wl,--export-memory", "-Wl,--export=__stack_pointer"]
    link(objects, out, *options, *(f"-Wl,--export={name}" for name in sorted(called | LIBRARY)))


def build_env(name: str, out: Path) -> None:
    """One environment: its rules and its drawing."""
    link_env(compile_env(name), out)


def link_env(compiled: Path, out: Path) -> None:
    """A module that is loaded into the engine's memory, of one object file."""
    out.parent.mkdir(parents=True, exist_ok=True)
    options = ["--no-entry", "--gc-sections", "--strip-all", "--import-undefined", "--import-memory", "--import-table"]
    options += [f"--table-base={TABLE}", f"--global-base={STACK}", f"--initial-memory={ENGINE}"]
    options += [f"--max-memory={MEMORY[1]}", "--export=__stack_pointer"]
    options += ["--stack-first", "-z", f"stack-size={STACK // 2}", "--export=puf_export", "--export=puf_drawing"]
    zig("wasm-ld", *options, str(compiled), "-o", str(out))


def build_site(names: Sequence[str], out: Path) -> None:
    """Everything: a folder of static files."""
    folder = out / "envs"
    build_engine(folder / "engine.wasm")
    for name in names:
        build_env(name, folder / f"{name}.wasm")
    packed = 0
    for module in ["engine", *names]:
        data = (folder / f"{module}.wasm").read_bytes()
        size = len(gzip.compress(data, mtime=0))
        packed += size
        print(f"{module:24} {len(data):8,} bytes, {size:8,} gzipped")
    pages.write_pages(list(names), out)
    print(f"{len(names)} environments and the engine, {packed:,} bytes gzipped, in {out}; to see them:")
    print(f"{Path(sys.executable).name} -m http.server --bind 127.0.0.1 --directory {out}")


def main() -> None:
    """Build all, or the environments named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="environments [all]")
    parser.add_argument("--out", type=Path, default=WEB / "dist", help="folder to write [web/dist]")
    given = parser.parse_args()
    build_site(given.names or list_envs(), given.out)


if __name__ == "__main__":
    main()
