// craftax_classic_lanes.h - many games of craftax_classic: their random words are drawn side by side, in vectors.
//
// Groups of games take turns: while one steps, the next one's words are drawn, so that its tiles are fetched in time.
#pragma once

enum { CRAFTAX_CLASSIC_FEW = 4 };

// Fetch what a step touches: the numbers of a game; its map around you; the tiles where creatures may step.
static inline void craftax_classic_fetch(const void* at)
{
    (void)at;
#if defined(__GNUC__)
    __builtin_prefetch(at);
#endif
}

static inline void craftax_classic_fetch_numbers(const CraftaxClassic* s)
{
    for (size_t at = 0; at < offsetof(CraftaxClassic, log); at += 64) {
        craftax_classic_fetch((const uint8_t*)s + at);
    }
}

static inline void craftax_classic_fetch_steps(const CraftaxClassic* s, const CraftaxClassicCreature* creatures,
                                               int32_t count, CraftaxClassicDraws table, int32_t way, int32_t lane)
{
    for (int32_t i = 0; i < count; i++) {
        const int8_t* by = craftax_classic_ways[table[way + i][lane]];
        craftax_classic_fetch(&s->map[creatures[i][CRAFTAX_CLASSIC_ROW] + CRAFTAX_CLASSIC_EDGE + by[0]]
                                     [creatures[i][CRAFTAX_CLASSIC_COLUMN] + CRAFTAX_CLASSIC_EDGE]);
    }
}

static inline void craftax_classic_fetch_map(const CraftaxClassic* s, CraftaxClassicDraws table, int32_t lane)
{
    for (int32_t row = 0; row < CRAFTAX_CLASSIC_ROWS; row++) {
        craftax_classic_fetch(&s->map[s->row + CRAFTAX_CLASSIC_EDGE - CRAFTAX_CLASSIC_ROWS / 2 + row][s->column]);
    }
    craftax_classic_fetch_steps(s, s->zombies, CRAFTAX_CLASSIC_ZOMBIES, table, CRAFTAX_CLASSIC_ZOMBIE_WAY, lane);
    craftax_classic_fetch_steps(s, s->cows, CRAFTAX_CLASSIC_COWS, table, CRAFTAX_CLASSIC_COW_WAY, lane);
    craftax_classic_fetch_steps(s, s->skeletons, CRAFTAX_CLASSIC_SKELETONS, table, CRAFTAX_CLASSIC_SKELETON_WAY, lane);
}

static void craftax_classic_draw_lanes(CraftaxClassic* s, int32_t n, CraftaxClassicDraws table)
{
    CraftaxClassicKeys keys;
    memset(&keys, 0, sizeof(keys));
    for (int32_t i = 0; i < n; i++) {
        keys.a[i] = puf_rand(&s[i].rng);
        keys.b[i] = puf_rand(&s[i].rng);
    }
    craftax_classic_draw(CRAFTAX_CLASSIC_LANES, &keys, table);
    for (int32_t i = 0; i < n; i++) {
        craftax_classic_fetch_map(&s[i], table, i);
    }
}

// Write what is seen, and restart where the episode is over.
static void craftax_classic_finish(CraftaxClassic* s, PufIo row)
{
    if (row.terminals[0] | row.truncations[0]) {
        craftax_classic_observe(s, puf_final(row));
        craftax_classic_reset(s);
    }
    craftax_classic_observe(s, row);
}

static void craftax_classic_step_lanes(CraftaxClassic* s, int32_t n, CraftaxClassicDraws table, const PufLayout* l,
                                       PufIo io)
{
    for (int32_t i = 0; i < n; i++) {
        uint32_t draws[CRAFTAX_CLASSIC_DRAWS];
        PufIo row = puf_row(l, PUF_U8, io, i);
        for (int32_t k = 0; k < CRAFTAX_CLASSIC_DRAWS; k++) {
            draws[k] = table[k][i];
        }
        craftax_classic_step_with(&s[i], draws, row);
        craftax_classic_finish(&s[i], row);
    }
}

static void craftax_classic_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    enum { LANES = CRAFTAX_CLASSIC_LANES };
    CraftaxClassicDraws tables[2];
    CraftaxClassic* s = states;
    if (n <= CRAFTAX_CLASSIC_FEW) { // lanes would be mostly empty
        for (int32_t i = 0; i < n; i++) {
            PufIo row = puf_row(layout, PUF_U8, io, i);
            craftax_classic_step(&s[i], row);
            craftax_classic_finish(&s[i], row);
        }
        return;
    }
    craftax_classic_draw_lanes(s, craftax_classic_least(n, LANES), tables[0]);
    for (int32_t first = 0; first < n; first += LANES) {
        int32_t next = first + LANES, here = craftax_classic_least(n - first, LANES), which = first / LANES & 1;
        for (int32_t i = next + LANES; i < next + 2 * LANES && i < n; i++) {
            craftax_classic_fetch_numbers(&s[i]);
        }
        if (next < n) {
            craftax_classic_draw_lanes(s + next, craftax_classic_least(n - next, LANES), tables[1 - which]);
        }
        craftax_classic_step_lanes(s + first, here, tables[which], layout, puf_row(layout, PUF_U8, io, first));
    }
}
