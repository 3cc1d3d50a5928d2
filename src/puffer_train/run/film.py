"""The video of a run, made by the renderer: a separate program, which is asked first whether it can."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from puffer_envs.contract.command_line import settings_options

VIDEO_SECONDS = 20
"""Length of the video; the replay holds the whole game."""
CHECK_SECONDS = 60
"""Timeout of the check, in seconds."""
PATIENCE_SECONDS = 600
"""Timeout of the video, in seconds."""

RENDERER = [sys.executable, "-m", "puffer_render.cli_render"]


def obstacle(name: str, env: Mapping[str, Any]) -> str | None:
    """Return why no video of an environment can be made here, None where one can. Takes about half a second.

    env: the settings that the environment is made with.
    """
    if importlib.util.find_spec("puffer_render") is None or importlib.util.find_spec("av") is None:
        return 'the renderer is not installed: pip install "puffer-envs[render]"'
    command = [*RENDERER, "--check"]
    if ":" in name:  # a third-party environment, which has to draw itself
        command += [name, *settings_options(env)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CHECK_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else _reason(done)


def film(source: Path, path: Path, options: Sequence[str] = (), *, show: bool) -> str | None:
    """Make a video of a replay, or of the policy playing, with a bar if `show`; return why there is none.

    options: further ones of `puffer-render`. Ctrl-C skips the video.
    """
    command = [*RENDERER, str(source), str(path), "--max-seconds", str(VIDEO_SECONDS), *options]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=PATIENCE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except KeyboardInterrupt:
        return "skipped"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 and path.is_file() else _reason(done)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = ((done.stderr or "").strip() or (done.stdout or "").strip()).splitlines()
    return lines[-1].removeprefix("puffer-render: ") if lines else f"the renderer exited with status {done.returncode}"
