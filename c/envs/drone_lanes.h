// drone_lanes.h - the steps of drone.h, for 16 drones side by side, of one world or of several.
//
// All here is speed: columns of numbers in short loops, which compilers turn into vector instructions. Included by
// drone.h, behind its rules.
#pragma once

// ---- Side by side: 16 drones, of one world or of several, as columns of numbers in short loops. ----

typedef struct DroneBlock {
    float of[DRONE_COLUMNS][DRONE_LANES]; // the rows, turned
    int32_t tick[DRONE_LANES];            // of the world
    float from[3][DRONE_LANES];           // position before the step
    float way[3][DRONE_LANES];            // to the goal
    float drift[3][DRONE_LANES];          // velocity of the goal
    float reward[DRONE_LANES];
    float hit[DRONE_LANES];                              // 1: the ground, hard
    int32_t passed[DRONE_LANES];                         // a ring
    int32_t left[DRONE_LANES];                           // the room
    int32_t crashed[DRONE_LANES];                        // on the ground
    int32_t over[DRONE_LANES];                           // the world's time is
    float square[DRONE_MOST_NEIGHBOURS][DRONE_LANES];    // distances to the nearest, the nearest first
    int32_t nearest[DRONE_MOST_NEIGHBOURS][DRONE_LANES]; // their lanes in the group, or -1
} DroneBlock;

// The drones of one large world, or of as many small ones as fit into a block.
typedef struct DroneGroup {
    Drone* worlds[DRONE_MOST];
    float* rows[DRONE_MOST];
    int32_t world_of[DRONE_MOST];
    int32_t num_worlds, agents, lanes, num_blocks;
    DroneBlock blocks[DRONE_BLOCKS];
} DroneGroup;

enum { DRONE_TILE = DRONE_LANES * DRONE_LANES };

// Four perfect shuffles of 256 numbers turn 16 rows of 16 into columns: each turns the index's eight bits by one.
static inline void drone_shuffle(const float* restrict from, float* restrict to)
{
    for (int32_t k = 0; k < DRONE_TILE / 2; k++) {
        to[2 * k] = from[k];
        to[2 * k + 1] = from[DRONE_TILE / 2 + k];
    }
}

// The same backwards: four of them do so as well.
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

// And out again: the last of the shuffles goes right into the rows.
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

// The drones of the first worlds of the group.
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

// From rows to columns. Lanes that are left over do what the first does.
static void drone_load(DroneGroup* g)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        DroneBlock* block = &g->blocks[b];
        int32_t lanes = drone_lanes_in(g, b);
        float* rows[DRONE_LANES];
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            int32_t lane = b * DRONE_LANES + (i < lanes ? i : 0);
            rows[i] = g->rows[lane];
            block->tick[i] = g->worlds[g->world_of[lane]]->tick;
        }
        for (int32_t line = 0; line < DRONE_LINES; line++) {
            drone_turn_in(rows, line * DRONE_LANES, block->of[line * DRONE_LANES]);
        }
    }
}

// And back: what the step changed.
static void drone_store(DroneGroup* g)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        int32_t lanes = drone_lanes_in(g, b);
        float nowhere[DRONE_CHANGING * DRONE_LANES];
        float* rows[DRONE_LANES];
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            rows[i] = i < lanes ? g->rows[b * DRONE_LANES + i] : nowhere;
        }
        for (int32_t line = 0; line < DRONE_CHANGING; line++) {
            drone_turn_out(g->blocks[b].of[line * DRONE_LANES], rows, line * DRONE_LANES);
        }
    }
}

// One drone anew, after its row was changed.
static void drone_reload(DroneGroup* g, int32_t lane)
{
    DroneBlock* b = drone_block_of(g, lane);
    int32_t i = lane % DRONE_LANES;
    for (int32_t column = 0; column < DRONE_COLUMNS; column++) {
        b->of[column][i] = g->rows[lane][column];
    }
    b->tick[i] = g->worlds[g->world_of[lane]]->tick;
}

