"""The end of a run that trained all its steps: evaluate the policy, record a game, film it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

from puffer_envs.contract import shell
from puffer_envs.contract.files import write_atomically
from puffer_train import config
from puffer_train.algorithm.evaluate import record, records
from puffer_train.environments import registry
from puffer_train.policy import Policy
from puffer_train.report.evaluation import report_evaluation
from puffer_train.report.loggers import Loggers
from puffer_train.run.best import LAST_SEED, choose
from puffer_train.run.film import VIDEO_SECONDS, film
from puffer_train.run.saving import POLICY
from puffer_train.run.state import RunState
from puffer_train.storage.files import storing
from puffer_train.storage.folder import EVALUATION, continuing
from puffer_train.system.signals import Stopped


def finish(run: RunState, log: Loggers) -> None:
    """Evaluate the exported policy, record and film a game, then print where everything is.

    Raises:
        KeyboardInterrupt: A signal came.
    """
    policy_file = run.folder / POLICY
    try:
        policy = _evaluate(run, log)
        replay = _record(run, policy)
        video = _film(run, replay or policy_file)
    except KeyboardInterrupt as interrupt:
        log.attach({"policy": policy_file})
        run.say(f"Interrupted; the policy and everything before it are in {run.folder}.")
        raise Stopped(getattr(interrupt, "number", signal.SIGINT)) from None
    files = {"policy": policy_file, "replay": replay, "video": video}
    log.attach({what: path for what, path in files.items() if path is not None})
    written = {"run": run.folder, **files}
    for what, path in written.items():
        if path is not None:
            run.say(f"  {what:<8}{path}")
    network = run.settings.policy.network
    if network and not config.can_import(network):
        run.say(f"Only this script or notebook can use the policy: no other program can import {network}.")
    run.say("What to do next:")
    for words in _next_commands(run, policy_file, replay, video):
        run.say(f"  {shell.join(words)}")
    more = continuing(run.settings.as_dict()["train"], run.ppo.steps)
    run.say(f"  {run.resume_command(*more)}")


def _next_commands(run: RunState, policy_file: Path, replay: Path | None, video: Path | None) -> Iterator[list[str]]:
    """Yield commands that work here, as words. What records replays can also be played and filmed."""
    libraries = run.options.library_words()
    network, name = run.network_words(), run.settings.policy.network
    playable = not name or config.can_import(name)
    if replay is not None and playable:
        yield ["puffer-play", str(policy_file), *network, *libraries]
    if replay is not None and video is not None:
        yield ["puffer-render", str(replay), "whole-game.mp4", *libraries]
    named = [run.source.name, "--policy"] if registry.imports_code(run.source.name) else []
    if playable:
        yield ["puffer-eval", *named, str(policy_file), *network, "--episodes", "1000", *libraries]


def _evaluate(run: RunState, log: Loggers) -> Policy:
    """Evaluate the policy, write down how good it is, and return it."""
    episodes = run.settings.train.eval_episodes
    if episodes == 0:
        return run.ppo.player
    choice = choose(run, episodes)
    report_evaluation(choice.result, run.console)
    summary = choice.result.summary()
    log.finish({f"{name}/{key}": value for name, of in summary.items() for key, value in of.items()})
    content = {"episodes": choice.result.episodes, "unfinished": choice.result.unfinished, **choice.about, **summary}
    if choice.result.so_far:
        content["unfinished_return"] = sum(choice.result.so_far) / len(choice.result.so_far)
    with storing(run.folder / EVALUATION):
        write_atomically(run.folder / EVALUATION, (json.dumps(content, indent=2) + "\n").encode())
    return choice.policy


def _record(run: RunState, policy: Policy) -> Path | None:
    path, seed = run.folder / "replay.puf", run.ppo.seed + LAST_SEED
    with run.source.opened(1, seed, 1, run.settings.env) as env, storing(path):
        if not records(env):
            run.say("No replay: this environment does not record replays.")
            return None
        record(env, policy, seed, path, name=run.source.name)
    return path


def _film(run: RunState, source: Path) -> Path | None:
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
