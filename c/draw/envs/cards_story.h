// cards_story.h - what happened within a step of cards, beat by beat: the state lists events, this puts pictures
// between them. The boards, hands and lives that are shown on the way follow from the state before and the events; the
// state after has the last word.
#pragma once
#include "draw/envs/cards_art.h"

enum { CARDS_STEP = 10, CARDS_HARM = 24 };               // frames of a step; of what hurts or heals, all shown together
enum { CARDS_NOBODY_ASKED = -1, CARDS_LAST = 0xFFFFFF }; // in the place of a mode; events are counted up to this number

// Something that is shown for a while: events of one kind.
typedef struct CardsBeat {
    int32_t kind, first, count; // events
    int32_t length;             // frames
    int32_t slot, hands;        // of a card that is played: its place in the hand, and the number of cards there
} CardsBeat;

typedef struct CardsStory {
    const Cards* after;
    CardsEvent events[CARDS_EVENTS];
    int32_t count, at;  // events, and the next one to tell
    int32_t first_seen; // number of the first one
    Cards shown;        // as it is while the last beat is shown
    CardsBeat beat, last;
} CardsStory;

static int32_t cards_beat_length(int32_t kind)
{
    switch (kind) {
    case CARDS_EVENT_PLAY: return 22;
    case CARDS_EVENT_FIZZLE:
    case CARDS_EVENT_ATTACK:
    case CARDS_EVENT_BLOCK: return 18;
    case CARDS_EVENT_TURN:
    case CARDS_EVENT_RETURN:
    case CARDS_EVENT_EFFECT: return 14;
    case CARDS_EVENT_FULL: return 12;
    case CARDS_EVENT_FATIGUE: return 20;
    case CARDS_EVENT_END: return 30;
    default: return CARDS_HARM;
    }
}

static int cards_is_harm(int32_t kind)
{
    return kind == CARDS_EVENT_DEATH || kind == CARDS_EVENT_DAMAGE || kind == CARDS_EVENT_HEAL;
}

// Kinds of events that have changed the state already while they are shown.
static int cards_is_at_once(int32_t kind)
{
    return kind == CARDS_EVENT_TURN || kind == CARDS_EVENT_PLAY || kind == CARDS_EVENT_ATTACK ||
           kind == CARDS_EVENT_BLOCK;
}

static int cards_goes_with(int32_t kind, int32_t other)
{
    if (cards_is_harm(kind)) {
        return cards_is_harm(other);
    }
    return (kind == CARDS_EVENT_ATTACK || kind == CARDS_EVENT_BLOCK) && kind == other;
}

// How many events there were; none are shown if there were too many to keep.
static void cards_begin_story(CardsStory* t, const Cards* before, const Cards* after)
{
    const int32_t count = (after->events_seen - before->events_seen) & CARDS_LAST;
    t->after = after;
    t->shown = *before;
    t->count = count <= CARDS_EVENTS ? count : 0;
    t->at = 0;
    t->first_seen = before->events_seen;
    t->beat = t->last = (CardsBeat){ 0 };
    for (int32_t i = 0; i < t->count; i++) {
        t->events[i] = after->events[(after->events_seen - t->count + i + CARDS_EVENTS) % CARDS_EVENTS];
    }
    memcpy(t->shown.events, after->events, sizeof after->events);
    t->shown.mode = CARDS_NOBODY_ASKED;
}

static int32_t cards_count_together(const CardsStory* t, int32_t first)
{
    int32_t count = 1;
    while (first + count < t->count && cards_goes_with(t->events[first].kind, t->events[first + count].kind)) {
        count++;
    }
    return count;
}

// Frames of all beats; and of the step: what its player did alone takes one, what the other one did takes longer.
static int32_t cards_story_frames(const CardsStory* t, int32_t own, int32_t* whole)
{
    int quiet = 1;
    *whole = 0;
    for (int32_t i = 0; i < t->count; i += cards_count_together(t, i)) {
        *whole += cards_beat_length(t->events[i].kind);
        if (t->events[i].kind == CARDS_EVENT_END) {
            break;
        }
    }
    for (int32_t i = 0; i < t->count; i++) {
        const int32_t kind = t->events[i].kind;
        quiet &= t->events[i].side == own && (kind == CARDS_EVENT_PLAY || kind == CARDS_EVENT_EFFECT);
    }
    return quiet || *whole < CARDS_STEP ? CARDS_STEP : *whole;
}

