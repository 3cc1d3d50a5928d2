// craftax_classic_creatures.h - zombies, cows, skeletons and arrows of craftax_classic: how they move, and where they
// come.
#pragma once
#include "craftax_classic_state.h"

static inline int32_t craftax_classic_distance(const CraftaxClassic* s, const int8_t* one)
{
    return craftax_classic_abs(one[CRAFTAX_CLASSIC_ROW] - s->row) +
           craftax_classic_abs(one[CRAFTAX_CLASSIC_COLUMN] - s->column);
}

// The step towards you: along rows or columns, whichever are farther apart; where they are equal, chance decides.
static void craftax_classic_towards(const CraftaxClassic* s, const int8_t* one, const uint32_t* tie, int32_t* by)
{
    int32_t rows = s->row - one[CRAFTAX_CLASSIC_ROW], columns = s->column - one[CRAFTAX_CLASSIC_COLUMN];
    int32_t more = craftax_classic_abs(rows) - craftax_classic_abs(columns);
    int along_rows = more > 0 || (more == 0 && craftax_classic_seldom(tie) >> 31);
    by[0] = along_rows ? craftax_classic_sign(rows) : 0;
    by[1] = along_rows ? 0 : craftax_classic_sign(columns);
}

// Step there if possible, and be gone if you are far away. The mark of the tile that is left is removed even where
// another creature stands on it, as there.
static inline void craftax_classic_move(CraftaxClassic* s, int8_t* one, int32_t row, int32_t column, int32_t distance)
{
    int can = craftax_classic_can_enter(s, row, column);
    if (one[CRAFTAX_CLASSIC_ALIVE]) {
        *craftax_classic_tile(s, one[CRAFTAX_CLASSIC_ROW], one[CRAFTAX_CLASSIC_COLUMN]) &= CRAFTAX_CLASSIC_KIND;
    }
    one[CRAFTAX_CLASSIC_ROW] = (int8_t)(can ? row : one[CRAFTAX_CLASSIC_ROW]);
    one[CRAFTAX_CLASSIC_COLUMN] = (int8_t)(can ? column : one[CRAFTAX_CLASSIC_COLUMN]);
    one[CRAFTAX_CLASSIC_ALIVE] &= distance < CRAFTAX_CLASSIC_GONE_AT;
    if (one[CRAFTAX_CLASSIC_ALIVE]) {
        *craftax_classic_tile(s, one[CRAFTAX_CLASSIC_ROW], one[CRAFTAX_CLASSIC_COLUMN]) |= CRAFTAX_CLASSIC_MARK;
    }
}

// Attack or rest.
static inline void craftax_classic_tire(int8_t* one, int attacks, int32_t rest)
{
    int32_t left = one[CRAFTAX_CLASSIC_REST];
    one[CRAFTAX_CLASSIC_REST] = (int8_t)(attacks ? rest : left - (left > 0));
}

static void craftax_classic_move_zombie(CraftaxClassic* s, int8_t* one, uint32_t way, const uint32_t* tie,
                                        uint32_t keen)
{
    int32_t distance = craftax_classic_distance(s, one), by[2];
    int attacks = distance == 1 && one[CRAFTAX_CLASSIC_REST] <= 0 && one[CRAFTAX_CLASSIC_ALIVE];
    if (distance < 10 && craftax_classic_uniform(keen) < 0.75f) {
        craftax_classic_towards(s, one, tie, by);
    } else {
        by[0] = craftax_classic_ways[way][0];
        by[1] = craftax_classic_ways[way][1];
    }
    if (attacks) {
        s->health = (int8_t)(s->health - (s->sleeping ? 7 : 2));
        s->achievements |= (uint32_t)s->sleeping << CRAFTAX_CLASSIC_WAKE_UP;
        s->sleeping = 0;
        by[0] = by[1] = 0;
    }
    craftax_classic_tire(one, attacks, 5);
    craftax_classic_move(s, one, one[CRAFTAX_CLASSIC_ROW] + by[0], one[CRAFTAX_CLASSIC_COLUMN] + by[1], distance);
}

// The first arrow that does not fly is shot from here.
static void craftax_classic_shoot(CraftaxClassic* s, const int8_t* from, const int32_t* by)
{
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_ARROWS; i++) {
        int8_t* arrow = s->arrows[i];
        if (!arrow[CRAFTAX_CLASSIC_FLIES]) {
            arrow[CRAFTAX_CLASSIC_ROW] = from[CRAFTAX_CLASSIC_ROW];
            arrow[CRAFTAX_CLASSIC_COLUMN] = from[CRAFTAX_CLASSIC_COLUMN];
            arrow[CRAFTAX_CLASSIC_FLIES] = 1;
            arrow[CRAFTAX_CLASSIC_BY_ROWS] = (int8_t)by[0];
            arrow[CRAFTAX_CLASSIC_BY_COLUMNS] = (int8_t)by[1];
            return;
        }
    }
}

