"""What a window says over the picture."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

import puffer_envs
from puffer_envs.contract.trained import trained_policy
from puffer_envs.policy import load_policy
from puffer_render.draw import drawing_for, tower
from puffer_render.frame import Frame
from puffer_render.keys import make_keymap
from puffer_render.overlay import draw_footer, draw_help, draw_stop, draw_thoughts
from puffer_render.past import Course
from puffer_render.player import Player
from puffer_render.states import keep, memory_of


class Reader(Frame):
    """A frame that remembers what was written on it."""

    def __init__(self) -> None:
        super().__init__(800, 600)
        self.said: list[str] = []

    def text(self, x: float, y: float, string: str, *rest: object, **more: object) -> float:
        self.said.append(string)
        return super().text(x, y, string, *rest, **more)  # type: ignore[arg-type]


@pytest.fixture
def player() -> Iterator[Player]:
    with puffer_envs.make("tower", num_levels=4, gadgets=2, difficulty=1, spread=0) as env:
        yield Player(env, make_keymap(env.spec.layout.actions, tower.KEYS))


def said(draw: object, player: Player) -> list[str]:
    frame = Reader()
    draw(player, frame)  # type: ignore[operator]
    return frame.said


def test_a_game_says_what_to_do_before_it_starts(player: Player) -> None:
    player.stopped = "start"
    assert "H shows all keys" in said(draw_stop, player)
    player.goal = tower.GOAL
    assert tower.GOAL in said(draw_stop, player) and tower.GOAL in said(draw_help, player)


def test_a_game_says_how_it_ended_and_what_can_be_done(player: Player) -> None:
    player.judge, player.stops, player.past.kept = tower.verdict, True, True
    while not player.games:
        mask = player.env.action_masks[0]
        player.past.note(player._returns, player._lengths)
        player.step(frozenset({"x"} if mask[5] else {"down"} if mask[2] else {"right"}))
    words = said(draw_stop, player)
    assert player.games[0].verdict in words and player.games[0].verdict in ("out of time", "solved!")
    assert any(word.endswith("Z to take the last move back") for word in words) == (not player.games[0].won)
    player.course = Course(player.env)
    assert any("to try again" in word or "for the next level" in word for word in said(draw_stop, player))


def test_the_list_of_keys_has_those_that_do_something(player: Player) -> None:
    plain = said(draw_help, player)
    assert "new game" in plain and "take a move back" not in plain and "PgUp" not in plain
    player.past.kept, player.course = True, Course(player.env)
    more = said(draw_help, player)
    assert "new game" not in more and {"take a move back", "start again", "PgUp", "PgDn"} <= set(more)


def write(state: SimpleNamespace, name: str, field: str, value: int) -> None:
    """Change a field of a kept state, also where drawings in C read it."""
    setattr(state, field, value)
    offset = next(known.offset for known in puffer_envs.spec(name).fields if known.name == field)
    memory_of(state)[0][offset : offset + 4] = np.array([value], np.int32).view(np.uint8)


@pytest.mark.parametrize("name", ["tower", "cards", "lantern"])
def test_every_end_has_words(name: str) -> None:
    drawing = drawing_for(name, None)
    assert drawing.verdict is not None and drawing.goal
    field = "verdict" if name == "lantern" else "result"
    with puffer_envs.make(name) as env:
        env.reset()
        state = keep(env.state(0))
        words = []
        for value in range(4):
            write(state, name, field, value)
            words.append(drawing.verdict(state, 0))
    assert len(set(words)) == 4


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("checkers", {"result": 1}, ("won", "lost")),
        ("connect4", {"result": 2}, ("drawn", "drawn")),
        ("hex", {"result": 2}, ("lost", "won")),
        ("chess", {"result": 3, "ending": 1}, ("lost: checkmate", "won: checkmate")),
        ("go", {"result": 1, "areas": 30}, ("won, 30 to 0", "lost, 0 to 30")),
        ("othello", {"result": 1, "ended": 7}, ("won, 3 to 0", "lost, 0 to 3")),
        ("merge2048", {"ended": 0x1B}, ("the highest tile was 2048",) * 2),
    ],
)
def test_boards_say_how_a_game_ended_to_each_agent(name: str, fields: dict[str, int], words: tuple[str, str]) -> None:
    verdict = drawing_for(name, None).verdict
    assert verdict is not None
    with puffer_envs.make(name) as env:
        env.reset()
        state = keep(env.state(0))
        for field, value in fields.items():
            write(state, name, field, value)
        assert tuple(verdict(state, agent) for agent in range(2)) == words


def test_what_the_policy_finds_best_is_shown_and_changes_nothing() -> None:
    with puffer_envs.make("breakout") as env, puffer_envs.make("breakout") as twin:
        policy, other = (load_policy(trained_policy("breakout"), seed=1) for _ in range(2))
        parts = env.spec.layout.actions
        player = Player(env, make_keymap(parts, {}), policy, seed=1)
        twin.reset(1)
        for _ in range(30):
            words = said(lambda player, frame: draw_thoughts(player, parts, frame), player)
            assert words[0] in ("stay", "left", "right") and words[1].endswith("%") and words[-2] == "expects"
            player.step()
            twin.step(other.act(twin.observations))
        assert env.state_hash() == twin.state_hash()


def test_nothing_is_shown_without_a_policy(player: Player) -> None:
    assert not said(lambda player, frame: draw_thoughts(player, player.env.spec.layout.actions, frame), player)


def test_the_footer_names_choices_as_people_write_them() -> None:
    with puffer_envs.make("craftax_classic") as env:
        words = said(
            lambda player, frame: draw_footer(player, 60, frame), Player(env, make_keymap(env.spec.layout.actions))
        )
    assert "place table" in words and not [word for word in words if "_" in word]
    with puffer_envs.make("squared") as env:
        keys = make_keymap(env.spec.layout.actions, {"W": ("w",), "up": ("up",), "jump": ("x",)}, pilot=lambda *_: 0)
        words = said(lambda player, frame: draw_footer(player, 60, frame), Player(env, keys))
    assert [word for word in words if word in ("W", "Up", "up", "X", "jump")] == ["W", "Up", "X", "jump"]
