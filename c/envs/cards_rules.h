// cards_rules.h - the state of `cards`, and its rules: what cards do, the stack, fights, turns, and what buttons do.
// Part of cards.h, which tells them in words.
#pragma once
#include "puffer.h"
#include "cards_table.h"

enum { CARDS_DECK = 40, CARDS_MAX_SPRINGS = 18 };
enum { CARDS_HAND = 8, CARDS_BOARD = 6, CARDS_STACK = 8 };
enum { CARDS_TURNS = 60, CARDS_MAX_LIFE = 30, CARDS_MAX_STAT = 31 };
enum { CARDS_MAX_STEPS = 100000 }; // of a game: more than there can be
enum { CARDS_OPENING = 4 };        // cards that are no springs in the first hand of who begins
enum { CARDS_EVERYONE = (1 << CARDS_BOARD) - 1 };

enum { CARDS_ALL = 8, CARDS_NONE, CARDS_ENTER, CARDS_BACK, CARDS_BUTTONS };
enum { CARDS_PLAYER = CARDS_BOARD, CARDS_NO_TARGET };                                    // targets after creatures
enum { CARDS_MAIN, CARDS_ATTACK, CARDS_BLOCK, CARDS_TARGET, CARDS_ANSWER, CARDS_MODES }; // what is asked
enum { CARDS_BEFORE_ATTACK, CARDS_AFTER_ATTACK, CARDS_AFTER_BLOCK, CARDS_STAGES };       // of a turn
enum { CARDS_ANY, CARDS_FAST, CARDS_MIDDLE, CARDS_SLOW, CARDS_STYLES = CARDS_SLOW };     // of a deck
enum { CARDS_RUNNING, CARDS_WON, CARDS_DRAWN, CARDS_LOST };                              // result of a game
enum { CARDS_SCRIPT_RANDOM, CARDS_SCRIPT_PLAIN, CARDS_SCRIPT_SEARCH };                   // strengths

// What renderers tell of the past: an event, whose it was, a card, and a number.
enum {
    CARDS_EVENT_NONE,
    CARDS_EVENT_TURN,    // began; the number of turns before
    CARDS_EVENT_PLAY,    // a card; the target
    CARDS_EVENT_FIZZLE,  // a card that was countered, or lost its target
    CARDS_EVENT_ATTACK,  // a card; its place
    CARDS_EVENT_BLOCK,   // a card; the attacker's place
    CARDS_EVENT_DEATH,   // a card; its place
    CARDS_EVENT_DAMAGE,  // to a player; how much
    CARDS_EVENT_HEAL,    // of a player; how much
    CARDS_EVENT_RETURN,  // a card; its place
    CARDS_EVENT_FULL,    // a card that was lost, as the hand was full
    CARDS_EVENT_FATIGUE, // damage from an empty deck
    CARDS_EVENT_END,     // of the game, for this side; CARDS_WON, _DRAWN or _LOST
    CARDS_EVENT_EFFECT,  // of the top of the stack: a card; its place or its target
    CARDS_EVENT_KINDS,
    CARDS_EVENTS = 32
};

typedef struct CardsEvent {
    uint8_t kind, side, card, number;
} CardsEvent;

typedef struct CardsSide {
    int32_t life;
    uint8_t deck[CARDS_DECK];  // card numbers: the first `drawn` were drawn, the others are in no order
    uint8_t grave[CARDS_DECK]; // the first `graves`, oldest first
    uint8_t hand[CARDS_HAND];  // the first `hands`, in order of their numbers; then 0
    uint8_t card[CARDS_BOARD]; // of the creatures; 0: an empty place
    uint8_t attack[CARDS_BOARD], health[CARDS_BOARD];
    uint8_t hurt[CARDS_BOARD];       // damage in this turn
    uint8_t creatures, tired, fresh; // bits of places: those with a creature, tired ones, those that came in this turn
    uint8_t drawn, graves, hands, springs, mana, fatigue;
    uint8_t planted; // 1: a spring was played in this turn
    uint8_t regrets; // choices that may still be taken back in this turn
    uint8_t style;   // of the deck
} CardsSide;

