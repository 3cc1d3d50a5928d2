"""Install a wheel for linux-aarch64 where QEMU can run it: `python .ci/emulate.py WHEEL FOLDER`.

FOLDER becomes a virtual environment whose Python is Debian's for arm64, with PyPI's wheels for that machine: 1 GB. What
is there already is kept. It needs Debian, or a relative whose packages for arm64 are at the same place, and no root.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

EMULATOR = "qemu-aarch64"
PROGRAMS = {EMULATOR: "qemu-user", "apt-get": "apt", "dpkg-deb": "dpkg"}
"""What is called here, and the packages that have it."""
PACKAGES = ("python3", "libstdc++6", "libgomp1")
TESTS = ("safetensors", "pytest", "pytest-timeout", "hypothesis")
# Later ones on PyPI need CUDA there. Its requirements are named here, since pip would take those of this machine.
TORCH = ("torch<2.11", "filelock", "fsspec", "jinja2", "markupsafe", "mpmath", "networkx", "sympy", "typing-extensions")
APT = """
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Debug::NoLocking "true";
"""
PYTHON = """#!/bin/sh
exec {emulator} -0 "{env}/bin/python" -L "{root}" "{root}/usr/bin/{python}" "$@"
"""


def missing() -> str | None:
    """Say what has to be installed first; None if nothing."""
    absent = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    return f"an arm64 Python cannot be run here: apt-get install {' '.join(absent)}." if absent else None


def make_root(root: Path, apt: Path) -> None:
    """Unpack Debian's Python for arm64 and all that it needs."""
    (apt / "state/lists/partial").mkdir(parents=True, exist_ok=True)
    (apt / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "conf").write_text(APT.format(folder=apt), "utf-8")
    settings = os.environ | {"APT_CONFIG": str(apt / "conf"), "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--download-only", *PACKAGES]):
        subprocess.run(["apt-get", "-q", *words], check=True, env=settings)
    unfinished = root.with_name("unfinished")
    for package in sorted((apt / "cache/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(unfinished)], check=True)
    unfinished.rename(root)


def make_environment(env: Path, root: Path) -> str:
    """Write what makes a folder a virtual environment, and return the name of its Python: python3.11."""
    python = str((root / "usr/bin/python3").readlink())
    (env / "bin").mkdir(exist_ok=True)
    (env / "pyvenv.cfg").write_text(f"home = {root}/usr/bin\ninclude-system-site-packages = false\n", "utf-8")
    program = env / "bin/python"
    program.write_text(PYTHON.format(emulator=EMULATOR, env=env, root=root, python=python), "utf-8")
    program.chmod(0o755)
    return python


def install(env: Path, python: str, *what: str) -> None:
    """Let this machine's pip unpack wheels, which takes a tenth of the time, and call the emulator in scripts."""
    packages = env / "lib" / python / "site-packages"
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, 37)]
    options = [f"--target={packages}", "--platform=linux_aarch64", "--platform=manylinux2014_aarch64", *platforms]
    options += [f"--python-version={python.removeprefix('python')}", "--only-binary=:all:", "--upgrade", "-q"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *what], check=True)
    for script in (packages / "bin").glob("*"):
        lines = script.read_bytes().partition(b"\n")
        if lines[0].startswith(b"#!"):
            script.write_bytes(b"#!%s\n%s" % (os.fsencode(env / "bin/python"), lines[2]))
        script.replace(env / "bin" / script.name)


def main() -> int:
    """Return 2 when something has to be installed first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if reason := missing():
        print(f"error: {reason}", file=sys.stderr)
        return 2
    if not options.wheel.is_file():
        parser.error(f"there is no wheel {options.wheel}: `python .ci/cross.py` builds one")
    env = options.folder.resolve()
    root = env / "root"
    if not root.exists():
        make_root(root, env / "apt")
    python = make_environment(env, root)
    if (env / "lib" / python / "site-packages/torch").exists():
        install(env, python, "--no-deps", str(options.wheel))
    else:
        install(env, python, str(options.wheel), *TESTS)
        install(env, python, "--no-deps", *TORCH)
    return 0


if __name__ == "__main__":
    sys.exit(main())
