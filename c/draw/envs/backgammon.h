// Backgammon: the board with the first agent's home at the lower right, the dice, how the other moved, and what may be moved.
#pragma once
#include "draw/picture.h"
#include "envs/backgammon.h"

enum {
    BACKGAMMON_WIDE = 45,
    BACKGAMMON_HIGH = 440,
    BACKGAMMON_MARGIN = 26,
    BACKGAMMON_MIDDLE = 44,
    BACKGAMMON_TRAY = 46
};
enum { BACKGAMMON_PANEL = 186, BACKGAMMON_UPPER = PUF_HUD_HEIGHT + 32, BACKGAMMON_RADIUS = 20, BACKGAMMON_LISTED = 14 };
enum { BACKGAMMON_ACROSS = 12 * BACKGAMMON_WIDE + BACKGAMMON_MIDDLE, BACKGAMMON_BADGE = 19 };

// The keys of render/puffer_render/draw/backgammon.py, in their order.
static const char backgammon_caps[] = "1234567890EWASDFGXCVBMYUIOJKL";
static const PufColor backgammon_colors[2] = { PUF_SNOW, PUF_CORAL }; // of the first agent, and of its opponent

// Where a player's place is on the board: 1 to 24 from the lower right, 25 and 0 the bars, 26 and 27 beside the board.
static int32_t backgammon_slot(int32_t player, int32_t place)
{
    return place == 0 ? 26 + player : player == 0 ? place : BACKGAMMON_BAR - place;
}

static int backgammon_is_low(int32_t slot) { return (slot >= 1 && slot <= 12) || slot == 0 || slot == 26; }

static double backgammon_x(int32_t slot)
{
    if (slot >= 26) {
        return BACKGAMMON_MARGIN + BACKGAMMON_ACROSS + BACKGAMMON_TRAY / 2.0;
    }
    if (slot == 0 || slot == BACKGAMMON_BAR) {
        return BACKGAMMON_MARGIN + BACKGAMMON_ACROSS / 2.0;
    }
    const int32_t column = slot <= 12 ? 12 - slot : slot - 13;
    return BACKGAMMON_MARGIN + (column + 0.5) * BACKGAMMON_WIDE + (column >= 6 ? BACKGAMMON_MIDDLE : 0);
}

// The middle of the checker at this height of a pile; the sixth lies on the first.
static double backgammon_y(int32_t slot, int32_t height)
{
    const double away = (slot == 0 || slot == BACKGAMMON_BAR ? 60 : 2) + (1 + 1.95 * (height % 5)) * BACKGAMMON_RADIUS;
    return BACKGAMMON_UPPER + (backgammon_is_low(slot) ? BACKGAMMON_HIGH - away : away);
}

static void backgammon_draw_checker(PufPicture* p, double x, double y, double radius, int player)
{
    const PufColor color = backgammon_colors[player];
    puf_circle(p, x + radius * 0.06, y + radius * 0.1, radius, puf_fade(PUF_NIGHT, 0.5));
    puf_circle(p, x, y, radius, puf_blend(color, PUF_NIGHT, 0.35));
    puf_circle(p, x, y, radius * 0.88, color);
    puf_ring(p, x, y, radius * 0.5, radius * 0.58, puf_blend(color, PUF_NIGHT, 0.25));
}

