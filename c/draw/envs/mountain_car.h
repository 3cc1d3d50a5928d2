// Mountain car: the valley, with the flag where the discrete car must reach.
#pragma once
#include "draw/envs/valley_view.h"
#include "envs/mountain_car.h"

static void mountain_car_draw(const void* state, const void* assets, PufPicture* p)
{
    const MountainCar* s = state;
    (void)assets;
    valley_draw("mountain car", (double)MOUNTAIN_CAR_GOAL, s->tick, (double)s->position, (double)s->velocity,
                (double)s->push, p);
}

// Part of the way, so that the car rolls smoothly.
static void mountain_car_between(const void* from, const void* to, int32_t frame, int32_t frames, void* at)
{
    const MountainCar *before = from, *after = to;
    MountainCar* shown = at;
    *shown = *after;
    if (after->tick >= before->tick) {
        const double share = (double)frame / frames;
        shown->position = valley_part_way(before->position, after->position, share);
        shown->velocity = valley_part_way(before->velocity, after->velocity, share);
    }
}

PUF_DRAWING(mountain_car, .width = VALLEY_WIDTH, .height = VALLEY_HEIGHT, .draw = mountain_car_draw,
            .between = mountain_car_between);
