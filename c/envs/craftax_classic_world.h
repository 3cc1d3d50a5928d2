// craftax_classic_world.h - how a world is made from a key: gradient noise (Perlin 2002), thresholds, ores and trees.
//
// Every number is a float32, in the order in which the reference computes it, so that the same key gives the same
// world.
#pragma once
#include "craftax_classic_random.h"
#include "puffer_math.h"

enum { CRAFTAX_CLASSIC_SIDE = 64, CRAFTAX_CLASSIC_TILES = CRAFTAX_CLASSIC_SIDE * CRAFTAX_CLASSIC_SIDE };
enum { CRAFTAX_CLASSIC_EDGE = 4, CRAFTAX_CLASSIC_STRIDE = CRAFTAX_CLASSIC_SIDE + 2 * CRAFTAX_CLASSIC_EDGE };
enum { CRAFTAX_CLASSIC_BLOCK = 16 }; // numbers that are summed one after the other

// What is on a tile: the reference's numbers less 2, so that grass, the most common one, is 0.
enum {
    CRAFTAX_CLASSIC_GRASS,
    CRAFTAX_CLASSIC_WATER,
    CRAFTAX_CLASSIC_STONE,
    CRAFTAX_CLASSIC_TREE,
    CRAFTAX_CLASSIC_WOOD, // never there
    CRAFTAX_CLASSIC_PATH,
    CRAFTAX_CLASSIC_COAL,
    CRAFTAX_CLASSIC_IRON,
    CRAFTAX_CLASSIC_DIAMOND,
    CRAFTAX_CLASSIC_TABLE,
    CRAFTAX_CLASSIC_FURNACE,
    CRAFTAX_CLASSIC_SAND,
    CRAFTAX_CLASSIC_LAVA,
    CRAFTAX_CLASSIC_SAPLING_PLANT,
    CRAFTAX_CLASSIC_RIPE_PLANT,
    CRAFTAX_CLASSIC_OUTSIDE,
    CRAFTAX_CLASSIC_BLOCKS,
};

// Sine and cosine of 0 <= x <= 7, as the float32 nearest to them but for one in eighty: the double polynomials of Arm's
// optimized routines, which the C library has that the reference was compared on. In three loops, which become vectors.
enum { CRAFTAX_CLASSIC_MOST_POINTS = 9 * 33 }; // of a lattice

static void craftax_classic_sincos(int32_t count, const float* x, float* sine, float* cosine)
{
    int32_t quarter[CRAFTAX_CLASSIC_MOST_POINTS]; // x / (pi / 2), to the nearest
    for (int32_t i = 0; i < count; i++) {
        quarter[i] = (int32_t)((double)x[i] * 0x1.45F306DC9C883p-1 + 0.5);
    }
    for (int32_t i = 0; i < count; i++) {
        double r = (double)x[i] - quarter[i] * 0x1.921FB54442D18p0, r2 = r * r, r3 = r * r2, r4 = r2 * r2;
        sine[i] =
            (float)((r + r3 * -0x1.555545995a603p-3) + r3 * r2 * (0x1.1107605230bc4p-7 + r2 * -0x1.994eb3774cf24p-13));
        cosine[i] = (float)(((1.0 + r2 * -0x1.ffffffd0c621cp-2) + r4 * 0x1.55553e1068f19p-5) +
                            r4 * r2 * (-0x1.6c087e89a359dp-10 + r2 * 0x1.99343027bf8c3p-16));
    }
    for (int32_t i = 0; i < count; i++) {
        float first = quarter[i] & 1 ? cosine[i] : sine[i], second = quarter[i] & 1 ? sine[i] : cosine[i];
        sine[i] = quarter[i] & 2 ? -first : first;
        cosine[i] = (quarter[i] + 1) & 2 ? -second : second;
    }
}

// The random words of an array of so many numbers.
static void craftax_classic_fill(CraftaxClassicKeys key, int32_t count, float* numbers)
{
    for (int32_t i = 0; i < count; i++) {
        uint32_t a, b;
        craftax_classic_threefry(key.a[0], key.b[0], (uint32_t)i, &a, &b);
        numbers[i] = craftax_classic_uniform(a ^ b);
    }
}

