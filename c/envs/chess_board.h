// chess_board.h - the pieces of chess: how they move, what is legal, when there is check. chess.h tells the game.
//
// A set of squares is 64 bits: a1 is bit 0, b1 bit 1, h8 bit 63. A board is always seen by the player whose turn it is,
// who plays up: for Black ranks 1 and 8 change places, files do not. So there is one set of rules for both players, and
// a move turns the board around.
//
// A queen, rook or bishop sees along lines until something stands in the way. Along a line with one bit in each rank, a
// subtraction borrows up to the first piece, and with the ranks in reverse order also down ("o ^ (o - 2r)"). Where all
// pieces of a player are needed at once, their squares are spread by shifts, doubling the distance each time.
#pragma once
#include "puffer.h"

enum { CHESS_PAWN, CHESS_KNIGHT, CHESS_BISHOP, CHESS_ROOK, CHESS_QUEEN, CHESS_KING, CHESS_KINDS };
enum { CHESS_SQUARES = 64, CHESS_NO_SQUARE = -1, CHESS_SQUARE_E1 = 4 };
// Who may still castle to which side: the player whose turn it is to the h-file and to the a-file, and the other.
enum { CHESS_CASTLES_H = 1, CHESS_CASTLES_A = 2, CHESS_OTHER_CASTLES_H = 4, CHESS_OTHER_CASTLES_A = 8 };

typedef struct ChessBoard {
    uint64_t kinds[CHESS_KINDS]; // pawns, knights, bishops, rooks, queens and kings of both
    uint64_t sides[2];           // pieces of the player whose turn it is, and of the other
    int32_t castling;            // CHESS_CASTLES_...
    int32_t passant;             // the square behind a pawn that may be taken en passant, or -1
} ChessBoard;

// What the player whose turn it is has to know before it moves.
typedef struct ChessSight {
    uint64_t threats; // squares that the other's pieces attack, through the king as well
    uint64_t checks;  // the other's pieces that attack the king
    uint64_t allowed; // where pieces other than the king may go: anywhere, or where they end a check
    uint64_t pinned;  // own pieces that shield the king: they stay on their line
    int32_t king;     // square
} ChessSight;

// ---- Sets of squares ----

static const uint64_t chess_file_a = 0x0101010101010101u, chess_file_h = 0x8080808080808080u, chess_rank_1 = 0xFFu;
static const uint64_t chess_rising = 0x8040201008040201u, chess_falling = 0x0102040810204080u; // through a1, through a8
static const uint64_t chess_light = 0x55AA55AA55AA55AAu;

static inline uint64_t chess_bit(int32_t square) { return (uint64_t)1 << square; }

