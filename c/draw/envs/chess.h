// Chess: the board as the first agent sees it, and beside it what was taken and how the last game ended.
#pragma once
#include "draw/picture.h"
#include "envs/chess.h"

enum { CHESS_TOP = PUF_HUD_HEIGHT + 14 };
enum { CHESS_SIDE = 520, CHESS_MARGIN = 34, CHESS_PANEL = 200, CHESS_SMALL = 160, CHESS_CAPS = 29 };

#define CHESS_LIGHT_TILE PUF_RGB(203, 209, 228)
#define CHESS_DARK_TILE PUF_RGB(118, 130, 172)
static const PufColor chess_fills[2] = { PUF_RGB(250, 246, 236), PUF_RGB(38, 40, 58) }; // white, black
static const PufColor chess_edges[2] = { PUF_RGB(44, 46, 66), PUF_RGB(214, 219, 236) };

// ---- Pieces ----

// A piece is drawn twice, first a bit larger in the colour of its edge. Lengths are in tiles from the middle of its
// square.
typedef struct ChessPen {
    PufPicture* p;
    double x, y, tile, grow; // `grow`: the width of the edge
    PufColor color;
} ChessPen;

static void chess_disc(const ChessPen* pen, double x, double y, double radius)
{
    puf_circle(pen->p, pen->x + x * pen->tile, pen->y + y * pen->tile, (radius + pen->grow) * pen->tile, pen->color);
}

static void chess_box(const ChessPen* pen, double left, double top, double right, double bottom)
{
    const double grow = pen->grow, tile = pen->tile;
    puf_rect(pen->p, pen->x + (left - grow) * tile, pen->y + (top - grow) * tile, (right - left + 2 * grow) * tile,
             (bottom - top + 2 * grow) * tile, pen->color, (0.02 + grow) * tile);
}

static void chess_shape(const ChessPen* pen, const PufPoint* points, int32_t count)
{
    PufPoint at[9];
    for (int32_t k = 0; k <= count; k++) {
        at[k] = (PufPoint){ pen->x + points[k % count].x * pen->tile, pen->y + points[k % count].y * pen->tile };
    }
    puf_polygon(pen->p, at, count, pen->color);
    if (pen->grow > 0) {
        puf_path(pen->p, at, count + 1, 2 * pen->grow * pen->tile, pen->color);
    }
}

// A shape that is as wide at the left as at the right.
static void chess_trunk(const ChessPen* pen, double top, double top_width, double bottom, double bottom_width)
{
    const PufPoint points[4] = {
        { -top_width, top }, { top_width, top }, { bottom_width, bottom }, { -bottom_width, bottom }
    };
    chess_shape(pen, points, 4);
}

static void chess_draw_foot(const ChessPen* pen, double width)
{
    chess_box(pen, -width, 0.29, width, 0.37);
    chess_box(pen, -width + 0.05, 0.23, width - 0.05, 0.29);
}

static void chess_draw_pawn(const ChessPen* pen)
{
    chess_trunk(pen, -0.06, 0.06, 0.27, 0.16);
    chess_box(pen, -0.12, -0.05, 0.12, 0.0);
    chess_disc(pen, 0, -0.15, 0.125);
    chess_draw_foot(pen, 0.22);
}

static void chess_draw_knight(const ChessPen* pen)
{
    static const PufPoint neck[6] = { { -0.15, 0.25 }, { 0.21, 0.25 },   { 0.23, -0.02 },
                                      { 0.15, -0.22 }, { -0.02, -0.29 }, { -0.1, 0.06 } };
    static const PufPoint head[6] = { { -0.02, -0.29 }, { 0.08, -0.1 },   { -0.06, 0.03 },
                                      { -0.23, 0.08 },  { -0.31, -0.02 }, { -0.26, -0.1 } };
    static const PufPoint ear[3] = { { -0.02, -0.26 }, { 0.11, -0.23 }, { 0.05, -0.39 } };
    chess_shape(pen, neck, 6);
    chess_shape(pen, head, 6);
    chess_shape(pen, ear, 3);
    chess_draw_foot(pen, 0.26);
}

