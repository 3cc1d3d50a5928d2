"""Settings: every number that a run depends on, where it comes from, and the check that it makes sense.

Later sources win: the defaults here, the environment's own `settings/NAME.toml`, a file given with
`--settings`, the command line. All of them pass through `overlay`, so that a wrong name, type or range gives
the same one-line error for every source.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from puffer_envs.contract import wrap
from puffer_envs.contract.command_line import hint_number, merge_tables, parse_number
from puffer_envs.contract.names import suggest
from puffer_train.condition import Condition
from puffer_train.errors import ConfigError
from puffer_train.own_code import Code, is_code
from puffer_train.shipped import given_tables, shipped

MAX_NUMBER = 1e300
"""More than any setting may be. TOML and the command line hold whole numbers that no float can."""

LEARNERS = ("auto", "kernels", "torch", "cuda")
"""Backends of the arithmetic; `auto` takes the C kernels where they can run what follows the encoder, else torch."""

SWEEP_TABLE = "sweep"
"""Table of ranges that `puffer-sweep` searches, see `puffer_train.sweep.ranges`."""

STOP_OVER = 10
"""Values that the mean in `train.stop_when` is over, where it does not say: one lucky iteration ends no run."""

EncoderKind = Literal["auto", "flat", "grid", "image", "embedding", "fields"]
ImageSize = Literal["large", "small"]
Normalize = Literal["auto", "true", "false"]


def _setting(default: Any, low: float, high: float = math.inf) -> Any:
    """Declare a numeric setting with its default and allowed range, both ends included."""
    return field(default=default, metadata={"range": (low, high)})


def _named(default: str, *others: str) -> Any:
    """Declare a setting that names something built in, or the user's own code as `module:name`."""
    return field(default=default, metadata={"names": (default, *others)})


