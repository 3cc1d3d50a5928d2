// drone_lanes.h - the steps of drone.h, for 16 drones side by side, of one world or of several.
//
// All here is speed. Rows become columns, short loops over the lanes call the functions of the rules, and compilers turn
// those loops into vector instructions. drone.h includes this file behind its rules.
#pragma once

enum {
    DRONE_LANES = 16, // any number gives the same results
    DRONE_BLOCKS = DRONE_MAX_DRONES / DRONE_LANES,
    DRONE_LINES = DRONE_COLUMNS / DRONE_LANES,
    DRONE_CHANGING = 2, // of the lines: the others change only together with goal and body
};

// 16 rows as columns: of.position[2][i] is the height of lane i.
#define DRONE_NUMBER(name, least, most, text) float name[DRONE_LANES];
#define DRONE_VECTOR(name, count, least, most, text) float name[count][DRONE_LANES];
typedef struct DroneColumns {
    DRONE_PARTS(DRONE_NUMBER, DRONE_VECTOR)
} DroneColumns;
#undef DRONE_NUMBER
#undef DRONE_VECTOR
_Static_assert(sizeof(DroneRow) == DRONE_LINES * DRONE_LANES * sizeof(float), "a row is a whole number of lines");
_Static_assert(offsetof(DroneRow, goal) == DRONE_CHANGING * DRONE_LANES * sizeof(float), "a step changes no goal");

typedef struct DroneBlock {
    DroneColumns of;
    int32_t tick[DRONE_LANES];   // of the world
    float from[3][DRONE_LANES];  // position before the step
    float way[3][DRONE_LANES];   // to the goal
    float drift[3][DRONE_LANES]; // velocity of the goal
    float reward[DRONE_LANES];
    int32_t crashed[DRONE_LANES];                       // 1: hit the ground hard
    int32_t left[DRONE_LANES];                          // 1: left the room
    int32_t passed[DRONE_LANES];                        // 1: passed a ring
    int32_t over[DRONE_LANES];                          // 1: the world has reached max_steps
    float square[DRONE_MAX_NEIGHBOURS][DRONE_LANES];    // squared distances to the nearest, the nearest first
    int32_t nearest[DRONE_MAX_NEIGHBOURS][DRONE_LANES]; // their lanes in the group, or -1
} DroneBlock;

// The drones of one large world, or of as many small ones as fit into a block.
typedef struct DroneGroup {
    Drone* worlds[DRONE_MAX_DRONES];
    DroneRow* rows[DRONE_MAX_DRONES];
    int32_t world_of[DRONE_MAX_DRONES];
    int32_t num_worlds, agents, lanes, num_blocks;
    DroneBlock blocks[DRONE_BLOCKS];
} DroneGroup;

// ---- Rows to columns and back. ----

enum { DRONE_TILE = DRONE_LANES * DRONE_LANES };

// Four perfect shuffles of 256 numbers turn 16 rows of 16 into columns: each rotates the eight bits of the index by one.
static inline void drone_shuffle(const float* restrict from, float* restrict to)
{
    for (int32_t k = 0; k < DRONE_TILE / 2; k++) {
        to[2 * k] = from[k];
        to[2 * k + 1] = from[DRONE_TILE / 2 + k];
    }
}

// The inverse: four of them turn columns into rows.
static inline void drone_unshuffle(const float* restrict from, float* restrict low, float* restrict high, int32_t n)
{
    for (int32_t k = 0; k < n; k++) {
        low[k] = from[2 * k];
        high[k] = from[2 * k + 1];
    }
}

// 16 numbers of each of 16 rows, from element `at` on, into columns.
static inline void drone_turn_in(float* const* rows, int32_t at, float* restrict columns)
{
    float one[DRONE_TILE];
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        memcpy(one + i * DRONE_LANES, rows[i] + at, DRONE_LANES * sizeof(float));
    }
    float other[DRONE_TILE];
    drone_shuffle(one, other);
    drone_shuffle(other, one);
    drone_shuffle(one, other);
    drone_shuffle(other, columns);
}