// A lattice of unit vectors, each in a random direction.
typedef struct CraftaxClassicLattice {
    float x[CRAFTAX_CLASSIC_MOST_POINTS], y[CRAFTAX_CLASSIC_MOST_POINTS];
} CraftaxClassicLattice;

static void craftax_classic_make_lattice(CraftaxClassicKeys key, int32_t points, CraftaxClassicLattice* lattice)
{
    float turns[CRAFTAX_CLASSIC_MOST_POINTS];
    craftax_classic_fill(key, points, turns);
    for (int32_t i = 0; i < points; i++) {
        turns[i] = 6.28318530717958647693f * turns[i];
    }
    craftax_classic_sincos(points, turns, lattice->y, lattice->x);
}

// One row of the lattice, stretched to the tiles: the vectors to the left and to the right of each.
typedef struct CraftaxClassicRow {
    float left_x[CRAFTAX_CLASSIC_SIDE], left_y[CRAFTAX_CLASSIC_SIDE];
    float right_x[CRAFTAX_CLASSIC_SIDE], right_y[CRAFTAX_CLASSIC_SIDE];
} CraftaxClassicRow;

static void craftax_classic_stretch(const CraftaxClassicLattice* lattice, int32_t from, int32_t shift,
                                    CraftaxClassicRow* row)
{
    for (int32_t column = 0; column < CRAFTAX_CLASSIC_SIDE; column++) {
        int32_t at = from + (column >> shift);
        row->left_x[column] = lattice->x[at];
        row->left_y[column] = lattice->y[at];
        row->right_x[column] = lattice->x[at + 1];
        row->right_y[column] = lattice->y[at + 1];
    }
}

static inline float craftax_classic_ease(float t) { return t * t * t * (t * (t * 6.0f - 15.0f) + 10.0f); }

// The noise along one row of tiles, which is so far (0 to 1) from the row of the lattice above it.
static void craftax_classic_noise_row(const CraftaxClassicRow* above, const CraftaxClassicRow* below, float down,
                                      const float* across, float* noise)
{
    float ease_down = craftax_classic_ease(down);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_SIDE; i++) {
        float right = across[i], ease_right = craftax_classic_ease(right);
        float n00 = down * above->left_x[i] + right * above->left_y[i];
        float n10 = (down - 1.0f) * below->left_x[i] + right * below->left_y[i];
        float n01 = down * above->right_x[i] + (right - 1.0f) * above->right_y[i];
        float n11 = (down - 1.0f) * below->right_x[i] + (right - 1.0f) * below->right_y[i];
        float n0 = n00 * (1.0f - ease_down) + ease_down * n10;
        float n1 = n01 * (1.0f - ease_down) + ease_down * n11;
        noise[i] = 1.41421356237309504880f * ((1.0f - ease_right) * n0 + ease_right * n1);
    }
}

// Stretch noise to reach from 0 to 1. Least and greatest are found in sixteen lanes.
static void craftax_classic_normalise(float* noise)
{
    enum { LANES = 16 };
    float low[LANES], high[LANES];
    for (int32_t k = 0; k < LANES; k++) {
        low[k] = high[k] = noise[k];
    }
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_TILES; i += LANES) {
        for (int32_t k = 0; k < LANES; k++) {
            low[k] = noise[i + k] < low[k] ? noise[i + k] : low[k];
            high[k] = noise[i + k] > high[k] ? noise[i + k] : high[k];
        }
    }
    for (int32_t k = 1; k < LANES; k++) {
        low[0] = puf_minf(low[0], low[k]);
        high[0] = puf_maxf(high[0], high[k]);
    }
    float least = low[0], range = high[0] - low[0];
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_TILES; i++) {
        noise[i] = (noise[i] - least) / range;
    }
}

