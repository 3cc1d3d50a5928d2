"""Ours beside the PPO of Stable-Baselines3 and CleanRL: `python benchmarks/peers.py [--json FILE] [--only TASK ...]`.

Each trainer gets the same seconds on one core, three seeds, as shipped: ours with the settings for Python environments,
Stable-Baselines3 with those of its zoo, CleanRL as its scripts have them. Two runs side by side take two cores; the
order is shuffled, so that a slow hour hits all. The score is the mean return of the episodes that ended in the last
tenth of the time, or of the last ten if those are fewer: rewards as the environment gives them, actions drawn.

The last task has two agents with different spaces, which neither of the others takes.

Needs `pip install stable-baselines3 ale-py "gymnasium[mujoco,box2d]" minigrid vizdoom mpe2 tyro tensorboard`, and for
CleanRL a checkout: `--cleanrl FOLDER` with ppo.py, ppo_continuous_action.py and ppo_atari.py for Gymnasium 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import runpy
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Queue
from typing import Any

import gymnasium
import numpy as np

PEERS = ("ours", "sb3", "cleanrl")
WARM_SECONDS = 12  # a first short run of CleanRL tells its speed: its schedules need a number of steps


@dataclass(frozen=True)
class Task:
    """An environment, and what each trainer calls it."""

    seconds: int
    ours: str
    """Name for `puffer-train`."""
    env: str | None = None
    """Id for the others, None where they cannot have it."""
    script: str | None = None
    """CleanRL's, None where it has none for such an environment."""
    zoo: dict[str, Any] = field(default_factory=dict)
    """Settings of RL Baselines3 Zoo (hyperparams/ppo.yml), by the names of its PPO."""
    envs: int = 8
    """How many of them it steps."""
    normalize: bool = False
    """Whether it normalises observations and rewards."""


RELU = {"log_std_init": -2, "ortho_init": False, "net_arch": {"pi": [256, 256], "vf": [256, 256]}, "relu": True}
PIXELS = {"n_steps": 128, "n_epochs": 4, "batch_size": 256, "learning_rate": (2.5e-4,), "clip_range": (0.1,)}
PIXELS |= {"ent_coef": 0.01, "vf_coef": 0.5}
CARTPOLE = {"n_steps": 32, "batch_size": 256, "gae_lambda": 0.8, "gamma": 0.98, "n_epochs": 20, "ent_coef": 0.0}
LANDER = {"n_steps": 1024, "batch_size": 64, "gae_lambda": 0.98, "gamma": 0.999, "n_epochs": 4, "ent_coef": 0.01}
WALKER = {"n_steps": 2048, "batch_size": 64, "gae_lambda": 0.95, "gamma": 0.999, "n_epochs": 10, "ent_coef": 0.0}
CHEETAH = {"n_steps": 512, "batch_size": 64, "gae_lambda": 0.92, "gamma": 0.98, "n_epochs": 20, "ent_coef": 4.01762e-4}
CHEETAH |= {"learning_rate": 2.0633e-5, "clip_range": 0.1, "max_grad_norm": 0.8, "vf_coef": 0.58096}
HOPPER = {"n_steps": 512, "batch_size": 32, "gae_lambda": 0.99, "gamma": 0.999, "n_epochs": 5, "ent_coef": 2.29519e-3}
HOPPER |= {"learning_rate": 9.80828e-5, "clip_range": 0.2, "max_grad_norm": 0.7, "vf_coef": 0.835671}
GRID = {"n_steps": 128, "batch_size": 64, "gae_lambda": 0.95, "gamma": 0.99, "n_epochs": 10, "ent_coef": 0.0}
GRID |= {"learning_rate": 2.5e-4, "clip_range": 0.2}

