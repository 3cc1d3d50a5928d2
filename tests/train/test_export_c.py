"""`puffer-export NAME out.c` as a user meets it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from c_files import compiler, run
from runs import SMALL, Shell

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.trained import trained_policy
from puffer_train.cli import export as cli_export


def test_no_torch_is_needed(tmp_path: Path) -> None:
    """Policy files are read with NumPy, and names in C come from the file's."""
    program = (
        "import sys; sys.modules['torch'] = None; "
        "from puffer_train.cli.export import main; sys.exit(main(['squared', '--trained', 'my policy-2.c']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("wrote my policy-2.c and my policy-2.h\n")
    assert re.search(r"flash, weights and constants +65,668 bytes\n", done.stdout)
    assert "int my_policy_2_act(" in (tmp_path / "my policy-2.h").read_text()
    if compiler():
        run(str(compiler()), "-DMY_POLICY_2_SELF_TEST", tmp_path / "my policy-2.c", "-o", tmp_path / "test")
        run(tmp_path / "test")


@pytest.mark.skipif(compiler() is None, reason="needs gcc or clang")
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_an_observation_may_be_all_codes(weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taxi's has no amounts: nothing is left for the matrix of the encoder."""
    monkeypatch.chdir(tmp_path)
    assert cli_export.main(["taxi", "--trained", "t.c", "--weights", weights, "--episodes", "0"]) == 0
    warnings = ("-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
    run(str(compiler()), *warnings, "-DT_SELF_TEST", "t.c", "-o", "test")
    run(tmp_path / "test")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["squared", "--trained", "a.txt"],
            "a.txt: a policy is written as .onnx, .c or .safetensors. Choose one of these endings.",
        ),
        (["squared", "--trained", "7.c"], "7.c: its name begins the names in C, which must begin with a letter."),
        (["squared", "--trained", "a.onnx", "--weights", "int8"], "--weights int8 is for .c, and this is a.onnx."),
        (["squared", "--trained", "a.c", "--weights", "float16"], "--weights float16 is for .safetensors, and this is"),
        (["squared", "--trained", "a.c", "-o", "b.c"], "OUT is a.c and -o b.c: give one of them."),
        (["squared", "--trained", "a.c", "--weights", "int4"], "'int4' must be one of float32"),
        (["squared", "--trained", "no/a.c"], "cannot write no/a.c: No such file or directory."),
        (["nothing.safetensors", "a.c"], "nothing.safetensors: no such file."),
        (["junk.safetensors", "a.c"], "junk.safetensors: not a policy file, or a damaged one"),
        (["breakout", "a.c"], "breakout: no such file. The policy that ships for it is named by --trained."),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("junk.safetensors").write_bytes(b"junk")
    assert cli_export.main(arguments) in (1, 2)
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert message in said.err
    assert list(tmp_path.iterdir()) == [tmp_path / "junk.safetensors"]


def test_rounded_weights_are_played_against_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The result is printed, and in the header."""
    monkeypatch.chdir(tmp_path)
    assert cli_export.main(["cartpole", "--trained", "c.c", "--weights", "int8", "--episodes", "16", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = told["rounding"]
    assert (told["files"], told["kind"], found["episodes"], found["statistic"]) == (["c.c", "c.h"], "int8", 16, "perf")
    assert 0 < found["difference"] < 1 and found["agreement"] > 0.9 and found["after"] > 0.98 * found["before"]
    assert f"Mean perf over 16 episodes: {found['after']:.4g}" in Path("c.h").read_text()


def test_checkpoints_and_runs_are_exported(shell: Shell) -> None:
    """A run without a policy file gives its newest checkpoint, which is the same policy here."""
    assert shell("puffer-train", "squared", *SMALL, "--steps", "1024", "--run-dir", "run").status == 0
    folder = shell.folder
    assert shell("puffer-export", folder / "run", folder / "run/c.c").status == 0  # which makes it no environment
    assert shell("puffer-export", folder / "run", folder / "a.c").status == 0
    (folder / "run/policy.safetensors").unlink()
    assert shell("puffer-export", folder / "run", folder / "b.c").status == 0
    weights = [(folder / f"{name}.c").read_text().partition("typedef")[2].partition("fused(")[0] for name in "ab"]
    assert weights[0] == weights[1] != ""


@pytest.mark.skipif(compiler() is None, reason="needs gcc or clang")
def test_a_policy_of_a_file_is_played_there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment of the user's own is named by its C file, as in every command."""
    folder = shell.folder
    monkeypatch.setenv("PUFFER_CACHE", str(folder / "cache"))
    rules = (Path(__file__).parents[2] / "c/envs/squared.h").read_text("utf-8")
    for old in ("squared", "Squared", "SQUARED"):
        rules = rules.replace(old, old.replace("quared", "quare2").replace("QUARED", "QUARE2"))
    (folder / "square2.h").write_text(rules, "utf-8")
    file = PolicyFile.read(trained_policy("squared"))
    PolicyFile(replace(file.info, environment="square2"), file.tensors).write(folder / "p.safetensors")
    words = ("--policy", folder / "p.safetensors", folder / "s.c", "--weights", "int8", "--episodes", "4", "--json")
    done = shell("puffer-export", folder / "square2.h", *words)
    assert done.status == 0, done.err
    assert json.loads(done.out)["rounding"]["episodes"] == 4
