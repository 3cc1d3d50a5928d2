"""Other people's PPO learns CartPole here: nothing in between is off by a step, a copy or a bootstrap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch")

SOLVED = 400.0
"""Mean return, of 500. An untrained policy has about 20."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower with several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_ppo_of_stable_baselines3() -> None:
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.evaluation import evaluate_policy  # noqa: PLC0415

    from puffer_envs.adapters.to_stable_baselines3 import make_vec_env  # noqa: PLC0415

    model = stable_baselines3.PPO(
        "MlpPolicy", make_vec_env("cartpole", 32), seed=1, n_steps=32, batch_size=256, gae_lambda=0.8, gamma=0.98,
        n_epochs=10, learning_rate=lambda left: 1e-3 * left, clip_range=lambda left: 0.2 * left, device="cpu",
    )  # fmt: skip
    before, _ = evaluate_policy(model, make_vec_env("cartpole", 32, seed=9), n_eval_episodes=64, deterministic=False)
    model.learn(100_000)
    after, _ = evaluate_policy(model, make_vec_env("cartpole", 32, seed=9), n_eval_episodes=64)
    assert before < 60
    assert after >= SOLVED
    # its own log, which the infos feed
    assert np.mean([episode["r"] for episode in model.ep_info_buffer]) >= SOLVED


def test_a_ppo_in_a_single_file() -> None:
    from .single_file_ppo import train  # noqa: PLC0415

    curve = train("puffer_envs:puffer/Cartpole-v1", seed=1)
    assert 0 < curve[0] < 60
    assert curve[-1] >= SOLVED
