// cards_moves.h - what happens in cards as it is shown: cards fly, creatures strike, lives change; and in words.
#pragma once
#include "draw/envs/cards_parts.h"

// ---- Words ----

static int cards_is_you(const char* who) { return who[0] == 'Y'; }

static void cards_say_does(PufLine* line, const char* who, const char* verb)
{
    puf_say(line, who);
    puf_say(line, " ");
    puf_say(line, verb);
    puf_say(line, cards_is_you(who) ? "" : "s");
}

// The names of the cards of a beat's own kind: "a, b and c".
static void cards_say_names(const CardsStory* t, int32_t kind, const char* last, PufLine* line)
{
    int32_t count = 0, said = 0;
    for (int32_t i = t->beat.first; i < t->beat.first + t->beat.count; i++) {
        count += t->events[i].kind == kind;
    }
    for (int32_t i = t->beat.first; i < t->beat.first + t->beat.count; i++) {
        if (t->events[i].kind == kind) {
            puf_say(line, said == 0 ? "" : said == count - 1 ? last : ", ");
            puf_say(line, cards_names[t->events[i].card]);
            said++;
        }
    }
}

static int32_t cards_count_kind(const CardsStory* t, int32_t kind)
{
    int32_t count = 0;
    for (int32_t i = t->beat.first; i < t->beat.first + t->beat.count; i++) {
        count += t->events[i].kind == kind;
    }
    return count;
}

// Who loses how much life, and who dies; or who gains life.
static PufLine cards_caption_harm(const CardsView* v, const char* who)
{
    const CardsStory* t = v->story;
    const int32_t dead = cards_count_kind(t, CARDS_EVENT_DEATH);
    const char* loser = NULL;
    PufLine line = puf_line_of("");
    int32_t lost = 0;
    for (int32_t i = t->beat.first; i < t->beat.first + t->beat.count; i++) {
        if (t->events[i].kind == CARDS_EVENT_DAMAGE) {
            loser = loser ? loser : cards_who(v, t->events[i].side);
            lost += t->events[i].number;
        }
    }
    if (lost || !dead) {
        cards_say_does(&line, lost ? loser : who, lost ? "lose" : "gain");
        puf_say(&line, " ");
        puf_say_number(&line, lost ? lost : t->events[t->beat.first].number);
        puf_say(&line, " life");
    }
    if (dead) {
        puf_say(&line, lost ? "; " : "");
        cards_say_names(t, CARDS_EVENT_DEATH, ", ", &line);
        puf_say(&line, dead == 1 ? " dies" : " die");
    }
    return line;
}

// What happens now, in a line.
static PufLine cards_caption(const CardsView* v)
{
    const CardsStory* t = v->story;
    const CardsEvent* e = &t->events[t->beat.first];
    const int32_t kind = t->beat.kind;
    const char* who = cards_who(v, e->side);
    PufLine line = puf_line_of("");
    switch (kind) {
    case CARDS_EVENT_DEATH:
    case CARDS_EVENT_DAMAGE:
    case CARDS_EVENT_HEAL: return cards_caption_harm(v, who);
    case CARDS_EVENT_TURN:
        puf_say(&line, who);
        puf_say(&line, cards_is_you(who) ? "r turn" : "'s turn");
        break;
    case CARDS_EVENT_PLAY:
        cards_say_does(&line, who, "play");
        puf_say(&line, " ");
        cards_say_names(t, kind, " and ", &line);
        break;
    case CARDS_EVENT_EFFECT:
        cards_say_names(t, kind, " and ", &line);
        puf_say(&line, cards_table[e->card].kind == CARDS_CREATURE ? " comes" : " takes effect");
        break;
    case CARDS_EVENT_FIZZLE:
    case CARDS_EVENT_RETURN:
        cards_say_names(t, kind, " and ", &line);
        puf_say(&line, kind == CARDS_EVENT_RETURN ? " returns to the hand" : " comes to nothing");
        break;
    case CARDS_EVENT_ATTACK:
    case CARDS_EVENT_BLOCK:
        cards_say_does(&line, who, kind == CARDS_EVENT_ATTACK ? "attack" : "block");
        puf_say(&line, " with ");
        cards_say_names(t, kind, " and ", &line);
        break;
    case CARDS_EVENT_FATIGUE:
        puf_say(&line, "empty deck: ");
        cards_say_does(&line, who, "lose");
        puf_say(&line, " ");
        puf_say_number(&line, e->number);
        puf_say(&line, " life");
        break;
    default: break;
    }
    return line;
}

