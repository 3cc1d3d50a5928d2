// cards_scripts.h - the scripted players of `cards`. Part of cards.h, which includes it behind the rules.
//
// 0  presses any button that does something.
// 1  plays one card a turn beside a spring, the dearest, at its first target, attacks with creatures that no single
//    blocker would beat, and blocks where its blocker survives. It never answers.
// 2  plays all it can pay for, aims where that does most good, compares all attacks by what the best blocks leave,
//    blocks with two creatures too and in order to survive, and answers with instants.
#pragma once

// ---- What things are worth ----

static int32_t cards_worth(const CardsSide* x, int32_t place)
{
    return x->attack[place] + x->health[place] + cards_count((uint32_t)cards_keywords(x, place));
}

// How a fight of two creatures ends if nobody interferes.
enum { CARDS_FIRST_DIES = 1, CARDS_SECOND_DIES = 2 };
static int32_t cards_kills(const CardsSide* x, int32_t place, const CardsSide* other, int32_t victim)
{
    int32_t venom = (cards_keywords(x, place) & CARDS_VENOM) != 0;
    return x->attack[place] >= cards_left(other, victim) || (venom && x->attack[place] > 0);
}

static int32_t cards_duel(const CardsSide* x, int32_t first, const CardsSide* other, int32_t second)
{
    int32_t quick = (cards_keywords(x, first) & CARDS_QUICK) != 0;
    int32_t quick_too = (cards_keywords(other, second) & CARDS_QUICK) != 0;
    int32_t second_dies = cards_kills(x, first, other, second), first_dies = cards_kills(other, second, x, first);
    if (quick && !quick_too && second_dies) {
        return CARDS_SECOND_DIES;
    }
    if (quick_too && !quick && first_dies) {
        return CARDS_FIRST_DIES;
    }
    return first_dies * CARDS_FIRST_DIES | second_dies * CARDS_SECOND_DIES;
}

// ---- Cards of the hand ----

typedef struct CardsChoice {
    int32_t place, target, good; // nothing is worth playing where `good` is 0
} CardsChoice;

// What a spell does to one creature of the other side.
static int32_t cards_harm(const CardsSide* other, int32_t place, const CardsCard* c)
{
    int32_t worth = cards_worth(other, place);
    switch (c->effect) {
    case CARDS_BOLT: return c->attack >= cards_left(other, place) ? worth : 0;
    case CARDS_WEAKEN: return c->attack >= cards_left(other, place) ? worth : worth > 4 ? c->attack : 0;
    case CARDS_DESTROY: return worth;
    case CARDS_RETURN: return cards_table[other->card[place]].cost > c->cost ? worth / 2 : 0;
    default: return 0;
    }
}

// What sweeping does to a side.
static int32_t cards_swept(const CardsSide* x, int32_t amount)
{
    int32_t worth = 0;
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        worth += x->card[place] && amount >= cards_left(x, place) ? cards_worth(x, place) : 0;
    }
    return worth;
}

// The best target of a card, and how good that is: about in points of attack and health.
static CardsChoice cards_best_use(const Cards* s, int32_t side, int32_t place)
{
    const CardsSide *x = &s->sides[side], *other = &s->sides[1 - side];
    int32_t card = x->hand[place];
    const CardsCard* c = &cards_table[card];
    CardsChoice best = { place, CARDS_NO_TARGET, 0 };
    if (cards_needs_target(card)) {
        int32_t targets = cards_targets(s, side, card);
        if (c->effect == CARDS_BOLT && other->life <= c->attack) {
            best.target = CARDS_PLAYER;
            best.good = 100;
            return best;
        }
        for (int32_t at = 0; at < CARDS_BOARD; at++) {
            int32_t good = c->effect == CARDS_GROW ? 1 + x->attack[at] : cards_harm(other, at, c);
            if ((targets >> at & 1) && good > best.good) {
                best.target = at;
                best.good = good;
            }
        }
        return best;
    }
    switch (c->effect) {
    case CARDS_HEAL: best.good = x->life + c->attack <= s->life ? c->attack : 0; break;
    case CARDS_DRAW: best.good = x->hands - 1 + c->attack <= CARDS_HAND ? 3 * c->attack : 0; break;
    case CARDS_SWEEP: best.good = cards_swept(other, c->attack) - cards_swept(x, c->attack); break;
    case CARDS_COUNTER: best.good = cards_table[s->stack[s->stacked - 1].card].cost > c->cost; break;
    default: best.good = 1;
    }
    return best;
}

