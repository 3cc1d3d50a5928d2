// racer_lanes.h - parts of racer.h for many cars and whiskers at once, with the same results to the last bit.
//
// Compilers turn short loops over arrays, without branches, into vector instructions. So 32 cars move
// side by side, and 16 whiskers of a car are measured side by side. The rest of a step is the plain
// rules, car by car.
#pragma once

enum {
    RACER_LANES = 32, // cars moved side by side; any number gives the same results
    RACER_FEW = 4,    // up to so many cars, one by one is faster: a single car takes a fifth of the time
    RACER_RAYS = 16,  // whiskers measured side by side
};

// Rays from the car, and where they leave the road: the distance to there is top / bottom.
typedef struct RacerRays {
    float x[RACER_RAYS], y[RACER_RAYS]; // unit vectors
    float top[RACER_RAYS], bottom[RACER_RAYS];
    int32_t on[RACER_RAYS]; // -1: has met no edge yet; 0: has met one, or goes the other way
} RacerRays;

// RacerView, for many rays.
typedef struct RacerViews {
    RacerPoint left, right;
    float of_left[RACER_RAYS], of_right[RACER_RAYS];
} RacerViews;

static inline void racer_views(RacerViews* view, const RacerRays* rays, const Racer* s, RacerPoint left,
                               RacerPoint right)
{
    float lx = left.x - s->car.x, ly = left.y - s->car.y, rx = right.x - s->car.x, ry = right.y - s->car.y;
    view->left.x = lx;
    view->left.y = ly;
    view->right.x = rx;
    view->right.y = ry;
    for (int i = 0; i < RACER_RAYS; i++) {
        view->of_left[i] = rays->x[i] * ly - rays->y[i] * lx;
        view->of_right[i] = rays->x[i] * ry - rays->y[i] * rx;
    }
}

// The car's own cell: each ray leaves it between two of its four corners. Sets rays->on for rays that
// leave by the gate ahead, and `back` for those that leave by the gate behind; returns whether there
// are any of the latter.
static inline int32_t racer_leave_cell(RacerRays* rays, const RacerViews* near, const RacerViews* far, int32_t* back)
{
    float left_area = racer_area(near->left, far->left), right_area = racer_area(far->right, near->right);
    int32_t any = 0;
    for (int i = 0; i < RACER_RAYS; i++) {
        int left = (near->of_left[i] < 0.0f) & (far->of_left[i] >= 0.0f);
        int right = (far->of_right[i] <= 0.0f) & (near->of_right[i] > 0.0f);
        float left_across = far->of_left[i] - near->of_left[i], right_across = near->of_right[i] - far->of_right[i];
        float area = left ? left_area : right_area, across = left ? left_across : right_across;
        rays->top[i] = (left | right) ? area : RACER_SIGHT;
        rays->bottom[i] = (left | right) ? across : 1.0f;
        rays->on[i] = -((far->of_left[i] < 0.0f) & (far->of_right[i] > 0.0f));
        back[i] = -((near->of_right[i] <= 0.0f) & (near->of_left[i] >= 0.0f));
        any |= back[i];
    }
    return any;
}

// Rays that entered a cell by the gate `near` leave it by the gate `far`, or meet an edge. Returns
// whether any are still on.
static inline int32_t racer_cross_cell(RacerRays* rays, const RacerViews* near, const RacerViews* far)
{
    float left_area = racer_area(near->left, far->left), right_area = racer_area(far->right, near->right);
    int32_t any = 0;
    for (int i = 0; i < RACER_RAYS; i++) {
        int left = far->of_left[i] >= 0.0f, right = far->of_right[i] <= 0.0f;
        float left_across = far->of_left[i] - near->of_left[i], right_across = near->of_right[i] - far->of_right[i];
        float area = left ? left_area : right_area, across = left ? left_across : right_across;
        int32_t met = rays->on[i] & -(left | right);
        rays->top[i] = met ? area : rays->top[i];
        rays->bottom[i] = met ? across : rays->bottom[i];
        rays->on[i] &= ~met;
        any |= rays->on[i];
    }
    return any;
}

// racer_follow, forwards. Two cells at a time, so that no view is copied.
static inline void racer_look_ahead(RacerRays* rays, const Racer* s, const RacerPosts* posts, RacerViews* far)
{
    RacerViews next;
    for (int32_t k = 2; k < s->view_cells; k += 2) {
        racer_views(&next, rays, s, posts[k].left, posts[k].right);
        racer_cross_cell(rays, far, &next);
        racer_views(far, rays, s, posts[k + 1].left, posts[k + 1].right);
        if (!racer_cross_cell(rays, &next, far)) {
            return;
        }
    }
}

