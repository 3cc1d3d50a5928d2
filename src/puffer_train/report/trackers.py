"""The loggers of other projects: TensorBoard, and Weights & Biases. `report.loggers` says what a logger is."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from puffer_train.config import flat
from puffer_train.report.clip import gif_of
from puffer_train.report.formatting import size

MAX_EMBEDDED_BYTES = 32 << 20
"""Larger files are left out of TensorBoard's event file."""

FILES_PLUGIN = "puffer_files"
"""The owner of the files in an event file: no plugin of that name shows them, but every reader finds them."""


class TensorBoard:
    """Event files in RUN/tensorboard, for `tensorboard --logdir RUN`."""

    def __init__(self, folder: Path, config: Mapping[str, Any], resumed_at: int | None) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - takes a second, and only this needs it

        # a resumed run writes again what it wrote after its checkpoint: TensorBoard then hides the first
        purge = None if resumed_at is None else resumed_at + 1
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=purge)
        self._steps = resumed_at or 0
        if resumed_at is None:
            rows = "\n".join(f"| {key} | {value} |" for key, value in flat(config["settings"]).items())
            self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}")

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Add one point to every curve."""
        self._steps = steps
        for name, value in numbers.items():
            self._writer.add_scalar(grouped(name), value, steps)

    def finish(self, summary: Mapping[str, float]) -> None:
        """Add the evaluation as curves of one point."""
        for name, value in summary.items():
            self._writer.add_scalar(f"evaluation/{name}", value, self._steps)

    def attach(self, files: Mapping[str, Path]) -> None:
        """Add the files themselves as tensors `files/NAME` of one string, a table of them, and the video as a GIF."""
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata  # noqa: PLC0415
        from tensorboard.compat.proto.tensor_pb2 import TensorProto  # noqa: PLC0415
        from tensorboard.compat.proto.types_pb2 import DT_STRING  # noqa: PLC0415

        writer: Any = self._writer.file_writer
        owner = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=FILES_PLUGIN))
        rows = ["| file | size | SHA-256 |", "|---|---|---|"]
        for path in files.values():
            data = path.read_bytes()
            rows.append(f"| {path.name} | {size(len(data))} | {hashlib.sha256(data).hexdigest()} |")
            if len(data) <= MAX_EMBEDDED_BYTES:
                tensor = TensorProto(dtype=DT_STRING, string_val=[data])
                value = Summary.Value(tag=f"files/{path.name}", tensor=tensor, metadata=owner)
                writer.add_summary(Summary(value=[value]), self._steps)
        self._writer.add_text("files", "\n".join(rows), self._steps)
        clip = gif_of(files["video"]) if "video" in files else None
        if clip is not None:
            image = Summary.Image(height=clip.height, width=clip.width, colorspace=3, encoded_image_string=clip.data)
            summary = Summary(value=[Summary.Value(tag="video", image=image)])
            writer.add_summary(summary, self._steps)


ARTIFACT_TYPES = {"policy": "model"}
"""What Weights & Biases calls them; the type of others is their own name."""


class WeightsAndBiases:
    """A run on wandb.ai or your own server; with WANDB_MODE=offline a folder that `wandb sync` uploads later.

    WANDB_PROJECT, WANDB_ENTITY, WANDB_MODE and its other variables are respected.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], say: Callable[[str], None]) -> None:
        import wandb  # noqa: PLC0415 - takes a second, and only this needs it

        settings = wandb.Settings(console="off", silent=True)  # the terminal is the dashboard's
        online = os.environ.get("WANDB_MODE", "online") == "online"
        # it would ask for a key in the middle of the dashboard
        if online and not wandb.login(prompt=False):
            raise RuntimeError("not logged in: run `wandb login` first, or set WANDB_MODE=offline")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "puffer-train"),
            name=folder.name,
            id=_identifier(folder / "wandb" / "run-id"),
            resume="allow",
            dir=str(folder),
            config=dict(config),
            settings=settings,
        )
        self._steps = 0
        self._run.define_metric("steps")
        self._run.define_metric("*", step_metric="steps")  # its own step cannot go back, as a resumed run may
        say(
            f"wandb: {self._run.url}"
            if online
            else f"wandb: upload later with: wandb sync {Path(self._run.dir).parent}"
        )

    def __enter__(self) -> WeightsAndBiases:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.finish(exit_code=0 if kind is None else 1)

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Add one point to every curve."""
        self._steps = steps
        self._run.log({"steps": steps} | {grouped(name): value for name, value in numbers.items()})

    def finish(self, summary: Mapping[str, float]) -> None:
        """Put the evaluation into the run's summary."""
        self._run.summary.update({f"evaluation/{name}": value for name, value in summary.items()})

    def attach(self, files: Mapping[str, Path]) -> None:
        """Upload each file as an artifact of the run, and show the video among its media."""
        import wandb  # noqa: PLC0415

        for what, path in files.items():
            artifact = wandb.Artifact(f"{self._run.id}-{what}", type=ARTIFACT_TYPES.get(what, what))
            artifact.add_file(str(path))
            self._run.log_artifact(artifact)
        if "video" in files:
            self._run.log({"steps": self._steps, "video": wandb.Video(str(files["video"]), format="mp4")})


def grouped(name: str) -> str:
    """Return a number's name with a group before it, by which TensorBoard and W&B lay out their pages."""
    return name if "/" in name else f"train/{name}"


def _identifier(file: Path) -> str:
    """Return the run's name on the server: a resumed run keeps the one in the file, others get a new one."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(secrets.token_hex(4), "utf-8")
    return file.read_text("utf-8").strip()
