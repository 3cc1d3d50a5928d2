// Cards: both hands and boards, the stack, what is asked, and in words what happened and what every key does now.
#pragma once
#include "draw/envs/cards_moves.h"

enum { CARDS_LINES = 16 }; // of what happened

// ---- Hands and boards ----

static void cards_draw_back(double x, double y, PufPicture* p)
{
    puf_rect(p, x, y + 60, CARDS_WIDTH, CARDS_HEIGHT - 60, PUF_SLATE, 8);
    puf_rect(p, x + 2, y + 62, CARDS_WIDTH - 4, CARDS_HEIGHT - 64, puf_blend(PUF_SLATE, PUF_DUSK, 0.5), 7);
    cards_draw_drop(x + CARDS_WIDTH / 2.0, y + 90, 14, PUF_SLATE, p);
}

static void cards_draw_hand(const CardsView* v, int32_t side)
{
    const Cards* s = v->s;
    const CardsSide* x = &s->sides[side];
    const int own = side == v->own, asked = s->asked == side;
    const int asks = asked && (s->mode == CARDS_MAIN || s->mode == CARDS_ANSWER);
    const double top = own ? CARDS_OWN_HAND : CARDS_OTHER_HAND;
    for (int32_t place = 0; place < x->hands; place++) {
        const CardsCard* card = &cards_table[x->hand[place]];
        const double left = cards_in_hand(place, x->hands);
        const int lit = asks && (v->choices >> place & 1);
        const int chosen = asked && s->mode == CARDS_TARGET && place == s->picked;
        const double y = chosen && own ? top - 10 : top;
        if (!cards_opens(v, side)) {
            cards_draw_back(left, top, v->p);
            continue;
        }
        cards_draw_face(v, x->hand[place], left, y, lit, chosen);
        if (card->kind == CARDS_CREATURE) {
            cards_draw_stats(left, y, card->attack, card->health, 0, 0, v->p);
        }
        if (!lit && !chosen && asked) {
            puf_rect(v->p, left, y, CARDS_WIDTH, CARDS_HEIGHT, puf_fade(PUF_NIGHT, 0.35), 8);
        }
        if (lit) {
            cards_draw_number_cap(left + CARDS_WIDTH / 2.0, top + CARDS_HEIGHT + (own ? 4 : -16), place, v->p);
        }
    }
}

// Whose creatures the numbers mean now, -1 for nobody's.
static int32_t cards_pressed_side(const Cards* s)
{
    switch (s->mode) {
    case CARDS_ATTACK:
    case CARDS_BLOCK: return s->asked;
    case CARDS_TARGET: {
        const int grows = cards_table[s->sides[s->asked].hand[s->picked]].effect == CARDS_GROW;
        return grows ? s->asked : 1 - s->asked;
    }
    default: return -1;
    }
}

static void cards_draw_creature(const CardsView* v, int32_t side, int32_t place)
{
    const Cards* s = v->s;
    const CardsSide* own = &s->sides[side];
    const CardsCard* card = &cards_table[own->card[place]];
    const PufPoint at = cards_place(v, side, place), middle = cards_middle(v, side, place);
    const int lit = (v->choices >> place & 1) && side == cards_pressed_side(s);
    const int tired = own->tired >> place & 1, fresh = own->fresh >> place & 1;
    int chosen = side == s->turn && (s->attacking >> place & 1);
    if (s->mode == CARDS_BLOCK && side == s->turn && place == s->blocking) {
        puf_glow(v->p, middle.x, middle.y, 0.8 * CARDS_HEIGHT, puf_fade(PUF_AMBER, 0.7));
    }
    if (s->mode == CARDS_BLOCK && side != s->turn) {
        chosen = s->blocks[s->blocking] >> place & 1;
    }
    cards_draw_face(v, own->card[place], at.x, at.y, lit, chosen);
    cards_draw_stats(at.x, at.y, own->attack[place], own->health[place] - own->hurt[place], own->hurt[place] > 0,
                     own->attack[place] != card->attack || own->health[place] != card->health, v->p);
    if (tired || fresh) {
        puf_rect(v->p, at.x, at.y, CARDS_WIDTH, CARDS_HEIGHT, puf_fade(PUF_NIGHT, tired && !chosen ? 0.45 : 0.15), 8);
    }
    const char* word = tired ? "tired" : fresh ? "new" : "";
    puf_text(v->p, at.x + CARDS_WIDTH - 6, at.y + 22, chosen && side == s->turn ? "attacks" : word, 11,
             chosen ? PUF_AMBER : PUF_STEEL, PUF_RIGHT);
    if (lit) {
        cards_draw_number_cap(at.x + CARDS_WIDTH / 2.0, at.y - 15, place, v->p);
    }
}