// ---- What events change ----

// The first card of this number in a hand; -1: there is none.
static int32_t cards_find(const uint8_t* cards, int32_t count, int32_t card)
{
    for (int32_t i = 0; i < count; i++) {
        if (cards[i] == card) {
            return i;
        }
    }
    return -1;
}

// Hands are in order of the cards' numbers.
static void cards_put(CardsSide* x, int32_t card)
{
    int32_t place = x->hands;
    if (x->hands >= CARDS_HAND) {
        return;
    }
    for (; place > 0 && x->hand[place - 1] > card; place--) {
        x->hand[place] = x->hand[place - 1];
    }
    x->hand[place] = (uint8_t)card;
    x->hands++;
}

static void cards_remove(CardsSide* x, int32_t card)
{
    const int32_t found = cards_find(x->hand, x->hands, card);
    if (found >= 0) {
        memmove(x->hand + found, x->hand + found + 1, (size_t)(CARDS_HAND - 1 - found));
        x->hand[CARDS_HAND - 1] = 0;
        x->hands--;
    }
}

// Let a player draw cards; events do not tell which. They are those that are needed first for what follows.
static void cards_show_draw(CardsStory* t, int32_t side, int32_t count, int32_t from)
{
    CardsSide* x = &t->shown.sides[side];
    const CardsSide* after = &t->after->sides[side];
    uint8_t needed[CARDS_EVENTS + CARDS_HAND], there[CARDS_EVENTS + CARDS_HAND];
    int32_t wanted = 0, have = 0, lost = 0, only_full = 1;
    for (int32_t i = from; i < t->count; i++) {
        const CardsEvent* e = &t->events[i];
        if (e->side == side) {
            only_full &= e->kind == CARDS_EVENT_FULL;
            lost += only_full;
            if (e->kind == CARDS_EVENT_PLAY) {
                needed[wanted++] = e->card;
            }
        }
    }
    for (int32_t i = 0; i < after->hands; i++) {
        needed[wanted++] = after->hand[i];
    }
    for (int32_t i = 0; i < x->hands; i++) {
        there[have++] = x->hand[i];
    }
    for (int32_t i = from; i < t->count; i++) {
        if (t->events[i].side == side && t->events[i].kind == CARDS_EVENT_RETURN) {
            there[have++] = t->events[i].card;
        }
    }
    for (int32_t i = 0; i < have; i++) {
        const int32_t found = cards_find(needed, wanted, there[i]);
        if (found >= 0) {
            wanted--;
            memmove(needed + found, needed + found + 1, (size_t)(wanted - found));
        }
    }
    x->drawn = (uint8_t)(x->drawn + count < CARDS_DECK ? x->drawn + count : CARDS_DECK);
    for (int32_t i = 0; i < count - lost && i < wanted; i++) {
        cards_put(x, needed[i]);
    }
}

static void cards_show_turn(Cards* s, int32_t side, int32_t turns)
{
    CardsSide* x = &s->sides[side];
    memset(s->sides[0].hurt, 0, sizeof s->sides[0].hurt);
    memset(s->sides[1].hurt, 0, sizeof s->sides[1].hurt);
    x->tired = x->fresh = x->planted = 0;
    x->mana = x->springs;
    s->turn = side;
    s->turns = turns;
    s->attacking = s->blocked = 0;
    memset(s->blocks, 0, sizeof s->blocks);
}

