// search.c - see search.h.
#include "search.h"

#include <math.h>

// One node: of its moves.
typedef struct Node {
    double *prior, *log_prior, *total, *mean;
    int32_t *child, *visits, *chance;
    double value; // for whose turn it is
    double view;  // 1 or -1: what a value for the first player is multiplied with
} Node;

static size_t at(const PufForest* f, int32_t game, int32_t node)
{
    return (size_t)game * (size_t)f->nodes + (size_t)node;
}

static Node node_of(const PufForest* f, int32_t game, int32_t node)
{
    const size_t place = at(f, game, node), row = place * (size_t)f->moves;
    const double view = f->mover[place] ? -1.0 : 1.0;
    return (Node){ f->prior + row,  f->log_prior + row, f->total + row,         f->mean + row, f->child + row,
                   f->visits + row, f->chance + row,    view * f->value[place], view };
}

// Whether a move's result is known: the game ends behind it, or one side can force how it will end.
static int is_known(const PufForest* f, int32_t game, const Node* n, int32_t move)
{
    return n->child[move] > 0 && !n->chance[move] && f->over[at(f, game, n->child[move])];
}

// What a move that was taken is worth to whose turn it is.
static double worth(const PufForest* f, int32_t game, const Node* n, int32_t move)
{
    const int known = is_known(f, game, n, move);
    return n->view * (known ? f->value[at(f, game, n->child[move])] : n->total[move] / n->visits[move]);
}

// Write the score of each move, -HUGE_VAL where it is not allowed; returns the highest. `sum` gets all visits, and `most`
// those of the move that has most.
static double write_scores(const PufForest* f, int32_t game, const Node* n, double* scores, int32_t* sum, int32_t* most)
{
    double expected = -HUGE_VAL, highest = -HUGE_VAL;
    *sum = *most = 0;
    for (int32_t a = 0; a < f->moves; a++) {
        if (n->visits[a] > 0) {
            const double q = worth(f, game, n, a);
            expected = q > expected ? q : expected;
            *sum += n->visits[a];
            *most = n->visits[a] > *most ? n->visits[a] : *most;
        }
    }
    expected = *sum ? expected : n->value;
    const double weight = PUF_WEIGHT + *most;
    for (int32_t a = 0; a < f->moves; a++) {
        const double q = n->visits[a] > 0 ? worth(f, game, n, a) : expected;
        scores[a] = n->log_prior[a] + (weight + PUF_SURE * is_known(f, game, n, a)) * q / 2.0;
        highest = scores[a] > highest ? scores[a] : highest;
    }
    return highest;
}

// From scores to probabilities.
static void soften(double* scores, int32_t count, double highest)
{
    double sum = 0.0;
    for (int32_t a = 0; a < count; a++) {
        scores[a] = scores[a] > -HUGE_VAL ? exp(scores[a] - highest) : 0.0;
        sum += scores[a];
    }
    for (int32_t a = 0; a < count; a++) {
        scores[a] /= sum;
    }
}

void puf_halving(int32_t moves, int32_t simulations, int32_t* turns)
{
    int32_t left = moves, rounds = 0, before = 0, done = 0;
    for (int32_t most = 1; most < moves; most *= 2) {
        rounds += 1;
    }
    rounds = rounds ? rounds : 1;
    while (done < simulations) {
        const int32_t each = simulations / (rounds * left);
        for (int32_t k = 0; k < (each ? each : 1); k++, before++) {
            for (int32_t a = 0; a < left && done < simulations; a++) {
                turns[done++] = before;
            }
        }
        left = left / 2 > 1 ? left / 2 : moves > 1 ? 2 : 1;
    }
}

