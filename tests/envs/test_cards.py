"""cards against a second telling of its rules, and what may never happen: lost cards, seen secrets, endless games."""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment
from puffer_render.draw import cards as drawing
from puffer_render.font import CHARACTERS
from puffer_render.frame import TEXT, Frame, pack
from puffer_render.palette import NIGHT

from ..engine.conftest import build, compiler  # noqa: F401 (a fixture)
from . import cards_game as told
from .patch import patch

OPENING = 4
"""Cards that are no springs in the first hand of who begins."""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cards() -> list[told.Card]:
    with puffer_envs.make("cards") as env:
        env.reset(0)
        return told.read_table(env.state(0).table)


# --- the table, and decks ---


def test_the_table_is_sorted_and_within_its_bounds(cards: list[told.Card]) -> None:
    """Hands are kept in order of numbers, decks are drawn by cost, and no instant is free."""
    assert len(cards) == 61 and cards[0].kind == "nothing" and cards[1].kind == "spring"
    costs = [card.cost for card in cards[2:]]
    assert costs == sorted(costs) and set(costs) == set(range(8))
    assert all(card.cost > 0 for card in cards if card.kind == "instant")
    assert all(card.health > 0 for card in cards if card.kind == "creature")
    assert all((card.effect == "none") == (card.kind in ("nothing", "spring", "creature")) for card in cards)
    assert {card.effect for card in cards} == set(told.EFFECTS)
    assert {word for card in cards for word in card.keywords} == set(told.KEYWORDS)


def test_no_two_cards_are_alike_or_have_the_same_name(cards: list[told.Card]) -> None:
    drawn = (ROOT / "c/draw/envs/cards_parts.h").read_text("utf-8")
    names = re.findall(r'"([^"]*)"', drawn[drawn.index("cards_names[") : drawn.index("typedef struct CardsKeyword")])
    assert len(set(names)) == len(names) == len(cards)
    rows = re.findall(r"^ {4}(?:BEAST|CHARM)\(.*?\)\s*/\* (.*?) \*/", table_source(), re.MULTILINE)
    assert names[2:] == rows
    assert len({(c.kind, c.cost, c.amount, c.health, c.keywords, c.effect) for c in cards}) == len(cards)


def table_source() -> str:
    return (ROOT / "c/envs/cards_table.h").read_text("utf-8")


@pytest.mark.parametrize(("style", "springs"), [("fast", 14), ("middle", 16), ("slow", 18)])
def test_decks_are_springs_and_pairs(cards: list[told.Card], style: str, springs: int) -> None:
    means = []
    with puffer_envs.make("cards", 40, style=style) as env:
        env.reset(3)
        for i in range(40):
            for side in env.state(i).sides:
                counts = Counter(side.deck.tolist())
                assert counts.pop(told.SPRING) == springs
                assert all(count % 2 == 0 for count in counts.values())
                costs = [cards[number].cost for number in counts.elements()]
                assert len(costs) == 40 - springs
                means.append(np.mean(costs))
    assert len(set(means)) == 1
    low, high = {"fast": (1.5, 2), "middle": (2.5, 3.2), "slow": (3.4, 4.2)}[style]
    assert low < means[0] < high


def test_the_first_hands() -> None:
    """Two springs and four others, one more for who is second, who has drawn nothing yet."""
    with puffer_envs.make("cards", 200, self_play=True) as env:
        env.reset(5)
        began = [int(env.state(i).began) for i in range(200)]
        for i in range(200):
            state = env.state(i)
            if int(state.turns) > 0:
                continue
            second = state.sides[1 - began[i]].hand
            assert np.count_nonzero(second) == 7 and second.tolist().count(told.SPRING) == 2
        assert 70 < sum(began) < 130


# --- every step, told a second time ---