static void cards_show_play(Cards* s, const CardsEvent* e)
{
    CardsSide* x = &s->sides[e->side];
    const CardsCard* c = &cards_table[e->card];
    cards_remove(x, e->card);
    if (c->kind == CARDS_SOURCE) {
        x->springs++;
        x->mana++;
        x->planted = 1;
        return;
    }
    x->mana = (uint8_t)(x->mana > c->cost ? x->mana - c->cost : 0);
    const int32_t top = s->stacked < CARDS_STACK - 1 ? s->stacked : CARDS_STACK - 1;
    s->stack[top] = (CardsSpell){ e->side, e->card, e->number };
    s->stacked = top + 1;
}

static void cards_change(uint8_t* stat, int32_t by)
{
    const int32_t sum = *stat + by;
    *stat = (uint8_t)(sum < 0 ? 0 : sum > CARDS_MAX_STAT ? CARDS_MAX_STAT : sum);
}

static void cards_show_effect(Cards* s, const CardsEvent* e)
{
    const CardsCard* c = &cards_table[e->card];
    CardsSide *own = &s->sides[e->side], *other = &s->sides[1 - e->side];
    const int32_t place = e->number;
    s->stacked -= s->stacked > 0;
    if (c->kind == CARDS_CREATURE && place < CARDS_BOARD) {
        own->card[place] = e->card;
        own->attack[place] = c->attack;
        own->health[place] = c->health;
        own->hurt[place] = 0;
        own->creatures |= (uint8_t)(1 << place);
        own->fresh |= (uint8_t)(1 << place);
        return;
    }
    own->graves++;
    if ((c->effect == CARDS_GROW || c->effect == CARDS_WEAKEN) && place < CARDS_BOARD) {
        CardsSide* whose = c->effect == CARDS_GROW ? own : other;
        cards_change(&whose->attack[place], c->effect == CARDS_GROW ? c->attack : -c->attack);
        cards_change(&whose->health[place], c->effect == CARDS_GROW ? c->attack : -c->attack);
    } else if (c->effect == CARDS_BOLT && place < CARDS_BOARD) {
        other->hurt[place] = (uint8_t)(other->hurt[place] + c->attack);
    } else if (c->effect == CARDS_SWEEP) {
        for (int32_t i = 0; i < 2 * CARDS_BOARD; i++) {
            CardsSide* x = &s->sides[i / CARDS_BOARD];
            const int32_t at = i % CARDS_BOARD;
            x->hurt[at] = (uint8_t)(x->hurt[at] + (x->card[at] ? c->attack : 0));
        }
    }
}

static void cards_show_leave(Cards* s, int32_t side, int32_t place)
{
    CardsSide* x = &s->sides[side];
    const uint8_t others = (uint8_t)~(1u << place);
    x->card[place] = x->attack[place] = x->health[place] = x->hurt[place] = 0;
    x->creatures &= others;
    x->tired &= others;
    x->fresh &= others;
    if (side == s->turn) {
        s->attacking &= others;
        s->blocked &= others;
        s->blocks[place] = 0;
        return;
    }
    for (int32_t i = 0; i < CARDS_BOARD; i++) {
        s->blocks[i] &= others;
    }
}

// The first creature of that card that does not block yet.
static void cards_show_block(Cards* s, const CardsEvent* e)
{
    const CardsSide* x = &s->sides[e->side];
    uint32_t busy = 0;
    for (int32_t i = 0; i < CARDS_BOARD; i++) {
        busy |= s->blocks[i];
    }
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        if ((x->creatures >> place & 1) && x->card[place] == e->card && !(busy >> place & 1)) {
            s->blocks[e->number] |= (uint8_t)(1 << place);
            break;
        }
    }
    s->blocked |= 1 << e->number;
}