// Columns back into rows; the last shuffle writes right into the rows.
static inline void drone_turn_out(const float* restrict columns, float* const* rows, int32_t at)
{
    enum { HALF = DRONE_TILE / 2 };
    float one[DRONE_TILE], other[DRONE_TILE];
    drone_unshuffle(columns, one, one + HALF, HALF);
    drone_unshuffle(one, other, other + HALF, HALF);
    drone_unshuffle(other, one, one + HALF, HALF);
    for (int32_t i = 0; i < DRONE_LANES / 2; i++) {
        drone_unshuffle(one + 2 * DRONE_LANES * i, rows[i] + at, rows[i + DRONE_LANES / 2] + at, DRONE_LANES);
    }
}

static inline int32_t drone_lanes_in(const DroneGroup* g, int32_t block)
{
    int32_t left = g->lanes - block * DRONE_LANES;
    return left < DRONE_LANES ? left : DRONE_LANES;
}

static inline DroneBlock* drone_block_of(DroneGroup* g, int32_t lane) { return &g->blocks[lane / DRONE_LANES]; }

// Collect the drones of the first worlds of the group.
static void drone_gather(DroneGroup* g, int32_t num_worlds, int32_t agents)
{
    g->num_worlds = num_worlds;
    g->agents = agents;
    g->lanes = num_worlds * agents;
    g->num_blocks = (g->lanes + DRONE_LANES - 1) / DRONE_LANES;
    for (int32_t lane = 0, w = 0, i = 0; lane < g->lanes; lane++) {
        g->rows[lane] = drone_row(g->worlds[w], i);
        g->world_of[lane] = w;
        i = i + 1 < agents ? i + 1 : 0;
        w += i == 0;
    }
    for (int32_t lane = g->lanes; lane < g->num_blocks * DRONE_LANES; lane++) {
        g->world_of[lane] = -1;
    }
}

// The float columns of a block, in the order of the row's floats.
static inline float* drone_column(DroneBlock* b, int32_t column) { return (float*)&b->of + column * DRONE_LANES; }

// From rows to columns. Spare lanes repeat the first.
static void drone_load(DroneGroup* g)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        DroneBlock* block = &g->blocks[b];
        int32_t lanes = drone_lanes_in(g, b);
        float* rows[DRONE_LANES];
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            int32_t lane = b * DRONE_LANES + (i < lanes ? i : 0);
            rows[i] = (float*)g->rows[lane];
            block->tick[i] = g->worlds[g->world_of[lane]]->tick;
        }
        for (int32_t line = 0; line < DRONE_LINES; line++) {
            drone_turn_in(rows, line * DRONE_LANES, drone_column(block, line * DRONE_LANES));
        }
    }
}

// And back, the lines that a step changes.
static void drone_store(DroneGroup* g)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        int32_t lanes = drone_lanes_in(g, b);
        float nowhere[DRONE_CHANGING * DRONE_LANES];
        float* rows[DRONE_LANES];
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            rows[i] = i < lanes ? (float*)g->rows[b * DRONE_LANES + i] : nowhere;
        }
        for (int32_t line = 0; line < DRONE_CHANGING; line++) {
            drone_turn_out(drone_column(&g->blocks[b], line * DRONE_LANES), rows, line * DRONE_LANES);
        }
    }
}

// Load one drone again, after its row was changed.
static void drone_reload(DroneGroup* g, int32_t lane)
{
    DroneBlock* b = drone_block_of(g, lane);
    int32_t i = lane % DRONE_LANES;
    for (int32_t column = 0; column < DRONE_COLUMNS; column++) {
        drone_column(b, column)[i] = ((float*)g->rows[lane])[column];
    }
    b->tick[i] = g->worlds[g->world_of[lane]]->tick;
}

