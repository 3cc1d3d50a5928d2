"""The core of sweeps: scales, models, the front, and what is suggested."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from puffer_train.errors import ConfigError
from puffer_train.sweep.front import Front, normal_cdf, normal_quantile
from puffer_train.sweep.gaussian_process import GaussianProcess, minimize
from puffer_train.sweep.protein import Protein, Suggestion, Switches
from puffer_train.sweep.space import Parameter, Space

Floats = NDArray[np.float64]

# --- the space ---


@pytest.mark.parametrize(
    ("parameter", "places"),
    [
        (Parameter("a", "linear", 2, 4), {2: -1, 3: 0, 4: 1}),
        (Parameter("a", "log", 1e-4, 1e-2), {1e-4: -1, 1e-3: 0, 1e-2: 1}),
        (Parameter("a", "logit", 0.1, 0.9), {0.1: -1, 0.5: 0, 0.9: 1}),
        (Parameter("a", "power", 16, 64), {16: -1, 32: 0, 64: 1}),
        (Parameter("a", "linear", 1, 5, integer=True), {1: -1, 2: -0.5, 5: 1}),
        (Parameter("a", "choice", choices=("x", "y", None)), {"x": -1, "y": 0, None: 1}),
        (Parameter("a", "choice", choices=(True,)), {True: 0}),
        (Parameter("a", "linear", 3, 3), {3: 0}),
    ],
)
def test_values_have_places_and_come_back(parameter: Parameter, places: dict[Any, float]) -> None:
    for value, place in places.items():
        assert parameter.place(value) == pytest.approx(place)
        found = parameter.value(place)
        assert found == (pytest.approx(value) if isinstance(value, float) else value)
        assert type(found) is type(value) or isinstance(value, float) or parameter.kind == "linear"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            {"kind": "log", "low": 0, "high": 1},
            r"a cannot be searched: its range is 0 to 1; kind 'log' needs numbers above",
        ),
        ({"kind": "logit", "low": 0.5, "high": 1}, "between 0 and 1, without the ends"),
        ({"kind": "power", "low": 16, "high": 100}, "both ends must be powers of two"),
        ({"kind": "linear", "low": 2, "high": 1}, "the lower end comes first"),
        ({"kind": "linear", "low": 0, "high": math.inf}, "both ends must be finite"),
        ({"kind": "cubic"}, "its kind is 'cubic'; it must be one of linear, log, logit, power, choice"),
        ({"kind": "choice"}, "a choice needs a list of values"),
    ],
)
def test_ranges_that_cannot_be_are_named(words: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Parameter("a", **words)


def test_a_space_is_checked() -> None:
    with pytest.raises(ConfigError, match="nothing to search"):
        Space([])
    with pytest.raises(ConfigError, match="a has two ranges"):
        Space([Parameter("a"), Parameter("a", "log", 1, 2)])
    space = Space([Parameter("a"), Parameter("b", "choice", choices=("x", "y"))])
    with pytest.raises(ConfigError, match="b has no value"):
        space.places({"a": 1})
    with pytest.raises(ConfigError, match="b is 'z'; the choices are 'x', 'y'"):
        space.places({"a": 1, "b": "z"})
    with pytest.raises(ConfigError, match="a is True; it must be a number"):
        space.places({"a": True, "b": "x"})


def test_what_is_ranked_is_what_runs() -> None:
    space = Space([Parameter("a", "power", 1, 8), Parameter("b", "linear", 0, 3, integer=True), Parameter("c")])
    places = np.random.default_rng(0).uniform(-1.2, 1.2, (50, 3))
    snapped = space.snap(places)
    for place in snapped:
        values = space.values(place)
        assert values["a"] in (1, 2, 4, 8) and values["b"] in (0, 1, 2, 3)
        assert np.allclose(space.places(values), place)
    assert np.array_equal(space.snap(snapped), snapped)


# --- the models ---


def data(rows: int = 40, d: int = 4, noise: float = 0.05) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (rows, d))
    return x, np.sin(3 * x[:, 0]) + x[:, 1] ** 2 + noise * rng.normal(size=rows)


@pytest.mark.parametrize("linear", [False, True])
def test_the_gradient_of_the_fit_is_right(linear: bool) -> None:
    x, y = data()
    model = GaussianProcess(4, linear)
    squares = np.square(x.T[:, :, None] - x.T[:, None, :])
    products, noise = float(linear) * (1 + x @ x.T), np.linspace(0.5, 1, len(y))
    theta = model._means + np.random.default_rng(2).normal(0, 0.5, 7)
    gradient = model._loss(theta, squares, products, y, noise)[1]
    for i, step in enumerate(1e-6 * np.eye(7)):
        up, down = (model._loss(theta + sign * step, squares, products, y, noise)[0] for sign in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / 2e-6, abs=1e-4, rel=1e-5)


def test_the_minimum_is_found() -> None:
    """Rosenbrock's valley from its usual start."""

    def valley(p: Floats) -> tuple[float, Floats]:
        x, y = p
        slope = np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])
        return float((1 - x) ** 2 + 100 * (y - x * x) ** 2), slope

    assert valley(minimize(valley, np.array([-1.2, 1.0])))[0] < 1e-6