static void chess_draw_bishop(const ChessPen* pen)
{
    static const PufPoint mitre[6] = { { 0, -0.32 },   { 0.12, -0.17 }, { 0.15, -0.06 },
                                       { 0.09, 0.06 }, { -0.09, 0.06 }, { -0.15, -0.06 } };
    chess_trunk(pen, 0.0, 0.08, 0.27, 0.17);
    chess_shape(pen, mitre, 6);
    chess_disc(pen, 0, -0.35, 0.04);
    chess_box(pen, -0.14, 0.06, 0.14, 0.11);
    chess_draw_foot(pen, 0.25);
}

static void chess_draw_rook(const ChessPen* pen)
{
    chess_trunk(pen, -0.12, 0.14, 0.27, 0.18);
    chess_box(pen, -0.21, -0.21, 0.21, -0.11);
    chess_box(pen, -0.21, -0.32, -0.12, -0.19);
    chess_box(pen, -0.045, -0.32, 0.045, -0.19);
    chess_box(pen, 0.12, -0.32, 0.21, -0.19);
    chess_draw_foot(pen, 0.25);
}

static void chess_draw_queen(const ChessPen* pen)
{
    chess_trunk(pen, 0.0, 0.2, 0.27, 0.17);
    for (int32_t k = -2; k <= 2; k++) {
        const double tip = 0.155 * k, high = k == 0 ? -0.3 : k == 1 || k == -1 ? -0.27 : -0.2;
        const double left = puf_max(-0.2, 0.1 * k - 0.08), right = puf_min(0.2, 0.1 * k + 0.08);
        const PufPoint spike[3] = { { tip, high }, { right, 0.04 }, { left, 0.04 } };
        chess_shape(pen, spike, 3);
        chess_disc(pen, tip, high - 0.02, 0.042);
    }
    chess_draw_foot(pen, 0.26);
}

static void chess_draw_king(const ChessPen* pen)
{
    chess_trunk(pen, 0.0, 0.2, 0.27, 0.17);
    chess_disc(pen, -0.14, -0.05, 0.12);
    chess_disc(pen, 0.14, -0.05, 0.12);
    chess_trunk(pen, -0.17, 0.1, 0.1, 0.1);
    chess_box(pen, -0.03, -0.41, 0.03, -0.16);
    chess_box(pen, -0.1, -0.35, 0.1, -0.29);
    chess_draw_foot(pen, 0.26);
}

// Lines inside of a piece, in the colour of its edge.
static void chess_draw_details(const ChessPen* pen, int32_t kind)
{
    const double x = pen->x, y = pen->y, tile = pen->tile, thick = puf_max(1, 0.03 * tile);
    if (kind == CHESS_KNIGHT) {
        puf_circle(pen->p, x - 0.08 * tile, y - 0.13 * tile, 0.028 * tile, pen->color);
        puf_line(pen->p, x - 0.02 * tile, y + 0.02 * tile, x + 0.06 * tile, y - 0.07 * tile, thick, pen->color);
        puf_circle(pen->p, x - 0.255 * tile, y - 0.015 * tile, 0.016 * tile, pen->color);
    } else if (kind == CHESS_BISHOP) {
        puf_line(pen->p, x + 0.1 * tile, y - 0.2 * tile, x + 0.01 * tile, y - 0.09 * tile, thick, pen->color);
    } else if (kind == CHESS_KING) {
        puf_line(pen->p, x - 0.15 * tile, y + 0.14 * tile, x + 0.15 * tile, y + 0.14 * tile, thick, pen->color);
    } else if (kind == CHESS_QUEEN) {
        puf_line(pen->p, x - 0.16 * tile, y + 0.14 * tile, x + 0.16 * tile, y + 0.14 * tile, thick, pen->color);
        puf_circle(pen->p, x, y + 0.05 * tile, 0.025 * tile, pen->color);
    }
}