typedef struct CardsSpell {
    uint8_t side, card, target;
} CardsSpell;

typedef struct Cards {
    PufRng rng;
    int32_t strength, self_play, mirror, style, take_backs, life; // settings
    int32_t table_at, table_rows, table_columns;                  // of the table of cards, for renderers
    int32_t turns, turn;                                          // turns that are over; whose turn it is
    int32_t asked, mode;                                          // who has to choose, and what
    int32_t stage;                                                // of the turn: CARDS_BEFORE_ATTACK, ...
    int32_t passes;                                               // in a row, in CARDS_ANSWER
    int32_t picked, answering; // in CARDS_TARGET: the card's place in the hand; 1: it is an answer
    int32_t attacking;         // bits of places; in CARDS_ATTACK, those chosen so far
    int32_t blocked;           // bits of those attackers that were blocked
    int32_t blocking;          // in CARDS_BLOCK: the attacker to block
    int32_t stacked, began, steps, mana_used;
    int32_t result;              // of the previous game, for the first agent: CARDS_...
    int32_t events_seen;         // number of events so far; they are written round and round
    uint8_t blocks[CARDS_BOARD]; // for each attacker, bits of its blockers
    CardsSpell stack[CARDS_STACK];
    CardsSide sides[2]; // side 0 is the agent, or the first of two
    CardsEvent events[CARDS_EVENTS];
    PufLog log;
    float turns_sum, mana_sum; // after the five of PufLog
    float began_n, began_perf;
    float kinds[2 * CARDS_STYLES]; // n and perf for fast, middle and slow decks
} Cards;

// ---- Sets of places, as bits ----

// In halves, quarters and so on. (GCC 12 for ARM miscounts with -O3 what a loop over the bits gives.)
static int32_t cards_count(uint32_t bits)
{
    bits -= bits >> 1 & 0x55555555u;
    bits = (bits & 0x33333333u) + (bits >> 2 & 0x33333333u);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0Fu;
    return (int32_t)(bits * 0x01010101u >> 24);
}

// The place of the lowest bit; there must be one. A de Bruijn sequence (Leiserson, Prokop, Randall 1998), in which the
// five highest bits of a product with each power of two differ.
static int32_t cards_lowest(uint32_t bits)
{
    static const uint8_t places[32] = { 0,  1,  28, 2,  29, 14, 24, 3, 30, 22, 20, 15, 25, 17, 4,  8,
                                        31, 27, 13, 23, 21, 19, 16, 7, 26, 12, 18, 6,  11, 5,  10, 9 };
    return places[(bits & (0u - bits)) * 0x077CB531u >> 27];
}

static int32_t cards_keywords(const CardsSide* x, int32_t place) { return cards_table[x->card[place]].keywords; }

// Those creatures of a side that have one of these keywords.
static int32_t cards_with(const CardsSide* x, int32_t keywords)
{
    int32_t found = 0;
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        found |= ((cards_keywords(x, place) & keywords) != 0) << place;
    }
    return found;
}

static int32_t cards_left(const CardsSide* x, int32_t place) { return x->health[place] - x->hurt[place]; }

// ---- What happens to cards and players ----

static int32_t cards_over(const Cards* s)
{
    return s->sides[0].life <= 0 || s->sides[1].life <= 0 || s->turns >= CARDS_TURNS;
}

static void cards_tell(Cards* s, int32_t kind, int32_t side, int32_t card, int32_t number)
{
    CardsEvent* event = &s->events[s->events_seen % CARDS_EVENTS];
    event->kind = (uint8_t)kind;
    event->side = (uint8_t)side;
    event->card = (uint8_t)card;
    event->number = (uint8_t)number;
    s->events_seen = (s->events_seen + 1) & 0xFFFFFF;
}

