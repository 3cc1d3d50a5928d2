"""Time, keys and who decides, without a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import puffer_envs
from puffer_envs import Replay
from puffer_envs.policy import NumpyPolicy, load_policy
from puffer_envs.spec import ActionPart
from puffer_render.cli_play import _action_parts
from puffer_render.draw import connect4, drawing_for, tanks, tower
from puffer_render.keys import KeyMap, make_keymap
from puffer_render.past import Course
from puffer_render.player import MAX_SPEED, MAX_WAIT, MIN_SPEED, REST, Game, Player
from puffer_render.tape import Tape

NONE: frozenset[str] = frozenset()
STAY, UP, DOWN, LEFT, RIGHT = range(5)  # of squared


@pytest.fixture
def player() -> Iterator[Player]:
    with puffer_envs.make("squared", max_steps=1000) as env:
        yield Player(env, make_keymap(env.spec.layout.actions), rate=10)


def test_steps_follow_the_clock(player: Player) -> None:
    assert sum(player.advance(0.0167, NONE, NONE) for _ in range(600)) == pytest.approx(100, abs=1)
    assert player.steps == player.env.state(0).tick


@pytest.mark.parametrize("speed", [0.25, 1, 8])
def test_speed_multiplies(player: Player, speed: float) -> None:
    while player.speed < speed:
        player.faster()
    while player.speed > speed:
        player.slower()
    assert sum(player.advance(0.1, NONE, NONE) for _ in range(40)) == pytest.approx(40 * speed, abs=1)


def test_speed_has_bounds(player: Player) -> None:
    for _ in range(50):
        player.faster()
    assert player.speed == MAX_SPEED
    for _ in range(50):
        player.slower()
    assert player.speed == MIN_SPEED


def test_lost_time_is_not_caught_up_on(player: Player) -> None:
    assert player.advance(1000.0, NONE, NONE) == int(MAX_WAIT * player.rate)


def test_pause_stops_time_but_not_single_steps(player: Player) -> None:
    player.paused = True
    assert player.advance(5.0, NONE, NONE) == 0
    player.step()
    assert player.steps == 1
    player.paused = False
    assert player.advance(0.05, NONE, NONE) == 0, "time from the pause was kept"


def test_held_and_tapped_keys_reach_the_environment(player: Player) -> None:
    column = player.env.state(0).column
    player.advance(0.2, frozenset({"left"}), NONE)
    assert player.env.state(0).column == column - 2 and player.person_drives
    player.advance(0.01, NONE, frozenset({"right"}))  # down and up between two steps
    player.advance(0.3, NONE, NONE)
    assert player.env.state(0).column == column - 1
    assert not player.person_drives


def test_reset_with_a_seed_repeats_the_game(player: Player) -> None:
    player.reset(7)
    first = player.env.state_hash()
    player.advance(0.2, frozenset({"up"}), NONE)
    player.reset(7)
    assert (player.env.state_hash(), player.steps) == (first, 0)
    player.reset()
    assert player.env.state_hash() != first


def test_games_are_kept() -> None:
    with puffer_envs.make("squared", max_steps=3) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), rate=10)
        assert player.games == []
        for _ in range(4):
            player.step()
        (game,) = player.games
        assert game.steps == 3


@pytest.mark.parametrize(
    ("score", "text"), [(864.0, "864"), (36250.5, "36250"), (0.0847431, "0.0847"), (-1.0, "-1"), (0.0, "0")]
)
def test_scores_are_short(score: float, text: str) -> None:
    assert str(Game(score, 10)) == text


def test_a_game_waits_for_a_key_before_and_after() -> None:
    with puffer_envs.make("squared", max_steps=3) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), rate=10)
        player.begin()
        assert player.stopped == "start" and player.advance(0.2, NONE, {"p"}) == 0
        assert player.advance(0.2, {"up"}, {"up"}) == 2 and player.stopped is None
        assert player.advance(0.2, {"up"}, NONE) == 1, "steps were taken after the end"
        assert player.stopped == "end" and player.games[-1].steps == 3
        assert player.advance(0.1, {"up"}, {"up"}) == 0, "a key meant for the last game began the next one"
        assert player.advance(REST, {"up"}, NONE) == 0, "a key that was held all the time began the next game"
        assert player.advance(0.1, {"up"}, {"up"}) == 1 and player.stopped is None


def test_where_each_step_waits_the_key_that_leaves_the_end_is_no_move() -> None:
    with puffer_envs.make("squared", max_steps=2) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), rate=10)
        player.waits = True
        player.begin()
        assert player.stopped is None
        for _ in range(2):
            assert player.advance(0.02, NONE, {"up"}) == 1
        assert player.stopped == "end"
        assert player.advance(REST, NONE, NONE) == 0
        assert player.advance(0.02, NONE, {"up"}) == 0 and player.stopped is None
        assert player.advance(0.02, NONE, {"up"}) == 1


def test_other_agents_ends_do_not_stop_the_game() -> None:
    with puffer_envs.make("snake", num_snakes=4) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), rate=10)
        player.begin()
        player.advance(0.1, {"left"}, {"left"})
        ended, own = 0, 0
        for _ in range(400):
            player.stopped = None
            player.step()
            ended += int(env.terminals[1:].any())
            own += int(env.terminals[0])
            assert (player.stopped == "end") == bool(env.terminals[0])
        assert ended > own == len(player.games)


class Recorder:
    """A policy that counts how often it is asked, and always goes up."""

    def __init__(self) -> None:
        self.asked = 0
        self.ended: list[bool] = []

    def act(self, observations: np.ndarray, action_masks: object = None, agent_mask: object = None) -> np.ndarray:
        self.asked += 1
        return np.full(len(observations), UP, np.int32)

    def reset(self, rows: np.ndarray | None = None) -> None:
        if rows is not None:
            self.ended.append(bool(rows[0]))


def test_a_policy_decides_every_so_many_steps_and_after_each_end() -> None:
    with puffer_envs.make("squared", max_steps=6) as env:
        policy = Recorder()
        player = Player(env, make_keymap(env.spec.layout.actions), policy, hold=4)  # type: ignore[arg-type]
        for _ in range(6):
            player.step()
        assert (policy.asked, policy.ended) == (2, [False] * 5 + [True])
        player.step()
        assert policy.asked == 3, "a new episode did not begin with a decision"


def test_the_person_overrules_the_policy_while_a_key_is_held() -> None:
    with puffer_envs.make("squared", max_steps=1000) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), Recorder(), rate=10)  # type: ignore[arg-type]
        player.step()
        assert env.actions[0] == UP and not player.person_drives
        player.step(frozenset({"s"}))
        assert env.actions[0] == DOWN and player.person_drives
        player.step()
        assert env.actions[0] == UP


def test_only_the_first_agent_is_the_persons() -> None:
    with puffer_envs.make("snake", num_snakes=4) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), rate=10)
        chosen = []
        for _ in range(50):
            player.step(frozenset({"right"}))
            chosen.append(env.actions.copy())
        assert (np.array(chosen)[:, 0] == 3).all()
        assert all(len(set(column)) > 1 for column in np.array(chosen)[:, 1:].T)


def test_handing_over_moves_the_person_to_the_next_agent() -> None:
    with puffer_envs.make("snake", num_snakes=3) as env:
        policy = Recorder()
        player = Player(env, make_keymap(env.spec.layout.actions), policy, rate=10)  # type: ignore[arg-type]
        seats = []
        for _ in range(4):
            player.step(frozenset({"right"}))
            seats.append((player.agent, np.flatnonzero(env.actions == 3).tolist()))
            player.hand_over()
        assert seats == [(0, [0]), (1, [1]), (2, [2]), (0, [0])]
        player.reset()
        assert player.agent == 1, "a new game moved the person to another agent"


def test_agents_that_are_away_are_passed_over() -> None:
    with puffer_envs.make("snake", num_snakes=4) as env:
        here = SimpleNamespace(agent_mask=np.array([True, False, True, True]), num_agents=4, state=env.state)
        player = Player(env, make_keymap(env.spec.layout.actions))
        player.env, player.present = here, lambda state, agent: agent != 2
        player.hand_over()
        assert player.agent == 3
        here.agent_mask = np.zeros(4, bool)
        player.hand_over()
        assert player.agent == 3, "nobody is there: the person stays"


def test_a_wreck_is_passed_over() -> None:
    with puffer_envs.make("tanks", team_size=3) as env:
        env.reset(0)
        state = SimpleNamespace(alive=np.array([1, 0, 1, 1, 1, 1]))
        assert [tanks.present(state, agent) for agent in range(3)] == [True, False, True]
        assert all(tanks.present(env.state(0), agent) for agent in range(3))


def test_a_person_who_took_the_seat_keeps_it_without_a_key() -> None:
    with puffer_envs.make("squared", max_steps=1000) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), Recorder(), rate=10)  # type: ignore[arg-type]
        player.take_seat()
        player.step()
        assert env.actions[0] == STAY
        player.take_seat()
        player.step()
        assert env.actions[0] == UP
    with puffer_envs.make("squared") as env:
        player = Player(env, make_keymap(env.spec.layout.actions))
        player.take_seat()
        assert player.seated, "there is nobody to hand back to"


def four_in_a_row(policy: NumpyPolicy | None) -> Iterator[Player]:
    """A game of two agents who take turns, in which a person's turn waits for a key."""
    with puffer_envs.make("connect4", self_play=True) as env:
        player = Player(env, make_keymap(env.spec.layout.actions, connect4.KEYS), policy, rate=10)
        player.waits = True
        yield player


