"""Which device to train on."""

from __future__ import annotations

import torch

from puffer_train.errors import ConfigError

CHOICES = ("auto", "cpu", "cuda", "mps")


def choose_device(text: str) -> torch.device:
    """Return the device that `text` asks for: one of `CHOICES`, or `cuda:N` for the N-th NVIDIA GPU.

    `auto` takes an NVIDIA GPU where there is one and the processor otherwise: Apple's GPU is only taken when asked
    for, as networks this small train faster on the processor beside it. Raises `ConfigError`.
    """
    kind, _, number = text.partition(":")
    if kind not in CHOICES or (number and not (kind == "cuda" and number.isdecimal())):
        raise ConfigError(f"--device is {text!r}; it must be auto, cpu, cuda, cuda:N or mps.")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    elif kind == "cuda":
        _require_cuda(text, int(number or 0))
    elif kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(
            f"--device mps needs an Apple GPU, and torch {torch.__version__} sees none: use --device cpu."
        )
    return torch.device(kind, int(number)) if number else torch.device(kind)


def _require_cuda(text: str, number: int) -> None:
    """Raise `ConfigError` unless torch sees NVIDIA GPU `number`; say what it does see."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number < count:
        return
    if torch.version.cuda is None:
        seen = "is built without CUDA: install a CUDA build of torch (pytorch.org/get-started)"
    elif count == 0:
        seen = f"is built for CUDA {torch.version.cuda} but sees no GPU: check the driver with nvidia-smi"
    else:
        seen = f"sees {count} GPU{'s' if count > 1 else ''}, numbered from 0: choose one of them"
    raise ConfigError(f"--device {text} was asked for, but torch {torch.__version__} {seen}, or use --device cpu.")