static void cards_hurt_player(Cards* s, int32_t side, int32_t amount)
{
    if (amount > 0) {
        s->sides[side].life -= amount;
        cards_tell(s, CARDS_EVENT_DAMAGE, side, 0, amount);
    }
}

static void cards_heal(Cards* s, int32_t side, int32_t amount)
{
    CardsSide* x = &s->sides[side];
    int32_t life = x->life + amount;
    life = life < CARDS_MAX_LIFE ? life : CARDS_MAX_LIFE;
    if (life > x->life) {
        cards_tell(s, CARDS_EVENT_HEAL, side, 0, life - x->life);
        x->life = life;
    }
}

static void cards_discard(CardsSide* x, int32_t card) { x->grave[x->graves++] = (uint8_t)card; }

// A card comes to a hand, which is kept in order.
static void cards_take(Cards* s, int32_t side, int32_t card)
{
    CardsSide* x = &s->sides[side];
    if (x->hands == CARDS_HAND) {
        cards_discard(x, card);
        cards_tell(s, CARDS_EVENT_FULL, side, card, 0);
        return;
    }
    int32_t place = x->hands++;
    for (; place > 0 && x->hand[place - 1] > card; place--) {
        x->hand[place] = x->hand[place - 1];
    }
    x->hand[place] = (uint8_t)card;
}

static int32_t cards_give(CardsSide* x, int32_t place)
{
    int32_t card = x->hand[place];
    x->hands -= 1;
    for (; place < x->hands; place++) {
        x->hand[place] = x->hand[place + 1];
    }
    x->hand[x->hands] = 0;
    return card;
}

// The card at a place of the deck that was not drawn yet comes to the hand.
static void cards_draw_at(Cards* s, int32_t side, int32_t place)
{
    CardsSide* x = &s->sides[side];
    uint8_t card = x->deck[place];
    x->deck[place] = x->deck[x->drawn];
    x->deck[x->drawn] = card;
    x->drawn += 1;
    cards_take(s, side, card);
}

static void cards_draw(Cards* s, int32_t side)
{
    CardsSide* x = &s->sides[side];
    if (x->drawn < CARDS_DECK) {
        cards_draw_at(s, side, x->drawn + (int32_t)puf_rand_below(&s->rng, (uint32_t)(CARDS_DECK - x->drawn)));
        return;
    }
    x->fatigue += 1;
    x->life -= x->fatigue;
    cards_tell(s, CARDS_EVENT_FATIGUE, side, 0, x->fatigue);
}

// A creature comes, to the first empty place, which is returned.
static int32_t cards_settle_in(CardsSide* x, int32_t card)
{
    int32_t place = cards_lowest(~(uint32_t)x->creatures);
    x->card[place] = (uint8_t)card;
    x->attack[place] = cards_table[card].attack;
    x->health[place] = cards_table[card].health;
    x->hurt[place] = 0;
    x->creatures |= (uint8_t)(1 << place);
    x->fresh |= (uint8_t)(1 << place);
    return place;
}

// A creature leaves its place, and the fight. Returns its card.
static int32_t cards_leave(Cards* s, int32_t side, int32_t place)
{
    CardsSide* x = &s->sides[side];
    int32_t card = x->card[place], others = ~(1 << place);
    x->card[place] = 0;
    x->attack[place] = 0;
    x->health[place] = 0;
    x->hurt[place] = 0;
    x->creatures &= (uint8_t)others;
    x->tired &= (uint8_t)others;
    x->fresh &= (uint8_t)others;
    if (side == s->turn) {
        s->attacking &= others;
        s->blocked &= others;
        s->blocks[place] = 0;
    } else {
        for (int32_t attacker = 0; attacker < CARDS_BOARD; attacker++) {
            s->blocks[attacker] &= (uint8_t)others;
        }
    }
    return card;
}

