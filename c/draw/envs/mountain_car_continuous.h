// Mountain car, continuous: the valley, with a gauge of the fuel that was burnt.
#pragma once
#include "draw/envs/valley_view.h"
#include "envs/mountain_car_continuous.h"

static void mountain_car_continuous_draw(const void* state, const void* assets, PufPicture* p)
{
    const MountainCarContinuous* s = state;
    (void)assets;
    valley_draw("mountain car, continuous", (double)MOUNTAIN_CAR_CONTINUOUS_GOAL, s->tick, (double)s->position,
                (double)s->velocity, (double)s->push, p);
    const double left = puf_max(0.0, 1 + (double)s->episode_return / 100), width = 180;
    const double x = VALLEY_WIDTH / 2 - 90, y = PUF_HUD_HEIGHT + 18;
    puf_rect(p, x, y, width, 12, puf_fade(PUF_SLATE, 0.8), 6);
    puf_rect(p, x, y, puf_max(12.0, width * left), 12, PUF_AMBER, 6);
    puf_text(p, x - 10, y - 3, "fuel", 16, puf_fade(PUF_SNOW, 0.7), PUF_RIGHT);
}

// Part of the way, so that the car rolls smoothly.
static void mountain_car_continuous_between(const void* from, const void* to, int32_t frame, int32_t frames, void* at)
{
    const MountainCarContinuous *before = from, *after = to;
    MountainCarContinuous* shown = at;
    *shown = *after;
    if (after->tick >= before->tick) {
        const double share = (double)frame / frames;
        shown->position = valley_part_way(before->position, after->position, share);
        shown->velocity = valley_part_way(before->velocity, after->velocity, share);
    }
}

PUF_DRAWING(mountain_car_continuous, .width = VALLEY_WIDTH, .height = VALLEY_HEIGHT,
            .draw = mountain_car_continuous_draw, .between = mountain_car_continuous_between);