class Match:
    """A second telling beside an environment in self-play."""

    def __init__(self, env: Environment, cards: list[told.Card], take_backs: int, life: int) -> None:
        self.env, self.cards, self.take_backs, self.life = env, cards, take_backs, life
        self.over = False  # while a step is told that ended the game: the state shows the next one
        self.unknown = False
        self.happened: set[str] = set()
        self.begin()

    def begin(self) -> None:
        began = int(self.env.state(0).began)
        self.game = told.Game(self.cards, began, self.life, self.take_backs, self.look, OPENING)

    def look(self, side: int, index: int) -> int:
        """The card that was drawn: cards that have left a deck stay at their places in it."""
        if self.over:
            self.unknown = True
            return 0
        return int(self.env.state(0).sides[side].deck[index])

    def step(self, buttons: NDArray[np.int64]) -> None:
        asked = self.game.asked
        self.env.step(buttons.astype(np.int32))
        ended = self.over = bool(self.env.terminals[0])
        self.unknown = False
        self.game.press_and_settle(int(buttons[asked]))
        self.happened.update(self.game.happened)
        if not self.unknown:
            assert self.game.over == ended
            result = self.game.result() if ended else 0.0
            assert self.env.rewards.tolist() == [result, -result]
        if ended:
            assert not self.env.truncations.any()
            self.over = False
            self.begin()

    def compare(self) -> None:
        """State, masks and observations."""
        game, state = self.game, self.env.state(0)
        assert (game.turn, game.turns, game.asked) == (int(state.turn), int(state.turns), int(state.asked))
        assert told.MODES.index(game.mode) == int(state.mode)
        assert told.STAGES.index(game.stage) == int(state.stage)
        assert [(s, c.number, t) for s, c, t in game.stack] == [
            (int(s.side), int(s.card), int(s.target)) for s in state.stack[: int(state.stacked)]
        ]
        for side in (0, 1):
            compare_side(game.players[side], state.sides[side])
            assert self.env.action_masks is not None
            expected = game.legal() if side == game.asked else {told.ENTER}
            assert set(np.flatnonzero(self.env.action_masks[side]).tolist()) == expected
            seen = expected_observation(game, side)
            named = named_parts(self.env, side)
            assert {k: v for k, v in named.items() if v != seen[k]} == {}, seen


def compare_side(player: told.Player, side: Any) -> None:
    assert player.life == side.life
    assert [c.number for c in player.hand] == side.hand[: side.hands].tolist()
    assert [c.number for c in player.grave] == side.grave[: side.graves].tolist()
    for place, creature in enumerate(player.board):
        shown = (side.card[place], side.attack[place], side.health[place], side.hurt[place])
        bits = [int(x) >> place & 1 for x in (side.creatures, side.tired, side.fresh)]
        if creature is None:
            assert shown == (0, 0, 0, 0) and bits == [0, 0, 0]
        else:
            assert shown == (creature.card.number, creature.attack, creature.health, creature.hurt)
            assert bits == [1, creature.tired, creature.fresh]
    numbers = (player.springs, player.mana, player.fatigue, player.drawn, player.planted, player.regrets)
    assert numbers == (side.springs, side.mana, side.fatigue, side.drawn, side.planted, side.regrets)


def named_parts(env: Environment, row: int) -> dict[str, list[int]]:
    parts, start = {}, 0
    for part in env.spec.obs:
        parts[part.name] = env.observations[row, start : start + part.count].tolist()
        start += part.count
    assert start == env.observations.shape[1]
    return parts


def flags(values: Iterator[bool] | list[bool]) -> list[int]:
    return [int(value) for value in values]


def expected_observation(game: told.Game, side: int) -> dict[str, list[int]]:
    own, other = game.players[side], game.players[1 - side]
    hand: list[told.Card | None] = [*own.hand, *[None] * (told.HAND - len(own.hand))]
    stack: list[Any] = [*reversed(game.stack), None, None][:2]
    asked = flags([game.mode == m for m in told.MODES] + [game.stage == s for s in told.STAGES])
    asked += flags([game.asked == side, game.turn == side, own.planted, own.regrets > 0])
    picking = game.mode == "target" and game.asked == side
    return {
        "hand_amounts": [n for c in hand for n in ((c.cost, c.amount, c.health) if c else (0, 0, 0))],
        "hand_flags": [n for c in hand for n in (card_flags(c) if c else [0] * 20)],
        "own_amounts": board_amounts(game, side),
        "own_flags": board_flags(game, side, side),
        "other_amounts": board_amounts(game, 1 - side),
        "other_flags": board_flags(game, 1 - side, side),
        "stack_amounts": [n for s in stack for n in ((s[1].cost, s[1].amount) if s else (0, 0))],
        "stack_flags": [
            n
            for s in stack
            for n in (
                flags([s[0] == side, s[1].kind == "creature", s[2] == told.PLAYER]) + effect_flags(s[1])
                if s
                else [0] * 12
            )
        ],
        "asked": asked,
        "picked": flags([picking and place == game.picked for place in range(told.HAND)]),
        "life": [max(0, own.life), max(0, other.life)],
        "mana": [own.mana, other.mana, own.springs, other.springs],
        "hands": [len(own.hand), len(other.hand)],
        "decks": [40 - own.drawn, 40 - other.drawn],
        "fatigue": [own.fatigue, other.fatigue],
        "turns": [game.turns],
    }


