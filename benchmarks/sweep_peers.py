"""The searches that `benchmarks/sweep.py` compares ours with, each run by a Python of its own.

`PEERS` names them, with what pip installs for each. `Remote` starts one: this file again, run by the peer's Python.
The two talk in lines of JSON: first what to search, then a place for every run, and the score and cost of every place.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

SCALE = 0.5  # Protein's "auto": mutations of up to half the range


@dataclass(frozen=True)
class Problem:
    """What is searched: places in [-1, 1]^d, from `start`, with costs up to `max_cost`."""

    seed: int
    start: list[float]
    max_cost: float
    runs: int

    @property
    def names(self) -> list[str]:
        return [f"u{i}" for i in range(len(self.start))]

    @property
    def first(self) -> dict[str, float]:
        return dict(zip(self.names, self.start, strict=True))


class Search(Protocol):
    """A peer, as its own package has it."""

    def suggest(self) -> list[float]: ...

    def observe(self, score: float | None, cost: float) -> None:
        """Tell what came of the place suggested last; no score means that the run failed."""


def _over(trial: Any) -> list[float]:
    """A constraint for Optuna: by how much a run cost more than is allowed."""
    return [trial.user_attrs.get("over", 0.0)]


class Optuna:
    """A sampler of Optuna with two objectives, the score and the cost or its log."""

    def __init__(self, problem: Problem, sampler: str, log_cost: bool = True) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        seed = problem.seed
        made = {
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True, constraints_func=_over),
            "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=seed, population_size=20, constraints_func=_over),
            "gp": lambda: optuna.samplers.GPSampler(seed=seed, constraints_func=_over),
        }[sampler]()
        self.study = optuna.create_study(directions=["maximize", "minimize"], sampler=made)
        self.study.enqueue_trial(problem.first)
        self.problem, self.log_cost, self.failed = problem, log_cost, optuna.trial.TrialState.FAIL

    def suggest(self) -> list[float]:
        self.trial = self.study.ask()
        return [self.trial.suggest_float(name, -1, 1) for name in self.problem.names]

    def observe(self, score: float | None, cost: float) -> None:
        self.trial.set_user_attr("over", cost - self.problem.max_cost)
        if score is None:
            self.study.tell(self.trial, state=self.failed)
        else:
            self.study.tell(self.trial, [score, math.log(cost) if self.log_cost else cost])


class Smac:
    """SMAC3's random forest with ParEGO over the score and the log of the cost.

    It knows no greatest cost: what costs more has crashed. Ten places are drawn before the forest chooses, as in TPE.
    """

    def __init__(self, problem: Problem) -> None:
        from ConfigSpace import ConfigurationSpace, Float
        from smac import HyperparameterOptimizationFacade as Facade
        from smac import Scenario
        from smac.multi_objective.parego import ParEGO
        from smac.runhistory.dataclasses import TrialValue
        from smac.runhistory.enumerations import StatusType

        space = ConfigurationSpace(seed=problem.seed)
        space.add([Float(name, (-1, 1), default=value) for name, value in problem.first.items()])
        scenario = Scenario(
            space,
            objectives=["loss", "log cost"],
            deterministic=True,
            n_trials=problem.runs,
            seed=problem.seed,
            output_directory=Path.cwd(),
        )
        design = Facade.get_initial_design(
            scenario, n_configs=10, additional_configs=[space.get_default_configuration()]
        )
        self.facade = Facade(
            scenario,
            lambda config, seed=0: [0.0, 0.0],  # never called: we ask and tell
            initial_design=design,
            multi_objective_algorithm=ParEGO(scenario),
            logging_level=False,
            overwrite=True,
        )
        self.problem, self.value, self.status = problem, TrialValue, StatusType

    def suggest(self) -> list[float]:
        self.trial = self.facade.ask()
        return [float(self.trial.config[name]) for name in self.problem.names]

    def observe(self, score: float | None, cost: float) -> None:
        fine = score is not None and cost <= self.problem.max_cost
        losses = [-score if fine and score is not None else 0.0, math.log(cost)]
        status = self.status.SUCCESS if fine else self.status.CRASHED
        self.facade.tell(self.trial, self.value(cost=losses, time=0.0, status=status), save=False)


class Protein3:
    """Protein as PufferLib 3.0 ships it.

    It does nothing with failures, and a NaN ends it: a run that failed has the score 0.
    """

    def __init__(self, problem: Problem) -> None:
        import numpy as np
        import pufferlib.sweep
        import torch

        np.random.seed(problem.seed)  # noqa: NPY002
        torch.manual_seed(problem.seed)
        spaces = {
            name: {"distribution": "uniform", "min": -1.0, "max": 1.0, "mean": value, "scale": SCALE}
            for name, value in problem.first.items()
        }
        config = {"metric": "score", "goal": "maximize", "train": spaces}
        self.protein = pufferlib.sweep.Protein(config, max_suggestion_cost=problem.max_cost)
        self.names = problem.names

    def suggest(self) -> list[float]:
        self.place, _ = self.protein.suggest({"train": {}})
        return [float(self.place["train"][name]) for name in self.names]

    def observe(self, score: float | None, cost: float) -> None:
        self.protein.observe(self.place, score or 0.0, cost, is_failure=score is None)


class Carbs:
    """CARBS, with the settings that its authors ship, and without Weights & Biases."""

    def __init__(self, problem: Problem) -> None:
        from carbs import CARBS, CARBSParams, LinearSpace, ObservationInParam, Param

        settings = CARBSParams(
            seed=problem.seed,
            is_wandb_logging_enabled=False,
            is_saved_on_every_observation=False,
            max_suggestion_cost=problem.max_cost,
        )
        spaces = [Param(name, LinearSpace(min=-1.0, max=1.0), value) for name, value in problem.first.items()]
        self.carbs, self.observation, self.names = CARBS(settings, spaces), ObservationInParam, problem.names

    def suggest(self) -> list[float]:
        self.place = self.carbs.suggest().suggestion
        return [float(self.place[name]) for name in self.names]

    def observe(self, score: float | None, cost: float) -> None:
        failed = score is None
        self.carbs.observe(self.observation(self.place, math.nan if failed else score, cost, is_failure=failed))


@dataclass(frozen=True)
class Peer:
    """Where a peer's Python is, what pip installs there, and how the search begins."""

    folder: str
    needs: tuple[str, ...]
    make: Callable[[Problem], Search]


