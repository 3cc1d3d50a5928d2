"""What `puffer-envs doctor` finds out about the trainer."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from puffer_envs.contract.health import Finding, installed_version

OTHERS = ("torch", "safetensors", "optuna", "matplotlib", "onnx", "onnxruntime", "tensorboard", "wandb", "ray")
SECONDS = 1.0
"""Of training."""


def checks() -> Iterator[Finding]:
    """Yield versions, accelerators, the kernels' golden training, and the speed of training; about 4 s."""
    versions = {name: installed_version(name) for name in OTHERS}
    yield Finding("packages", ", ".join(f"{name} {found}" for name, found in versions.items() if found != "none"))
    yield Finding("accelerator", torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none")
    yield from _kernels()
    yield _training()


def _kernels() -> Iterator[Finding]:
    from puffer_train import _kernels  # noqa: PLC0415 - slow to load
    from puffer_train.golden import KINDS, learned_digest  # noqa: PLC0415

    isa = _kernels.supported_isas()[-1]
    file = Path(_kernels.__file__).parent / "golden/kernels.json"
    if isa not in _kernels.fused_isas() or not file.is_file():
        yield Finding("kernels", isa)
        return
    wanted = json.loads(file.read_text("utf-8"))["learned"]
    wrong = [" ".join(kind) for kind in KINDS if learned_digest(*kind) != wanted[" ".join(kind)]]
    text = f"{len(KINDS) - len(wrong)} of {len(KINDS)} small trainings give the expected bytes, {isa}"
    yield Finding("kernels", text if not wrong else f"{text}; not {', '.join(wrong)}", bool(wrong))


def _training() -> Finding:
    from puffer_train.run.trainer import Trainer  # noqa: PLC0415 - slow to load

    with tempfile.TemporaryDirectory(prefix="puffer-") as folder:
        options = {"seed": 1, "threads": 1, "video": False, "quiet": True, "max_seconds": SECONDS}
        with Trainer("breakout", folder=Path(folder) / "run", **options) as trainer:  # type: ignore[arg-type]
            while not trainer.finished:
                report = trainer.iterate()
            rate = trainer.steps / report["seconds"]
            learner = type(trainer.ppo.learner).__name__
    return Finding("breakout, a core", f"{rate * 1e-3:,.0f} k steps/s of training by {learner}")