static inline int32_t chess_count(uint64_t set)
{
    set -= set >> 1 & 0x5555555555555555u;
    set = (set & 0x3333333333333333u) + (set >> 2 & 0x3333333333333333u);
    set = (set + (set >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (int32_t)(set * 0x0101010101010101u >> 56);
}

// The lowest square of a set that is not empty: all six-bit parts of the factor differ (a de Bruijn sequence).
static inline int32_t chess_lowest(uint64_t set)
{
    static const uint8_t squares[64] = { 0,  1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,
                                         62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
                                         63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
                                         46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,  6 };
    return squares[(set & (0 - set)) * 0x03F79D71B4CB0A89u >> 58];
}

// Ranks in reverse order: the same squares as the other player sees them.
static inline uint64_t chess_turned(uint64_t set)
{
    set = (set >> 8 & 0x00FF00FF00FF00FFu) | (set & 0x00FF00FF00FF00FFu) << 8;
    set = (set >> 16 & 0x0000FFFF0000FFFFu) | (set & 0x0000FFFF0000FFFFu) << 16;
    return set >> 32 | set << 32;
}

static inline int32_t chess_turned_square(int32_t square) { return square ^ 56; }

// All squares one file to the left or right, without those that would leave the board.
static inline uint64_t chess_left(uint64_t set) { return (set & ~chess_file_a) >> 1; }
static inline uint64_t chess_right(uint64_t set) { return (set & ~chess_file_h) << 1; }

// ---- How pieces move ----

static inline uint64_t chess_knights_reach(uint64_t set)
{
    const uint64_t near = chess_left(set) | chess_right(set),
                   far = chess_left(chess_left(set)) | chess_right(chess_right(set));
    return near << 16 | near >> 16 | far << 8 | far >> 8;
}

static inline uint64_t chess_king_reach(uint64_t set)
{
    const uint64_t row = set | chess_left(set) | chess_right(set);
    return (row | row << 8 | row >> 8) & ~set;
}

static inline uint64_t chess_pawns_reach(uint64_t set) { return (chess_left(set) | chess_right(set)) << 8; }
static inline uint64_t chess_pawns_reach_down(uint64_t set) { return (chess_left(set) | chess_right(set)) >> 8; }

// The diagonal of a square that rises to the right, and the one that falls.
static inline uint64_t chess_rising_line(int32_t square)
{
    const int32_t up = (square >> 3) - (square & 7);
    return up >= 0 ? chess_rising << (8 * up) : chess_rising >> (-8 * up);
}

static inline uint64_t chess_falling_line(int32_t square)
{
    const int32_t up = (square >> 3) + (square & 7) - 7;
    return up >= 0 ? chess_falling << (8 * up) : chess_falling >> (-8 * up);
}

// What is seen from a square along a line with one square in each rank.
static inline uint64_t chess_along(int32_t square, uint64_t line, uint64_t pieces)
{
    const uint64_t bit = chess_bit(square), rest = line & ~bit, blockers = pieces & rest;
    return ((blockers - bit) ^ chess_turned(chess_turned(blockers) - chess_turned(bit))) & rest;
}

// The same along its rank: up to the first piece to the right, and down to the first to the left.
static inline uint64_t chess_along_rank(int32_t square, uint64_t pieces)
{
    const int32_t shift = square & 56;
    const uint32_t bit = (uint32_t)1 << (square & 7), rank = (uint32_t)(pieces >> shift & 0xFF);
    const uint32_t below = bit - 1, above = 0xFF & ~(below | bit);
    const uint32_t right = rank & above, left = rank & below;
    uint32_t blocked = left >> 1; // becomes all squares beyond the first piece to the left
    blocked |= blocked >> 1;
    blocked |= blocked >> 2;
    blocked |= blocked >> 4;
    return (uint64_t)(((right ^ (right - 2 * bit)) & above) | (below & ~blocked)) << shift;
}

static inline uint64_t chess_bishop_reach(int32_t square, uint64_t pieces)
{
    return chess_along(square, chess_rising_line(square), pieces) |
           chess_along(square, chess_falling_line(square), pieces);
}

static inline uint64_t chess_rook_reach(int32_t square, uint64_t pieces)
{
    return chess_along(square, chess_file_a << (square & 7), pieces) | chess_along_rank(square, pieces);
}

// What is seen from some squares in one direction, by shifts to higher bits, or to lower ones; `open` squares are
// empty, and none that a shift would reach around an edge.
static inline uint64_t chess_spread_up(uint64_t set, uint64_t open, uint64_t edge, int32_t shift)
{
    open &= edge;
    set |= open & set << shift;
    open &= open << shift;
    set |= open & set << 2 * shift;
    open &= open << 2 * shift;
    set |= open & set << 4 * shift;
    return set << shift & edge;
}

static inline uint64_t chess_spread_down(uint64_t set, uint64_t open, uint64_t edge, int32_t shift)
{
    open &= edge;
    set |= open & set >> shift;
    open &= open >> shift;
    set |= open & set >> 2 * shift;
    open &= open >> 2 * shift;
    set |= open & set >> 4 * shift;
    return set >> shift & edge;
}

// All squares that the sliding pieces of one side attack.
static inline uint64_t chess_sliders_reach(uint64_t rooks, uint64_t bishops, uint64_t open)
{
    const uint64_t not_a = ~chess_file_a, not_h = ~chess_file_h, all = ~(uint64_t)0;
    return chess_spread_up(rooks, open, all, 8) | chess_spread_down(rooks, open, all, 8) |
           chess_spread_up(rooks, open, not_a, 1) | chess_spread_down(rooks, open, not_h, 1) |
           chess_spread_up(bishops, open, not_a, 9) | chess_spread_down(bishops, open, not_h, 9) |
           chess_spread_up(bishops, open, not_h, 7) | chess_spread_down(bishops, open, not_a, 7);
}

// All squares that a side's pieces attack, of which pawns attack those in `pawns_reach`, where `open` squares are
// empty.
static inline uint64_t chess_side_reach(const ChessBoard* b, uint64_t side, uint64_t pawns_reach, uint64_t open)
{
    const uint64_t queens = b->kinds[CHESS_QUEEN];
    return pawns_reach | chess_knights_reach(side & b->kinds[CHESS_KNIGHT]) |
           chess_king_reach(side & b->kinds[CHESS_KING]) |
           chess_sliders_reach(side & (b->kinds[CHESS_ROOK] | queens), side & (b->kinds[CHESS_BISHOP] | queens), open);
}

// ---- What is legal ----

// The squares between two on a line, and none if they are on no line; with both ends.
static inline uint64_t chess_between(int32_t one, int32_t other)
{
    const uint64_t ends = chess_bit(one) | chess_bit(other);
    uint64_t found = chess_along_rank(one, ends) & chess_along_rank(other, ends);
    for (int32_t way = 0; way < 3; way++) {
        const uint64_t line = way == 0   ? chess_file_a << (one & 7)
                              : way == 1 ? chess_rising_line(one)
                                         : chess_falling_line(one);
        if (line & chess_bit(other)) {
            found = chess_along(one, line, ends) & chess_along(other, line, ends);
        }
    }
    return found | ends;
}

// The line through two squares that share one.
static inline uint64_t chess_line(int32_t one, int32_t other)
{
    const uint64_t bit = chess_bit(other), rank = chess_rank_1 << (one & 56), file = chess_file_a << (one & 7);
    const uint64_t rising = chess_rising_line(one), falling = chess_falling_line(one);
    return rank & bit ? rank : file & bit ? file : rising & bit ? rising : falling;
}

// The other's pieces that attack a square of the player whose turn it is.
static inline uint64_t chess_attackers(const ChessBoard* b, int32_t square, uint64_t other, uint64_t pieces)
{
    const uint64_t bit = chess_bit(square), queens = b->kinds[CHESS_QUEEN];
    return other &
           ((chess_pawns_reach(bit) & b->kinds[CHESS_PAWN]) | (chess_knights_reach(bit) & b->kinds[CHESS_KNIGHT]) |
            (chess_rook_reach(square, pieces) & (b->kinds[CHESS_ROOK] | queens)) |
            (chess_bishop_reach(square, pieces) & (b->kinds[CHESS_BISHOP] | queens)));
}

static inline void chess_look(const ChessBoard* b, ChessSight* sight)
{
    const uint64_t own = b->sides[0], other = b->sides[1], pieces = own | other, king = own & b->kinds[CHESS_KING];
    const uint64_t queens = b->kinds[CHESS_QUEEN];
    const int32_t square = chess_lowest(king);
    sight->king = square;
    sight->threats = chess_side_reach(b, other, chess_pawns_reach_down(other & b->kinds[CHESS_PAWN]), ~(pieces ^ king));
    const uint64_t straight = chess_rook_reach(square, pieces), slanted = chess_bishop_reach(square, pieces);
    const uint64_t rooks = other & (b->kinds[CHESS_ROOK] | queens), bishops = other & (b->kinds[CHESS_BISHOP] | queens);
    sight->checks = (straight & rooks) | (slanted & bishops) |
                    (other & ((chess_pawns_reach(king) & b->kinds[CHESS_PAWN]) |
                              (chess_knights_reach(king) & b->kinds[CHESS_KNIGHT])));
    sight->allowed = sight->checks == 0                    ? ~(uint64_t)0
                     : sight->checks & (sight->checks - 1) ? 0
                                                           : chess_between(square, chess_lowest(sight->checks)) & ~king;
    // Who would attack the king if own pieces next to it on a line were away.
    const uint64_t beyond_straight = chess_rook_reach(square, pieces & ~(straight & own)) & ~straight;
    const uint64_t beyond_slanted = chess_bishop_reach(square, pieces & ~(slanted & own)) & ~slanted;
    sight->pinned = 0;
    for (uint64_t pins = (beyond_straight & rooks) | (beyond_slanted & bishops); pins; pins &= pins - 1) {
        sight->pinned |= chess_between(square, chess_lowest(pins)) & own & ~king;
    }
}

// Whether the pawn on a square may take en passant: both pawns leave their squares at once, which may open a line.
static inline int32_t chess_may_pass(const ChessBoard* b, const ChessSight* sight, int32_t square)
{
    const uint64_t to = chess_bit(b->passant), taken = to >> 8;
    const uint64_t pieces = ((b->sides[0] | b->sides[1]) ^ taken ^ chess_bit(square)) | to;
    return !chess_attackers(b, sight->king, b->sides[1] & ~taken, pieces);
}

static inline uint64_t chess_pawn_targets(const ChessBoard* b, const ChessSight* sight, int32_t square)
{
    const uint64_t bit = chess_bit(square), empty = ~(b->sides[0] | b->sides[1]), reach = chess_pawns_reach(bit);
    const uint64_t one = bit << 8 & empty, two = (one & chess_rank_1 << 16) << 8 & empty;
    uint64_t targets = (one | two | (reach & b->sides[1])) & sight->allowed;
    targets &= sight->pinned & bit ? chess_line(sight->king, square) : ~(uint64_t)0;
    if (b->passant >= 0 && (reach >> b->passant & 1) && chess_may_pass(b, sight, square)) {
        targets |= chess_bit(b->passant);
    }
    return targets;
}

// The king castles if neither it nor the rook has moved, nothing stands between them, it is not in check, and no square
// that it crosses or ends on is attacked.
static inline uint64_t chess_king_targets(const ChessBoard* b, const ChessSight* sight)
{
    const uint64_t pieces = b->sides[0] | b->sides[1];
    uint64_t targets = chess_king_reach(chess_bit(sight->king)) & ~b->sides[0] & ~sight->threats;
    if ((b->castling & CHESS_CASTLES_H) && !(pieces & 0x60u) && !(sight->threats & 0x70u)) {
        targets |= chess_bit(CHESS_SQUARE_E1 + 2);
    }
    if ((b->castling & CHESS_CASTLES_A) && !(pieces & 0x0Eu) && !(sight->threats & 0x1Cu)) {
        targets |= chess_bit(CHESS_SQUARE_E1 - 2);
    }
    return targets;
}

// The kind of the piece on a square where there is one.
static inline int32_t chess_kind(const ChessBoard* b, int32_t square)
{
    int32_t kind = CHESS_PAWN;
    for (int32_t k = CHESS_KNIGHT; k < CHESS_KINDS; k++) {
        kind += k * (int32_t)(b->kinds[k] >> square & 1);
    }
    return kind;
}

// Where the piece on a square may go, for one of the player whose turn it is.
static inline uint64_t chess_targets(const ChessBoard* b, const ChessSight* sight, int32_t square)
{
    const uint64_t pieces = b->sides[0] | b->sides[1], bit = chess_bit(square);
    const int32_t kind = chess_kind(b, square);
    uint64_t targets = 0;
    switch (kind) {
    case CHESS_PAWN: return chess_pawn_targets(b, sight, square);
    case CHESS_KING: return chess_king_targets(b, sight);
    case CHESS_KNIGHT: targets = chess_knights_reach(bit); break;
    case CHESS_BISHOP: targets = chess_bishop_reach(square, pieces); break;
    case CHESS_ROOK: targets = chess_rook_reach(square, pieces); break;
    default: targets = chess_rook_reach(square, pieces) | chess_bishop_reach(square, pieces); break;
    }
    targets &= ~b->sides[0] & sight->allowed;
    return sight->pinned & bit ? targets & chess_line(sight->king, square) : targets;
}

// Those of some pieces that may go anywhere, looked at one by one.
static inline uint64_t chess_movable_among(const ChessBoard* b, const ChessSight* sight, uint64_t some)
{
    uint64_t movable = 0;
    for (; some; some &= some - 1) {
        const int32_t square = chess_lowest(some);
        movable |= (uint64_t)(chess_targets(b, sight, square) != 0) << square;
    }
    return movable;
}

// The pieces that may move. Without a check, one that is not pinned may if a square next to it is not taken by an own
// one.
static inline uint64_t chess_movable(const ChessBoard* b, const ChessSight* sight)
{
    const uint64_t own = b->sides[0], free = ~own, empty = free & ~b->sides[1], king = chess_bit(sight->king);
    if (sight->checks) {
        return chess_movable_among(b, sight, sight->allowed ? own : king);
    }
    const uint64_t straight = free << 8 | free >> 8 | chess_left(free) | chess_right(free);
    const uint64_t sides = chess_left(free) | chess_right(free), slanted = sides << 8 | sides >> 8;
    const uint64_t ahead = empty >> 8 | chess_pawns_reach_down(b->sides[1]);
    const uint64_t passing = b->passant >= 0 ? chess_pawns_reach_down(chess_bit(b->passant)) : 0;
    const uint64_t pawns = b->kinds[CHESS_PAWN], queens = b->kinds[CHESS_QUEEN];
    uint64_t movable = (pawns & ahead) | (b->kinds[CHESS_KNIGHT] & chess_knights_reach(free)) |
                       ((b->kinds[CHESS_ROOK] | queens) & straight) | ((b->kinds[CHESS_BISHOP] | queens) & slanted);
    const uint64_t careful = own & (sight->pinned | king | (pawns & passing));
    movable &= own & ~careful;
    return movable | chess_movable_among(b, sight, careful);
}

// ---- Moves ----

// See the board as the other player does, whose turn it is then.
static inline void chess_turn(ChessBoard* b)
{
    for (int32_t kind = 0; kind < CHESS_KINDS; kind++) {
        b->kinds[kind] = chess_turned(b->kinds[kind]);
    }
    const uint64_t own = chess_turned(b->sides[0]);
    b->sides[0] = chess_turned(b->sides[1]);
    b->sides[1] = own;
    b->castling = (b->castling >> 2 & 3) | (b->castling & 3) << 2;
    b->passant = b->passant < 0 ? b->passant : chess_turned_square(b->passant);
}

// Which castling a piece that leaves a square, or is taken there, ends.
static inline int32_t chess_castling_lost(uint64_t squares)
{
    const int32_t king = (squares >> 4 & 1) != 0, h1 = (squares >> 7 & 1) != 0, a1 = (squares & 1) != 0;
    const int32_t other_king = (squares >> 60 & 1) != 0, h8 = (squares >> 63 & 1) != 0, a8 = (squares >> 56 & 1) != 0;
    return (king | h1) * CHESS_CASTLES_H | (king | a1) * CHESS_CASTLES_A | (other_king | h8) * CHESS_OTHER_CASTLES_H |
           (other_king | a8) * CHESS_OTHER_CASTLES_A;
}

// Make a legal move and turn the board; a pawn on the last rank becomes the kind `promotion`. The square behind a pawn
// that has gone two steps is noted, whether or not a pawn may take there. Returns whether a pawn moved or a piece was
// taken.
static inline int32_t chess_play(ChessBoard* b, int32_t from, int32_t to, int32_t promotion)
{
    const int32_t kind = chess_kind(b, from);
    const uint64_t start = chess_bit(from), end = chess_bit(to), both = start | end;
    const int32_t pawn = kind == CHESS_PAWN;
    const uint64_t taken = pawn && to == b->passant ? end >> 8 : end & b->sides[1];
    for (int32_t k = 0; k < CHESS_KINDS; k++) {
        b->kinds[k] &= ~taken;
    }
    b->sides[1] &= ~taken;
    b->sides[0] ^= both;
    b->kinds[kind] ^= both;
    if (pawn && to >= 56) {
        b->kinds[CHESS_PAWN] ^= end;
        b->kinds[promotion] |= end;
    }
    if (kind == CHESS_KING && (to == from + 2 || to == from - 2)) {
        const uint64_t rook = to > from ? 0xA0u : 0x09u;
        b->kinds[CHESS_ROOK] ^= rook;
        b->sides[0] ^= rook;
    }
    b->castling &= ~chess_castling_lost(both);
    b->passant = pawn && to == from + 16 ? from + 8 : CHESS_NO_SQUARE;
    chess_turn(b);
    return pawn || taken != 0;
}

// Forget a square noted for taking en passant where no pawn may do so: then the position is not a different one for it.
static inline void chess_settle(ChessBoard* b, const ChessSight* sight)
{
    if (b->passant < 0) {
        return;
    }
    uint64_t near = chess_pawns_reach_down(chess_bit(b->passant)) & b->sides[0] & b->kinds[CHESS_PAWN];
    for (; near; near &= near - 1) {
        if (chess_may_pass(b, sight, chess_lowest(near))) {
            return;
        }
    }
    b->passant = CHESS_NO_SQUARE;
}

// Whether nobody could mate any more: bare kings, a single knight or bishop, or only bishops that all stand on one
// colour.
static inline int32_t chess_is_dead(const ChessBoard* b)
{
    const uint64_t bishops = b->kinds[CHESS_BISHOP], knights = b->kinds[CHESS_KNIGHT];
    if (b->kinds[CHESS_PAWN] | b->kinds[CHESS_ROOK] | b->kinds[CHESS_QUEEN]) {
        return 0;
    }
    if (knights) {
        return !(knights & (knights - 1)) && !bishops;
    }
    return !(bishops & chess_light) || !(bishops & ~chess_light);
}

// What tells positions apart: 64 bits of all members.
static inline uint64_t chess_hash(const ChessBoard* b)
{
    uint64_t hash = (uint64_t)b->castling << 8 | (uint64_t)(b->passant + 1);
    for (int32_t k = 0; k < CHESS_KINDS; k++) {
        hash = (hash ^ b->kinds[k]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    hash = (hash ^ b->sides[0]) * 0xBF58476D1CE4E5B9u;
    return hash ^ hash >> 32;
}

// Read a position in which White moves and takes nothing en passant, as FEN writes it: pieces from a8, and who may castle.
static void chess_read(ChessBoard* b, const char* text)
{
    static const char letters[] = "PNBRQKpnbrqk";
    int32_t square = 56;
    memset(b, 0, sizeof *b);
    for (; *text != ' '; text++) {
        int32_t piece = 0;
        while (piece < 2 * CHESS_KINDS && letters[piece] != *text) {
            piece += 1;
        }
        if (piece < 2 * CHESS_KINDS) {
            b->kinds[piece % CHESS_KINDS] |= chess_bit(square);
            b->sides[piece / CHESS_KINDS] |= chess_bit(square++);
        } else {
            square += *text == '/' ? -16 : *text - '0';
        }
    }
    for (text += 3; *text != ' '; text++) {
        b->castling |= *text == 'K'   ? CHESS_CASTLES_H
                       : *text == 'Q' ? CHESS_CASTLES_A
                       : *text == 'k' ? CHESS_OTHER_CASTLES_H
                       : *text == 'q' ? CHESS_OTHER_CASTLES_A
                                      : 0;
    }
    b->passant = CHESS_NO_SQUARE;
}
