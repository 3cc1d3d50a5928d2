// chess - attack the other's king so that it cannot escape, against a scripted opponent or in self-play.
//
// Observation  uint8 (139,): 1 if it is this agent's turn; what it chooses next (0 a piece, 1 where it goes, 2 what a
//              pawn becomes); 1 if the player to move is in check; 1 if the position was on the board before; moves
//              since the last capture or move of a pawn; whether the agent and its opponent may still castle, each to
//              the h-file and to the a-file; the file where a pawn may be taken en passant, 1 to 8, or 0; 1 if the
//              agent is White; then the squares twice. Pieces: 0 none, the agent's pawn, knight, bishop, rook, queen,
//              king 1 to 6, the opponent's 7 to 12. Squares: 1 if the opponent attacks it, plus 2 if the agent does,
//              plus 4 if the agent may choose it now, or 8 if the piece that it has chosen stands there; a king that is
//              to move does not shield the squares behind it. Each agent sees the board with its own first rank first:
//              Black's ranks are in reverse order, files are not.
// Action       one of 68: a square, from a1 to h8 as the agent sees the board, or what a pawn becomes: queen, rook,
//              bishop, knight. A move takes two steps, as at a real board: touch a piece, then say where it goes; three
//              if a pawn reaches the last rank. One step for each of all 1,858 moves would train six times as slowly.
//              The action mask marks what is legal; any other action stands for the next legal one, and from the first
//              again. A waiting agent has only action 0 in its mask, and its action is ignored.
// Reward       1 for a win, -1 for a loss, `reward_draw` for a draw; in all other steps `reward_pawn` for each pawn's
//              worth of pieces that it gains (a knight or bishop is worth 3, a rook 5, a queen 9), less as much for a
//              loss.
// End          terminal when a player cannot move, who loses if in check, else it is a draw; in a draw also when a
//              position is on the board for the third time, after `patience` moves of both players without a capture or
//              a move of a pawn, and when neither has the pieces to mate. Truncated after `max_moves` moves of both
//              players.
// Score        1 for a win, 0 for a draw or a game that is cut off, -1 for a loss; perf is 1, 0.5 or 0.
//
// The rules are those of the World Chess Federation (FIDE), with castling, en passant and all promotions. A piece that
// is touched must be moved, so only pieces that can are touched. Draws need no claim. Nobody can mate with bare kings,
// with a single knight or bishop on the board, or with bishops that all stand on one colour. Positions are the same
// when the same moves are legal in them, and are compared by hashes of 64 bits.
//
// Who is White is drawn at random in each game, and so are the first `opening` moves. Against the scripted opponent, a
// step that completes the agent's move has the whole answer, and it is always the agent's turn. With `self_play` there
// are two agents, who take turns.
//
// chess_board.h has the pieces and what is legal, chess_script.h is the opponent.
#pragma once
#include "chess_board.h"
#include "chess_script.h"

enum { CHESS_TOUCH, CHESS_GO, CHESS_BECOME, CHESS_STAGES };
enum { CHESS_PROMOTIONS = 4, CHESS_ACTIONS = CHESS_SQUARES + CHESS_PROMOTIONS };
enum { CHESS_FLAGS = 11, CHESS_PIECE_CODES = 13, CHESS_SQUARE_CODES = 12, CHESS_OBS = CHESS_FLAGS + 2 * CHESS_SQUARES };
enum { CHESS_MAX_PATIENCE = 100, CHESS_MAX_MOVES = 1000, CHESS_MAX_OPENING = 20, CHESS_STARTS = 6 };
enum { CHESS_RUNNING, CHESS_WON, CHESS_DRAWN, CHESS_LOST };
// Why the previous game ended.
enum { CHESS_NO_END, CHESS_MATE, CHESS_STALEMATE, CHESS_QUIET, CHESS_REPEATED, CHESS_DEAD, CHESS_CUT_OFF, CHESS_ENDS };