// The card to play: a spring, else the dearest that does some good; script 1 aims at the first target there is.
static CardsChoice cards_choose_card(const Cards* s, int32_t side)
{
    const CardsSide* x = &s->sides[side];
    CardsChoice none = { 0, CARDS_NO_TARGET, 0 };
    if (x->hand[0] == CARDS_SPRING && !x->planted) {
        none.good = 1;
        return none;
    }
    int32_t playables = cards_playables(s, side);
    for (int32_t place = x->hands - 1; place >= 0; place--) {
        if (!(playables >> place & 1)) {
            continue;
        }
        CardsChoice choice = cards_best_use(s, side, place);
        if (s->strength < CARDS_SCRIPT_SEARCH && cards_needs_target(x->hand[place])) {
            choice.target = cards_lowest((uint32_t)cards_targets(s, side, x->hand[place]));
            choice.good = 1;
        }
        if (choice.good > 0) {
            return choice;
        }
    }
    return none;
}

static void cards_play_choice(Cards* s, int32_t side, CardsChoice choice)
{
    if (s->sides[side].hand[choice.place] == CARDS_SPRING) {
        cards_plant(s, side, choice.place);
    } else {
        cards_cast(s, side, choice.place, choice.target);
    }
}

// ---- Attacks and blocks of script 1 ----

static int32_t cards_safe_attack(const Cards* s)
{
    const CardsSide *x = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    int32_t chosen = 0;
    for (int32_t able = cards_can_attack(x); able; able &= able - 1) {
        int32_t place = cards_lowest((uint32_t)able), safe = 1;
        for (int32_t blockers = cards_can_block(other, x, place); blockers; blockers &= blockers - 1) {
            safe &= cards_duel(x, place, other, cards_lowest((uint32_t)blockers)) != CARDS_FIRST_DIES;
        }
        chosen |= safe << place;
    }
    return chosen;
}

// How good a block is for the blocker's side: what dies, in worth. A creature that survives is worth a little more.
static int32_t cards_block_good(const CardsSide* x, int32_t attacker, const CardsSide* other, int32_t blocker)
{
    int32_t ends = cards_duel(x, attacker, other, blocker);
    return (ends & CARDS_FIRST_DIES ? cards_worth(x, attacker) : 0) -
           (ends & CARDS_SECOND_DIES ? cards_worth(other, blocker) : 0);
}

static int32_t cards_unblocked_damage(const Cards* s)
{
    int32_t damage = 0;
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        damage += (s->attacking >> place & 1) && s->blocks[place] == 0 ? s->sides[s->turn].attack[place] : 0;
    }
    return damage;
}

// Give the attacker that is not blocked and hits hardest the blocker of least worth, while the damage would be deadly.
static void cards_block_to_live(Cards* s)
{
    const CardsSide *x = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    int32_t open = s->attacking;
    while (open && cards_unblocked_damage(s) >= other->life) {
        int32_t worst = cards_lowest((uint32_t)open), chosen = -1;
        for (int32_t place = worst + 1; place < CARDS_BOARD; place++) {
            worst = (open >> place & 1) && x->attack[place] > x->attack[worst] ? place : worst;
        }
        open &= ~(1 << worst);
        int32_t free = s->blocks[worst] ? 0 : cards_can_block(other, x, worst) & ~cards_all_blockers(s);
        for (; free; free &= free - 1) {
            int32_t place = cards_lowest((uint32_t)free);
            chosen = chosen < 0 || cards_worth(other, place) < cards_worth(other, chosen) ? place : chosen;
        }
        if (chosen >= 0) {
            s->blocks[worst] = (uint8_t)(1 << chosen);
        }
    }
}

