"""puffer-render: what it writes can be decoded and shows the replay; what it cannot do is one line."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import av
import numpy as np
import pytest
from programs import complaint, environment, run_module, run_python
from recordings import record
from virtual_display import PATIENCE, wait_for

from puffer_envs import Replay
from puffer_render import cli_render
from puffer_render.draw.squared import SIZE
from puffer_render.errors import RenderError
from puffer_render.film import write_film
from puffer_render.palette import NIGHT
from puffer_render.studio import Studio, Take
from puffer_render.video import Encoder, Packet, Planes, Segment

STEPS = 60  # of the replay fixture
RATE = 8  # steps per second, from squared's table


def decode(path: Path) -> tuple[list[np.ndarray], float]:
    """(the pictures in RGB, seconds from the first to the last)"""
    with av.open(str(path)) as file:
        pictures = list(file.decode(video=0))
    assert pictures, f"{path} holds no picture"
    seconds = float((pictures[-1].pts - pictures[0].pts) * pictures[0].time_base) if len(pictures) > 1 else 0.0
    return [picture.to_ndarray(format="rgb24") for picture in pictures], seconds


def render(replay: Path, out: Path, *options: object) -> tuple[list[np.ndarray], float]:
    done = run_module("cli_render", replay, out, *options)
    assert done.returncode == 0, done.stderr
    assert out.name in done.stderr and sorted(out.parent.iterdir()) == [out], "a temporary file was left behind"
    return decode(out)


def test_mp4_shows_every_step_in_real_time(replay: Path, tmp_path: Path) -> None:
    pictures, seconds = render(replay, tmp_path / "out.mp4")
    assert len(pictures) == STEPS + 1
    assert seconds == pytest.approx(STEPS / RATE)
    assert pictures[0].shape == (SIZE[1], SIZE[0], 3)
    changed = [np.abs(a.astype(int) - b).max() > 60 for a, b in itertools.pairwise(pictures)]
    assert np.mean(changed) > 0.5, "most random steps move something bright"
    assert np.abs(pictures[0][2, 2].astype(int) - NIGHT[:3]).max() <= 3, "the colours are off"


def test_mp4_is_what_players_expect(replay: Path, tmp_path: Path) -> None:
    render(replay, tmp_path / "out.mp4", "--max-seconds", 2)
    with av.open(str(tmp_path / "out.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.colorspace) == ("h264", "yuv420p", 1)
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "the index is not at the front"


def test_options_choose_pictures_speed_and_size(replay: Path, tmp_path: Path) -> None:
    pictures, seconds = render(
        replay, tmp_path / "out.mp4", "--every", 3, "--fps", 20, "--scale", 0.503, "--max-seconds", 1
    )
    assert len(pictures) == 20
    assert seconds == pytest.approx(19 / 20)
    assert pictures[0].shape == (round(SIZE[1] * 0.503) // 2 * 2, round(SIZE[0] * 0.503) // 2 * 2, 3)


@pytest.mark.parametrize(("fps", "delay"), [(25, 0.04), (200, 0.02), (8, 0.12)])
def test_gif_has_the_nearest_rate_it_can(replay: Path, tmp_path: Path, fps: int, delay: float) -> None:
    pictures, seconds = render(replay, tmp_path / "out.gif", "--fps", fps, "--max-seconds", 1)
    assert len(pictures) == int(1 / delay)
    assert seconds == pytest.approx((len(pictures) - 1) * delay)
    assert np.abs(pictures[0][2, 2].astype(int) - NIGHT[:3]).max() <= 3


def test_png_is_the_step_asked_for(replay: Path, tmp_path: Path) -> None:
    (middle,), _ = render(replay, tmp_path / "out.png")
    (same,), _ = render(replay, tmp_path / "out.png", "--frame", STEPS // 2)
    (first,), _ = render(replay, tmp_path / "out.png", "--frame", 0)
    assert (middle == same).all() and (middle != first).any()
    # lossless: the video's picture of that step is nearly the same
    (tmp_path / "out.png").unlink()
    video, _ = render(replay, tmp_path / "out.mp4")
    assert np.abs(video[STEPS // 2].astype(int) - middle).mean() < 2


def test_an_action_held_for_frames_is_shown_frame_by_frame(tmp_path: Path) -> None:
    recorded = record("breakout", 20, tmp_path / "breakout.replay", frameskip=3)
    (tmp_path / "mp4").mkdir()
    pictures, seconds = render(recorded, tmp_path / "mp4" / "out.mp4", "--scale", 0.5)
    assert len(pictures) == 31 and seconds == pytest.approx(1)  # 30 a second of 60 frames
    pictures, seconds = render(recorded, tmp_path / "mp4" / "out.mp4", "--scale", 0.5, "--every", 1)
    assert len(pictures) == 61 and seconds == pytest.approx(1)


def test_a_rate_between_is_real_time_too(tmp_path: Path) -> None:
    recorded = record("cartpole", 100, tmp_path / "cartpole.replay")  # 50 steps a second
    (tmp_path / "mp4").mkdir()
    pictures, seconds = render(recorded, tmp_path / "mp4" / "out.mp4", "--scale", 0.5)
    assert len(pictures) == 61 and seconds == pytest.approx(2)


@pytest.mark.parametrize("name", ["breakout", "drone"])
def test_any_number_of_processes_draws_the_same_pixels(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the encoder, whose choices in a picture's last, partial blocks differ from run to run by themselves."""

    def encode(encoder: Encoder, paints: Iterable[Callable[[Planes], None]]) -> Segment:
        width, height = encoder.size
        packets = []
        for number, paint in enumerate(paints):
            shapes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
            luma, blue, red = (np.zeros(shape, np.uint8) for shape in shapes)
            paint((luma, blue, red))
            packets.append(Packet(b"".join(map(bytes, (luma, blue, red))), number, number, True))
        return packets

    def write(_: Encoder, path: Path, segments: Iterable[tuple[int, Segment]]) -> int:
        packets = [(first + packet.shown, packet.data) for first, segment in segments for packet in segment]
        assert [number for number, _ in packets] == list(range(len(packets)))
        path.write_bytes(b"".join(data for _, data in packets))
        return len(packets)

    monkeypatch.setattr(Encoder, "encode", encode)
    monkeypatch.setattr(Encoder, "write", write)
    take = Take(record(name, 90, tmp_path / "it.replay"), scale=0.2, turn=5)
    count = 170 if name == "breakout" else 91
    for processes in (1, 2, 3):
        done: list[int] = []
        written = write_film(tmp_path / str(processes), take, range(170), 30, processes=processes, progress=done.append)
        assert written == done[-1] == count and done == sorted(done)
    one = (tmp_path / "1").read_bytes()
    assert len({np.split(np.frombuffer(one, np.uint8), count)[k].tobytes() for k in range(count)}) > count / 2
    assert one == (tmp_path / "2").read_bytes() == (tmp_path / "3").read_bytes()