// The moves that are compared: those of the highest probability; of equal ones the first.
static void choose_compared(PufForest* f, int32_t game)
{
    const Node n = node_of(f, game, 0);
    int32_t *left = f->left + (size_t)game * (size_t)f->moves, count = 0;
    for (int32_t a = 0; a < f->moves; a++) {
        int32_t better = 0;
        for (int32_t b = 0; b < f->moves; b++) {
            better += n.prior[b] > n.prior[a] || (n.prior[b] == n.prior[a] && b < a);
        }
        left[a] = n.prior[a] > 0.0 && better < PUF_COMPARED;
        count += left[a];
    }
    puf_halving(count ? count : 1, f->nodes - 1, f->turns + at(f, game, 0));
}

// Policies all but exclude moves that lose against those they learned with, and that others play: below the root, each
// allowed move gets a share of the probability, so that simulations find a reply that the policy does not expect.
static int32_t put_node(PufForest* f, int32_t game, int32_t mover, const float* prior, double value, int32_t over)
{
    const int32_t node = f->used[game]++;
    const size_t place = at(f, game, node);
    f->mover[place] = mover;
    f->value[place] = f->seemed[place] = value;
    f->over[place] = over;
    f->sibling[place] = 0;
    f->draw[place] = 0;
    Node n = node_of(f, game, node);
    int32_t allowed = 0;
    for (int32_t a = 0; a < f->moves; a++) {
        allowed += prior[a] > 0.0f;
    }
    const double shared = node ? PUF_SHARED : 0.0;
    for (int32_t a = 0; a < f->moves; a++) {
        n.prior[a] = prior[a] > 0.0f ? (1.0 - shared) * (double)prior[a] + shared / allowed : 0.0;
        n.log_prior[a] = n.prior[a] > 0.0 ? log(n.prior[a]) : -HUGE_VAL;
        n.total[a] = n.mean[a] = 0.0;
        n.child[a] = n.visits[a] = n.chance[a] = 0;
    }
    return node;
}

void puf_forest_plant(PufForest* f, int32_t game, int32_t mover, const float* prior, double value)
{
    f->used[game] = 0;
    f->depth[game] = 0;
    (void)put_node(f, game, mover, prior, value, 0);
    choose_compared(f, game);
}

// At the root: of the compared moves that are due, the one of the highest score.
static int32_t select_at_root(const PufForest* f, int32_t game, int32_t simulation)
{
    const Node n = node_of(f, game, 0);
    const int32_t* left = f->left + (size_t)game * (size_t)f->moves;
    const int32_t turn = f->turns[at(f, game, simulation)];
    int32_t sum, most, found = 0;
    double best = -HUGE_VAL;
    (void)write_scores(f, game, &n, f->scores, &sum, &most);
    for (int32_t a = 0; a < f->moves; a++) {
        if (left[a] && n.visits[a] == turn && f->scores[a] > best) {
            found = a;
            best = f->scores[a];
        }
    }
    return found;
}

// Below: the move that lags behind its share of the better policy most.
static int32_t select_below(const PufForest* f, int32_t game, int32_t node)
{
    const Node n = node_of(f, game, node);
    int32_t sum, most, found = 0;
    double worst = -HUGE_VAL;
    soften(f->scores, f->moves, write_scores(f, game, &n, f->scores, &sum, &most));
    for (int32_t a = 0; a < f->moves; a++) {
        const double lag = f->scores[a] - (double)n.visits[a] / (1 + sum);
        if (n.prior[a] > 0.0 && lag > worst) {
            found = a;
            worst = lag;
        }
    }
    return found;
}

// The node behind a move by a throw; 0: none yet.
static int32_t find_outcome(const PufForest* f, int32_t game, int32_t child, int32_t draw)
{
    while (child > 0 && f->draw[at(f, game, child)] != draw) {
        child = f->sibling[at(f, game, child)];
    }
    return child;
}