// A lane as a row. Compilers load only the members that are used, into registers.
static inline void drone_take3(float v[3], const float (*column)[DRONE_LANES], int32_t i)
{
    v[0] = column[0][i];
    v[1] = column[1][i];
    v[2] = column[2][i];
}

static inline void drone_take4(float v[4], const float (*column)[DRONE_LANES], int32_t i)
{
    drone_take3(v, column, i);
    v[3] = column[3][i];
}

#define DRONE_NUMBER(name, least, most, text) d.name = c->name[i];
#define DRONE_VECTOR(name, count, least, most, text) drone_take##count(d.name, c->name, i);
static inline DroneRow drone_take(const DroneColumns* c, int32_t i)
{
    DroneRow d;
    DRONE_PARTS(DRONE_NUMBER, DRONE_VECTOR)
    return d;
}
#undef DRONE_NUMBER
#undef DRONE_VECTOR

static inline void drone_give3(const float v[3], float (*column)[DRONE_LANES], int32_t i)
{
    column[0][i] = v[0];
    column[1][i] = v[1];
    column[2][i] = v[2];
}

static inline void drone_give4(const float v[4], float (*column)[DRONE_LANES], int32_t i)
{
    drone_give3(v, column, i);
    column[3][i] = v[3];
}

// ---- Flight. ----

static void drone_move_block(DroneBlock* b, const float* controls, int32_t lanes)
{
    DroneColumns* restrict c = &b->of;
    float command[4][DRONE_LANES], hit[DRONE_LANES] = { 0 };
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        const float* action = controls + 4 * (i < lanes ? i : 0);
        for (int32_t rotor = 0; rotor < 4; rotor++) {
            command[rotor][i] = drone_command(action[rotor]);
        }
    }
    memcpy(b->from, c->position, sizeof(b->from));
    for (int32_t substep = 0; substep < DRONE_SUBSTEPS; substep++) {
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            DroneRow d = drone_take(c, i);
            float wanted[4];
            drone_take4(wanted, (const float (*)[DRONE_LANES])command, i);
            drone_spin(&d, wanted);
            drone_give4(d.rotors, c->rotors, i);
            drone_give3(d.rates, c->rates, i);
            drone_give4(d.attitude, c->attitude, i);
        }
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            DroneRow d = drone_take(c, i);
            hit[i] = puf_maxf(hit[i], drone_fly(&d));
            drone_give3(d.position, c->position, i);
            drone_give3(d.velocity, c->velocity, i);
        }
    }
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        b->crashed[i] = hit[i] > 0.0f;
    }
}

// ---- Neighbours. ----

// A block is compared with this many drones at a time, so that what it keeps stays in registers.
enum { DRONE_CHUNK = 4 };
typedef struct DroneFound {
    float square[DRONE_CHUNK][DRONE_LANES];
    int32_t lane[DRONE_CHUNK][DRONE_LANES];
} DroneFound;

// Squared distances from a block to the drones in the lanes from `first` on; those in other worlds are nowhere.
static inline void drone_compare(const DroneGroup* g, int32_t block, int32_t first, DroneFound* restrict found)
{
    const float (*at)[DRONE_LANES] = (const float (*)[DRONE_LANES])g->blocks[block].of.position;
    const int32_t* own = g->world_of + block * DRONE_LANES;
    for (int32_t c = 0; c < DRONE_CHUNK; c++) {
        int32_t j = first + c;
        const DroneBlock* other = &g->blocks[j / DRONE_LANES];
        float x = other->of.position[0][j % DRONE_LANES], y = other->of.position[1][j % DRONE_LANES];
        float z = other->of.position[2][j % DRONE_LANES];
        int32_t world = j < g->lanes ? g->world_of[j] : -1, self = j - block * DRONE_LANES;
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            float dx = x - at[0][i], dy = y - at[1][i], dz = z - at[2][i];
            float square = dx * dx + dy * dy + dz * dz;
            int32_t strange = (own[i] != world) | (i == self);
            found->square[c][i] = strange ? DRONE_NOWHERE : square;
            found->lane[c][i] = j;
        }
    }
}

