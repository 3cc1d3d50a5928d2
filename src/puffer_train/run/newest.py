"""The policy as it is now, in the run's folder while it trains, for programs that play it."""

from __future__ import annotations

import time
from contextlib import suppress

from puffer_envs.contract.policy_info import PolicyError
from puffer_train.errors import StorageError
from puffer_train.run.state import RunState
from puffer_train.storage.folder import NEWEST
from puffer_train.storage.policy_file import identify, write_policy

MAX_SHARE = 0.005
"""Writing takes at most this share of the time: where a disk is slow, it happens less often."""


class Newest:
    """Writes `newest.safetensors`, an ordinary policy file that is replaced in one step.

    A run that reached its end has none: its policy is in `policy.safetensors`. Of a run that was stopped it is the last
    one.
    """

    def __init__(self, run: RunState) -> None:
        """Nothing is written before the first iteration."""
        self._run = run
        self._interval = run.options.newest_seconds
        self._due = 0.0
        self._failed = not run.ranks.leads or self._interval == 0

    def write_if_due(self) -> None:
        """Write the policy if the last one is old enough. A failure ends this with a warning, and not the training."""
        if not self._failed and time.monotonic() >= self._due:
            self._write()

    def close(self, complete: bool) -> None:
        """Remove the file of a run that is complete; else bring it up to date, if there is one."""
        if complete and self._run.ranks.leads:
            with suppress(OSError):
                (self._run.folder / NEWEST).unlink(missing_ok=True)
        elif not self._failed and self._due:
            self._write()

    def _write(self) -> None:
        run, began = self._run, time.monotonic()
        try:
            write_policy(run.folder / NEWEST, run.ppo.player, identify(run.ppo.env, run.source.name, run.settings.env))
        except (StorageError, PolicyError) as error:
            self._failed = True
            run.warn(f"{error} Training continues without {NEWEST}.")
        now = time.monotonic()
        self._due = now + max(self._interval, (now - began) / MAX_SHARE)