@dataclass(frozen=True)
class TrainSettings:
    """How to learn."""

    steps: int = _setting(20_000_000, 1)
    """Agent steps to train for; rounded up to whole rollouts."""
    max_seconds: float = _setting(0.0, 0.0)
    """Seconds to train for, over all resumes, if the steps are not done before; 0 is no limit."""
    stop_when: str = ""
    """End training when a mean over iterations (10 unless given) is so: "env.perf > 0.99 over 20"; "" is never."""
    num_envs: int = _setting(1024, 1)
    """Environments stepped together."""
    horizon: int = _setting(32, 1)
    """Steps of each environment per rollout; also the length of training sequences."""
    minibatch: int = _setting(8192, 1)
    """Agent steps per gradient step; a multiple of the horizon."""
    replay_ratio: float = _setting(1.5, 0.01, 100)
    """Average number of times each agent step is trained on."""
    overlap: bool = False
    """Collect the next rollout while learning from the last one: for slow environments, with large networks. Data is
    one update older than usual."""

    optimizer: str = _named("muon", "adam")
    """Optimizer of weight matrices; other parameters always use Adam. Or your own, as module:function."""
    learning_rate: float = _setting(0.015, 0.0)
    """Muon's initial learning rate; decays along a cosine."""
    vector_learning_rate: float = _setting(0.003, 0.0)
    """Adam's initial learning rate; decays in the same way."""
    final_learning_rate: float = _setting(0.0, 0.0, 1.0)
    """Final learning rate as a fraction of the initial one; 1 keeps it constant."""
    momentum: float = _setting(0.87, 0.0, 0.9999)
    """Muon's Nesterov momentum."""
    weight_decay: float = _setting(0.0, 0.0, 100.0)
    """Each step shrinks every weight by this times the learning rate."""
    max_gradient_norm: float = _setting(1.11, 1e-9)
    """Gradients whose total norm is larger are scaled down to this."""

    gamma: float = _setting(0.98, 0.0, 1.0)
    """Discount per step: rewards 1 / (1 - gamma) steps ahead count about a third."""
    gae_lambda: float = _setting(0.983, 0.0, 1.0)
    """Advantage estimate: 0 trusts the value function (bias), 1 the actual rewards (variance)."""
    normalize_observations: Normalize = "auto"
    """Shift and scale float observations to mean 0 and standard deviation 1 of all seen so far: auto does it to those
    without bounds, or with bounds beyond a million; true to all, false to none."""
    normalize_rewards: bool = False
    """Divide rewards by the standard deviation of the discounted returns so far."""
    reward_scale: float = _setting(1.0, 1e-9)
    """Rewards are also multiplied by this, before clipping."""
    reward_clip: float = _setting(1.0, 0.0)
    """Rewards used for learning are clipped to this magnitude (scores are not); 0 disables clipping."""

    loss: str = _named("ppo")
    """Loss to minimise: ppo, or your own as module:function."""
    advantage: str = _named("gae")
    """Advantage estimate: gae, or your own as module:function."""
    clip: float = _setting(0.81, 0.0)
    """How far the probability ratio may differ from 1 before the policy loss is clipped."""
    value_clip: float = _setting(4.98, 0.0)
    """How far a value may differ from its old estimate before the value loss is clipped; 0 is no limit."""
    value_coefficient: float = _setting(3.47, 0.0)
    """Weight of the value loss."""
    entropy_coefficient: float = _setting(0.0049, 0.0)
    """Reward for keeping the policy random."""
    max_kl: float = _setting(0.04, 0.0)
    """Stop learning from a rollout once the KL from the policy that played it exceeds this; 0 is no limit."""
    normalize_advantages: bool = True
    """Normalise the advantages of each minibatch to mean 0 and standard deviation 1."""

    refresh_advantages: bool = False
    """Recompute advantages after each minibatch from the updated values and ratios (V-trace)."""
    rho_clip: float = _setting(1.0, 0.0)
    """V-trace: upper limit of the ratio that weights each TD error. Used with refresh_advantages."""
    trace_clip: float = _setting(1.0, 0.0)
    """V-trace: upper limit of the ratio that carries a TD error backwards. Used with refresh_advantages."""
    priority_alpha: float = _setting(0.0, 0.0, 10.0)
    """Chance of a sequence: proportional to (sum of |advantage|) to this power; 0 chooses all equally often."""
    priority_beta: float = _setting(0.2, 0.0, 1.0)
    """Initial correction for that bias; rises to 1 over the run."""

    checkpoint_interval: int = _setting(5_000_000, 1)
    """Agent steps between checkpoints; one is always written at the end."""
    checkpoints_kept: int = _setting(3, 1)
    """Number of newest checkpoints to keep."""
    checkpoints_spread: int = _setting(4, 0)
    """Number of older checkpoints to keep, spread over the run, to branch from."""
    best_episodes: int = _setting(0, 0)
    """Fresh full episodes played at each checkpoint to keep the best policy so far; 0 keeps none."""
    eval_episodes: int = _setting(128, 0)
    """Fresh full episodes played at the end; 0 skips the evaluation."""
    eval_max_steps: int = _setting(200_000, 1)
    """Steps after which an evaluation stops waiting for episodes to end."""


@dataclass(frozen=True)
class PolicySettings:
    """The network."""

    hidden: int = _setting(32, 1)
    """Units per layer."""
    layers: int = _setting(4, 0)
    """Recurrent layers; 0 is a policy without memory."""
    cell: Literal["mingru", "lstm"] = "mingru"
    """Kind of recurrent layer: mingru, or lstm, which needs 2.7 times the arithmetic."""
    encoder: EncoderKind = "auto"
    """Encoder of observations: flat, grid (one-hot cells, 3x3 convolutions), embedding (learned numbers for each value
    of a cell, then the same), image (convolutions), or fields (for each named field what it needs); auto is image for
    uint8 with two sides of at least 36, fields where there are names, else flat."""
    value_head: Literal["scalar", "distribution"] = "scalar"
    """Value as one number (squared error), or as a distribution over bins (cross-entropy; value_clip is ignored)."""
    network: str = _named("")
    """Own network, a torch.nn.Module written module:Class: it replaces the encoder, or the whole policy."""
    image: ImageSize = "large"
    """Convolutions of images: large is three (8x8, 4x4, 3x3, with strides of 4, 2, 1); small is two (8x8, 4x4, side by
    side), with a fraction of the arithmetic and of the features."""


