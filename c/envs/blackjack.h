// blackjack - take cards, but not more than 21, and more than the dealer: Gymnasium's Blackjack-v1.
//
// Observation  uint8 (3,): codes: the sum of your cards, the dealer's open card (an ace is 1), and whether you have an ace
//              that counts 11.
// Action       one of 2: stick, hit.
// Reward       +1 if you win, -1 if you lose, 0 for a draw and while you take cards; with the setting `natural` 1.5 for an
//              ace and a ten on the first two.
// End          terminal when you stick, or have more than 21.
//
// Cards of 2 to 10 count what they say, the other three 10, and an ace 11, or 1 where that would be too much. Cards are drawn
// with replacement. Once you stick, the dealer takes cards up to 17 or more. Who is nearer to 21 wins. With the setting `sab`
// (Sutton and Barto) an ace and a ten on the first two win against all but the same.
#pragma once
#include "puffer.h"

enum { BLACKJACK_STICK, BLACKJACK_HIT, BLACKJACK_ACTIONS };
enum { BLACKJACK_BEST = 21, BLACKJACK_STANDS = 17, BLACKJACK_TEN = 10, BLACKJACK_SUMS = 32 };
enum { BLACKJACK_KINDS = 13, BLACKJACK_SHOWN = 8 }; // kinds of cards; cards that a drawing shows

#define BLACKJACK_NATURAL 1.5f

typedef struct Blackjack {
    PufRng rng;
    int32_t natural;                         // setting
    int32_t sab;                             // setting
    int8_t sum;                              // of your cards, with aces as 1
    int8_t ace;                              // whether one is an ace
    int8_t cards;                            // how many
    int8_t open;                             // the dealer's open card, 1 to 10
    int8_t hidden;                           // the dealer's other card
    int8_t hand[BLACKJACK_SHOWN];            // your first cards, for drawings
    int8_t last_mine, last_theirs, last_won; // of the game before, for drawings: points, 0 for too many; 1, 0 or -1
    PufLog log;
} Blackjack;

// The next of several cards that one random number holds: thirteenths of it, thirteenths of those, and so on. Of four
// cards, no kind of the last is more than 7 in a million likelier than another.
static inline int32_t blackjack_next(uint32_t* chance)
{
    const uint64_t parts = (uint64_t)*chance * BLACKJACK_KINDS;
    const int32_t kind = (int32_t)(parts >> 32);
    *chance = (uint32_t)parts;
    return kind >= BLACKJACK_TEN ? BLACKJACK_TEN : kind + 1;
}

// What cards count with a sum in which aces are 1.
static inline int32_t blackjack_points(int32_t sum, int32_t ace)
{
    return ace && sum <= BLACKJACK_BEST - 10 ? sum + 10 : sum;
}

// Two cards for the dealer and two for you.
static void blackjack_reset(Blackjack* s)
{
    uint32_t chance = puf_rand(&s->rng);
    s->open = (int8_t)blackjack_next(&chance);
    s->hidden = (int8_t)blackjack_next(&chance);
    const int32_t first = blackjack_next(&chance), second = blackjack_next(&chance);
    s->sum = (int8_t)(first + second);
    s->ace = (first == 1) | (second == 1);
    s->cards = 2;
    s->hand[0] = (int8_t)first;
    s->hand[1] = (int8_t)second;
}

static void blackjack_observe(const Blackjack* s, PufIo io)
{
    uint8_t* obs = io.obs;
    obs[0] = (uint8_t)blackjack_points(s->sum, s->ace);
    obs[1] = (uint8_t)s->open;
    obs[2] = (uint8_t)(s->ace && s->sum <= BLACKJACK_BEST - 10);
}

// The dealer takes cards up to 17 or more, four from each random number. Returns their points, or 0 for too many.
static inline int32_t blackjack_deal(Blackjack* s, uint32_t chance)
{
    int32_t sum = s->open + s->hidden, ace = (s->open == 1) | (s->hidden == 1), points = blackjack_points(sum, ace);
    for (int32_t taken = 0; points < BLACKJACK_STANDS; taken++) {
        chance = taken > 0 && taken % 4 == 0 ? puf_rand(&s->rng) : chance;
        const int32_t card = blackjack_next(&chance);
        sum += card;
        ace |= card == 1;
        points = blackjack_points(sum, ace);
    }
    return points > BLACKJACK_BEST ? 0 : points;
}