def press(player: Player, key: str) -> int:
    return player.advance(0.01, frozenset({key}), frozenset({key}))


def test_without_a_policy_the_person_plays_both_sides() -> None:
    for player in four_in_a_row(None):
        assert player.plays_all
        stones = []
        for key in ("four", "four", "three", "five"):
            assert player.advance(10.0, NONE, NONE) == 0
            assert press(player, key) == 1
            stones.append([int(side).bit_count() for side in player.env.state(0).stones])
        assert sorted(stones[-1]) == [2, 2]
        assert [sum(both) for both in stones] == [1, 2, 3, 4]


def test_beside_a_policy_only_the_persons_turns_wait() -> None:
    for player in four_in_a_row(load_policy(puffer_envs.trained_policy("connect4"))):
        assert player.advance(0.15, NONE, NONE) == 1, "before the person takes the seat, the policy plays both"
        player.take_seat()
        for key in ("one", "two", "three"):
            while not player.can_choose:
                assert player.advance(0.1, NONE, NONE) == 1
            before = int(player.env.state(0).stones[0]).bit_count()
            assert player.advance(10.0, NONE, NONE) == 0
            assert press(player, key) == 1
            assert int(player.env.state(0).stones[0]).bit_count() == before + 1


def test_a_click_is_a_move() -> None:
    for player in four_in_a_row(None):
        for column in (3, 3, 6):
            state = player.env.state(0)
            player.touched = connect4.touch(state, 20 + (column + 0.5) * 68, 200)
            assert player.touched == column
            assert player.advance(0.01, NONE, NONE) == 1
            assert int(player.env.state(0).last) == column and player.touched is None
        assert connect4.touch(player.env.state(0), 3, 200) is None
        player.paused, player.touched = True, 1
        assert player.advance(1.0, NONE, NONE) == 0
        player.paused = False
        assert player.advance(1.0, NONE, NONE) == 0, "a click while the game was paused is no move"


