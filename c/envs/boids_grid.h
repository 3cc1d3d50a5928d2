// boids_grid.h - the memory of a world of boids.h, and the grid by which neighbours are found.
//
// Boids are sorted into square cells, each a little larger than a sight, and copied in that order. The
// neighbours of a boid are then in its own cell and the eight around it: in up to six runs of
// consecutive places, two for each row of cells, because a row may wrap around the world.
#pragma once

#define BOIDS_CELL_SLACK 0.999f // cells per sight, at most: with 1, rounding could hide a neighbour

// The first five rows once more, in the order of the cells.
typedef struct BoidsSorted {
    float *x, *y, *heading_x, *heading_y, *speed;
} BoidsSorted;

enum { BOIDS_SORTED_ROWS = sizeof(BoidsSorted) / sizeof(float*) };

// ---- Memory ----

static int32_t boids_align(int32_t bytes) { return (bytes + 63) / 64 * 64; }

static int32_t boids_cells(float side) { return (int32_t)(side * BOIDS_CELL_SLACK); }

// The block behind the state holds the table, the views, the sorted rows, and the integers of the
// grid: the cell of each boid, the boids in the order of the cells, and where each cell starts.
static int32_t boids_table_bytes(int32_t boids) { return boids_align(boids * BOIDS_ROWS * (int32_t)sizeof(float)); }

static int32_t boids_views_bytes(int32_t boids) { return boids_align(boids * BOIDS_VIEW * (int32_t)sizeof(float)); }

static int32_t boids_sorted_stride(int32_t boids)
{
    return boids + BOIDS_LANES;
} // boids_lanes.h reads beyond the last boid

static int32_t boids_sorted_bytes(int32_t boids)
{
    return boids_align(boids_sorted_stride(boids) * BOIDS_SORTED_ROWS * (int32_t)sizeof(float));
}

static void boids_resize(PufLayout* layout, const void* setup)
{
    const BoidsSetup* given = setup;
    int32_t boids = given->state.boids;
    int32_t cells = boids_cells(boids_side(given));
    int32_t bins = boids_align((2 * boids + cells * cells + 1) * (int32_t)sizeof(int32_t));
    layout->agents = boids;
    layout->state_size = (uint64_t)(boids_align((int32_t)sizeof(Boids)) + boids_table_bytes(boids) +
                                    boids_views_bytes(boids) + boids_sorted_bytes(boids) + bins);
}

static inline BoidsTable boids_table(const Boids* s)
{
    float* row = (float*)((uint8_t*)s + s->table_offset);
    size_t n = (size_t)s->boids;
    BoidsTable table = {
        .x = row,
        .y = row + n,
        .heading_x = row + 2 * n,
        .heading_y = row + 3 * n,
        .speed = row + 4 * n,
        .neighbours = row + 5 * n,
        .alignment = row + 6 * n,
        .cohesion = row + 7 * n,
        .crowding = row + 8 * n,
        .flocking = row + 9 * n,
        .age = row + 10 * n,
        .gain = row + 11 * n,
        .sum_neighbours = row + 12 * n,
        .sum_alignment = row + 13 * n,
        .sum_cohesion = row + 14 * n,
        .sum_crowding = row + 15 * n,
        .sum_flocking = row + 16 * n,
    };
    return table;
}

static inline BoidsSorted boids_sorted(const Boids* s)
{
    float* row = (float*)((uint8_t*)s + s->sorted_offset);
    size_t n = (size_t)boids_sorted_stride(s->boids);
    BoidsSorted sorted = { row, row + n, row + 2 * n, row + 3 * n, row + 4 * n };
    return sorted;
}

static inline BoidsView* boids_view(const Boids* s, int32_t id)
{
    return (BoidsView*)((uint8_t*)s + s->views_offset) + id;
}

