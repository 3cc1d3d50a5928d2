"""The pages are true: their code runs, their constants exist, and they keep to the form that is agreed on."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from puffer_envs.contract.documentation import DOCUMENTATION
from puffer_envs.contract.wrap import Wrap

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
WRITTEN = [path for path in sorted(DOCS.rglob("*.md")) if path.parent.name != "environments"]
GENERATED = sorted((DOCS / "environments").glob("*.md"))
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)

# What the pages leave to the reader.
BEFORE = """
import functools, numpy as np
from puffer_envs import vector
policy = lambda observations: np.zeros(len(observations), np.int32)
np.save("levels.npy", np.arange(6))
class Level(__import__("gymnasium").Env):
    observation_space = __import__("gymnasium").spaces.Box(-1, 1, (2,), np.float32)
    action_space = __import__("gymnasium").spaces.Discrete(2)
    level, wind = 0, 0.0
    def __init__(self, assets=None): self.assets = assets
    def reset(self, *, seed=None, options=None): return np.zeros(2, np.float32), {}
    def step(self, action): return np.zeros(2, np.float32), 0.0, False, False, {}
def make_env(assets):
    assert not assets["levels"].flags.writeable
    return Level(assets)
"""
MADE_BEFORE = "env = vector.make(Level, 4)\n"  # its processes take a while to start, so only where it is used
RUN_PROGRAMS = """
import json, pathlib
for name, code in json.loads(pathlib.Path("programs.json").read_text()).items():
    exec(compile(code, name, "exec"), {"__name__": "__main__"})
"""
# What takes minutes or packages that the tests do without.
INSTEAD = {
    "LunarLander-v3": "Acrobot-v1",
    "100_000": "4096",
    "num_envs=256": "num_envs=4",
    "range(500)": "range(50)",
    "range(1000)": "range(100)",
    "gamma=0.98)": "gamma=0.98, n_steps=64)",
}
ALONE = (
    "vectorizers.md",
    "wrap.md",
    "adapters.md",
    "render.md",
    "coming-from/gymnasium.md",
    "coming-from/pufferlib.md",
)


def blocks(page: str) -> list[str]:
    """The Python code of a page."""
    return re.findall(r"```python[^\n]*\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def before(code: str) -> str:
    """What the pages leave to the reader before this code."""
    return BEFORE + (MADE_BEFORE if "env." in code and "env = " not in code else "")


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    one_thread = os.environ | {
        "OMP_NUM_THREADS": "1"
    }  # torch's threads spin, which takes minutes beside other programs
    done = subprocess.run(command, cwd=folder, env=one_thread, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def shortened(code: str) -> str:
    for what, other in INSTEAD.items():
        code = code.replace(what, other)
    return code


def run_programs(folder: Path, programs: dict[str, str]) -> None:
    """Run programs one after the other in one process, which imports what they need once; a traceback names them."""
    (folder / "programs.json").write_text(json.dumps(programs))
    run(folder, "-W", "error", "-c", RUN_PROGRAMS)


def run_commands(folder: Path, *commands: list[str]) -> None:
    """`puffer-train`, `puffer-export` and the like with their arguments, one after the other in one process."""
    programs = {}
    for name, *arguments in commands:
        call = f"from puffer_train.cli.{name} import main\nassert main({arguments!r}) == 0"
        programs[shlex.join(["puffer-" + name, *arguments])] = call
    run_programs(folder, programs)


def run_training(folder: Path, *commands: list[str]) -> None:
    """`puffer-train` with each of these lists of arguments, one after the other in one process."""
    run_commands(folder, *(["train", *words] for words in commands))


@pytest.mark.parametrize("page", ALONE)
def test_the_code_of_a_page_runs(page: str, tmp_path: Path) -> None:
    for module in ("pettingzoo", "stable_baselines3", "puffer_render"):
        pytest.importorskip(module)
    codes = [before(code) + shortened(code) for code in blocks(page)]
    run_programs(tmp_path, {f"{page}, block {i}": code for i, code in enumerate(codes)})


def test_the_code_of_the_readme_runs(tmp_path: Path) -> None:
    (code,) = blocks("../README.md")
    run(tmp_path, "-W", "error", "-c", code)


@pytest.mark.slow  # `make lint` runs this, after a run that leaves what the type checker knows of NumPy and Gymnasium
@pytest.mark.timeout(600)
def test_the_code_of_the_readme_satisfies_a_type_checker(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is in the dependency group lint")
    (code,) = blocks("../README.md")
    (tmp_path / "readme.py").write_text(code)
    shared = f"--config-file={ROOT / 'pyproject.toml'}", f"--cache-dir={ROOT / '.mypy_cache'}"
    run(tmp_path, "-m", "mypy", "--strict", *shared, "readme.py")


def test_the_first_hour_works(tmp_path: Path) -> None:
    step, play = blocks("first-hour.md")
    run(tmp_path, "-W", "error", "-c", step)
    assert "score" in run(tmp_path, "-W", "error", "-c", play)


def test_the_page_about_python_works(tmp_path: Path) -> None:
    """The later blocks read what the earlier ones wrote."""
    run(tmp_path, "-W", "error", "-c", "\n".join(blocks("python.md")))
    assert (tmp_path / "runs/first/evaluation.json").is_file()


def test_the_page_about_long_runs_works(tmp_path: Path) -> None:
    """A branch at a step without a checkpoint, then a bisection."""
    said = run(tmp_path, "-W", "error", "-c", "\n".join(blocks("long-runs.md")))
    assert said.startswith("{'run': 'runs/tree', 'steps': 65536}\n65536 98304 ")


def test_the_extensions_train_and_resume(tmp_path: Path) -> None:
    """Each example as the page has it: on the command line, stopped half way, and resumed."""
    codes = dict(zip(("kl", "two_scales", "adamw", "stop_early"), blocks("extend.md"), strict=True))
    for name, code in codes.items():
        assert len(code.splitlines()) <= 50
        (tmp_path / f"{name}.py").write_text(code)
    small = ["--train.num-envs", "64", "--train.minibatch", "512", "--train.eval-episodes", "8", "--threads", "1"]
    small += ["--no-video"]
    own = ["--train.loss", "kl:kl_to_frozen", "--train.advantage", "two_scales:two_scales"]
    own += ["--train.optimizer", "adamw:adamw"]
    run_training(
        tmp_path,
        ["squared", *small, "--steps", "20000", "--run-dir", "runs/old"],
        ["squared", *small, *own, "--steps", "20000", "--run-dir", "whole"],
        ["squared", *small, *own, "--steps", "10000", "--run-dir", "half"],
        ["--resume", "half", *own, "--threads", "1", "--no-video", "--steps", "20000"],
    )
    metrics = (tmp_path / "whole/metrics.jsonl").read_text("utf-8")
    assert "kl_to_frozen" in metrics
    printed = run(tmp_path, "-c", codes["stop_early"])
    assert 0 < int(re.findall(r"(\d+) iterations", printed)[0]) < 5_000_000 // 32_768


GAMES = """
import gymnasium, numpy as np
from gymnasium.spaces import Box, Dict, Discrete
class Game(gymnasium.Env):
    observation_space = Dict({"screen": Box(0, 255, (64, 64, 3), np.uint8), "speed": Box(-1, 1, (3,))})
    action_space = Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}
    def step(self, action):
        over = bool(self.np_random.random() < 0.1)
        return self.observation_space.sample(), float(action), over, False, {}