static void cards_draw_board(const CardsView* v, int32_t side)
{
    const int32_t creatures = v->s->sides[side].creatures;
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        if (creatures >> place & 1) {
            cards_draw_creature(v, side, place);
        }
    }
    for (int32_t place = 0; place < CARDS_BOARD; place++) {
        if (!(creatures >> place & 1)) {
            const PufPoint at = cards_place(v, side, place);
            puf_border(v->p, at.x, at.y, CARDS_WIDTH, CARDS_HEIGHT, 1.5, puf_blend(PUF_DUSK, PUF_SLATE, 0.6), 8);
        }
    }
}

// ---- Players, stack, arrows ----

static PufWord cards_of(int32_t one, const char* between, int32_t other)
{
    return puf_join(puf_word(one, 0, 0, ""), between, puf_word(other, 0, 0, ""));
}

// Life, mana, and what is left, in the panel on the left.
static void cards_draw_player(const CardsView* v, int32_t side)
{
    static const char* const styles[] = { "", "fast deck", "middle deck", "slow deck" };
    const CardsSide* x = &v->s->sides[side];
    const double left = CARDS_LEFT, top = side == v->own ? 470 : PUF_HUD_HEIGHT + 4;
    const PufColor color = cards_side_color(v, side);
    PufPicture* p = v->p;
    puf_rect(p, left, top, CARDS_PANEL, 196, v->s->turn == side ? color : PUF_SLATE, 12);
    puf_rect(p, left + 2, top + 2, CARDS_PANEL - 4, 192, PUF_DUSK, 11);
    puf_text(p, left + 14, top + 12, cards_who(v, side), 18, color, PUF_LEFT);
    puf_text(p, left + CARDS_PANEL - 12, top + 15, styles[x->style], 12, PUF_STEEL, PUF_RIGHT);
    cards_draw_heart(left + 32, top + 62, 20, PUF_CORAL, p);
    puf_text(p, left + 62, top + 42, puf_word(x->life > 0 ? x->life : 0, 0, 0, "").text, 38, PUF_SNOW, PUF_LEFT);
    if (v->s->mode == CARDS_TARGET && (v->choices >> CARDS_PLAYER & 1) && side != v->s->asked) {
        cards_draw_cap(left + CARDS_PANEL - 24, top + 52, "7", p);
    }
    puf_text(p, left + 14, top + 92, "mana", 13, PUF_STEEL, PUF_LEFT);
    puf_text(p, left + CARDS_PANEL - 14, top + 91, cards_of(x->mana, " of ", x->springs).text, 15, PUF_SNOW, PUF_RIGHT);
    for (int32_t i = 0; i < x->springs; i++) {
        cards_draw_drop(left + 20 + 15 * (i % 9), top + 120 + 17 * (i / 9), 6.5, i < x->mana ? PUF_TEAL : PUF_SLATE, p);
    }
    const int32_t numbers[2] = { CARDS_DECK - x->drawn, x->graves };
    for (int i = 0; i < 2; i++) {
        puf_text(p, left + 14 + 76 * i, top + 166, i ? "gone" : "deck", 13, PUF_STEEL, PUF_LEFT);
        puf_text(p, left + 70 + 76 * i, top + 165, puf_word(numbers[i], 0, 0, "").text, 15, PUF_SNOW, PUF_RIGHT);
    }
}

static PufLine cards_say_aim(const CardsView* v, const CardsSpell* spell)
{
    const CardsCard* card = &cards_table[spell->card];
    PufLine line = cards_who_small(v, spell->side);
    if (spell->target == CARDS_NO_TARGET) {
        puf_say(&line, card->kind == CARDS_CREATURE ? ": comes" : ": played");
    } else if (spell->target == CARDS_PLAYER) {
        puf_say(&line, ": at ");
        puf_say(&line, cards_who_small(v, 1 - spell->side).text);
    } else {
        const int32_t whose = card->effect == CARDS_GROW ? spell->side : 1 - spell->side;
        const int32_t at = v->s->sides[whose].card[spell->target];
        puf_say(&line, ": at ");
        puf_say(&line, at ? cards_names[at] : "nothing");
    }
    return line;
}

