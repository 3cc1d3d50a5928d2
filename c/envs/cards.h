// cards - the keepers of two tide pools send creatures and spells against each other: a card game with a stack.
//
// Observation  uint8 (461,): amounts and flags of the cards in hand, of both sides' creatures and of the top
//              of the stack, what is being asked, and the numbers of both players. Never what is hidden.
// Action       one of 12 buttons: 1 to 9, 0, enter, back. What they do depends on what is asked, see below. The action
//              mask marks those that do something; any other counts as enter, or as the first that does something. A
//              waiting agent has only enter in its mask, and its action is ignored.
// Reward       1 for a win, -1 for a loss, 0 for a draw and in every other step.
// End          terminal when a player has no life left, or after 60 turns.
// Score        1 for a win, 0 for a draw, -1 for a loss; perf is 1, 0.5 or 0.
//
// Each player starts with 20 life and a random deck of 40 cards: a fast deck has 14 springs and 13 pairs of cheap
// cards, a middle one 16 springs and 12 pairs, a slow one 18 springs and 11 pairs of expensive cards. The first player
// starts with two springs and four other cards, the second player with one card more. A card drawn into a full hand (8)
// is lost. Drawing from an empty deck costs 1 life, the next time 2, then 3.
//
// A turn:
//
// 1. The player's creatures are ready again, each spring gives one mana, and the player draws a card.
// 2. The player plays cards: at most one spring, and whatever the mana pays for. There is room for 6 creatures.
// 3. The player attacks with any creatures that are ready and did not arrive this turn. Attacking tires them.
// 4. The other player blocks. A creature that is not tired can stop one attacker; several can stop the same one.
// 5. Attackers and their blockers damage each other; unblocked attackers damage the other player. An attacker splits
//    its damage among its blockers from left to right, each getting just enough to die. Survivors heal at the end of
//    the turn.
//
// Spells and creatures go on the stack before they take effect. The other player can answer with instants, and so on in
// turn; when both pass, the top of the stack takes effect. Instants can also be played once attackers are chosen (the
// defender is asked) and once blockers are chosen (the attacker is asked first). A player without a choice is not
// asked.
//
// Some creatures have keywords:
//
//     swift   may attack on the turn it arrives
//     soar    can be blocked only by creatures with soar or net
//     net     can block creatures that soar
//     quick   deals its damage before creatures that are not quick
//     pierce  damage beyond what its blockers need to die goes to the other player
//     drain   the damage it deals heals its player
//     venom   kills any creature that it damages
//     awake   attacking does not tire it
//
// The buttons:
//
//     main    1 to 8 play a card of the hand; enter starts the attack, or ends the turn
//     attack  1 to 6 choose attackers, 9 all of them; enter attacks with those chosen
//     block   1 to 6 choose blockers of one attacker; enter asks for the next one, 0 lets all others through
//     target  1 to 6 a creature, 7 the other player; back puts the card back into the hand
//     answer  1 to 8 play an instant; enter passes
//
// A second press takes back an attacker or a blocker. Each player may take back `take_backs` choices a turn.
//
// With `self_play` there are two agents, and a step is one press by the agent that is asked. Otherwise a script is the
// other player, and the agent is asked in every step.
#pragma once
#include "puffer.h"
#include "cards_table.h"
#include "cards_rules.h"
#include "cards_scripts.h"
#include "cards_view.h"

static void cards_resize(PufLayout* layout, const void* setup)
{
    const Cards* s = setup;
    layout->agents = s->self_play ? 2 : 1;
}

static void cards_prepare(void* setup)
{
    Cards* s = setup;
    s->table_rows = CARDS_NUMBERS;
    s->table_columns = CARDS_COLUMNS;
}

// The table of cards, where Python and renderers can read it.
static void cards_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    (void)setup;
    memcpy(assets, cards_table, (size_t)layout->assets_size);
}

// ---- The game ----