def effect_flags(card: told.Card) -> list[int]:
    return flags([card.effect == effect for effect in told.EFFECTS[1:]])


def keyword_flags(card: told.Card) -> list[int]:
    return flags([word in card.keywords for word in told.KEYWORDS])


def card_flags(card: told.Card) -> list[int]:
    return flags([card.kind == k for k in ("spring", "creature", "instant")]) + keyword_flags(card) + effect_flags(card)


def board_amounts(game: told.Game, side: int) -> list[int]:
    amounts = []
    for place, creature in enumerate(game.players[side].board):
        if side == game.turn:
            fought = game.blocks.get(place, [])
        else:
            fought = [a for a, blockers in game.blocks.items() if place in blockers]
        foes = [c for f in fought if (c := game.players[1 - side].board[f]) is not None]
        row = [creature.attack, creature.left] if creature else [0, 0]
        row += [sum(c.attack for c in foes), sum(c.left for c in foes)]
        amounts += [min(12, n) for n in row]
    return amounts


def board_flags(game: told.Game, side: int, player: int) -> list[int]:
    rows = []
    for place, c in enumerate(game.players[side].board):
        blockers = [b for bs in game.blocks.values() for b in bs]
        fights = place in (game.attackers if side == game.turn else blockers)
        pointed = game.mode == "attack" and side == game.turn and place in game.attackers
        if game.mode == "block":
            chosen = game.blocks.get(game.blocking, [])
            pointed = place == game.blocking if side == game.turn else place in chosen
        rows += keyword_flags(c.card) if c else [0] * 8
        rows += flags([bool(c and c.tired), bool(c and c.fresh), fights, pointed])
        rows += flags(risks(game, side, player, c) if c else [False, False])
    return rows


def risks(game: told.Game, side: int, player: int, creature: told.Creature) -> list[bool]:
    """Whether it could die, and could fail to kill, in what is being asked, as far as `player` knows."""
    if game.mode == "block":
        attacker = game.players[game.turn].board[game.blocking]
        assert attacker is not None
        return [False, False] if side == game.turn else duel(creature, attacker)
    if game.mode == "target" and game.asked == player:
        spell = game.players[game.asked].hand[game.picked]
        return [side != game.asked and spell.amount >= creature.left, False]
    rested = [c for _, c in game.players[1 - side].living() if not c.tired]
    dies = any(c.attack >= creature.left for c in rested)
    return [dies, any(c.left > creature.attack for c in rested)]


def duel(one: told.Creature, two: told.Creature) -> list[bool]:
    """Whether `one` dies, and fails to kill, if the two fight alone."""

    def kills(a: told.Creature, b: told.Creature) -> bool:
        return a.attack >= b.left or (a.has("venom") and a.attack > 0)

    wins, loses = kills(one, two), kills(two, one)
    if one.has("quick") != two.has("quick") and wins and loses:
        wins, loses = one.has("quick"), two.has("quick")
    return [loses, not wins]


def random_buttons(env: Environment, rng: np.random.Generator, allowed: float) -> NDArray[np.int64]:
    """Mostly buttons that do something; rarely enter, so that boards fill and much is played."""
    assert env.action_masks is not None
    scores = rng.random(env.action_masks.shape) * np.where(env.action_masks, 1.0, 0.0)
    scores[:, told.ENTER] *= 0.75
    free = rng.integers(0, 12, len(scores))
    return np.where(rng.random(len(scores)) < allowed, scores.argmax(1), free)