PufLeaf puf_forest_descend(PufForest* f, int32_t game, int32_t simulation)
{
    PufLeaf leaf = { 0, 0, 0, 0 };
    int32_t depth = 0;
    for (;;) {
        const size_t step = at(f, game, depth++);
        leaf.node = leaf.reached;
        leaf.move = leaf.node ? select_below(f, game, leaf.node) : select_at_root(f, game, simulation);
        const Node n = node_of(f, game, leaf.node);
        leaf.draw = n.chance[leaf.move] ? (n.visits[leaf.move] - 1) % f->draws : 0;
        leaf.reached = find_outcome(f, game, n.child[leaf.move], leaf.draw);
        f->path_nodes[step] = leaf.node;
        f->path_moves[step] = leaf.move;
        f->path_ends[step] = leaf.reached;
        if (leaf.reached == 0 || f->over[at(f, game, leaf.reached)]) {
            f->depth[game] = depth;
            return leaf;
        }
    }
}

int32_t puf_forest_add(PufForest* f, int32_t game, PufLeaf leaf, int32_t mover, const float* prior, double value,
                       int32_t over)
{
    const int32_t node = put_node(f, game, mover, prior, value, over);
    Node n = node_of(f, game, leaf.node);
    f->draw[at(f, game, node)] = leaf.draw;
    f->sibling[at(f, game, node)] = n.child[leaf.move];
    n.child[leaf.move] = node;
    f->path_ends[at(f, game, f->depth[game] - 1)] = node;
    return node;
}

int puf_forest_tossed(const PufForest* f, int32_t game, PufLeaf leaf)
{
    return node_of(f, game, leaf.node).chance[leaf.move];
}

void puf_forest_toss(PufForest* f, int32_t game, PufLeaf leaf, double mean)
{
    Node n = node_of(f, game, leaf.node);
    n.chance[leaf.move] = 1;
    n.mean[leaf.move] = mean;
}

// A node's result is known when a move of it wins, or when all moves' results are: then it is the best of them,
// and a little less of it: wins are better soon, and losses late.
static int conclude(PufForest* f, int32_t game, int32_t node)
{
    const Node n = node_of(f, game, node);
    double best = -1.0;
    int all = 1;
    for (int32_t a = 0; a < f->moves; a++) {
        const int known = is_known(f, game, &n, a);
        all = all && (known || n.prior[a] <= 0.0);
        best = known && worth(f, game, &n, a) > best ? worth(f, game, &n, a) : best;
    }
    if (all || best > 0.0) {
        f->over[at(f, game, node)] = 1;
        f->value[at(f, game, node)] = n.view * PUF_LATER * best;
    }
    return f->over[at(f, game, node)];
}

// What is known of all throws counts, and of the one that was followed only by how much it turned out better than it
// seemed: otherwise luck would decide between moves.
void puf_forest_credit(PufForest* f, int32_t game, double value)
{
    int known = 1;
    for (int32_t step = f->depth[game] - 1; step >= 0; step--) {
        const size_t place = at(f, game, step);
        const int32_t move = f->path_moves[place], end = f->path_ends[place];
        Node n = node_of(f, game, f->path_nodes[place]);
        if (n.chance[move] && end > 0) {
            value += n.mean[move] - f->seemed[at(f, game, end)];
        }
        n.visits[move] += 1;
        n.total[move] += value;
        known = known && conclude(f, game, f->path_nodes[place]);
        value = known ? f->value[at(f, game, f->path_nodes[place])] : value;
    }
}

// Of the moves that were tried most, the one of the highest score; a move that surely loses only where nothing else was
// tried.
int32_t puf_forest_best(const PufForest* f, int32_t game, double* policy)
{
    const Node n = node_of(f, game, 0);
    int32_t sum, most, found = 0, tried = 0;
    double best = -HUGE_VAL;
    const double highest = write_scores(f, game, &n, policy, &sum, &most);
    for (int32_t a = 0; a < f->moves; a++) {
        const int lost = is_known(f, game, &n, a) && worth(f, game, &n, a) < 0.0;
        const int32_t count = lost ? 0 : n.visits[a];
        if (n.visits[a] > 0 && (count > tried || (count == tried && policy[a] > best))) {
            found = a;
            best = policy[a];
            tried = count;
        }
    }
    soften(policy, f->moves, highest);
    return found;
}