// Noise whose cells are 1 << down tiles high and 1 << right tiles wide.
static void craftax_classic_noise(CraftaxClassicKeys key, int32_t down, int32_t right, float* noise)
{
    int32_t height = 1 << down, width = 1 << right, points = CRAFTAX_CLASSIC_SIDE / width + 1; // in a row
    CraftaxClassicLattice lattice;
    CraftaxClassicRow stretched[2];
    CraftaxClassicKeys child;
    craftax_classic_child(1, &key, 1, &key); // of one octave
    craftax_classic_child(1, &key, 1, &child);
    craftax_classic_make_lattice(child, (CRAFTAX_CLASSIC_SIDE / height + 1) * points, &lattice);
    float across[CRAFTAX_CLASSIC_SIDE];
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_SIDE; i++) {
        across[i] = (float)(i & (width - 1)) / (float)width;
    }
    craftax_classic_stretch(&lattice, 0, right, &stretched[0]);
    for (int32_t row = 0; row < CRAFTAX_CLASSIC_SIDE; row++) {
        int32_t cell = row >> down;
        if ((row & (height - 1)) == 0) {
            craftax_classic_stretch(&lattice, (cell + 1) * points, right, &stretched[(cell + 1) & 1]);
        }
        craftax_classic_noise_row(&stretched[cell & 1], &stretched[(cell + 1) & 1],
                                  (float)(row & (height - 1)) / (float)height, across,
                                  noise + row * CRAFTAX_CLASSIC_SIDE);
    }
    craftax_classic_normalise(noise);
}

// Near the middle, where you begin, there is neither water nor stone: the nearer, the more is taken from the noise.
static void craftax_classic_clear_middle(float* noise)
{
    for (int32_t row = 0; row < CRAFTAX_CLASSIC_SIDE; row++) {
        for (int32_t column = 0; column < CRAFTAX_CLASSIC_SIDE; column++) {
            int32_t down = row - CRAFTAX_CLASSIC_SIDE / 2, right = column - CRAFTAX_CLASSIC_SIDE / 2;
            int32_t away = (down < 0 ? -down : down) + (right < 0 ? -right : right);
            float full = puf_minf((float)away / 5.0f, 1.0f);
            float* n = &noise[row * CRAFTAX_CLASSIC_SIDE + column];
            *n = (*n + full) - 1.0f;
        }
    }
}

// One of the tiles that `can` holds a bit for, all equally likely but for rounding: JAX adds up the probabilities,
// sixteen at a time, then sixteen sums, then sixteen of these, and looks for a random number among the sums by halving.
// Returns -1 if there is no tile.
typedef struct CraftaxClassicChoice {
    uint64_t can[CRAFTAX_CLASSIC_SIDE];                             // a bit for each column, by rows
    float sums[CRAFTAX_CLASSIC_BLOCK + 1];                          // of so many tiles one after the other
    float until[CRAFTAX_CLASSIC_TILES / CRAFTAX_CLASSIC_BLOCK + 1]; // the sum before each block of tiles
} CraftaxClassicChoice;

static inline int32_t craftax_classic_popcount(uint32_t x)
{
    x = x - ((x >> 1) & 0x55555555u);
    x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    x = (x + (x >> 4)) & 0x0F0F0F0Fu;
    return (int32_t)((x * 0x01010101u) >> 24);
}

static inline uint32_t craftax_classic_block(const CraftaxClassicChoice* c, int32_t block)
{
    return (uint32_t)(c->can[block / 4] >> (block % 4 * CRAFTAX_CLASSIC_BLOCK)) & 0xFFFFu;
}

// The sum of the probabilities up to and with a tile.
static inline float craftax_classic_sum(const CraftaxClassicChoice* c, int32_t tile)
{
    int32_t block = tile / CRAFTAX_CLASSIC_BLOCK, last = tile % CRAFTAX_CLASSIC_BLOCK;
    uint32_t bits = craftax_classic_block(c, block) & ((2u << last) - 1u);
    return c->sums[craftax_classic_popcount(bits)] + c->until[block];
}