// One blocker for each attacker, where that does no harm; script 1 also wants its blocker to survive.
static void cards_block_singly(Cards* s)
{
    const CardsSide *x = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    for (int32_t attackers = s->attacking; attackers; attackers &= attackers - 1) {
        int32_t attacker = cards_lowest((uint32_t)attackers), best = -1, chosen = -1;
        int32_t free = cards_can_block(other, x, attacker) & ~cards_all_blockers(s);
        for (; free; free &= free - 1) {
            int32_t place = cards_lowest((uint32_t)free), good = cards_block_good(x, attacker, other, place);
            int32_t dies = cards_duel(x, attacker, other, place) & CARDS_SECOND_DIES;
            if (good > best && (!dies || s->strength >= CARDS_SCRIPT_SEARCH)) {
                best = good;
                chosen = place;
            }
        }
        if (chosen >= 0) {
            s->blocks[attacker] = (uint8_t)(1 << chosen);
        }
    }
}

// ---- Script 2 ----

// Two blockers for an attacker that neither of them could kill alone, where one of them at most is lost.
static void cards_block_in_pairs(Cards* s)
{
    const CardsSide *x = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    for (int32_t attackers = s->attacking; attackers; attackers &= attackers - 1) {
        int32_t attacker = cards_lowest((uint32_t)attackers);
        int32_t free = cards_can_block(other, x, attacker) & ~cards_all_blockers(s), tough = x->attack[attacker];
        if (s->blocks[attacker] || (cards_keywords(x, attacker) & (CARDS_QUICK | CARDS_VENOM))) {
            continue;
        }
        for (int32_t one = 0; one < CARDS_BOARD && !s->blocks[attacker]; one++) {
            for (int32_t two = one + 1; two < CARDS_BOARD; two++) {
                int32_t both = 1 << one | 1 << two;
                int32_t kill = other->attack[one] + other->attack[two] >= cards_left(x, attacker);
                int32_t lost = 0;
                lost = tough >= cards_left(other, one) ? cards_worth(other, one) : lost;
                int32_t second = tough >= cards_left(other, two) ? cards_worth(other, two) : 0;
                lost = second > lost ? second : lost;
                int32_t all = tough >= cards_left(other, one) + cards_left(other, two);
                if ((free & both) == both && kill && !all && cards_worth(x, attacker) > lost) {
                    s->blocks[attacker] = (uint8_t)both;
                    break;
                }
            }
        }
    }
}

// What script 2 knows of an attack: all fights of one attacker and one blocker.
typedef struct CardsFights {
    int32_t able;                            // attackers, as bits
    int32_t blockers[CARDS_BOARD];           // of each attacker, as bits
    int8_t good[CARDS_BOARD][CARDS_BOARD];   // attacker, blocker: how good that block is for the blocker's side
    int8_t excess[CARDS_BOARD][CARDS_BOARD]; // attacker, blocker: damage that pierces
    int32_t order[CARDS_BOARD];              // attackers by attack, hardest first
    int32_t threats[CARDS_BOARD + 1];        // damage of the other side's next attack that so many blockers let through
    int32_t life, other_life;
} CardsFights;

static void cards_fill_threats(CardsFights* f, const CardsSide* other)
{
    int32_t sorted[CARDS_BOARD], total = 0;
    for (int32_t k = 0; k < CARDS_BOARD; k++) {
        int32_t place = k, attack = other->attack[k];
        for (; place > 0 && sorted[place - 1] < attack; place--) {
            sorted[place] = sorted[place - 1];
        }
        sorted[place] = attack;
        total += attack;
    }
    for (int32_t k = 0; k <= CARDS_BOARD; k++) {
        f->threats[k] = total;
        total -= k < CARDS_BOARD ? sorted[k] : 0;
    }
}