DISCRETE, CONTINUOUS, ATARI = "ppo.py", "ppo_continuous_action.py", "ppo_atari.py"
TASKS = {
    "CartPole-v1": Task(
        20,
        "gymnasium:CartPole-v1",
        "CartPole-v1",
        DISCRETE,
        CARTPOLE | {"learning_rate": (1e-3,), "clip_range": (0.2,)},
    ),
    "LunarLander-v3": Task(60, "gymnasium:LunarLander-v3", "LunarLander-v3", DISCRETE, LANDER, 16),
    "BipedalWalker-v3": Task(
        120,
        "gymnasium:BipedalWalker-v3",
        "BipedalWalker-v3",
        CONTINUOUS,
        WALKER | {"learning_rate": 3e-4, "clip_range": 0.18},
        32,
        True,
    ),
    "HalfCheetah-v5": Task(
        90, "gymnasium:HalfCheetah-v5", "HalfCheetah-v5", CONTINUOUS, CHEETAH | {"policy_kwargs": RELU}, 1, True
    ),
    "Hopper-v5": Task(60, "gymnasium:Hopper-v5", "Hopper-v5", CONTINUOUS, HOPPER | {"policy_kwargs": RELU}, 1, True),
    "ALE/Pong-v5": Task(300, "gymnasium:ALE/Pong-v5", "ALE/Pong-v5", ATARI, PIXELS),
    "MiniGrid-DoorKey-6x6-v0": Task(
        60, "gymnasium:MiniGrid-DoorKey-6x6-v0", "Flat-MiniGrid-DoorKey-6x6-v0", DISCRETE, GRID, 8, True
    ),
    "VizdoomBasic-v1": Task(60, "gymnasium:VizdoomBasic-v1", "Gray-VizdoomBasic-v1", None, PIXELS),
    "simple_speaker_listener_v4": Task(60, "pettingzoo:mpe2.simple_speaker_listener_v4"),
}


# --- environments for the others, as their own examples prepare them ---


def register() -> None:
    """Register what needs a wrapper to be understood by an MLP or a CNN."""
    gymnasium.register("Flat-MiniGrid-DoorKey-6x6-v0", entry_point=_flat_grid)
    gymnasium.register("Gray-VizdoomBasic-v1", entry_point=_gray_doom)


def _flat_grid(**options: Any) -> Any:
    import minigrid  # noqa: F401
    from minigrid.wrappers import FlatObsWrapper

    return FlatObsWrapper(gymnasium.make("MiniGrid-DoorKey-6x6-v0", **options))