static void backgammon_draw_points(PufPicture* p)
{
    const double half = BACKGAMMON_WIDE / 2.0 - 1, long_side = BACKGAMMON_HIGH * 0.42;
    puf_rect(p, BACKGAMMON_MARGIN, BACKGAMMON_UPPER, BACKGAMMON_ACROSS + BACKGAMMON_TRAY, BACKGAMMON_HIGH, PUF_DUSK, 8);
    puf_rect(p, backgammon_x(0) - BACKGAMMON_MIDDLE / 2.0, BACKGAMMON_UPPER, BACKGAMMON_MIDDLE, BACKGAMMON_HIGH,
             PUF_SLATE, 0);
    puf_rect(p, backgammon_x(26) - BACKGAMMON_TRAY / 2.0, BACKGAMMON_UPPER, BACKGAMMON_TRAY, BACKGAMMON_HIGH, PUF_SLATE,
             8);
    for (int32_t slot = 1; slot <= BACKGAMMON_POINTS; slot++) {
        const int low = backgammon_is_low(slot);
        const double x = backgammon_x(slot), base = BACKGAMMON_UPPER + (low ? BACKGAMMON_HIGH : 0);
        const double tip = base + (low ? -long_side : long_side);
        const PufColor color = slot % 2 ? puf_blend(PUF_TEAL, PUF_NIGHT, 0.68) : puf_blend(PUF_STEEL, PUF_NIGHT, 0.45);
        puf_polygon(p,
                    low ? (PufPoint[]){ { x - half, base }, { x, tip }, { x + half, base } }
                        : (PufPoint[]){ { x - half, base }, { x + half, base }, { x, tip } },
                    3, color);
    }
}

static void backgammon_draw_checkers(PufPicture* p, const Backgammon* s)
{
    for (int32_t player = 0; player < 2; player++) {
        for (int32_t place = 1; place < BACKGAMMON_PLACES; place++) {
            const int32_t slot = backgammon_slot(player, place), count = s->sides[player].checkers[place];
            const double x = backgammon_x(slot);
            for (int32_t k = 0; k < count && k < 5; k++) {
                backgammon_draw_checker(p, x, backgammon_y(slot, k), BACKGAMMON_RADIUS, player);
            }
            if (count > 5) {
                puf_text(p, x, backgammon_y(slot, 4) - 11, puf_word(count, 0, 0, "").text, 19, PUF_NIGHT, PUF_CENTER);
            }
        }
        for (int32_t k = 0; k < s->sides[player].checkers[0]; k++) {
            const double y = BACKGAMMON_UPPER + (player ? 6 + 13 * k : BACKGAMMON_HIGH - 17 - 13 * k);
            puf_rect(p, backgammon_x(26) - 17, y, 34, 11, backgammon_colors[player], 3);
        }
    }
}

static void backgammon_draw_die(PufPicture* p, double x, double y, double side, int32_t value, int player,
                                double strong)
{
    const double dot = side * 0.09;
    puf_rect(p, x - side / 2, y - side / 2, side, side, puf_fade(backgammon_colors[player], strong), side * 0.18);
    // The dots of a die: the middle one, then pairs that lie across from each other.
    static const int8_t pairs[3][2] = { { -1, 1 }, { -1, -1 }, { -1, 0 } };
    if (value % 2) {
        puf_circle(p, x, y, dot, puf_fade(PUF_NIGHT, strong));
    }
    for (int32_t k = 0; k < value / 2; k++) {
        const double right = pairs[k][0] * side * 0.27, down = pairs[k][1] * side * 0.27;
        puf_circle(p, x + right, y + down, dot, puf_fade(PUF_NIGHT, strong));
        puf_circle(p, x - right, y - down, dot, puf_fade(PUF_NIGHT, strong));
    }
}

// Each player's throw in its half of the board; of the one whose turn it is, those that are still to be played.
static void backgammon_draw_dice(PufPicture* p, const Backgammon* s)
{
    for (int32_t player = 0; player < 2; player++) {
        const int8_t* dice = s->thrown[player];
        const int32_t count = dice[0] == dice[1] ? BACKGAMMON_MOVES : 2, turn = s->turn == player;
        const double middle = backgammon_x(0) + (player ? -1 : 1) * (3 * BACKGAMMON_WIDE + BACKGAMMON_MIDDLE / 2.0);
        if (dice[0] && !turn && s->played[player] == 0) {
            puf_text(p, middle, BACKGAMMON_UPPER + BACKGAMMON_HIGH / 2.0 + 24, "no move", 16, PUF_AMBER, PUF_CENTER);
        }
        for (int32_t k = 0; k < count && dice[0]; k++) {
            const int open = count == 4 ? k >= 4 - s->moves[0] : s->moves[k] > 0;
            backgammon_draw_die(p, middle + (k - (count - 1) / 2.0) * 46, BACKGAMMON_UPPER + BACKGAMMON_HIGH / 2.0, 36,
                                dice[count == 4 ? 0 : k], player, turn && open ? 1 : 0.25);
        }
    }
}