// The rotors follow their commands and turn the body: angular velocity by the torques, attitude by the angular velocity.
static inline void drone_spin(float (*restrict d)[DRONE_LANES], float (*restrict command)[DRONE_LANES])
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float follows = d[DRONE_FOLLOWS][i];
        float u0 = d[DRONE_U0][i], u1 = d[DRONE_U1][i], u2 = d[DRONE_U2][i], u3 = d[DRONE_U3][i];
        u0 += follows * (command[0][i] - u0);
        u1 += follows * (command[1][i] - u1);
        u2 += follows * (command[2][i] - u2);
        u3 += follows * (command[3][i] - u3);
        d[DRONE_U0][i] = u0;
        d[DRONE_U1][i] = u1;
        d[DRONE_U2][i] = u2;
        d[DRONE_U3][i] = u3;
        float t0 = u0 * u0, t1 = u1 * u1, t2 = u2 * u2, t3 = u3 * u3;

        float ax = d[DRONE_ROLL][i] * ((t0 + t3) - (t1 + t2));
        float ay = d[DRONE_PITCH][i] * ((t2 + t3) - (t0 + t1));
        float az = d[DRONE_YAW][i] * ((t0 + t2) - (t1 + t3));
        float gx = d[DRONE_GYRO_X][i], gy = d[DRONE_GYRO_Y][i], gz = d[DRONE_GYRO_Z][i];
        float x = d[DRONE_WX][i], y = d[DRONE_WY][i], z = d[DRONE_WZ][i];
        float mid_x = x + 0.5f * DRONE_DT * (ax - gx * (y * z));
        float mid_y = y + 0.5f * DRONE_DT * (ay - gy * (z * x));
        float mid_z = z + 0.5f * DRONE_DT * (az - gz * (x * y));
        float calm = d[DRONE_CALM][i];
        x = (x + DRONE_DT * (ax - gx * (mid_y * mid_z))) * calm;
        y = (y + DRONE_DT * (ay - gy * (mid_z * mid_x))) * calm;
        z = (z + DRONE_DT * (az - gz * (mid_x * mid_y))) * calm;
        x = puf_clampf(x, -DRONE_TOP_RATE, DRONE_TOP_RATE);
        y = puf_clampf(y, -DRONE_TOP_RATE, DRONE_TOP_RATE);
        z = puf_clampf(z, -DRONE_TOP_RATE, DRONE_TOP_RATE);
        d[DRONE_WX][i] = x;
        d[DRONE_WY][i] = y;
        d[DRONE_WZ][i] = z;

        float h = 0.5f * DRONE_DT;
        float qw = d[DRONE_QW][i], qx = d[DRONE_QX][i], qy = d[DRONE_QY][i], qz = d[DRONE_QZ][i];
        float nw = qw - h * (qx * x + qy * y + qz * z);
        float nx = qx + h * (qw * x + qy * z - qz * y);
        float ny = qy + h * (qw * y + qz * x - qx * z);
        float nz = qz + h * (qw * z + qx * y - qy * x);
        float scale = 1.0f / sqrtf(nw * nw + nx * nx + ny * ny + nz * nz);
        d[DRONE_QW][i] = nw * scale;
        d[DRONE_QX][i] = nx * scale;
        d[DRONE_QY][i] = ny * scale;
        d[DRONE_QZ][i] = nz * scale;
    }
}

