"""Does an installed wheel work at all? Every environment it offers is checked against the contract."""

from __future__ import annotations

import sys

import puffer_envs
from puffer_envs import conformance

STEPS = 200


def main() -> None:
    """Raises AssertionError, naming environment and check, when one does not hold."""
    names = puffer_envs.list_envs()
    assert names, "the wheel offers no environment"
    for name in names:
        results = conformance.run_checks(conformance.subject(name, STEPS))
        failed = [f"{name}: {result.check}: {result.message}" for result in results if result.status == "failed"]
        assert not failed, "; ".join(failed)
    print(f"Python {sys.version.split()[0]}: {', '.join(names)} keep the contract, from {puffer_envs.__file__}")


if __name__ == "__main__":
    main()
