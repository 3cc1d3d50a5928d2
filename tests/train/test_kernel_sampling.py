"""The kernels draw from exactly the distribution that logits and spreads say, at every place independently.

A network is so chosen that its logits are known to the last bit: one unit of the encoder is 1.75, every gate is half
open, so that its output is exactly 1, which the head multiplies with the logits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from puffer_train import _kernels

ISAS = _kernels.supported_isas()


class Sampler:
    """Rows that all have the same logits, or means and spreads, whatever the step."""

    def __init__(
        self,
        outputs: Sequence[float],
        choices: Sequence[int] | None,
        rows: int = 4096,
        *,
        log_std: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        masks: NDArray[np.bool_] | None = None,
        isa: str | None = None,
    ) -> None:
        count, gaussian = len(outputs), choices is None
        actions = count if choices is None else len(choices)
        units = None if scale is None else np.array(scale, np.float32)
        workers = _kernels.Workers(1, isa)
        learner = _kernels.Learner(workers, "mingru", 1, 16, 1, choices, units, np.ones(1, np.float32), "float32", 1)
        encoder, head = np.zeros((16, 1), np.float32), np.zeros((count + 1, 16), np.float32)
        encoder[0] = 1.75
        head[:count, 0] = outputs
        spreads = None if log_std is None else np.array(log_std, np.float32)
        learner.pack((encoder, np.zeros((1, 48, 16), np.float32), head, spreads))

        def zeros(dtype: Any = np.float32, *more: int) -> NDArray[Any]:
            return np.zeros((1, rows, *more), dtype)

        names = ("log_probs", "advantages", "values", "ratios", "rewards", "final_values")
        self.arrays: dict[str, Any] = {name: zeros() for name in names}
        self.arrays |= {
            "observations": np.ones((2, rows, 1), np.float32),
            "actions": zeros(np.float32 if gaussian else np.int64, actions),
            "masks": None if masks is None else np.broadcast_to(masks, (2, rows, count)).copy(),
            "present": None,
            "ends": zeros(np.bool_),
            "first_state": zeros(np.float32, 16),
            "last_value": np.zeros(rows, np.float32),
        }
        self.state = zeros(np.float32, 16)
        env = SimpleNamespace(
            observations=np.ones((rows, 1), np.float32),
            rewards=np.zeros(rows, np.float32),
            terminals=np.zeros(rows, np.bool_),
            truncations=np.zeros(rows, np.bool_),
        )
        self.actor = _kernels.Actor(_kernels.Rollout(learner, self.arrays), env, self.state, 0, rows)

    def draw(self, key: int, greedy: bool = False) -> NDArray[Any]:
        """Actions (rows, k)."""
        self.state[:] = 0
        assert self.actor.act(0, key, greedy) == -1
        return self.arrays["actions"][0].copy()

    def draws(self, steps: int, first_key: int = 1) -> NDArray[Any]:
        """Actions (steps, rows, k)."""
        return np.stack([self.draw(first_key + step) for step in range(steps)])


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(logits - logits.max())
    return e / e.sum()


def check_frequencies(counts: NDArray[Any], wanted: NDArray[Any]) -> None:
    """Pearson's chi-squared test; four standard deviations either way, as too good a fit is no chance either."""
    rare = wanted < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(wanted[~rare], wanted[rare].sum())
    counts, wanted = counts[wanted > 0], wanted[wanted > 0]
    freedom = len(wanted) - 1
    if freedom == 0:
        return
    chi_squared = float(((counts - wanted) ** 2 / wanted).sum())
    normal = ((chi_squared / freedom) ** (1 / 3) - 1 + 2 / (9 * freedom)) / math.sqrt(2 / (9 * freedom))
    assert abs(normal) < 4, chi_squared  # Wilson & Hilferty 1931


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("spread", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("choices", [1, 2, 3, 100, 1000])
def test_frequencies_are_probabilities(choices: int, spread: float, isa: str) -> None:
    logits = np.random.default_rng(choices).normal(0, spread, choices).astype(np.float32)
    sampler = Sampler(logits.tolist(), [choices], isa=isa)
    drawn = sampler.draws(50)
    probability = softmax(logits.astype(np.float64))
    check_frequencies(np.bincount(drawn.ravel(), minlength=choices), probability * drawn.size)
    stored = np.exp(sampler.arrays["log_probs"][0].astype(np.float64))
    np.testing.assert_allclose(stored, probability[drawn[-1, :, 0]], rtol=3e-6)


@pytest.mark.parametrize("logits", [[1e30, -1e30, 0.0], [-1e30, -1e30, 1e30], [-1e30, -2e30, 0.0], [3e38, -3e38, 0.0]])
def test_huge_logits(logits: list[float]) -> None:
    """The largest is always chosen, and nothing overflows."""
    sampler = Sampler(logits, [3])
    assert (sampler.draws(20) == int(np.argmax(logits))).all()
    assert np.array_equal(sampler.arrays["log_probs"][0], np.zeros(4096, np.float32))


def test_equal_huge_logits_share() -> None:
    drawn = Sampler([1e30, -1e30, 1e30, 1e30], [4]).draws(50)
    check_frequencies(np.bincount(drawn.ravel(), minlength=4), np.array([1, 0, 1, 1]) / 3 * drawn.size)
    assert not (drawn == 1).any()


def test_greedy_takes_the_first_of_the_likeliest() -> None:
    sampler = Sampler([0.5, 2.0, 2.0, -1.0, 3.0, 1.0, 3.0], [4, 3], rows=70)
    assert (sampler.draw(1, greedy=True) == [1, 0]).all()
    masks = np.array([True, False, True, True, False, True, True])
    assert (Sampler([0.5, 2.0, 2.0, -1.0, 3.0, 1.0, 3.0], [4, 3], masks=masks).draw(1, greedy=True) == [2, 2]).all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("allowed", [[0], [4], [7], [0, 7], [1, 2, 6]])
def test_forbidden_choices_are_never_drawn(allowed: list[int], isa: str) -> None:
    """However much likelier they would be; the rest shares their probability."""
    logits = np.array([0.3, 20.0, -1.0, 8.0, 0.0, 60.0, 1.0, -30.0], np.float32)
    masks = np.zeros(8, np.bool_)
    masks[allowed] = True
    sampler = Sampler(logits.tolist(), [8], masks=masks, isa=isa)
    drawn = sampler.draws(50)
    assert masks[drawn].all()
    probability = np.zeros(8)
    probability[allowed] = softmax(logits[allowed].astype(np.float64))
    check_frequencies(np.bincount(drawn.ravel(), minlength=8), probability * drawn.size)
    np.testing.assert_allclose(
        sampler.arrays["log_probs"][0], np.log(probability[drawn[-1, :, 0]]), rtol=1e-6, atol=1e-6
    )


# -- the corner that comes up once in 2^24 draws -----------------------------------------------------------

WORD = (1 << 64) - 1
GOLDEN_GAMMA = 0x9E3779B97F4A7C15


def unmixed(z: int) -> int:
    """The x of which SplitMix64's next number is z."""

    def unshift(y: int, by: int) -> int:
        x = y
        for _ in range(64 // by):
            x = y ^ (x >> by)
        return x

    z = unshift(z, 31) * pow(0x94D049BB133111EB, -1, 1 << 64) & WORD
    z = unshift(z, 27) * pow(0xBF58476D1CE4E5B9, -1, 1 << 64) & WORD
    return (unshift(z, 30) - GOLDEN_GAMMA) & WORD


def key_for(hashed: int) -> int:
    """The key with which row 0 draws the uniform number hashed / 2^64, to 24 bits, for its first action."""
    return unmixed(unmixed(unmixed(hashed)))


@pytest.mark.parametrize("isa", ISAS)
def test_a_uniform_number_of_zero_takes_the_first_allowed_choice(isa: str) -> None:
    masks = np.array([False, False, True, True])
    sampler = Sampler([5.0, 0.0, 0.0, 0.0], [4], rows=1, masks=masks, isa=isa)
    assert sampler.draw(key_for(0))[0, 0] == 2
    assert sampler.draw(key_for(WORD))[0, 0] == 3
    everything = Sampler([0.0, 0.0, 0.0, 0.0], [4], rows=1, isa=isa)
    for quarter in range(4):
        for within in (0, 1 << 40, (1 << 62) - 1):  # the borders between choices are exactly here
            assert everything.draw(key_for((quarter << 62) + within))[0, 0] == quarter


def test_a_uniform_number_of_zero_is_no_infinite_noise() -> None:
    sampler = Sampler([0.0], None, rows=1, log_std=[0.0], scale=[1.0])
    assert abs(sampler.draw(key_for(0))[0, 0]) <= math.sqrt(2 * 24 * math.log(2)) + 1e-5
    assert sampler.draw(key_for(WORD))[0, 0] == pytest.approx(0, abs=1e-3)


# -- independence ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", ["steps", "rows", "actions", "keys far apart"])
def test_draws_are_independent(apart: str) -> None:
    """Of every pair of neighbours, each draw in one pair only; also of keys that differ in a high bit."""
    sampler = Sampler([0.0, 1.0, 0.5] * 2, [3, 3])
    drawn = sampler.draws(60)
    if apart == "keys far apart":
        drawn = np.stack([drawn, sampler.draws(60, first_key=1 + (1 << 61))])
    axis = {"steps": 0, "rows": 1, "actions": 2, "keys far apart": 0}[apart]
    pairs = np.moveaxis(drawn, axis, 0)
    single = softmax(np.array([0.0, 1.0, 0.5]))
    counts = np.bincount((3 * pairs[::2] + pairs[1::2]).ravel(), minlength=9)
    check_frequencies(counts, np.outer(single, single).ravel() * counts.sum())


@pytest.mark.parametrize("lag", [1, 2, 3, 8, 16, 64])
@pytest.mark.parametrize("axis", [0, 1])
def test_nothing_repeats(axis: int, lag: int) -> None:
    """Correlations over steps and rows, also at the distances of vectors and blocks."""
    noise = Sampler([0.0], None, rows=1024, log_std=[0.0], scale=[1.0]).draws(200)[..., 0]
    a, b = (np.moveaxis(noise, axis, 0)[i : len(np.moveaxis(noise, axis, 0)) - lag + i] for i in (0, lag))
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / math.sqrt(a.size)


# -- normal distributions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("isa", ISAS)
def test_continuous_actions_are_normal(isa: str) -> None:
    """Moments to the fourth, Kolmogorov and Smirnov's test, tails, and no dependence between dimensions."""
    means, log_std, scale = np.array([0.5, -2.0, 0.0]), np.array([-1.0, 0.0, 0.7]), np.array([2.0, 0.5, 1.0])
    sampler = Sampler(means.tolist(), None, log_std=log_std.tolist(), scale=scale.tolist(), isa=isa)
    z = ((sampler.draws(60) / scale - means) / np.exp(log_std)).reshape(-1, 3)
    count = len(z)
    root = math.sqrt(count)
    for power, (moment, variance) in {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96)}.items():
        assert np.abs((z**power).mean(0) - moment).max() < 4 * math.sqrt(variance) / root, power
    for column in np.sort(z, axis=0).T:
        normal = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in column[::10]])
        assert np.abs(normal - np.arange(0, count, 10) / count).max() < 2.2 / root + 1 / count
    beyond = (np.abs(z) > 3).sum(0)
    wanted = count * math.erfc(3 / math.sqrt(2))
    assert np.abs(beyond - wanted).max() < 4 * math.sqrt(wanted)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        for f, g in ((z[:, a], z[:, b]), (np.abs(z[:, a]), np.abs(z[:, b]))):
            assert abs(np.corrcoef(f, g)[0, 1]) < 4 / root
    assert (sampler.draw(1, greedy=True) == np.float32(means * scale)).all()
