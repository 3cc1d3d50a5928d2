// chess_script.h - scripted players of chess: one that moves at random, one that takes what it can, and a search some
// moves ahead, and then through all captures, to positions that are judged by pieces and places.
#pragma once
#include "chess_board.h"

enum { CHESS_MAX_STRENGTH = 4, CHESS_WIN = 100000, CHESS_HIGHEST = 1000000 };

// In hundredths of a pawn.
static const int32_t chess_values[CHESS_KINDS] = { 100, 320, 330, 500, 900, 0 };
// In pawns, as players count.
static const int32_t chess_points[CHESS_KINDS] = { 1, 3, 3, 5, 9, 0 };

typedef struct ChessMove {
    int32_t from, to, promotion;
} ChessMove;

// The lead in pieces of the player whose turn it is.
static inline int32_t chess_lead(const ChessBoard* b, const int32_t values[CHESS_KINDS])
{
    int32_t lead = 0;
    for (int32_t kind = 0; kind < CHESS_KING; kind++) {
        lead += values[kind] * (chess_count(b->kinds[kind] & b->sides[0]) - chess_count(b->kinds[kind] & b->sides[1]));
    }
    return lead;
}

// What a player's pieces gain by where they stand, as it sees them: pawns that are far, knights and bishops off the
// first rank and near the middle, and a king in a corner, or in the middle once the other has no queen.
static int32_t chess_judge_places(const uint64_t kinds[CHESS_KINDS], uint64_t own, uint64_t other)
{
    const uint64_t middle = 0x0000001818000000u, inner = 0x00003C3C3C3C0000u, ends = 0xFFu;
    const uint64_t pawns = kinds[CHESS_PAWN] & own, light = (kinds[CHESS_KNIGHT] | kinds[CHESS_BISHOP]) & own;
    const uint64_t king = kinds[CHESS_KING] & own;
    int32_t value = 12 * chess_count(pawns & middle) + 6 * chess_count(pawns & inner);
    value += 10 * chess_count(pawns >> 32) + 20 * chess_count(pawns >> 40) + 40 * chess_count(pawns >> 48);
    value += 12 * chess_count(light & ~ends) + 8 * chess_count(light & inner);
    if (kinds[CHESS_QUEEN] & other) {
        return value + (king & 0xC7u ? 25 : 0);
    }
    return value + (king & inner ? 20 : 0) + (king & middle ? 10 : 0);
}

// What a position is worth to the player whose turn it is, in hundredths of a pawn.
static int32_t chess_judge(const ChessBoard* b)
{
    uint64_t turned[CHESS_KINDS];
    for (int32_t kind = 0; kind < CHESS_KINDS; kind++) {
        turned[kind] = chess_turned(b->kinds[kind]);
    }
    return chess_lead(b, chess_values) + chess_judge_places(b->kinds, b->sides[0], b->sides[1]) -
           chess_judge_places(turned, chess_turned(b->sides[1]), chess_turned(b->sides[0]));
}

// All moves from a position, by piece.
typedef struct ChessMoves {
    ChessSight sight;
    uint64_t targets[CHESS_SQUARES];
    int32_t from[CHESS_SQUARES], count;
} ChessMoves;

static void chess_find_moves(const ChessBoard* b, ChessMoves* moves)
{
    chess_look(b, &moves->sight);
    moves->count = 0;
    for (uint64_t left = b->sides[0]; left; left &= left - 1) {
        const int32_t square = chess_lowest(left);
        const uint64_t targets = chess_targets(b, &moves->sight, square);
        moves->targets[moves->count] = targets;
        moves->from[moves->count] = square;
        moves->count += targets != 0;
    }
}

// The own pieces that may take on a square.
static inline uint64_t chess_takers(const ChessBoard* b, const ChessSight* sight, int32_t square)
{
    const uint64_t bit = chess_bit(square), own = b->sides[0], king = chess_bit(sight->king);
    uint64_t takers = chess_attackers(b, square, own & ~b->kinds[CHESS_PAWN], own | b->sides[1]);
    takers |= chess_pawns_reach_down(bit) & own & b->kinds[CHESS_PAWN];
    takers = sight->allowed & bit ? takers : 0;
    for (uint64_t left = takers & sight->pinned; left; left &= left - 1) {
        const int32_t pinned = chess_lowest(left);
        takers &= chess_line(sight->king, pinned) & bit ? ~(uint64_t)0 : ~chess_bit(pinned);
    }
    return takers | (sight->threats & bit ? 0 : chess_king_reach(bit) & king);
}

// The value for the player whose turn it is when both take until there is nothing to take or it is better to leave it:
// the most valuable piece is taken first, by the least valuable one. What cannot reach `low` is left out.
static int32_t chess_exchange(const ChessBoard* b, int32_t low, int32_t high)
{
    const int32_t now = chess_judge(b);
    const uint64_t own = b->sides[0], other = b->sides[1];
    const uint64_t near =
        chess_side_reach(b, own, chess_pawns_reach(own & b->kinds[CHESS_PAWN]), ~(own | other)) & other;
    ChessSight sight;
    int32_t best = now;
    if (best >= high || !near) {
        return best;
    }
    chess_look(b, &sight);
    for (int32_t kind = CHESS_QUEEN; kind >= CHESS_PAWN && now + chess_values[kind] + 100 > low; kind--) {
        for (uint64_t wanted = near & b->kinds[kind]; wanted && best < high; wanted &= wanted - 1) {
            const int32_t to = chess_lowest(wanted);
            const uint64_t takers = chess_takers(b, &sight, to);
            for (int32_t by = CHESS_PAWN; by < CHESS_KINDS; by++) {
                for (uint64_t left = takers & b->kinds[by]; left && best < high; left &= left - 1) {
                    ChessBoard next;
                    memcpy(&next, b, sizeof next);
                    (void)chess_play(&next, chess_lowest(left), to, CHESS_QUEEN);
                    const int32_t value = -chess_exchange(&next, -high, best > low ? -best : -low);
                    best = value > best ? value : best;
                }
            }
        }
    }
    return best;
}

