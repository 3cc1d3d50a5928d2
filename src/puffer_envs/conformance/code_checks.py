"""Checks of an environment's code: `puffer-envs check ./my_game.h --sanitize`.

The first line of a docstring says what the check ensures, the rest how to fix a failure.
docs/check.md is generated from them.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from puffer_envs import driver
from puffer_envs.compiling import compile_object, find_compilers, is_cpp, library_flags, own_files, read_warnings
from puffer_envs.conformance import blame
from puffer_envs.conformance.errors import ContractError, NotOfferedError
from puffer_envs.conformance.runs import difference
from puffer_envs.conformance.subject import Subject
from puffer_envs.driver import Driver, Outcome, Play
from puffer_envs.library import get_include
from puffer_envs.object_file import Symbols, read_symbols
from puffer_envs.settings import resolve_settings
from puffer_envs.spec import read_layout, spec, to_numbers

SECONDS = 5.0
"""How long it is played under sanitizers, in all; up to twice as long where the machine is slow."""
STEPS = 20_000
"""At most in one play."""
BATCH = 5
MAX_BYTES = 1 << 26
"""Of states and observations in one play: settings that ask for more are left out."""
COMPARED_STEPS, COMPARED_BYTES = 2000, 1 << 26

ALLOWED = {
    "memset", "memcpy", "memmove", "memcmp", "memchr", "strlen", "sqrt", "floor", "ceil", "trunc", "round", "rint",
    "nearbyint", "fabs", "fma", "fmod", "remainder", "fmin", "fmax", "copysign", "ldexp", "frexp", "modf", "isnan",
    "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_", "__TMC_END__", "bzero", "__bzero", "memset_pattern16",
}  # fmt: skip
"""Functions whose results are the same everywhere; the same names with an f are allowed too."""
REASONS = {
    "allocates memory; the state is one struct, without pointers":
        r"(m|c|re)alloc|aligned_alloc|posix_memalign|free|strdup|operator (new|delete).*|_Zn[wa].*|_Zd[la].*",
    "reads or writes; leave that to the caller":
        r"v?f?printf|f?putc(har)?|f?puts|f(open|close|read|write|gets|scanf|flush)|scanf|std(in|out|err)|write|read|open"
        r"|std::(.*stream.*|cout|cerr|cin)",
    "reads a clock; count steps instead": r"time|clock|clock_gettime|gettimeofday|std::chrono.*|localtime|gmtime",
    "draws from the generator of the C library; use the state's own `rng`": r"s?rand(om|_r)?|[dlm]rand48|arc4random.*",
    "may differ in its last bit on another machine; puffer_math.h has functions that do not":
        r"(a?(sin|cos|tan)h?|atan2|exp(2|10|m1)?|log(2|10|1p)?|pow|cbrt|hypot|[tl]gamma|erfc?|sincos)[fl]?",
    "ends the process; report an impossible setting by `conflict`": r"abort|exit|_exit|raise|__assert\w*",
}  # fmt: skip
"""Why a function must not be called -> its name, as a pattern."""
OTHERWISE = "is not in the file; its results may differ between machines"


def check_sanitizers(s: Subject) -> None:
    """Sanitizers find nothing.

    The environment is compiled into a plain C program with AddressSanitizer and UndefinedBehaviorSanitizer, and plays
    random actions with several seeds, batch sizes, and with each setting at both ends of its range. A failure names
    the file and the line, and the command that stops there in a debugger. Values outside their bounds, NaN, and steps
    that never return are found as well. Compare the index with the size of the array.
    """
    built = driver.build_sanitized(s.name)
    end = time.monotonic() + SECONDS
    plays = list(_plays(s))
    for number, play in enumerate(plays):
        left = end - time.monotonic()
        if left < -SECONDS and number > 1:
            break  # many settings, or a slow machine
        seconds = max(0.05, left / (len(plays) - number))
        as_given = play.settings == s.settings
        outcome = built.run(play, STEPS, _patience(s) if as_given else SECONDS, seconds=f"{seconds:g}")
        if outcome.status != 0 and (as_given or outcome.status is not None):  # a setting may well make steps slow
            raise _fault(s, play, outcome)


def _plays(s: Subject) -> Iterator[Play]:
    """Seeds and batch sizes with the settings as given; and each setting at its lowest and its highest."""
    known = spec(s.name)
    given = resolve_settings(known, s.settings)
    yield Play(1, 1, s.settings)
    yield Play(2, BATCH, s.settings)
    for p in known.params:
        for value in dict.fromkeys((p.from_number(p.low), p.from_number(p.high))):
            if value == given[p.name] or p.name in s.settings:
                continue
            settings = {**s.settings, p.name: value}
            if _fits(s.name, settings):
                yield Play(3, 1, settings)
    yield from (Play(seed, 1, s.settings) for seed in (4, 5))


def _fits(name: str, settings: Any) -> bool:
    """Whether these settings go together and are not too large to be played here."""
    known = spec(name)
    try:
        layout = read_layout(name, to_numbers(known, resolve_settings(known, settings)))
    except (ValueError, MemoryError):
        return False
    row = int(np.prod(layout.obs_shape)) * known.obs_dtype.itemsize
    return layout.state_bytes + 2 * layout.agents * row <= MAX_BYTES


def _patience(s: Subject) -> float:
    """Seconds after which a play is stopped: before the check itself is."""
    return min(20.0, s.time_limit / 2)


def _fault(s: Subject, play: Play, outcome: Outcome) -> ContractError:
    """What a run of the driver found, and how to see it again."""
    when = f"at step {outcome.step}" if outcome.step else "at the reset"
    how = f"with seed {play.seed}, {_batch(play)}{_given(play)}"
    report = blame.sanitizer_report(outcome.errors)
    said = re.search(r"^driver: step \d+: (.*)$", outcome.errors, re.MULTILINE)
    if outcome.status is None:
        what = f"the step did not return within {_patience(s):g} s"
    elif report is not None:
        what = report.message
    elif said:
        what = said[1]
    elif outcome.status < 0:
        what = f"the program was killed by signal {-outcome.status}"
    else:
        what = f"the program ended with status {outcome.status}: {' / '.join(outcome.errors.strip().splitlines()[-3:])}"
    where = report.where if report else ()
    return ContractError(f"{when}, {how}: {what}", where, play.command(_shown_code(s), outcome.step))


def _batch(play: Play) -> str:
    return "one environment" if play.num_envs == 1 else f"{play.num_envs} environments"


def _given(play: Play) -> str:
    return "".join(f", {name}={value}" for name, value in play.settings.items())


def _shown_code(s: Subject) -> str:
    """The path of the file from here, as it is typed."""
    code, here = driver.code_of(s.name, "--sanitize"), Path.cwd()
    return f"./{code.relative_to(here).as_posix()}" if code.is_relative_to(here) else str(code)


def check_initial_values(s: Subject) -> None:
    """Nothing is read before it is set.

    The same actions are played twice: compiled so that variables without a value hold zeros and all outputs hold one
    byte before each step, and so that they hold other things. What comes out must be the same to the last bit. Give
    every variable a value where it is declared, and write every byte of every output. Padding counts as well: assign
    the members of a struct one by one.
    """
    plays = (Play(1, 1, s.settings), Play(2, BATCH, s.settings))
    zeros, others = _variants(s)
    for play in plays:
        found = _first_difference(s, play, zeros, others)
        if found is None:
            continue
        step, what = found
        raise ContractError(
            f"at step {step} with seed {play.seed}, {_batch(play)}, what comes out depends on what was in memory "
            f"before: {what}. Give every variable a value where it is declared, and write every byte of every output",
            _warnings(s),
            play.command(_shown_code(s), step),
        )


Variant = tuple[Driver, int]
"""A program, and the byte that outputs hold before each step."""


def _variants(s: Subject) -> tuple[Variant, Variant]:
    """Programs in which variables without a value hold zeros, and something else."""
    made = []
    for value, fill in (("zero", 0), ("pattern", 0x7F)):
        try:
            built = driver.build(s.name, (*driver.PLAIN, f"-ftrivial-auto-var-init={value}"))
        except ValueError:  # an older compiler, which does not know the option or one of its values
            built = driver.build(s.name, driver.PLAIN)
        made.append((built, fill))
    return made[0], made[1]


def _first_difference(s: Subject, play: Play, one: Variant, other: Variant) -> tuple[int, str] | None:
    """The step and the place where two variants begin to differ."""
    known = spec(s.name)
    layout = read_layout(s.name, to_numbers(known, resolve_settings(known, play.settings)))
    rows = play.num_envs * layout.agents
    moment = np.dtype(
        [
            ("observations", known.obs_dtype, (rows, *layout.obs_shape)),
            ("rewards", "f4", (rows,)),
            ("terminals", "u1", (rows,)),
            ("truncations", "u1", (rows,)),
            ("state_hash", "u8"),
        ]
    )
    steps = max(10, min(COMPARED_STEPS, COMPARED_BYTES // moment.itemsize))
    histories = []
    with tempfile.TemporaryDirectory(prefix="puffer-") as folder:
        for number, (built, fill) in enumerate((one, other)):
            outputs = Path(folder) / str(number)
            built.run(play, steps, timeout=_patience(s), outputs=outputs, fill=fill)
            histories.append(np.fromfile(outputs, moment))
    for step, (x, y) in enumerate(zip(*histories, strict=False)):
        if x.tobytes() != y.tobytes():
            return step, difference(*({name: z[name] for name in moment.names or ()} for z in (x, y)))
    short = min(map(len, histories))
    return None if len(histories[0]) == len(histories[1]) else (short, "one of the two ends here, by an error")


def _warnings(s: Subject) -> tuple[str, ...]:
    """Where a compiler sees that a variable may have no value."""
    code = driver.code_of(s.name, "--sanitize")
    for compiler in find_compilers(is_cpp(code)):  # each sees what others do not
        said = read_warnings(code, Path(get_include()), compiler)
        found = re.search(r"^(/.+?):(\d+):\d+: warning: (.+) \[-W\S*uninitialized\]", said, re.MULTILINE)
        if found:
            return (f"{blame.shown_path(Path(found[1]))}:{found[2]}: {found[3]}",)
    return ()


def check_globals(s: Subject) -> None:
    """No variable is shared by all environments.

    What changes belongs into the state: a variable outside of it is shared by all environments of the process, and is
    in no snapshot. Tables that never change should be `const`.
    """
    names = _symbols(s).variables
    if names:
        raise ContractError(
            f"these variables can change, and are shared by all environments: {', '.join(names)}. Put them into the "
            "state, or declare them const",
            tuple(place for name in names for place in _places(s, name.rpartition("::")[2])),
        )


def check_calls(s: Subject) -> None:
    """It calls nothing that must not be called.

    No allocation, input or output, clock, or random generator of the C library in `reset`, `step` and `observe`: a
    seed and an index determine every state. The functions of `<math.h>` may differ in their last bit between machines,
    except sqrtf, fabsf, floorf and some others that are exact; `puffer_math.h` has sine, cosine and arc tangent.
    """
    faults: list[str] = []
    places: list[str] = []
    for symbol in _symbols(s).needed:
        name = re.sub(r"^__(\w+)_chk$", r"\1", symbol.partition("(")[0])  # as compilers harden it
        if name not in ALLOWED and name.removesuffix("f") not in ALLOWED:
            found = [reason for reason, pattern in REASONS.items() if re.fullmatch(pattern, name)]
            faults.append(f"it calls {name}, which {found[0] if found else OTHERWISE}")
            places += _places(s, name.rpartition("::")[2])
    if faults:
        raise ContractError(". ".join(fault[0].upper() + fault[1:] for fault in faults), tuple(places))


def _symbols(s: Subject) -> Symbols:
    code = driver.code_of(s.name, "--sanitize")
    flags = (*library_flags(), "-fPIC", "-fno-builtin-printf")  # printf of a constant text would become puts
    symbols = read_symbols(compile_object(code, Path(get_include()), flags))
    if symbols is None:
        raise NotOfferedError("object file in the format of Linux or macOS to look into")
    return symbols


def _places(s: Subject, word: str) -> tuple[str, ...]:
    """The first place in the user's files with this word outside of comments: 'my_game.h:31: static int count;'."""
    for file in own_files(driver.code_of(s.name, "--sanitize")):
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
            if re.search(rf"(?<![\w.]){re.escape(word)}\b", line.partition("//")[0]):
                return (f"{blame.shown_path(file)}:{number}: {line.strip()}",)
    return ()