// Creatures with deadly damage die, and those in `doomed`.
static void cards_bury(Cards* s, int32_t side, int32_t doomed)
{
    CardsSide* x = &s->sides[side];
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        if ((x->creatures >> place & 1) && (x->hurt[place] >= x->health[place] || (doomed >> place & 1))) {
            int32_t card = cards_leave(s, side, place);
            cards_discard(x, card);
            cards_tell(s, CARDS_EVENT_DEATH, side, card, place);
        }
    }
}

// ---- The stack ----

// The targets that a card has now: creatures, and the player after them.
static int32_t cards_targets(const Cards* s, int32_t side, int32_t card)
{
    const CardsSide* other = &s->sides[1 - side];
    switch (cards_table[card].effect) {
    case CARDS_BOLT: return other->creatures | 1 << CARDS_PLAYER;
    case CARDS_GROW: return s->sides[side].creatures;
    case CARDS_WEAKEN:
    case CARDS_RETURN: return other->creatures;
    case CARDS_DESTROY: {
        int32_t found = 0;
        for (int32_t place = 0; place < CARDS_BOARD; place++) {
            found |= (other->attack[place] <= cards_table[card].attack) << place;
        }
        return found & other->creatures;
    }
    default: return 0;
    }
}

static int32_t cards_needs_target(int32_t card)
{
    return (1 << CARDS_BOLT | 1 << CARDS_GROW | 1 << CARDS_WEAKEN | 1 << CARDS_RETURN | 1 << CARDS_DESTROY) >>
               cards_table[card].effect &
           1;
}

// Pay for a card of the hand and put it on the stack; the other player may answer.
static void cards_cast(Cards* s, int32_t side, int32_t place, int32_t target)
{
    CardsSide* x = &s->sides[side];
    int32_t card = cards_give(x, place), cost = cards_table[card].cost;
    x->mana -= (uint8_t)cost;
    s->mana_used += side == 0 ? cost : 0;
    CardsSpell* spell = &s->stack[s->stacked++];
    spell->side = (uint8_t)side;
    spell->card = (uint8_t)card;
    spell->target = (uint8_t)target;
    cards_tell(s, CARDS_EVENT_PLAY, side, card, target);
    s->mode = CARDS_ANSWER;
    s->asked = 1 - side;
    s->passes = 1;
}

static void cards_plant(Cards* s, int32_t side, int32_t place)
{
    CardsSide* x = &s->sides[side];
    cards_tell(s, CARDS_EVENT_PLAY, side, cards_give(x, place), CARDS_NO_TARGET);
    x->springs += 1;
    x->mana += 1;
    x->planted = 1;
}

static void cards_sweep(Cards* s, int32_t amount)
{
    for (int32_t side = 0; side < 2; side++) {
        for (int32_t place = 0; place < CARDS_BOARD; place++) {
            CardsSide* x = &s->sides[side];
            x->hurt[place] = (uint8_t)(x->hurt[place] + (x->card[place] ? amount : 0));
        }
        cards_bury(s, side, 0);
    }
}

// A spell does something to a creature of side `whose`.
static void cards_affect(Cards* s, int32_t effect, int32_t amount, int32_t whose, int32_t place)
{
    CardsSide* x = &s->sides[whose];
    int32_t change = effect == CARDS_GROW ? amount : effect == CARDS_WEAKEN ? -amount : 0;
    if (effect == CARDS_RETURN) {
        int32_t card = cards_leave(s, whose, place);
        cards_tell(s, CARDS_EVENT_RETURN, whose, card, place);
        cards_take(s, whose, card);
        return;
    }
    int32_t attack = x->attack[place] + change, health = x->health[place] + change;
    x->attack[place] = (uint8_t)(attack < 0 ? 0 : attack > CARDS_MAX_STAT ? CARDS_MAX_STAT : attack);
    x->health[place] = (uint8_t)(health < 0 ? 0 : health > CARDS_MAX_STAT ? CARDS_MAX_STAT : health);
    x->hurt[place] = (uint8_t)(x->hurt[place] + (effect == CARDS_BOLT ? amount : 0));
    cards_bury(s, whose, effect == CARDS_DESTROY ? 1 << place : 0);
}