// Keep the nearer of two and pass on the other. Its lane follows by arithmetic: gcc would branch for a second choice.
static inline void drone_keep(float* held, int32_t* holder, float* found, int32_t* finder)
{
    float square = *held, candidate = *found;
    int32_t lane = *holder, comer = *finder;
    int32_t kept = candidate < square ? comer : lane;
    *held = puf_minf(candidate, square);
    *found = puf_maxf(square, candidate);
    *holder = kept;
    *finder = lane + comer - kept;
}

// The nearest of each drone's world, by comparing all with all. Of two equally near, the first.
static void drone_search(DroneGroup* g, int32_t wanted)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        float square[DRONE_MAX_NEIGHBOURS][DRONE_LANES];
        int32_t nearest[DRONE_MAX_NEIGHBOURS][DRONE_LANES];
        for (int32_t k = 0; k < wanted; k++) {
            for (int32_t i = 0; i < DRONE_LANES; i++) {
                square[k][i] = DRONE_NOWHERE;
                nearest[k][i] = -1;
            }
        }
        for (int32_t first = 0; first < g->lanes; first += DRONE_CHUNK) {
            DroneFound found;
            drone_compare(g, b, first, &found);
            for (int32_t k = 0; k < wanted; k++) {
                PUF_VECTORIZE(16)
                for (int32_t i = 0; i < DRONE_LANES; i++) {
                    float held = square[k][i];
                    int32_t holder = nearest[k][i];
                    drone_keep(&held, &holder, &found.square[0][i], &found.lane[0][i]);
                    drone_keep(&held, &holder, &found.square[1][i], &found.lane[1][i]);
                    drone_keep(&held, &holder, &found.square[2][i], &found.lane[2][i]);
                    drone_keep(&held, &holder, &found.square[3][i], &found.lane[3][i]);
                    square[k][i] = held;
                    nearest[k][i] = holder;
                }
            }
        }
        memcpy(g->blocks[b].square, square, (size_t)wanted * sizeof(square[0]));
        memcpy(g->blocks[b].nearest, nearest, (size_t)wanted * sizeof(nearest[0]));
    }
}

static void drone_bounce_lanes(DroneGroup* g, int32_t one, int32_t other)
{
    DroneColumns* a = &drone_block_of(g, one)->of;
    DroneColumns* b = &drone_block_of(g, other)->of;
    int32_t i = one % DRONE_LANES, j = other % DRONE_LANES;
    DroneRow first = drone_take(a, i), second = drone_take(b, j);
    drone_bounce(&first, &second);
    a->contact[i] = first.contact;
    b->contact[j] = second.contact;
    drone_give3(first.velocity, a->velocity, i);
    drone_give3(second.velocity, b->velocity, j);
}

static void drone_contacts(DroneGroup* g)
{
    const float widest = 2.0f * DRONE_RADIUS * 1.2f; // two of the largest bodies
    for (int32_t one = 0; one < g->lanes; one++) {
        drone_block_of(g, one)->of.contact[one % DRONE_LANES] = 0.0f;
    }
    for (int32_t one = 0; one < g->lanes; one++) {
        if (drone_block_of(g, one)->square[0][one % DRONE_LANES] < widest * widest) {
            for (int32_t other = one + 1; other < g->lanes && g->world_of[other] == g->world_of[one]; other++) {
                drone_bounce_lanes(g, one, other);
            }
        }
    }
}

// ---- Goals, rewards and ends. ----

// Where the goals are at the block's time, and how they move.
static void drone_find_goals(DroneBlock* restrict b)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        DroneRow d = drone_take(&b->of, i);
        float time = drone_time(b->tick[i]), way[3], drift[3];
        drone_find_goal_on(&d, 0, time, &way[0], &drift[0]);
        drone_find_goal_on(&d, 1, time, &way[1], &drift[1]);
        drone_find_goal_on(&d, 2, time, &way[2], &drift[2]);
        drone_give3(way, b->way, i);
        drone_give3(drift, b->drift, i);
    }
}