@pytest.mark.parametrize(
    ("settings", "seed", "allowed"),
    [
        ({"take_backs": 2}, 1, 0.99),
        ({"take_backs": 8, "style": "slow", "life": 30}, 2, 1.0),
        ({"take_backs": 0, "style": "fast", "mirror": True}, 3, 0.8),
    ],
)
def test_every_step_follows_the_rules(
    cards: list[told.Card], settings: dict[str, Any], seed: int, allowed: float
) -> None:
    rng = np.random.default_rng(seed)
    played: Counter[str] = Counter()
    with puffer_envs.make("cards", self_play=True, **settings) as env:
        env.reset(seed)
        match = Match(env, cards, settings["take_backs"], settings.get("life", 20))
        match.compare()
        for _ in range(2500):
            match.step(random_buttons(env, rng, allowed))
            match.compare()
            played[match.game.mode] += 1
        assert env.log()["n"] >= 20
    assert set(played) == set(told.MODES)
    common = {"fast": {"bolt", "grow", "weaken"}, "slow": {"heal", "draw", "destroy", "sweep"}}
    assert match.happened >= common.get(settings.get("style", ""), set(told.EFFECTS[1:]))


# --- what always holds ---


@pytest.mark.parametrize("settings", [{"strength": 0}, {"strength": 1}, {"strength": 2}, {"self_play": True}])
def test_forty_cards_are_always_somewhere(settings: dict[str, Any]) -> None:
    """Over deck, hand, springs, board, stack and grave, the same numbers that the deck was made of."""
    rng = np.random.default_rng(0)
    with puffer_envs.make("cards", 8, **settings) as env:
        env.reset(6)
        for _ in range(150):
            env.step(random_buttons(env, rng, 1.0))
            for i in range(8):
                state = env.state(i)
                for number, side in enumerate(state.sides):
                    zones = side.deck[side.drawn :].tolist() + side.grave[: side.graves].tolist()
                    zones += side.hand[: side.hands].tolist() + [c for c in side.card.tolist() if c]
                    zones += [told.SPRING] * int(side.springs)
                    zones += [int(s.card) for s in state.stack[: int(state.stacked)] if s.side == number]
                    assert Counter(zones) == Counter(side.deck.tolist())


def test_every_game_ends_whatever_is_pressed() -> None:
    """Always the same button, also one that does nothing: a step always leads on."""
    for button in range(12):
        with puffer_envs.make("cards", 8, self_play=True) as env:
            env.reset(button)
            ended = np.zeros(16, np.bool_)
            for _ in range(1500):
                env.step(np.full(16, button, np.int32))
                ended |= env.terminals
            assert ended.all(), f"button {button}"


def test_it_is_always_the_agent_who_is_asked() -> None:
    rng = np.random.default_rng(1)
    for strength in (0, 1, 2):
        with puffer_envs.make("cards", 32, strength=strength) as env:
            env.reset(2)
            for _ in range(200):
                env.step(random_buttons(env, rng, 1.0))
                assert env.action_masks is not None
                assert (env.action_masks.sum(axis=1) >= 2).all(), "who has no choice is not asked"
            log = env.log()
        assert log["n"] == log["fast.n"] + log["middle.n"] + log["slow.n"]
        assert log["perf"] == pytest.approx((log["score"] + 1) / 2)
        parts = sum(log[f"{style}.n"] * log[f"{style}.perf"] for style in ("fast", "middle", "slow"))
        assert parts == pytest.approx(log["n"] * log["perf"], rel=1e-5)


def keys_shown(state: Any) -> set[int]:
    """The buttons in the list of keys."""
    frame = Frame(*drawing.SIZE)
    drawing.draw(state, frame)
    caps = [
        "".join(CHARACTERS[int(n)] for n in numbers[5:]).split()
        for verb, numbers in frame.entries()
        if verb == TEXT and numbers[0] > 950 and numbers[3] == pack(NIGHT)
    ]
    return {
        ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "Enter", "Back").index(cap) for line in caps for cap in line
    }


def test_the_picture_shows_the_keys_that_do_something() -> None:
    """The drawing tells from the state what the masks say; and all of it can be clicked at, but for all and none."""
    rng = np.random.default_rng(5)
    with puffer_envs.make("cards", self_play=True, take_backs=3) as env:
        env.reset(9)
        for _ in range(300):
            state = env.state(0)
            assert env.action_masks is not None
            legal = set(np.flatnonzero(env.action_masks[int(state.asked)]).tolist())
            assert keys_shown(state) == legal
            points = itertools.product(range(20, 1200, 40), range(50, 700, 23))
            assert {drawing.touch(state, x, y) for x, y in points} - {None} >= legal - {8, 9}
            env.step(random_buttons(env, rng, 1.0))


# --- single functions of the header, on made-up boards ---