def test_a_full_column_cannot_be_clicked() -> None:
    for player in four_in_a_row(None):
        for _ in range(6):
            player.touched = 2
            player.advance(0.01, NONE, NONE)
        if int(player.env.state(0).moves) == 6:
            at = 20 + 2.5 * 68
            assert connect4.touch(player.env.state(0), at, 200) is None


def test_the_score_is_that_of_the_agents_whole_life() -> None:
    """Also of the part that someone else played."""
    with puffer_envs.make("snake", num_snakes=2, width=8, height=8, num_food=20) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), rate=10)
        sums, lengths = np.zeros(2), np.zeros(2, int)
        for number in range(400):
            player.step()
            sums += env.rewards
            lengths += 1
            ended = env.terminals | env.truncations
            if ended[player.agent]:
                game = player.games[-1]
                assert (game.score, game.steps) == (pytest.approx(sums[player.agent]), lengths[player.agent])
            sums[ended], lengths[ended] = 0, 0
            if number % 3 == 0:
                player.hand_over()
        assert len(player.games) > 3


def discrete(name: str, *labels: str) -> ActionPart:
    return ActionPart(name, len(labels), 0, 0, labels)


def continuous(name: str, low: float, high: float) -> ActionPart:
    return ActionPart(name, 0, low, high, ("unit",))


def act(keymap: KeyMap, *held: str, last: tuple[float, ...]) -> list[float]:
    return keymap.action(frozenset(held), np.array(last, np.float32)).tolist()


def test_labels_choose_the_usual_keys() -> None:
    keymap = make_keymap([discrete("move", "left", "noop", "right")])
    assert act(keymap, last=(0,)) == [1]
    assert act(keymap, "left", last=(1,)) == [0]
    assert act(keymap, "d", last=(1,)) == [2]
    assert not keymap.driving(frozenset({"p"}))