static void drone_find_rings(DroneBlock* restrict b)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        DroneRow d = drone_take(&b->of, i);
        float from[3];
        drone_take3(from, (const float (*)[DRONE_LANES])b->from, i);
        b->passed[i] = drone_passes(&d, from);
    }
}

static void drone_judge_block(DroneBlock* restrict b, const Drone* s)
{
    DroneColumns* c = &b->of;
    DroneRewards rewards = s->rewards;
    float half = s->half, height = s->height;
    int32_t max_steps = s->max_steps;
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        DroneRow d = drone_take(c, i);
        float way[3];
        drone_take3(way, (const float (*)[DRONE_LANES])b->way, i);
        int32_t crashed = b->crashed[i], left = drone_outside(&d, half, height) & !crashed;
        b->reward[i] = drone_judge(&d, &rewards, way, b->passed[i], crashed | left);
        b->left[i] = left;
        b->over[i] = b->tick[i] >= max_steps;
        c->distance[i] = d.distance;
        c->age[i] = d.age;
        c->within[i] = d.within;
        c->total[i] = d.total;
    }
}

// ---- Observations. ----

typedef struct DroneAxesLanes {
    float x[3][DRONE_LANES], y[3][DRONE_LANES], z[3][DRONE_LANES];
} DroneAxesLanes;

static inline DroneAxes drone_take_axes(const DroneAxesLanes* axes, int32_t i)
{
    DroneAxes a;
    drone_take3(a.x, axes->x, i);
    drone_take3(a.y, axes->y, i);
    drone_take3(a.z, axes->z, i);
    return a;
}

static void drone_find_axes(const DroneColumns* restrict c, DroneAxesLanes* restrict axes)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float attitude[4];
        drone_take4(attitude, c->attitude, i);
        DroneAxes a = drone_axes(attitude);
        drone_give3(a.x, axes->x, i);
        drone_give3(a.y, axes->y, i);
        drone_give3(a.z, axes->z, i);
    }
}

// Where a part of the view is in an observation's columns.
#define DRONE_SEEN(part) (seen + offsetof(DroneView, part) / sizeof(float))

static void drone_see_own(const DroneBlock* restrict b, const DroneAxesLanes* restrict axes,
                          float (*restrict seen)[DRONE_LANES])
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        DroneRow d = drone_take(&b->of, i);
        DroneAxes a = drone_take_axes(axes, i);
        DroneView v;
        drone_see_body(&d, &a, &v);
        drone_give3(v.rates, DRONE_SEEN(rates), i);
        drone_give3(v.up, DRONE_SEEN(up), i);
        drone_give4(v.rotors, DRONE_SEEN(rotors), i);
        DRONE_SEEN(height)[0][i] = v.height;
    }
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        DroneRow d = drone_take(&b->of, i);
        DroneAxes a = drone_take_axes(axes, i);
        DroneView v;
        float drift[3];
        drone_take3(drift, b->drift, i);
        drone_see_velocities(&d, &a, drift, &v);
        drone_give3(v.velocity, DRONE_SEEN(velocity), i);
        drone_give3(v.drift, DRONE_SEEN(drift), i);
    }
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        DroneAxes a = drone_take_axes(axes, i);
        DroneView v;
        float way[3];
        drone_take3(way, b->way, i);
        drone_see_goal(&a, way, &v);
        DRONE_SEEN(distance)[0][i] = v.distance;
        drone_give3(v.near, DRONE_SEEN(near), i);
        drone_give3(v.far, DRONE_SEEN(far), i);
    }
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        DroneRow d = drone_take(&b->of, i);
        DroneAxes a = drone_take_axes(axes, i);
        DroneView v;
        drone_see_rings(&d, &a, &v);
        drone_give3(v.ring, DRONE_SEEN(ring), i);
        drone_give3(v.next, DRONE_SEEN(next), i);
        DRONE_SEEN(turn)[0][i] = v.turn[0];
        DRONE_SEEN(turn)[1][i] = v.turn[1];
    }
}