// How the checkers of the player whose turn it is not came to where they are.
static void backgammon_draw_trail(PufPicture* p, const Backgammon* s)
{
    const int32_t player = 1 - s->turn;
    const PufColor color = puf_blend(backgammon_colors[player], PUF_AMBER, 0.5);
    for (int32_t k = 0; k < s->played[player]; k++) {
        const int32_t from = backgammon_slot(player, s->from[player][k]),
                      to = backgammon_slot(player, s->to[player][k]);
        const int32_t left = s->sides[player].checkers[s->from[player][k]];
        const int32_t top = s->to[player][k] ? s->sides[player].checkers[s->to[player][k]] - 1 : 0;
        const double x0 = backgammon_x(from), y0 = backgammon_y(from, left > 4 ? 4 : left);
        const double x1 = backgammon_x(to), y1 = backgammon_y(to, top < 0 ? 0 : top > 4 ? 4 : top);
        puf_line(p, x0, y0, x1, y1, 3, puf_fade(color, 0.5));
        puf_ring(p, x0, y0, BACKGAMMON_RADIUS * 0.86, BACKGAMMON_RADIUS * 0.95, puf_fade(color, 0.7));
        puf_circle(p, x1, y1, 6, color);
    }
}

// A place's number at the edge of the board, in the view of the player whose turn it is; or, where a checker may be moved,
// the dice that move it, to click at.
static void backgammon_badge_at(int32_t slot, int32_t k, int32_t count, double* x, double* y)
{
    *x = backgammon_x(slot) + (k - (count - 1) / 2.0) * (BACKGAMMON_BADGE + 2);
    *y = BACKGAMMON_UPPER + (backgammon_is_low(slot) ? BACKGAMMON_HIGH + 15 : -15);
}

static int32_t backgammon_dice_of(const Backgammon* s, int32_t place, int32_t* dice)
{
    int32_t count = 0;
    for (int32_t which = 0; which < 2; which++) {
        dice[count] = which;
        count += (int32_t)(s->legal[which] >> place & 1);
    }
    return count;
}

static void backgammon_draw_badges(PufPicture* p, const Backgammon* s)
{
    for (int32_t place = 1; place < BACKGAMMON_PLACES; place++) {
        const int32_t slot = backgammon_slot(s->turn, place);
        int32_t dice[3], count = backgammon_dice_of(s, place, dice);
        double x, y;
        for (int32_t k = 0; k < count; k++) {
            backgammon_badge_at(slot, k, count, &x, &y);
            puf_rect(p, x - BACKGAMMON_BADGE / 2.0, y - 11, BACKGAMMON_BADGE, 22, PUF_AMBER, 5);
            puf_text(p, x, y - 9, puf_word(s->dice[dice[k]], 0, 0, "").text, 16, PUF_NIGHT, PUF_CENTER);
        }
        if (count == 0 && place != BACKGAMMON_BAR) {
            backgammon_badge_at(slot, 0, 1, &x, &y);
            puf_text(p, x, y - 8, puf_word(place, 0, 0, "").text, 14, PUF_STEEL, PUF_CENTER);
        } else if (count > 0) {
            const int32_t top = s->sides[s->turn].checkers[place] - 1;
            puf_ring(p, backgammon_x(slot), backgammon_y(slot, top > 4 ? 4 : top), BACKGAMMON_RADIUS * 0.95,
                     BACKGAMMON_RADIUS * 1.1, PUF_AMBER);
        }
    }
}