// Springs, and numbers of pairs of each cost, in decks of each style.
static const uint8_t cards_springs[CARDS_STYLES + 1] = { 0, 14, 16, CARDS_MAX_SPRINGS };
static const uint8_t cards_curves[CARDS_STYLES + 1][CARDS_MAX_COST + 1] = {
    { 0 },
    { 1, 4, 4, 3, 1, 0, 0, 0 },
    { 0, 2, 3, 3, 2, 1, 1, 0 },
    { 0, 1, 2, 2, 2, 2, 1, 1 },
};

static void cards_make_deck(Cards* s, CardsSide* x)
{
    x->style = (uint8_t)(s->style != CARDS_ANY ? (uint32_t)s->style : 1 + puf_rand_below(&s->rng, CARDS_STYLES));
    int32_t at = 0;
    for (int32_t cost = 0; cost <= CARDS_MAX_COST; cost++) {
        int32_t kinds = cards_first[cost + 1] - cards_first[cost];
        for (int32_t pair = 0; pair < cards_curves[x->style][cost]; pair++, at += 2) {
            uint8_t card = (uint8_t)(cards_first[cost] + puf_rand_below(&s->rng, (uint32_t)kinds));
            x->deck[at] = card;
            x->deck[at + 1] = card;
        }
    }
    for (; at < CARDS_DECK; at++) {
        x->deck[at] = CARDS_SPRING;
    }
}

static void cards_clear_side(Cards* s, CardsSide* x)
{
    memset(x->grave, 0, sizeof(x->grave));
    memset(x->hand, 0, sizeof(x->hand));
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        x->card[place] = 0;
        x->attack[place] = 0;
        x->health[place] = 0;
        x->hurt[place] = 0;
    }
    x->life = s->life;
    x->creatures = 0;
    x->tired = 0;
    x->fresh = 0;
    x->drawn = 0;
    x->graves = 0;
    x->hands = 0;
    x->springs = 0;
    x->mana = 0;
    x->fatigue = 0;
    x->planted = 0;
}

// The first hand. The deck still is as it was made: the springs are its end.
static void cards_deal(Cards* s, int32_t side, int32_t others)
{
    CardsSide* x = &s->sides[side];
    for (; x->drawn < others;) {
        int32_t rest = CARDS_DECK - cards_springs[x->style] - x->drawn;
        cards_draw_at(s, side, x->drawn + (int32_t)puf_rand_below(&s->rng, (uint32_t)rest));
    }
    cards_draw_at(s, side, CARDS_DECK - 1);
    cards_draw_at(s, side, CARDS_DECK - 2);
}

// Let the script move, and press for an agent what leaves no choice, until an agent has one or the game is over.
static void cards_play_on(Cards* s)
{
    while (!cards_over(s)) {
        if (!s->self_play && s->asked == 1) {
            cards_move(s);
            continue;
        }
        uint32_t legal = (uint32_t)cards_legal(s);
        if (legal & (legal - 1)) {
            return;
        }
        cards_press(s, cards_lowest(legal));
    }
}

static void cards_reset(Cards* s, const void* assets)
{
    (void)assets;
    cards_make_deck(s, &s->sides[0]);
    if (s->mirror) {
        memcpy(s->sides[1].deck, s->sides[0].deck, CARDS_DECK);
        s->sides[1].style = s->sides[0].style;
    } else {
        cards_make_deck(s, &s->sides[1]);
    }
    s->turn = (int32_t)(puf_rand(&s->rng) >> 31);
    s->began = s->turn;
    s->turns = 0;
    s->attacking = 0;
    s->blocked = 0;
    s->blocking = 0;
    s->stacked = 0;
    s->picked = 0;
    s->answering = 0;
    s->steps = 0;
    s->mana_used = 0;
    memset(s->blocks, 0, sizeof(s->blocks));
    for (int32_t side = 0; side < 2; side++) {
        cards_clear_side(s, &s->sides[side]);
        cards_deal(s, side, CARDS_OPENING + (side != s->turn));
    }
    cards_begin_turn(s);
    cards_play_on(s);
}