// The k-th nearest; zeros where there is none.
static void drone_see_neighbour(DroneGroup* g, int32_t block, int32_t k, const DroneAxesLanes* restrict axes,
                                float (*restrict seen)[DRONE_LANES])
{
    const DroneBlock* b = &g->blocks[block];
    float away[6][DRONE_LANES];
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        int32_t lane = b->nearest[k][i] < 0 ? block * DRONE_LANES + i : b->nearest[k][i];
        DroneColumns* other = &drone_block_of(g, lane)->of;
        for (int32_t c = 0; c < 3; c++) {
            away[c][i] = other->position[c][lane % DRONE_LANES] - b->of.position[c][i];
            away[3 + c][i] = other->velocity[c][lane % DRONE_LANES] - b->of.velocity[c][i];
        }
    }
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        DroneAxes a = drone_take_axes(axes, i);
        DroneOtherView v;
        float way[3], velocity[3];
        drone_take3(way, (const float (*)[DRONE_LANES])away, i);
        drone_take3(velocity, (const float (*)[DRONE_LANES])away + 3, i);
        drone_see_other(&a, way, velocity, &v);
        drone_give3(v.near, seen, i);
        drone_give3(v.velocity, seen + 3, i);
    }
}

// The observations of one block into rows. Columns are turned 16 at a time, from the end on; the last ones turned may
// overlap those before.
static void drone_observe_block(DroneGroup* g, int32_t block, int32_t neighbours, float* const* rows)
{
    enum { MAX_SIZE = DRONE_OWN + DRONE_NEIGHBOUR * DRONE_MAX_NEIGHBOURS };
    float seen[MAX_SIZE][DRONE_LANES], nowhere[MAX_SIZE];
    float* to[DRONE_LANES];
    int32_t lanes = drone_lanes_in(g, block), size = drone_obs_size(neighbours), end = size;
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        to[i] = i < lanes ? rows[i] : nowhere;
    }
    DroneAxesLanes axes;
    drone_find_axes(&g->blocks[block].of, &axes);
    drone_see_own(&g->blocks[block], &axes, seen);
    for (int32_t k = 0; k < neighbours && g->agents > 1; k++) {
        drone_see_neighbour(g, block, k, &axes, seen + DRONE_OWN + k * DRONE_NEIGHBOUR);
    }
    for (; end > DRONE_OWN && g->agents == 1; end -= DRONE_LANES) { // nobody there
        for (int32_t i = 0; i < lanes; i++) {
            memset(to[i] + end - DRONE_LANES, 0, DRONE_LANES * sizeof(float));
        }
    }
    end = g->agents == 1 ? DRONE_OWN : size;
    while (end > 0) {
        end = puf_clampi(end - DRONE_LANES, 0, MAX_SIZE);
        drone_turn_out(seen[end], to, end);
    }
}

static void drone_observe_group(DroneGroup* g, float* const* rows)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_observe_block(g, b, g->worlds[0]->neighbours, rows + b * DRONE_LANES);
    }
}

// ---- A step. ----

static int32_t drone_wanted(const DroneGroup* g)
{
    int32_t neighbours = g->worlds[0]->neighbours;
    return neighbours > 1 ? neighbours : 1; // at least one, to find contacts
}

static void drone_look_around(DroneGroup* g)
{
    if (g->agents > 1) {
        drone_search(g, drone_wanted(g));
    }
}

// Observe the worlds as they are now.
static void drone_look(DroneGroup* g, float* const* rows)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_find_goals(&g->blocks[b]);
    }
    drone_look_around(g);
    drone_observe_group(g, rows);
}