// An event in words; nothing for what the picture shows anyway.
static PufLine cards_event_text(const CardsView* v, const CardsEvent* e)
{
    static const char* const texts[CARDS_EVENT_KINDS] = {
        [CARDS_EVENT_FIZZLE] = " comes to nothing",
        [CARDS_EVENT_ATTACK] = " attacks",
        [CARDS_EVENT_BLOCK] = " blocks",
        [CARDS_EVENT_DEATH] = " dies",
        [CARDS_EVENT_RETURN] = " returns to the hand",
        [CARDS_EVENT_FULL] = " is lost: hand full",
    };
    const char* who = cards_who(v, e->side);
    PufLine line = puf_line_of("");
    switch (e->kind) {
    case CARDS_EVENT_TURN:
        puf_say(&line, "— turn ");
        puf_say_number(&line, e->number + 1);
        puf_say(&line, ": ");
        puf_say(&line, cards_who_small(v, e->side).text);
        puf_say(&line, " —");
        break;
    case CARDS_EVENT_PLAY:
        cards_say_does(&line, who, "play");
        puf_say(&line, " ");
        puf_say(&line, cards_names[e->card]);
        break;
    case CARDS_EVENT_DAMAGE:
    case CARDS_EVENT_HEAL:
    case CARDS_EVENT_FATIGUE:
        puf_say(&line, e->kind == CARDS_EVENT_FATIGUE ? "empty deck: " : "");
        cards_say_does(&line, who, e->kind == CARDS_EVENT_HEAL ? "gain" : "lose");
        puf_say(&line, " ");
        puf_say_number(&line, e->number);
        puf_say(&line, e->kind == CARDS_EVENT_FATIGUE ? "" : " life");
        break;
    case CARDS_EVENT_END:
        if (e->number == CARDS_WON || e->number == CARDS_LOST) {
            puf_say(&line, cards_who(v, e->number == CARDS_LOST));
        }
        puf_say(&line, e->number == CARDS_DRAWN ? "a draw" : e->number ? " won!" : "");
        break;
    default:
        if (e->kind < CARDS_EVENT_KINDS && texts[e->kind]) {
            puf_say(&line, cards_names[e->card]);
            puf_say(&line, texts[e->kind]);
        }
    }
    return line;
}

static PufColor cards_event_color(const CardsView* v, const CardsEvent* e)
{
    switch (e->kind) {
    case CARDS_EVENT_DAMAGE:
    case CARDS_EVENT_FATIGUE:
    case CARDS_EVENT_END: return PUF_SNOW;
    case CARDS_EVENT_TURN: return PUF_STEEL;
    default: return cards_side_color(v, e->side);
    }
}

// ---- Motion ----

// From 0 to 1, slow at both ends.
static double cards_smooth(double share)
{
    share = puf_clamp(share, 0, 1);
    return share * share * (3 - 2 * share);
}

static PufPoint cards_mix(PufPoint start, PufPoint end, double share)
{
    return (PufPoint){ start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share };
}

static PufPoint cards_stage(void) { return (PufPoint){ CARDS_STAGE_X, CARDS_STAGE_Y }; }

static PufPoint cards_stage_middle(void)
{
    return (PufPoint){ CARDS_STAGE_X + CARDS_WIDTH / 2.0, CARDS_STAGE_Y + CARDS_HEIGHT / 2.0 };
}

// The middle of a player's life.
static PufPoint cards_life(const CardsView* v, int32_t side)
{
    return (PufPoint){ CARDS_LEFT + 80.0, side == v->own ? 470 + 60 : PUF_HUD_HEIGHT + 64 };
}

static void cards_draw_card(const CardsView* v, int32_t number, PufPoint at)
{
    const CardsCard* card = &cards_table[number];
    puf_rect(v->p, at.x + 5, at.y + 7, CARDS_WIDTH, CARDS_HEIGHT, puf_fade(PUF_NIGHT, 0.5), 8);
    cards_draw_face(v, number, at.x, at.y, 1, 0);
    if (card->kind == CARDS_CREATURE) {
        cards_draw_stats(at.x, at.y, card->attack, card->health, 0, 0, v->p);
    }
}