static void chess_draw_piece(PufPicture* p, double x, double y, double tile, int32_t kind, int black)
{
    static void (*const draw[CHESS_KINDS])(const ChessPen*) = { chess_draw_pawn, chess_draw_knight, chess_draw_bishop,
                                                                chess_draw_rook, chess_draw_queen,  chess_draw_king };
    const double edge = tile > 40 ? 0.028 : 0.04;
    const ChessPen around = { p, x, y, tile, edge, chess_edges[black] },
                   inside = { p, x, y, tile, 0, chess_fills[black] };
    draw[kind](&around);
    draw[kind](&inside);
    chess_draw_details(&around, kind);
}

// ---- The board ----

// The middle of a square that White sees, in tiles from the top left corner. `black`: Black sits at the bottom.
static PufPoint chess_middle(int32_t square, int black)
{
    const double column = (square & 7) + 0.5, row = 7.5 - (square >> 3);
    return (PufPoint){ black ? 8 - column : column, black ? 8 - row : row };
}

// A board that White sees.
static void chess_draw_pieces(PufPicture* p, const ChessBoard* b, int black, double left, double top, double tile)
{
    for (int32_t square = 0; square < CHESS_SQUARES; square++) {
        const PufPoint at = chess_middle(square, black);
        if ((b->sides[0] | b->sides[1]) >> square & 1) {
            chess_draw_piece(p, left + at.x * tile, top + at.y * tile, tile, chess_kind(b, square),
                             (int)(b->sides[1] >> square & 1));
        }
    }
}

static void chess_draw_tiles(PufPicture* p, double left, double top, double tile)
{
    puf_rect(p, left - tile * 0.08, top - tile * 0.08, 8.16 * tile, 8.16 * tile, PUF_SLATE, tile * 0.1);
    puf_rect(p, left, top, 8 * tile, 8 * tile, CHESS_LIGHT_TILE, 0);
    for (int32_t square = 0; square < CHESS_SQUARES; square++) {
        if (!(chess_light >> square & 1)) {
            const PufPoint at = chess_middle(square, 0);
            puf_rect(p, left + (at.x - 0.5) * tile, top + (at.y - 0.5) * tile, tile, tile, CHESS_DARK_TILE, 0);
        }
    }
}

static void chess_draw_names(PufPicture* p, int black, double left, double top, double tile)
{
    for (int32_t k = 0; k < 8; k++) {
        const PufPoint file = chess_middle(k, black), rank = chess_middle(8 * k, black);
        const char column[2] = { (char)('a' + k), 0 }, row[2] = { (char)('1' + k), 0 };
        puf_text(p, left + file.x * tile, top + 8 * tile + 8, column, 15, PUF_STEEL, PUF_CENTER);
        puf_text(p, left - 19, top + rank.y * tile - 8, row, 15, PUF_STEEL, PUF_CENTER);
    }
}

static void chess_mark_tile(PufPicture* p, PufPoint at, double left, double top, double tile, PufColor color)
{
    puf_rect(p, left + (at.x - 0.5) * tile, top + (at.y - 0.5) * tile, tile, tile, color, 0);
}

// Under the pieces: the last move, the piece that was touched, and a king in check.
static void chess_draw_marks(PufPicture* p, const Chess* s, int black, double left, double top, double tile)
{
    if (s->from >= 0) {
        chess_mark_tile(p, chess_middle(s->from, black), left, top, tile, puf_fade(PUF_AMBER, 0.45));
        chess_mark_tile(p, chess_middle(s->to, black), left, top, tile, puf_fade(PUF_AMBER, 0.62));
    }
    if (s->check) {
        const PufPoint at =
            chess_middle(chess_whites(s, chess_lowest(s->boards[0].sides[0] & s->boards[0].kinds[CHESS_KING])), black);
        chess_mark_tile(p, at, left, top, tile, puf_fade(PUF_CORAL, 0.55));
        puf_glow(p, left + at.x * tile, top + at.y * tile, 0.62 * tile, PUF_CORAL);
    }
    if (s->touched >= 0) {
        chess_mark_tile(p, chess_middle(chess_whites(s, s->touched), black), left, top, tile, puf_fade(PUF_MINT, 0.75));
    }
}

