// cards_view.h - what an agent of `cards` sees. Part of cards.h, which includes it behind the rules.
//
// Cards are copied from tables, and empty places are written like all others: nothing here branches on what is seen.
#pragma once

enum { CARDS_HAND_AMOUNTS = 3, CARDS_HAND_FLAGS = CARDS_FLAGS };
enum { CARDS_BOARD_AMOUNTS = 4, CARDS_BOARD_STATES = 6, CARDS_BOARD_FLAGS = CARDS_KEYWORDS + CARDS_BOARD_STATES };
enum { CARDS_SHOWN = 2, CARDS_STACK_AMOUNTS = 2, CARDS_STACK_FLAGS = 3 + CARDS_EFFECTS };
enum { CARDS_MAX_SEEN = 12 }; // larger amounts of creatures look the same
enum {
    CARDS_HAND_SIZE = CARDS_HAND * (CARDS_HAND_AMOUNTS + CARDS_HAND_FLAGS),
    CARDS_BOARD_SIZE = CARDS_BOARD * (CARDS_BOARD_AMOUNTS + CARDS_BOARD_FLAGS),
    CARDS_STACK_SIZE = CARDS_SHOWN * (CARDS_STACK_AMOUNTS + CARDS_STACK_FLAGS),
    CARDS_ASKED_SIZE = CARDS_MODES + CARDS_STAGES + 4 + CARDS_HAND,
    CARDS_NUMBERS_SIZE = 2 + 4 + 2 + 2 + 2 + 1,
    CARDS_OBS = CARDS_HAND_SIZE + 2 * CARDS_BOARD_SIZE + CARDS_STACK_SIZE + CARDS_ASKED_SIZE + CARDS_NUMBERS_SIZE
};

// The bits 0 to 7 as bytes 0 or 1: seven of them by copies that cannot meet, and the last one.
static void cards_spread(int32_t bits, uint8_t* bytes)
{
    uint64_t spread = ((uint64_t)(bits & 0x7F) * 0x0002040810204081u & 0x0101010101010101u) | (uint64_t)(bits >> 7)
                                                                                                  << 56;
    for (int32_t k = 0; k < CARDS_KEYWORDS; k++) {
        bytes[k] = (uint8_t)(spread >> (8 * k)); // one store on little-endian machines
    }
}

static uint8_t* cards_write_hand(const CardsSide* x, uint8_t* out)
{
    uint8_t* flags = out + CARDS_HAND * CARDS_HAND_AMOUNTS;
    for (int32_t place = 0; place < CARDS_HAND; place++) {
        const CardsCard* c = &cards_table[x->hand[place]];
        out[CARDS_HAND_AMOUNTS * place] = c->cost;
        out[CARDS_HAND_AMOUNTS * place + 1] = c->attack;
        out[CARDS_HAND_AMOUNTS * place + 2] = c->health;
        memcpy(flags + CARDS_HAND_FLAGS * place, cards_flags[x->hand[place]], CARDS_HAND_FLAGS);
    }
    return out + CARDS_HAND_SIZE;
}

static uint8_t cards_seen(int32_t amount) { return (uint8_t)(amount < CARDS_MAX_SEEN ? amount : CARDS_MAX_SEEN); }

// For each creature of side `whose`, the sums of attack and of health of those it fights.
static void cards_write_opponents(const Cards* s, int32_t whose, uint8_t* amounts)
{
    const CardsSide* opponents = &s->sides[1 - whose];
    for (int32_t attacker = 0; attacker < CARDS_BOARD; attacker++) {
        for (int32_t blockers = s->blocks[attacker]; blockers; blockers &= blockers - 1) {
            int32_t blocker = cards_lowest((uint32_t)blockers);
            int32_t own = whose == s->turn ? attacker : blocker, theirs = whose == s->turn ? blocker : attacker;
            uint8_t* a = amounts + CARDS_BOARD_AMOUNTS * own;
            a[2] = cards_seen(a[2] + opponents->attack[theirs]);
            a[3] = cards_seen(a[3] + cards_left(opponents, theirs));
        }
    }
}

// Creatures that the question is about, or that were chosen so far.
static int32_t cards_pointed(const Cards* s, int32_t side)
{
    if (s->mode == CARDS_BLOCK) {
        return side == s->turn ? 1 << s->blocking : s->blocks[s->blocking];
    }
    return s->mode == CARDS_ATTACK && side == s->turn ? s->attacking : 0;
}

// For each creature of a side, as bits: whether it could die, and whether it could fail to kill. When a blocker is
// asked for, both in a fight with the attacker in question. When `player` is asked for a target, whether its spell's
// amount would kill; the other player must not see that. Otherwise in fights with those of the other side that are
// not tired, keywords left aside.
typedef struct CardsRisks {
    int32_t die, fail;
} CardsRisks;

static CardsRisks cards_risks(const Cards* s, int32_t side, int32_t player)
{
    const CardsSide *x = &s->sides[side], *other = &s->sides[1 - side];
    CardsRisks risks = { 0, 0 };
    int32_t hardest = 0, toughest = 0;
    if (s->mode == CARDS_BLOCK) {
        for (int32_t rest = side == s->turn ? 0 : x->creatures; rest; rest &= rest - 1) {
            int32_t place = cards_lowest((uint32_t)rest), ends = cards_duel(x, place, other, s->blocking);
            risks.die |= (ends & CARDS_FIRST_DIES) != 0 ? 1 << place : 0;
            risks.fail |= (ends & CARDS_SECOND_DIES) == 0 ? 1 << place : 0;
        }
        return risks;
    }
    if (s->mode == CARDS_TARGET && s->asked == player) {
        hardest = side == s->asked ? 0 : cards_table[s->sides[s->asked].hand[s->picked]].attack;
    } else {
        for (int32_t place = 0; place < CARDS_BOARD; place++) {
            int32_t rested = ~other->tired >> place & 1;
            int32_t attack = rested * other->attack[place], left = rested * cards_left(other, place);
            hardest = attack > hardest ? attack : hardest;
            toughest = left > toughest ? left : toughest;
        }
    }
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        risks.die |= (cards_left(x, place) <= hardest) << place;
        risks.fail |= (x->attack[place] < toughest) << place;
    }
    risks.die &= x->creatures;
    risks.fail &= x->creatures;
    return risks;
}