@dataclass(frozen=True)
class SelfplaySettings:
    """Opponents that do not learn, in environments with several agents."""

    share: float = _setting(0.0, 0.0, 1.0)
    """Share of the environments in which an opponent that does not learn plays one side; in the others the policy plays
    all agents, and 0 is no opponents."""
    opponents: str = ""
    """Opponents that stay: policy files, run folders (their policy), folders of policies such as RUN/pool, or trained,
    which ships; separated by commas."""
    role: Literal["main", "exploiter"] = "main"
    """main: earlier policies of the run become opponents too. exploiter: it only plays against those of `opponents`, in
    all environments, to find what beats them."""
    every: int = _setting(10, 1)
    """Iterations between two snapshots of the policy, which become opponents."""
    mark: float = _setting(0.0, 0.0, 1.0)
    """A snapshot is taken only while the policy gets this share of the points against its opponents; 0: always."""
    kept: int = _setting(16, 1, 1024)
    """Number of snapshots to keep."""
    leaves: Literal["spread", "oldest", "weakest"] = "spread"
    """Which snapshot makes room for a new one: spread keeps them spread over the run, oldest drops the oldest, weakest
    the one that is beaten most."""
    sampling: Literal["hard", "even", "uniform"] = "hard"
    """Which opponent is met next: hard prefers those that win, even those of the same strength; uniform has no
    preference."""
    meets: Literal["needed", "always"] = "needed"
    """When a round in that share is against an opponent: needed is often while one of them wins, and else seldom, and
    the policy plays all agents there too; always is every round."""
    sides: Literal["halves", "alternating"] = "halves"
    """What the sides are: the first and the second half of an environment's agents, or every other one."""

    @property
    def used(self) -> bool:
        """Whether there are opponents."""
        return self.share > 0 or self.role == "exploiter"


@dataclass(frozen=True)
class Settings:
    """Everything a run depends on besides its seed."""

    env: Mapping[str, object] = field(default_factory=dict)
    """The environment's own settings, checked by the environment, and how it is wrapped (`contract.wrap`)."""
    train: TrainSettings = field(default_factory=TrainSettings)
    """How to learn."""
    policy: PolicySettings = field(default_factory=PolicySettings)
    """The network."""
    curriculum: Mapping[str, str] = field(default_factory=dict)
    """Settings of the environment that change while it learns, each with its rule: algorithm/curriculum.py."""
    selfplay: SelfplaySettings = field(default_factory=SelfplaySettings)
    """Opponents that do not learn."""

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as nested dictionaries of JSON values."""
        return dataclasses.asdict(self)


SECTIONS: dict[str, type[Any]] = {"train": TrainSettings, "policy": PolicySettings, "selfplay": SelfplaySettings}
"""The tables whose keys are known here; the keys of [env] are the environment's."""


def load(name: str | None, file: str | Path | None = None) -> Settings:
    """Return the defaults, overlaid with those shipped for an environment, if there are any, and then with `file`.

    `file` may also be `fast`, `balanced` or `best`: settings that ship for the environment.

    Raises `ConfigError` for a file that is missing, is not TOML, or has invalid settings.
    """
    settings = Settings()
    for origin, tables in shipped(name) if name is not None else ():
        settings = overlay(settings, tables, origin)
    return settings if file is None else overlay(settings, given_tables(file, name), str(file))