// racer_follow, backwards.
static inline void racer_look_back(RacerRays* rays, const Racer* s, const RacerPosts* posts)
{
    RacerViews near, far;
    racer_views(&near, rays, s, posts[0].right, posts[0].left);
    for (int32_t k = 1; k < s->view_cells; k++) {
        racer_views(&far, rays, s, posts[-k].right, posts[-k].left);
        if (!racer_cross_cell(rays, &near, &far)) {
            return;
        }
        near = far;
    }
}

// racer_feel, RACER_RAYS whiskers at a time.
static void racer_feel_lanes(const Racer* s, const RacerAssets* assets, RacerPoint nose, float* whiskers)
{
    enum { N = RACER_RAYS };
    const RacerPosts* posts = &assets->tracks[s->track].posts[RACER_AROUND + s->cell];
    for (int32_t first = 0; first < s->whiskers; first += N) {
        const float *forwards = assets->rays_x + first, *sideways = assets->rays_y + first;
        RacerRays rays;
        RacerViews near, far;
        int32_t back[N];
        for (int i = 0; i < N; i++) {
            rays.x[i] = forwards[i] * nose.x - sideways[i] * nose.y;
            rays.y[i] = forwards[i] * nose.y + sideways[i] * nose.x;
        }
        racer_views(&near, &rays, s, posts[0].left, posts[0].right);
        racer_views(&far, &rays, s, posts[1].left, posts[1].right);
        int32_t any_back = racer_leave_cell(&rays, &near, &far, back);
        racer_look_ahead(&rays, s, posts, &far);
        if (any_back) {
            memcpy(rays.on, back, sizeof(back));
            racer_look_back(&rays, s, posts);
        }
        float distance[N];
        for (int i = 0; i < N; i++) {
            distance[i] = puf_clampf(rays.top[i] / rays.bottom[i] * (1.0f / RACER_SIGHT), 0.0f, 1.0f);
        }
        memcpy(whiskers + first, distance, (size_t)puf_clampi(s->whiskers - first, 0, N) * sizeof(float));
    }
}

// racer_drive, for up to RACER_LANES cars.
static void racer_drive_lanes(Racer* s, int32_t n, const float* controls)
{
    enum { N = RACER_LANES };
    float steer[N], pedals[N], mu = s[0].grip;
    float x[N], y[N], yaw[N], vx[N], vy[N], spin[N], steering[N], front_slip[N], rear_slip[N];
    for (int i = 0; i < N; i++) { // lanes without a car repeat the last car
        const RacerCar* car = &s[i < n ? i : n - 1].car;
        const float* control = &controls[RACER_CONTROLS * (i < n ? i : n - 1)];
        x[i] = car->x;
        y[i] = car->y;
        yaw[i] = car->yaw;
        vx[i] = car->vx;
        vy[i] = car->vy;
        spin[i] = car->spin;
        steering[i] = car->steering;
        steer[i] = control[RACER_STEER];
        pedals[i] = control[RACER_PEDALS];
    }
    for (int32_t tick = 0; tick < s[0].frameskip; tick++) {
        for (int i = 0; i < N; i++) {
            RacerCar car = { x[i], y[i], yaw[i], vx[i], vy[i], spin[i], steering[i], 0.0f, 0.0f };
            car = racer_move(car, steer[i], pedals[i], mu);
            x[i] = car.x;
            y[i] = car.y;
            yaw[i] = car.yaw;
            vx[i] = car.vx;
            vy[i] = car.vy;
            spin[i] = car.spin;
            steering[i] = car.steering;
            front_slip[i] = car.front_slip;
            rear_slip[i] = car.rear_slip;
        }
    }
    for (int32_t i = 0; i < n; i++) {
        s[i].car.x = x[i];
        s[i].car.y = y[i];
        s[i].car.yaw = yaw[i];
        s[i].car.vx = vx[i];
        s[i].car.vy = vy[i];
        s[i].car.spin = spin[i];
        s[i].car.steering = steering[i];
        s[i].car.front_slip = front_slip[i];
        s[i].car.rear_slip = rear_slip[i];
        s[i].pedals = pedals[i];
    }
}

static void racer_observe(const Racer* s, PufIo io);

// Cars move side by side, then the rules judge each one.
static void racer_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    Racer* s = states;
    for (int32_t first = 0; first < n; first += RACER_LANES) {
        int32_t count = n - first < RACER_LANES ? n - first : RACER_LANES;
        int together = count > RACER_FEW;
        if (together) {
            racer_drive_lanes(s + first, count, io.controls + RACER_CONTROLS * first);
        }
        for (int32_t i = first; i < first + count; i++) {
            PufIo row = puf_row(layout, PUF_F32, io, i);
            if (!together) {
                racer_drive(&s[i], row.controls);
            }
            racer_judge(&s[i], row);
            if (row.terminals[0] | row.truncations[0]) {
                racer_observe(&s[i], puf_final(row));
                racer_reset(&s[i], row.assets);
            }
            racer_observe(&s[i], row);
        }
    }
}
