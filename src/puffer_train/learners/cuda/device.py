"""Which GPU to train on."""

from __future__ import annotations

import torch

from puffer_train.errors import ConfigError


def nvidia_gpu(number: int = 0) -> torch.device:
    """Return that NVIDIA GPU, counted from 0. Raises `ConfigError`, saying what torch does see, without it."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number < count:
        return torch.device("cuda", number)
    if torch.version.cuda is None:
        seen = "is built without CUDA: install a CUDA build of torch (pytorch.org/get-started)"
    elif count == 0:
        seen = f"is built for CUDA {torch.version.cuda} but sees no GPU: check the driver with nvidia-smi"
    else:
        seen = f"sees {count} GPU{'s' if count > 1 else ''}, numbered from 0, and number {number} was asked for"
    raise ConfigError(
        f"--learner cuda needs an NVIDIA GPU, but torch {torch.__version__} {seen}; or use --learner auto."
    )