def overlay(settings: Settings, tables: Mapping[str, object], origin: str) -> Settings:
    """Return `settings` with the given tables written over them; `origin` is named in errors.

    Values may be of the right type already or text, as on a command line.
    """
    parts: dict[str, Any] = vars(settings) | {"env": dict(settings.env), "curriculum": dict(settings.curriculum)}
    for table, values in tables.items():
        if table not in (*parts, "wrap", SWEEP_TABLE):
            raise ConfigError(
                f"{origin}: there is no table [{table}]; there are [env], [wrap], [train], [policy], [curriculum], "
                f"[selfplay] and [{SWEEP_TABLE}].{suggest(table, [*parts, 'wrap', SWEEP_TABLE])}"
            )
        if not isinstance(values, Mapping):
            raise ConfigError(f"{origin}: [{table}] must be a table of settings, not {values!r}.")
        if table == SWEEP_TABLE:
            continue  # what a sweep searches is no setting of a run
        if table == "curriculum":
            parts[table].update({key.replace("-", "_"): rule for key, rule in values.items()})
        elif table == "env":
            parts["env"] = _overlay_env(parts["env"], values, origin)
        elif table == "wrap":
            parts["env"] = _overlay_env(parts["env"], {wrap.KEY: values}, origin)
        else:
            parts[table] = _overlay_section(parts[table], values, f"{origin}: {table}")
    result = Settings(**parts)
    _check_combinations(result.train)
    _check_selfplay(result)
    return result


def _overlay_section(section: Any, values: Mapping[str, object], where: str) -> Any:
    types = get_type_hints(type(section))
    declared = {f.name: f.metadata for f in dataclasses.fields(section)}
    checked = {}
    for key, value in values.items():
        if key not in types:
            raise ConfigError(f"{where}.{key} is not a setting.{suggest(key, types)}")
        if "names" in declared[key]:
            checked[key] = _convert_name(value, declared[key]["names"], f"{where}.{key}")
            continue
        checked[key] = _convert(value, types[key], f"{where}.{key}")
        if "range" in declared[key]:
            low, high = declared[key]["range"]
            if not low <= checked[key] <= high:
                allowed = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
                raise ConfigError(f"{where}.{key} is {value}; it must be {allowed}.")
    return dataclasses.replace(section, **checked)


def _convert_name(value: object, names: tuple[str, ...], where: str) -> str:
    """Return the name of something built in, or of the user's own code; a function or class stands for itself."""
    if isinstance(value, str) and (value in names or is_code(value)):
        return value
    if callable(value):
        return Code.of(value)
    known = [name for name in names if name]
    allowed = ", ".join([*known, "or " * bool(known) + "your own code as module:name"])
    hint = suggest(str(value), known) if known else ""
    raise ConfigError(f"{where} is {value!r}; it must be {allowed}.{hint}")


def _convert(value: object, wanted: type, where: str) -> Any:
    """Turn a TOML value or command-line text into `wanted` (bool, int, float, str or a choice), losing nothing."""
    if get_origin(wanted) is Literal:
        choices = get_args(wanted)
        if isinstance(value, bool) and "true" in choices:
            value = str(value).lower()
        if value not in choices:
            raise ConfigError(f"{where} is {value!r}; it must be {', '.join(choices[:-1])} or {choices[-1]}.")
        return value
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    refusal = ConfigError(f"{where} is {value!r}; it must be {names[wanted]}.{hint_number(value)}")
    if wanted is str:
        if not isinstance(value, str):
            raise refusal
        return value
    if isinstance(value, str):
        value = parse_number(value) if wanted is not bool else {"true": True, "false": False}.get(value.lower(), value)
    if wanted is bool:
        if not isinstance(value, bool):
            raise refusal
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise refusal
    if wanted is int and value != int(value):
        raise refusal
    return wanted(value)


def _env_value(key: str, value: object, origin: str) -> object:
    """Check what no environment accepts; the environment checks the rest."""
    if isinstance(value, Mapping):
        return {str(name): _env_value(f"{key}.{name}", inner, origin) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_env_value(key, inner, origin) for inner in value]
    if isinstance(value, float) and math.isnan(value):
        raise ConfigError(f"{origin}: env.{key} is not a number.")
    if not isinstance(value, (bool, int, float, str)):
        raise ConfigError(
            f"{origin}: env.{key} is {value!r}; it must be a number, true, false, text, a list or a table."
        )
    return value


