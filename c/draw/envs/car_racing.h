// Car racing: see car_racing_road.h.
#pragma once
#include "draw/envs/car_racing_road.h"
#include "envs/car_racing.h"

PUF_DRAWING(car_racing, .width = CAR_RACING_VIEW_WIDTH, .height = CAR_RACING_VIEW_HEIGHT, .draw = car_racing_draw);