static void cards_add_log(Cards* s, float reward, int32_t player)
{
    float perf = 0.5f * (reward + 1.0f);
    float began = (float)(s->began == player);
    int32_t style = s->sides[player].style - CARDS_FAST;
    puf_log_episode(&s->log, perf, reward, reward, (float)s->steps);
    s->turns_sum += (float)s->turns;
    s->mana_sum += (float)s->mana_used;
    s->began_n += began;
    s->began_perf += began * perf;
    s->kinds[2 * style] += 1.0f;
    s->kinds[2 * style + 1] += perf;
}

// Of the first agent.
static int32_t cards_result(const Cards* s)
{
    int32_t alive[2] = { s->sides[0].life > 0, s->sides[1].life > 0 };
    if (!cards_over(s)) {
        return CARDS_RUNNING;
    }
    return alive[0] == alive[1] ? CARDS_DRAWN : alive[0] ? CARDS_WON : CARDS_LOST;
}

static void cards_step(Cards* s, PufIo io)
{
    uint32_t legal = (uint32_t)cards_legal(s);
    int32_t button = io.actions[s->asked];
    int32_t other = legal >> CARDS_ENTER & 1 ? CARDS_ENTER : cards_lowest(legal);
    cards_press(s, legal >> button & 1 ? button : other);
    cards_play_on(s);
    s->steps += 1;
    int32_t result = cards_result(s);
    if (result != CARDS_RUNNING) {
        s->result = result;
        cards_tell(s, CARDS_EVENT_END, 0, 0, result);
    }
    float first = result == CARDS_WON ? 1.0f : result == CARDS_LOST ? -1.0f : 0.0f;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        io.rewards[player] = player == 0 ? first : 0.0f - first;
        io.terminals[player] = (uint8_t)(result != CARDS_RUNNING);
        io.truncations[player] = 0;
        if (result != CARDS_RUNNING) {
            cards_add_log(s, io.rewards[player], player);
        }
    }
}