class Screen(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Of ViZDoom: the screen alone, gray, 84 x 84, as the examples of Stable-Baselines3 have it."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(0, 255, (84, 84, 1), np.uint8)

    def observation(self, observation: Any) -> Any:
        import cv2

        gray = cv2.cvtColor(observation["screen"], cv2.COLOR_RGB2GRAY)
        return cv2.resize(gray, (84, 84), interpolation=cv2.INTER_AREA)[..., None]


def _gray_doom(**options: Any) -> Any:
    import vizdoom.gymnasium_wrapper  # noqa: F401

    return Screen(gymnasium.make("VizdoomBasic-v1", frame_skip=4, **options))


# --- each trainer: yields (seconds since its training began, return) of every episode, and the steps ---

Episodes = list[tuple[float, float]]


def train_ours(task: Task, seed: int, folder: Path, core: int) -> tuple[Episodes, int]:
    """Train with `puffer-train` and read its metrics."""
    run = folder / "run"
    words = ["--max-seconds", str(task.seconds), "--steps", "1e10", "--seed", str(seed), "--threads", "1"]
    limits = ["--train.eval-episodes", "1", "--no-video", "--newest-seconds", "0", "--run-dir", str(run)]
    command = [sys.executable, "-m", "puffer_train.cli.train", task.ours, *words, *limits]
    _run(command, folder, core)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    episodes: Episodes = []
    for line in (line for line in lines if "env/episode_return" in line):
        episodes += [(line["seconds"], line["env/episode_return"])] * int(line["env/n"])
    return episodes, int(lines[-1]["steps"])


def train_sb3(task: Task, seed: int, folder: Path, core: int) -> tuple[Episodes, int]:
    """Train with Stable-Baselines3 in a process of its own."""
    out = folder / "episodes.json"
    name = next(name for name, each in TASKS.items() if each is task)
    words = ["--sb3", name, "--seed", str(seed), "--seconds", str(task.seconds), "--out", str(out)]
    _run([sys.executable, __file__, *words], folder, core)
    found = json.loads(out.read_text())
    return [(at, score) for at, score in found["episodes"]], found["steps"]


def train_cleanrl(task: Task, seed: int, folder: Path, core: int, scripts: Path) -> tuple[Episodes, int]:
    """Run its script for as many steps as it does in the time: a first short run tells how many."""
    assert task.script is not None

    def play(steps: int, limit: float) -> list[tuple[float, str]]:
        words = ["--env-id", str(task.env), "--seed", str(seed), "--total-timesteps", str(steps)]
        command = [sys.executable, "-u", __file__, "--script", str(scripts / str(task.script)), *words]
        return _run(command, folder, core, limit)

    warm = [line for _, line in play(10**9, WARM_SECONDS + 4) if line.startswith("SPS:")]
    steps = int(warm[-1].split()[1]) * task.seconds
    lines = play(steps, 1.5 * task.seconds + 30)
    began = next(at for at, line in lines if line.startswith("training"))
    found = [(at - began, re.search(r"episodic_return=\[?([-\d.e]+)", line)) for at, line in lines]
    return [(at, float(match[1])) for at, match in found if match], steps


def _run(command: Sequence[str], folder: Path, core: int, limit: float = 1800) -> list[tuple[float, str]]:
    """Run on one core until it ends or the limit is reached; return its lines and when they came."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    pinned = ["taskset", "-c", str(core), *command] if shutil.which("taskset") else list(command)
    process = subprocess.Popen(pinned, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    began, lines = time.monotonic(), []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append((time.monotonic() - began, line.strip()))
        if time.monotonic() - began > limit:
            process.kill()
    if process.wait() not in (0, -9):
        raise RuntimeError("\n".join(line for _, line in lines[-20:]))
    return lines


def run_script(script: str, words: list[str]) -> None:
    """Run a script of CleanRL in this process, where the environments are registered."""
    register()
    sys.argv = [script, *words]
    print("training", flush=True)
    runpy.run_path(script, run_name="__main__")


def run_sb3(task: Task, seed: int, out: Path) -> None:
    """Train with Stable-Baselines3 in this process."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback

    torch.set_num_threads(1)
    register()
    episodes: Episodes = []

    class Clock(BaseCallback):
        def _on_training_start(self) -> None:
            self.began = time.monotonic()

        def _on_step(self) -> bool:
            now = time.monotonic() - clock.began
            episodes.extend((now, float(info["episode"]["r"])) for info in self.locals["infos"] if "episode" in info)
            return now < task.seconds

    clock = Clock()
    settings = dict(task.zoo)
    for name in ("learning_rate", "clip_range"):
        if isinstance(settings.get(name), tuple):  # linear schedules follow the clock, which ends the training
            settings[name] = _falling(settings[name][0], task.seconds, lambda: clock.began)
    kwargs = dict(settings.pop("policy_kwargs", {}))
    if kwargs.pop("relu", False):
        kwargs["activation_fn"] = torch.nn.ReLU
    policy = "CnnPolicy" if task.zoo.get("vf_coef") == PIXELS["vf_coef"] else "MlpPolicy"
    model = PPO(policy, _sb3_envs(task, seed), seed=seed, device="cpu", policy_kwargs=kwargs, **settings)
    model.learn(10**9, callback=clock)
    out.write_text(json.dumps({"episodes": episodes, "steps": model.num_timesteps}))


def _falling(first: float, seconds: float, began: Callable[[], float]) -> Callable[[float], float]:
    return lambda _: first * max(0.0, 1 - (time.monotonic() - began()) / seconds) if _ < 1 else first


def _sb3_envs(task: Task, seed: int) -> Any:
    from stable_baselines3.common.env_util import make_atari_env, make_vec_env
    from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

    if task.script == ATARI:
        import ale_py

        gymnasium.register_envs(ale_py)
        return VecFrameStack(make_atari_env(task.env, task.envs, seed, env_kwargs={"frameskip": 1}), 4)
    envs = make_vec_env(task.env, task.envs, seed)
    if task.script is None:
        return VecFrameStack(envs, 1)
    return VecNormalize(envs, gamma=task.zoo.get("gamma", 0.99)) if task.normalize else envs


# --- measuring ---


def score(episodes: Episodes, seconds: float) -> float | None:
    """Return the mean of the last tenth of the time, or of the last ten episodes."""
    late = [value for at, value in episodes if at > 0.9 * seconds]
    chosen = late if len(late) >= 10 else [value for _, value in episodes[-10:]]
    return statistics.mean(chosen) if chosen else None


def measure(name: str, peer: str, seed: int, core: int, scripts: Path | None) -> dict[str, Any]:
    """Train once and return what came out."""
    task = TASKS[name]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if peer == "ours":
            episodes, steps = train_ours(task, seed, folder, core)
        elif peer == "sb3":
            episodes, steps = train_sb3(task, seed, folder, core)
        else:
            assert scripts is not None
            episodes, steps = train_cleanrl(task, seed, folder, core, scripts)
    return {
        "task": name,
        "peer": peer,
        "seed": seed,
        "seconds": task.seconds,
        "score": score(episodes, task.seconds),
        "episodes": len(episodes),
        "steps": steps,
    }


def report(results: list[dict[str, Any]]) -> str:
    """Return a Markdown table: the mean of the seeds, and each of them."""
    rows = ["| environment | seconds | ours | Stable-Baselines3 | CleanRL | steps, ours |", "|---|---|---|---|---|---|"]
    for name, task in TASKS.items():
        cells = []
        for peer in PEERS:
            found = [r["score"] for r in results if r["task"] == name and r["peer"] == peer and r["score"] is not None]
            each = ", ".join(f"{value:.4g}" for value in sorted(found))
            cells.append(f"{statistics.mean(found):.4g} ({each})" if found else "")
        steps = [r["steps"] for r in results if r["task"] == name and r["peer"] == "ours"]
        if any(cells):
            mean = f"{statistics.mean(steps):.3g}" if steps else ""
            rows.append(f"| {name} | {task.seconds} | {' | '.join(cells)} | {mean} |")
    return "\n".join(rows)


def main() -> None:
    """Run what is asked for, two at a time, and write each result when it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the results are; those that are there are not run again")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="times the seconds of every task")
    parser.add_argument("--cleanrl", type=Path, help="folder with CleanRL's scripts")
    parser.add_argument("--sb3", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--script", help=argparse.SUPPRESS)
    parser.add_argument("--seed", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    for name, task in TASKS.items():
        TASKS[name] = replace(task, seconds=max(1, round(options.seconds * task.seconds)))
    if options.script:
        run_script(options.script, ["--seed", options.seed, *rest])
        return
    if rest:
        parser.error(f"unknown: {' '.join(rest)}")
    if options.sb3:
        run_sb3(replace(TASKS[options.sb3], seconds=round(options.seconds)), int(options.seed), options.out)
        return
    results = json.loads(options.json.read_text())["runs"] if options.json and options.json.exists() else []
    done = {(r["task"], r["peer"], r["seed"]) for r in results}
    todo = [
        (name, peer, seed)
        for name in options.only
        for peer in options.peers
        for seed in range(1, options.seeds + 1)
        if (name, peer, seed) not in done
        and (peer == "ours" or TASKS[name].env is not None)
        and (peer != "cleanrl" or (options.cleanrl is not None and TASKS[name].script is not None))
    ]
    random.Random(0).shuffle(todo)
    cores: Queue[int] = Queue()
    for core in sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else (0, 1):
        cores.put(core)

    def one(job: tuple[str, str, int]) -> None:
        core = cores.get()
        try:
            results.append(measure(*job, core, options.cleanrl.resolve() if options.cleanrl else None))
        except Exception as error:  # one that fails is printed, and the others are measured
            print(f"{job} failed:\n{error}", flush=True)
            return
        finally:
            cores.put(core)
        print(json.dumps(results[-1]), flush=True)
        if options.json:
            ordered = sorted(results, key=lambda r: (list(TASKS).index(r["task"]), PEERS.index(r["peer"]), r["seed"]))
            options.json.write_text(json.dumps({"runs": ordered}, indent=1) + "\n")

    with ThreadPoolExecutor(max_workers=cores.qsize()) as pool:
        list(pool.map(one, todo))
    print(report(results))


if __name__ == "__main__":
    main()
