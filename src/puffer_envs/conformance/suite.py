"""Which checks each kind of environment gets, in which order, and running them."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from puffer_envs.conformance import blame
from puffer_envs.conformance.code_checks import check_calls, check_globals, check_initial_values, check_sanitizers
from puffer_envs.conformance.contract_checks import (
    check_arrays,
    check_batching,
    check_bounds,
    check_clipping,
    check_hostile_actions,
    check_identity,
    check_life_cycle,
    check_log,
    check_replays,
    check_snapshots,
    check_written,
)  # fmt: skip
from puffer_envs.conformance.end_checks import check_ends, check_restart
from puffer_envs.conformance.errors import ContractError, NotOfferedError
from puffer_envs.conformance.forged_checks import check_forged_states
from puffer_envs.conformance.memory_checks import check_memory
from puffer_envs.conformance.repeat_checks import (
    check_fresh_episodes,
    check_global_randomness,
    check_seeds,
    check_shared_state,
)  # fmt: skip
from puffer_envs.conformance.single_checks import (
    check_aliasing,
    check_closing,
    check_interface,
    check_masks,
    check_observations,
    check_spaces,
)  # fmt: skip
from puffer_envs.conformance.start_checks import check_pickling, check_start, check_workers
from puffer_envs.conformance.subject import Kind, Subject

Check = Callable[[Subject], str | None]
"""Raises `ContractError` or `NotOfferedError`, or returns a remark."""

Status = Literal["ok", "note", "slow", "failed", "not offered", "skipped"]

BATCH_CHECKS: tuple[Check, ...] = (
    check_start,
    check_arrays,
    check_identity,
    check_bounds,
    check_global_randomness,
    check_seeds,
    check_shared_state,
    check_fresh_episodes,
    check_ends,
    check_restart,
    check_written,
    check_batching,
    check_hostile_actions,
    check_clipping,
    check_life_cycle,
    check_log,
    check_snapshots,
)
"""Of every batch behind the contract."""

WORKER_CHECKS: tuple[Check, ...] = (check_pickling, check_workers)
"""Of everything that is written in Python."""

NATIVE_CHECKS: tuple[Check, ...] = (check_start, check_memory, *BATCH_CHECKS[1:], check_replays, check_forged_states)
"""Of environments in C. `memory` comes early: a write outside an array can fail any other check."""

CODE_CHECKS: tuple[Check, ...] = (check_sanitizers, check_calls, check_globals, check_initial_values)
"""Of the code of environments in C, in addition, if asked for. They come after `start`, as they name lines."""

ALONE_CHECKS: tuple[Check, ...] = (
    check_start,
    check_interface,
    check_spaces,
    check_observations,
    check_masks,
    check_ends,
    check_global_randomness,
    check_seeds,
    check_shared_state,
    check_fresh_episodes,
    check_aliasing,
    check_closing,
)
"""Of a single environment by itself."""

VECTOR_CHECKS: tuple[Check, ...] = (
    check_arrays,
    check_identity,
    check_bounds,
    check_restart,
    check_written,
    check_batching,
    check_hostile_actions,
    check_clipping,
    check_life_cycle,
    check_log,
)
"""Of a vector of single environments."""

CHECKS: dict[Kind, tuple[Check, ...]] = {
    "native": NATIVE_CHECKS,
    "batch": (*BATCH_CHECKS, *WORKER_CHECKS),
    "single": (*ALONE_CHECKS, *VECTOR_CHECKS, *WORKER_CHECKS),
}
"""In the order in which they are run: what others build on comes first."""

BASICS = ("start", "sanitizers", "memory", "interface", "spaces", "arrays")
"""If one of these fails, all later checks are skipped: they would fail for the same reason."""
NEEDS: dict[str, tuple[str, ...]] = {"bounds": ("observations",), "workers": ("pickling",)}
"""Skipped if one of these failed, for the same reason."""

REPEATABLE = ("global randomness", "seeds", "shared state")
DOUBTS: dict[str, tuple[str, ...]] = {
    "shared state": ("global randomness", "seeds"),
    "seeds": ("global randomness",),
    "fresh episodes": ("global randomness", "seeds"),
    "aliasing": REPEATABLE,
    "restart": REPEATABLE,
    "written": ("restart", *REPEATABLE),
    "batching": REPEATABLE,
    "hostile actions": REPEATABLE,
    "clipping": REPEATABLE,
    "snapshots": REPEATABLE,
    "workers": ("batching", *REPEATABLE),
}
"""Run even if one of these failed; a failure then says that it may have the same reason."""


@dataclass(frozen=True)
class Result:
    """The result of one check."""

    check: str
    """Its name."""
    doc: str
    """What it ensures."""
    status: Status
    """'note' is a remark on something that the contract does not ask for; 'slow' one that did not get far enough."""
    message: str = ""
    """What is wrong, where, and what to do; what is not offered; or why it was skipped. Empty if ok."""
    where: tuple[str, ...] = ()
    """The places in the user's files that an exception went through, the innermost last."""
    command: str = ""
    """What shows the fault in a debugger; empty if there is no such command."""