def test_the_posterior_is_that_of_the_textbook() -> None:
    """One observation: mean k y / (k + noise), variance k - k^2 / (k + noise)."""
    model = GaussianProcess(1)
    model._theta = np.log([0.7, 1.3, 0.2, 1.0])
    x, far = np.zeros((1, 1)), np.full((1, 1), 0.4)
    model.condition(x, np.array([2.0]))
    model._shift = 0.0
    model._weights = model._inverse @ np.array([2.0])
    r = math.sqrt(5) * 0.4 / 0.7
    k = 1.3 * (1 + r + r * r / 3) * math.exp(-r)
    mean, deviation = model.predict(far)
    assert mean[0] == pytest.approx(k * 2 / 1.5, rel=1e-6)
    assert deviation[0] ** 2 == pytest.approx(1.3 - k * k / 1.5, rel=1e-6)


def test_it_learns_what_matters_and_how_sure_it_is() -> None:
    x, y = data(60)
    model = GaussianProcess(4)
    model.fit(x, y)
    model.condition(x, y)
    lengths = np.exp(model._theta[:4])
    assert max(lengths[:2]) < min(lengths[2:]), "the last two parameters do nothing"
    new, truth = data(400, noise=0.0)
    mean, deviation = model.predict(new)
    assert np.sqrt(np.mean((mean - truth) ** 2)) < 0.2 * truth.std()
    assert 0.4 < np.std((mean - truth) / deviation) < 2.5


def test_a_line_extrapolates() -> None:
    x = np.linspace(-1, 0, 12)[:, None]
    y = 3 * x[:, 0]
    ends = []
    for linear in (True, False):
        model = GaussianProcess(1, linear)
        model.fit(x, y)
        model.condition(x, y)
        ends.append(float(model.predict(np.ones((1, 1)))[0][0]))
    assert ends[0] == pytest.approx(3, abs=0.3)
    assert abs(ends[1] - 3) > abs(ends[0] - 3)


def test_a_mean_of_many_counts_as_many() -> None:
    """Four runs at one place tell what their mean with a count of 4 tells."""
    x, y = data(12)
    many_x, many_y = np.concatenate([x, x[[0, 0, 0]]]), np.concatenate([y, y[0] + [0.3, -0.2, 0.5]])
    mean = y.copy()
    mean[0] = many_y[[0, 12, 13, 14]].mean()
    counts = np.ones(12)
    counts[0] = 4
    predicted = []
    for place, value, count in ((many_x, many_y, None), (x, mean, counts)):
        model = GaussianProcess(4)
        model._theta = model._means - 2
        model.condition(place, value, count)
        scale = model._scale
        model._weights = model._inverse @ value  # without shift and scale, which differ
        predicted.append((model.predict(np.zeros((1, 4)))[0][0] - model._shift) / scale)
    assert predicted[0] == pytest.approx(predicted[1], rel=1e-4)


def test_data_that_say_nothing_break_nothing() -> None:
    x = np.zeros((5, 3))
    model = GaussianProcess(3, linear=True)
    model.fit(x, np.ones(5))
    model.condition(x, np.ones(5))
    mean, deviation = model.predict(np.ones((2, 3)))
    assert np.allclose(mean, 1) and np.isfinite(deviation).all()


# --- the front ---


def test_the_normal_distribution() -> None:
    z = np.linspace(-5, 5, 101)
    assert np.allclose(normal_cdf(z), [NormalDist().cdf(value) for value in z], atol=2e-7)
    share = np.linspace(0.001, 0.999, 50)
    assert np.allclose(normal_quantile(share), [NormalDist().inv_cdf(value) for value in share], atol=1e-4)


def test_a_front_has_what_nothing_beats() -> None:
    costs, scores = np.array([3.0, 1, 2, 1, 4, 2]), np.array([5.0, 2, 1, 3, 5, 4])
    front = Front.of(costs, scores)
    assert front.members.tolist() == [3, 5, 0]
    assert front.gaps(7).tolist() == [1, 1, 4]


def area(costs: Floats, scores: Floats, end: float, floor: float, start: float) -> float:
    """Area under the staircase, one thin slice after the other."""
    grid = np.linspace(start, end, 4001)
    best = np.array([max([floor, *scores[costs <= at]]) for at in grid])
    return float(((best[1:] + best[:-1]) / 2 * np.diff(grid)).sum())


def test_the_expected_gain_is_the_growth_of_the_area() -> None:
    costs, scores = np.array([0.5, 1.5, 2.0]), np.array([0.2, 0.5, 0.9])
    front, end = Front.of(costs, scores), 3.0
    outcomes, chances = np.array([[0.1, 0.7, 1.2]] * 4), np.array([0.5, 0.3, 0.2])
    candidates = np.array([0.2, 1.0, 1.8, 2.9])
    gains = front.expected_gain(candidates, outcomes, chances, floor=0.0, end=end)
    for at, gain in zip(candidates, gains, strict=True):
        before = area(costs, scores, end, 0.0, 0.0)
        after = [area(np.append(costs, at), np.append(scores, o), end, 0.0, 0.0) for o in outcomes[0]]
        assert gain == pytest.approx(float(np.dot(np.array(after) - before, chances)), abs=2e-3)