// Thrust along the body's z axis, weight and drag; then the position. The ground holds what comes down on it.
static inline void drone_fly(float (*restrict d)[DRONE_LANES], float* restrict hit)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float qw = d[DRONE_QW][i], qx = d[DRONE_QX][i], qy = d[DRONE_QY][i], qz = d[DRONE_QZ][i];
        float u0 = d[DRONE_U0][i], u1 = d[DRONE_U1][i], u2 = d[DRONE_U2][i], u3 = d[DRONE_U3][i];
        float lift = d[DRONE_LIFT][i] * ((u0 * u0 + u1 * u1) + (u2 * u2 + u3 * u3));
        float up_x = 2.0f * (qx * qz + qw * qy);
        float up_y = 2.0f * (qy * qz - qw * qx);
        float up_z = 1.0f - 2.0f * (qx * qx + qy * qy);
        float slow = d[DRONE_SLOW][i];
        float vx = (d[DRONE_VX][i] + DRONE_DT * (lift * up_x)) * slow;
        float vy = (d[DRONE_VY][i] + DRONE_DT * (lift * up_y)) * slow;
        float vz = (d[DRONE_VZ][i] + DRONE_DT * (lift * up_z - DRONE_GRAVITY)) * slow;
        vx = puf_clampf(vx, -DRONE_TOP_SPEED, DRONE_TOP_SPEED);
        vy = puf_clampf(vy, -DRONE_TOP_SPEED, DRONE_TOP_SPEED);
        vz = puf_clampf(vz, -DRONE_TOP_SPEED, DRONE_TOP_SPEED);
        float z = d[DRONE_Z][i] + DRONE_DT * vz;
        float fast = vz < -DRONE_HARD ? 1.0f : 0.0f;
        float tilted = up_z < DRONE_UPRIGHT ? 1.0f : 0.0f;
        float held = z < 0.0f ? 0.0f : 1.0f;
        hit[i] = puf_maxf(hit[i], puf_maxf(fast, tilted) * (1.0f - held));
        d[DRONE_X][i] += DRONE_DT * vx;
        d[DRONE_Y][i] += DRONE_DT * vy;
        d[DRONE_Z][i] = puf_maxf(z, 0.0f);
        d[DRONE_VX][i] = vx * held;
        d[DRONE_VY][i] = vy * held;
        d[DRONE_VZ][i] = vz * held;
    }
}

static void drone_move(DroneBlock* b, const float* controls, int32_t lanes)
{
    float command[4][DRONE_LANES];
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        const float* action = controls + 4 * (i < lanes ? i : 0);
        for (int32_t rotor = 0; rotor < 4; rotor++) {
            command[rotor][i] = 0.5f + 0.5f * action[rotor];
        }
        b->hit[i] = 0.0f;
    }
    memcpy(b->from, b->of[DRONE_X], sizeof(b->from));
    for (int32_t substep = 0; substep < DRONE_SUBSTEPS; substep++) {
        drone_spin(b->of, command);
        drone_fly(b->of, b->hit);
    }
}

// Those with whom the drones of a block are compared at a time: what is held meanwhile stays in registers.
enum { DRONE_CHUNK = 4 };
typedef struct DroneFound {
    float square[DRONE_CHUNK][DRONE_LANES];
    int32_t lane[DRONE_CHUNK][DRONE_LANES];
} DroneFound;

// Squared distances from a block to the drones in the lanes from `first` on; nowhere is who is in another world.
static inline void drone_compare(const DroneGroup* g, int32_t block, int32_t first, DroneFound* restrict found)
{
    const float (*d)[DRONE_LANES] = g->blocks[block].of;
    const int32_t* own = g->world_of + block * DRONE_LANES;
    for (int32_t c = 0; c < DRONE_CHUNK; c++) {
        int32_t j = first + c;
        const DroneBlock* other = &g->blocks[j / DRONE_LANES];
        float x = other->of[DRONE_X][j % DRONE_LANES], y = other->of[DRONE_Y][j % DRONE_LANES];
        float z = other->of[DRONE_Z][j % DRONE_LANES];
        int32_t world = j < g->lanes ? g->world_of[j] : -1, self = j - block * DRONE_LANES;
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            float dx = x - d[DRONE_X][i], dy = y - d[DRONE_Y][i], dz = z - d[DRONE_Z][i];
            float square = dx * dx + dy * dy + dz * dz;
            int32_t strange = (own[i] != world) | (i == self);
            found->square[c][i] = strange ? DRONE_NOWHERE : square;
            found->lane[c][i] = j;
        }
    }
}

// Keep the nearer of two, and hand on the other. (Whom it hands on is had by arithmetic: gcc would make a branch of it.)
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
        float square[DRONE_MOST_NEIGHBOURS][DRONE_LANES];
        int32_t nearest[DRONE_MOST_NEIGHBOURS][DRONE_LANES];
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