static int32_t* boids_bin_of(const Boids* s) { return (int32_t*)((uint8_t*)s + s->bins_offset); }
static int32_t* boids_order(const Boids* s) { return boids_bin_of(s) + s->boids; }
static int32_t* boids_starts(const Boids* s) { return boids_order(s) + s->boids; }

static void boids_prepare(void* setup)
{
    BoidsSetup* given = setup;
    Boids* s = &given->state;
    s->side = boids_side(given);
    s->cells = boids_cells(s->side);
    s->per_cell = (float)s->cells / s->side;
    s->table_offset = boids_align((int32_t)sizeof(Boids));
    s->views_offset = s->table_offset + boids_table_bytes(s->boids);
    s->sorted_offset = s->views_offset + boids_views_bytes(s->boids);
    s->bins_offset = s->sorted_offset + boids_sorted_bytes(s->boids);
    s->table_rows = BOIDS_ROWS;
    s->view_size = BOIDS_VIEW;
}

// ---- The grid ----

// A run of places in the sorted rows, and how far to shift them to where this cell sees them.
typedef struct BoidsRun {
    int32_t begin, end;
    float shift_x, shift_y;
} BoidsRun;

enum { BOIDS_RUNS = 6 }; // three rows of cells, with up to two runs each

// All who may be in sight from a cell.
typedef struct BoidsCell {
    int32_t count;
    BoidsRun runs[BOIDS_RUNS];
} BoidsCell;

static void boids_reorder(int32_t n, const int32_t* restrict order, const float* restrict from, float* restrict to)
{
    for (int32_t i = 0; i < n; i++) {
        to[i] = from[order[i]];
    }
}

// Sort the boids into cells, and copy what others see of them in that order.
static void boids_sort(Boids* s)
{
    int32_t n = s->boids, cells = s->cells;
    BoidsTable table = boids_table(s);
    BoidsSorted sorted = boids_sorted(s);
    int32_t *bin_of = boids_bin_of(s), *order = boids_order(s);
    for (int32_t i = 0; i < n; i++) {
        int32_t column = (int32_t)(table.x[i] * s->per_cell), row = (int32_t)(table.y[i] * s->per_cell);
        column = column < cells ? column : cells - 1;
        row = row < cells ? row : cells - 1;
        bin_of[i] = row * cells + column;
    }
    puf_sort_bins(n, bin_of, cells * cells, boids_starts(s), order);
    boids_reorder(n, order, table.x, sorted.x);
    boids_reorder(n, order, table.y, sorted.y);
    boids_reorder(n, order, table.heading_x, sorted.heading_x);
    boids_reorder(n, order, table.heading_y, sorted.heading_y);
    boids_reorder(n, order, table.speed, sorted.speed);
}

static void boids_add_run(const Boids* s, BoidsCell* cell, int32_t first, int32_t last, float shift_x, float shift_y)
{
    const int32_t* starts = boids_starts(s);
    BoidsRun* run = &cell->runs[cell->count];
    run->begin = starts[first];
    run->end = starts[last + 1];
    run->shift_x = shift_x;
    run->shift_y = shift_y;
    cell->count += run->begin < run->end;
}

// The runs around a cell, from one side of the world to the other where the cell is at its edge.
static void boids_find_runs(const Boids* s, BoidsCell* cell, int32_t row, int32_t column)
{
    int32_t last = s->cells - 1;
    cell->count = 0;
    for (int32_t step = -1; step <= 1; step++) {
        int32_t other = row + step;
        float shift_y = other < 0 ? -s->side : other > last ? s->side : 0.0f;
        other = other < 0 ? last : other > last ? 0 : other;
        int32_t base = other * s->cells;
        if (column == 0) {
            boids_add_run(s, cell, base + last, base + last, -s->side, shift_y);
        }
        int32_t west = column == 0 ? 0 : column - 1, east = column == last ? last : column + 1;
        boids_add_run(s, cell, base + west, base + east, 0.0f, shift_y);
        if (column == last) {
            boids_add_run(s, cell, base, base, s->side, shift_y);
        }
    }
}