// The final observations. Nobody has a new life yet, so neighbours are still where they were.
static void drone_see_last(DroneGroup* g, PufIo io, float* const* rows)
{
    int32_t neighbours = g->worlds[0]->neighbours;
    size_t size = (size_t)drone_obs_size(neighbours);
    for (int32_t b = 0; b < g->num_blocks; b++) {
        int32_t first = b * DRONE_LANES, end = first + drone_lanes_in(g, b), any = 0;
        for (int32_t lane = first; lane < end; lane++) {
            any |= io.terminals[lane] | io.truncations[lane];
        }
        if (any) {
            drone_observe_block(g, b, neighbours, rows + first);
        }
        for (int32_t lane = first; any && lane < end; lane++) {
            if (io.terminals[lane] | io.truncations[lane]) {
                memcpy((float*)io.final_obs + (size_t)lane * size, rows[lane], size * sizeof(float));
            }
        }
    }
}

// Log, then new lives, or a new world.
static void drone_end_group_lives(DroneGroup* g, PufIo io)
{
    for (int32_t lane = 0; lane < g->lanes; lane++) {
        if (io.terminals[lane] | io.truncations[lane]) {
            DroneBlock* b = drone_block_of(g, lane);
            int32_t i = lane % DRONE_LANES;
            drone_add_log(g->worlds[g->world_of[lane]], g->rows[lane], b->left[i], b->crashed[i]);
        }
    }
    for (int32_t w = 0; w < g->num_worlds; w++) {
        Drone* s = g->worlds[w];
        int32_t first = w * g->agents, over = drone_block_of(g, first)->over[first % DRONE_LANES];
        if (over) {
            drone_reset(s);
        }
        for (int32_t i = 0; i < g->agents; i++) {
            if (!over && io.terminals[first + i]) {
                drone_start(s, i, g->agents);
            }
            if (g->agents > 1 && (over | io.terminals[first + i])) { // a drone alone is loaded later
                drone_reload(g, first + i);
            }
        }
    }
}

// Report the results of a block, then count contacts and rings in the rows. Returns whether a life ended.
static int32_t drone_report_block(DroneGroup* g, int32_t block, PufIo io)
{
    DroneBlock* b = &g->blocks[block];
    int32_t first = block * DRONE_LANES, lanes = drone_lanes_in(g, block), ended = 0, rare = 0, moved = 0;
    memcpy(io.rewards + first, b->reward, (size_t)lanes * sizeof(float));
    for (int32_t i = 0; i < lanes; i++) {
        int32_t lost = b->left[i] | b->crashed[i], over = b->over[i] & !lost;
        io.terminals[first + i] = (uint8_t)lost;
        io.truncations[first + i] = (uint8_t)over;
        ended |= lost | over;
        rare |= b->passed[i] | (b->of.contact[i] > 0.0f);
    }
    for (int32_t i = 0; rare && i < lanes; i++) {
        if (b->of.contact[i] > 0.0f) {
            g->rows[first + i]->contacts += 1.0f;
        }
        if (b->passed[i] && !io.terminals[first + i]) {
            drone_pass_ring(g->worlds[g->world_of[first + i]], g->rows[first + i]);
            drone_reload(g, first + i);
            moved = 1;
        }
    }
    if (moved) {
        drone_find_goals(b);
    }
    return ended;
}

// Worlds of one drone in which a new life began in this step. They are observed later, many at a time.
typedef struct DroneNewborn {
    Drone* worlds[DRONE_MAX_DRONES];
    float* rows[DRONE_MAX_DRONES]; // of the observations
    int32_t count;
} DroneNewborn;

static void drone_observe_newborn(DroneGroup* g, DroneNewborn* newborn)
{
    memcpy(g->worlds, newborn->worlds, (size_t)newborn->count * sizeof(newborn->worlds[0]));
    drone_gather(g, newborn->count, 1);
    drone_load(g);
    drone_look(g, newborn->rows);
    newborn->count = 0;
}

