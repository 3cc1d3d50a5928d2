"""How much slower torch makes a run whose network, loss, optimizer or advantage it computes."""

from __future__ import annotations

from puffer_train.algorithm.ppo import PPO
from puffer_train.own_code import is_code
from puffer_train.run.state import RunState

MEASURED_SECONDS = 5.0
"""Seconds of training that the first figure is taken from."""


class TorchCost:
    """Prints, once, how much slower torch makes a run, as soon as its first seconds show that."""

    def __init__(self, run: RunState) -> None:
        self._run, self._told = run, not run.ranks.leads
        self._begin: tuple[float, float] | None = None
        """Seconds in torch and in all, after the first iteration: torch loads a part of itself in it."""

    def take(self) -> None:
        """Look at the time spent; called after every iteration."""
        if self._told:
            return
        spent = torch_seconds(self._run.ppo), self._run.ppo.clock.total
        if self._begin is None:
            self._begin = spent
        elif spent[1] - self._begin[1] >= MEASURED_SECONDS:
            self._told = True
            if cost := torch_cost(spent[0] - self._begin[0], spent[1] - self._begin[1]):
                self._run.say(cost)


def torch_cost(in_torch: float, seconds: float, takes: str = "takes", makes: str = "makes") -> str:
    """Return a sentence about torch's share of some seconds; an empty one where it has none. Words: for its tense."""
    share = min(0.99, in_torch / max(seconds, 1e-9))
    longer = f"which {makes} training up to {1 / (1 - share):.1f} times as long"
    return f"PyTorch {takes} {share:.0%} of the time, {longer}." if share > 0 else ""


def torch_seconds(ppo: PPO) -> float:
    """Return for how many seconds training waited for torch so far."""
    train, spent = ppo.settings.train, dict(ppo.clock.seconds)
    if ppo.ahead is not None:
        spent.pop("policy", None)  # it acts while the run learns
    seconds = ppo.learner.torch_seconds(spent)
    for section, code in (("optimizer", train.optimizer), ("advantage", train.advantage)):
        seconds += spent.get(section, 0.0) if is_code(code) else 0.0
    return seconds