static int32_t craftax_classic_choose(CraftaxClassicChoice* c, uint32_t random)
{
    int32_t count = 0, blocks = CRAFTAX_CLASSIC_TILES / CRAFTAX_CLASSIC_BLOCK;
    for (int32_t row = 0; row < CRAFTAX_CLASSIC_SIDE; row++) {
        count +=
            craftax_classic_popcount((uint32_t)c->can[row]) + craftax_classic_popcount((uint32_t)(c->can[row] >> 32));
    }
    if (count == 0) {
        return -1;
    }
    float each = 1.0f / (float)count;
    c->sums[0] = 0.0f;
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_BLOCK; i++) {
        c->sums[i + 1] = c->sums[i] + each;
    }
    float before = 0.0f; // the sum of the blocks of blocks that are done
    c->until[0] = 0.0f;
    for (int32_t first = 0; first < blocks; first += CRAFTAX_CLASSIC_BLOCK) {
        float inside = 0.0f;
        for (int32_t block = first; block < first + CRAFTAX_CLASSIC_BLOCK; block++) {
            inside = inside + c->sums[craftax_classic_popcount(craftax_classic_block(c, block))];
            c->until[block + 1] = inside + before;
        }
        before = before + inside;
    }
    float wanted = craftax_classic_sum(c, CRAFTAX_CLASSIC_TILES - 1) * (1.0f - craftax_classic_uniform(random));
    int32_t low = 0, high = CRAFTAX_CLASSIC_TILES;
    while (high - low > 1) {
        int32_t middle = (low + high) / 2;
        if (wanted <= craftax_classic_sum(c, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return low == 0 && wanted <= craftax_classic_sum(c, 0) ? 0 : high;
}

// The tiles of a world, and the numbers that they come from.
typedef struct CraftaxClassicWorld {
    uint8_t tiles[CRAFTAX_CLASSIC_TILES];
    float water[CRAFTAX_CLASSIC_TILES], mountain[CRAFTAX_CLASSIC_TILES];
    float other[CRAFTAX_CLASSIC_TILES]; // paths, then trees
} CraftaxClassicWorld;

// Water with sand around it, mountains, and in these paths along rows and along columns, and caves near water.
static void craftax_classic_lay_ground(CraftaxClassicWorld* w)
{
    enum { SIDE = CRAFTAX_CLASSIC_SIDE };
    uint8_t along[CRAFTAX_CLASSIC_TILES], path[CRAFTAX_CLASSIC_TILES];
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_TILES; i++) {
        along[i] = w->other[i] > 0.8f;
    }
    for (int32_t row = 0; row < SIDE; row++) {
        for (int32_t column = 0; column < SIDE; column++) {
            path[row * SIDE + column] = along[row * SIDE + column] | along[column * SIDE + row];
        }
    }
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_TILES; i++) {
        float water = w->water[i], mountain = w->mountain[i];
        int sand = (water > 0.6f) & (water < 0.75f), cave = (mountain > 0.85f) & (water > 0.4f);
        int32_t tile = sand ? CRAFTAX_CLASSIC_SAND : CRAFTAX_CLASSIC_GRASS;
        tile = water > 0.7f ? CRAFTAX_CLASSIC_WATER : tile;
        int32_t inside = (path[i] | cave) ? CRAFTAX_CLASSIC_PATH : CRAFTAX_CLASSIC_STONE;
        w->tiles[i] = (uint8_t)(mountain > 0.7f ? inside : tile);
    }
}

// Some tiles, and a random number of each: element number of an array with one for every tile.
typedef struct CraftaxClassicList {
    int32_t count;
    uint16_t tiles[CRAFTAX_CLASSIC_TILES];
    float random[CRAFTAX_CLASSIC_TILES];
} CraftaxClassicList;

static void craftax_classic_draw_list(CraftaxClassicList* list, CraftaxClassicKeys key)
{
    for (int32_t i = 0; i < list->count; i++) {
        uint32_t a, b;
        craftax_classic_threefry(key.a[0], key.b[0], list->tiles[i], &a, &b);
        list->random[i] = craftax_classic_uniform(a ^ b);
    }
}

// Some of the stone in the list is ore; it leaves the list.
static void craftax_classic_add_ore(CraftaxClassicWorld* w, CraftaxClassicList* stone, CraftaxClassicKeys key,
                                    float share, int32_t ore)
{
    int32_t count = stone->count;
    craftax_classic_draw_list(stone, key);
    stone->count = 0;
    for (int32_t i = 0; i < count; i++) {
        uint16_t tile = stone->tiles[i];
        int found = stone->random[i] < share;
        w->tiles[tile] = (uint8_t)(found ? ore : CRAFTAX_CLASSIC_STONE);
        stone->tiles[stone->count] = tile;
        stone->count += !found;
    }
}

static void craftax_classic_list_tiles(const CraftaxClassicWorld* w, int32_t kind, const float* numbers, float above,
                                       CraftaxClassicList* list)
{
    list->count = 0;
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_TILES; i++) {
        list->tiles[list->count] = (uint16_t)i;
        list->count += (w->tiles[i] == kind) & (numbers[i] > above);
    }
}

