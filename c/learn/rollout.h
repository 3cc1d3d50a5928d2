// rollout.h - copying the results of an environment step into the rollout, and checking that they are finite.
#pragma once
#include "encoder.h"

static int all_finite(const float* x, size_t count)
{
    float lanes[16] = { 0 }; // stays 0 unless a product is NaN
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (int j = 0; j < 16; j++) {
            lanes[j] += x[i + (size_t)j] * 0.0f;
        }
    }
    for (; i < count; i++) {
        lanes[0] += x[i] * 0.0f;
    }
    for (int j = 1; j < 16; j++) {
        lanes[0] += lanes[j];
    }
    return lanes[0] == 0.0f;
}

// Whether the numbers of an observation with parts are what they may be: amounts finite, codes one of their choices.
static int parts_hold(const PufStep* s, const uint8_t* row)
{
    int wrong = 0;
    for (int32_t p = 0; p < s->num_parts; p++) {
        const PufPart* part = &s->parts[p];
        uint8_t highest = 0;
        for (int32_t i = 0; i < part->count && part->choices && part->number == PUF_NUMBER_U8; i++) {
            highest = row[part->at + i] > highest ? row[part->at + i] : highest;
        }
        wrong |= part->choices && highest >= part->choices;
        for (int32_t i = 0; i < part->count && part->choices && part->number != PUF_NUMBER_U8; i++) {
            wrong |= (uint32_t)read_code(part->number, row + part->at, (size_t)i) >= (uint32_t)part->choices;
        }
        for (int32_t i = 0; i < part->count && !part->choices && part->number == PUF_NUMBER_F32; i++) {
            float amount;
            memcpy(&amount, row + part->at + sizeof amount * (size_t)i, sizeof amount);
            wrong |= amount * 0.0f != 0.0f;
        }
    }
    return !wrong;
}

// Whether the cells of a grid or an embedding have one of its values.
static int cells_hold(const PufFront* f, const uint8_t* row)
{
    const uint8_t* from = row + f->at;
    const size_t count = f->kind == PUF_IMAGE ? 0 : cells_of(f);
    int wrong = 0;
    for (size_t i = 0; i < count; i++) {
        if (f->number == PUF_NUMBER_F32) {
            float cell;
            memcpy(&cell, from + sizeof cell * i, sizeof cell);
            wrong |= !(cell >= (float)f->low && cell <= (float)(f->low + f->values - 1));
        } else {
            wrong |= (uint32_t)read_code(f->number, from, i) - (uint32_t)f->low >= (uint32_t)f->values;
        }
    }
    return !wrong;
}

static int store_step(const PufStep* s)
{
    int flags = 0;
    const size_t rows = (size_t)s->rows;
    memcpy(s->to_observations, s->observations, rows * s->observation_bytes);
    memcpy(s->to_rewards, s->rewards, rows * sizeof(float));
    if (s->floats && !all_finite(s->to_observations, rows * (size_t)s->observation_size)) {
        flags |= PUF_BAD_OBSERVATIONS;
    }
    for (size_t i = 0; i < rows && s->parts; i++) {
        const uint8_t* row = (const uint8_t*)s->to_observations + i * s->observation_bytes;
        int holds = parts_hold(s, row);
        for (int32_t f = 0; f < s->num_fronts; f++) {
            holds &= cells_hold(&s->fronts[f], row);
        }
        flags |= holds ? 0 : PUF_BAD_OBSERVATIONS;
    }
    if (!all_finite(s->rewards, rows)) {
        flags |= PUF_BAD_REWARDS;
    }
    uint8_t truncated = 0;
    for (size_t i = 0; i < rows; i++) {
        truncated |= s->truncations[i];
        s->to_ends[i] = s->terminals[i] | s->truncations[i];
    }
    for (size_t i = 0; i < rows && s->present; i++) {
        // an agent that left without a terminal is gone anyway, and one that joins has no past
        s->to_ends[i] |= !s->present[i] || !s->present_before[i];
    }
    return flags | (truncated ? PUF_SOME_TRUNCATED : 0);
}

static void reset_ended_states(const PufStep* s)
{
    for (int32_t row = 0; row < s->rows; row++) {
        for (int32_t layer = 0; layer < s->layers && s->to_ends[row]; layer++) {
            memset(s->state + layer * s->layer_stride + (ptrdiff_t)row * s->state_size, 0,
                   sizeof(float) * (size_t)s->state_size);
        }
    }
}
