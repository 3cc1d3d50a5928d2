// search.h - search before a move: the trees of some games, which move to try next, and what was learned from it.
//
// A simulation walks down a tree to a move that was not tried, and credits all moves on the way with what that led to.
// The caller steps copies of the games and asks a policy: a tree knows of a position only who is to move, the
// policy's probabilities, and what the position is worth. Wins and losses that can be forced count as the ends of games
// they lead to. The formulas are in src/puffer_envs/arena/search.py.
//
// Where dice decide what a move leads to, its first try is worth the mean over `draws` throws, and each further one
// follows the next of them.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { PUF_COMPARED = 16 }; // moves at the root
enum { PUF_WEIGHT = 50 };   // of values, before anything was tried
enum { PUF_SURE = 2000 };   // more of known results: more than a policy's probabilities can outweigh
#define PUF_LATER 0.99      // of a known result, for each move until it
#define PUF_SHARED 0.25     // of the probability, by all allowed moves below the root

// All arrays are the caller's, who need not clear them. Node 0 of each tree is what stands on the board.
typedef struct PufForest {
    int32_t games, moves, nodes; // nodes: of each tree, one more than simulations
    int32_t draws;
    int32_t *used, *depth; // (games): nodes, and moves of the path
    int32_t *path_nodes, *path_moves,
        *path_ends;        // (games, nodes): the walk, and the node behind each move; 0: none yet
    int32_t *left, *turns; // (games, moves): 1 for moves that are compared; (games, nodes): see puf_halving
    int32_t *mover, *over, *sibling,
        *draw; // (games, nodes); over: the result is known; draw: which throw led here, sibling: another's node
    double *value, *seemed; // (games, nodes): for the first player, as all values are; seemed: when it was found
    int32_t *child, *visits, *chance;         // (games, nodes, moves); child: 0 none
    double *prior, *log_prior, *total, *mean; // the same; mean: over all throws, where dice decide
    double* scores;                           // (moves)
} PufForest;

// Where a simulation ended: at the move of a node, by which throw, and at which node; 0: a new one, if `over` it is the end.
typedef struct PufLeaf {
    int32_t node, move, draw, reached;
} PufLeaf;

// For each of `simulations`, how often its move at the root was taken before: all of `moves` moves in turn, then half of
// them, and so on.
void puf_halving(int32_t moves, int32_t simulations, int32_t* turns);
// Start the tree of a game over. prior: (moves), 0 where a move is not allowed.
void puf_forest_plant(PufForest* f, int32_t game, int32_t mover, const float* prior, double value);
// The next walk.
PufLeaf puf_forest_descend(PufForest* f, int32_t game, int32_t simulation);
// Put a position behind the last move of the walk; returns its number.
int32_t puf_forest_add(PufForest* f, int32_t game, PufLeaf at, int32_t mover, const float* prior, double value,
                       int32_t over);
// Whether dice decide what the last move of the walk leads to, as far as is known.
int puf_forest_tossed(const PufForest* f, int32_t game, PufLeaf at);
// Dice decide what the last move of the walk leads to: `mean` is the mean of values.
void puf_forest_toss(PufForest* f, int32_t game, PufLeaf at, double mean);
// Credit the moves of the walk with the value of its end.
void puf_forest_credit(PufForest* f, int32_t game, double value);
// The move to play, and the better policy at the root, (moves).
int32_t puf_forest_best(const PufForest* f, int32_t game, double* policy);