class Crowd(Game):
    observation_space = Dict({"self": Box(-1, 1, (4,)), "others": Box(-1, 1, (8, 5))})
"""


def test_networks_of_your_own_train_and_are_exported(tmp_path: Path) -> None:
    camera, entities, recurrent, play = blocks("own-network.md")
    lengths = [len(code[code.index("class") :].splitlines()) for code in (camera, entities, recurrent)]
    assert max(lengths) <= 30 and len(play[play.index("policy") :].splitlines()) <= 15
    (tmp_path / "my_networks.py").write_text("\n\n".join([camera, entities, recurrent]))
    (tmp_path / "my_game.py").write_text(GAMES)
    small = ["--train.num-envs", "8", "--train.horizon", "8", "--train.minibatch", "32", "--train.eval-episodes", "2"]
    pairs = ("my_game:Game", "Camera"), ("my_game:Crowd", "Entities"), ("cartpole", "Recurrent")
    commands = []
    for number, (game, network) in enumerate(pairs):
        own = ["--policy.network", f"my_networks:{network}", "--threads", "1", "--no-video"]
        commands.append([game, *small, *own, "--steps", "128", "--run-dir", f"runs/{number}"])
    run_training(tmp_path, *commands)
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    own = ["--policy.network", "my_networks:Entities"]
    (tmp_path / "runs/2").rename(tmp_path / "runs/own")
    run_commands(
        tmp_path,
        ["export", "my_game:Crowd", "--policy", "runs/1", *own],
        ["export", "runs/own", "--policy.network", "my_networks:Recurrent"],
    )
    assert 0 < float(run(tmp_path, "-c", play)) <= 500


def test_coming_from_stable_baselines3_works(tmp_path: Path) -> None:
    """Both sides are run in the page's order: the later programs read what the earlier ones saved."""
    pytest.importorskip("stable_baselines3")
    text = (DOCS / "coming-from/stable-baselines3.md").read_text("utf-8")
    programs = re.findall(r"```(python|sh)[^\n]*\n(.*?)```", text, re.DOTALL)
    assert [kind for kind, _ in programs] == ["python", "sh", "python", "python", "python"]
    (_, first), (_, training), *others = [(kind, shortened(code)) for kind, code in programs]
    command, *arguments = training.replace("\\\n", " ").split()
    assert command == "puffer-train"
    train = f"from puffer_train.cli.train import main\nassert main({[*arguments, '--no-video']!r}) == 0"
    later = {f"program {i}": code for i, (_, code) in enumerate(others, 3)}
    run_programs(tmp_path, {"the first program": first, "the second, a command": train} | later)