def test_an_action_without_idle_choice_goes_on() -> None:
    keymap = make_keymap([discrete("push", "left", "right")])
    assert act(keymap, last=(1,)) == [1]


def test_other_labels_get_numbers_and_parts_do_not_mix() -> None:
    keymap = make_keymap([discrete("a", "red", "green"), discrete("b", "none", "low", "high")])
    assert act(keymap, "two", last=(0, 2)) == [1, 0]
    assert act(keymap, "x", last=(1, 0)) == [1, 2]
    keys = [key for binding in keymap.bindings for key in binding.keys]
    assert len(keys) == len(set(keys))


def test_continuous_actions_go_to_their_ends_and_back_to_zero() -> None:
    keymap = make_keymap([continuous("steer", -2, 2), continuous("thrust", 0.5, 1)])
    assert act(keymap, last=(1, 1)) == [0, 0.5]
    assert act(keymap, "left", "up", last=(0, 0)) == [-2, 1]


def test_a_drawings_own_keys_come_first() -> None:
    keymap = make_keymap([discrete("move", "stay", "left")], {"left": ("j",)}, "stay")
    assert act(keymap, "j", last=(0,)) == [1]
    assert act(keymap, "left", last=(1,)) == [0]


# --- games that wait, and actions that a pilot makes of keys ---


def test_a_game_that_waits_takes_one_step_per_key(player: Player) -> None:
    player.waits = True
    assert player.advance(10.0, NONE, NONE) == 0
    assert player.advance(0.01, frozenset({"left"}), frozenset({"left"})) == 1
    assert player.env.actions[0] == LEFT
    assert player.advance(0.01, frozenset({"left"}), NONE) == 0, "a key that stays down counts once"
    assert player.advance(0.01, NONE, frozenset({"f9"})) == 0, "no key of the game"
    assert player.steps == 1


def test_a_pilot_makes_the_action() -> None:
    parts = (ActionPart("one", 0, -1, 1, ()), ActionPart("two", 0, -1, 1, ()))
    seen = []

    def pilot(state: object, labels: frozenset[str], agent: int) -> tuple[float, float]:
        seen.append((state, labels, agent))
        return 0.5, -1.0 if "climb" in labels else 0.25

    keymap = make_keymap(parts, {"climb": ("w", "up"), "fall": ("s",)}, None, pilot)
    last = np.zeros(2, np.float32)
    assert keymap.action(frozenset({"up"}), last, "state").tolist() == [0.5, -1.0]
    assert keymap.action(NONE, last, "state", 3).tolist() == [0.5, 0.25]
    assert seen == [("state", frozenset({"climb"}), 0), ("state", frozenset(), 3)]
    assert [binding.caps for binding in keymap.bindings] == [["W", "Up"], ["S"]]
    assert keymap.driving(frozenset({"s"})) and not keymap.driving(frozenset({"x"}))


# --- steps that are shown for a while, steps taken back, levels ---


def lasting(player: Player, steps: float) -> None:
    player.remember, player.lasting = True, lambda before, after: steps


def test_what_a_step_did_is_shown_before_the_next_one(player: Player) -> None:
    lasting(player, 2.5)
    player.step()
    assert sum(player.advance(0.1, NONE, NONE) for _ in range(100)) == 40
    assert player.before is not None and player.after is not None
    assert player.before.tick + 1 == player.after.tick


def test_a_key_ends_what_is_shown_for_long_and_is_a_move_after_that(player: Player) -> None:
    player.waits = True
    lasting(player, 20.0)
    assert press(player, "left") == 1
    assert press(player, "left") == 0 and player.progress < 0.1, "a key that was meant as a move ended it"
    for _ in range(6):
        player.advance(0.1, NONE, NONE)
    assert press(player, "left") == 0 and player.progress == 1
    lasting(player, 4.0)
    assert press(player, "left") == 1
    player.advance(0.25, NONE, NONE)
    player.advance(0.1, NONE, NONE)
    assert press(player, "left") == 1, "less than one step of it was left"


def test_the_end_of_a_game_is_shown_before_it_stops() -> None:
    with puffer_envs.make("squared", max_steps=1) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), rate=10)
        player.begin()
        player.waits, player.stopped = True, None
        lasting(player, 3.0)
        assert press(player, "up") == 1 and player.stopped == "end" and player.shows_end
        for _ in range(2):
            assert player.advance(0.1, NONE, {"up"}) == 0 and player.shows_end
        player.advance(0.2, NONE, NONE)
        assert not player.shows_end and player.before is not None
        player.advance(REST, NONE, NONE)
        assert press(player, "up") == 0 and player.stopped is None and player.before is None