static void chess_draw_cap(PufPicture* p, double x, double y, double tile, int32_t number)
{
    static const char* const caps = "1234567890EWASDFGXCVBMYUIOJKL";
    if (p->person >= 0 && number < CHESS_CAPS) {
        const char cap[2] = { caps[number], 0 };
        puf_rect(p, x - 0.13 * tile, y - 0.14 * tile, 0.26 * tile, 0.28 * tile, puf_fade(PUF_NIGHT, 0.78), 0.06 * tile);
        puf_text(p, x, y - 0.11 * tile, cap, 0.22 * tile, PUF_MINT, PUF_CENTER);
    }
}

// Over the pieces: which may be touched, or where the touched one may go, each with its key for a person.
static void chess_draw_options(PufPicture* p, const Chess* s, int black, double left, double top, double tile)
{
    const uint64_t other = s->boards[0].sides[1];
    int32_t number = 0;
    for (uint64_t rest = s->options; rest && s->stage != CHESS_BECOME; rest &= rest - 1, number++) {
        const int32_t square = chess_lowest(rest);
        const PufPoint at = chess_middle(chess_whites(s, square), black);
        const double x = left + at.x * tile, y = top + at.y * tile;
        if (s->stage == CHESS_TOUCH) {
            puf_border(p, x - 0.47 * tile, y - 0.47 * tile, 0.94 * tile, 0.94 * tile, 0.035 * tile,
                       puf_fade(PUF_MINT, 0.7), 0.1 * tile);
        } else if (other >> square & 1) {
            puf_ring(p, x, y, 0.4 * tile, 0.47 * tile, PUF_MINT);
        } else {
            puf_circle(p, x, y, 0.15 * tile, puf_fade(PUF_NIGHT, 0.35));
            puf_circle(p, x, y, 0.12 * tile, PUF_MINT);
        }
        chess_draw_cap(p, x + 0.3 * tile, y - 0.29 * tile, tile, number);
    }
}

// What a pawn may become, over the middle of the board.
static void chess_draw_promotion(PufPicture* p, const Chess* s, double left, double top, double tile)
{
    if (s->stage != CHESS_BECOME) {
        return;
    }
    puf_rect(p, left, top, 8 * tile, 8 * tile, puf_fade(PUF_NIGHT, 0.5), 0);
    puf_rect(p, left + 1.9 * tile, top + 3.4 * tile, 4.2 * tile, 1.2 * tile, PUF_SLATE, 0.14 * tile);
    for (int32_t k = 0; k < CHESS_PROMOTIONS; k++) {
        const double x = left + (2.5 + k) * tile, y = top + 4 * tile;
        puf_rect(p, x - 0.46 * tile, y - 0.46 * tile, 0.92 * tile, 0.92 * tile, CHESS_LIGHT_TILE, 0.08 * tile);
        chess_draw_piece(p, x, y, tile, CHESS_QUEEN - k, s->turn != s->white);
        chess_draw_cap(p, x + 0.3 * tile, y - 0.29 * tile, tile, k);
    }
}

// ---- Beside it ----

// The pieces that a player has taken: what the other has fewer of than at the start.
static void chess_draw_taken(PufPicture* p, const ChessBoard* b, int of_black, double left, double top)
{
    static const int32_t full[CHESS_KINDS] = { 8, 2, 2, 2, 1, 1 };
    const uint64_t side = b->sides[of_black];
    double x = left + 10;
    for (int32_t pass = 0; pass < 2; pass++, x = left + 10) {
        for (int32_t kind = CHESS_QUEEN; kind >= CHESS_PAWN; kind--) {
            const int32_t missing = full[kind] - chess_count(side & b->kinds[kind]);
            for (int32_t k = 0; k < missing; k++, x += kind == CHESS_PAWN ? 9 : 12) {
                if (pass) {
                    chess_draw_piece(p, x, top, 22, kind, of_black);
                }
            }
        }
        if (!pass && x > left + 10) { // a light strip, on which black pieces can be seen
            puf_rect(p, left, top - 11, x - left + 2, 22, CHESS_LIGHT_TILE, 6);
        }
    }
}