// Observe again after lives ended: at once where others see the new drones, else later.
static void drone_look_again(DroneGroup* g, PufIo io, float* const* rows, DroneNewborn* newborn)
{
    if (g->agents > 1) {
        drone_look(g, rows);
        return;
    }
    for (int32_t w = 0; w < g->num_worlds; w++) {
        if (io.terminals[w] | io.truncations[w]) {
            newborn->worlds[newborn->count] = g->worlds[w];
            newborn->rows[newborn->count] = rows[w];
            newborn->count += 1;
        }
    }
}

static void drone_step_group(DroneGroup* g, PufIo io, DroneNewborn* newborn)
{
    float* rows[DRONE_MAX_DRONES];
    int32_t size = drone_obs_size(g->worlds[0]->neighbours), ended = 0;
    for (int32_t lane = 0; lane < g->lanes; lane++) {
        rows[lane] = (float*)io.obs + lane * size;
    }
    drone_load(g);
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_move_block(&g->blocks[b], io.controls + (size_t)b * DRONE_LANES * 4, drone_lanes_in(g, b));
    }
    drone_look_around(g);
    if (g->agents > 1) {
        drone_contacts(g);
    }
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_find_goals(&g->blocks[b]);
        drone_find_rings(&g->blocks[b]);
        drone_judge_block(&g->blocks[b], g->worlds[0]);
    }
    drone_store(g);
    for (int32_t b = 0; b < g->num_blocks; b++) {
        ended |= drone_report_block(g, b, io);
    }
    if (ended) {
        drone_see_last(g, io, rows);
        drone_end_group_lives(g, io);
        drone_look_again(g, io, rows, newborn);
    } else {
        drone_observe_group(g, rows);
    }
}

// Load into the cache, before it is needed.
static inline void drone_prefetch(const void* start, size_t size)
{
#ifdef __GNUC__
    for (size_t at = 0; at < size; at += 64) {
        __builtin_prefetch((const uint8_t*)start + at);
    }
#else
    (void)start, (void)size;
#endif
}

// The parts of worlds and observations that a step changes.
static void drone_prefetch_worlds(const PufLayout* layout, const void* states, int32_t n, PufIo io)
{
    const size_t first = offsetof(Drone, tick), size = (size_t)layout->state_size;
    for (int32_t w = 0; w < n; w++) {
        drone_prefetch((const uint8_t*)states + (size_t)w * size + first, size - first);
    }
    drone_prefetch(io.obs, (size_t)(n * layout->agents * layout->obs_shape[0]) * sizeof(float));
}

static int32_t drone_worlds_to_a_group(int32_t agents) { return agents < DRONE_LANES ? DRONE_LANES / agents : 1; }

static void drone_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    DroneGroup g;
    DroneNewborn newborn;
    newborn.count = 0;
    int32_t per_group = drone_worlds_to_a_group(layout->agents);
    for (int32_t first = 0; first < n; first += per_group) {
        int32_t here = puf_clampi(n - first, 0, per_group), next = puf_clampi(n - first - here, 0, per_group);
        uint8_t* world = (uint8_t*)states + (size_t)first * layout->state_size;
        for (int32_t w = 0; w < here; w++) {
            g.worlds[w] = (Drone*)world;
            g.worlds[w]->tick += 1;
            world += layout->state_size;
        }
        drone_prefetch_worlds(layout, world, next, puf_row(layout, PUF_F32, io, first + here));
        drone_gather(&g, here, layout->agents);
        drone_step_group(&g, puf_row(layout, PUF_F32, io, first), &newborn);
        if (newborn.count > DRONE_MAX_DRONES - DRONE_LANES) {
            drone_observe_newborn(&g, &newborn);
        }
    }
    if (newborn.count > 0) {
        drone_observe_newborn(&g, &newborn);
    }
}