def _overlay_env(env: Mapping[str, object], values: Mapping[str, object], origin: str) -> dict[str, object]:
    """Return the environment's settings with others written over them, tables key by key."""
    merged = merge_tables(env, {key: _env_value(key, value, origin) for key, value in values.items()})
    words = merged.get(wrap.KEY, {})
    try:
        if not isinstance(words, Mapping):
            raise ValueError(f"[wrap] must be a table of settings, not {words!r}")
        wrap.Wrap.of(words)
    except ValueError as error:
        stop = "" if str(error).endswith((".", "?")) else "."
        raise ConfigError(f"{origin}: {error}{stop}") from None
    return merged


def _check_combinations(train: TrainSettings) -> None:
    """Refuse settings that are fine alone but not together; those that need the environment come later."""
    if train.stop_when:
        Condition.parse(train.stop_when, "train.stop_when", STOP_OVER)
    if train.minibatch % train.horizon:
        raise ConfigError(
            f"train.minibatch {train.minibatch} is not a multiple of train.horizon {train.horizon}: "
            "a minibatch is made of whole sequences."
        )


def _check_selfplay(settings: Settings) -> None:
    """Refuse opponents that nobody would meet, and an exploiter that has none."""
    selfplay = settings.selfplay
    if selfplay.role == "exploiter" and not selfplay.opponents.strip():
        raise ConfigError(
            "selfplay.role exploiter needs somebody to play against: --selfplay.opponents FILE, RUN or RUN/pool."
        )
    if selfplay.opponents.strip() and not selfplay.used:
        raise ConfigError("selfplay.opponents are given, but selfplay.share is 0: --selfplay.share 0.5, for example.")
    if selfplay.used and settings.train.overlap:
        raise ConfigError("train.overlap cannot be used with opponents: leave it out, or set selfplay.share to 0.")


def check_batch(train: TrainSettings, rows: int, observation_bytes: int, memory: int | None) -> None:
    """Refuse settings that do not fit an environment of `rows` agents, or a rollout that does not fit into memory.

    observation_bytes: of all rows together; memory: bytes of the machine, None if unknown.
    """
    if train.minibatch > rows * train.horizon:
        raise ConfigError(
            f"train.minibatch {train.minibatch} is more than one rollout of {rows} agents x "
            f"train.horizon {train.horizon} = {rows * train.horizon} steps: make it smaller or raise "
            "train.num_envs."
        )
    needed = observation_bytes * (train.horizon + 1)
    if memory is not None and needed > memory / 2:
        raise ConfigError(
            f"the observations of one rollout take {needed / 1e9:.3g} GB, more than half of this machine's "
            f"{memory / 1e9:.3g} GB: make train.num_envs or train.horizon smaller."
        )


def can_import(network: str) -> bool:
    """Whether another process can import a network of this name: not one of a notebook or of the script that runs."""
    return "<locals>" not in network and not network.startswith("__main__:")


def flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested dictionaries as one: {"train": {"gamma": 1}} -> {"train.gamma": 1}."""
    result: dict[str, Any] = {}
    for key, value in tables.items():
        below = flat(value) if isinstance(value, Mapping) else None
        result |= {key: value} if below is None else {f"{key}.{name}": v for name, v in below.items()}
    return result


def field_help(section: type[Any]) -> dict[str, str]:
    """Return the docstring under each field of a settings class, for `--help`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(section)))
    except OSError:  # installed without sources: --help then lacks the notes
        return {}
    body = cast(ast.ClassDef, tree.body[0]).body
    return {
        cast(ast.Name, declared.target).id: str(note.value.value)
        for declared, note in itertools.pairwise(body)
        if isinstance(declared, ast.AnnAssign) and isinstance(note, ast.Expr) and isinstance(note.value, ast.Constant)
    }