static void chess_draw_players(PufPicture* p, const Chess* s, const ChessBoard* b, double left, double top)
{
    static const char* const names[2][2] = { { "you", "other" }, { "first", "second" } };
    const int32_t lead = chess_lead_of_first(s);
    for (int32_t player = 0; player < 2; player++) {
        const double y = top + 12 + 84 * (1 - player);
        const int turn = s->turn == player, black = s->white != player, ahead = player == 0 ? lead : -lead;
        const char* name = names[s->self_play && p->person < 0][puf_agent(p) ? 1 - player : player];
        puf_rect(p, left + 10, y, CHESS_PANEL - 20, 76, turn ? PUF_SLATE : puf_blend(PUF_DUSK, PUF_SLATE, 0.35), 10);
        puf_circle(p, left + 36, y + 27, 19, puf_blend(CHESS_DARK_TILE, PUF_SLATE, 0.35));
        chess_draw_piece(p, left + 36, y + 27, 38, CHESS_KING, black);
        puf_text(p, left + 64, y + 16, name, 19, turn ? PUF_SNOW : PUF_STEEL, PUF_LEFT);
        if (ahead > 0) {
            puf_text(p, left + CHESS_PANEL - 24, y + 17, puf_word(ahead, 0, 1, "").text, 17, PUF_MINT, PUF_RIGHT);
        }
        chess_draw_taken(p, b, !black, left + 18, y + 60);
    }
}

// What a player should know now.
static void chess_draw_news(PufPicture* p, const Chess* s, double middle, double y)
{
    const int32_t quiet = s->patience - s->quiet, left_over = s->max_moves - s->moves;
    if (s->stage == CHESS_BECOME) {
        puf_text(p, middle, y, "the pawn becomes ...", 17, PUF_MINT, PUF_CENTER);
    } else if (s->check) {
        puf_text(p, middle, y, "check", 22, PUF_CORAL, PUF_CENTER);
    } else if (s->repeated) {
        puf_text(p, middle, y, "position repeated", 17, PUF_AMBER, PUF_CENTER);
    } else if (left_over <= 40 && left_over < quiet) {
        puf_text(p, middle, y, puf_join(puf_text_word("cut off in"), " ", puf_word(left_over, 0, 0, "")).text, 17,
                 PUF_STEEL, PUF_CENTER);
    } else if (quiet <= 40) {
        puf_text(p, middle, y, puf_join(puf_text_word("draw in"), " ", puf_word(quiet, 0, 0, "")).text, 17, PUF_STEEL,
                 PUF_CENTER);
    }
}

static const char* const chess_reasons[] = { "",           "checkmate",       "stalemate", "quiet moves",
                                             "repetition", "nobody can mate", "cut off" };

static void chess_draw_last_game(PufPicture* p, const Chess* s, double left, double top)
{
    static const char* const words[] = { "", "won", "drawn", "lost" };
    static const PufColor colors[] = { PUF_NIGHT, PUF_AMBER, PUF_STEEL, PUF_CORAL };
    const double middle = left + CHESS_PANEL / 2.0, small = top + CHESS_SIDE - CHESS_SMALL - 20;
    if (s->result == CHESS_RUNNING) {
        return;
    }
    const int32_t result = puf_agent(p) ? 4 - s->result : s->result;
    puf_text(p, middle, small - 80, "last game", 16, PUF_STEEL, PUF_CENTER);
    puf_text(p, middle, small - 60, words[result], 24, colors[result], PUF_CENTER);
    puf_text(p, middle, small - 32, chess_reasons[s->ending], 16, PUF_STEEL, PUF_CENTER);
    const double tile = CHESS_SMALL / 8.0, x = left + (CHESS_PANEL - CHESS_SMALL) / 2.0;
    chess_draw_tiles(p, x, small, tile);
    chess_draw_pieces(p, &s->boards[1], s->ended_white != 0, x, small, tile);
}