// Two drones that touch: as balls do, they exchange the momentum along the line of their centres.
static void drone_bounce(DroneGroup* g, int32_t one, int32_t other)
{
    float (*a)[DRONE_LANES] = drone_block_of(g, one)->of;
    float (*b)[DRONE_LANES] = drone_block_of(g, other)->of;
    int32_t i = one % DRONE_LANES, j = other % DRONE_LANES;
    float n[3], square = 0.0f, closing = 0.0f;
    for (int32_t k = 0; k < 3; k++) {
        n[k] = b[DRONE_X + k][j] - a[DRONE_X + k][i];
        square += n[k] * n[k];
    }
    float reach = a[DRONE_OWN_RADIUS][i] + b[DRONE_OWN_RADIUS][j];
    if (square >= reach * reach) {
        return;
    }
    a[DRONE_TOUCHES][i] = 1.0f;
    b[DRONE_TOUCHES][j] = 1.0f;
    float length = sqrtf(square);
    if (length <= 0.0f) {
        return; // in one place: there is no line between them
    }
    for (int32_t k = 0; k < 3; k++) {
        n[k] /= length;
        closing += n[k] * (a[DRONE_VX + k][i] - b[DRONE_VX + k][j]);
    }
    if (closing > 0.0f) {
        float mass_a = a[DRONE_OWN_MASS][i], mass_b = b[DRONE_OWN_MASS][j];
        float share = 2.0f * closing / (mass_a + mass_b);
        for (int32_t k = 0; k < 3; k++) {
            a[DRONE_VX + k][i] -= share * mass_b * n[k];
            b[DRONE_VX + k][j] += share * mass_a * n[k];
        }
    }
}

static void drone_contacts(DroneGroup* g)
{
    const float widest = 2.0f * DRONE_RADIUS * 1.2f; // two of the largest bodies
    for (int32_t one = 0; one < g->lanes; one++) {
        drone_block_of(g, one)->of[DRONE_TOUCHES][one % DRONE_LANES] = 0.0f;
    }
    for (int32_t one = 0; one < g->lanes; one++) {
        if (drone_block_of(g, one)->square[0][one % DRONE_LANES] < widest * widest) {
            for (int32_t other = one + 1; other < g->lanes && g->world_of[other] == g->world_of[one]; other++) {
                drone_bounce(g, one, other);
            }
        }
    }
}

// Where the goals are at the block's time, and how they move.
static void drone_find_goals(DroneBlock* b)
{
    for (int32_t axis = 0; axis < 3; axis++) {
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            float swing = b->of[DRONE_SWING + axis][i], pace = b->of[DRONE_PACE + axis][i];
            float sine, cosine;
            puf_sincosf(pace * drone_time(b->tick[i]) + b->of[DRONE_PHASE + axis][i], &sine, &cosine);
            b->way[axis][i] = b->of[DRONE_GOAL + axis][i] + swing * sine - b->of[DRONE_X + axis][i];
            b->drift[axis][i] = swing * pace * cosine;
        }
    }
}

// Whether the step led through the ring: its plane crossed the right way, near enough to the middle.
static void drone_find_rings(DroneBlock* b)
{
    float (*d)[DRONE_LANES] = b->of;
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float nx = d[DRONE_NORMAL][i], ny = d[DRONE_NORMAL + 1][i], nz = d[DRONE_NORMAL + 2][i];
        float x0 = b->from[0][i] - d[DRONE_GOAL][i], y0 = b->from[1][i] - d[DRONE_GOAL + 1][i];
        float z0 = b->from[2][i] - d[DRONE_GOAL + 2][i];
        float x1 = d[DRONE_X][i] - d[DRONE_GOAL][i], y1 = d[DRONE_Y][i] - d[DRONE_GOAL + 1][i];
        float z1 = d[DRONE_Z][i] - d[DRONE_GOAL + 2][i];
        float before = nx * x0 + ny * y0 + nz * z0, after = nx * x1 + ny * y1 + nz * z1;
        int32_t crosses = (before < 0.0f) & (after >= 0.0f);
        float step = after - before;
        float part = -before / (crosses ? step : 1.0f);
        float x = x0 + part * (x1 - x0), y = y0 + part * (y1 - y0), z = z0 + part * (z1 - z0);
        int32_t inside = x * x + y * y + z * z <= DRONE_GATE * DRONE_GATE;
        b->passed[i] = crosses & inside;
    }
}