def test_segments_follow_one_another_without_a_seam(tmp_path: Path) -> None:
    take = Take(record("breakout", 60, tmp_path / "it.replay"), scale=0.4)
    assert write_film(tmp_path / "out.mp4", take, range(170), 30, processes=2) == 170
    with av.open(str(tmp_path / "out.mp4")) as file:
        decoded = list(file.decode(video=0))
    assert [float(picture.pts * picture.time_base) for picture in decoded] == pytest.approx(np.arange(170) / 30)
    studio = Studio(take)
    for number in (0, 58, 59, 60, 61, 119, 120, 169):
        (drawn,) = studio.pictures([number])
        shown = decoded[number].to_ndarray(format="rgb24")
        assert np.abs(shown.astype(int) - drawn[: len(shown), : shown.shape[1]]).mean() < 3, number


def test_a_process_that_is_killed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = record("breakout", 40, tmp_path / "it.replay")
    monkeypatch.setattr(Studio, "draws", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(RenderError, match="ended without an error message"):
        write_film(tmp_path / "out.mp4", Take(recorded), list(range(120)), 30, processes=2)
    assert not (tmp_path / "out.mp4").exists()


def test_a_time_limit_within_an_action_does_not_lead_astray(tmp_path: Path) -> None:
    recorded = record("breakout", 40, tmp_path / "breakout.replay", frameskip=16, max_frames=36)
    shown = [float(state.ball_y) for _, state in Studio(Take(recorded, 0, 0.25))._play()]
    truth = [float(env.state(0).ball_y) for env in Replay.load(recorded).play()]
    assert shown[-1] == truth[-1]


def test_each_environment_of_a_batch_can_be_shown(tmp_path: Path) -> None:
    recorded = record("breakout", 9, tmp_path / "breakout.replay", num_envs=3)
    for index in range(3):
        shown = [float(state.ball_x) for _, state in Studio(Take(recorded, index, 0.25))._play()]
        truth = [float(env.state(index).ball_x) for env in Replay.load(recorded).play()]
        assert shown[::4] == truth


def test_existing_file_is_replaced_and_readable_by_others(replay: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    out.write_text("old")
    render(replay, out)
    assert out.stat().st_mode & 0o444 == 0o444 & ~current_umask()


def current_umask() -> int:
    """What `touch` would leave out."""
    done = run_python("-c", "import os; print(os.umask(0))")
    return int(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{replay}", "out.avi"], ".mp4, .gif, .png"),
        (["{replay}"], "OUT"),
        (["absent.replay", "{out}.png"], "absent.replay"),
        (["{folder}", "{out}.png"], "neither policy.safetensors nor replay.puf"),
        ([__file__, "{out}.png"], "is not a replay, a policy file or a run folder"),
        (["{replay}", "{folder}/absent/out.png"], "cannot be written"),
        (["{replay}", "{folder}/absent/out.mp4"], "cannot be written"),
        (["{replay}", "{out}.mp4", "--fps", "0"], "--fps"),
        (["{replay}", "{out}.mp4", "--fps", "nan"], "--fps"),
        (["{replay}", "{out}.mp4", "--every", "0"], "--every"),
        (["{replay}", "{out}.mp4", "--every", "x"], "--every"),
        (["{replay}", "{out}.mp4", "--scale", "100"], "--scale"),
        (["{replay}", "{out}.mp4", "--scale", "inf"], "--scale"),
        (["{replay}", "{out}.mp4", "--frame", "3"], "--frame"),
        (["{replay}", "{out}.png", "--frame", "61"], "0 to 60"),
        (["{replay}", "{out}.png", "--index", "1"], "--index"),
        (["{replay}", "{out}.png", "--speed", "1"], "--speed"),
        (["{replay}", "{out}.png", "--env.frameskip", "1"], "a replay has its own settings"),
    ],
)
def test_mistakes_are_one_line(
    replay: Path, tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"replay": replay, "folder": tmp_path, "out": tmp_path / "out"}
    words = [argument.format(**names) for argument in arguments]
    status = cli_render.main(words)
    told = capsys.readouterr()
    assert said in complaint(subprocess.CompletedProcess(words, status, told.out, told.err))
    assert list(tmp_path.iterdir()) == []


def test_a_replay_that_does_not_repeat_itself_leaves_no_file(replay: Path, tmp_path: Path) -> None:
    break_hashes = (
        "import sys, puffer_envs, puffer_render.studio as s, puffer_render.cli_render as c\n"
        "load = puffer_envs.Replay.load\n"
        "def broken(path):\n"
        "    replay = load(path); replay.hashes.flags.writeable or None\n"
        "    object.__setattr__(replay, 'hashes', replay.hashes + 1 * (replay.hashes != replay.hashes[0]))\n"
        "    return replay\n"
        "s.Replay.load = broken\n"
        "sys.exit(c.main(sys.argv[1:]))"
    )
    done = run_python("-c", break_hashes, str(replay), str(tmp_path / "out.mp4"))
    assert "does not repeat itself" in complaint(done)
    assert list(tmp_path.iterdir()) == []


def test_interrupting_leaves_no_file(tmp_path: Path) -> None:
    recorded = record("breakout", 2000, tmp_path / "breakout.replay")
    folder = tmp_path / "out"
    folder.mkdir()
    restore = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # pytest may run without it
    code = f"{restore}; import sys; from puffer_render.cli_render import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, recorded, folder / "out.mp4"],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for("the temporary file", lambda: any(folder.iterdir()))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 130 and "interrupted" in said and "Traceback" not in said
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("program", "missing"), [("cli_render", "av"), ("cli_play", "raylib")])
def test_a_missing_extra_says_what_to_install(replay: Path, tmp_path: Path, program: str, missing: str) -> None:
    (tmp_path / f"{missing}.py").write_text("raise ImportError('not here')")
    env = environment()
    env["PYTHONPATH"] = f"{tmp_path}:{env['PYTHONPATH']}"
    env["DISPLAY"] = ":9999"
    arguments = [replay, tmp_path / "out.mp4"] if program == "cli_render" else ["squared"]
    line = complaint(run_module(program, *arguments, env=env))
    assert 'pip install "puffer-envs[render]"' in line and missing in line