static const PufObs cards_obs[] = {
    { "hand_amounts", CARDS_HAND * CARDS_HAND_AMOUNTS, 0, 9,
      "of each card of the hand: cost, attack or amount, health" },
    { "hand_flags", CARDS_HAND * CARDS_HAND_FLAGS, 0, 1,
      "of each card of the hand: spring, creature, instant; the keywords swift, soar, net, quick, pierce, drain, "
      "venom, "
      "awake; the effects bolt, heal, draw, grow, weaken, destroy, return, sweep, counter" },
    { "own_amounts", CARDS_BOARD * CARDS_BOARD_AMOUNTS, 0, CARDS_MAX_SEEN,
      "of each creature: attack, health that is left, and both of those it fights" },
    { "own_flags", CARDS_BOARD * CARDS_BOARD_FLAGS, 0, 1,
      "of each creature: the keywords; tired, came in this turn, attacks or blocks, is asked about or chosen now; "
      "could "
      "die, could fail to kill: in a fight with the attacker in question, by the amount of the spell that needs a "
      "target, "
      "else in fights with those that are not tired" },
    { "other_amounts", CARDS_BOARD * CARDS_BOARD_AMOUNTS, 0, CARDS_MAX_SEEN, "the same of the other player's" },
    { "other_flags", CARDS_BOARD * CARDS_BOARD_FLAGS, 0, 1, "the same of the other player's" },
    { "stack_amounts", CARDS_SHOWN * CARDS_STACK_AMOUNTS, 0, 9, "of the two topmost: cost, attack or amount" },
    { "stack_flags", CARDS_SHOWN * CARDS_STACK_FLAGS, 0, 1,
      "of the two topmost: the agent's own, a creature, the effects, whether it aims at a player" },
    { "asked", CARDS_MODES + CARDS_STAGES + 4, 0, 1,
      "main, attack, block, target, answer; before the attack, after it, after the blocks; whether the agent is asked, "
      "has its turn, played a spring in it, may take something back" },
    { "picked", CARDS_HAND, 0, 1, "the card of the hand that waits for its target" },
    { "life", 2, 0, CARDS_MAX_LIFE, "the agent's and the other player's" },
    { "mana", 4, 0, CARDS_MAX_SPRINGS, "the agent's mana and the other's, and their springs" },
    { "hands", 2, 0, CARDS_HAND, "numbers of cards" },
    { "decks", 2, 0, CARDS_DECK, "cards that are left" },
    { "fatigue", 2, 0, CARDS_TURNS, "damage that drawing from an empty deck did last" },
    { "turns", 1, 0, CARDS_TURNS, "that are over" },
};
static const PufAction cards_actions[] = { { "button", CARDS_BUTTONS, 0, 0, "1 2 3 4 5 6 7 8 9 0 enter back" } };
static const PufParam cards_params[] = {
    PUF_SETTING(Cards, strength, CARDS_SCRIPT_PLAIN, CARDS_SCRIPT_RANDOM, CARDS_SCRIPT_SEARCH,
                "of the scripted player: 0 presses any button, 1 plays by simple rules, 2 compares all attacks and "
                "answers with instants"),
    PUF_FLAG(Cards, self_play, 0, "two agents play each other"),
    PUF_FLAG(Cards, mirror, 0, "both players have the same 40 cards"),
    PUF_CHOICE(Cards, style, CARDS_STYLES, "any fast middle slow", "of both decks"),
    PUF_SETTING(Cards, take_backs, 0, 0, 8, "choices that each player may take back in a turn"),
    PUF_SETTING(Cards, life, 20, 5, CARDS_MAX_LIFE, "of each player at the start"),
};
static const PufField cards_side_fields[] = {
    PUF_SCALAR(CardsSide, life, "at most 0: lost", PUF_RANGE(1, CARDS_MAX_LIFE)),
    PUF_ARRAY(CardsSide, deck, "numbers of cards; the first `drawn` were drawn, the others are in no order",
              PUF_RANGE(1, CARDS_NUMBERS - 1)),
    PUF_ARRAY(CardsSide, grave, "numbers of the first `graves` cards", PUF_RANGE(0, CARDS_NUMBERS - 1)),
    PUF_ARRAY(CardsSide, hand, "numbers of the first `hands` cards, in order; then 0", PUF_RANGE(0, CARDS_NUMBERS - 1)),
    PUF_ARRAY(CardsSide, card, "numbers of the creatures' cards; 0: an empty place", PUF_RANGE(0, CARDS_NUMBERS - 1)),
    PUF_ARRAY(CardsSide, attack, "of the creatures", PUF_RANGE(0, CARDS_MAX_STAT)),
    PUF_ARRAY(CardsSide, health, "of the creatures", PUF_RANGE(0, CARDS_MAX_STAT)),
    PUF_ARRAY(CardsSide, hurt, "damage to the creatures in this turn", PUF_RANGE(0, CARDS_MAX_STAT)),
    PUF_SCALAR(CardsSide, creatures, "bits of the places with a creature", PUF_RANGE(0, CARDS_EVERYONE)),
    PUF_SCALAR(CardsSide, tired, "bits of the tired creatures", PUF_RANGE(0, CARDS_EVERYONE)),
    PUF_SCALAR(CardsSide, fresh, "bits of the creatures that came in this turn", PUF_RANGE(0, CARDS_EVERYONE)),
    PUF_SCALAR(CardsSide, drawn, "cards", PUF_RANGE(0, CARDS_DECK)),
    PUF_SCALAR(CardsSide, graves, "cards that are gone", PUF_RANGE(0, CARDS_DECK)),
    PUF_SCALAR(CardsSide, hands, "cards in the hand", PUF_RANGE(0, CARDS_HAND)),
    PUF_SCALAR(CardsSide, springs, "in play", PUF_RANGE(0, CARDS_MAX_SPRINGS)),
    PUF_SCALAR(CardsSide, mana, "that is left", PUF_RANGE(0, CARDS_MAX_SPRINGS)),
    PUF_SCALAR(CardsSide, fatigue, "damage that drawing from an empty deck did last", PUF_RANGE(0, CARDS_TURNS)),
    PUF_SCALAR(CardsSide, planted, "1: a spring was played in this turn", PUF_RANGE(0, 1)),
    PUF_SCALAR(CardsSide, regrets, "choices that may still be taken back in this turn", PUF_RANGE(0, 8)),
    PUF_SCALAR(CardsSide, style, "of the deck: 1 fast, 2 middle, 3 slow", PUF_RANGE(CARDS_FAST, CARDS_SLOW)),
};
static const PufField cards_spell_fields[] = {
    PUF_SCALAR(CardsSpell, side, "whose it is", PUF_RANGE(0, 1)),
    PUF_SCALAR(CardsSpell, card, "its number", PUF_RANGE(0, CARDS_NUMBERS - 1)),
    PUF_SCALAR(CardsSpell, target, "a place, 6 the other player, 7 none", PUF_RANGE(0, CARDS_NO_TARGET)),
};
static const PufField cards_event_fields[] = {
    PUF_SCALAR(
        CardsEvent, kind,
        "1 a turn began, 2 a card was played, 3 or came to nothing, 4 attacked, 5 blocked, 6 died, 7 damage to a "
        "player, 8 life, 9 a creature back to the hand, 10 a card for a full hand, 11 fatigue, 12 the end, 13 a card's "
        "effect",
        PUF_RANGE(0, CARDS_EVENT_KINDS - 1)),
    PUF_SCALAR(CardsEvent, side, "whose", PUF_RANGE(0, 1)),
    PUF_SCALAR(CardsEvent, card, "its number", PUF_RANGE(0, CARDS_NUMBERS - 1)),
    PUF_SCALAR(CardsEvent, number, "how much, which turn, which place or target, who was blocked, or how it ended"),
};
static const PufField cards_fields[] = {
    PUF_ASSET(Cards, "table", PUF_U8, table_at, table_rows, table_columns,
              "the cards: kind (1 spring, 2 creature, 3 spell, 4 instant), cost, attack or amount, health, bits of the "
              "keywords, effect"),
    PUF_STRUCTS(Cards, sides, cards_side_fields, "the players; the first is the agent"),
    PUF_STRUCTS(Cards, stack, cards_spell_fields, "the first `stacked` wait to happen; the last is the top"),
    PUF_STRUCTS(Cards, events, cards_event_fields, "what happened, written round and round"),
    PUF_SCALAR(Cards, events_seen, "number of events so far", PUF_RANGE(0, 0xFFFFFF)),
    PUF_SCALAR(Cards, turn, "whose turn it is", PUF_RANGE(0, 1)),
    PUF_SCALAR(Cards, turns, "that are over", PUF_RANGE(0, CARDS_TURNS - 1)),
    PUF_SCALAR(Cards, asked, "who has to choose", PUF_UP_TO(Cards, self_play)),
    PUF_SCALAR(Cards, mode, "what is asked: 0 main, 1 attack, 2 block, 3 target, 4 answer",
               PUF_RANGE(0, CARDS_MODES - 1)),
    PUF_SCALAR(Cards, stage, "0 before the attack, 1 after it, 2 after the blocks", PUF_RANGE(0, CARDS_STAGES - 1)),
    PUF_SCALAR(Cards, passes, "in a row", PUF_RANGE(0, 1)),
    PUF_SCALAR(Cards, picked, "place in the hand of the card that waits for its target", PUF_RANGE(0, CARDS_HAND - 1)),
    PUF_SCALAR(Cards, answering, "1: that card is an answer", PUF_RANGE(0, 1)),
    PUF_SCALAR(Cards, attacking, "bits of the attackers", PUF_RANGE(0, CARDS_EVERYONE)),
    PUF_SCALAR(Cards, blocked, "bits of the attackers that were blocked", PUF_RANGE(0, CARDS_EVERYONE)),
    PUF_SCALAR(Cards, blocking, "the attacker to block", PUF_RANGE(0, CARDS_BOARD - 1)),
    PUF_ARRAY(Cards, blocks, "for each attacker, bits of its blockers", PUF_RANGE(0, CARDS_EVERYONE)),
    PUF_SCALAR(Cards, stacked, "cards on the stack", PUF_RANGE(0, CARDS_STACK)),
    PUF_SCALAR(Cards, began, "who had the first turn", PUF_RANGE(0, 1)),
    PUF_SCALAR(Cards, steps, "in this game", PUF_RANGE(0, CARDS_MAX_STEPS)),
    PUF_SCALAR(Cards, mana_used, "by the first agent in this game", PUF_RANGE(0, CARDS_MAX_SPRINGS* CARDS_TURNS)),
    PUF_SCALAR(Cards, result, "of the previous game, for the first agent: 0 none yet, 1 won, 2 drawn, 3 lost",
               PUF_RANGE(CARDS_RUNNING, CARDS_LOST)),
    PUF_SCALAR(Cards, strength, "of the scripted player"),
    PUF_SCALAR(Cards, self_play, "1: two agents"),
};