// What waits to happen, the next one on top.
static void cards_draw_stack(const CardsView* v)
{
    const Cards* s = v->s;
    const double left = CARDS_LEFT, top = 256;
    PufPicture* p = v->p;
    puf_text(p, left + 4, top, "stack: the top happens next", 12, PUF_STEEL, PUF_LEFT);
    if (s->stacked == 0) {
        puf_border(p, left, top + 20, CARDS_PANEL, 30, 1.5, puf_blend(PUF_DUSK, PUF_SLATE, 0.6), 8);
        puf_text(p, left + CARDS_PANEL / 2.0, top + 27, "empty", 13, PUF_SLATE, PUF_CENTER);
    }
    for (int32_t line = 0; line < 4 && line < s->stacked; line++) {
        const CardsSpell* spell = &s->stack[s->stacked - 1 - line];
        const CardsCard* card = &cards_table[spell->card];
        const PufColor color = cards_kind_color(card), who = cards_side_color(v, spell->side);
        const double y = top + 20 + 44 * line;
        puf_rect(p, left, y, CARDS_PANEL, 40, color, 8);
        puf_rect(p, left + 1.5, y + 1.5, CARDS_PANEL - 3, 37, puf_blend(color, PUF_NIGHT, 0.75), 7);
        cards_draw_emblem(cards_names[spell->card], card, left + 22, y + 20, 13, p);
        puf_fit(p, left + 96, y + 5, cards_names[spell->card], 14, 112, PUF_SNOW);
        puf_text(p, left + 96, y + 22, cards_say_aim(v, spell).text, 11, who, PUF_CENTER);
        if (spell->target < CARDS_PLAYER && !v->story) {
            const int32_t whose = card->effect == CARDS_GROW ? spell->side : 1 - spell->side;
            cards_draw_arrow((PufPoint){ left + CARDS_PANEL, y + 20 }, cards_middle(v, whose, spell->target), who, p);
        }
    }
}

// Arrows from attackers to the other player, and from blockers to attackers.
static void cards_draw_fights(const CardsView* v)
{
    const Cards* s = v->s;
    const double up = s->turn == v->own ? -1 : 1, cap = s->turn == v->own ? 0 : 16;
    for (int32_t i = 0; i < CARDS_BOARD; i++) {
        const PufPoint at = cards_middle(v, s->turn, i), edge = { at.x, at.y + up * CARDS_HEIGHT / 2 };
        if (!(s->attacking >> i & 1)) {
            continue;
        }
        if (!s->blocks[i]) {
            cards_draw_arrow(edge, (PufPoint){ edge.x, edge.y + up * 22 },
                             s->blocked >> i & 1 ? PUF_SLATE : puf_blend(PUF_AMBER, PUF_DUSK, 0.2), v->p);
        }
        for (int32_t k = 0; k < CARDS_BOARD; k++) {
            if (s->blocks[i] >> k & 1) {
                const PufPoint from = cards_middle(v, 1 - s->turn, k);
                cards_draw_arrow((PufPoint){ from.x, from.y - up * CARDS_HEIGHT / 2 - cap }, edge,
                                 cards_side_color(v, 1 - s->turn), v->p);
            }
        }
    }
}

// ---- Words on the picture ----

// What is asked.
static PufLine cards_question(const CardsView* v)
{
    const Cards* s = v->s;
    const char* who = cards_who(v, s->asked);
    PufLine line = puf_line_of(cards_is_you(who) ? "Your" : who);
    puf_say(&line, cards_is_you(who) ? "" : "'s");
    switch (s->mode) {
    case CARDS_BLOCK:
        puf_say(&line, " block: who stops ");
        puf_say(&line, cards_names[s->sides[s->turn].card[s->blocking]]);
        puf_say(&line, "?");
        break;
    case CARDS_TARGET:
        puf_say(&line, " target for ");
        puf_say(&line, cards_names[s->sides[s->asked].hand[s->picked]]);
        puf_say(&line, "?");
        break;
    case CARDS_ANSWER:
        puf_say(&line, " answer to ");
        puf_say(&line, s->stacked                       ? cards_names[s->stack[s->stacked - 1].card]
                       : s->stage == CARDS_AFTER_ATTACK ? "the attack"
                                                        : "the blocks");
        puf_say(&line, "?");
        break;
    default: puf_say(&line, s->mode == CARDS_ATTACK ? " attack: who goes?" : " turn: play cards");
    }
    return line;
}

