"""Build the wheel for another kind of machine: `python .ci/cross.py TARGET [FOLDER]`, by default into dist/.

It needs what --group build installs and the target's compiler. `.ci/emulate.py` runs the wheel for linux-aarch64, and
`.ci/wine.py` that for windows-x86_64.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Target:
    """A kind of machine, and what compiles for it."""

    platform: str
    """As sysconfig.get_platform() calls it there: the wheel's tag."""
    system: str
    """As CMake calls it, like the processor."""
    processor: str
    compiler: str
    """A program, or what `zig cc -target` is given."""
    numpy: str
    """The platform whose wheel of NumPy has the headers."""

    @property
    def needs_zig(self) -> bool:
        return self.system in ("Darwin", "Windows")


TARGETS = {
    "linux-aarch64": Target("linux-aarch64", "Linux", "aarch64", "aarch64-linux-gnu-gcc", "manylinux_2_28_aarch64"),
    "macos-arm64": Target("macosx-11.0-arm64", "Darwin", "arm64", "aarch64-macos.11.0", "macosx_14_0_arm64"),
    "macos-x86_64": Target("macosx-11.0-x86_64", "Darwin", "x86_64", "x86_64-macos.11.0", "macosx_14_0_x86_64"),
    "windows-x86_64": Target("win-amd64", "Windows", "AMD64", "x86_64-windows-gnu", "win_amd64"),
    "windows-arm64": Target("win-arm64", "Windows", "ARM64", "aarch64-windows-gnu", "win_arm64"),
}
WINDOWS_PYCONFIG = """
#define MS_WINDOWS
#define MS_WIN64
#define Py_ENABLE_SHARED
#define HAVE_DECLSPEC_DLL
#define SIZEOF_SHORT 2
#define SIZEOF_INT 4
#define SIZEOF_LONG 4
#define SIZEOF_LONG_LONG 8
#define SIZEOF_SIZE_T 8
#define SIZEOF_VOID_P 8
#define SIZEOF_WCHAR_T 2
#define ALIGNOF_SIZE_T 8
#define ALIGNOF_MAX_ALIGN_T 8
"""
# zig has its own names for processors, and Python loads a shared library as well as a bundle, which zig cannot link.
ZIG_CC = """#!/bin/sh
for word; do
    shift
    case $word in
        -march=x86-64-v*) word=-mcpu=x86_64_v${{word#-march=x86-64-v}} ;;
        -bundle) word=-shared ;;
    esac
    set -- "$@" "$word"
done
exec {python} -m ziglang cc -target {target} "$@"
"""


def missing(target: Target) -> str | None:
    """Say what has to be installed first; None if nothing."""
    if target.needs_zig:
        return None if importlib.util.find_spec("ziglang") else "ziglang is not installed: pip install ziglang."
    asked = [target.compiler, "-print-file-name=crt1.o"]  # which is of the system's library
    if shutil.which(target.compiler) and Path(subprocess.check_output(asked, text=True).strip()).exists():
        return None
    return "this machine cannot compile for it: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross."


def write_zig(target: Target, folder: Path) -> dict[str, str]:
    """Write the programs that CMake calls, since it takes no command of several words for them."""
    texts = {"cc": ZIG_CC.format(python=sys.executable, target=target.compiler)}
    for name in ("ar", "ranlib", "rc"):
        texts[name] = f'#!/bin/sh\nexec {sys.executable} -m ziglang {name} "$@"\n'
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o755)
    tools = {"C_COMPILER": "cc", "AR": "ar", "RANLIB": "ranlib", "RC_COMPILER": "rc"}
    return {name: str(folder / tool) for name, tool in tools.items()}


