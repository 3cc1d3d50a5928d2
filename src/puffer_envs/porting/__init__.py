"""Ports: an environment in C side by side with the one that it was written after, and where the two differ.

`puffer-envs port REFERENCE ENV` runs it. An adapter, a small Python file, says how the states of the two correspond and
how far they may differ; what such a file needs is here.
"""

from puffer_envs.porting.draws import Draws, Given
from puffer_envs.porting.tolerance import Growth, Within
from puffer_envs.porting.wrappers import elapsed_steps, set_elapsed_steps

__all__ = ["Draws", "Given", "Growth", "Within", "elapsed_steps", "set_elapsed_steps"]