static void craftax_classic_add_ores(CraftaxClassicWorld* w, CraftaxClassicKeys* key)
{
    CraftaxClassicList stone;
    CraftaxClassicKeys child;
    craftax_classic_list_tiles(w, CRAFTAX_CLASSIC_STONE, w->mountain, 0.0f, &stone);
    craftax_classic_split(1, key, &child);
    craftax_classic_add_ore(w, &stone, child, 0.04f, CRAFTAX_CLASSIC_COAL);
    craftax_classic_split(1, key, &child);
    craftax_classic_add_ore(w, &stone, child, 0.03f, CRAFTAX_CLASSIC_IRON);
    int32_t count = stone.count;
    stone.count = 0;
    for (int32_t i = 0; i < count; i++) { // diamonds are deep inside
        stone.tiles[stone.count] = stone.tiles[i];
        stone.count += w->mountain[stone.tiles[i]] > 0.8f;
    }
    craftax_classic_split(1, key, &child);
    craftax_classic_add_ore(w, &stone, child, 0.005f, CRAFTAX_CLASSIC_DIAMOND);
}

static void craftax_classic_plant_trees(CraftaxClassicWorld* w, CraftaxClassicKeys key)
{
    CraftaxClassicList grass;
    craftax_classic_list_tiles(w, CRAFTAX_CLASSIC_GRASS, w->other, 0.5f, &grass);
    craftax_classic_draw_list(&grass, key);
    for (int32_t i = 0; i < grass.count; i++) {
        w->tiles[grass.tiles[i]] = (uint8_t)(grass.random[i] > 0.8f ? CRAFTAX_CLASSIC_TREE : CRAFTAX_CLASSIC_GRASS);
    }
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_TILES; i++) {
        int lava = (w->mountain[i] > 0.85f) & (w->other[i] > 0.7f);
        w->tiles[i] = (uint8_t)(lava ? CRAFTAX_CLASSIC_LAVA : w->tiles[i]);
    }
}

// One more diamond, in any stone, so that every world with stone has one.
static void craftax_classic_hide_diamond(CraftaxClassicWorld* w, CraftaxClassicKeys key)
{
    CraftaxClassicChoice choice;
    uint32_t random;
    for (int32_t row = 0; row < CRAFTAX_CLASSIC_SIDE; row++) {
        choice.can[row] = 0;
        for (int32_t column = 0; column < CRAFTAX_CLASSIC_SIDE; column++) {
            uint64_t stone = w->tiles[row * CRAFTAX_CLASSIC_SIDE + column] == CRAFTAX_CLASSIC_STONE;
            choice.can[row] |= stone << column;
        }
    }
    craftax_classic_bits(1, &key, &random);
    int32_t tile = craftax_classic_choose(&choice, random);
    if (tile >= 0 && tile < CRAFTAX_CLASSIC_TILES) {
        w->tiles[tile] = CRAFTAX_CLASSIC_DIAMOND;
    }
}

static void craftax_classic_make_world(CraftaxClassicWorld* w, uint32_t key_a, uint32_t key_b)
{
    enum { SIDE = CRAFTAX_CLASSIC_SIDE };
    CraftaxClassicKeys key, child;
    key.a[0] = key_a;
    key.b[0] = key_b;
    craftax_classic_split(1, &key, &child);
    craftax_classic_noise(child, 4, 4, w->water);
    craftax_classic_clear_middle(w->water);
    craftax_classic_split(1, &key, &child); // of which nothing is drawn
    craftax_classic_split(1, &key, &child);
    craftax_classic_noise(child, 4, 4, w->mountain);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_TILES; i++) {
        w->mountain[i] += 0.05f;
    }
    craftax_classic_clear_middle(w->mountain);
    craftax_classic_split(1, &key, &child);
    craftax_classic_noise(child, 3, 1, w->other);
    craftax_classic_split(1, &key, &child); // of which nothing is drawn
    craftax_classic_lay_ground(w);
    craftax_classic_add_ores(w, &key);
    craftax_classic_split(1, &key, &child);
    craftax_classic_noise(child, 2, 2, w->other);
    craftax_classic_plant_trees(w, key); // the parent of the next child, as in the reference
    w->tiles[SIDE / 2 * SIDE + SIDE / 2] = CRAFTAX_CLASSIC_GRASS;
    craftax_classic_split(1, &key, &child);
    craftax_classic_hide_diamond(w, child);
}