typedef struct Chess {
    PufRng rng;
    int32_t strength, opening, patience, max_moves, start, self_play; // settings
    float reward_pawn, reward_draw;                                   // settings
    float returned;                    // rewards of this game for the first agent, without a draw's
    int32_t turn;                      // whose move it is: 0 or 1
    int32_t white;                     // who has the white pieces
    int32_t stage;                     // what is chosen next: CHESS_TOUCH, CHESS_GO or CHESS_BECOME
    int32_t touched, target;           // squares that were chosen, -1 before that
    int32_t check;                     // 1: the king of the player whose turn it is is attacked
    int32_t quiet;                     // moves since the last capture or move of a pawn
    int32_t repeated;                  // how often the position was on the board before
    int32_t moves;                     // of both players in this game, with those of the opening
    int32_t tick;                      // steps in this game
    int32_t from, to;                  // squares of the last move as White sees them, -1 before it
    int32_t result, ending;            // of the previous game: CHESS_..., for the first agent, and why it ended
    int32_t ended_white;               // who had White in it
    ChessBoard boards[2];              // now, and at the end of the previous game as White sees it
    uint64_t options;                  // what may be chosen now: squares, or bits 0 to 3 for what a pawn becomes
    uint64_t attacked[2];              // squares that the pieces of the player whose turn it is attack, and the other's
    uint64_t past[CHESS_MAX_PATIENCE]; // hashes of the positions since `quiet` was 0, the last one of now
    PufLog log;
    float white_n, white_perf, mates; // after the five of PufLog: for games in which the agent was White
} Chess;

// The usual position, and five that are known to have every kind of move, for counting them (perft).
static const char* const chess_starts[CHESS_STARTS] = {
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq -",
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq -",
    "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - -",
    "r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq -",
    "rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ -",
    "r4rk1/1pp1qppp/p1np1n2/2b1p1B1/2B1P1b1/P1NP1N2/1PP1QPPP/R4RK1 w - -",
};

// ---- The rules, move by move ----

// A square as White sees it.
static inline int32_t chess_whites(const Chess* s, int32_t square)
{
    return s->turn == s->white ? square : chess_turned_square(square);
}

// Find what the player whose turn it is may touch. Returns why the game is over, or CHESS_NO_END.
static inline int32_t chess_find_options(Chess* s)
{
    ChessBoard* b = &s->boards[0];
    const uint64_t open = ~(b->sides[0] | b->sides[1]);
    ChessSight sight;
    chess_look(b, &sight);
    chess_settle(b, &sight);
    s->options = chess_movable(b, &sight);
    s->check = sight.checks != 0;
    s->attacked[0] = chess_side_reach(b, b->sides[0], chess_pawns_reach(b->sides[0] & b->kinds[CHESS_PAWN]), open);
    s->attacked[1] = sight.threats;
    if (!s->options) {
        return s->check ? CHESS_MATE : CHESS_STALEMATE;
    }
    if (s->quiet >= s->patience) {
        return CHESS_QUIET;
    }
    s->past[s->quiet] = chess_hash(b);
    s->repeated = 0;
    for (int32_t at = s->quiet - 4; at >= 0; at -= 2) {
        s->repeated += s->past[at] == s->past[s->quiet];
    }
    return s->repeated >= 2 ? CHESS_REPEATED : chess_is_dead(b) ? CHESS_DEAD : CHESS_NO_END;
}

// Make a whole move for the player whose turn it is. Returns why the game is over, or CHESS_NO_END.
static inline int32_t chess_move(Chess* s, int32_t from, int32_t to, int32_t promotion)
{
    s->from = chess_whites(s, from);
    s->to = chess_whites(s, to);
    s->quiet = chess_play(&s->boards[0], from, to, promotion) ? 0 : s->quiet + 1;
    s->turn = 1 - s->turn;
    s->moves += 1;
    s->stage = CHESS_TOUCH;
    s->touched = CHESS_NO_SQUARE;
    s->target = CHESS_NO_SQUARE;
    const int32_t end = chess_find_options(s);
    return end == CHESS_NO_END && s->moves >= s->max_moves ? CHESS_CUT_OFF : end;
}

// Choose the next part of a move: a square, or what a pawn becomes. Returns why the game is over, or CHESS_NO_END.
static inline int32_t chess_choose(Chess* s, int32_t option)
{
    const ChessBoard* b = &s->boards[0];
    if (s->stage == CHESS_TOUCH) {
        ChessSight sight;
        chess_look(b, &sight);
        s->touched = option;
        s->options = chess_targets(b, &sight, option);
        s->stage = CHESS_GO;
        return CHESS_NO_END;
    }
    if (s->stage == CHESS_GO && option >= 56 && (b->kinds[CHESS_PAWN] >> s->touched & 1)) {
        s->target = option;
        s->options = (1 << CHESS_PROMOTIONS) - 1;
        s->stage = CHESS_BECOME;
        return CHESS_NO_END;
    }
    const int32_t becomes = s->stage == CHESS_BECOME ? CHESS_QUEEN - option : CHESS_QUEEN;
    return chess_move(s, s->touched, s->stage == CHESS_BECOME ? s->target : option, becomes);
}