// What was countered, or has lost its target, goes to the grave and nothing else happens.
static void cards_fizzle(Cards* s, CardsSpell spell)
{
    cards_discard(&s->sides[spell.side], spell.card);
    cards_tell(s, CARDS_EVENT_FIZZLE, spell.side, spell.card, 0);
}

// The top of the stack happens.
static void cards_resolve(Cards* s)
{
    CardsSpell spell = s->stack[--s->stacked];
    int32_t side = spell.side, card = spell.card;
    int32_t effect = cards_table[card].effect, amount = cards_table[card].attack;
    if (cards_table[card].kind == CARDS_CREATURE) {
        cards_tell(s, CARDS_EVENT_EFFECT, side, card, cards_settle_in(&s->sides[side], card));
        return;
    }
    if (cards_needs_target(card) && !(cards_targets(s, side, card) >> spell.target & 1)) {
        cards_fizzle(s, spell);
        return;
    }
    cards_discard(&s->sides[side], card);
    cards_tell(s, CARDS_EVENT_EFFECT, side, card, spell.target);
    if (effect == CARDS_HEAL) {
        cards_heal(s, side, amount);
    } else if (effect == CARDS_DRAW) {
        for (int32_t k = 0; k < amount; k++) {
            cards_draw(s, side);
        }
    } else if (effect == CARDS_SWEEP) {
        cards_sweep(s, amount);
    } else if (effect == CARDS_COUNTER) {
        if (s->stacked > 0) {
            cards_fizzle(s, s->stack[--s->stacked]);
        }
    } else if (spell.target == CARDS_PLAYER) {
        cards_hurt_player(s, 1 - side, amount);
    } else {
        cards_affect(s, effect, amount, effect == CARDS_GROW ? side : 1 - side, spell.target);
    }
}

// ---- Attack, block, damage ----

static int32_t cards_can_attack(const CardsSide* x)
{
    int32_t able = x->creatures & ~x->tired & ~(x->fresh & ~cards_with(x, CARDS_SWIFT));
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        able &= ~((x->attack[place] == 0) << place);
    }
    return able;
}

// Creatures of side `x` that can block an attacker, if they are not tired.
static int32_t cards_can_block(const CardsSide* x, const CardsSide* other, int32_t attacker)
{
    int32_t soars = cards_keywords(other, attacker) & CARDS_SOAR;
    return x->creatures & ~x->tired & (soars ? cards_with(x, CARDS_SOAR | CARDS_NET) : CARDS_EVERYONE);
}

static int32_t cards_all_blockers(const Cards* s)
{
    return s->blocks[0] | s->blocks[1] | s->blocks[2] | s->blocks[3] | s->blocks[4] | s->blocks[5];
}

// Blockers for the attacker that is asked about: those that do not block yet.
static int32_t cards_free_blockers(const Cards* s)
{
    const CardsSide* x = &s->sides[1 - s->turn];
    return cards_can_block(x, &s->sides[s->turn], s->blocking) & ~cards_all_blockers(s);
}

static int32_t cards_later_attackers(const Cards* s) { return s->attacking & ~((2 << s->blocking) - 1); }