# --- what is suggested ---

SPACE = Space([Parameter("size", "log", 1, 200), *(Parameter(f"u{i}", "linear", -1, 1) for i in range(5))])
START = {"size": 10, "u0": 0.0, "u1": 0.0, "u2": 0.0, "u3": 0.0, "u4": 0.0}


def bump(values: dict[str, Any]) -> tuple[float, float]:
    """Score and cost: best at u0 = 0.5 and u1 = -0.5, the better the larger it is."""
    miss = (values["u0"] - 0.5) ** 2 + (values["u1"] + 0.5) ** 2
    return math.exp(-4 * miss) * math.log(values["size"]) / math.log(200), values["size"]


def searched(runs: int, play: Any = bump, **options: Any) -> tuple[Protein, list[Suggestion]]:
    search = Protein(SPACE, 3, start=START, **options)
    made = []
    for _ in range(runs):
        made.append(search.suggest())
        search.observe(made[-1].values, *play(made[-1].values))
    return search, made


def found(made: list[Suggestion]) -> float:
    """Share of the area under the true front, log(cost) / log(200)."""
    points = np.array([bump(each.values) for each in made])
    return 2 * area(np.log(points[:, 1]), points[:, 0], math.log(200), 0.0, 0.0) / math.log(200)


def test_it_fills_the_front_better_than_chance() -> None:
    shares = {method: found(searched(60, method=method)[1]) for method in ("random", "pareto", "protein")}
    assert shares["random"] < shares["pareto"] < shares["protein"]
    assert shares["protein"] > 0.8


def test_a_search_that_is_started_again_suggests_the_same() -> None:
    _, made = searched(40, switches=Switches(replicates=7))
    again = Protein(SPACE, 3, start=START, switches=Switches(replicates=7))
    for number, each in enumerate(made):
        if number in (1, 5, 17, 30, 39):  # a new process: nothing but the observations is there
            again = Protein(SPACE, 3, start=START, switches=Switches(replicates=7))
            for before in made[:number]:
                again.observe(before.values, *bump(before.values))
        assert again.suggest() == each
        again.observe(each.values, *bump(each.values))


def test_it_begins_where_it_is_told_and_uses_all_sources() -> None:
    _, made = searched(40, switches=Switches(replicates=10))
    assert made[0].source == "start" and made[0].values == pytest.approx(START)
    assert {each.source for each in made} == {"start", "random", "free", "model", "replicate"}
    assert all(each.cost is not None for each in made if each.source == "model")


def test_costs_are_predicted() -> None:
    _, made = searched(40)
    errors = [math.log10(e.cost.middle / e.values["size"]) for e in made[20:] if e.cost is not None]
    assert np.abs(errors).max() < 0.05, "decades"


def test_failures_are_avoided() -> None:
    def fragile(values: dict[str, Any]) -> tuple[float, float]:
        score, cost = bump(values)
        return (math.nan if values["u0"] > 0.4 else score), cost

    def failures(failure_model: bool) -> int:
        _, made = searched(60, fragile, switches=Switches(failures=failure_model))
        return sum(each.values["u0"] > 0.4 for each in made[20:])

    assert failures(True) < failures(False)
    assert failures(True) <= 12


def test_nothing_but_failures_is_survived() -> None:
    _, made = searched(30, lambda values: (math.nan, 1.0))
    assert {each.source for each in made} == {"start", "random"}
    _, made = searched(30, lambda values: (1.0, 1.0))
    assert len(made) == 30


def test_workers_side_by_side_are_sent_to_different_places() -> None:
    search, _ = searched(40)

    def spread(pending: bool) -> float:
        search.switches = Switches(pending=pending, free=0)
        waiting: list[dict[str, Any]] = []
        for _ in range(8):
            waiting.append(search.suggest(waiting, number=100).values)  # the same draws for all
        places = np.array([SPACE.places(values) for values in waiting])
        return float(np.mean(np.ptp(places, axis=0)))

    assert spread(True) > spread(False)


def test_what_costs_too_much_is_not_run() -> None:
    _, made = searched(40, max_cost=20)
    assert max(each.values["size"] for each in made if each.source == "model") < 25


def test_what_cannot_be_observed_is_refused() -> None:
    search = Protein(SPACE, 1)
    with pytest.raises(ConfigError, match="the cost of a run is 0; it must be above 0"):
        search.observe(START, 1.0, 0.0)
    with pytest.raises(ConfigError, match="u4 has no value"):
        search.observe({name: START[name] for name in list(START)[:-1]}, 1.0, 1.0)
    with pytest.raises(ConfigError, match="there is no method 'tpe'"):
        Protein(SPACE, 1, method="tpe")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="the greatest cost is -1"):
        Protein(SPACE, 1, max_cost=-1)
