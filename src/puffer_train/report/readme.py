"""The README.md of a run: what happened, what each file is, and what to do with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from puffer_envs.contract import shell
from puffer_envs.contract.files import write_atomically
from puffer_train.config import can_import
from puffer_train.environments.registry import imports_code
from puffer_train.report.formatting import clock, short
from puffer_train.storage.folder import continuing, main_statistic, read_config, read_evaluation, read_metrics
from puffer_train.storage.identity import CODES, facts, is_known
from puffer_train.storage.labels import LABELS

FILES = {
    "config.json": "everything the run depends on: settings, commands, versions, machine; for programs",
    "metrics.jsonl": "one line of numbers per iteration",
    "network.py": "the source of the run's own network, when it began",
    "checkpoints": "what `--resume` continues from",
    "policy.safetensors": "the trained policy",
    "best.safetensors": "the best policy at a checkpoint, with its score there in `best.json`",
    "newest.safetensors": "the policy as it was when training was stopped",
    "evaluation.json": "results on fresh full episodes",
    "replay.puf": "one of its games, exactly: a seed and the actions",
    "video.mp4": "the first 20 seconds of that game, to watch",
    "tensorboard": "the numbers again: `tensorboard --logdir .`",
    "wandb": "the numbers again, as sent to Weights & Biases",
    LABELS: "tags and note, written by `puffer-runs`",
    "dashboard.svg": "the last picture of the terminal",
    "failure.txt": "why the run ended early",
    "nonfinite-dump.safetensors": "the last rollout, weights and gradients before the run gave up on NaN",
}


def write_readme(folder: Path) -> None:
    """Write README.md from what the folder holds. Raises `ConfigError` where that is no run, or `OSError`."""
    write_atomically(folder / "README.md", describe_run(folder).encode())


def describe_run(folder: Path) -> str:
    """Return the text of README.md."""
    config = read_config(folder)
    here = {name: what for name, what in FILES.items() if (folder / name).exists()}
    parts = [
        f"# {config['environment']}, seed {config['seed']}",
        _result(folder, config),
        "| | |\n|---|---|\n" + "\n".join(f"| `{name}` | {what} |" for name, what in here.items()),
        "In this folder:\n\n```\n" + "\n".join(_next_commands(folder, config, set(here))) + "\n```",
        _history(config["history"]),
        _code(config),
        _machine(config),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _result(folder: Path, config: dict[str, Any]) -> str:
    """Report how far training got, how long it took, and how good the policy is."""
    columns = read_metrics(folder)
    if not columns:
        return "Nothing was trained yet."
    steps, goal = columns["steps"][-1], config["settings"]["train"]["steps"]
    how_far = f"Trained for {short(steps)}" + (" steps" if steps >= goal else f" of {short(goal)} steps")
    seconds = columns["seconds"][-1] if "seconds" in columns else 0
    if seconds > 0:
        how_far += f" in {clock(seconds)} ({short(steps / seconds)} steps/s)"
    skipped = int(columns["skipped"][-1]) if "skipped" in columns else 0
    if skipped > 0:
        how_far += f"; {skipped} updates were skipped because a number was not finite"
    retreats = [note for part in config["history"] for note in part.get("retreats", [])]
    if retreats:
        where = ", ".join(f"at {short(note['failed_at'])} back to {short(note['back_to'])}" for note in retreats)
        how_far += f"; after NaN it went back to a checkpoint with half the learning rates: {where}"
    found = read_evaluation(folder)
    name = main_statistic(set(found)) if found else None
    if found is None or name is None:
        return f"{how_far}; not evaluated."
    of = found[name]
    which = " This is the best policy at a checkpoint, not the last." if found.get("exported") == "best" else ""
    return (
        f"{how_far}. {name.replace('_', ' ').capitalize()} over {found['episodes']} fresh full episodes: "
        f"**{of['mean']:.5g}** (std {of['std']:.3g}, {of['min']:.5g} to {of['max']:.5g}).{which}"
    )


def _next_commands(folder: Path, config: dict[str, Any], here: set[str]) -> list[str]:
    name, train = config["environment"], config["settings"]["train"]
    done, history = int(read_metrics(folder).get("steps", [0])[-1]), config["history"]
    ended = done >= train["steps"] or (history and history[-1]["ended"] == "finished")
    more = continuing(train, done) if ended else []
    named = f"{name} " if imports_code(name) else ""
    named += "".join(f"--library {shell.quote(path)} " for path in config.get("libraries", []))
    network = config["settings"]["policy"].get("network", "")
    playable = not network or can_import(network)
    network = f"--policy.network {shell.quote(network)} " if network else ""
    commands = [" ".join([f"puffer-train {named}{network}--resume .", *map(shell.quote, more)])]
    if "policy.safetensors" in here and playable:
        commands.append(f"puffer-eval {named}--policy . {network}--episodes 1000")
    if "replay.puf" in here:  # what records replays can also be played
        if playable:
            commands.append(f"puffer-play {named}policy.safetensors {network}".rstrip())
        commands.append(f"puffer-render {named}replay.puf whole-game.mp4")
    return [*commands, "puffer-plot . --curves -o curves.png"]


def _history(parts: list[dict[str, Any]]) -> str:
    """Return a table of the commands that made the run: one, and one for every time that it was resumed."""
    if not parts:
        return ""
    rows = [
        f"| `{part['command']}` | {part['started']} | {clock(part['seconds'])} | {short(part['to_steps'])} "
        f"| {part['ended']}{': ' if part.get('reason') else ''}{part.get('reason', '')} |"
        for part in parts
    ]
    return "| command | began | took | steps in the end | |\n|---|---|---|---|---|\n" + "\n".join(rows)


def _code(config: dict[str, Any]) -> str:
    """Report which code made the run: other runs are the same only if theirs agrees."""
    if not is_known(config):
        return "It is unknown which code made this run."
    made_of = facts(config)
    parts = [f"{name} {made_of[name]}" for name in ("environment version", *CODES, "learner")]
    changed = any("," in made_of[name] for name in CODES)
    text = f"Made of {', '.join(parts)}." + (" The code changed when the run was resumed." if changed else "")
    return text + " Runs with the same code, settings and versions differ only in their seeds."


def _machine(config: dict[str, Any]) -> str:
    machine, versions = config.get("machine"), config.get("versions", {})
    if machine is None:
        return ""
    memory = machine["memory_bytes"]
    parts = [machine["processor"], f"{machine['cores']} cores"]
    parts += [f"{memory / 2**30:.0f} GiB"] if memory else []
    parts += machine["accelerators"] or ["no GPU"]
    software = [f"{name} {version}" for name, version in versions.items()]
    return f"{', '.join(parts)}. {machine['system']}. {', '.join(software)}."