static void drone_judge(DroneBlock* b, const Drone* s)
{
    float (*d)[DRONE_LANES] = b->of;
    DroneRewards r = s->rewards;
    float half = s->half, height = s->height;
    int32_t max_steps = s->max_steps;
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float x = b->way[0][i], y = b->way[1][i], z = b->way[2][i];
        float square = x * x + y * y + z * z;
        float away = sqrtf(square);
        float nearer = puf_clampf(d[DRONE_FAR][i] - away, -1.0f, 1.0f);
        float races = d[DRONE_RACES][i];
        float wx = d[DRONE_WX][i], wy = d[DRONE_WY][i], wz = d[DRONE_WZ][i];
        int32_t crashed = b->hit[i] > 0.0f;
        int32_t left = (fabsf(d[DRONE_X][i]) > half) | (fabsf(d[DRONE_Y][i]) > half) | (d[DRONE_Z][i] > height);
        left &= !crashed;
        float age = d[DRONE_AGE][i] + 1.0f;
        float there = ((away < DRONE_CLOSE) & (age > (float)DRONE_SETTLE)) ? 1.0f : 0.0f;
        float close = (1.0f - races) * r.close / (1.0f + 4.0f * square);
        float reward = close + r.progress * nearer + r.contact * d[DRONE_TOUCHES][i];
        reward -= r.spin * (wx * wx + wy * wy + wz * wz) * (1.0f / (3.0f * DRONE_TOP_RATE * DRONE_TOP_RATE));
        reward += (crashed | left) ? r.lost : b->passed[i] ? r.ring : 0.0f;
        b->reward[i] = reward;
        b->left[i] = left;
        b->crashed[i] = crashed;
        b->over[i] = b->tick[i] >= max_steps;
        d[DRONE_FAR][i] = away;
        d[DRONE_AGE][i] = age;
        d[DRONE_WITHIN][i] += there;
        d[DRONE_RETURN][i] += reward;
    }
}

// Rows of the rotation that turns the world's axes into the drone's.
typedef struct DroneAxes {
    float x[3][DRONE_LANES], y[3][DRONE_LANES], z[3][DRONE_LANES];
} DroneAxes;

static void drone_find_axes(float (*restrict d)[DRONE_LANES], DroneAxes* restrict axes)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float w = d[DRONE_QW][i], x = d[DRONE_QX][i], y = d[DRONE_QY][i], z = d[DRONE_QZ][i];
        axes->x[0][i] = 1.0f - 2.0f * (y * y + z * z);
        axes->x[1][i] = 2.0f * (x * y + w * z);
        axes->x[2][i] = 2.0f * (x * z - w * y);
        axes->y[0][i] = 2.0f * (x * y - w * z);
        axes->y[1][i] = 1.0f - 2.0f * (x * x + z * z);
        axes->y[2][i] = 2.0f * (y * z + w * x);
        axes->z[0][i] = 2.0f * (x * z + w * y);
        axes->z[1][i] = 2.0f * (y * z - w * x);
        axes->z[2][i] = 1.0f - 2.0f * (x * x + y * y);
    }
}

static inline float drone_unit(float x) { return puf_clampf(x, -1.0f, 1.0f); }

// A vector (x, y, z) times `scale`, in the drones' axes.
static inline void drone_see(const DroneAxes* restrict axes, const float* restrict x, const float* restrict y,
                             const float* restrict z, const float* restrict scale, float (*restrict seen)[DRONE_LANES])
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float vx = x[i] * scale[i], vy = y[i] * scale[i], vz = z[i] * scale[i];
        seen[0][i] = drone_unit(axes->x[0][i] * vx + axes->x[1][i] * vy + axes->x[2][i] * vz);
        seen[1][i] = drone_unit(axes->y[0][i] * vx + axes->y[1][i] * vy + axes->y[2][i] * vz);
        seen[2][i] = drone_unit(axes->z[0][i] * vx + axes->z[1][i] * vy + axes->z[2][i] * vz);
    }
}