def copy_headers(folder: Path) -> Path:
    """Return a copy of this Python's headers whose pyconfig.h serves every machine.

    The limited API asks pyconfig.h for little but the sizes of types, and all targets but Windows agree on those.
    """
    include = folder / "include"
    shutil.copytree(sysconfig.get_path("include"), include, dirs_exist_ok=True)
    text = Path(sysconfig.get_config_h_filename()).read_text("utf-8")
    hiding = ("_POSIX_C_SOURCE", "_XOPEN_SOURCE")  # what Python does not ask of macOS: it would hide the rest
    unix = text + "".join(f"#undef {name}\n" for name in hiding)
    (include / "pyconfig.h").write_text(f"#ifdef _WIN32\n{WINDOWS_PYCONFIG}#else\n{unix}#endif\n", "utf-8")
    return include


def make_import_library(target: Target, include: Path, folder: Path) -> Path:
    """Return python3.lib, which says what python3.dll has: at least all that is in the headers of the limited API."""
    texts = [header.read_text("utf-8") for header in sorted(include.glob("*.h"))]
    names = [
        f"  {name}" for text in texts for name in re.findall(r"\bPyAPI_FUNC\([^)]*\)(?:\s+\w+)*?\s+(\w+)\s*\(", text)
    ]
    names += [f"  {name} DATA" for text in texts for name in re.findall(r"\bPyAPI_DATA\([^)]*\)\s*(\w+)\s*;", text)]
    definition, library = folder / "python3.def", folder / "python3.lib"
    definition.write_text("\n".join(["LIBRARY python3.dll", "EXPORTS", *sorted(set(names))]) + "\n", "utf-8")
    command = [sys.executable, "-m", "ziglang", "dlltool", "-d", str(definition), "-l", str(library)]
    machine = {"AMD64": "i386:x86-64", "ARM64": "arm64"}[target.processor]
    subprocess.run([*command, "-m", machine, "-D", "python3.dll"], check=True)
    return library


def fetch_numpy(target: Target, folder: Path) -> Path:
    """Return the headers of the target's NumPy, which tell sizes and what the system has."""
    found = folder / "numpy/numpy/_core/include"
    if not found.exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", f"--target={folder / 'numpy'}"]
        subprocess.run([*command, f"--platform={target.numpy}", "--only-binary=:all:", "numpy>=2.0"], check=True)
    return found


def build(target: Target, out: Path, scratch: Path) -> None:
    """Write the wheel into `out`; `scratch` keeps what the next call need not compile again."""
    scratch.mkdir(parents=True, exist_ok=True)
    tools = write_zig(target, scratch) if target.needs_zig else {"C_COMPILER": target.compiler}
    defines = {f"CMAKE_{name}": value for name, value in tools.items()}
    defines |= {"CMAKE_SYSTEM_NAME": target.system, "CMAKE_SYSTEM_PROCESSOR": target.processor}
    include = copy_headers(scratch)
    defines["Python_INCLUDE_DIR"] = str(include)
    defines["Python_NumPy_INCLUDE_DIR"] = str(fetch_numpy(target, scratch))
    if target.system == "Darwin":
        defines |= {"CMAKE_OSX_ARCHITECTURES": target.processor, "CMAKE_OSX_SYSROOT": ""}
        defines["CMAKE_MODULE_LINKER_FLAGS"] = "-Wl,-S"  # without the places of object files, for debuggers
    if target.system == "Windows":
        library = make_import_library(target, include, scratch)
        other = shutil.copy(library, scratch / "python{}{}.lib".format(*sys.version_info))  # CMake knows it by its name
        defines |= {"Python_LIBRARY": str(other), "Python_SABI_LIBRARY": str(library), "Python_SOSABI": ""}
    options = [f"-Ccmake.define.{name}={value}" for name, value in defines.items()]
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", f"--wheel-dir={out}"]
    command += [f"-Cbuild-dir={scratch / 'build'}", *options, str(ROOT)]
    subprocess.run(command, check=True, env=os.environ | {"_PYTHON_HOST_PLATFORM": target.platform})


def main() -> int:
    """Return 2 when something has to be installed first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    target = TARGETS[options.target]
    if reason := missing(target):
        print(f"error: {reason}", file=sys.stderr)
        return 2
    build(target, options.folder, ROOT / "build/cross" / options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