def test_an_environment_in_thirty_lines_is_checked_and_trained(tmp_path: Path) -> None:
    (code,) = blocks("python-environments.md")
    (tmp_path / "corridor.py").write_text(code)
    assert len([line for line in code.splitlines() if line.strip()]) <= 30
    report = run(tmp_path, "-m", "puffer_envs.cli", "check", "corridor:Corridor", "--steps", "50")
    assert "FAILED" not in report
    command = ["-m", "puffer_train.cli.train", "corridor:Corridor", "--env.length", "5", "--steps", "20000"]
    printed = run(tmp_path, *command, "--no-video", "--run-dir", "run")
    assert (tmp_path / "run/policy.safetensors").is_file(), printed


def test_every_format_has_the_version_that_the_page_gives() -> None:
    rows = re.findall(
        r"^\| [^|]+ \| `([^`]+)` \| `([\w.]+)` \|$", (DOCS / "formats.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == 6
    for version, place in rows:
        module, _, constant = place.rpartition(".")
        found = getattr(importlib.import_module(module), constant)
        assert (found.decode().strip() if isinstance(found, bytes) else found) == version, place


def test_the_c_abi_is_the_one_that_the_page_gives() -> None:
    header = (ROOT / "c/puffer.h").read_text("utf-8")
    (abi,) = re.findall(r"PUF_ABI = (\d+)", header)
    assert f"| C ABI {abi} | `PUF_ABI`" in (DOCS / "formats.md").read_text("utf-8")


def test_the_install_page_lists_every_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    page = (DOCS / "install.md").read_text("utf-8")
    assert [extra for extra in extras if f"| `{extra}` |" not in page] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 100


@pytest.mark.parametrize(
    "path", [*WRITTEN, *GENERATED, ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=lambda p: p.name
)
def test_lines_are_wrapped_and_tables_are_short(path: Path) -> None:
    prose = FENCE.sub("", path.read_text("utf-8"))
    lines = [line for line in prose.splitlines() if len(line) > 100 and " " in line.strip()]
    assert [line for line in lines if not line.startswith(("|", "![", "[!["))] == []
    cells = [cell.strip() for line in prose.splitlines() if line.startswith("|") for cell in line.split("|")]
    assert [cell for cell in cells if len(re.sub(r"\]\(.*?\)", "", cell)) > 90] == []


@pytest.mark.parametrize("path", GENERATED, ids=lambda p: p.stem)
def test_pages_of_environments_have_no_names_from_c(path: Path) -> None:
    assert re.findall(rf"\b{path.stem.upper()}_[A-Z]\w+|\b{path.stem}_[a-z]+\(?", path.read_text("utf-8")) == []


def test_one_constant_says_where_the_documentation_is() -> None:
    elsewhere = re.compile(r"https://puffer-envs\.[^ )\"']*")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (site,) = re.findall(r"^site_url: (.+)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    urls = [site, *project["urls"].values(), *elsewhere.findall((ROOT / "README.md").read_text("utf-8"))]
    assert [url for url in urls if not url.startswith(DOCUMENTATION)] == []
    paths = [url.removeprefix(DOCUMENTATION).partition("#")[0] for url in urls]
    pages = [DOCS / path.replace(".html", ".md") for path in paths if path]
    assert [str(page) for page in pages if not page.is_file()] == []


def test_messages_name_pages_by_their_address() -> None:
    """An installed package has no docs/ folder, so no string that is not a docstring may send people there."""
    sources = [path for folder in ("src", "render") for path in sorted((ROOT / folder).rglob("*.py"))]
    wrong, named = [], []
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "page_url":
                named += [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            elif isinstance(node, (ast.Call, ast.JoinedStr, ast.keyword)):
                strings = [c.value for c in ast.iter_child_nodes(node) if isinstance(c, ast.Constant)]
                wrong += [path.name for text in strings if re.search(r"docs/[\w/-]+\.md.", str(text))]
    assert wrong == []
    assert "contract" in named
    assert [page for page in named if not (DOCS / f"{page.partition('#')[0]}.md").is_file()] == []


def test_the_page_about_wrapping_has_every_word_and_family() -> None:
    text = (DOCS / "wrap.md").read_text("utf-8")
    for word in dataclasses.fields(Wrap):
        assert f"| `{word.name}` |" in text, word.name
    for file in (ROOT / "src/puffer_train/settings/families").glob("*.toml"):
        assert f"| `{file.stem}` |" in text, file.stem
