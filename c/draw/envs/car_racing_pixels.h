// Car racing by pixels: drawn as car racing is.
#pragma once
#include "draw/envs/car_racing_road.h"
#include "envs/car_racing_pixels.h"

PUF_DRAWING(car_racing_pixels, .width = CAR_RACING_VIEW_WIDTH, .height = CAR_RACING_VIEW_HEIGHT,
            .draw = car_racing_draw);