// What is asked, or what happens, in a line; beside the card that is in the middle, if there is one.
static void cards_draw_band(const CardsView* v)
{
    PufLine text = cards_question(v);
    PufColor color = cards_side_color(v, v->s->asked);
    double x = CARDS_BOARDS_LEFT + CARDS_WIDE / 2.0;
    if (v->story) {
        const CardsBeat* b = &v->story->beat;
        const CardsEvent *first = &v->story->events[b->first], *last = first + b->count - 1;
        text = cards_caption(v);
        color = cards_side_color(v, first->side);
        if (text.text[0] == '\0') {
            text = cards_event_text(v, last);
            color = cards_event_color(v, last);
        }
        if (b->kind == CARDS_EVENT_PLAY || b->kind == CARDS_EVENT_FIZZLE || b->kind == CARDS_EVENT_EFFECT) {
            x += CARDS_WIDTH / 2.0 + 12 + (puf_measure(v->p, text.text, 18) + 40) / 2;
        }
    }
    const double wide = puf_measure(v->p, text.text, 18) + 40;
    puf_rect(v->p, x - wide / 2, CARDS_BAND, wide, 30, puf_blend(color, PUF_NIGHT, 0.7), 15);
    puf_text(v->p, x, CARDS_BAND + 6, text.text, 18, color, PUF_CENTER);
}

// A line of the list of keys: what is pressed, and what it does. `buttons`: their bits.
typedef struct CardsKeys {
    int32_t buttons;
    const char* what;
} CardsKeys;
enum { CARDS_MAX_KEYS = 7 };

static int32_t cards_add_keys(CardsKeys* lines, int32_t count, int32_t buttons, const char* what)
{
    if (buttons && what) {
        lines[count++] = (CardsKeys){ buttons, what };
    }
    return count;
}

// What each key does now. Returns the number of lines.
static int32_t cards_list_keys(const Cards* s, int32_t choices, CardsKeys lines[CARDS_MAX_KEYS])
{
    static const char* const plain[CARDS_MODES] = { "play that card", "attack with that creature",
                                                    "block with that creature", "that creature", "play that instant" };
    const int32_t mode = s->mode, numbers = choices & ((1 << (mode == CARDS_TARGET ? CARDS_PLAYER : CARDS_ALL)) - 1);
    const int32_t chosen = mode == CARDS_ATTACK ? s->attacking : mode == CARDS_BLOCK ? s->blocks[s->blocking] : 0;
    const char* main = cards_can_attack(&s->sides[s->turn]) ? "start the attack" : "end the turn";
    const char* const enter[CARDS_MODES] = { main, s->attacking ? "go!" : "do not attack", "next attacker, or done",
                                             NULL, "let it happen" };
    int32_t count = cards_add_keys(lines, 0, numbers & ~chosen, plain[mode]);
    count = cards_add_keys(lines, count, numbers & chosen, "take that creature back");
    if (mode == CARDS_TARGET) {
        count = cards_add_keys(lines, count, choices & 1 << CARDS_PLAYER, "the other player");
    }
    count = cards_add_keys(lines, count, choices & 1 << CARDS_ALL, mode == CARDS_ATTACK ? "with all" : NULL);
    count = cards_add_keys(lines, count, choices & 1 << CARDS_NONE, mode == CARDS_BLOCK ? "no further blocks" : NULL);
    count = cards_add_keys(lines, count, choices & 1 << CARDS_ENTER, enter[mode]);
    return cards_add_keys(lines, count, choices & 1 << CARDS_BACK, mode == CARDS_TARGET ? "take the card back" : NULL);
}

static PufLine cards_say_buttons(int32_t buttons)
{
    static const char* const caps[CARDS_BUTTONS] = {
        "1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "Enter", "Back"
    };
    PufLine line = puf_line_of("");
    for (int32_t button = 0; button < CARDS_BUTTONS; button++) {
        if (buttons >> button & 1) {
            puf_say(&line, line.length ? " " : "");
            puf_say(&line, caps[button]);
        }
    }
    return line;
}

