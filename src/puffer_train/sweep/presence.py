"""Which processes work on a sweep, and which trials nobody runs any more."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from puffer_train.storage.lock import Presence, find_holder

GRACE_SECONDS = 60.0
"""A trial whose process shows no sign of life counts as abandoned after so long."""


class Sharing(Protocol):
    """How the processes of a sweep know of each other."""

    def look(self) -> None:
        """Show that this process lives, and see which others do."""

    def alone(self) -> bool:
        """Return whether no other process is known to live."""

    def begin(self, number: int) -> None:
        """Show that this process runs a trial."""

    def owns(self, number: int) -> bool:
        """Return whether this process is still the one that runs a trial."""

    def take_over(self, number: int, began: float, folder: Path) -> bool:
        """Return whether a trial is abandoned and this process now has it. began: Seconds since the epoch."""

    def end(self) -> None:
        """Leave."""


class SharedFolder:
    """Processes that share the sweep's folder see the locks that the others hold there."""

    def __init__(self, folder: Path) -> None:
        self._presence = Presence(folder)
        self._alone = False

    def look(self) -> None:
        """See whether others live."""
        self._alone = self._presence.alone()

    def alone(self) -> bool:
        """Return whether no other process lives."""
        return self._alone

    def begin(self, number: int) -> None:
        """Do nothing: the lock of its run folder shows it."""

    def owns(self, number: int) -> bool:
        """Return True: nobody takes over what is locked."""
        return True

    def take_over(self, number: int, began: float, folder: Path) -> bool:
        """Return whether nobody holds the folder of a trial.

        A process that is alone knows at once that the others are gone. Else it waits for a while: a trial without a
        folder may just be beginning on another machine.
        """
        gone = self._alone or time.time() - began > GRACE_SECONDS
        return gone and find_holder(folder) is None

    def end(self) -> None:
        """Leave."""
        self._presence.end()
