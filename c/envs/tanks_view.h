// tanks_view.h - what a tank of tanks.h sees: itself, whiskers, the nearest tanks in sight and the nearest shells.
#pragma once

// Where a tank is, and its heading as a unit vector.
typedef struct TanksPose {
    float x, y, cosine, sine;
} TanksPose;

static inline TanksPose tanks_pose(const Tanks* s, int32_t i)
{
    TanksPose pose = { (float)s->x[i], (float)s->y[i], tanks_unit_x(s->heading[i]), tanks_unit_y(s->heading[i]) };
    return pose;
}

// The parts of a vector that are forward and to the right of a tank.
static inline float tanks_forward(TanksPose own, float x, float y) { return x * own.cosine + y * own.sine; }
static inline float tanks_right(TanksPose own, float x, float y) { return y * own.cosine - x * own.sine; }
static inline float tanks_unit(float x) { return puf_clampf(x, -1.0f, 1.0f); }

// Finds the nearest of those from `first` to `end` - 1 that count, except one; at most `most`, nearest
// first. Returns how many it found.
static int32_t tanks_nearest(const float* distance, const int32_t* counts, int32_t first, int32_t end, int32_t except,
                             int32_t* found, int32_t most)
{
    int32_t candidates[TANKS_MAX_SHELLS + 1], num_candidates = 0, listed = 0;
    for (int32_t j = first; j < end; j++) {
        candidates[num_candidates] = j;
        num_candidates += counts[j] & (j != except);
    }
    for (int32_t k = 0; k < num_candidates; k++) {
        int32_t j = candidates[k];
        if (listed == most && distance[j] >= distance[found[most - 1]]) {
            continue;
        }
        listed += listed < most;
        int32_t at = listed - 1;
        for (; at > 0 && distance[j] < distance[found[at - 1]]; at--) {
            found[at] = found[at - 1];
        }
        found[at] = j;
    }
    return listed;
}

// Finds the nearest living tanks of a team, except tank i.
static int32_t tanks_find(const Tanks* s, int32_t team, int32_t i, const float* distance, int32_t* found, int32_t most)
{
    int32_t first = team * s->team_size;
    return tanks_nearest(distance, s->alive, first, first + s->team_size, i, found, most);
}

static void tanks_see_own(const Tanks* s, TanksPose own, int32_t i, TanksObs* out)
{
    int32_t team = tanks_team(s, i);
    float facing = team ? -1.0f : 1.0f, each = 1.0f / (float)s->team_size;
    float half_width = (float)((s->width + 2) * (TANKS_CELL / 2));
    float half_height = (float)((s->height + 2) * (TANKS_CELL / 2));
    out->alive = 1.0f;
    out->speed = (float)s->speed[i] * (1.0f / TANKS_FORWARD);
    out->reload = (float)s->reload[i] / (float)s->cooldown;
    out->flying = (float)s->flying[i] / (float)s->max_shells;
    out->blocked = (float)s->blocked[i];
    out->place[0] = (own.x - half_width) * facing / half_width;
    out->place[1] = (own.y - half_height) * facing / half_height;
    out->heading[0] = own.cosine * facing;
    out->heading[1] = own.sine * facing;
    out->left = (float)s->left[team] * each;
    out->enemies_left = (float)s->left[!team] * each;
    out->time = (float)s->tick / (float)s->max_steps;
}

// The heading of whisker k of tank i.
static inline int32_t tanks_whisker(const Tanks* s, int32_t i, int32_t k)
{
    return (s->heading[i] + tanks_whiskers[k]) & (TANKS_TURN - 1);
}

static inline void tanks_see_whiskers(const Tanks* s, int32_t i, float* whiskers)
{
    for (int32_t k = 0; k < TANKS_WHISKERS; k++) {
        int32_t heading = tanks_whisker(s, i, k);
        float dx = tanks_unit_x(heading), dy = tanks_unit_y(heading);
        whiskers[k] = tanks_cast(s, s->x[i], s->y[i], dx, dy, TANKS_WHISKER_RANGE) * (1.0f / TANKS_WHISKER_RANGE);
    }
}

