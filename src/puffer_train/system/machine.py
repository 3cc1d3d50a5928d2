"""The software and hardware of a run: versions, processor, memory, accelerators, system."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

import numpy as np
import torch

from puffer_envs.contract.machine import available_cores, physical_memory, processor


def versions() -> dict[str, str]:
    """Return the versions of the packages that a run's numbers depend on."""
    try:
        own = importlib.metadata.version("puffer-envs")
    except importlib.metadata.PackageNotFoundError:
        own = "not installed"
    return {
        "puffer-envs": own,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def machine() -> dict[str, Any]:
    """Return what describes this machine: JSON values, memory in bytes; no names of people or hosts."""
    return {
        "processor": processor(),
        "cores": available_cores(),
        "memory_bytes": physical_memory(),
        "accelerators": _accelerators(),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _accelerators() -> list[str]:
    if torch.cuda.is_available():
        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ["Apple MPS"] if torch.backends.mps.is_available() else []