// An arrow from the card in the middle to what it aims at.
static void cards_draw_aim(const CardsView* v, const CardsEvent* e, double share)
{
    const int32_t whose = cards_table[e->card].effect == CARDS_GROW ? e->side : 1 - e->side;
    const PufPoint end = e->number == CARDS_PLAYER ? cards_life(v, whose) : cards_middle(v, whose, e->number);
    const PufPoint start = cards_stage_middle();
    cards_draw_arrow(start, cards_mix(start, end, cards_smooth(0.3 + share)), cards_side_color(v, e->side), v->p);
    cards_draw_card(v, e->card, cards_stage());
}

// From the hand to the middle, where it can be read; a spring then flies to its player.
static void cards_draw_play(const CardsView* v, const CardsEvent* e, double share)
{
    const CardsBeat* b = &v->story->beat;
    const int own = e->side == v->own;
    const PufPoint start = { cards_in_hand(b->slot, b->hands), own ? CARDS_OWN_HAND : CARDS_OTHER_HAND };
    const PufPoint home = { CARDS_LEFT + CARDS_PANEL / 2.0 - CARDS_WIDTH / 2.0, own ? 470 : PUF_HUD_HEIGHT + 40 };
    const PufPoint end = e->card == CARDS_SPRING ? home : cards_stage();
    cards_draw_card(v, e->card, cards_mix(start, end, cards_smooth(1.8 * share)));
    if (share > 0.5 && e->number <= CARDS_PLAYER) {
        cards_draw_aim(v, e, (share - 0.5) * 2);
    }
}

// A creature goes to its place; a spell glows.
static void cards_draw_effect(const CardsView* v, const CardsEvent* e, double share)
{
    const PufPoint middle = cards_stage_middle();
    if (cards_table[e->card].kind == CARDS_CREATURE) {
        const PufPoint place = cards_place(v, e->side, e->number);
        cards_draw_card(v, e->card, cards_mix(cards_stage(), place, cards_smooth(1.3 * share)));
        return;
    }
    puf_glow(v->p, middle.x, middle.y, CARDS_HEIGHT * (0.8 + share),
             puf_fade(cards_side_color(v, e->side), 0.8 * (1 - share)));
    if (e->number <= CARDS_PLAYER) {
        cards_draw_aim(v, e, 1);
    } else {
        cards_draw_card(v, e->card, cards_stage());
    }
}

static void cards_draw_cross(PufPoint middle, double reach, double thickness, PufColor color, PufPicture* p)
{
    for (int lean = -1; lean <= 1; lean += 2) {
        puf_line(p, middle.x - reach, middle.y - lean * reach, middle.x + reach, middle.y + lean * reach, thickness,
                 color);
    }
}

// Numbers on dark discs, so that they are read on anything, over all that is drawn.
typedef struct CardsNumber {
    PufPoint at;
    PufLine text;
    PufColor color;
    double size;
} CardsNumber;

typedef struct CardsNumbers {
    int32_t count;
    CardsNumber all[CARDS_BOARD * (2 * CARDS_BOARD + 1) + 2];
} CardsNumbers;

static void cards_note(CardsNumbers* numbers, PufPoint at, const char* sign, int32_t amount, PufColor color,
                       double size)
{
    CardsNumber* n = &numbers->all[numbers->count++];
    *n = (CardsNumber){ .at = at, .color = color, .size = size };
    n->text = puf_line_of(sign);
    puf_say_number(&n->text, amount);
}