static void craftax_classic_move_skeleton(CraftaxClassic* s, int8_t* one, uint32_t way, const uint32_t* tie,
                                          uint32_t keen)
{
    int32_t distance = craftax_classic_distance(s, one), at_you[2];
    int32_t row = one[CRAFTAX_CLASSIC_ROW], column = one[CRAFTAX_CLASSIC_COLUMN];
    int32_t down = craftax_classic_ways[way][0], right = craftax_classic_ways[way][1];
    int cornered = distance <= 3;
    int follows = craftax_classic_uniform(keen) > 0.85f && (cornered || distance >= 10);
    if (follows) {
        craftax_classic_towards(s, one, tie, at_you);
        down = cornered ? -at_you[0] : at_you[0];
        right = cornered ? -at_you[1] : at_you[1];
    }
    int shoots =
        distance == 4 || distance == 5 || (cornered && !craftax_classic_can_enter(s, row + down, column + right));
    shoots = shoots && one[CRAFTAX_CLASSIC_REST] <= 0 && one[CRAFTAX_CLASSIC_ALIVE];
    if (shoots) {
        craftax_classic_towards(s, one, tie, at_you);
        craftax_classic_shoot(s, one, at_you);
        down = right = 0;
    }
    craftax_classic_tire(one, shoots, 4);
    craftax_classic_move(s, one, row + down, column + right, distance);
}

// Arrows that are spent fly on unseen, as there.
static void craftax_classic_move_arrow(CraftaxClassic* s, int8_t* arrow)
{
    int32_t row = arrow[CRAFTAX_CLASSIC_ROW] + arrow[CRAFTAX_CLASSIC_BY_ROWS];
    int32_t column = arrow[CRAFTAX_CLASSIC_COLUMN] + arrow[CRAFTAX_CLASSIC_BY_COLUMNS];
    arrow[CRAFTAX_CLASSIC_ROW] = (int8_t)puf_clampi(row, CRAFTAX_CLASSIC_FAR_BACK, CRAFTAX_CLASSIC_FAR);
    arrow[CRAFTAX_CLASSIC_COLUMN] = (int8_t)puf_clampi(column, CRAFTAX_CLASSIC_FAR_BACK, CRAFTAX_CLASSIC_FAR);
    if (!arrow[CRAFTAX_CLASSIC_FLIES]) {
        return;
    }
    uint8_t* tile = craftax_classic_wrapped(s, row, column);
    int32_t kind = *tile & CRAFTAX_CLASSIC_KIND;
    int inside = row >= 0 && row < CRAFTAX_CLASSIC_SIDE && column >= 0 && column < CRAFTAX_CLASSIC_SIDE;
    int hits = row == s->row && column == s->column;
    uint32_t open =
        CRAFTAX_CLASSIC_OPEN | CRAFTAX_CLASSIC_IS(CRAFTAX_CLASSIC_WATER) | CRAFTAX_CLASSIC_IS(CRAFTAX_CLASSIC_LAVA);
    arrow[CRAFTAX_CLASSIC_FLIES] = inside && !hits && (open >> *tile & 1);
    s->health = (int8_t)(s->health - 2 * hits);
    s->sleeping = (int8_t)(s->sleeping && !hits);
    int breaks = row < CRAFTAX_CLASSIC_SIDE && column < CRAFTAX_CLASSIC_SIDE;
    if (breaks && (kind == CRAFTAX_CLASSIC_TABLE || kind == CRAFTAX_CLASSIC_FURNACE)) {
        craftax_classic_set(tile, CRAFTAX_CLASSIC_PATH);
    }
}

static void craftax_classic_move_all(CraftaxClassic* s, const uint32_t* draws)
{
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_ZOMBIES; i++) {
        craftax_classic_move_zombie(s, s->zombies[i], draws[CRAFTAX_CLASSIC_ZOMBIE_WAY + i],
                                    draws + CRAFTAX_CLASSIC_ZOMBIE_TIE_KEY + 2 * i,
                                    draws[CRAFTAX_CLASSIC_ZOMBIE_KEEN + i]);
    }
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_COWS; i++) {
        int8_t* cow = s->cows[i];
        const int8_t* by = craftax_classic_ways[draws[CRAFTAX_CLASSIC_COW_WAY + i]];
        craftax_classic_move(s, cow, cow[CRAFTAX_CLASSIC_ROW] + by[0], cow[CRAFTAX_CLASSIC_COLUMN] + by[1],
                             craftax_classic_distance(s, cow));
    }
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_SKELETONS; i++) {
        craftax_classic_move_skeleton(s, s->skeletons[i], draws[CRAFTAX_CLASSIC_SKELETON_WAY + i],
                                      draws + CRAFTAX_CLASSIC_SKELETON_TIE_KEY + 2 * i,
                                      draws[CRAFTAX_CLASSIC_SKELETON_KEEN + i]);
    }
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_ARROWS; i++) {
        craftax_classic_move_arrow(s, s->arrows[i]);
    }
}