static void cards_draw_key(const char* keys, const char* what, int32_t line, PufPicture* p)
{
    const double y = CARDS_KEYS + CARDS_KEY_LINE * line, wide = puf_max(24, puf_measure(p, keys, 13) + 12);
    puf_rect(p, CARDS_RIGHT + 12, y, wide, 19, PUF_AMBER, 5);
    puf_text(p, CARDS_RIGHT + 12 + wide / 2, y + 2.5, keys, 13, PUF_NIGHT, PUF_CENTER);
    puf_text(p, CARDS_RIGHT + 20 + wide, y + 2, what, 14, PUF_SNOW, PUF_LEFT);
}

// Keys and what they do now.
static void cards_draw_keys(const CardsView* v)
{
    const double top = 380, width = CARDS_ALL_WIDTH - CARDS_RIGHT - 16;
    PufLine title = puf_line_of("keys for ");
    CardsKeys lines[CARDS_MAX_KEYS];
    puf_say(&title, cards_who_small(v, v->s->asked).text);
    puf_rect(v->p, CARDS_RIGHT, top, width, 132, PUF_DUSK, 12);
    puf_text(v->p, CARDS_RIGHT + 12, top + 10, title.text, 13, cards_side_color(v, v->s->asked), PUF_LEFT);
    if (v->story) {
        if (v->moment.waits && v->p->person >= 0) {
            cards_draw_key("any", "do not wait", 0, v->p);
        }
        return;
    }
    const int32_t count = cards_list_keys(v->s, v->choices, lines);
    for (int32_t i = 0; i < count; i++) {
        cards_draw_key(cards_say_buttons(lines[i].buttons).text, lines[i].what, i, v->p);
    }
}

static void cards_draw_keywords(const CardsView* v)
{
    const double top = 524;
    puf_rect(v->p, CARDS_RIGHT, top, CARDS_ALL_WIDTH - CARDS_RIGHT - 16, 162, PUF_DUSK, 12);
    for (int i = 0; i < CARDS_KEYWORDS; i++) {
        puf_text(v->p, CARDS_RIGHT + 12, top + 10 + 18 * i, cards_keyword_list[i].word, 13, cards_keyword_list[i].color,
                 PUF_LEFT);
        puf_text(v->p, CARDS_RIGHT + 60, top + 10.5 + 18 * i, cards_keyword_list[i].meaning, 12, PUF_STEEL, PUF_LEFT);
    }
}

// What happened: the last lines, older ones paler.
static void cards_draw_events(const CardsView* v)
{
    const int32_t seen = v->s->events_seen, first = seen > CARDS_EVENTS ? seen - CARDS_EVENTS : 0;
    const double top = PUF_HUD_HEIGHT + 4;
    int32_t told[CARDS_EVENTS], count = 0;
    puf_rect(v->p, CARDS_RIGHT, top, CARDS_ALL_WIDTH - CARDS_RIGHT - 16, 320, PUF_DUSK, 12);
    for (int32_t n = first; n < seen; n++) {
        if (cards_event_text(v, &v->s->events[n % CARDS_EVENTS]).text[0]) {
            told[count++] = n;
        }
    }
    for (int32_t line = 0; line < CARDS_LINES && line < count; line++) {
        const int32_t n = told[count > CARDS_LINES ? count - CARDS_LINES + line : line];
        const CardsEvent* e = &v->s->events[n % CARDS_EVENTS];
        const PufColor color = puf_blend(cards_event_color(v, e), PUF_DUSK, n < seen - 10 ? 0.55 : 0);
        puf_text(v->p, CARDS_RIGHT + 12, top + 12 + 19 * line, cards_event_text(v, e).text, 13, color, PUF_LEFT);
    }
}

// ---- All of it ----

// A result as a side sees it.
static int32_t cards_result_of(const Cards* s, int32_t side)
{
    return side == 0 || s->result == CARDS_RUNNING ? s->result : 4 - s->result;
}

