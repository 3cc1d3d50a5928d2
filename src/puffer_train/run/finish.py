"""The end of a run that trained all its steps: export the policy, evaluate it, record a game, film it."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from puffer_envs.contract.files import write_atomically
from puffer_train.algorithm.evaluate import evaluate, evaluation_envs, record, records
from puffer_train.environments import registry
from puffer_train.policy import can_import
from puffer_train.report.evaluation import report_evaluation
from puffer_train.report.formatting import clock, short
from puffer_train.report.loggers import Loggers
from puffer_train.run.film import VIDEO_SECONDS, film
from puffer_train.run.saving import POLICY, export_policy
from puffer_train.run.state import Run
from puffer_train.storage.files import storing
from puffer_train.storage.folder import EVALUATION
from puffer_train.system.signals import exit_status

EVALUATION_SEED = 1000
"""Added to the run's seed for its evaluation: the games are not those that it was trained on."""


def finish(run: Run, log: Loggers) -> int:
    """Export, evaluate, record and film, then print where everything is; return the exit status."""
    _report_training(run)
    policy_file = export_policy(run)
    try:
        _evaluate(run, log)
        replay = _record(run)
        video = _film(run, replay or policy_file)
    except KeyboardInterrupt as interrupt:
        run.say(f"Interrupted; the policy and everything before it are in {run.folder}.")
        return exit_status(interrupt)
    written = {"run": run.folder, "policy": policy_file, "replay": replay, "video": video}
    for what, path in written.items():
        if path is not None:
            run.say(f"  {what:<8}{path}")
    network = run.settings.policy.network
    if network and not can_import(network):
        run.say(f"Only this script or notebook can use the policy: no other program can import {network}.")
    run.say("What to do next:")
    for words in _next_commands(run, policy_file, replay, video):
        run.say(f"  {shlex.join(words)}")
    steps = run.settings.train.steps if run.settings.train.steps > run.trainer.steps // 2 else run.trainer.steps
    run.say(f"  {run.resume_command('--steps', str(2 * steps))}")
    return 0


def _next_commands(run: Run, policy_file: Path, replay: Path | None, video: Path | None) -> Iterator[list[str]]:
    """Yield commands that work here, as words. What records replays can also be played and filmed."""
    libraries = run.options.library_words()
    network, name = run.network_words(), run.settings.policy.network
    playable = not name or can_import(name)
    if replay is not None and playable:
        yield ["puffer-play", str(policy_file), *network, *libraries]
    if replay is not None and video is not None:
        yield ["puffer-render", str(replay), "whole-game.mp4", *libraries]
    named = [run.source.name, "--policy"] if registry.imports_code(run.source.name) else []
    if playable:
        yield ["puffer-eval", *named, str(policy_file), *network, "--episodes", "1000", *libraries]


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
            run.say("No replay: this environment does not record replays.")
            return None
        record(env, run.trainer.player, seed, path, name=run.source.name)
    return path


def _film(run: Run, source: Path) -> Path | None:
    """Have a video made of a replay, or of the policy where there is none; a failure is one line."""
    if run.no_video is not None:
        return None
    path = run.folder / "video.mp4"
    run.say(f"Making a video of the first {VIDEO_SECONDS} s of a game (Ctrl-C skips it) ...")
    words = [*run.options.library_words(), *(run.network_words() if source.name == POLICY else [])]
    reason = film(source, path, words, show=run.console.is_terminal)
    if reason is not None:
        run.say(f"No video: {reason.removesuffix('.')}.")
    return path if reason is None else None