// The whole move of the scripted opponent.
static inline int32_t chess_answer(Chess* s)
{
    const ChessBoard* b = &s->boards[0];
    ChessMove move;
    if (s->strength == 0) {
        ChessSight sight;
        chess_look(b, &sight);
        move = chess_any(b, &sight, s->options, &s->rng);
    } else {
        move = chess_best(b, s->strength, &s->rng, s->past, s->quiet + 1);
    }
    return chess_move(s, move.from, move.to, move.promotion);
}

// ---- The game ----

// Set up the board, draw the first moves, and let the scripted opponent move if it is its turn. Returns whether the
// game is over by then.
static int32_t chess_open(Chess* s, int32_t opening)
{
    const char* text = chess_starts[s->start];
    s->white = (int32_t)(puf_rand(&s->rng) >> 31);
    s->turn = s->white;
    s->stage = CHESS_TOUCH;
    s->touched = CHESS_NO_SQUARE;
    s->target = CHESS_NO_SQUARE;
    s->quiet = 0;
    s->moves = 0;
    s->from = CHESS_NO_SQUARE;
    s->to = CHESS_NO_SQUARE;
    chess_read(&s->boards[0], text);
    int32_t end = chess_find_options(s);
    for (int32_t k = 0; k < opening && end == CHESS_NO_END; k++) {
        ChessSight sight;
        chess_look(&s->boards[0], &sight);
        const ChessMove move = chess_any(&s->boards[0], &sight, s->options, &s->rng);
        end = chess_move(s, move.from, move.to, move.promotion);
    }
    return end != CHESS_NO_END || (!s->self_play && s->turn == 1 && chess_answer(s) != CHESS_NO_END);
}

static void chess_reset(Chess* s)
{
    s->tick = 0;
    s->returned = 0.0f;
    if (chess_open(s, s->opening)) {
        (void)chess_open(s, 0); // a first move ends nothing
    }
}

// The option that an action means: itself if it is legal, else the next one that is, and from the first again.
static inline int32_t chess_nearest(const Chess* s, int32_t action)
{
    const int32_t wanted = s->stage == CHESS_BECOME ? action - CHESS_SQUARES : action;
    const uint64_t later = wanted > 0 && wanted < 64 ? s->options >> wanted << wanted : wanted >= 64 ? 0 : s->options;
    return chess_lowest(later ? later : s->options);
}

// The lead of the first agent in pieces, in pawns.
static inline int32_t chess_lead_of_first(const Chess* s)
{
    const int32_t lead = chess_lead(&s->boards[0], chess_points);
    return s->turn == 0 ? lead : -lead;
}

// 1 if the game that is over was won by the first player, -1 if it was lost, 0 for a draw.
static int32_t chess_outcome(const Chess* s, int32_t end) { return end == CHESS_MATE ? (s->turn == 1 ? 1 : -1) : 0; }

static void chess_end(Chess* s, int32_t end)
{
    const int32_t outcome = chess_outcome(s, end);
    ChessBoard* ended = &s->boards[1];
    memcpy(ended, &s->boards[0], sizeof *ended);
    if (s->turn != s->white) {
        chess_turn(ended);
    }
    s->result = outcome > 0 ? CHESS_WON : outcome < 0 ? CHESS_LOST : CHESS_DRAWN;
    s->ending = end;
    s->ended_white = s->white;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        float score = (float)(player == 0 ? outcome : -outcome), white = (float)(s->white == player);
        float draw = outcome || end == CHESS_CUT_OFF ? 0.0f : s->reward_draw;
        float total = (player == 0 ? s->returned : 0.0f - s->returned) + draw;
        puf_log_episode(&s->log, 0.5f * (score + 1.0f), score, total, (float)s->tick);
        s->white_n += white;
        s->white_perf += white * 0.5f * (score + 1.0f);
        s->mates += (float)(outcome != 0);
    }
}

