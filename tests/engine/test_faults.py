"""What `puffer-envs check --sanitize` and `puffer-envs debug` say about planted faults, and where there are none."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from puffer_envs import compiling, driver
from puffer_envs.conformance.code_checks import own_files
from puffer_envs.conformance.isolation import Request, check_isolated
from puffer_envs.conformance.suite import CODE_CHECKS, NATIVE_CHECKS, Result, check_name
from puffer_envs.object_file import read_symbols

from .conftest import TESTS, compiler

FAULTY = (TESTS / "c/faulty.h").read_text("utf-8")
CHECKS = [check_name(check) for check in (*NATIVE_CHECKS, *CODE_CHECKS)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a space in its name; the cache is empty."""
    if not driver.has_sanitizers((compiler(),), False):
        pytest.skip("no sanitizers here")
    made = tmp_path / "my games"
    made.mkdir()
    monkeypatch.chdir(made)
    monkeypatch.setenv(compiling.CACHE, str(tmp_path / "cache"))
    compiling.cache_folder.cache_clear()
    return made


def plant(folder: Path, step: str = "", top: str = "") -> int:
    """Write faulty.h with these statements in its step, and these lines at its top; the number of the step's line."""
    text = FAULTY.replace("    FAULTY_STEP\n", f"    {step}\n").replace("#pragma once\n", f"#pragma once\n{top}\n")
    (folder / "faulty.h").write_text(text, "utf-8")
    return text.splitlines().index(f"    {step}") + 1


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `puffer-envs` in a process of its own."""
    line = [str(Path(sys.executable).with_name("puffer-envs")), *words]
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ | environment, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def checked(*which: str, **settings: object) -> list[Result]:
    """The results of some checks of faulty.h in the current folder, in a separate process."""
    others = tuple((name, "ok") for name in CHECKS if name not in which)
    request = Request("faulty", 20, settings, time_limit=16, sanitize=True, libraries=("faulty.h",), done=others)
    return [event for event in check_isolated(request) if isinstance(event, Result)]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("if (s->start == 7) { io.rewards[1] = 2; }", "AddressSanitizer found a write of 4 bytes outside its memory"),
        ("if (s->start == 7) { ((uint8_t*)io.obs)[-1] = 2; }", "AddressSanitizer found a write of 1 bytes outside"),
        ("static const int t[7] = { 0 }; s->tick += t[s->start % 8];", "index 7 out of bounds for type"),
        ("s->start += (int32_t)(1e10f * (float)s->start);", "1.3e+11 is outside the range of representable values"),
    ],
    ids=["reward", "observation", "table", "conversion"],
)
def test_a_sanitizer_names_line_seed_step_and_command(folder: Path, step: str, message: str) -> None:
    line = plant(folder, step)
    (found,) = checked("sanitizers")
    assert found.status == "failed"
    if "representable" not in message:
        assert message in found.message
    moment = re.match(r"at step (\d+), with seed 1, one environment: ", found.message)
    assert moment, found.message
    assert found.where[-1] == f"faulty.h:{line} in faulty_step: {step}"
    assert found.command == f"puffer-envs debug ./faulty.h --seed 1 --step {moment[1]}"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("io.rewards[0] = 0.0f / (float)(s->tick - s->tick);", "step 1, .*: the reward of row 0 is not finite"),
        ("if (s->tick == 5) { ((uint8_t*)io.obs)[3] = 9; }", ""),
        ("while (s->tick == 6) { s->rng.state += 2; }", "at step 6, .*: the step did not return within 8 s"),
    ],
    ids=["nan", "overwritten", "endless"],
)
def test_what_the_program_itself_sees(folder: Path, step: str, message: str) -> None:
    plant(folder, step)
    (found,) = checked("sanitizers")
    assert re.search(message, found.message) if message else found.status == "ok", found.message


def test_the_program_ends_by_itself_where_its_starter_is_gone(folder: Path, build: ModuleType) -> None:
    plant(folder, "while (s->tick == 6) { s->rng.state += 2; }")
    program = build.build_driver("faulty", folder / "program", compiler(), headers=folder)
    done = subprocess.run([program, "1", "100", "1", "limit=1"], check=False, timeout=60)
    assert done.returncode == -signal.SIGALRM


def test_settings_are_played_at_both_ends(folder: Path) -> None:
    """The fault needs a setting that is not the default; the command has it."""
    line = plant(folder, "if (s->quiet == 0) { io.rewards[1] = 1; }")
    text = (folder / "faulty.h").read_text("utf-8")
    text = text.replace("int32_t tick, start;", "int32_t tick, start, quiet;")
    text = text.replace("PUF_SETTING(Faulty, tick, 0, 0, 1,", "PUF_SETTING(Faulty, quiet, 1, 0, 1,")
    (folder / "faulty.h").write_text(text, "utf-8")
    (found,) = checked("sanitizers")
    assert f"faulty.h:{line} in" in found.where[-1]
    assert found.command == "puffer-envs debug ./faulty.h --seed 3 --step 1 --env.quiet 0"


def test_the_code_itself_is_looked_into(folder: Path) -> None:
    top = "#include <stdio.h>\n#include <math.h>\nstatic int count;\nstatic const char* names[2];"
    step = 'int x; if (s->tick > 2) x = 0; s->start += x + (count++ & 0); if (names[0]) puts(names[0]); names[0] = "";'
    line = plant(folder, step, top)
    calls, shared, values = checked("calls", "globals", "initial values")
    assert calls.message == "It calls puts, which reads or writes; leave that to the caller"
    assert calls.where == (f"faulty.h:{line}: {step}",)
    assert "can change, and are shared by all environments: count, names. Put them into the state" in shared.message
    assert re.fullmatch(r"faulty\.h:\d+: static int count;", shared.where[0]) and len(shared.where) == 2
    assert values.message.startswith("at step 1 with seed 1, one environment, what comes out depends on what was in")
    assert values.command == "puffer-envs debug ./faulty.h --seed 1 --step 1"


def test_a_clean_environment_passes(folder: Path) -> None:
    plant(folder)
    done = run("check", "./faulty.h", "--sanitize", "--steps", "60")
    assert done.returncode == 0, done.stdout
    for check in CODE_CHECKS:
        assert re.search(rf"^  ok +{check_name(check)} ", done.stdout, re.MULTILINE), done.stdout


def test_names_in_an_object_file(folder: Path) -> None:
    plant(
        folder, "static int seen[3]; seen[0] += (int)sinf((float)s->tick); s->tick += seen[0] & 0;", "#include <math.h>"
    )
    built = compiling.compile_object(folder / "faulty.h", driver.shipped_folder("include"), ("-O0", *compiling.EXACT))
    found = read_symbols(built)
    if found is None:
        pytest.skip("this compiler writes neither ELF nor Mach-O files")
    assert found.variables == ("seen",) and "sinf" in found.needed
    assert read_symbols(folder / "faulty.h") is None


def test_files_of_ones_own(folder: Path) -> None:
    (folder / "a.h").write_text('#include "b.h"\n#include "puffer.h"\n#include <math.h>\n', "utf-8")
    (folder / "b.h").write_text('#include "a.h"\n', "utf-8")
    assert own_files(folder / "a.h") == [folder / "a.h", folder / "b.h"]


# -- the debugger ------------------------------------------------------------------------------------------------

RECORDER = '#!/bin/sh\nprintf "%s\\n" "$0" "$@" > "$OUT"\nprintf "%s\\n" "$ASAN_OPTIONS" >> "$OUT"\n'


@pytest.mark.parametrize(("debugger", "step", "function"), [("gdb", 3, "faulty_step"), ("lldb", 0, "faulty_reset")])
def test_a_debugger_is_started_at_the_step(folder: Path, debugger: str, step: int, function: str) -> None:
    plant(folder)
    tools = folder / "tools"
    tools.mkdir()
    (tools / debugger).write_text(RECORDER, "utf-8")
    (tools / debugger).chmod(0o755)
    for tool in ("cc", "as", "ld", "sh"):
        (tools / tool).symlink_to(Path(compiler(tool)).resolve())
    out = folder / "words"
    words = ["--seed", "7", "--step", str(step), "--num-envs", "2", "--env.tick", "1"]
    done = run("debug", "./faulty.h", *words, PATH=str(tools), OUT=str(out))
    assert done.returncode == 0, done.stderr
    given = out.read_text("utf-8").splitlines()
    assert Path(given[0]).name == debugger and "abort_on_error=1" in given[-1]
    stops = [word for word in given if word.endswith(("puf_stop_here", function))]
    assert len(stops) == 2 and stops[0].endswith("puf_stop_here")
    at = next(i for i, word in enumerate(given) if word.startswith(str(folder.parent / "cache")))
    assert given[at + 1 :][:3] == ["2", str(step + 1000), "7"]
    assert {f"stop={step}", "settings=1.0"} <= set(given[at + 1 :])


def test_gdb_stops_there(folder: Path) -> None:
    compiler("gdb")
    line = plant(folder, "io.rewards[0] += 1.0f;")
    command = "puffer-envs debug ./faulty.h --seed 1 --step 12"
    words = [str(Path(sys.executable).with_name("puffer-envs")), *shlex.split(command)[1:]]
    asked = f"print s->tick\nuntil {line}\nprint io.rewards[0]\nkill\nquit\n"
    done = subprocess.run(words, input=asked, capture_output=True, text=True, timeout=120)
    # eight steps are an episode: this is the fourth of the second, and begins with tick 3
    assert re.search(r"faulty_step \(s=.*\$1 = 3\n.*\$2 = 0\n", done.stdout, re.DOTALL), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        (["debug", "squared"], {}, "squared: debug needs the source. Give a C or C++ file, such as ./my_game.h."),
        (["check", "squared", "--sanitize"], {}, "squared: --sanitize needs the source. Give a C or C++ file"),
        (["debug", "./none.h"], {}, "./none.h: No such file or directory"),
        (["debug", "./faulty.h", "--env.size", "3"], {}, "faulty has no setting 'size'"),
        (["debug", "./faulty.h", "--step", "-1"], {}, "argument --step: -1 must be at least 0"),
        (["debug", "./faulty.h"], {"PATH": "tools"}, "debug needs gdb or lldb, and there is none on the PATH. Install"),
    ],
)
def test_mistakes(folder: Path, words: list[str], environment: dict[str, str], message: str) -> None:
    plant(folder)
    if "PATH" in environment:
        tools = folder / "tools"
        tools.mkdir()
        for tool in ("cc", "as", "ld"):
            (tools / tool).symlink_to(Path(compiler(tool)).resolve())
        environment = {"PATH": str(tools)}
    done = run(*words, **environment)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_a_compiler_without_sanitizers_is_named(folder: Path) -> None:
    plant(folder)
    lean = folder / "lean cc"
    lean.write_text(f'#!/bin/sh\ncase "$*" in *-fsanitize*) exit 1;; esac\nexec {compiler()} "$@"\n', "utf-8")
    lean.chmod(0o755)
    done = run("check", "./faulty.h", "--sanitize", "--steps", "20", CC=shlex.quote(str(lean)))
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "AddressSanitizer and UndefinedBehaviorSanitizer are missing. Install gcc or clang" in done.stderr