def test_steps_can_be_taken_back_also_the_last_one_of_a_game() -> None:
    with puffer_envs.make("squared", max_steps=4) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), rate=10)
        player.waits, player.past.kept = True, True
        player.begin()
        hashes = []
        for _ in range(4):
            hashes.append(env.state_hash())
            assert press(player, "up") == 1
        assert player.stopped == "end" and len(player.games) == 1
        player.take_back()
        assert env.state_hash() == hashes[3] and player.stopped is None and player.games == []
        player.take_back(everything=True)
        assert env.state_hash() == hashes[0] and len(player.past) == 0
        player.take_back()
        assert env.state_hash() == hashes[0]
        for _ in range(4):
            press(player, "down")
        assert player.games[-1].steps == 4


def test_what_was_played_is_on_the_tape_and_what_was_taken_back_is_not(tmp_path: Path) -> None:
    with puffer_envs.make("squared", max_steps=4) as env:
        player = Player(env, make_keymap(env.spec.layout.actions), seed=5, rate=10, tape=Tape())
        player.waits, player.past.kept = True, True
        player.begin()
        assert player.tape is not None
        for key in ("up", "up", "down", "left"):
            press(player, key)
        player.take_back()
        press(player, "right")
        player.tape.save(tmp_path / "a.puf", env)
        replay = Replay.load(tmp_path / "a.puf")
        assert replay.actions.ravel().tolist() == [UP, UP, DOWN, RIGHT] and replay.seed == 5
        *_, last = (played.state_hash() for played in replay.play())
        assert last == env.state_hash()
        player.past.forget()
        player.reset()
        press(player, "down")
        player.tape.save(tmp_path / "a.puf", env)
        again = Replay.load(tmp_path / "a.puf")
        assert again.actions.ravel().tolist() == [DOWN] and again.seed != 5, "a new game has a seed of its own"


def test_levels_are_played_one_after_the_other() -> None:
    keys = ("up", "right", "down", "left", "space", "x")
    with puffer_envs.make("tower", num_levels=6, gadgets=2, difficulty=0, spread=0) as env:
        player = Player(env, make_keymap(env.spec.layout.actions, tower.KEYS), rate=10)
        assert Course.offered_by(env)
        player.waits, player.course, player.judge = True, Course(env), tower.verdict
        player.begin()
        for rank in (0, 1, 2):
            state = env.state(0)
            assert int(state.rank) == rank
            for action in np.asarray(state.solution).reshape(-1)[: int(state.par)].tolist():
                press(player, keys[action])
            assert player.games[-1].won and player.games[-1].verdict == "solved!"
            player.advance(REST, NONE, NONE)
            press(player, "up")
        for by, rank in ((1, 4), (1, 5), (1, 5), (-9, 0)):
            player.change_level(by)
            assert int(env.state(0).rank) == rank and player.stopped is None
        player.step(frozenset({"up"}))
        player.reset()
        assert int(env.state(0).rank) == 0
    with puffer_envs.make("tower", num_levels=6, gadgets=2) as env:
        env.reset()
        assert not Course.offered_by(env)
    with puffer_envs.make("squared") as env:
        env.reset()
        assert not Course.offered_by(env)


@pytest.mark.parametrize("name", [*puffer_envs.list_envs(), "car_racing of choices"])
def test_any_key_of_any_game_gives_an_action(name: str) -> None:
    name, _, other = name.partition(" ")
    few = {param.name: 16 for param in puffer_envs.spec(name).params if param.name in ("num_levels", "num_tracks")}
    with puffer_envs.make(name, **few | ({"continuous": False} if other else {})) as env:
        env.reset()
        drawing, space = drawing_for(name, None), env.single_action_space
        keymap = make_keymap(_action_parts(env), drawing.keys, drawing.idle, drawing.pilot)
        last = np.zeros(max(1, int(np.prod(space.shape))), space.dtype)
        for binding in keymap.bindings:
            action = keymap.action({binding.keys[0]}, last, env.state(0))
            env.step(np.broadcast_to(action.reshape(space.shape), (env.num_agents, *space.shape)).copy())
        assert keymap.bindings
        assert drawing.between is None or drawing.frameskip or drawing.frames, "who says how many frames a step has?"