LAB = """
#include "envs/cards.h"
static Cards fresh(uint64_t seed, int32_t life, int32_t mirror)
{
    Cards s = { 0 };
    s.self_play = 1; s.life = life; s.take_backs = 2; s.mirror = mirror;
    s.rng = puf_rng_seed(seed, 0);
    cards_reset(&s, NULL);
    return s;
}
static void put(CardsSide* x, const uint8_t* numbers, int32_t count)
{
    for (int32_t k = 0; k < count; k++) {
        if (numbers[k]) {
            x->card[k] = numbers[k]; x->attack[k] = cards_table[numbers[k]].attack;
            x->health[k] = cards_table[numbers[k]].health; x->creatures |= (uint8_t)(1 << k);
        }
    }
}
static Cards board(const uint8_t* own, const uint8_t* other, int32_t life)
{
    static Cards z;
    Cards s = z;
    s.self_play = 1; s.life = life; s.rng = puf_rng_seed(1, 0);
    s.sides[0].life = life; s.sides[1].life = life;
    s.sides[0].drawn = CARDS_DECK; s.sides[1].drawn = 0;
    for (int32_t k = 0; k < CARDS_DECK; k++) { s.sides[1].deck[k] = CARDS_SPRING; }
    put(&s.sides[0], own, 3); put(&s.sides[1], other, 3);
    return s;
}
/* One fight: boards of three, the attackers as bits, each blocker's attacker or -1. Out: lives, and the bits left. */
void fight(const uint8_t* own, const uint8_t* other, int32_t attack, const int8_t* blocks, int32_t* out)
{
    Cards s = board(own, other, 20);
    s.attacking = attack;
    for (int32_t b = 0; b < 3; b++) {
        if (blocks[b] >= 0) { s.blocks[blocks[b]] |= (uint8_t)(1 << b); s.blocked |= 1 << blocks[b]; }
    }
    cards_fight(&s);
    out[0] = s.sides[0].life; out[1] = s.sides[1].life; out[2] = s.sides[0].creatures; out[3] = s.sides[1].creatures;
}
int32_t sure_win(const uint8_t* own, const uint8_t* other, int32_t life)
{
    Cards s = board(own, other, life);
    return cards_sure_win(&s, cards_can_attack(&s.sides[0]));
}
/* Games of one script against another: how often the first wins, how often who begins, and turns of the longest. */
void play(int32_t first, int32_t second, int32_t games, int32_t mirror, double* out)
{
    out[0] = out[1] = out[2] = 0.0;
    for (int32_t g = 0; g < games; g++) {
        Cards s = fresh((uint64_t)g, 20, mirror);
        while (!cards_over(&s)) {
            s.strength = s.asked ? second : first;
            cards_move(&s);
            cards_play_on(&s);
        }
        int32_t result = cards_result(&s);
        double won = result == CARDS_WON ? 1.0 : result == CARDS_DRAWN ? 0.5 : 0.0;
        out[0] += won / games; out[1] += (s.began ? 1.0 - won : won) / games;
        out[2] = s.turns > out[2] ? s.turns : out[2];
    }
}
static void see(const Cards* s, uint8_t* obs, uint8_t* mask)
{
    PufIo io = { 0 };
    io.obs = obs; io.action_mask = mask;
    cards_observe(s, io);
}
/* Exchange cards of a hand with cards still in the deck, keeping the hand in order. */
static void shuffle(Cards* s, int32_t side, PufRng* rng)
{
    CardsSide* x = &s->sides[side];
    int32_t hands = x->hands;
    for (int32_t k = 0; k < hands && x->drawn < CARDS_DECK; k++) {
        int32_t card = cards_give(x, 0);
        int32_t place = x->drawn + (int32_t)puf_rand_below(rng, (uint32_t)(CARDS_DECK - x->drawn));
        uint8_t other = x->deck[place];
        x->deck[place] = (uint8_t)card;
        cards_take(s, side, other);
    }
}
/* Counts steps, and those after which a player sees that the other's hand, or its own, is another one. */
void secrets(int32_t games, int32_t* out)
{
    PufRng rng = puf_rng_seed(9, 9);
    out[0] = out[1] = out[2] = 0;
    for (int32_t g = 0; g < games; g++) {
        Cards s = fresh((uint64_t)g, 20, 0);
        while (!cards_over(&s)) {
            uint8_t obs[2][2][CARDS_OBS], mask[2][2][CARDS_BUTTONS];
            see(&s, obs[0][0], mask[0][0]);
            for (int32_t side = 0; side < 2; side++) {
                Cards changed = s;
                shuffle(&changed, 1 - side, &rng);
                see(&changed, obs[1][0], mask[1][0]);
                out[1] += memcmp(obs[0][side], obs[1][side], CARDS_OBS) != 0;
                out[1] += memcmp(mask[0][side], mask[1][side], CARDS_BUTTONS) != 0;
                out[2] += memcmp(obs[0][1 - side], obs[1][1 - side], CARDS_OBS) != 0;
                out[0] += 1;
            }
            cards_press_any(&s);
            cards_play_on(&s);
        }
    }
}
"""