// 1 / (distance + softness): what brings a way of any length to less than 1, and tells short ones apart.
static inline void drone_compress(const float* restrict x, const float* restrict y, const float* restrict z,
                                  float softness, float* restrict scale)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        scale[i] = 1.0f / (sqrtf(x[i] * x[i] + y[i] * y[i] + z[i] * z[i]) + softness);
    }
}

static inline void drone_fill(float* scale, float value)
{
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        scale[i] = value;
    }
}

enum {
    DRONE_SEES_VELOCITY = 0,
    DRONE_SEES_RATES = 3,
    DRONE_SEES_UP = 6,
    DRONE_SEES_ROTORS = 9,
    DRONE_SEES_HEIGHT = 13,
    DRONE_SEES_DISTANCE = 14,
    DRONE_SEES_NEAR = 15,
    DRONE_SEES_FAR = 18,
    DRONE_SEES_DRIFT = 21,
    DRONE_SEES_NORMAL = 24,
    DRONE_SEES_NEXT = 27,
    DRONE_SEES_TURN = 30, // how far the next ring is turned from this one
};
#define DRONE_SOFT 0.5f      // m
#define DRONE_SOFT_NEXT 4.0f // m

static void drone_see_own(const DroneBlock* restrict b, const DroneAxes* restrict axes,
                          float (*restrict seen)[DRONE_LANES])
{
    const float (*d)[DRONE_LANES] = (const float (*)[DRONE_LANES])b->of;
    float scale[DRONE_LANES], next[3][DRONE_LANES];
    drone_fill(scale, 1.0f / 8.0f);
    drone_see(axes, d[DRONE_VX], d[DRONE_VY], d[DRONE_VZ], scale, seen + DRONE_SEES_VELOCITY);
    drone_see(axes, b->drift[0], b->drift[1], b->drift[2], scale, seen + DRONE_SEES_DRIFT);
    drone_fill(scale, 1.0f / 16.0f);
    drone_see(axes, b->way[0], b->way[1], b->way[2], scale, seen + DRONE_SEES_FAR);
    drone_compress(b->way[0], b->way[1], b->way[2], DRONE_SOFT, scale);
    drone_see(axes, b->way[0], b->way[1], b->way[2], scale, seen + DRONE_SEES_NEAR);
    drone_fill(scale, 1.0f);
    drone_see(axes, d[DRONE_NORMAL], d[DRONE_NORMAL + 1], d[DRONE_NORMAL + 2], scale, seen + DRONE_SEES_NORMAL);
    for (int32_t k = 0; k < 3; k++) {
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            next[k][i] = (d[DRONE_NEXT + k][i] - d[DRONE_X + k][i]) * d[DRONE_RACES][i];
        }
    }
    drone_compress(next[0], next[1], next[2], DRONE_SOFT_NEXT, scale);
    drone_see(axes, next[0], next[1], next[2], scale, seen + DRONE_SEES_NEXT);
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float across =
            d[DRONE_NORMAL][i] * d[DRONE_NEXT_NORMAL][i] + d[DRONE_NORMAL + 1][i] * d[DRONE_NEXT_NORMAL + 1][i];
        float turn =
            d[DRONE_NORMAL][i] * d[DRONE_NEXT_NORMAL + 1][i] - d[DRONE_NORMAL + 1][i] * d[DRONE_NEXT_NORMAL][i];
        float x = b->way[0][i], y = b->way[1][i], z = b->way[2][i];
        seen[DRONE_SEES_TURN][i] = drone_unit(across);
        seen[DRONE_SEES_TURN + 1][i] = drone_unit(turn);
        seen[DRONE_SEES_HEIGHT][i] = drone_unit(d[DRONE_Z][i] * 0.25f - 1.0f);
        seen[DRONE_SEES_DISTANCE][i] = drone_unit(sqrtf(x * x + y * y + z * z) * 0.5f - 1.0f);
        seen[DRONE_SEES_RATES][i] = drone_unit(d[DRONE_WX][i] * 0.125f);
        seen[DRONE_SEES_RATES + 1][i] = drone_unit(d[DRONE_WY][i] * 0.125f);
        seen[DRONE_SEES_RATES + 2][i] = drone_unit(d[DRONE_WZ][i] * 0.125f);
        seen[DRONE_SEES_UP][i] = drone_unit(axes->x[2][i]);
        seen[DRONE_SEES_UP + 1][i] = drone_unit(axes->y[2][i]);
        seen[DRONE_SEES_UP + 2][i] = drone_unit(axes->z[2][i]);
        seen[DRONE_SEES_ROTORS][i] = drone_unit(2.0f * d[DRONE_U0][i] - 1.0f);
        seen[DRONE_SEES_ROTORS + 1][i] = drone_unit(2.0f * d[DRONE_U1][i] - 1.0f);
        seen[DRONE_SEES_ROTORS + 2][i] = drone_unit(2.0f * d[DRONE_U2][i] - 1.0f);
        seen[DRONE_SEES_ROTORS + 3][i] = drone_unit(2.0f * d[DRONE_U3][i] - 1.0f);
    }
}