// One attacker's and its blockers' damage to each other, of those that strike now: quick ones, or the others.
static void cards_exchange(Cards* s, int32_t attacker, int32_t quick, int32_t doomed[2], int32_t drained[2])
{
    CardsSide *x = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    int32_t keywords = cards_keywords(x, attacker);
    int32_t strikes = ((keywords & CARDS_QUICK) != 0) == quick;
    int32_t attack = strikes ? x->attack[attacker] : 0, left = attack;
    for (int32_t blockers = s->blocks[attacker]; blockers; blockers &= blockers - 1) {
        int32_t place = cards_lowest((uint32_t)blockers), theirs = cards_keywords(other, place);
        int32_t deadly = cards_left(other, place);
        deadly = (keywords & CARDS_VENOM) && deadly > 1 ? 1 : deadly;
        int32_t last = (blockers & (blockers - 1)) == 0 && !(keywords & CARDS_PIERCE);
        int32_t dealt = last || deadly > left ? left : deadly;
        other->hurt[place] += (uint8_t)dealt;
        doomed[1 - s->turn] |= ((keywords & CARDS_VENOM) && dealt > 0) << place;
        left -= dealt;
        if (((theirs & CARDS_QUICK) != 0) == quick) {
            x->hurt[attacker] += other->attack[place];
            doomed[s->turn] |= ((theirs & CARDS_VENOM) && other->attack[place] > 0) << attacker;
            drained[1 - s->turn] += theirs & CARDS_DRAIN ? other->attack[place] : 0;
        }
    }
    if (!(s->blocked >> attacker & 1) || (keywords & CARDS_PIERCE)) {
        cards_hurt_player(s, 1 - s->turn, left);
        left = 0;
    }
    drained[s->turn] += keywords & CARDS_DRAIN ? attack - left : 0;
}

// All that strike at the same time.
static void cards_strike(Cards* s, int32_t quick)
{
    int32_t doomed[2] = { 0, 0 }, drained[2] = { 0, 0 };
    for (int32_t attackers = s->attacking; attackers; attackers &= attackers - 1) {
        cards_exchange(s, cards_lowest((uint32_t)attackers), quick, doomed, drained);
    }
    for (int32_t side = 0; side < 2; side++) {
        cards_heal(s, side, drained[side]);
        cards_bury(s, side, doomed[side]);
    }
}

// ---- The course of a turn ----

static void cards_begin_turn(Cards* s)
{
    CardsSide* x = &s->sides[s->turn];
    cards_tell(s, CARDS_EVENT_TURN, s->turn, 0, s->turns);
    x->tired = 0;
    x->fresh = 0;
    x->mana = x->springs;
    x->planted = 0;
    s->sides[0].regrets = (uint8_t)s->take_backs;
    s->sides[1].regrets = (uint8_t)s->take_backs;
    s->stage = CARDS_BEFORE_ATTACK;
    s->mode = CARDS_MAIN;
    s->asked = s->turn;
    s->passes = 0;
    cards_draw(s, s->turn);
}

static void cards_end_turn(Cards* s)
{
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        s->sides[0].hurt[place] = 0;
        s->sides[1].hurt[place] = 0;
        s->blocks[place] = 0;
    }
    s->attacking = 0;
    s->blocked = 0;
    s->turns += 1;
    s->turn = 1 - s->turn;
    if (!cards_over(s)) {
        cards_begin_turn(s);
    }
}

static void cards_fight(Cards* s)
{
    int32_t quick = cards_with(&s->sides[s->turn], CARDS_QUICK) & s->attacking;
    quick |= cards_with(&s->sides[1 - s->turn], CARDS_QUICK) & cards_all_blockers(s);
    if (quick) {
        cards_strike(s, 1);
    }
    cards_strike(s, 0);
    cards_end_turn(s);
}

// The attackers were chosen: they tire, and the defender may answer.
static void cards_attack(Cards* s)
{
    CardsSide* x = &s->sides[s->turn];
    if (s->attacking == 0) {
        cards_end_turn(s);
        return;
    }
    for (int32_t attackers = s->attacking; attackers; attackers &= attackers - 1) {
        int32_t place = cards_lowest((uint32_t)attackers);
        cards_tell(s, CARDS_EVENT_ATTACK, s->turn, x->card[place], place);
    }
    x->tired |= (uint8_t)(s->attacking & ~cards_with(x, CARDS_AWAKE));
    s->stage = CARDS_AFTER_ATTACK;
    s->mode = CARDS_ANSWER;
    s->asked = 1 - s->turn;
    s->passes = 1;
}