static void cards_fill_fights(CardsFights* f, const Cards* s)
{
    const CardsSide *x = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    int32_t count = 0;
    f->able = cards_can_attack(x);
    f->life = x->life;
    f->other_life = other->life;
    for (int32_t able = f->able; able; able &= able - 1) {
        int32_t attacker = cards_lowest((uint32_t)able), at = count++;
        for (; at > 0 && x->attack[f->order[at - 1]] < x->attack[attacker]; at--) {
            f->order[at] = f->order[at - 1];
        }
        f->order[at] = attacker;
        f->blockers[attacker] = cards_can_block(other, x, attacker);
        int32_t pierce = cards_keywords(x, attacker) & CARDS_PIERCE;
        for (int32_t blockers = f->blockers[attacker]; blockers; blockers &= blockers - 1) {
            int32_t blocker = cards_lowest((uint32_t)blockers);
            int32_t excess = x->attack[attacker] - cards_left(other, blocker);
            f->good[attacker][blocker] = (int8_t)cards_block_good(x, attacker, other, blocker);
            f->excess[attacker][blocker] = (int8_t)(pierce && excess > 0 ? excess : 0);
        }
    }
    cards_fill_threats(f, other);
}

// The best single blocker for an attacker in terms of worth and damage, or -1 for none. If `must`, any is better.
static int32_t cards_reply(const CardsFights* f, const CardsSide* x, int32_t attacker, int32_t free, int32_t must)
{
    int32_t chosen = -1, best = must ? -1000 : -x->attack[attacker];
    for (free &= f->blockers[attacker]; free; free &= free - 1) {
        int32_t blocker = cards_lowest((uint32_t)free);
        int32_t good = 2 * f->good[attacker][blocker] - f->excess[attacker][blocker];
        if (good > best) {
            best = good;
            chosen = blocker;
        }
    }
    return chosen;
}

// What an attack is worth after the blocks that a greedy player would choose.
static int32_t cards_attack_good(const CardsFights* f, const CardsSide* x, int32_t attack, int32_t stay)
{
    int32_t free = CARDS_EVERYONE, open = 0, damage = 0, good = 0;
    for (int32_t k = 0, rest = f->able; rest; rest &= rest - 1, k++) {
        int32_t attacker = f->order[k];
        if (!(attack >> attacker & 1)) {
            continue;
        }
        int32_t blocker = cards_reply(f, x, attacker, free, 0);
        if (blocker < 0) {
            open |= 1 << attacker;
            damage += x->attack[attacker];
        } else {
            free &= ~(1 << blocker);
            good -= 2 * f->good[attacker][blocker];
            damage += f->excess[attacker][blocker];
        }
    }
    for (int32_t k = 0, rest = f->able; rest && damage >= f->other_life; rest &= rest - 1, k++) {
        int32_t attacker = f->order[k];
        int32_t blocker = open >> attacker & 1 ? cards_reply(f, x, attacker, free, 1) : -1;
        if (blocker >= 0) {
            free &= ~(1 << blocker);
            good -= 2 * f->good[attacker][blocker];
            damage += f->excess[attacker][blocker] - x->attack[attacker];
        }
    }
    if (damage >= f->other_life) {
        return 10000;
    }
    int32_t threat = f->threats[cards_count((uint32_t)stay)];
    int32_t danger = threat >= f->life ? 1000 : threat;
    return good + 2 * damage - danger;
}