// The reward if you stick while the dealer has these points.
static inline float blackjack_compare(Blackjack* s, int32_t theirs)
{
    const int32_t mine = blackjack_points(s->sum, s->ace), won = (mine > theirs) - (mine < theirs);
    const int natural = (s->cards == 2) & (mine == BLACKJACK_BEST);
    const int same = (s->open * s->hidden == BLACKJACK_TEN) & (s->open + s->hidden == BLACKJACK_TEN + 1);
    s->last_theirs = (int8_t)theirs;
    if (s->sab) {
        return natural && !same ? 1.0f : (float)won;
    }
    return s->natural && natural && won > 0 ? BLACKJACK_NATURAL : (float)won;
}

// Whether you have too many.
static inline int blackjack_hit(Blackjack* s, uint32_t chance)
{
    const int32_t card = blackjack_next(&chance);
    s->sum = (int8_t)(s->sum + card);
    s->ace |= card == 1;
    s->hand[s->cards < BLACKJACK_SHOWN ? s->cards : BLACKJACK_SHOWN - 1] = (int8_t)card;
    s->cards += 1;
    return s->sum > BLACKJACK_BEST;
}

static void blackjack_step(Blackjack* s, PufIo io)
{
    const uint32_t chance = puf_rand(&s->rng);
    const int hits = io.actions[0] == BLACKJACK_HIT, lost = hits && blackjack_hit(s, chance), over = !hits || lost;
    const float reward = hits ? (float)-lost : blackjack_compare(s, blackjack_deal(s, chance));
    io.rewards[0] = reward;
    io.terminals[0] = (uint8_t)over;
    io.truncations[0] = 0;
    if (over) {
        s->last_mine = (int8_t)(lost ? 0 : blackjack_points(s->sum, s->ace));
        s->last_won = (int8_t)((reward > 0.0f) - (reward < 0.0f));
        float perf = 0.5f + 0.5f * (reward > 1.0f ? 1.0f : reward);
        puf_log_episode(&s->log, perf, reward, reward, (float)(s->cards - 2 + !hits));
    }
}

static const PufObs blackjack_obs[] = {
    PUF_CODES("sum", 1, BLACKJACK_SUMS, "of your cards"),
    PUF_CODES("dealer", 1, BLACKJACK_TEN + 1, "the open card, an ace as 1"),
    PUF_CODES("ace", 1, 2, "1 if you have one that counts 11"),
};
static const PufAction blackjack_actions[] = { { "do", BLACKJACK_ACTIONS, 0, 0, "stick hit" } };
static const PufParam blackjack_params[] = {
    PUF_FLAG(Blackjack, natural, 0, "whether an ace and a ten win 1.5; without effect with sab"),
    PUF_FLAG(Blackjack, sab, 1, "whether the rules are those of Sutton and Barto"),
};
static const PufField blackjack_fields[] = {
    PUF_SCALAR(Blackjack, sum, "of your cards, with aces as 1", PUF_RANGE(2, BLACKJACK_BEST)),
    PUF_SCALAR(Blackjack, ace, "whether one of them is an ace", PUF_RANGE(0, 1)),
    PUF_SCALAR(Blackjack, cards, "that you have", PUF_RANGE(2, BLACKJACK_BEST)),
    PUF_ARRAY(Blackjack, hand, "your first cards, for drawings", PUF_RANGE(0, BLACKJACK_TEN)),
    PUF_SCALAR(Blackjack, last_mine, "your points in the game before, 0 for too many", PUF_RANGE(0, BLACKJACK_BEST)),
    PUF_SCALAR(Blackjack, last_theirs, "the dealer's", PUF_RANGE(0, BLACKJACK_BEST)),
    PUF_SCALAR(Blackjack, last_won, "1 if you won it, -1 if you lost", PUF_RANGE(-1, 1)),
    PUF_SCALAR(Blackjack, open, "the dealer's open card", PUF_RANGE(1, BLACKJACK_TEN)),
    PUF_SCALAR(Blackjack, hidden, "the dealer's other card", PUF_RANGE(1, BLACKJACK_TEN)),
};

// clang-format off
PUF_DEFINE_ENV(blackjack, Blackjack,
    .version = 1,
    .doc = "Take cards, but not more than 21, and more than the dealer: Gymnasium's Blackjack-v1.",
    .reward = "+1 for a win, -1 for a loss, 0 for a draw and while you take cards",
    .ends = "terminal when you stick, or have more than 21",
    .rate = 1,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(Blackjack) + 7) / 8 * 8, .agents = 1, .obs_ndim = 1, .obs_shape = { 3 },
                PUF_ACTIONS(blackjack) },
    PUF_TABLES(blackjack));