static void cards_begin_blocks(Cards* s)
{
    if (s->attacking == 0) {
        cards_end_turn(s);
        return;
    }
    s->mode = CARDS_BLOCK;
    s->asked = 1 - s->turn;
    s->blocking = cards_lowest((uint32_t)s->attacking);
}

// The blockers were chosen: first the attacker may answer.
static void cards_block(Cards* s)
{
    const CardsSide* x = &s->sides[1 - s->turn];
    for (int32_t attackers = s->attacking; attackers; attackers &= attackers - 1) {
        int32_t attacker = cards_lowest((uint32_t)attackers);
        s->blocked |= (s->blocks[attacker] != 0) << attacker;
        for (int32_t blockers = s->blocks[attacker]; blockers; blockers &= blockers - 1) {
            cards_tell(s, CARDS_EVENT_BLOCK, 1 - s->turn, x->card[cards_lowest((uint32_t)blockers)], attacker);
        }
    }
    s->stage = CARDS_AFTER_BLOCK;
    s->mode = CARDS_ANSWER;
    s->asked = s->turn;
    s->passes = 0;
}

// Two passes in a row: the top of the stack takes effect, or the turn continues.
static void cards_pass(Cards* s)
{
    s->passes += 1;
    if (s->passes < 2) {
        s->asked = 1 - s->asked;
        return;
    }
    s->passes = 0;
    s->asked = s->turn;
    if (s->stacked > 0) {
        cards_resolve(s);
        s->mode = s->stacked == 0 && s->stage == CARDS_BEFORE_ATTACK ? CARDS_MAIN : CARDS_ANSWER;
    } else if (s->stage == CARDS_AFTER_ATTACK) {
        cards_begin_blocks(s);
    } else {
        cards_fight(s);
    }
}

// ---- Buttons ----

// What of a player's hand could be played now if there is mana for it: kinds and effects of cards, as bits.
typedef struct CardsAble {
    int32_t kinds, effects;
} CardsAble;

static CardsAble cards_able(const Cards* s, int32_t side)
{
    const CardsSide *x = &s->sides[side], *other = &s->sides[1 - side];
    int32_t main = s->mode != CARDS_ANSWER, theirs = other->creatures != 0;
    int32_t counters = s->stacked > 0 && s->stack[s->stacked - 1].side != side;
    CardsAble able;
    able.kinds = (main && !x->planted) << CARDS_SOURCE | (main && x->creatures != CARDS_EVERYONE) << CARDS_CREATURE |
                 main << CARDS_SPELL | 1 << CARDS_INSTANT;
    able.effects = 1 << CARDS_NO_EFFECT | 1 << CARDS_BOLT | 1 << CARDS_HEAL | 1 << CARDS_DRAW | 1 << CARDS_SWEEP |
                   (x->creatures != 0) << CARDS_GROW | theirs << CARDS_WEAKEN | theirs << CARDS_DESTROY |
                   theirs << CARDS_RETURN | counters << CARDS_COUNTER;
    return able;
}

static int32_t cards_affordable(const CardsSide* x, int32_t place, CardsAble able)
{
    const CardsCard* c = &cards_table[x->hand[place]];
    return (able.kinds >> c->kind & able.effects >> c->effect & 1) & (c->cost <= x->mana);
}

// All places of the hand with cards that can be played now, as bits. Only what destroys can have no target although
// there are creatures.
static int32_t cards_playables(const Cards* s, int32_t side)
{
    const CardsSide* x = &s->sides[side];
    CardsAble able = cards_able(s, side);
    int32_t found = 0, destroys = 0;
    if (s->mode == CARDS_ANSWER && x->mana == 0) {
        return 0; // no instant is free
    }
    for (int32_t place = 0; place < CARDS_HAND; place++) {
        found |= cards_affordable(x, place, able) << place;
        destroys |= (cards_table[x->hand[place]].effect == CARDS_DESTROY) << place;
    }
    for (int32_t rest = found & destroys; rest; rest &= rest - 1) {
        int32_t place = cards_lowest((uint32_t)rest);
        found ^= (cards_targets(s, side, x->hand[place]) == 0) << place;
    }
    return found;
}