// Whether an attack wins whatever the other player blocks, if no instant is played: each creature that can block stops
// at most one attacker, the hardest.
static int32_t cards_sure_win(const Cards* s, int32_t attack)
{
    const CardsSide *x = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    int32_t damage = 0, stopped = 0, left[CARDS_BOARD] = { 0 };
    for (; attack; attack &= attack - 1) {
        int32_t place = cards_lowest((uint32_t)attack);
        damage += x->attack[place];
        left[place] = cards_can_block(other, x, place) ? x->attack[place] : 0;
    }
    int32_t drain = cards_with(other, CARDS_DRAIN) & other->creatures & ~other->tired;
    for (int32_t blockers = other->creatures & ~other->tired; blockers; blockers &= blockers - 1) {
        int32_t worst = 0;
        for (int32_t place = 1; place < CARDS_BOARD; place++) {
            worst = left[place] > left[worst] ? place : worst;
        }
        stopped += left[worst];
        left[worst] = 0;
    }
    for (; drain; drain &= drain - 1) {
        stopped += other->attack[cards_lowest((uint32_t)drain)];
    }
    return damage - stopped >= other->life;
}

static int32_t cards_best_attack(const Cards* s)
{
    const CardsSide* x = &s->sides[s->turn];
    int32_t able = cards_can_attack(x);
    if (cards_sure_win(s, able)) {
        return able;
    }
    CardsFights fights;
    cards_fill_fights(&fights, s);
    int32_t awake = x->creatures & cards_with(x, CARDS_AWAKE);
    int32_t chosen = 0, best = cards_attack_good(&fights, x, 0, x->creatures);
    for (int32_t attack = fights.able; attack; attack = (attack - 1) & fights.able) {
        int32_t good = cards_attack_good(&fights, x, attack, (x->creatures & ~attack) | awake);
        if (good > best) {
            best = good;
            chosen = attack;
        }
    }
    return chosen;
}

// The instant to answer with, if any does some good. Who lets creatures grow does so before the attack.
static CardsChoice cards_choose_answer(const Cards* s, int32_t side)
{
    const CardsSide* x = &s->sides[side];
    CardsChoice best = { 0, CARDS_NO_TARGET, 0 };
    for (int32_t rest = cards_playables(s, side); rest; rest &= rest - 1) {
        int32_t place = cards_lowest((uint32_t)rest);
        CardsChoice choice = cards_best_use(s, side, place);
        if (cards_table[x->hand[place]].effect != CARDS_GROW && choice.good > best.good) {
            best = choice;
        }
    }
    return best;
}

// ---- One choice of the side that is asked ----

static void cards_press_any(Cards* s)
{
    uint32_t legal = (uint32_t)cards_legal(s);
    for (uint32_t skip = puf_rand_below(&s->rng, (uint32_t)cards_count(legal)); skip > 0; skip--) {
        legal &= legal - 1;
    }
    cards_press(s, cards_lowest(legal));
}

static void cards_move(Cards* s)
{
    int32_t searches = s->strength >= CARDS_SCRIPT_SEARCH;
    if (s->strength == CARDS_SCRIPT_RANDOM) {
        cards_press_any(s);
        return;
    }
    if (s->mode == CARDS_ATTACK) {
        s->attacking = searches ? cards_best_attack(s) : cards_safe_attack(s);
        cards_attack(s);
        return;
    }
    if (s->mode == CARDS_BLOCK) {
        cards_block_singly(s);
        if (searches) {
            cards_block_in_pairs(s);
            cards_block_to_live(s);
        }
        cards_block(s);
        return;
    }
    CardsChoice choice = { 0, CARDS_NO_TARGET, 0 };
    const CardsSide* x = &s->sides[s->asked];
    if (s->mode == CARDS_MAIN && (searches || x->mana == x->springs || x->hand[0] == CARDS_SPRING)) {
        choice = cards_choose_card(s, s->asked);
    } else if (s->mode == CARDS_ANSWER && searches) {
        choice = cards_choose_answer(s, s->asked);
    }
    if (choice.good > 0) {
        cards_play_choice(s, s->asked, choice);
    } else {
        cards_press(s, CARDS_ENTER);
    }
}
