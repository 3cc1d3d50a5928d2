"""One small module per environment; the file's name is the environment's. See `Drawing` for what it may define."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from puffer_envs.contract.factories import load_file
from puffer_envs.library import file_beside
from puffer_envs.spec import LIBRARIES
from puffer_render.draw.generic import generic_drawing
from puffer_render.frame import Frame


@dataclass(frozen=True)
class Drawing:
    """How an environment looks and is played. A module defines these names in capitals, and `draw`."""

    size: tuple[int, int]
    """SIZE: width and height of the picture in units, about pixels."""
    draw: Callable[[Any, Frame], None]
    """draw(state, frame): draw the state (`env.state(i)`), all of the picture, and change nothing. Where there are
    several agents, mark and follow number `frame.agent`."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """KEYS (may be left out): label of a choice -> names of the keys for it."""
    idle: str | None = None
    """IDLE (may be left out): label of the choice while no key is held."""
    play: Mapping[str, Any] = field(default_factory=dict)
    """PLAY (may be left out): settings that suit a person better than the defaults."""
    speed: float = 1.0
    """SPEED (may be left out): multiple of the environment's rate at which a person begins to play."""
    frameskip: str | None = None
    """FRAMESKIP (may be left out): the setting that says for how many frames an action is held. Such an environment
    is shown frame by frame, FRAME_RATE of them a second; otherwise a frame is a step."""
    frame_rate: float | None = None
    """FRAME_RATE (with FRAMESKIP): frames per second."""
    between: Callable[[Any, Any, int, int], Any] | None = None
    """between(before, after, frame, frames) (may be left out): the state at frame 1 to frames - 1 of a step of that
    many, given the states around the step. Without it, the frames come from stepping with a frameskip of 1, which
    must lead to the same states."""
    frames: Callable[[Any, Any], int] | None = None
    """frames(before, after) (with `between` and FRAME_RATE, without FRAMESKIP): in how many frames a step is shown, at
    least 1, given the states around it. They take their time: what the step did is seen before the next one, also
    where it ended the episode; `after` is the state of the next episode then."""

    pilot: Callable[[Any, frozenset[str], int], Any] | None = None
    """pilot(state, labels, agent) (may be left out): the agent's action, given the labels in KEYS whose keys are held.
    For what keys cannot say by themselves, such as the thrust of four rotors."""
    touch: Callable[[Any, float, float], int | None] | None = None
    """touch(state, x, y) (may be left out): the action for a click at this point of the picture, None for no action."""
    present: Callable[[Any, int], bool] = lambda state, agent: True
    """present(state, agent) (may be left out): whether an agent takes part now; Tab passes over those that do not."""
    verdict: Callable[[Any, int], str] | None = None
    """verdict(state, agent) (may be left out): how the agent's last episode ended, in a few words, given the state that
    the next one starts in."""
    undoes: bool = False
    """UNDOES (may be left out): a person may take steps back, and start an episode again."""
    goal: str = ""
    """GOAL (may be left out): what a person is to do, in a sentence."""
    waits: bool = False
    """WAITS (may be left out): a person's game stands still until a key is pressed, and then takes one step. Without a
    policy the person plays all agents, who take turns."""
    camera: bool = False
    """CAMERA (may be left out): the picture has a `Frame.scene`, whose camera a person can move."""

    @property
    def splits_steps(self) -> bool:
        """Whether frames come from stepping with a frameskip of 1."""
        return self.frameskip is not None and self.between is None


def drawing_for(name: str, env: Any) -> Drawing:
    """The drawing of environment `name`, or a generic one that shows what `env` observes and its named fields."""
    drawing = own_drawing(name)
    return Drawing(*generic_drawing(name, env)) if drawing is None else drawing


def own_drawing(name: str) -> Drawing | None:
    """What the module of environment `name` defines, or None when there is no such module."""
    module = find_module(name)
    if module is None:
        return None
    optional = ("keys", "idle", "play", "speed", "frameskip", "frame_rate", "goal", "waits", "undoes", "camera")
    given = {key: getattr(module, key.upper()) for key in optional if hasattr(module, key.upper())}
    given |= {
        key: getattr(module, key)
        for key in ("between", "frames", "pilot", "present", "touch", "verdict")
        if hasattr(module, key)
    }
    return Drawing(module.SIZE, module.draw, **given)


def find_module(name: str) -> ModuleType | None:
    """The drawing module of environment `name`, or None."""
    if name in LIBRARIES:
        file = file_beside(name, ".py")
        return None if file is None else load_file(f"{__name__}.beside_{file.stem}", file)
    qualified = f"{__name__}.{name}"
    if not name.isidentifier() or name == "generic":
        return None
    try:
        return importlib.import_module(qualified)
    except ModuleNotFoundError as error:
        if error.name != qualified:
            raise
        return None