static int32_t backgammon_pips(const BackgammonSide* side)
{
    int32_t pips = 0;
    for (int32_t place = 1; place < BACKGAMMON_PLACES; place++) {
        pips += place * side->checkers[place];
    }
    return pips;
}

static PufWord backgammon_name(int32_t place)
{
    return place == 0                ? puf_text_word("off")
           : place == BACKGAMMON_BAR ? puf_text_word("bar")
                                     : puf_word(place, 0, 0, "");
}

// The moves and their keys.
static void backgammon_draw_list(PufPicture* p, const Backgammon* s, double left, double top)
{
    int32_t row = 0;
    for (uint64_t set = backgammon_set(s); set && row < BACKGAMMON_LISTED; set &= set - 1, row++) {
        const int32_t action = backgammon_first(set), which = action >= BACKGAMMON_BAR;
        const int32_t place = 1 + action - which * BACKGAMMON_BAR, die = s->dice[which];
        const double x = left + 16 + row % 2 * 84, y = top + row / 2 * 22;
        const char cap[] = { backgammon_caps[row], 0 };
        const PufWord word = puf_join(backgammon_name(place), "/", backgammon_name(place > die ? place - die : 0));
        puf_rect(p, x, y, 18, 19, PUF_SLATE, 4);
        puf_text(p, x + 9, y + 2, cap, 14, PUF_SNOW, PUF_CENTER);
        puf_text(p, x + 24, y + 1, word.text, 15, PUF_SNOW, PUF_LEFT);
    }
}

static void backgammon_draw_panel(PufPicture* p, const Backgammon* s)
{
    static const char* const names[2][2] = { { "you", "other" }, { "first", "second" } };
    static const char* const worths[] = { "", "", "a gammon", "a backgammon" };
    const double left = BACKGAMMON_MARGIN * 2 + BACKGAMMON_ACROSS + BACKGAMMON_TRAY, top = BACKGAMMON_UPPER;
    const double middle = left + BACKGAMMON_PANEL / 2.0;
    puf_rect(p, left, top, BACKGAMMON_PANEL, BACKGAMMON_HIGH, PUF_DUSK, 12);
    for (int32_t player = 0; player < 2; player++) {
        const double y = top + 20 + 52 * player;
        const char* name = names[s->self_play && p->person < 0][puf_agent(p) ? 1 - player : player];
        if (s->turn == player) {
            puf_rect(p, left + 10, y - 8, BACKGAMMON_PANEL - 20, 46, PUF_SLATE, 10);
        }
        backgammon_draw_checker(p, left + 34, y + 15, 14, player);
        puf_text(p, left + 58, y + 4, name, 18, s->turn == player ? PUF_SNOW : PUF_STEEL, PUF_LEFT);
        puf_text(p, left + BACKGAMMON_PANEL - 22, y + 3, puf_word(backgammon_pips(&s->sides[player]), 0, 0, "").text,
                 20, PUF_SNOW, PUF_RIGHT);
    }
    puf_text(p, middle, top + 124, "points still to go", 13, PUF_STEEL, PUF_CENTER);
    if (p->person >= 0) {
        backgammon_draw_list(p, s, left, top + 156);
    }
    if (s->result != BACKGAMMON_RUNNING) {
        const int won = (s->result == BACKGAMMON_WON) == (puf_agent(p) == 0);
        const char* word = s->result == BACKGAMMON_CUT ? "cut off" : won ? "won" : "lost";
        puf_text(p, middle, top + BACKGAMMON_HIGH - 100, "last game", 16, PUF_STEEL, PUF_CENTER);
        puf_text(p, middle, top + BACKGAMMON_HIGH - 78, word, 24, won ? PUF_AMBER : PUF_CORAL, PUF_CENTER);
        puf_text(p, middle, top + BACKGAMMON_HIGH - 46, worths[s->worth & 3], 16, PUF_STEEL, PUF_CENTER);
    }
}