static inline void tanks_see_tank(const Tanks* s, TanksPose own, int32_t j, TanksSeen* out)
{
    TanksPose other = tanks_pose(s, j);
    float dx = other.x - own.x, dy = other.y - own.y, distance = sqrtf(dx * dx + dy * dy);
    float shrink = 1.0f / puf_maxf(distance, 1.0f);
    out->present = 1.0f;
    out->distance = puf_minf(distance * (1.0f / TANKS_FAR), 1.0f);
    out->direction[0] = tanks_unit(tanks_forward(own, dx, dy) * shrink);
    out->direction[1] = tanks_unit(tanks_right(own, dx, dy) * shrink);
    out->heading[0] = tanks_unit(tanks_forward(own, other.cosine, other.sine));
    out->heading[1] = tanks_unit(tanks_right(own, other.cosine, other.sine));
}

static inline void tanks_see_tanks(const Tanks* s, TanksPose own, int32_t i, TanksObs* out)
{
    float distance[TANKS_MAX_TANKS];
    int32_t team = tanks_team(s, i), enemies[TANKS_ENEMIES], mates[TANKS_MATES];
    for (int32_t j = 0; j < 2 * s->team_size; j++) {
        float dx = (float)s->x[j] - own.x, dy = (float)s->y[j] - own.y;
        distance[j] = sqrtf(dx * dx + dy * dy);
    }
    int32_t num_enemies = tanks_find(s, !team, i, distance, enemies, TANKS_ENEMIES);
    int32_t num_mates = tanks_find(s, team, i, distance, mates, TANKS_MATES);
    for (int32_t k = 0; k < num_enemies; k++) {
        int32_t j = enemies[k];
        float shrink = 1.0f / puf_maxf(distance[j], 1.0f);
        float dx = ((float)s->x[j] - own.x) * shrink, dy = ((float)s->y[j] - own.y) * shrink;
        tanks_see_tank(s, own, j, &out->enemies[k].tank);
        out->enemies[k].in_sight = (float)tanks_sees(s, i, dx, dy, distance[j]);
    }
    for (int32_t k = 0; k < num_mates; k++) {
        tanks_see_tank(s, own, mates[k], &out->mates[k]);
    }
}

// The nearest shells that could destroy tank i.
static void tanks_see_shells(const Tanks* s, TanksPose own, int32_t i, TanksObs* out)
{
    float distance[TANKS_MAX_SHELLS];
    int32_t counts[TANKS_MAX_SHELLS], found[TANKS_DANGERS];
    for (int32_t k = 0; k < s->shells; k++) {
        float dx = (float)s->shell_x[k] - own.x, dy = (float)s->shell_y[k] - own.y;
        distance[k] = dx * dx + dy * dy;
        counts[k] = (tanks_are_hostile(s, s->shell_owner[k], i) | (s->friendly_fire & (s->shell_bounces[k] > 0))) &
                    (distance[k] < (float)TANKS_DANGER_RANGE * (float)TANKS_DANGER_RANGE);
    }
    int32_t count = tanks_nearest(distance, counts, 0, s->shells, -1, found, TANKS_DANGERS);
    for (int32_t n = 0; n < count; n++) {
        int32_t k = found[n];
        TanksDanger* seen = &out->dangers[n];
        float dx = (float)s->shell_x[k] - own.x, dy = (float)s->shell_y[k] - own.y;
        float vx = (float)s->shell_vx[k], vy = (float)s->shell_vy[k];
        seen->present = 1.0f;
        seen->position[0] = tanks_unit(tanks_forward(own, dx, dy) * (1.0f / TANKS_DANGER_RANGE));
        seen->position[1] = tanks_unit(tanks_right(own, dx, dy) * (1.0f / TANKS_DANGER_RANGE));
        seen->velocity[0] = tanks_unit(tanks_forward(own, vx, vy) * (1.0f / TANKS_SHELL_SPEED));
        seen->velocity[1] = tanks_unit(tanks_right(own, vx, vy) * (1.0f / TANKS_SHELL_SPEED));
    }
}

// Fills in the observations of all agents that are not wrecks; the rest stays zero.
static inline void tanks_show(const Tanks* s, TanksObs* out)
{
    for (int32_t i = 0; i < s->agents; i++) {
        if (s->alive[i]) {
            TanksPose own = tanks_pose(s, i);
            tanks_see_own(s, own, i, &out[i]);
            tanks_see_whiskers(s, i, out[i].whiskers);
            tanks_see_tanks(s, own, i, &out[i]);
            tanks_see_shells(s, own, i, &out[i]);
        }
    }
}