// Attackers strike the other player, or the creatures that block them.
static void cards_draw_strikes(const CardsView* v, double share, CardsNumbers* numbers)
{
    const Cards* s = v->s;
    const int damage = cards_count_kind(v->story, CARDS_EVENT_DAMAGE) > 0;
    for (int32_t i = 0; i < CARDS_BOARD; i++) {
        const int32_t attack = s->sides[s->turn].attack[i];
        const PufPoint start = cards_middle(v, s->turn, i), end = cards_life(v, 1 - s->turn);
        if (!(s->attacking >> i & 1)) {
            continue;
        }
        if (!s->blocks[i] && damage && !(s->blocked >> i & 1)) {
            cards_draw_arrow(start, cards_mix(start, end, cards_smooth(2 * share)), cards_side_color(v, s->turn), v->p);
            cards_note(numbers, cards_mix(start, end, 0.3), "", attack, PUF_SNOW, 26);
        }
        for (int32_t k = 0; k < CARDS_BOARD; k++) {
            if (s->blocks[i] >> k & 1) {
                cards_note(numbers, cards_middle(v, 1 - s->turn, k), "−", attack, PUF_CORAL, 30);
                cards_note(numbers, start, "−", s->sides[1 - s->turn].attack[k], PUF_CORAL, 30);
            }
        }
    }
}

// What an event adds to a life.
static int32_t cards_life_change(const CardsEvent* e)
{
    const int loses = e->kind == CARDS_EVENT_DAMAGE || e->kind == CARDS_EVENT_FATIGUE;
    return e->kind == CARDS_EVENT_HEAL ? e->number : loses ? -e->number : 0;
}

// Attackers strike; who dies fades; lives float up from their players.
static void cards_draw_harm(const CardsView* v, double share)
{
    const CardsStory* t = v->story;
    CardsNumbers numbers;
    int32_t changes[2] = { 0, 0 };
    numbers.count = 0;
    cards_draw_strikes(v, share, &numbers);
    for (int32_t i = t->beat.first; i < t->beat.first + t->beat.count; i++) {
        const CardsEvent* e = &t->events[i];
        changes[e->side] += cards_life_change(e);
        if (e->kind == CARDS_EVENT_DEATH) {
            const PufPoint at = cards_place(v, e->side, e->number);
            puf_rect(v->p, at.x, at.y, CARDS_WIDTH, CARDS_HEIGHT, puf_fade(PUF_CORAL, 0.65 * cards_smooth(2 * share)),
                     8);
            cards_draw_cross(cards_middle(v, e->side, e->number), 24, 7, PUF_NIGHT, v->p);
        }
    }
    for (int32_t side = 0; side < 2; side++) {
        const PufColor color = changes[side] > 0 ? PUF_MINT : PUF_CORAL;
        PufPoint at = cards_life(v, side);
        if (changes[side]) {
            puf_glow(v->p, at.x, at.y, 90, puf_fade(color, 0.6 * (1 - share)));
            at = (PufPoint){ at.x + 44, at.y + 14 - 34 * cards_smooth(share) };
            cards_note(&numbers, at, changes[side] > 0 ? "+" : "−", changes[side] > 0 ? changes[side] : -changes[side],
                       color, 34);
        }
    }
    for (int32_t i = 0; i < numbers.count; i++) {
        const CardsNumber* n = &numbers.all[i];
        puf_circle(v->p, n->at.x, n->at.y, n->size * 0.75, puf_fade(puf_blend(n->color, PUF_NIGHT, 0.85), 0.9));
        puf_text(v->p, n->at.x, n->at.y - n->size / 2 - 1, n->text.text, n->size, n->color, PUF_CENTER);
    }
}

// What happens now, over everything else.
static void cards_draw_moment(const CardsView* v)
{
    const CardsBeat* b = &v->story->beat;
    const CardsEvent* e = &v->story->events[b->first];
    const double share = v->moment.share;
    switch (b->kind) {
    case CARDS_EVENT_PLAY: cards_draw_play(v, e, share); break;
    case CARDS_EVENT_EFFECT: cards_draw_effect(v, e, share); break;
    case CARDS_EVENT_FIZZLE:
        cards_draw_card(v, e->card, cards_stage());
        cards_draw_cross(cards_stage_middle(), 30, 9, PUF_CORAL, v->p);
        break;
    case CARDS_EVENT_RETURN: {
        const PufPoint end = { CARDS_STAGE_X, e->side == v->own ? CARDS_OWN_HAND : CARDS_OTHER_HAND };
        cards_draw_card(v, e->card, cards_mix(cards_place(v, e->side, e->number), end, cards_smooth(share)));
        break;
    }
    case CARDS_EVENT_DEATH:
    case CARDS_EVENT_DAMAGE:
    case CARDS_EVENT_HEAL:
    case CARDS_EVENT_FATIGUE: cards_draw_harm(v, share); break;
    default: break;
    }
}
