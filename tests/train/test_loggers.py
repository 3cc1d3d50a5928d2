"""Loggers get every number, and can neither stop nor slow training, whatever they do."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from runs import Shell

from puffer_envs.contract.shell import quote
from puffer_train.cli import train as cli_train
from puffer_train.config import flat
from puffer_train.errors import ConfigError
from puffer_train.report import loggers
from puffer_train.report.loggers import Background, Loggers
from puffer_train.report.metrics import MetricsFile
from puffer_train.report.trackers import TensorBoard, WeightsAndBiases, grouped
from puffer_train.storage.folder import read_config, read_evaluation, read_metrics

HERE = Path(__file__).parent
SMALL = ["--train.num-envs", "16", "--train.horizon", "8", "--train.minibatch", "64", "--train.eval-episodes", "8"]
SMALL += ["--policy.hidden", "8", "--policy.layers", "1", "--threads", "1"]


class Recorder:
    """Keeps what it is given; raises or waits on request."""

    def __init__(self, fails_at: int | None = None, waits_for: threading.Event | None = None) -> None:
        self.lines: list[tuple[int, Mapping[str, float]]] = []
        self.summary: Mapping[str, float] = {}
        self.files: Mapping[str, Path] = {}
        self.closed = False
        self.fails_at, self.waits_for = fails_at, waits_for

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *about: object) -> None:
        self.closed = True

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        if self.waits_for is not None:
            self.waits_for.wait()
        if steps == self.fails_at:
            raise OSError("the disk is full.\nAnd more")
        self.lines.append((steps, numbers))

    def finish(self, summary: Mapping[str, float]) -> None:
        self.summary = summary

    def attach(self, files: Mapping[str, Path]) -> None:
        self.files = files


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loggers, "PAUSE_SECONDS", 0.0)


def test_a_logger_in_the_background_gets_few_lines_and_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loggers, "PAUSE_SECONDS", 1e9)
    recorder = Recorder()
    with Background(lambda: recorder) as background:
        for steps in range(100):
            background.write(steps, {})
        background.finish({"score/mean": 7.0})
        background.attach({"policy": Path(__file__)})
    assert [steps for steps, _ in recorder.lines] == [0, 99]
    assert recorder.files == {"policy": Path(__file__)}
    assert recorder.summary == {"score/mean": 7.0}


@pytest.mark.usefixtures("no_pause")
def test_a_logger_in_the_background_gets_everything_in_order() -> None:
    recorder = Recorder()
    with Background(lambda: recorder) as background:
        for steps in range(100):
            background.write(steps, {"loss": steps / 2})
        background.finish({"score/mean": 7.0})
    assert recorder.lines == [(steps, {"loss": steps / 2}) for steps in range(100)]
    assert recorder.summary == {"score/mean": 7.0}
    assert recorder.closed


def test_one_that_raises_is_dropped_with_one_line_and_the_others_go_on() -> None:
    warnings: list[str] = []
    bad, good = Recorder(fails_at=3), Recorder()
    with Loggers({"bad": bad, "good": good}, warnings.append) as log:
        for steps in range(6):
            log.write(steps, {"loss": 1.0})
        log.finish({})
    assert warnings == ["logging to bad stopped: the disk is full. Training continues."]
    assert [steps for steps, _ in bad.lines] == [0, 1, 2]
    assert [steps for steps, _ in good.lines] == list(range(6))
    assert good.closed


def test_one_that_raises_in_the_background_is_dropped_too() -> None:
    warnings: list[str] = []
    with Loggers({"bad": Background(lambda: Recorder(fails_at=0))}, warnings.append) as log:
        log.write(0, {})
    assert warnings == ["logging to bad stopped: the disk is full. Training continues."]


def test_one_that_cannot_be_opened_is_dropped() -> None:
    def fail() -> Recorder:
        raise SystemExit("no network")  # as some packages leave

    warnings: list[str] = []
    with Loggers({"bad": Background(fail)}, warnings.append):
        pass
    assert warnings == ["logging to bad stopped: no network. Training continues."]


@pytest.mark.usefixtures("no_pause")
def test_one_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loggers, "MAX_QUEUE", 10)
    monkeypatch.setattr(loggers, "PATIENCE_SECONDS", 0.1)
    awake = threading.Event()
    warnings: list[str] = []
    with Loggers({"slow": Background(lambda: Recorder(waits_for=awake))}, warnings.append) as log:
        for steps in range(100):
            log.write(steps, {})
    assert warnings == ["logging to slow stopped: it is 10 lines behind. Training continues."]
    with Loggers({"slow": Background(lambda: Recorder(waits_for=awake))}, warnings.append) as log:
        log.write(0, {})
    assert warnings[1:] == [
        "logging to slow stopped: it did not write its last lines within 0.1 seconds. Training continues."
    ]
    awake.set()


def test_an_error_in_training_is_not_swallowed_and_closes_all() -> None:
    recorder = Recorder()
    with pytest.raises(KeyError, match="own"), Loggers({"good": recorder}, print):
        raise KeyError("own")
    assert recorder.closed


def test_the_metrics_file_is_cut_where_a_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsFile(path) as file:
        for steps in (100, 200, 300):
            file.write(steps, {"loss": 0.5, "seconds": steps / 10})
    with path.open("a") as half:
        half.write('{"steps": 40')
    with MetricsFile(path, resume_at=200) as file:
        file.write(300, {"loss": 0.25})
        with pytest.raises(ValueError, match="not JSON compliant"):
            file.write(400, {"loss": float("nan")})
    assert [json.loads(line)["loss"] for line in path.read_text().splitlines()] == [0.5, 0.5, 0.25]


def test_names_are_grouped_and_settings_flat() -> None:
    assert [grouped(name) for name in ("entropy", "env/score")] == ["train/entropy", "env/score"]
    assert flat({"train": {"gamma": 1}, "env": {}, "seed": 2}) == {"train.gamma": 1, "seed": 2}


# --- a run's folder ---


def test_what_is_no_run_or_a_damaged_one(tmp_path: Path) -> None:
    whole: dict[str, Any] = {"environment": "x", "seed": 1, "settings": {}, "log": [], "history": []}
    without_log = {key: value for key, value in whole.items() if key != "log"}
    damaged = (without_log, whole | {"seed": "x"}, whole | {"history": 3})
    for content in ("", "[]", "{", "{}", *map(json.dumps, damaged)):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ConfigError, match=r"is not a run folder: it has no readable config\.json"):
            read_config(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(whole | {"history": [{}, 3]}))
    assert read_config(tmp_path) == whole
    assert read_evaluation(tmp_path) is None
    assert read_metrics(tmp_path) == {}


def test_metrics_of_a_killed_run(tmp_path: Path) -> None:
    lines = ['{"steps": 1, "env/score": 3.0}', '{"steps": 2, "note": "x"}', "[]", "null", "{}", '{"steps": 3, "sco']
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    columns = read_metrics(tmp_path)
    assert columns["steps"].tolist() == [1, 2]
    assert columns["env/score"].tolist()[0] == 3.0
    assert set(columns) == {"steps", "env/score"}


# --- the command ---


def run(folder: Path, *arguments: str, code: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """`puffer-train` in a separate process, in which `code` ran before."""
    path = os.pathsep.join([str(folder), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "200"} | variables
    program = f"import sys\n{code}\nfrom puffer_train.cli.train import main\nsys.exit(main())"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120)


def events(folder: Path) -> Any:
    """What TensorBoard finds in a run's folder."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return accumulator.EventAccumulator(str(folder / "tensorboard")).Reload()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a run: steps and values of every curve."""
    found = events(folder)
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def embedded(folder: Path, name: str) -> bytes:
    """The newest content of a file that was put into TensorBoard's events."""
    content: bytes = events(folder).Tensors(f"files/{name}")[-1].tensor_proto.string_val[0]
    return content


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own
def test_tensorboard_has_the_same_numbers_also_after_a_resume(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ["tiny_environments:CartPole", *SMALL, "--run-dir", str(folder), "--log", "tensorboard"]
    done = run(tmp_path, *arguments, "--steps", "1000")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "WARNING" not in done.stdout
    more = run(tmp_path, "tiny_environments:CartPole", "--resume", str(folder), "--steps", "2000", "--threads", "1")
    assert more.returncode == 0, more.stderr
    shown, columns = scalars(folder), read_metrics(folder)
    entropy = dict(zip(columns["steps"].tolist(), columns["entropy"].tolist(), strict=True))
    assert dict(shown["train/entropy"]) == pytest.approx({steps: entropy[steps] for steps, _ in shown["train/entropy"]})
    assert {1024, 2048} <= dict(shown["train/entropy"]).keys(), "the ends of both parts, whatever else"
    assert shown["env/episode_return"]
    evaluation = read_evaluation(folder)
    assert evaluation is not None
    steps, value = shown["evaluation/episode_return/mean"][-1]
    assert (steps, value) == (2048, pytest.approx(evaluation["episode_return"]["mean"]))
    assert embedded(folder, "policy.safetensors") == (folder / "policy.safetensors").read_bytes()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_has_policy_replay_and_video(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    pytest.importorskip("tensorboard")
    files = {"policy": tmp_path / "policy.safetensors", "replay": tmp_path / "replay.puf"}
    for path in files.values():
        path.write_bytes(path.name.encode() * 100)
    files["video"] = tmp_path / "video.mp4"
    with av.open(str(files["video"]), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 400, "yuv420p"
        for _ in range(45):
            container.mux(stream.encode(av.VideoFrame(640, 400, "yuv420p")))
        container.mux(stream.encode())
    with TensorBoard(tmp_path, {"settings": {}}, None) as logger:
        logger.write(300, {"loss": 1.0})
        logger.attach(files)
    for path in files.values():
        assert embedded(tmp_path, path.name) == path.read_bytes()
    (clip,) = events(tmp_path).Images("video")
    assert (clip.step, clip.width, clip.height) == (300, 320, 200)
    with av.open(io.BytesIO(clip.encoded_image_string)) as gif:
        assert (gif.format.name, len(list(gif.decode(video=0)))) == ("gif", 15), "ten a second of 1.5 seconds"


class FakeRun:
    """Keeps what a run of Weights & Biases would get."""

    id = "abc"

    def __init__(self) -> None:
        self.logged: list[dict[str, Any]] = []
        self.artifacts: list[Any] = []

    def log(self, numbers: dict[str, Any]) -> None:
        self.logged.append(numbers)

    def log_artifact(self, artifact: Any) -> None:
        self.artifacts.append(artifact)


def test_weights_and_biases_gets_every_file_as_an_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setattr(wandb, "Video", lambda path, format: (path, format))
    files = {what: tmp_path / f"{what}.bin" for what in ("policy", "replay", "video")}
    for path in files.values():
        path.write_bytes(path.name.encode())
    logger = object.__new__(WeightsAndBiases)
    logger._run, logger._steps = FakeRun(), 300
    logger.attach(files)
    made = [(artifact.name, artifact.type, list(artifact.manifest.entries)) for artifact in logger._run.artifacts]
    assert made == [
        ("abc-policy", "model", ["policy.bin"]),
        ("abc-replay", "replay", ["replay.bin"]),
        ("abc-video", "video", ["video.bin"]),
    ]
    assert logger._run.logged == [{"steps": 300, "video": (str(files["video"]), "mp4")}]


def test_weights_and_biases_offline(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    folder = tmp_path / "run"
    arguments = ["tiny_environments:CartPole", *SMALL, "--run-dir", str(folder), "--log", "wandb", "--steps", "1000"]
    done = run(tmp_path, *arguments, WANDB_MODE="offline")
    assert done.returncode == 0, done.stderr
    assert "wandb: upload later with: wandb sync " in done.stdout
    assert "no more is logged" not in done.stdout
    (first,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    assert b"train/entropy" in first.read_bytes()
    assert b"evaluation/episode_return/mean" in first.read_bytes()
    name = (folder / "wandb" / "run-id").read_text()
    assert f"{name}-policy".encode() in first.read_bytes(), "the policy is an artifact"
    more = run(
        tmp_path,
        "tiny_environments:CartPole",
        "--resume",
        str(folder),
        "--steps",
        "2000",
        "--threads",
        "1",
        WANDB_MODE="offline",
    )
    assert more.returncode == 0, more.stderr
    parts = sorted((folder / "wandb").glob("offline-run-*/run-*.wandb"))
    assert [path.name for path in parts] == [first.name] * 2, "both are one run on the server"


def test_weights_and_biases_without_a_login_costs_one_line(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    variables = {"WANDB_MODE": "online", "WANDB_API_KEY": "", "HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc")}
    done = run(tmp_path, "tiny_environments:CartPole", *SMALL, "--log", "wandb", "--steps", "1000", **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("logging to wandb stopped: not logged in: run `wandb login` first") == 1
    assert "policy.safetensors" in done.stdout


HANGING = """
import sys, time, types, importlib.machinery
fake = types.ModuleType("wandb")
fake.__spec__ = importlib.machinery.ModuleSpec("wandb", None)
fake.Settings = lambda **settings: None
fake.init = lambda **arguments: time.sleep(600)
sys.modules["wandb"] = fake
import puffer_train.report.loggers
puffer_train.report.loggers.PATIENCE_SECONDS = 0.5
"""


def test_training_ends_beside_a_package_that_hangs(tmp_path: Path) -> None:
    arguments = ["tiny_environments:CartPole", *SMALL, "--steps", "1000", "--log", "wandb"]
    done = run(tmp_path, *arguments, code=HANGING, WANDB_MODE="offline")
    assert done.returncode == 0, done.stderr
    assert "logging to wandb stopped: it did not write its last lines within 0.5" in done.stdout


def test_a_missing_package_and_a_wrong_name_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loggers.importlib.util, "find_spec", lambda name: None)
    assert cli_train.main(["tiny_environments:CartPole", "--log", "wandb"]) == 2
    assert capsys.readouterr().err == 'puffer-train: wandb is missing: pip install "puffer-envs[wandb]"\n'
    monkeypatch.undo()
    assert cli_train.main(["tiny_environments:CartPole", "--log", "mlflow"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "'mlflow' must be one of tensorboard" in said
    assert "tensorboard" in said
    assert not list(tmp_path.iterdir())


def test_a_run_folder_explains_itself(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "a run"
    arguments = ["tiny_environments:CartPole", *SMALL, "--steps", "1000", "--run-dir", str(folder), "--seed", "7"]
    assert shell.train(*arguments, "--env.length", "0.6").status == 0
    saved = read_config(folder)
    assert saved["machine"].keys() == {"processor", "cores", "memory_bytes", "accelerators", "system", "python"}
    assert saved["machine"]["cores"] >= 1
    assert saved["versions"]["python"] in saved["machine"]["python"]
    (part,) = saved["history"]
    assert part["command"].startswith("puffer-train tiny_environments:CartPole --train.num-envs 16 ")
    assert f"--run-dir {quote(str(folder))}" in part["command"], "it can be typed again"
    assert (part["from_steps"], part["to_steps"], part["ended"]) == (0, 1024, "finished")
    text = (folder / "README.md").read_text()
    assert text.startswith("# tiny_environments:CartPole, seed 7\n\nTrained for 1.02k steps in 0:0")
    evaluation = read_evaluation(folder)
    assert evaluation is not None
    assert f"Episode return over 8 fresh full episodes: **{evaluation['episode_return']['mean']:.5g}**" in text
    for path in folder.iterdir():
        assert f"`{path.name}`" in text or path.name == "README.md"
    assert " --resume . --steps 2000\n" in text
    assert "puffer-play" not in text, "it plays environments of its own only"

    more = ["--resume", folder, "--steps", "2000", "--threads", "1"]
    assert shell.train("tiny_environments:CartPole", *more).status == 0
    history = read_config(folder)["history"]
    assert [(part["from_steps"], part["to_steps"]) for part in history] == [(0, 1024), (1024, 2048)]
    seconds = read_metrics(folder)["seconds"]
    assert (seconds[1:] >= seconds[:-1]).all(), "the clock continues where it stopped"
    assert "--resume" in (folder / "README.md").read_text()


def test_the_folder_of_a_run_that_failed_says_so(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "never_finite.py").write_text(
        "import tiny_environments as tiny\n"
        "class Broken(tiny.CartPole):\n"
        "    def advance(self, actions):\n"
        "        super().advance(actions)\n"
        "        self.rewards[5] = float('nan')\n"
    )
    folder = tmp_path / "run"
    monkeypatch.syspath_prepend(tmp_path)
    assert shell.train("never_finite:Broken", *SMALL, "--steps", "1e5", "--run-dir", folder).status == 1
    text = (folder / "README.md").read_text()
    assert "| failed |" in text
    assert "`nonfinite-dump.safetensors`" in text
    assert read_config(folder)["history"][0]["ended"] == "failed"


def test_the_metrics_file_of_a_long_run_is_bounded_and_a_good_curve(tmp_path: Path) -> None:
    path, limit, count = tmp_path / "metrics.jsonl", 100_000, 20_000
    largest = 0
    with MetricsFile(path, max_bytes=limit) as file:
        for n in range(1, count + 1):
            numbers = {"loss": 1 / n, "env/score": 1000.0 if n == 777 else n / count}
            file.write(10 * n, numbers | ({"evaluation/score": 0.5} if n % 5000 == 3 else {}))
            largest = max(largest, path.stat().st_size)
    assert 0.9 * limit < largest <= limit
    assert not list(tmp_path.glob(".*")), "no temporary file stays"
    columns = read_metrics(tmp_path)
    steps = columns["steps"] / 10
    assert steps[0] == 1
    assert 777 in steps, "the best"
    assert [s for s in steps if s % 5000 == 3] == [3, 5003, 10003, 15003]
    assert (np.diff(steps) > 0).all()
    assert np.diff(steps).max() < count / 100, "no gap anywhere"
    assert (np.diff(steps)[-200:] == 1).all(), "the newest lines are all there"
    assert np.allclose(columns["loss"], 1 / steps), "lines are whole"
    with MetricsFile(path, resume_at=100_000, max_bytes=limit) as file:
        file.write(100_010, {"loss": 0.0})
    assert read_metrics(tmp_path)["steps"][-2] <= 100_000


def test_a_disk_without_room_for_a_copy_thins_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsFile(path, max_bytes=5_000) as file:
        monkeypatch.setattr("os.fsync", full := Mock(side_effect=OSError(28, "No space left on device")))
        for n in range(200):
            file.write(n, {"loss": 0.5})
        assert full.call_count == 1, "it does not try at every line"
        assert len(read_metrics(tmp_path)["steps"]) == 200, "nothing is lost"
        monkeypatch.undo()
        for n in range(200, 400):
            file.write(n, {"loss": 0.5})
    assert path.stat().st_size <= 5_000