// The k-th nearest; zeros where there is none.
static void drone_see_neighbour(DroneGroup* g, int32_t block, int32_t k, const DroneAxes* axes,
                                float (*seen)[DRONE_LANES])
{
    const DroneBlock* b = &g->blocks[block];
    float away[6][DRONE_LANES], scale[DRONE_LANES];
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        int32_t lane = b->nearest[k][i] < 0 ? block * DRONE_LANES + i : b->nearest[k][i];
        float (*other)[DRONE_LANES] = drone_block_of(g, lane)->of;
        for (int32_t c = 0; c < 6; c++) {
            away[c][i] = other[DRONE_X + c][lane % DRONE_LANES] - b->of[DRONE_X + c][i];
        }
    }
    drone_compress(away[0], away[1], away[2], DRONE_SOFT, scale);
    drone_see(axes, away[0], away[1], away[2], scale, seen);
    drone_fill(scale, 1.0f / 8.0f);
    drone_see(axes, away[3], away[4], away[5], scale, seen + 3);
}

// The observations of one block into rows. Columns are turned 16 at a time, from the end on; the last ones turned may
// overlap those before.
static void drone_observe_block(DroneGroup* g, int32_t block, int32_t neighbours, float* const* rows)
{
    enum { MOST = DRONE_OWN + DRONE_NEIGHBOUR * DRONE_MOST_NEIGHBOURS };
    float seen[MOST][DRONE_LANES], nowhere[MOST];
    float* to[DRONE_LANES];
    int32_t lanes = drone_lanes_in(g, block), size = drone_obs_size(neighbours), end = size;
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        to[i] = i < lanes ? rows[i] : nowhere;
    }
    DroneAxes axes;
    drone_find_axes(g->blocks[block].of, &axes);
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
        end = puf_clampi(end - DRONE_LANES, 0, MOST);
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
    return neighbours > 1 ? neighbours : 1; // one at least, to know who is in contact
}

static void drone_look_around(DroneGroup* g)
{
    if (g->agents > 1) {
        drone_search(g, drone_wanted(g));
    }
}

// What all see of the world as it is.
static void drone_look(DroneGroup* g, float* const* rows)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_find_goals(&g->blocks[b]);
    }
    drone_look_around(g);
    drone_observe_group(g, rows);
}

// What those ended see last. Their neighbours are still where they were.
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
static void drone_end_lives(DroneGroup* g, PufIo io)
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
            if (g->agents > 1 && (over | io.terminals[first + i])) { // one alone is loaded anew later
                drone_reload(g, first + i);
            }
        }
    }
}

