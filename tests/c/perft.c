// perft.c - count the positions after some moves of chess, for each start: `perft DEPTH` prints a line for each, and speed.
#include "envs/chess.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t perft(const ChessBoard* b, int32_t depth)
{
    ChessSight sight;
    uint64_t count = 0;
    chess_look(b, &sight);
    for (uint64_t own = b->sides[0]; own; own &= own - 1) {
        const int32_t from = chess_lowest(own), pawn = (b->kinds[CHESS_PAWN] >> from & 1) != 0;
        uint64_t targets = chess_targets(b, &sight, from);
        if (depth == 1) { // the last moves are only counted
            count += (uint64_t)(chess_count(targets) + (pawn ? 3 * chess_count(targets >> 56) : 0));
            continue;
        }
        for (; targets; targets &= targets - 1) {
            const int32_t to = chess_lowest(targets);
            for (int32_t kind = pawn && to >= 56 ? CHESS_KNIGHT : CHESS_QUEEN; kind <= CHESS_QUEEN; kind++) {
                ChessBoard next;
                memcpy(&next, b, sizeof next);
                (void)chess_play(&next, from, to, kind);
                count += perft(&next, depth - 1);
            }
        }
    }
    return count;
}

int main(int argc, char** argv)
{
    const int32_t depth = argc > 1 ? atoi(argv[1]) : 4;
    const clock_t began = clock();
    uint64_t total = 0;
    for (int32_t start = 0; start < CHESS_STARTS; start++) {
        for (int32_t d = 1; d <= depth; d++) {
            ChessBoard b;
            chess_read(&b, chess_starts[start]);
            const uint64_t count = perft(&b, d);
            printf("%llu%c", (unsigned long long)count, d == depth ? '\n' : ' ');
            total += count;
        }
    }
    const double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    fprintf(stderr, "%.0f M positions/s\n", (double)total / seconds / 1e6);
    return 0;
}