@pytest.fixture(scope="module")
def lab(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:  # noqa: F811
    folder = tmp_path_factory.mktemp("cards")
    (folder / "lab.c").write_text(LAB)
    command = [compiler(), *build.EXACT, "-O2", "-shared", "-fPIC", f"-I{build.ROOT / 'c'}", str(folder / "lab.c")]
    subprocess.run([*command, "-o", str(folder / "lab.so")], check=True, env=os.environ)
    return ctypes.CDLL(str(folder / "lab.so"))


def made_up(cards: list[told.Card], own: list[int], other: list[int]) -> told.Game:
    """A game in which only these creatures matter."""
    game = told.Game(cards, 0, 20, 0, lambda side, index: 0, OPENING)
    for player, numbers in zip(game.players, (own, other), strict=True):
        places = [
            told.Creature(cards[n], cards[n].amount, cards[n].health, fresh=False) if n else None for n in numbers
        ]
        player.board = [*places, None, None, None]
    game.turn = 0
    return game


def blockings(game: told.Game, attackers: list[int]) -> Iterator[tuple[int, ...]]:
    """Every way to block: for each place of three its attacker, or -1."""
    choices = []
    for b in range(3):
        blocker = game.players[1].board[b]
        can = []
        for a in attackers if blocker else []:
            attacker = game.players[0].board[a]
            assert attacker is not None and blocker is not None
            if not attacker.has("soar") or blocker.has("soar") or blocker.has("net"):
                can.append(a)
        choices.append([-1, *can])
    return itertools.product(*choices)


def told_fight(game: told.Game, attackers: list[int], blocking: tuple[int, ...]) -> tuple[int, int, int, int]:
    for player in game.players:
        player.life = 20
    game.attackers = list(attackers)
    game.blocks = {a: [b for b in range(3) if blocking[b] == a] for a in attackers}
    game.blocked = {a for a, blockers in game.blocks.items() if blockers}
    game.fight()
    lives = [player.life for player in game.players]
    left = [sum(1 << place for place, _ in player.living()) for player in game.players]
    return lives[0], lives[1], left[0], left[1]


def draw_boards(cards: list[told.Card], rng: np.random.Generator, count: int) -> Iterator[tuple[list[int], list[int]]]:
    creatures = [card.number for card in cards if card.kind == "creature"]
    for _ in range(count):
        both = np.where(rng.random((2, 3)) < 0.8, rng.choice(creatures, (2, 3)), 0)
        yield both[0].tolist(), both[1].tolist()


def numbers(values: list[int], kind: Any = ctypes.c_uint8) -> Any:
    return (kind * len(values))(*values)


def test_every_attack_and_block_of_small_boards(lab: ctypes.CDLL, cards: list[told.Card]) -> None:
    """Boards of up to three creatures on each side: all attacks, all blocks."""
    fights = 0
    for own, other in draw_boards(cards, np.random.default_rng(4), 150):
        places = [place for place in range(3) if own[place]]
        for count in range(1, len(places) + 1):
            for attackers in map(list, itertools.combinations(places, count)):
                for blocking in blockings(made_up(cards, own, other), attackers):
                    expected = told_fight(made_up(cards, own, other), attackers, blocking)
                    out = numbers([0] * 4, ctypes.c_int32)
                    bits = sum(1 << a for a in attackers)
                    lab.fight(numbers(own), numbers(other), bits, numbers(list(blocking), ctypes.c_int8), out)
                    assert tuple(out) == expected, (own, other, attackers, blocking)
                    fights += 1
    assert fights > 5000


def test_a_win_that_script_2_is_sure_of_is_one(lab: ctypes.CDLL, cards: list[told.Card]) -> None:
    """With open cards and no instants, every block loses."""
    sure = 0
    for own, other in draw_boards(cards, np.random.default_rng(8), 1500):
        life = 1 + (sum(own) + sum(other)) % 12
        if not lab.sure_win(numbers(own), numbers(other), life):
            continue
        sure += 1
        game = made_up(cards, own, other)
        attackers = [place for place, c in game.players[0].living() if c.attack > 0]
        for blocking in blockings(game, attackers):
            after = told_fight(made_up(cards, own, other), attackers, blocking)
            assert after[1] - 20 + life <= 0, (own, other, life, blocking)
    assert sure > 100


def test_nobody_sees_what_is_hidden(lab: ctypes.CDLL) -> None:
    """The other's hand exchanged with its deck changes nothing that a player sees, but almost always what it sees."""
    out = numbers([0] * 3, ctypes.c_int32)
    lab.secrets(20, out)
    steps, others, own = out
    assert steps > 2000 and others == 0
    assert own > 0.5 * steps


@pytest.mark.parametrize("strength", [0, 1, 2])
def test_equal_players_with_equal_decks_win_half(lab: ctypes.CDLL, strength: int) -> None:
    """Who begins has an edge of a few percent; every game ends in time."""
    out = numbers([0] * 3, ctypes.c_double)
    lab.play(strength, strength, 4000, 1, out)
    first, began, longest = out
    assert first == pytest.approx(0.5, abs=0.03)  # more than three standard errors
    assert 0.46 < began < 0.6
    assert longest <= told.TURNS


def test_each_script_is_stronger(lab: ctypes.CDLL) -> None:
    rates = []
    for first, second in ((1, 0), (2, 1), (2, 0)):
        out = numbers([0] * 3, ctypes.c_double)
        lab.play(first, second, 2000, 0, out)
        rates.append(out[0])
    assert rates[0] > 0.9 and rates[1] > 0.7 and rates[2] > rates[0]


# --- states that play rarely reaches ---


def holding(env: Environment, cards: list[told.Card], **creature: int) -> tuple[int, told.Card]:
    """The side whose turn it is has one creature, mana, and an instant that lets it grow by 3."""
    env.reset(1)
    turn = int(env.state(0).turn)
    grow = next(card for card in cards if card.effect == "grow" and card.amount == 3)
    beast = next(card for card in cards if card.kind == "creature")
    row: dict[str, Any] = {"hand": [grow.number] + [0] * 7, "hands": 1, "mana": 9, "springs": 9, "creatures": 1}
    for name, number in {"card": beast.number, **creature}.items():
        row[name] = [number] + [0] * 5
    graves = {turn: 30 - 11, 1 - turn: 30}
    sides = {turn: row, 1 - turn: {"hand": [0] * 8, "hands": 0}}
    for side, count in graves.items():
        sides[side] |= {"drawn": 30, "graves": count, "grave": [told.SPRING] * count + [0] * (40 - count)}
    patch(env, sides=sides)
    return turn, grow


def test_nothing_grows_beyond_the_most_there_is(cards: list[told.Card]) -> None:
    with puffer_envs.make("cards", self_play=True) as env:
        for attack, health in ((30, 12), (12, 29), (31, 31)):
            turn, _ = holding(env, cards, attack=attack, health=health)
            env.step(np.zeros(2, np.int32))  # there is one target, and nobody can answer
            side = env.state(0).sides[turn]
            assert (side.attack[0], side.health[0]) == (min(31, attack + 3), min(31, health + 3))
            assert side.hands == 0 and side.mana == 9 - 3


def test_a_full_stack_takes_no_answer(cards: list[told.Card]) -> None:
    bolt = next(card for card in cards if card.effect == "bolt")
    with puffer_envs.make("cards", self_play=True) as env:
        turn, _ = holding(env, cards, attack=2, health=2)
        for stacked in (told.STACK - 1, told.STACK):
            spells = {i: {"side": 1 - turn, "card": bolt.number, "target": told.PLAYER} for i in range(stacked)}
            count = 30 - stacked
            other = {"graves": count, "grave": [told.SPRING] * count + [0] * (40 - count)}
            patch(env, sides={1 - turn: other}, stack=spells, stacked=stacked, mode=told.MODES.index("answer"))
            assert env.action_masks is not None
            legal = {0, told.ENTER} if stacked < told.STACK else {told.ENTER}
            assert set(np.flatnonzero(env.action_masks[turn]).tolist()) == legal