static void chess_step(Chess* s, PufIo io)
{
    const int32_t lead = chess_lead_of_first(s);
    s->tick += s->tick < 3 * CHESS_MAX_MOVES;
    int32_t end = chess_choose(s, chess_nearest(s, io.actions[s->turn]));
    if (end == CHESS_NO_END && !s->self_play && s->turn == 1) {
        end = chess_answer(s);
    }
    const int32_t over = end != CHESS_NO_END, cut = end == CHESS_CUT_OFF, outcome = chess_outcome(s, end);
    float reward = over ? (float)outcome : s->reward_pawn * (float)(chess_lead_of_first(s) - lead);
    float draw = over && !cut && outcome == 0 ? s->reward_draw : 0.0f;
    s->returned += reward;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        io.rewards[player] = (player == 0 ? reward : 0.0f - reward) + draw;
        io.terminals[player] = (uint8_t)(over && !cut);
        io.truncations[player] = (uint8_t)cut;
    }
    if (over) {
        chess_end(s, end);
    }
}

// ---- What agents see ----

// The bits of a rank, from the first file on, as eight bytes of 0 or 1. The multiplication copies the bits so that each
// ends up lowest in its own byte: the lower seven, as the copies of eight would meet.
static inline uint64_t chess_spread_rank(uint64_t set, int32_t rank)
{
    const uint64_t bits = set >> 8 * rank & 0xFF;
    return ((bits & 0x7F) * 0x0002040810204081u & 0x0101010101010101u) | bits >> 7 << 56;
}

// Write a byte for each square, whose bits are in `planes` sets.
static inline void chess_write(const uint64_t* sets, int32_t planes, uint8_t* out)
{
    for (int32_t rank = 0; rank < 8; rank++) {
        uint64_t word = 0;
        uint8_t bytes[8];
        for (int32_t plane = 0; plane < planes; plane++) {
            word |= chess_spread_rank(sets[plane], rank) << plane;
        }
        for (int32_t k = 0; k < 8; k++) {
            bytes[k] = (uint8_t)(word >> (8 * k)); // one store on little-endian machines
        }
        memcpy(out + 8 * rank, bytes, 8);
    }
}

// The bits of the codes 1 to 6 for own pieces, and 7 to 12 for the other's, as sets.
static inline void chess_write_pieces(const ChessBoard* b, uint8_t* out)
{
    const uint64_t own = b->sides[0], other = b->sides[1], pawns = b->kinds[CHESS_PAWN],
                   knights = b->kinds[CHESS_KNIGHT];
    const uint64_t bishops = b->kinds[CHESS_BISHOP], rooks = b->kinds[CHESS_ROOK], queens = b->kinds[CHESS_QUEEN];
    const uint64_t kings = b->kinds[CHESS_KING];
    const uint64_t sets[4] = { pawns | bishops | queens,
                               (own & (knights | bishops | kings)) | (other & (pawns | rooks | queens)),
                               (own & (rooks | queens | kings)) | (other & (pawns | kings)), other & ~pawns };
    chess_write(sets, 4, out);
}

static void chess_observe(const Chess* s, PufIo io)
{
    ChessBoard turned;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        uint8_t* obs = (uint8_t*)io.obs + player * CHESS_OBS;
        uint8_t* mask = io.action_mask + player * CHESS_ACTIONS;
        const int32_t turn = s->turn == player;
        const ChessBoard* b = &s->boards[0];
        if (!turn) {
            memcpy(&turned, b, sizeof turned);
            chess_turn(&turned);
            b = &turned;
        }
        const uint64_t squares = turn && s->stage != CHESS_BECOME ? s->options : 0;
        const uint64_t touched = turn && s->touched >= 0 ? chess_bit(s->touched) : 0;
        const uint64_t sets[4] = { turn ? s->attacked[1] : chess_turned(s->attacked[0]),
                                   turn ? s->attacked[0] : chess_turned(s->attacked[1]), squares, touched };
        obs[0] = (uint8_t)turn;
        obs[1] = (uint8_t)(turn ? s->stage : CHESS_TOUCH);
        obs[2] = (uint8_t)s->check;
        obs[3] = (uint8_t)(s->repeated > 0);
        obs[4] = (uint8_t)s->quiet;
        for (int32_t k = 0; k < 4; k++) {
            obs[5 + k] = (uint8_t)(b->castling >> k & 1);
        }
        obs[9] = (uint8_t)(b->passant < 0 ? 0 : 1 + (b->passant & 7));
        obs[10] = (uint8_t)(s->white == player);
        chess_write_pieces(b, obs + CHESS_FLAGS);
        chess_write(sets, 4, obs + CHESS_FLAGS + CHESS_SQUARES);
        chess_write(&squares, 1, mask);
        memset(mask + CHESS_SQUARES, turn && s->stage == CHESS_BECOME, CHESS_PROMOTIONS);
        mask[0] |= (uint8_t)!turn;
    }
}