_OPTUNA = ("optuna", ("optuna==5.0.0", "scipy", "torch"))
PEERS = {
    "Optuna TPE": Peer(*_OPTUNA, lambda problem: Optuna(problem, "tpe")),
    "Optuna NSGA-II": Peer(*_OPTUNA, lambda problem: Optuna(problem, "nsga2")),
    "Optuna GP, log cost": Peer(*_OPTUNA, lambda problem: Optuna(problem, "gp")),
    "Optuna GP, cost": Peer(*_OPTUNA, lambda problem: Optuna(problem, "gp", False)),
    "SMAC3": Peer("smac", ("smac==2.4.1",), Smac),
    "Protein 3.0": Peer("protein3", ("pufferlib==3.0.0", "pyro-ppl==1.9.2"), Protein3),
    "CARBS": Peer("carbs", ("carbs @ git+https://github.com/imbue-ai/carbs@8f7fee0",), Carbs),
}


def python_of(name: str, peers: Path) -> Path:
    """Return the Python of a peer in the folder `peers`; its environment is made if it is not there."""
    home = peers.absolute() / PEERS[name].folder
    python = home / "bin" / "python"
    if python.exists():
        return python
    print(f"{name}: installing {', '.join(PEERS[name].needs)} to {home}", file=sys.stderr)
    try:
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS[name].needs], check=True)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return python


class Remote:
    """A peer in a process of its own, in an empty folder, on one thread."""

    def __init__(self, name: str, problem: Problem, peers: Path) -> None:
        self.name = name
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.errors = (Path(self.folder.name) / "errors").open("w+")
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment |= {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [python_of(name, peers), "-P", Path(__file__).absolute()],  # -P: no module of this folder hides another
            cwd=self.folder.name,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self._send({"name": name, **asdict(problem)})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        with suppress(BrokenPipeError):  # it has ended: `suggest` tells why
            print(json.dumps(message), file=self.process.stdin, flush=True)

    def suggest(self) -> list[float]:
        """Return the place for the next run; `seconds` are those of a processor that it took.

        Raises:
            RuntimeError: If the peer has ended, with its last words.
        """
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RuntimeError(f"{self.name} ended: {self.errors.read().strip()[-2000:]}")
        answer = json.loads(line)
        self.seconds: float = answer["seconds"]
        place: list[float] = answer["u"]
        return place

    def observe(self, u: Any, score: float, cost: float) -> None:
        """Send what came of it; the peer knows where it was."""
        self._send({"score": score if math.isfinite(score) else None, "cost": cost})

    def close(self) -> None:
        """End the process, which is already choosing a place that nobody will run."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()
        self.folder.cleanup()


def main() -> None:
    """Answer on stdin and stdout, as a peer; what its package prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    message = json.loads(sys.stdin.readline())
    search, began = PEERS[message.pop("name")].make(Problem(**message)), time.process_time()
    while True:
        answer = {"u": search.suggest(), "seconds": time.process_time() - began}
        print(json.dumps(answer), file=answers, flush=True)
        line, began = sys.stdin.readline(), time.process_time()
        if not line:
            return
        search.observe(**json.loads(line))


if __name__ == "__main__":
    main()