// The buttons that do something for the side that is asked, as bits; at least one.
static int32_t cards_legal(const Cards* s)
{
    const CardsSide* x = &s->sides[s->asked];
    int32_t enter = 1 << CARDS_ENTER, regret = x->regrets > 0;
    switch (s->mode) {
    case CARDS_ATTACK: {
        int32_t more = cards_can_attack(x) & ~s->attacking;
        int32_t all = (more & (more - 1)) != 0;
        return more | (regret ? s->attacking : 0) | all << CARDS_ALL | enter;
    }
    case CARDS_BLOCK: {
        int32_t more = cards_free_blockers(s);
        int32_t none = more != 0 && cards_later_attackers(s) != 0;
        return more | (regret ? s->blocks[s->blocking] : 0) | none << CARDS_NONE | enter;
    }
    case CARDS_TARGET: {
        int32_t targets = cards_targets(s, s->asked, x->hand[s->picked]);
        return targets | (regret || targets == 0) << CARDS_BACK;
    }
    case CARDS_ANSWER: return (s->stacked < CARDS_STACK ? cards_playables(s, s->asked) : 0) | enter;
    default: return cards_playables(s, s->asked) | enter;
    }
}

static void cards_pick(Cards* s, int32_t place)
{
    int32_t card = s->sides[s->asked].hand[place];
    if (card == CARDS_SPRING) {
        cards_plant(s, s->asked, place);
    } else if (cards_needs_target(card)) {
        s->picked = place;
        s->answering = s->mode == CARDS_ANSWER;
        s->mode = CARDS_TARGET;
    } else {
        cards_cast(s, s->asked, place, CARDS_NO_TARGET);
    }
}

static void cards_take_back(Cards* s)
{
    CardsSide* x = &s->sides[s->asked];
    x->regrets = (uint8_t)(x->regrets - (x->regrets > 0));
}

static void cards_press_attack(Cards* s, int32_t button)
{
    if (button == CARDS_ENTER) {
        cards_attack(s);
    } else if (button == CARDS_ALL) {
        s->attacking = cards_can_attack(&s->sides[s->turn]);
    } else {
        if (s->attacking >> button & 1) {
            cards_take_back(s);
        }
        s->attacking ^= 1 << button;
    }
}

static void cards_press_block(Cards* s, int32_t button)
{
    int32_t later = cards_later_attackers(s);
    if (button == CARDS_NONE || (button == CARDS_ENTER && later == 0)) {
        cards_block(s);
    } else if (button == CARDS_ENTER) {
        s->blocking = cards_lowest((uint32_t)later);
    } else {
        if (s->blocks[s->blocking] >> button & 1) {
            cards_take_back(s);
        }
        s->blocks[s->blocking] ^= (uint8_t)(1 << button);
    }
}

// A legal button for the side that is asked.
static void cards_press(Cards* s, int32_t button)
{
    switch (s->mode) {
    case CARDS_ATTACK: cards_press_attack(s, button); break;
    case CARDS_BLOCK: cards_press_block(s, button); break;
    case CARDS_TARGET:
        if (button == CARDS_BACK) {
            cards_take_back(s);
            s->mode = s->answering ? CARDS_ANSWER : CARDS_MAIN;
        } else {
            cards_cast(s, s->asked, s->picked, button);
        }
        break;
    case CARDS_ANSWER:
        if (button == CARDS_ENTER) {
            cards_pass(s);
        } else {
            cards_pick(s, button);
        }
        break;
    default:
        if (button != CARDS_ENTER) {
            cards_pick(s, button);
        } else if (cards_can_attack(&s->sides[s->turn])) {
            s->mode = CARDS_ATTACK;
        } else {
            cards_end_turn(s);
        }
    }
}
