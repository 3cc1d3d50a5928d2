"""What `puffer-envs doctor` finds out about drawing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

import puffer_envs
from puffer_envs.contract.health import Finding, installed_version
from puffer_render.display import display_answers
from puffer_render.errors import RenderError, import_av, import_raylib
from puffer_render.renderer import Renderer

FRAMES = 20


def checks() -> Iterator[Finding]:
    """Yield which ways to draw work: pictures, video, window; about 2 s."""
    versions = {name: installed_version(name) for name in ("raylib", "av")}
    yield Finding("packages", ", ".join(f"{name} {found}" for name, found in versions.items() if found != "none"))
    with puffer_envs.make("breakout", 1, seed=1) as env:
        env.reset()
        renderer = Renderer(env)
        begin = time.perf_counter()
        for _ in range(FRAMES):
            picture = renderer.frame()
        milliseconds = 1e3 * (time.perf_counter() - begin) / FRAMES
    blank = len(np.unique(picture)) < 2
    yield Finding("pictures", "blank" if blank else f"without a screen, {milliseconds:.1f} ms each", blank)
    try:
        import_av().CodecContext.create("libx264", "w")
        yield Finding("video", "H.264 through PyAV")
    except RenderError as error:
        yield Finding("video", str(error))
    try:
        import_raylib()
        yield Finding("window", "opens" if display_answers() else "no display here, or it does not answer")
    except RenderError as error:
        yield Finding("window", str(error))
