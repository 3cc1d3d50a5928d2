"""my_game keeps the contract of environments, and its games end with a score."""

from pathlib import Path

from gymnasium.vector.utils import batch_space

from puffer_envs import conformance, load_library, make

NAME = load_library(Path(__file__).with_name("my_game.h"))


def test_it_keeps_the_contract() -> None:
    results = conformance.run_checks(conformance.subject(NAME, 200))
    assert not [f"{result.check}: {result.message}" for result in results if result.status == "failed"]


def test_random_games_end_with_a_score() -> None:
    with make(NAME, num_envs=64, seed=1) as env:
        env.reset(1)
        choices = batch_space(env.single_action_space, env.num_agents)
        for _ in range(500):
            env.step(choices.sample())
        log = env.log()
    assert log["n"] > 0
    assert 0 <= log["perf"] <= 1
