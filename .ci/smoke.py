"""Does an installed wheel work at all? Every environment it offers is checked against the contract.

With --video, a video is written too: that needs the extra `render`, but no screen.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import puffer_envs
from puffer_envs import conformance

STEPS = 200


def main() -> None:
    """Raises AssertionError, naming environment and check, when one does not hold."""
    names = puffer_envs.list_envs()
    assert names, "the wheel offers no environment"
    for name in names:
        results = conformance.run_checks(conformance.subject(name, STEPS))
        failed = [f"{name}: {result.check}: {result.message}" for result in results if result.status == "failed"]
        assert not failed, "; ".join(failed)
    if "--video" in sys.argv:
        write_video()
    print(f"Python {sys.version.split()[0]}: {', '.join(names)} keep the contract, from {puffer_envs.__file__}")


def write_video() -> None:
    """Raises AssertionError or ImportError when PyAV or raylib do not work."""
    from puffer_render.errors import import_raylib  # noqa: PLC0415
    from puffer_render.video import write_mp4  # noqa: PLC0415

    import_raylib()
    pictures = [np.full((64, 64, 3), 8 * i, np.uint8) for i in range(8)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        assert write_mp4(path, iter(pictures), 30.0) == len(pictures) and path.stat().st_size > 0


if __name__ == "__main__":
    main()
