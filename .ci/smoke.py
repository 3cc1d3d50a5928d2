"""Does an installed wheel work at all? Every environment it offers is checked against the contract.

With --video, a video is written too: that needs the extra `render`, but no screen.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import puffer_envs
from puffer_envs import conformance

STEPS = 200
TIME_LIMIT_S = 12
"""What a check may take, which shortens searches where all is slow: in an emulator they would take an hour."""


def main() -> None:
    """Raises AssertionError, naming environment and check, when one does not hold."""
    names = puffer_envs.list_envs()
    assert names, "the wheel offers no environment"
    for number, name in enumerate(names, 1):
        begin = time.monotonic()
        results = conformance.run_checks(conformance.subject(name, STEPS, TIME_LIMIT_S))
        failed = [f"{name}: {result.check}: {result.message}" for result in results if result.status == "failed"]
        assert not failed, "; ".join(failed)
        print(f"{number:2} of {len(names)}  {time.monotonic() - begin:6.1f} s  {name}", flush=True)
    if "--video" in sys.argv:
        write_video()
    print(f"Python {sys.version.split()[0]}: {len(names)} environments keep the contract, from {puffer_envs.__file__}")


def write_video() -> None:
    """Raises AssertionError or ImportError when PyAV or raylib do not work."""
    from puffer_render.cli_render import main as render  # noqa: PLC0415
    from puffer_render.errors import import_raylib  # noqa: PLC0415

    import_raylib()
    with tempfile.TemporaryDirectory() as folder, puffer_envs.make("squared", 1) as env:
        replay, film = Path(folder) / "replay.puf", Path(folder) / "film.mp4"
        env.start_replay(0)
        for action in range(20):
            env.step([action % 5])
        env.save_replay(replay)
        assert render([str(replay), str(film), "--processes", "1"]) == 0
        assert film.stat().st_size > 0


if __name__ == "__main__":
    main()
