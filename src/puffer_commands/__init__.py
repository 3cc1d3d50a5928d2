"""What starts each command.

The commands take a moment to import. This module takes none, so Ctrl-C in that moment is one line as well. It stands
alone because importing any module of `puffer_envs` imports all of it first.
"""

import importlib
import io
import os
import sys
from functools import partial


def _start(command: str, module: str, threads: int | None = None) -> int:
    """Run a command; return its exit status. threads: Of NumPy's matrix products; None is one for each core."""
    if threads is not None:  # it must be known before NumPy is imported
        os.environ.setdefault("OPENBLAS_NUM_THREADS", str(threads))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a file or pipe on Windows has no UTF-8: "?" is better than an error
    try:
        status: int = importlib.import_module(module).main()
    except KeyboardInterrupt:
        print(f"\n{command}: interrupted", file=sys.stderr)
        return 130
    return status


envs = partial(_start, "puffer-envs", "puffer_envs.cli")
train = partial(_start, "puffer-train", "puffer_train.cli.train")
eval = partial(_start, "puffer-eval", "puffer_train.cli.eval")
export = partial(_start, "puffer-export", "puffer_train.cli.export")
plot = partial(_start, "puffer-plot", "puffer_train.cli.plot")
runs = partial(_start, "puffer-runs", "puffer_train.cli.runs")
# A sweep's models are small, and its runs keep the cores busy: threads that wait for each other took 14 times as long.
sweep = partial(_start, "puffer-sweep", "puffer_train.cli.sweep", threads=1)
match = partial(_start, "puffer-match", "puffer_envs.arena.cli_match", threads=1)
league = partial(_start, "puffer-league", "puffer_envs.arena.cli_league", threads=1)
play = partial(_start, "puffer-play", "puffer_render.cli_play")
render = partial(_start, "puffer-render", "puffer_render.cli_render")
gallery = partial(_start, "puffer-gallery", "puffer_render.cli_gallery")
web = partial(_start, "puffer-web", "puffer_render.cli_web")