// The value for the player whose turn it is, looking `depth` moves ahead and then at captures: negamax with a window.
// First comes the move that was best in the position searched before at this depth, 64 * from + to in `replies`, then
// what takes the most.
static int32_t chess_search(const ChessBoard* b, int32_t depth, int32_t low, int32_t high, int32_t* replies)
{
    if (depth <= 0) {
        return chess_exchange(b, low, high);
    }
    ChessMoves moves;
    chess_find_moves(b, &moves);
    if (moves.count == 0) {
        return moves.sight.checks ? -CHESS_WIN - depth : 0;
    }
    const int32_t first_from = replies[depth] / 64, first_to = replies[depth] % 64;
    int32_t best = -CHESS_HIGHEST;
    for (int32_t kind = CHESS_KING; kind >= -1; kind--) {
        const uint64_t wanted = kind == CHESS_KING ? chess_bit(first_to)
                                : kind >= 0        ? b->sides[1] & b->kinds[kind]
                                                   : ~b->sides[1];
        for (int32_t k = 0; k < moves.count; k++) {
            const int32_t from = moves.from[k];
            uint64_t left = kind == CHESS_KING && from != first_from ? 0 : moves.targets[k] & wanted;
            for (; left && best < high; left &= left - 1) {
                const int32_t to = chess_lowest(left);
                ChessBoard next;
                memcpy(&next, b, sizeof next);
                (void)chess_play(&next, from, to, CHESS_QUEEN);
                const int32_t value = -chess_search(&next, depth - 1, -high, best > low ? -best : -low, replies);
                replies[depth] = value > best ? 64 * from + to : replies[depth];
                best = value > best ? value : best;
                moves.targets[k] &= ~chess_bit(to);
            }
        }
    }
    return best;
}

// Any piece that may move, and then anywhere it may go; pawns become anything.
static ChessMove chess_any(const ChessBoard* b, const ChessSight* sight, uint64_t movable, PufRng* rng)
{
    ChessMove move;
    uint64_t sets[2] = { movable, 0 };
    int32_t squares[2] = { 0, 0 };
    for (int32_t k = 0; k < 2; k++) {
        uint64_t left = sets[k];
        for (uint32_t rank = puf_rand_below(rng, (uint32_t)chess_count(left)); rank > 0; rank--) {
            left &= left - 1;
        }
        squares[k] = chess_lowest(left);
        sets[1] = k == 0 ? chess_targets(b, sight, squares[0]) : 0;
    }
    move.from = squares[0];
    move.to = squares[1];
    move.promotion = CHESS_QUEEN;
    if (move.to >= 56 && (b->kinds[CHESS_PAWN] >> move.from & 1)) {
        move.promotion = CHESS_KNIGHT + (int32_t)puf_rand_below(rng, 4);
    }
    return move;
}

// What a move led to, for the player who made it: with strength 1 only pieces and mates.
static int32_t chess_judge_move(const ChessBoard* next, int32_t strength, int32_t best, int32_t* replies)
{
    if (strength > 1) {
        return -chess_search(next, strength - 1, -CHESS_HIGHEST, 1 - best, replies);
    }
    ChessSight sight;
    chess_look(next, &sight);
    return chess_movable(next, &sight) ? -chess_lead(next, chess_values) : sight.checks ? CHESS_WIN : 0;
}

// Whether a position is a draw, or one of those of which `past` has hashes, the last one of now: then it may become
// one.
static int32_t chess_is_drawish(const ChessBoard* next, const uint64_t* past, int32_t num_past)
{
    const uint64_t hash = num_past < 4 ? 0 : chess_hash(next);
    for (int32_t at = num_past - 4; at >= 0; at -= 2) {
        if (past[at] == hash) {
            return 1;
        }
    }
    return chess_is_dead(next);
}

// One of the best moves within the search depth, all equally likely; pawns become queens. It plays for a win: it avoids
// draws when it is ahead, and does not look for them when it is behind.
static ChessMove chess_best(const ChessBoard* b, int32_t strength, PufRng* rng, const uint64_t* past, int32_t num_past)
{
    ChessMoves moves;
    ChessMove found = { 0, 0, CHESS_QUEEN };
    int32_t best = -CHESS_HIGHEST, replies[CHESS_MAX_STRENGTH] = { 0 };
    uint32_t count = 0;
    chess_find_moves(b, &moves);
    for (int32_t kind = CHESS_QUEEN; kind >= -1; kind--) {
        const uint64_t wanted = kind >= 0 ? b->sides[1] & b->kinds[kind] : ~b->sides[1];
        for (int32_t k = 0; k < moves.count; k++) {
            for (uint64_t left = moves.targets[k] & wanted; left; left &= left - 1) {
                const int32_t to = chess_lowest(left);
                ChessBoard next;
                memcpy(&next, b, sizeof next);
                const int32_t fresh = chess_play(&next, moves.from[k], to, CHESS_QUEEN);
                int32_t value = chess_judge_move(&next, strength, best, replies);
                if (value > 0 && chess_is_drawish(&next, past, fresh ? 0 : num_past)) {
                    value = 0;
                }
                count = value > best ? 0 : count;
                best = value > best ? value : best;
                if (value == best && puf_rand_below(rng, ++count) == 0) {
                    found.from = moves.from[k];
                    found.to = to;
                }
            }
        }
    }
    return found;
}
