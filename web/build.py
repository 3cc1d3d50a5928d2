"""Build the pages that play and train in a browser: `python web/build.py [--out FOLDER] [NAME ...]`, or `make web`.

Every environment of c/envs.def becomes one WebAssembly module together with the trainer's kernels, compiled from the
same C as the wheel by the compiler in the `ziglang` wheel. Needs that and nothing from the network.
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
"""Bytes: drone needs 105 kB for its lanes. The default is 64 kB, beyond which a module overwrites its own data."""
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
SOURCES = {
    "c/batch.c": EXACT,
    "c/pool_none.c": EXACT,
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
"""What every module has, and how products are rounded in it."""


def list_envs() -> list[str]:
    """The environments in c/envs.def."""
    return re.findall(r"^PUF_ENV\((\w+)\)", (ROOT / "c/envs.def").read_text(), re.MULTILINE)


def zig(*arguments: str) -> bytes:
    """Run the compiler of the wheel; its own cache is kept in build/web."""
    folder = str(CACHE / "zig")
    CACHE.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", *arguments], capture_output=True, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(f"error: zig cc {' '.join(arguments)}\n{done.stderr.decode()[-4000:]}")
    return done.stdout


def compile_object(source: Path, flags: Sequence[str]) -> Path:
    """The object file of a C source: compiled, or one that was compiled from the same text in the same way."""
    command = [*TARGET, *FLAGS, *flags, f"-I{ROOT / 'c'}"]
    text = zig(*command, "-E", "-P", str(source))
    out = CACHE / f"{hashlib.sha256(repr([*TARGET, *FLAGS, *flags]).encode() + text).hexdigest()}.o"
    if not out.exists():
        unfinished = out.with_suffix(f".{os.getpid()}.o")
        zig(*command, "-c", str(source), "-o", str(unfinished))
        unfinished.replace(out)
    return out


def compile_env(name: str) -> Path:
    """The object file of one environment, and of its drawing where there is one in C."""
    header, found = f"envs/{name}.h", "NULL"
    if (ROOT / f"c/draw/envs/{name}.h").exists():
        header, found = f"draw/envs/{name}.h", f"&{name}_drawing"
    lines = [
        *(f'#include "{header}"', '#include "draw/picture.h"', "const PufDrawing* puf_drawing(const char* name)"),
        f"{{ (void)name; return {found}; }}",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"{name}.c"
        source.write_text("\n".join(lines) + "\n")
        return compile_object(source, [EXACT, "-DPUF_EXPORT"])


def link(objects: Sequence[Path], out: Path, *, command: bool = False) -> None:
    """Make a module that imports nothing; or, with `command`, a program for WASI, as some tests are."""
    reactor = [] if command else ["-mexec-model=reactor"]
    options = ["-Wl,--gc-sections", "-Wl,--strip-all", f"-Wl,-z,stack-size={STACK}", "-O3", *reactor]
    out.parent.mkdir(parents=True, exist_ok=True)
    zig(*TARGET, *options, *map(str, objects), "-lm", "-o", str(out))


def build_module(name: str, out: Path) -> None:
    """One environment, with everything that plays and trains it."""
    shared = [compile_object(ROOT / source, [rounding]) for source, rounding in SOURCES.items()]
    link([compile_env(name), *shared], out)


def build_site(names: Sequence[str], out: Path) -> None:
    """Everything: a folder of static files."""
    packed = 0
    for name in names:
        module = out / "envs" / f"{name}.wasm"
        build_module(name, module)
        size = len(gzip.compress(module.read_bytes(), mtime=0))
        packed += size
        print(f"{name:12} {module.stat().st_size:8,} bytes, {size:8,} gzipped")
    pages.write_pages(list(names), out)
    print(f"{len(names)} modules, {packed:,} bytes gzipped, in {out}; to see them:")
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
