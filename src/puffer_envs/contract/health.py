"""What `puffer-envs doctor` asks every package: is everything as it should be on this machine?

A package announces its checks in the entry point group `puffer.health`: a callable that yields findings one by one,
since some take a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version

GROUP = "puffer.health"


@dataclass(frozen=True)
class Finding:
    """One line of the report. It must hold no names of people, hosts or home folders."""

    what: str
    """A few words, such as "golden hashes"."""
    found: str
    wrong: bool = False
    """Whether something is broken, rather than missing or slow."""


Checks = Callable[[], Iterator[Finding]]


def load_checks() -> Iterator[tuple[str, Checks]]:
    """Yield the name of each package that has checks, and its checks; that it cannot be loaded is a finding."""
    for entry in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        yield entry.name, _guarded(entry.load)


def _guarded(load: Callable[[], Checks]) -> Checks:
    """Return checks of which an exception is a finding, so that the others are still made."""

    def checks() -> Iterator[Finding]:
        try:
            yield from load()()
        except ImportError as error:  # an extra that is not installed
            yield Finding("not installed", str(error))
        except Exception as error:  # whatever it is, it is what the report is for
            yield Finding("failed", f"{type(error).__name__}: {error}", wrong=True)

    return checks


def installed_version(package: str) -> str:
    """Return the version of a package, "none" where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