// ---- What happens in a step: a checker is moved, and where that ends a turn, the other moves as well. ----

enum {
    BACKGAMMON_GLIDE = 10,
    BACKGAMMON_PAUSE = 12,
    BACKGAMMON_STORY = 1 + BACKGAMMON_MOVES
}; // frames, and moves at most

typedef struct BackgammonStory {
    int32_t count;
    Backgammon before[BACKGAMMON_STORY]; // each move
    int8_t from[BACKGAMMON_STORY], to[BACKGAMMON_STORY];
} BackgammonStory;

// Add a move to it. Returns the position after that, which is not the next player's yet.
static Backgammon backgammon_tell(BackgammonStory* t, Backgammon s, int32_t from, int32_t to)
{
    t->before[t->count] = s;
    t->from[t->count] = (int8_t)from, t->to[t->count] = (int8_t)to;
    t->count += 1;
    (void)backgammon_go(&s.sides[s.turn], &s.sides[1 - s.turn], from, from - to);
    return s;
}

// The story of a step by this move, if it leads to the state after it.
static int backgammon_leads(BackgammonStory* t, const Backgammon* was, int32_t from, int32_t die, const Backgammon* s)
{
    t->count = 0;
    Backgammon at = backgammon_tell(t, *was, from, from > die ? from - die : 0);
    at.turn = 1 - was->turn;
    memcpy(at.thrown[at.turn], s->thrown[at.turn], sizeof at.thrown[0]);
    at.moves[0] = at.thrown[at.turn][0] == at.thrown[at.turn][1] ? BACKGAMMON_MOVES : 1, at.moves[1] = 1;
    const int answered = s->turn == was->turn && s->played[s->turn] == 0;
    for (int32_t k = 0; k < s->played[at.turn] && answered; k++) {
        at = backgammon_tell(t, at, s->from[at.turn][k], s->to[at.turn][k]);
    }
    return memcmp(at.sides, s->sides, sizeof at.sides) == 0;
}

// Find it: count is 0 where there is none, as in the first step of a game.
static void backgammon_find_story(BackgammonStory* t, const Backgammon* was, const Backgammon* s)
{
    for (uint64_t set = s->tick > was->tick ? backgammon_set(was) : 0; set; set &= set - 1) {
        const int32_t action = backgammon_first(set), which = action >= BACKGAMMON_BAR;
        if (backgammon_leads(t, was, 1 + action - which * BACKGAMMON_BAR, was->dice[which], s)) {
            return;
        }
    }
    t->count = 0;
}

static int32_t backgammon_frames(const void* before, const void* after)
{
    BackgammonStory t;
    backgammon_find_story(&t, before, after);
    return t.count ? BACKGAMMON_GLIDE + (t.count - 1) * (BACKGAMMON_PAUSE + BACKGAMMON_GLIDE) : 1;
}