// ---- States from files ----

// Whether a board could be reached as far as the rules above rely on it: one king each, of which the one that is not to
// move is not attacked, no pawns on the last ranks, and castling and en passant only with the pieces for them.
static const char* chess_find_false_board(const ChessBoard* b)
{
    uint64_t all = 0;
    for (int32_t kind = 0; kind < CHESS_KINDS; kind++) {
        if (all & b->kinds[kind]) {
            return "boards";
        }
        all |= b->kinds[kind];
    }
    const uint64_t own = b->sides[0], other = b->sides[1], kings = b->kinds[CHESS_KING], rooks = b->kinds[CHESS_ROOK];
    const uint64_t pawns = b->kinds[CHESS_PAWN];
    if ((own & other) || (own | other) != all || chess_count(kings & own) != 1 || chess_count(kings & other) != 1) {
        return "boards";
    }
    if (pawns & (chess_rank_1 | chess_rank_1 << 56)) {
        return "boards";
    }
    const int32_t lost = (kings & own & chess_bit(4) ? 0 : 3) | (kings & other & chess_bit(60) ? 0 : 12) |
                         (rooks & own & chess_bit(7) ? 0 : 1) | (rooks & own & chess_bit(0) ? 0 : 2) |
                         (rooks & other & chess_bit(63) ? 0 : 4) | (rooks & other & chess_bit(56) ? 0 : 8);
    if (b->castling & lost) {
        return "boards";
    }
    if (b->passant >= 0 && (b->passant / 8 != 5 || !(pawns & other & chess_bit(b->passant - 8)) ||
                            (all & (chess_bit(b->passant) | chess_bit(b->passant + 8))))) {
        return "boards";
    }
    ChessBoard turned;
    ChessSight sight;
    memcpy(&turned, b, sizeof turned);
    chess_turn(&turned);
    chess_look(&turned, &sight);
    return sight.checks ? "boards" : NULL;
}

// Between two steps, all that is known about the position follows from the board and what was chosen.
static const char* chess_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Chess* s = state;
    const char* wrong = chess_find_false_board(&s->boards[0]);
    if (wrong) {
        return wrong;
    }
    if (s->quiet >= s->patience) {
        return "quiet";
    }
    if (s->moves >= s->max_moves) {
        return "moves";
    }
    Chess copy;
    memcpy(&copy, s, sizeof copy);
    const int32_t end = chess_find_options(&copy);
    if (copy.boards[0].passant != s->boards[0].passant) {
        return "boards";
    }
    if (copy.past[s->quiet] != s->past[s->quiet]) {
        return "past";
    }
    if (copy.repeated != s->repeated) {
        return "repeated";
    }
    if (copy.attacked[0] != s->attacked[0] || copy.attacked[1] != s->attacked[1]) {
        return "attacked";
    }
    if (copy.check != s->check) {
        return "check";
    }
    if ((s->touched >= 0) != (s->stage >= CHESS_GO) || (s->touched >= 0 && !(copy.options >> s->touched & 1))) {
        return "touched";
    }
    if (s->stage >= CHESS_GO) {
        copy.stage = CHESS_TOUCH;
        (void)chess_choose(&copy, s->touched);
    }
    if ((s->target >= 0) != (s->stage == CHESS_BECOME) || (s->target >= 0 && !(copy.options >> s->target & 1))) {
        return "target";
    }
    if (s->stage == CHESS_BECOME) {
        (void)chess_choose(&copy, s->target);
    }
    return copy.stage != s->stage ? "stage" : copy.options != s->options || end != CHESS_NO_END ? "options" : NULL;
}

