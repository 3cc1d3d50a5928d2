"""What a run looks like in a notebook: its dashboard while it trains, and its result, both inside the cell."""

from __future__ import annotations

import base64
import html
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_train.report.formatting import clock, short
from puffer_train.report.terminal import notebook_shell
from puffer_train.storage.folder import main_statistic, read_config, read_evaluation, read_metrics

WIDTH, HEIGHT, MARGIN = 480, 140, 36
"""Pixels of the curve, and of the room around it for its numbers."""

MAX_VIDEO_BYTES = 4 << 20
"""Larger videos are named, not put into the notebook."""

MAX_POINTS = 480


class CellPicture:
    """A picture in the output of a cell, which the next one replaces."""

    def __init__(self, display: Callable[..., Any]) -> None:
        """display: `IPython.display.display`."""
        self._display, self._handle = display, None

    def show(self, svg: str) -> None:
        """Show a picture in place of the last one."""
        data = {"image/svg+xml": svg}
        if self._handle is None:
            self._handle = self._display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def cell_picture() -> CellPicture | None:
    """Return a picture in the cell that is running, None outside of notebooks."""
    if notebook_shell() is None:
        return None
    return CellPicture(importlib.import_module("IPython.display").display)


def html_of_run(folder: Path) -> str:
    """Return the result of a run as HTML without links: its scores, the curve of its main statistic, its video.

    Raises:
        ConfigError: The folder is not that of a run.
    """
    config, metrics, evaluation = read_config(folder), read_metrics(folder), read_evaluation(folder)
    ended = config["history"][-1]["ended"] if config["history"] else "not started"
    parts = [f"<b>{html.escape(config['environment'])}</b>, seed {config['seed']}, {html.escape(ended)}"]
    if "steps" in metrics:
        seconds = metrics.get("seconds", np.zeros(1))[-1]
        parts[0] += f": {short(int(metrics['steps'][-1]))} steps in {clock(float(seconds))}"
    statistic = main_statistic({name.removeprefix("env/") for name in metrics if name.startswith("env/")})
    if evaluation and statistic is not None and isinstance(evaluation.get(statistic), dict):
        mean, spread = evaluation[statistic]["mean"], evaluation[statistic]["std"]
        parts.append(f"{statistic} {mean:.4g} ± {spread:.2g} in {evaluation['episodes']} fresh full episodes")
    if statistic is not None:
        parts.append(curve(metrics["steps"], metrics[f"env/{statistic}"], statistic))
    video = folder / "video.mp4"
    if video.is_file() and video.stat().st_size <= MAX_VIDEO_BYTES:
        data = base64.b64encode(video.read_bytes()).decode()
        parts.append(f'<video controls loop muted width="{WIDTH}" src="data:video/mp4;base64,{data}"></video>')
    parts.append(f"<code>{html.escape(str(folder))}</code>")
    return "<div>" + "<br>".join(parts) + "</div>"


def curve(steps: NDArray[np.float64], values: NDArray[np.float64], name: str) -> str:
    """Return the curve of a statistic (iterations,) over agent steps as SVG; empty where nothing is known."""
    known = np.isfinite(values)
    if not known.any():
        return ""
    x, y = steps[known], values[known]
    groups = np.array_split(np.arange(len(x)), min(len(x), MAX_POINTS))
    x, y = (np.array([of[group].mean() for group in groups]) for of in (x, y))
    low, high = float(y.min()), float(y.max())
    span = high - low if high > low else 1.0
    across = MARGIN + (WIDTH - MARGIN - 8) * x / max(1.0, float(x[-1]))
    down = 8 + (HEIGHT - 32) * (1 - (y - low) / span)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))
    floor = HEIGHT - 24
    texts = [
        (MARGIN - 4, 14, "end", f"{high:.4g}"),
        (MARGIN - 4, floor, "end", f"{low:.4g}" if high > low else ""),
        (WIDTH - 8, HEIGHT - 8, "end", f"{short(int(steps[-1]))} steps"),
        (MARGIN, HEIGHT - 8, "start", html.escape(name)),
    ]
    labels = "".join(f'<text x="{a}" y="{b}" text-anchor="{anchor}">{text}</text>' for a, b, anchor, text in texts)
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11" fill="currentColor">'
        f'<path d="M{MARGIN},8V{floor}H{WIDTH - 8}" fill="none" stroke="currentColor" stroke-opacity="0.3"/>'
        f'<polyline points="{points}" fill="none" stroke="#009e73" stroke-width="1.5"/>{labels}</svg>'
    )