// Draw the state at this share of the story, and the checker under way. Each move but the first follows a pause.
static void backgammon_draw_story(PufPicture* p, const BackgammonStory* t, double share)
{
    const double each = BACKGAMMON_PAUSE + BACKGAMMON_GLIDE,
                 passed = BACKGAMMON_PAUSE + share * (t->count * each - BACKGAMMON_PAUSE);
    const int32_t k = (int32_t)puf_min(t->count - 1, passed / each), from = t->from[k], to = t->to[k];
    const double gone = puf_clamp((passed - k * each - BACKGAMMON_PAUSE) / BACKGAMMON_GLIDE, 0.0, 1.0);
    Backgammon s = t->before[k];
    const int32_t player = s.turn, start = backgammon_slot(player, from), end = backgammon_slot(player, to);
    s.legal[0] = s.legal[1] = 0;
    s.played[1 - player] = 0, s.thrown[1 - player][0] = 0;
    s.sides[player].checkers[from] = (int8_t)(s.sides[player].checkers[from] - 1);
    const int32_t lower = s.sides[player].checkers[from], upper = to ? s.sides[player].checkers[to] : 0;
    const double x0 = backgammon_x(start), y0 = backgammon_y(start, lower > 4 ? 4 : lower);
    const double x1 = backgammon_x(end), y1 = backgammon_y(end, upper > 4 ? 4 : upper);
    backgammon_draw_checkers(p, &s);
    backgammon_draw_dice(p, &s);
    backgammon_draw_checker(p, x0 + (x1 - x0) * gone, y0 + (y1 - y0) * gone, BACKGAMMON_RADIUS, player);
    backgammon_draw_panel(p, &t->before[k]);
    s.turn = t->before[0].turn;
    backgammon_draw_badges(p, &s); // numbers alone, as the one who moved first sees them
}

static void backgammon_draw(const void* state, const void* assets, PufPicture* p)
{
    const Backgammon* s = state;
    BackgammonStory story = { .count = 0 };
    const PufFigure self_play = { "self-play", puf_text_word("") }, strength = puf_figure("strength", s->strength);
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "backgammon", (PufFigure[]){ s->self_play ? self_play : strength, puf_figure("step", s->tick) }, 2);
    backgammon_draw_points(p);
    if (p->before) {
        backgammon_find_story(&story, p->before, s);
    }
    if (story.count) {
        backgammon_draw_story(p, &story, p->share);
        return;
    }
    backgammon_draw_checkers(p, s);
    backgammon_draw_trail(p, s);
    backgammon_draw_badges(p, s);
    backgammon_draw_dice(p, s);
    backgammon_draw_panel(p, s);
}

// The die whose badge is clicked at; or a place, by the higher die that may move a checker there.
static int32_t backgammon_touch(const void* state, const void* assets, double x, double y)
{
    const Backgammon* s = state;
    (void)assets;
    for (int32_t place = 1; place < BACKGAMMON_PLACES; place++) {
        const int32_t slot = backgammon_slot(s->turn, place), bar = place == BACKGAMMON_BAR;
        int32_t dice[3], count = backgammon_dice_of(s, place, dice);
        for (int32_t k = 0; k < count; k++) {
            double left, middle;
            backgammon_badge_at(slot, k, count, &left, &middle);
            if (fabs(x - left) <= BACKGAMMON_BADGE / 2.0 && fabs(y - middle) <= 11) {
                return dice[k] * BACKGAMMON_BAR + place - 1;
            }
        }
        const double down = y - BACKGAMMON_UPPER - (backgammon_is_low(slot) ? BACKGAMMON_HIGH / 2.0 : 0);
        const double wide = bar ? BACKGAMMON_MIDDLE : BACKGAMMON_WIDE;
        if (count && fabs(x - backgammon_x(slot)) < wide / 2 && down >= 0 && down < BACKGAMMON_HIGH / 2.0) {
            return dice[0] * BACKGAMMON_BAR + place - 1;
        }
    }
    return PUF_NOTHING;
}

// The move of a key; beyond the last one, the last one.
static int32_t backgammon_press(const void* state, const void* assets, int32_t key)
{
    int32_t found = PUF_NOTHING;
    (void)assets;
    for (uint64_t set = backgammon_set(state); set && key >= 0; set &= set - 1, key--) {
        found = backgammon_first(set);
    }
    return found;
}

PUF_DRAWING(backgammon, .width = BACKGAMMON_ACROSS + BACKGAMMON_TRAY + BACKGAMMON_PANEL + 3 * BACKGAMMON_MARGIN,
            .height = BACKGAMMON_UPPER + BACKGAMMON_HIGH + 46, .draw = backgammon_draw, .glides = 1,
            .frames = backgammon_frames, .touch = backgammon_touch, .press = backgammon_press);