// A tile of some kinds without a creature, farther than `beyond` from you and nearer than where creatures are gone.
static int32_t craftax_classic_find_place(CraftaxClassic* s, uint32_t kinds, int32_t beyond, const uint32_t* key)
{
    CraftaxClassicChoice choice;
    memset(choice.can, 0, sizeof(choice.can));
    for (int32_t down = 1 - CRAFTAX_CLASSIC_GONE_AT; down < CRAFTAX_CLASSIC_GONE_AT; down++) {
        int32_t row = s->row + down, reach = CRAFTAX_CLASSIC_GONE_AT - 1 - craftax_classic_abs(down);
        int32_t low = s->column - reach < 0 ? 0 : s->column - reach;
        int32_t high = craftax_classic_least(s->column + reach, CRAFTAX_CLASSIC_SIDE - 1);
        uint64_t bits = 0;
        if (row < 0 || row >= CRAFTAX_CLASSIC_SIDE) {
            continue;
        }
        const uint8_t* tiles = craftax_classic_tile(s, row, 0);
        for (int32_t column = low; column <= high; column++) {
            uint64_t fits = kinds >> tiles[column] & 1;
            fits &= craftax_classic_abs(down) + craftax_classic_abs(column - s->column) > beyond;
            bits |= fits << column;
        }
        choice.can[row] = bits;
    }
    return craftax_classic_choose(&choice, craftax_classic_seldom(key));
}

// One more of a kind, in place of the first that is not alive. Where all are, the first one's mark is made once more,
// as there.
static void craftax_classic_spawn(CraftaxClassic* s, CraftaxClassicCreature* creatures, int32_t count, int32_t health,
                                  uint32_t kinds, int32_t beyond, float chance, uint32_t comes, const uint32_t* key)
{
    int32_t i = 0;
    while (i < count && creatures[i][CRAFTAX_CLASSIC_ALIVE]) {
        i++;
    }
    if (i == count) {
        *craftax_classic_tile(s, creatures[0][CRAFTAX_CLASSIC_ROW], creatures[0][CRAFTAX_CLASSIC_COLUMN]) |=
            CRAFTAX_CLASSIC_MARK;
        return;
    }
    if (craftax_classic_uniform(comes) >= chance) {
        return;
    }
    int32_t place = craftax_classic_find_place(s, kinds, beyond, key);
    if (place >= 0) {
        int32_t row = place / CRAFTAX_CLASSIC_SIDE % CRAFTAX_CLASSIC_SIDE, column = place % CRAFTAX_CLASSIC_SIDE;
        creatures[i][CRAFTAX_CLASSIC_ROW] = (int8_t)row;
        creatures[i][CRAFTAX_CLASSIC_COLUMN] = (int8_t)column;
        creatures[i][CRAFTAX_CLASSIC_HEALTH] = (int8_t)health;
        creatures[i][CRAFTAX_CLASSIC_ALIVE] = 1;
        *craftax_classic_tile(s, row, column) |= CRAFTAX_CLASSIC_MARK;
    }
}

static void craftax_classic_spawn_all(CraftaxClassic* s, const uint32_t* draws)
{
    uint32_t grass = CRAFTAX_CLASSIC_IS(CRAFTAX_CLASSIC_GRASS), path = CRAFTAX_CLASSIC_IS(CRAFTAX_CLASSIC_PATH);
    const uint32_t *comes = draws + CRAFTAX_CLASSIC_COMES, *keys = draws + CRAFTAX_CLASSIC_PLACE_KEY;
    float dark = 1.0f - s->light;
    craftax_classic_spawn(s, s->cows, CRAFTAX_CLASSIC_COWS, CRAFTAX_CLASSIC_COW_HEALTH, grass, 3, 0.1f, comes[0], keys);
    craftax_classic_spawn(s, s->zombies, CRAFTAX_CLASSIC_ZOMBIES, CRAFTAX_CLASSIC_ZOMBIE_HEALTH, grass | path, 9,
                          0.02f + 0.1f * (dark * dark), comes[1], keys + 2);
    craftax_classic_spawn(s, s->skeletons, CRAFTAX_CLASSIC_SKELETONS, CRAFTAX_CLASSIC_SKELETON_HEALTH, path, 9, 0.05f,
                          comes[2], keys + 4);
}