// In a state from a file, every card is in one place only, and what is asked fits what happened.
static const char* cards_side_contradiction(const Cards* s, int32_t side)
{
    const CardsSide* x = &s->sides[side];
    int32_t total = CARDS_DECK - x->drawn + x->graves + x->hands + x->springs + cards_count(x->creatures);
    for (int32_t k = 0; k < s->stacked; k++) {
        total += s->stack[k].side == side;
    }
    int32_t fits = total == CARDS_DECK && ((x->tired | x->fresh) & ~x->creatures) == 0;
    for (int32_t place = 0; place < CARDS_HAND; place++) {
        fits &= (x->hand[place] != 0) == (place < x->hands);
    }
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        int32_t creature = cards_table[x->card[place]].kind == CARDS_CREATURE;
        fits &= creature == (x->creatures >> place & 1) && (creature || x->card[place] == 0);
        fits &=
            creature ? x->hurt[place] < x->health[place] : x->attack[place] + x->health[place] + x->hurt[place] == 0;
    }
    return fits && x->mana <= x->springs ? NULL : "sides";
}

static const char* cards_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Cards* s = state;
    const CardsSide *x = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    for (int32_t side = 0; side < 2; side++) {
        if (cards_side_contradiction(s, side)) {
            return "sides";
        }
    }
    for (int32_t k = 0; k < s->stacked; k++) {
        if (cards_table[s->stack[k].card].kind < CARDS_CREATURE) {
            return "stack";
        }
    }
    int32_t all = 0;
    for (int32_t attacker = 0; attacker < CARDS_BOARD; attacker++) {
        if ((s->blocks[attacker] & (~other->creatures | all)) ||
            (s->blocks[attacker] && !(s->attacking >> attacker & 1))) {
            return "blocks";
        }
        all |= s->blocks[attacker];
    }
    if ((s->attacking & ~x->creatures) || (s->blocked & ~s->attacking)) {
        return "attacking";
    }
    int32_t own = s->mode == CARDS_MAIN || s->mode == CARDS_ATTACK || (s->mode == CARDS_TARGET && !s->answering);
    if ((own && s->asked != s->turn) || (s->mode == CARDS_BLOCK && s->asked == s->turn)) {
        return "asked";
    }
    if (s->mode == CARDS_BLOCK && !(s->attacking >> s->blocking & 1)) {
        return "blocking";
    }
    if (s->mode == CARDS_TARGET && !cards_needs_target(s->sides[s->asked].hand[s->picked])) {
        return "picked";
    }
    return NULL;
}

static const char* const cards_log_names[] = {
    "turns", "mana", "began.n", "began.perf", "fast.n", "fast.perf", "middle.n", "middle.perf", "slow.n", "slow.perf",
};

// clang-format off
PUF_DEFINE_ASSETS_ENV(cards, Cards,
    .version = 1,
    .doc = "A card game of two players: creatures, spells, a stack, against a script or in self-play.",
    .reward = "1 for a win, -1 for a loss, 0 for a draw",
    .ends = "terminal when a player has no life left, or after 60 turns",
    .rate = 3,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Cards), .agents = 1, .obs_ndim = 1, .obs_shape = { CARDS_OBS },
                PUF_ACTIONS(cards), .masked = 1, .assets_size = sizeof(cards_table) },
    PUF_TABLES(cards),
    PUF_LOG_NAMES(cards),
    .resize = cards_resize, .make_assets = cards_make_assets, .prepare = cards_prepare,
    .contradiction = cards_contradiction);
