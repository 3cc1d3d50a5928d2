"""The end of a run that trained all its steps: export the policy, evaluate it, record a game, film it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

from puffer_envs.contract.files import write_atomically
from puffer_train.algorithm.evaluate import evaluate, evaluation_envs, record, records
from puffer_train.report.evaluation import report_evaluation
from puffer_train.report.formatting import clock, short
from puffer_train.report.loggers import Loggers
from puffer_train.run.saving import export_policy
from puffer_train.run.state import Run
from puffer_train.storage.files import storing
from puffer_train.storage.folder import EVALUATION
from puffer_train.system.signals import exit_status

EVALUATION_SEED = 1000
"""Added to the run's seed for its evaluation: the games are not those that it was trained on."""

VIDEO_SECONDS = 60
"""Length of the video in seconds: a whole game of Breakout would take minutes to render. The replay holds all of it."""

VIDEO_PATIENCE_SECONDS = 600
"""Rendering is stopped after this long."""


def finish(run: Run, log: Loggers) -> int:
    """Export, evaluate, record and film, then print where everything is; return the exit status."""
    _report_training(run)
    policy_file = export_policy(run)
    try:
        _evaluate(run, log)
        replay = _record(run)
        video = _film(run, replay) if replay is not None and run.options.video else None
    except KeyboardInterrupt as interrupt:
        run.say(f"Interrupted; the policy and everything before it are in {run.folder}.")
        return exit_status(interrupt)
    written = {"run": run.folder, "policy": policy_file, "replay": replay, "video": video}
    for what, path in written.items():
        if path is not None:
            run.say(f"  {what:<8}{path}")
    name = run.source.name
    run.say("What to do next:")
    if ":" not in name:
        run.say(f"  puffer-play {name} --policy {policy_file}")
    if video is not None:
        run.say(f"  puffer-render {replay} whole-game.mp4")
    run.say(f"  puffer-eval {name} --policy {policy_file} --episodes 1000")
    more = 2 * max(run.trainer.steps, run.settings.train.steps)
    run.say(f"  {run.resume_command('--steps', str(more))}")
    return 0


def _report_training(run: Run) -> None:
    """Print how many steps were trained how fast."""
    seconds = time.monotonic() - run.started
    trained = run.trainer.steps - (run.resumed_at or 0)
    if trained > 0:
        run.say(f"Trained {short(trained)} steps in {clock(seconds)} ({short(trained / max(seconds, 1e-9))} steps/s).")


def _evaluate(run: Run, log: Loggers) -> None:
    episodes = run.settings.train.eval_episodes
    if episodes == 0:
        return
    seed = run.trainer.seed + EVALUATION_SEED
    envs = evaluation_envs(run.trainer.spec, episodes)
    with run.source.opened(envs, seed, run.cores, run.settings.env) as env:
        result = evaluate(env, run.trainer.player, seed, name=run.source.name)
    report_evaluation(result, run.console)
    summary = result.summary()
    log.finish({f"{name}/{key}": value for name, of in summary.items() for key, value in of.items()})
    content = {"episodes": result.episodes, "unfinished": result.unfinished, **summary}
    with storing(run.folder / EVALUATION):
        write_atomically(run.folder / EVALUATION, (json.dumps(content, indent=2) + "\n").encode())


def _record(run: Run) -> Path | None:
    path, seed = run.folder / "replay.puf", run.trainer.seed + EVALUATION_SEED
    with run.source.opened(1, seed, 1, run.settings.env) as env, storing(path):
        if not records(env):
            run.say("No replay and no video: this environment does not record replays.")
            return None
        record(env, run.trainer.player, seed, path, name=run.source.name)
    return path


def _film(run: Run, replay: Path) -> Path | None:
    """Have the renderer, a separate program, turn the replay into a video; a failure is one line."""
    if importlib.util.find_spec("puffer_render") is None:
        run.say('No video: the renderer is not installed. pip install "puffer-envs[render]" adds it.')
        return None
    path = run.folder / "video.mp4"
    command = [sys.executable, "-m", "puffer_render.cli_render", str(replay), str(path)]
    command += ["--max-seconds", str(VIDEO_SECONDS)]
    run.say("Making a video of one game (Ctrl-C skips it) ...")
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=VIDEO_PATIENCE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        run.say(f"No video: {error}.")
        return None
    if done.returncode != 0 or not path.is_file():
        last = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
        run.say(f"No video: the renderer ended with status {done.returncode}: {last}")
        return None
    return path