static const PufObs chess_obs[] = {
    { "turn", 1, 0, 1, "1 if it is this agent's turn" },
    PUF_CODES("stage", 1, CHESS_STAGES,
              "what the agent chooses next: 0 a piece, 1 where it goes, 2 what a pawn becomes"),
    { "check", 1, 0, 1, "1 if the player to move is in check" },
    { "repeated", 1, 0, 1, "1 if the position was on the board before" },
    { "quiet", 1, 0, CHESS_MAX_PATIENCE, "moves since the last capture or move of a pawn" },
    { "castling", 4, 0, 1, "1 if the agent may still castle to the h-file, to the a-file; the opponent" },
    PUF_CODES("passant", 1, 9, "file where a pawn may be taken en passant, 1 to 8, or 0"),
    { "white", 1, 0, 1, "1 if the agent is White" },
    PUF_CODES(
        "pieces", CHESS_SQUARES, CHESS_PIECE_CODES,
        "0 none; 1 to 6 the agent's pawn, knight, bishop, rook, queen, king; 7 to 12 the opponent's; rank by rank "
        "from the agent's side"),
    PUF_CODES("squares", CHESS_SQUARES, CHESS_SQUARE_CODES,
              "1 if the opponent attacks it, plus 2 if the agent does, plus 4 if the agent may choose it now, or 8 for "
              "the piece that it has chosen"),
};
// Squares as the agent sees them, then what a pawn becomes.
static const PufAction chess_actions[] = {
    { "choice", CHESS_ACTIONS, 0, 0,
      "a1 b1 c1 d1 e1 f1 g1 h1 a2 b2 c2 d2 e2 f2 g2 h2 a3 b3 c3 d3 e3 f3 g3 h3 a4 b4 c4 d4 e4 f4 g4 h4 "
      "a5 b5 c5 d5 e5 f5 g5 h5 a6 b6 c6 d6 e6 f6 g6 h6 a7 b7 c7 d7 e7 f7 g7 h7 a8 b8 c8 d8 e8 f8 g8 h8 "
      "queen rook bishop knight" }
};
static const PufParam chess_params[] = {
    PUF_SETTING(
        Chess, strength, 1, 0, CHESS_MAX_STRENGTH,
        "of the scripted opponent: 0 plays at random, 1 takes the most it can, 2 to 4 look as many moves ahead, "
        "including their own, and then at all captures"),
    PUF_SETTING(Chess, opening, 4, 0, CHESS_MAX_OPENING, "moves at the start of a game that are drawn at random"),
    PUF_SETTING(Chess, patience, 100, 10, CHESS_MAX_PATIENCE,
                "moves of both players without a capture or a move of a pawn, after which a game is drawn: the rule of "
                "fifty moves"),
    PUF_SETTING(Chess, max_moves, 300, 30, CHESS_MAX_MOVES, "moves of both players after which a game is cut off"),
    PUF_SETTING(Chess, reward_pawn, 0.02, 0, 1, "reward for a pawn's worth of pieces, and its loss for one lost"),
    PUF_SETTING(Chess, reward_draw, 0, -1, 0, "reward of both players for a draw"),
    PUF_CHOICE(Chess, start, CHESS_STARTS - 1, "usual kiwipete third fourth fifth sixth",
               "position at the start: the usual one, or one of those for counting moves"),
    PUF_FLAG(Chess, self_play, 0, "two agents play each other"),
};
static const PufField chess_board_fields[] = {
    PUF_ARRAY(ChessBoard, kinds, "squares of pawns, knights, bishops, rooks, queens and kings: bit 8 * rank + file"),
    PUF_ARRAY(ChessBoard, sides, "squares of the pieces of the player who sees it so, and of the other"),
    PUF_SCALAR(ChessBoard, castling, "1 it may castle to the h-file, 2 to the a-file, 4 and 8 the other",
               PUF_RANGE(0, 15)),
    PUF_SCALAR(ChessBoard, passant, "square behind a pawn that may be taken en passant, -1 none",
               PUF_RANGE(-1, CHESS_SQUARES - 1)),
};
static const PufField chess_fields[] = {
    PUF_STRUCTS(Chess, boards, chess_board_fields,
                "now, as the player whose turn it is sees it, and at the end of the previous game, as White saw it"),
    PUF_SCALAR(Chess, options, "squares that may be chosen now, or bits 0 to 3 for queen, rook, bishop and knight"),
    PUF_ARRAY(Chess, attacked, "squares that the pieces of the player whose turn it is attack, and the other's"),
    PUF_SCALAR(Chess, turn, "whose move it is: 0 the first agent", PUF_UP_TO(Chess, self_play)),
    PUF_SCALAR(Chess, white, "who has the white pieces", PUF_RANGE(0, 1)),
    PUF_SCALAR(Chess, stage, "what is chosen next: 0 a piece, 1 where it goes, 2 what a pawn becomes",
               PUF_RANGE(CHESS_TOUCH, CHESS_BECOME)),
    PUF_SCALAR(Chess, touched, "square of the piece that was chosen, as its player sees it, -1 before that",
               PUF_RANGE(-1, CHESS_SQUARES - 1)),
    PUF_SCALAR(Chess, target, "square that a pawn goes to before it becomes another piece, else -1",
               PUF_RANGE(-1, CHESS_SQUARES - 1)),
    PUF_SCALAR(Chess, check, "1: the player whose turn it is is in check", PUF_RANGE(0, 1)),
    PUF_SCALAR(Chess, quiet, "moves since the last capture or move of a pawn", PUF_LESS_THAN(Chess, patience)),
    PUF_SCALAR(Chess, repeated, "how often the position was on the board before", PUF_RANGE(0, 1)),
    PUF_SCALAR(Chess, moves, "of both players in this game", PUF_LESS_THAN(Chess, max_moves)),
    PUF_SCALAR(Chess, tick, "steps in this game", PUF_RANGE(0, 3 * CHESS_MAX_MOVES)),
    PUF_SCALAR(Chess, from, "square where the last move began, as White sees it, -1 before it",
               PUF_RANGE(-1, CHESS_SQUARES - 1)),
    PUF_SCALAR(Chess, to, "square where the last move ended, as White sees it, -1 before it",
               PUF_RANGE(-1, CHESS_SQUARES - 1)),
    PUF_SCALAR(Chess, result, "of the previous game, for the first agent: 0 none yet, 1 won, 2 drawn, 3 lost",
               PUF_RANGE(CHESS_RUNNING, CHESS_LOST)),
    PUF_SCALAR(Chess, ending,
               "why it ended: 1 mate, 2 stalemate, 3 too many quiet moves, 4 repeated, 5 nobody can mate, 6 cut off",
               PUF_RANGE(CHESS_NO_END, CHESS_ENDS - 1)),
    PUF_SCALAR(Chess, ended_white, "who had the white pieces in the previous game", PUF_RANGE(0, 1)),
    PUF_ARRAY(Chess, past, NULL),
    PUF_SCALAR(Chess, returned, "rewards of this game for the first agent, without that for a draw"),
    PUF_SCALAR(Chess, reward_pawn, "reward for a pawn's worth of pieces"),
    PUF_SCALAR(Chess, reward_draw, "reward for a draw"),
    PUF_SCALAR(Chess, strength, "of the scripted opponent"),
    PUF_SCALAR(Chess, opening, "moves at the start that are drawn at random"),
    PUF_SCALAR(Chess, patience, "quiet moves before a draw"),
    PUF_SCALAR(Chess, max_moves, "moves before a game is cut off"),
    PUF_SCALAR(Chess, start, "number of the position at the start"),
    PUF_SCALAR(Chess, self_play, "1: two agents"),
};
static const char* const chess_log_names[] = { "white.n", "white.perf", "mates" };

static void chess_resize(PufLayout* layout, const void* setup)
{
    layout->agents = ((const Chess*)setup)->self_play ? 2 : 1;
}

// clang-format off
PUF_DEFINE_ENV(chess, Chess,
    .version = 1,
    .doc = "Attack the other's king so that it cannot escape, against a scripted opponent or in self-play.",
    .reward = "1 for a win, -1 for a loss, reward_draw for a draw; before it reward_pawn for a pawn's worth of pieces",
    .ends = "terminal when a player cannot move, when a position is there for the third time, after `patience` quiet "
            "moves, or when nobody can mate; truncated after `max_moves` moves",
    .rate = 2,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Chess), .agents = 1, .obs_ndim = 1, .obs_shape = { CHESS_OBS },
                PUF_ACTIONS(chess), .masked = 1 },
    PUF_TABLES(chess),
    PUF_LOG_NAMES(chess),
    .resize = chess_resize, .contradiction = chess_contradiction);