static void chess_draw(const void* state, const void* assets, PufPicture* p)
{
    const Chess* s = state;
    (void)assets;
    const int black = s->white != 0; // the first agent sits at the bottom
    const double left = CHESS_MARGIN, top = CHESS_TOP, tile = CHESS_SIDE / 8.0;
    const double panel = left + CHESS_SIDE + CHESS_MARGIN - 8;
    ChessBoard board;
    memcpy(&board, &s->boards[0], sizeof board);
    if (s->turn != s->white) {
        chess_turn(&board);
    }
    puf_clear(p, PUF_NIGHT);
    PufFigure first =
        s->self_play ? (PufFigure){ "self-play", puf_text_word("") } : puf_figure("strength", s->strength);
    puf_hud(p, "chess", (PufFigure[]){ first, puf_figure("move", 1 + s->moves / 2) }, 2);
    chess_draw_tiles(p, left, top, tile);
    chess_draw_names(p, black, left, top, tile);
    chess_draw_marks(p, s, black, left, top, tile);
    chess_draw_pieces(p, &board, black, left, top, tile);
    chess_draw_options(p, s, black, left, top, tile);
    chess_draw_promotion(p, s, left, top, tile);
    puf_rect(p, panel, top, CHESS_PANEL, CHESS_SIDE, PUF_DUSK, 12);
    chess_draw_players(p, s, &board, panel, top);
    chess_draw_news(p, s, panel + CHESS_PANEL / 2.0, top + 188);
    chess_draw_last_game(p, s, panel, top);
}

// The square that is clicked at, or the piece that a pawn is to become, where it may be chosen.
static int32_t chess_touch(const void* state, const void* assets, double x, double y)
{
    const Chess* s = state;
    const double tile = CHESS_SIDE / 8.0, across = (x - CHESS_MARGIN) / tile, down = (y - CHESS_TOP) / tile;
    const int32_t column = (int32_t)floor(across), row = (int32_t)floor(down), number = (int32_t)floor(across - 2);
    (void)assets;
    if (s->stage == CHESS_BECOME) {
        const int inside = number >= 0 && number < 4 && fabs(down - 4) < 0.5;
        return inside && (s->options >> number & 1) ? 64 + number : PUF_NOTHING;
    }
    if (column < 0 || column >= 8 || row < 0 || row >= 8) {
        return PUF_NOTHING;
    }
    const int32_t whites = s->white == 0 ? 8 * (7 - row) + column : 8 * row + 7 - column;
    const int32_t square = s->turn == s->white ? whites : whites ^ 56;
    return s->options >> square & 1 ? square : PUF_NOTHING;
}

// The choice of a key; beyond the last one, that.
static int32_t chess_press(const void* state, const void* assets, int32_t key)
{
    const Chess* s = state;
    int32_t found = PUF_NOTHING;
    (void)assets;
    for (int32_t bit = 0; bit < 64 && key >= 0; bit++) {
        if (s->options >> bit & 1) {
            found = bit + (s->stage == CHESS_BECOME ? 64 : 0);
            key--;
        }
    }
    return found;
}

static void chess_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Chess* s = state;
    puf_say_result(line, s->result, agent);
    puf_say(line, s->result == CHESS_RUNNING ? "" : ": ");
    puf_say(line, chess_reasons[s->ending]);
}

PUF_DRAWING(chess, .width = CHESS_SIDE + CHESS_PANEL + 3 * CHESS_MARGIN - 16,
            .height = CHESS_SIDE + PUF_HUD_HEIGHT + 42, .draw = chess_draw, .touch = chess_touch, .press = chess_press,
            .verdict = chess_say_end);