// Let an event change what is shown. `from`: the number of the next one.
static void cards_show_event(CardsStory* t, const CardsEvent* e, int32_t from)
{
    Cards* s = &t->shown;
    CardsSide* x = &s->sides[e->side];
    const int on_board = e->number < CARDS_BOARD;
    switch (e->kind) {
    case CARDS_EVENT_TURN:
        cards_show_turn(s, e->side, e->number);
        cards_show_draw(t, e->side, 1, from);
        break;
    case CARDS_EVENT_PLAY: cards_show_play(s, e); break;
    case CARDS_EVENT_EFFECT:
        cards_show_effect(s, e);
        if (cards_table[e->card].effect == CARDS_DRAW) {
            cards_show_draw(t, e->side, cards_table[e->card].attack, from);
        }
        break;
    case CARDS_EVENT_FIZZLE:
        s->stacked -= s->stacked > 0;
        x->graves++;
        break;
    case CARDS_EVENT_ATTACK:
        s->attacking |= on_board << (e->number & 7);
        x->tired |= (uint8_t)(cards_table[e->card].keywords & CARDS_AWAKE ? 0 : on_board << (e->number & 7));
        break;
    case CARDS_EVENT_BLOCK:
        if (on_board) {
            cards_show_block(s, e);
        }
        break;
    case CARDS_EVENT_DEATH:
    case CARDS_EVENT_RETURN:
        if (on_board) {
            cards_show_leave(s, e->side, e->number);
        }
        if (e->kind == CARDS_EVENT_RETURN) {
            cards_put(x, e->card);
        } else {
            x->graves++;
        }
        break;
    case CARDS_EVENT_DAMAGE:
    case CARDS_EVENT_FATIGUE: x->life -= e->number; break;
    case CARDS_EVENT_HEAL: x->life += e->number; break;
    case CARDS_EVENT_FULL: x->graves++; break;
    default: break;
    }
}

// Tell the next beat, or finish the last one. Returns whether there is one.
static int cards_tell_beat(CardsStory* t)
{
    CardsBeat* b = &t->beat;
    if (b->count && !cards_is_at_once(b->kind)) {
        for (int32_t i = b->first; i < b->first + b->count; i++) {
            cards_show_event(t, &t->events[i], i + 1);
        }
    }
    if (t->at >= t->count || b->kind == CARDS_EVENT_END) {
        *b = (CardsBeat){ 0 };
        return 0;
    }
    const CardsEvent* e = &t->events[t->at];
    const CardsSide* x = &t->shown.sides[e->side];
    const int32_t slot = cards_find(x->hand, x->hands, e->card);
    *b = (CardsBeat){ .kind = e->kind, .first = t->at, .count = cards_count_together(t, t->at) };
    b->length = cards_beat_length(b->kind);
    b->slot = slot >= 0 ? slot : 0;
    b->hands = x->hands ? x->hands : 1;
    t->at += b->count;
    if (cards_is_at_once(b->kind)) {
        for (int32_t i = b->first; i < t->at; i++) {
            cards_show_event(t, &t->events[i], t->at - b->count + 1);
        }
    }
    t->shown.events_seen = (t->first_seen + t->at) & CARDS_LAST;
    return 1;
}

// ---- A moment of it ----

typedef struct CardsMoment {
    double share; // of the beat that has passed, 0 to 1
    int waits;    // whether the whole story takes longer than a step
} CardsMoment;

// The beat that is shown when a share of the step has passed. Returns 0: all was shown.
static int cards_find_moment(CardsStory* t, const Cards* before, const Cards* after, double share, CardsMoment* moment)
{
    int32_t whole;
    cards_begin_story(t, before, after);
    const int32_t frames = cards_story_frames(t, before->asked, &whole);
    double passed = share * whole;
    while (cards_tell_beat(t)) {
        if (passed < t->beat.length) {
            *moment = (CardsMoment){ passed / t->beat.length, frames > CARDS_STEP };
            return 1;
        }
        passed -= t->beat.length;
    }
    return 0;
}

static int32_t cards_frames(const void* before, const void* after)
{
    const Cards* was = before;
    CardsStory t;
    int32_t whole;
    cards_begin_story(&t, was, after);
    return cards_story_frames(&t, was->asked, &whole);
}

// The state to show at a frame, with what happens then. Tests read it.
static void cards_between(const void* before, const void* after, int32_t frame, int32_t frames, void* shown)
{
    CardsStory t;
    CardsMoment moment;
    cards_find_moment(&t, before, after, (double)frame / frames, &moment);
    memcpy(shown, &t.shown, sizeof t.shown);
}