static uint8_t* cards_write_board(const Cards* s, int32_t side, int32_t player, uint8_t* out)
{
    const CardsSide* x = &s->sides[side];
    uint8_t* flags = out + CARDS_BOARD * CARDS_BOARD_AMOUNTS;
    int32_t fights = side == s->turn ? s->attacking : cards_all_blockers(s), pointed = cards_pointed(s, side);
    CardsRisks risks = cards_risks(s, side, player);
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        uint8_t* a = out + CARDS_BOARD_AMOUNTS * place;
        uint8_t* f = flags + CARDS_BOARD_FLAGS * place;
        a[0] = cards_seen(x->attack[place]);
        a[1] = cards_seen(cards_left(x, place));
        a[2] = 0;
        a[3] = 0;
        memcpy(f, cards_flags[x->card[place]] + 3, CARDS_KEYWORDS);
        f[CARDS_KEYWORDS] = x->tired >> place & 1;
        f[CARDS_KEYWORDS + 1] = x->fresh >> place & 1;
        f[CARDS_KEYWORDS + 2] = (uint8_t)(fights >> place & 1);
        f[CARDS_KEYWORDS + 3] = (uint8_t)(pointed >> place & 1);
        f[CARDS_KEYWORDS + 4] = (uint8_t)(risks.die >> place & 1);
        f[CARDS_KEYWORDS + 5] = (uint8_t)(risks.fail >> place & 1);
    }
    if (s->attacking) {
        cards_write_opponents(s, side, out);
    }
    return out + CARDS_BOARD_SIZE;
}

static uint8_t* cards_write_stack(const Cards* s, int32_t player, uint8_t* out)
{
    uint8_t* flags = out + CARDS_SHOWN * CARDS_STACK_AMOUNTS;
    memset(out, 0, CARDS_STACK_SIZE);
    for (int32_t k = 0; k < CARDS_SHOWN && k < s->stacked; k++) {
        const CardsSpell* spell = &s->stack[s->stacked - 1 - k];
        const CardsCard* c = &cards_table[spell->card];
        out[CARDS_STACK_AMOUNTS * k] = c->cost;
        out[CARDS_STACK_AMOUNTS * k + 1] = c->attack;
        uint8_t* f = flags + CARDS_STACK_FLAGS * k;
        f[0] = spell->side == player;
        f[1] = c->kind == CARDS_CREATURE;
        f[2] = spell->target == CARDS_PLAYER;
        memcpy(f + 3, cards_flags[spell->card] + 3 + CARDS_KEYWORDS, CARDS_EFFECTS);
    }
    return out + CARDS_STACK_SIZE;
}

static uint8_t* cards_write_asked(const Cards* s, int32_t player, uint8_t* out)
{
    const CardsSide* x = &s->sides[player];
    int32_t asked = s->asked == player;
    memset(out, 0, CARDS_ASKED_SIZE);
    out[s->mode] = 1;
    out[CARDS_MODES + s->stage] = 1;
    uint8_t* flags = out + CARDS_MODES + CARDS_STAGES;
    flags[0] = (uint8_t)asked;
    flags[1] = s->turn == player;
    flags[2] = x->planted;
    flags[3] = x->regrets > 0;
    if (asked && s->mode == CARDS_TARGET) {
        flags[4 + s->picked] = 1;
    }
    return out + CARDS_ASKED_SIZE;
}

static void cards_write_numbers(const Cards* s, int32_t player, uint8_t* out)
{
    for (int32_t k = 0; k < 2; k++) {
        const CardsSide* x = &s->sides[k ? 1 - player : player];
        out[k] = (uint8_t)(x->life > 0 ? x->life : 0);
        out[2 + k] = x->mana;
        out[4 + k] = x->springs;
        out[6 + k] = x->hands;
        out[8 + k] = (uint8_t)(CARDS_DECK - x->drawn);
        out[10 + k] = x->fatigue;
    }
    out[12] = (uint8_t)s->turns;
}

static void cards_observe(const Cards* s, PufIo io)
{
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        uint8_t* out = (uint8_t*)io.obs + (size_t)player * CARDS_OBS;
        uint8_t* mask = io.action_mask + (size_t)player * CARDS_BUTTONS;
        out = cards_write_hand(&s->sides[player], out);
        out = cards_write_board(s, player, player, out);
        out = cards_write_board(s, 1 - player, player, out);
        out = cards_write_stack(s, player, out);
        out = cards_write_asked(s, player, out);
        cards_write_numbers(s, player, out);
        int32_t legal = s->asked == player ? cards_legal(s) : 1 << CARDS_ENTER;
        cards_spread(legal & 0xFF, mask);
        for (int32_t button = CARDS_ALL; button < CARDS_BUTTONS; button++) {
            mask[button] = (uint8_t)(legal >> button & 1);
        }
    }
}
