"""See and play environments: `puffer-play` in a window, `puffer-render` to video, GIF or picture.

These are separate programs. They read the state of an environment (`env.state(i)`), draw it with raylib, and
send actions like any other driver; nothing imports them. One small module per environment lives in
`puffer_render.draw`; an environment without one is drawn by `puffer_render.draw.generic`.
"""

from puffer_render.errors import RenderError

__all__ = ["RenderError"]
