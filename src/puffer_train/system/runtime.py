"""Make torch fast on a processor: set once per process by the commands, never on import."""

from __future__ import annotations

import ctypes
import sys

import torch

from puffer_envs.contract.machine import available_cores

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Parameters of glibc's mallopt(3)."""

MAX_MMAP_THRESHOLD = 32 << 20
"""The maximum that glibc accepts."""

SMALL_PRODUCT = 200e6
"""Floating-point operations of a matrix product below which a second thread costs more than it saves.

Measured on two cores with Breakout's 32 units (50e6): one thread 221k to 246k steps/s, busy machine or not; two that
sleep while waiting 176k to 203k; two that spin 321k on an idle machine and 27k on a busy one.
"""

TRIED_ROWS = 256
"""Rows of a product that are tried."""

MAX_ERROR_RATIO = 4.0
"""A fast matrix product is refused if its error exceeds that of an exact one by more than this factor."""


def tune(threads: int | None, matmul_shapes: list[tuple[int, int, int]]) -> None:
    """Set torch's threads, its matrix products' precision, and how memory is kept.

    Without a number of threads, small networks get one and others all cores.
    """
    if threads is None:
        small = max(2 * m * k * n for m, k, n in matmul_shapes) < SMALL_PRODUCT
        threads = 1 if small else available_cores()
    torch.set_num_threads(threads)
    _keep_freed_memory()
    _choose_matmul_precision(matmul_shapes)


def _keep_freed_memory() -> None:
    """Let glibc keep large freed blocks: mapping them repeatedly took a third of training time."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have none
        mallopt(M_MMAP_THRESHOLD, MAX_MMAP_THRESHOLD)
        mallopt(M_TRIM_THRESHOLD, 1 << 30)
        mallopt(M_TOP_PAD, 64 << 20)


def _choose_matmul_precision(shapes: list[tuple[int, int, int]]) -> None:
    """Use the faster matrix products (about twice as fast here) unless they lose accuracy on this processor.

    Some processors compute them from rounded inputs: each shape (m, k, n) that will be used is tried
    against double precision.
    """
    generator = torch.Generator().manual_seed(0)
    for rows, k, n in shapes:
        m = min(rows, TRIED_ROWS)  # an image has 100,000 inputs, and all rows are computed the same way
        a, b = torch.randn(m, k, generator=generator), torch.randn(k, n, generator=generator)
        exact = a.double() @ b.double()
        errors = []
        for precision in ("highest", "medium"):
            torch.set_float32_matmul_precision(precision)
            errors.append(float((a @ b - exact).abs().max()))
        if errors[1] > MAX_ERROR_RATIO * errors[0]:
            torch.set_float32_matmul_precision("highest")
            return
