"""Why a training ends: its steps are done, its seconds are used up, or what it was told to reach is reached."""

from __future__ import annotations

from collections.abc import Mapping

from puffer_envs.contract.names import suggest
from puffer_train.condition import Condition, Watch
from puffer_train.config import STOP_OVER
from puffer_train.report.formatting import short
from puffer_train.run.state import RunState
from puffer_train.storage.folder import newest_lines

ASKED = "it was asked to stop"
"""The reason after a call of `Trainer.stop`."""


class Stopping:
    """Follows `train.stop_when` through a run, on rank 0."""

    def __init__(self, run: RunState) -> None:
        """Continue where the run's metrics end."""
        text = run.settings.train.stop_when
        self._run, self._checked = run, False
        self._watch: Watch | None = None
        if text and run.ranks.leads:
            self._watch = Watch(Condition.parse(text, "train.stop_when", STOP_OVER), newest_lines(run.folder))
            self._note()

    def take(self, report: Mapping[str, float]) -> bool:
        """Take the report of an iteration; return whether it is the last one, because the condition holds."""
        if self._watch is None:
            return False
        self._watch.add(report)
        self._warn_unknown(self._watch)
        return self._note()

    def _note(self) -> bool:
        """Write down the reason if the condition holds."""
        watch = self._watch
        if watch is None or not watch.holds:
            return False
        self._run.reason = f"{watch.condition} (mean {watch.mean:.5g})"
        return True

    def _warn_unknown(self, watch: Watch) -> None:
        """Warn once, after the first report that should have the number, where it is not there."""
        name, seen = watch.condition.name, watch.seen
        kind = [key for key in seen if key.startswith("env/") == name.startswith("env/") and "seconds" not in key]
        if self._checked or not ("loss" in seen or name.startswith("env/")) or not kind:
            return
        self._checked = True
        if name not in seen:
            known = {key.replace("/", "."): None for key in kind}
            self._run.warn(
                f"train.stop_when: no iteration has reported {name.replace('/', '.')!r} yet; "
                f"they report {', '.join(known)}.{suggest(name.replace('/', '.'), known)}"
            )


def end_reason(run: RunState) -> str:
    """Return why the training ended; empty where it has not."""
    if run.reason:
        return run.reason
    train, ppo = run.settings.train, run.ppo
    if ppo.steps >= train.steps:
        return f"{short(ppo.steps)} steps are done"
    return f"{train.max_seconds:g} seconds are used" if ppo.finished else ""
