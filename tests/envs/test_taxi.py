"""taxi: fares, ways and rain. Its certificate is in tests/engine/test_port.py."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np

import puffer_envs
from puffer_envs.porting.adapter import KNOWN
from puffer_envs.porting.run import Request, port

DOWN, UP, RIGHT, LEFT, PICK, DROP = range(6)
STANDS = ((0, 0), (0, 4), (4, 0), (4, 3))
BARRED = {((0, 1), (0, 2)), ((1, 1), (1, 2)), ((3, 0), (3, 1)), ((4, 0), (4, 1)), ((3, 2), (3, 3)), ((4, 2), (4, 3))}
MOVES = {DOWN: (1, 0), UP: (-1, 0), RIGHT: (0, 1), LEFT: (0, -1)}

Place = tuple[int, int]


def way(start: Place, end: Place) -> list[int]:
    """The shortest way, as actions, by a search over a map told a second time."""
    reached: dict[Place, list[int]] = {start: []}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for action, (down, right) in MOVES.items():
            there = here[0] + down, here[1] + right
            barred = (here, there) in BARRED or (there, here) in BARRED
            if not barred and there not in reached and min(there) >= 0 and max(there) < 5:
                reached[there] = [*reached[here], action]
                queue.append(there)
    return reached[end]


def test_the_shortest_ways_are_driven_as_planned() -> None:
    """From every start, to every stand: the return is 20 for the fare, less one for every other step."""
    returns = []
    with puffer_envs.make("taxi", 1, seed=1) as env:
        for seed in range(300):
            row, column, passenger, destination = (int(x) for x in env.reset(seed)[0])
            assert passenger != destination
            plan = [*way((row, column), STANDS[passenger]), PICK]
            plan += [*way(STANDS[passenger], STANDS[destination]), DROP]
            for action in plan:
                env.step(np.array([action], np.int32))
            assert env.terminals[0]
            returns.append(env.log()["score"])
            assert returns[-1] == 21 - len(plan)
    assert 7.4 < np.mean(returns) < 8.5


def test_rain_is_gymnasiums(tmp_path: Path) -> None:
    adapter = tmp_path / "rainy.py"
    code = (KNOWN / "taxi.py").read_text("utf-8")
    adapter.write_text(f"{code}\nSETTINGS = {{'rain': True}}\nREFERENCE_SETTINGS = {{'is_rainy': True}}\n", "utf-8")
    facts = port(Request("gymnasium:Taxi-v4", "taxi", adapter=adapter, steps=6000, episodes=10, scores=0)).facts
    assert facts["same"], facts["look_at"]


def test_wrong_stops_cost_ten_and_any_stand_will_do_to_leave() -> None:
    with puffer_envs.make("taxi", 4000, seed=2, aboard=1) as env:
        before = env.reset().copy()
        env.step(np.full(4000, DROP, np.int32))
        stands = {place: i for i, place in enumerate(STANDS)}
        for row, reward, terminal, after in zip(before, env.rewards, env.terminals, env.observations, strict=True):
            stand = stands.get((int(row[0]), int(row[1])))
            assert reward == (-10 if stand is None else 20 if stand == row[3] else -1)
            assert terminal == (reward == 20)
            if reward == -1:
                assert after[2] == stand
        assert env.terminals.sum() > 50
