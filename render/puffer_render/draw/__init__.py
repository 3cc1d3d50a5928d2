"""One small module per environment; the file's name is the environment's. See `Drawing` for what it may define."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from puffer_render.draw.generic import generic_drawing
from puffer_render.frame import Frame


@dataclass(frozen=True)
class Drawing:
    """How an environment looks and is played. A module defines these names in capitals, and `draw`."""

    size: tuple[int, int]
    """SIZE: width and height of the picture in units, about pixels."""
    draw: Callable[[Any, Frame], None]
    """draw(state, frame): draw the state (`env.state(i)`), all of the picture, and change nothing."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """KEYS (may be left out): label of a choice -> names of the keys for it."""
    idle: str | None = None
    """IDLE (may be left out): label of the choice while no key is held."""
    play: Mapping[str, Any] = field(default_factory=dict)
    """PLAY (may be left out): settings that suit a person better than the defaults."""
    frameskip: str | None = None
    """FRAMESKIP (may be left out): the setting that says for how many frames an action is held. Such an environment
    is shown frame by frame: it is made with a frameskip of 1, and actions are held by whoever shows it."""
    frame_rate: float | None = None
    """FRAME_RATE (with FRAMESKIP): frames per second. Without them a frame is a step, at the environment's rate."""


def drawing_for(name: str, env: Any) -> Drawing:
    """The drawing of environment `name`, or a generic one that shows its observation and its named fields."""
    module = find_module(name)
    if module is None:
        size, draw = generic_drawing(name, env)
        return Drawing(size, draw)
    return Drawing(
        size=module.SIZE,
        draw=module.draw,
        keys=getattr(module, "KEYS", {}),
        idle=getattr(module, "IDLE", None),
        play=getattr(module, "PLAY", {}),
        frameskip=getattr(module, "FRAMESKIP", None),
        frame_rate=getattr(module, "FRAME_RATE", None),
    )


def find_module(name: str) -> ModuleType | None:
    """The drawing module of environment `name`, or None."""
    qualified = f"{__name__}.{name}"
    if not name.isidentifier() or name == "generic":
        return None
    try:
        return importlib.import_module(qualified)
    except ModuleNotFoundError as error:
        if error.name != qualified:
            raise
        return None
