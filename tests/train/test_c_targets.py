"""Exported C files on other processors: they compile without a warning, and their self-tests pass (in QEMU)."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from c_files import STRICT, run, write_c
from test_c_file import policy

HERE = Path(__file__).parent
FPU_M4 = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
FPU_M7 = ("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard")
BARE = ("-ffreestanding", "-nostdlib", f"-Wl,-T,{HERE / 'cortex_m.ld'}", str(HERE / "cortex_m.c"))
LINKED = f"--ld-path={shutil.which('arm-none-eabi-ld')}"
ZIG = (sys.executable, "-m", "ziglang", "cc", "-target")


def qemu(board: str) -> tuple[str, ...]:
    """What runs a program on a board."""
    return ("qemu-system-arm", "-M", board, "-nographic", "-semihosting-config", "enable=on,target=native", "-kernel")


@dataclass(frozen=True)
class Target:
    """A compiler for a processor, and what runs its programs."""

    compiler: tuple[str, ...]
    runner: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    slow: bool = True

    @property
    def missing(self) -> str | None:
        """What is not installed here."""
        if "ziglang" in self.compiler and importlib.util.find_spec("ziglang") is None:
            return "ziglang"
        needed = [self.compiler[0], *self.runner[:1], *(["arm-none-eabi-ld"] if LINKED in self.compiler else [])]
        return next((program for program in needed if shutil.which(program) is None), None)


TARGETS = {
    "x86-64, gcc": Target(("gcc",), slow=False),
    "x86-64, gcc -O3": Target(("gcc", "-O3", "-march=native")),
    "x86-64, g++": Target(("g++", "-x", "c++", "-std=c++11")),
    "x86-64, clang": Target(("clang", "-O0"), slow=False),
    "x86-64, clang -O3": Target(("clang", "-O3", "-march=native")),
    "x86-64, zig": Target((*ZIG, "x86_64-linux-musl")),
    "aarch64, gcc": Target(("aarch64-linux-gnu-gcc", "-static"), ("qemu-aarch64",)),
    "aarch64, zig": Target((*ZIG, "aarch64-linux-musl"), ("qemu-aarch64",)),
    "riscv64, gcc -O3": Target(("riscv64-linux-gnu-gcc", "-O3", "-static"), ("qemu-riscv64",)),
    "riscv64, zig": Target((*ZIG, "riscv64-linux-musl"), ("qemu-riscv64",)),
    "arm, zig": Target((*ZIG, "arm-linux-musleabihf", "-mcpu=cortex_a7"), ("qemu-arm",)),
    "Cortex-M4, gcc": Target(("arm-none-eabi-gcc", *FPU_M4, *BARE), qemu("mps2-an386")),
    "Cortex-M4, gcc -Os": Target(("arm-none-eabi-gcc", "-Os", *FPU_M4, *BARE), qemu("mps2-an386")),
    "Cortex-M4, clang -Os": Target(
        ("clang", "--target=arm-none-eabi", "-Os", *FPU_M4, *BARE, LINKED), qemu("mps2-an386")
    ),
    "Cortex-M4, zig": Target(
        (*ZIG, "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp", "-fno-stack-protector", *BARE),
        qemu("mps2-an386"),
    ),
    "Cortex-M7, gcc -O3": Target(("arm-none-eabi-gcc", "-O3", *FPU_M7, *BARE), qemu("mps2-an500")),
    "Cortex-M3 without FPU, gcc": Target(
        ("arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", *BARE), qemu("mps2-an385"), ("-lgcc",)
    ),
}

POLICIES = {
    "drone": "float32",
    "tanks": "int8",
    "lstm": "float32",
    "normalised": "int16",
    "grid of channels": "float32",
    "embedding": "int16",
    "some fields": "int8",
    "car_racing_pixels": "float32",
}
"""What the self-tests are of, and how their weights are stored. The last four have convolutions."""


@pytest.mark.parametrize(
    "target", [pytest.param(t, id=name, marks=[pytest.mark.slow] * t.slow) for name, t in TARGETS.items()]
)
def test_the_self_test_passes(target: Target, tmp_path: Path) -> None:
    """Every compiler and processor gives the bits that the export computed, and needs no library for it."""
    if target.missing:
        pytest.skip(f"{target.missing} is not installed")
    for name, kind in POLICIES.items():
        text = write_c(policy(name, tmp_path), tmp_path, kind)
        program = tmp_path / f"{name}.elf"
        level = [] if any(word.startswith("-O") for word in target.compiler) else ["-O2"]
        standard = [] if any(word.startswith("-std") for word in target.compiler) else ["-std=c99"]
        words = [*target.compiler, *level, *standard, *STRICT, "-DPOLICY_SELF_TEST"]
        run(*words, tmp_path / f"{text.file}.c", "-o", program, *target.last)
        run(*target.runner, program)