// The next ring for those who passed one.
static void drone_next_ring(DroneGroup* g, int32_t lane)
{
    const Drone* s = g->worlds[g->world_of[lane]];
    float* row = g->rows[lane];
    row[DRONE_RINGS] += 1.0f;
    row[DRONE_RING] = row[DRONE_RING] + 1.0f < (float)DRONE_GATES ? row[DRONE_RING] + 1.0f : 0.0f;
    drone_aim_at_ring(s, row);
    drone_measure(s, row);
    drone_reload(g, lane);
}

// After the rows were stored: the results of a block, then what is rare. Returns whether a life ended.
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
        rare |= b->passed[i] | (b->of[DRONE_TOUCHES][i] > 0.0f);
    }
    for (int32_t i = 0; rare && i < lanes; i++) {
        if (b->of[DRONE_TOUCHES][i] > 0.0f) {
            g->rows[first + i][DRONE_CONTACTS] += 1.0f;
        }
        if (b->passed[i] && !io.terminals[first + i]) {
            drone_next_ring(g, first + i);
            moved = 1;
        }
    }
    if (moved) {
        drone_find_goals(b);
    }
    return ended;
}

// Worlds of one drone that begin a new life in this step. What they see of it is found out later, for many at a time.
typedef struct DroneNewborn {
    Drone* worlds[DRONE_MOST];
    float* rows[DRONE_MOST]; // of the observations
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

// After lives ended: now, as all see who is new, or later, if nobody else does.
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
    float* rows[DRONE_MOST];
    int32_t size = drone_obs_size(g->worlds[0]->neighbours), ended = 0;
    for (int32_t lane = 0; lane < g->lanes; lane++) {
        rows[lane] = (float*)io.obs + lane * size;
    }
    drone_load(g);
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_move(&g->blocks[b], io.controls + (size_t)b * DRONE_LANES * 4, drone_lanes_in(g, b));
    }
    drone_look_around(g);
    if (g->agents > 1) {
        drone_contacts(g);
    }
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_find_goals(&g->blocks[b]);
        drone_find_rings(&g->blocks[b]);
        drone_judge(&g->blocks[b], g->worlds[0]);
    }
    drone_store(g);
    for (int32_t b = 0; b < g->num_blocks; b++) {
        ended |= drone_report_block(g, b, io);
    }
    if (ended) {
        drone_see_last(g, io, rows);
        drone_end_lives(g, io);
        drone_look_again(g, io, rows, newborn);
    } else {
        drone_observe_group(g, rows);
    }
}

// Into the cache, before it is needed.
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

// What a step changes of worlds and observations.
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
    int32_t most = drone_worlds_to_a_group(layout->agents);
    for (int32_t first = 0; first < n; first += most) {
        int32_t here = puf_clampi(n - first, 0, most), next = puf_clampi(n - first - here, 0, most);
        uint8_t* world = (uint8_t*)states + (size_t)first * layout->state_size;
        for (int32_t w = 0; w < here; w++) {
            g.worlds[w] = (Drone*)world;
            g.worlds[w]->tick += 1;
            world += layout->state_size;
        }
        drone_prefetch_worlds(layout, world, next, puf_row(layout, PUF_F32, io, first + here));
        drone_gather(&g, here, layout->agents);
        drone_step_group(&g, puf_row(layout, PUF_F32, io, first), &newborn);
        if (newborn.count > DRONE_MOST - DRONE_LANES) {
            drone_observe_newborn(&g, &newborn);
        }
    }
    if (newborn.count > 0) {
        drone_observe_newborn(&g, &newborn);
    }
}

static void drone_observe(const Drone* s, PufIo io)
{
    DroneGroup g;
    float* rows[DRONE_MOST];
    g.worlds[0] = (Drone*)(uintptr_t)s;
    drone_gather(&g, 1, s->num_drones);
    for (int32_t lane = 0; lane < g.lanes; lane++) {
        rows[lane] = (float*)io.obs + lane * drone_obs_size(s->neighbours);
    }
    drone_load(&g);
    drone_look(&g, rows);
}