def check_name(check: Check) -> str:
    """'check_fresh_episodes' -> 'fresh episodes'."""
    return check.__name__.removeprefix("check_").replace("_", " ")


def check_doc(check: Check) -> str:
    """What it ensures, in one sentence."""
    return (check.__doc__ or "").strip().partition("\n")[0]


def doc_of(name: str) -> str:
    """What the check of this name ensures."""
    every = (*CODE_CHECKS, *(check for checks in CHECKS.values() for check in checks))
    return next(check_doc(check) for check in every if check_name(check) == name)


def checks_of(s: Subject) -> tuple[Check, ...]:
    """The checks that a subject gets, in their order."""
    usual = CHECKS[s.kind]
    return (usual[0], *CODE_CHECKS, *usual[1:]) if s.sanitize else usual


def run_checks(
    s: Subject, checks: Iterable[Check] | None = None, failed_before: Iterable[str] = ()
) -> Iterator[Result]:
    """Run the checks one by one. An exception raised by the environment is a failure, with its place.

    Args:
        s: what is checked.
        checks: which; None for all of its kind.
        failed_before: names of checks that have failed already.
    """
    failed = set(failed_before)
    for check in checks_of(s) if checks is None else checks:
        result = _run(check, s, failed)
        if result.status == "failed":
            failed.add(result.check)
        yield result


def _run(check: Check, s: Subject, failed: set[str]) -> Result:
    name, doc = check_name(check), check_doc(check)
    broken = [need for need in (*BASICS, *NEEDS.get(name, ())) if need in failed]
    if broken:
        return Result(name, doc, "skipped", f"{broken[0]} failed")
    s.last_run = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            note = check(s)
    except NotOfferedError as error:
        return Result(name, doc, "not offered", str(error))
    except ContractError as error:
        doubts = [doubt for doubt in DOUBTS.get(name, ()) if doubt in failed]
        message = f"{error}. The reason may be what '{doubts[0]}' found; fix that first" if doubts else str(error)
        return Result(name, doc, "failed", message, error.where or blame.where(_text(error)), error.command)
    except (Exception, SystemExit) as error:  # whatever the environment raises counts as its failure
        return Result(name, doc, "failed", _describe(error, s), blame.where(_text(error)))
    return Result(name, doc, "note", note) if note else Result(name, doc, "ok")


def _text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _describe(error: BaseException, s: Subject) -> str:
    """The exception in a line, and what was being done with the environment."""
    text = str(error).strip().partition("\n")[0]
    moment = f" (in {s.last_run.where})" if s.last_run else ""
    return f"{type(error).__name__}{f': {text}' if text else ''}{moment}"