static void cards_draw_hud(const CardsView* v)
{
    static const char* const ends[] = { "none yet", "won", "drawn", "lost" };
    static const char* const others[] = { "random", "plain", "searching" };
    const Cards* s = v->s;
    puf_hud(v->p, "cards",
            (PufFigure[]){ { "last game", puf_text_word(ends[cards_result_of(s, v->own)]) },
                           { "against", puf_text_word(s->self_play ? "self-play" : others[s->strength]) },
                           { "turn", cards_of(s->turns + 1, " of ", CARDS_TURNS) } },
            3);
}

// The first agent, or the person's, is at the bottom.
static void cards_draw_all(const void* state, const void* assets, PufPicture* p)
{
    CardsStory story;
    CardsView v = { .s = state, .p = p };
    (void)assets;
    v.own = v.s->self_play ? puf_agent(p) : 0;
    if (p->before && cards_find_moment(&story, p->before, state, p->share, &v.moment)) {
        v.story = &story;
        v.s = &story.shown;
    } else {
        v.choices = cards_legal(v.s);
    }
    puf_clear(p, PUF_NIGHT);
    cards_draw_hud(&v);
    puf_rect(p, CARDS_BOARDS_LEFT - 8, CARDS_OTHER_BOARD - 14, CARDS_WIDE + 16, CARDS_OWN_HAND - CARDS_OTHER_BOARD + 6,
             PUF_DUSK, 12);
    for (int i = 0; i < 2; i++) {
        const int32_t side = i == 0 ? 1 - v.own : v.own;
        cards_draw_hand(&v, side);
        cards_draw_board(&v, side);
        cards_draw_player(&v, side);
    }
    cards_draw_fights(&v);
    cards_draw_stack(&v);
    cards_draw_band(&v);
    cards_draw_events(&v);
    cards_draw_keys(&v);
    cards_draw_keywords(&v);
    if (v.story) {
        cards_draw_moment(&v);
    }
}

// ---- Clicks ----

static int cards_inside(double x, double y, double left, double top)
{
    return x >= left && x < left + CARDS_WIDTH && y >= top && y < top + CARDS_HEIGHT;
}

// The button that is clicked at: a card, a creature, a player, or a line of the list of keys.
static int32_t cards_find_button(const Cards* s, int32_t choices, double x, double y)
{
    const CardsView v = { .s = s, .own = 0 };
    const int32_t side = cards_pressed_side(s), line = (int32_t)floor((y - CARDS_KEYS) / CARDS_KEY_LINE);
    const CardsSide* own = &s->sides[s->asked];
    CardsKeys lines[CARDS_MAX_KEYS];
    if (x >= CARDS_RIGHT) {
        const int found = line >= 0 && line < cards_list_keys(s, choices, lines);
        return found ? cards_lowest((uint32_t)lines[line].buttons) : PUF_NOTHING;
    }
    for (int32_t place = 0; place < own->hands && side < 0; place++) {
        const double top = s->asked == 0 ? CARDS_OWN_HAND : CARDS_OTHER_HAND;
        if (cards_inside(x, y, cards_in_hand(place, own->hands), top)) {
            return place;
        }
    }
    for (int32_t place = 0; place < CARDS_BOARD && side >= 0; place++) {
        const PufPoint at = cards_place(&v, side, place);
        if (cards_inside(x, y, at.x, at.y)) {
            return place;
        }
    }
    const double top = s->asked == 0 ? PUF_HUD_HEIGHT + 4 : 470; // of the other player
    const int player = x >= CARDS_LEFT && x < CARDS_LEFT + CARDS_PANEL && y >= top && y < top + 196;
    return player && s->mode == CARDS_TARGET ? CARDS_PLAYER : PUF_NOTHING;
}

static int32_t cards_touch(const void* state, const void* assets, double x, double y)
{
    const Cards* s = state;
    const int32_t choices = cards_legal(s), button = cards_find_button(s, choices, x, y);
    (void)assets;
    return button >= 0 && (choices >> button & 1) ? button : PUF_NOTHING;
}

static void cards_say_end(const void* state, int32_t agent, PufLine* line)
{
    static const char* const ends[] = { "", "you won!", "a draw", "you lost" };
    puf_say(line, ends[cards_result_of(state, agent)]);
}

PUF_DRAWING(cards, .width = CARDS_ALL_WIDTH, .height = CARDS_ALL_HEIGHT, .draw = cards_draw_all,
            .between = cards_between, .glides = 1, .frames = cards_frames, .touch = cards_touch,
            .verdict = cards_say_end);
