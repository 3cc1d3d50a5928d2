"""The best policy so far, by fresh evaluations at checkpoints; at the end it is compared with the last one.

The best of many evaluations was also the luckiest. So the last comparison plays other games, and decides alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from puffer_envs.contract.files import write_atomically
from puffer_envs.contract.policy_info import PolicyError
from puffer_train.algorithm.evaluate import Evaluation, evaluate, evaluation_envs
from puffer_train.errors import CheckpointError, ConfigError, StorageError
from puffer_train.policy import Policy
from puffer_train.report.formatting import short
from puffer_train.report.waiting import Waiting
from puffer_train.run.saving import POLICY
from puffer_train.run.state import RunState
from puffer_train.storage.files import read_object, storing
from puffer_train.storage.folder import BEST, BEST_SCORE
from puffer_train.storage.policy_file import identify, read_policy, write_policy

CHECKPOINT_SEED, LAST_SEED = 2000, 1000
"""Added to the run's seed for evaluations at checkpoints, all of the same games, and at the end: of others."""


@dataclass(frozen=True)
class Score:
    """How good a policy was."""

    policy: str
    """`best` or `last`."""
    steps: int
    """Agent steps it was trained for."""
    statistic: str
    """Which number is the score."""
    mean: float
    std: float
    """Over episodes."""
    episodes: int
    seed: int
    """Of the games."""

    @classmethod
    def of(cls, policy: str, steps: int, result: Evaluation, seed: int) -> Score:
        """Return the score of an evaluation in which an episode ended."""
        main = result.summary()[result.main]
        return cls(policy, steps, result.main, main["mean"], main["std"], result.episodes, seed)

    def __str__(self) -> str:
        return f"{self.statistic} {self.mean:.5g} (std {self.std:.3g})"


def play(run: RunState, policy: Policy, episodes: int, seed: int, *, shown: bool) -> Evaluation:
    """Play fresh full episodes in the run's environment. shown: say how far it is, which a dashboard cannot."""
    longest, envs = run.settings.train.eval_max_steps, evaluation_envs(run.ppo.spec, episodes)
    console = run.console if shown else Console(quiet=True)
    with run.source.opened(envs, seed, run.cores, run.settings.env) as env, Waiting(console, longest) as waiting:
        return evaluate(env, policy, seed, longest=longest, watch=waiting, name=run.source.name)


def judge(run: RunState) -> dict[str, float]:
    """Evaluate the policy at a checkpoint and keep it if it is the best so far; return what to report.

    A disk that refuses costs only the file, with a warning.
    """
    episodes, seed = run.settings.train.best_episodes, run.ppo.seed + CHECKPOINT_SEED
    if episodes == 0 or not run.ranks.leads:
        return {}
    result = play(run, run.ppo.player, episodes, seed, shown=False)
    if not result.episodes:
        return {}
    score, best = Score.of("best", run.ppo.steps, result, seed), read_best(run)
    if best is None or score.mean > best.mean:
        try:
            write_policy(run.folder / BEST, run.ppo.player, identify(run.ppo.env, run.source.name, run.settings.env))
            with storing(run.folder / BEST_SCORE):
                write_atomically(run.folder / BEST_SCORE, (json.dumps(asdict(score), indent=2) + "\n").encode())
        except (StorageError, PolicyError) as error:
            run.warn(f"{error} Training continues; the best policy so far is not kept.")
    return {f"evaluation/{score.statistic}": score.mean}


def read_best(run: RunState) -> Score | None:
    """Return the score of the best policy so far; None where there is none."""
    with suppress(OSError, ValueError, TypeError):
        found = Score(**read_object(run.folder / BEST_SCORE))
        numbers = (found.steps, found.mean, found.std, found.episodes, found.seed)
        if all(isinstance(number, int | float) for number in numbers) and (run.folder / BEST).is_file():
            return found
    return None


@dataclass(frozen=True)
class Choice:
    """What is exported, and why."""

    policy: Policy
    result: Evaluation
    """Of that policy."""
    about: Mapping[str, Any]
    """For evaluation.json: empty where there was nothing to choose."""


def choose(run: RunState, episodes: int) -> Choice:
    """Evaluate the last policy, and the best one at a checkpoint if that is another; export the better one."""
    seed, ppo, then = run.ppo.seed + LAST_SEED, run.ppo, read_best(run)
    last = play(run, ppo.player, episodes, seed, shown=True)
    if then is None or then.steps == ppo.steps or run.settings.train.best_episodes == 0 or not last.episodes:
        return Choice(ppo.player, last, {})
    try:
        best_policy = read_policy(run.folder / BEST, ppo.spec, [run.settings.policy.network])
    except (PolicyError, CheckpointError, ConfigError) as error:
        run.warn(f"{error} The last policy is exported.")
        return Choice(ppo.player, last, {})
    best = play(run, best_policy, episodes, seed, shown=True)
    scores = [Score.of("last", ppo.steps, last, seed), Score.of("best", then.steps, best, seed)]
    wins = scores[1].mean > scores[0].mean
    run.say(f"The last policy, at {short(ppo.steps)} steps: {scores[0]} over {last.episodes} fresh full episodes.")
    found = f"{scores[1]} over the same; at the checkpoint it was {then.mean:.5g}"
    run.say(f"The best at a checkpoint, at {short(then.steps)} steps: {found}.")
    run.say(f"The {'best' if wins else 'last'} one is exported.")
    about = {
        "exported": "best" if wins else "last",
        "candidates": [asdict(scores[0]), asdict(scores[1]) | {"mean_at_checkpoint": then.mean}],
    }
    if wins:
        with storing(run.folder / POLICY):
            write_atomically(run.folder / POLICY, (run.folder / BEST).read_bytes())
    return Choice(best_policy if wins else ppo.player, best if wins else last, about)
