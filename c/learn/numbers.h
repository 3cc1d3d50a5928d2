// numbers.h - reading the numbers of observations, and dividing up scratch memory.
#pragma once
#include "network.h"
#include "simd.h"

#include <stddef.h>

// Take the next part of one array, aligned to 64 bytes; with a NULL array, only count: as a number, as NULL + 1 is not C.
static float* take(float** cursor, size_t floats)
{
    float* part = *cursor;
    *cursor = (float*)((uintptr_t)part + (floats + BLOCK - 1) / BLOCK * BLOCK * sizeof(float));
    return part;
}

// Convert `count` numbers that begin at an address which may not be aligned.
static void read_numbers(PufNumber number, const uint8_t* from, size_t count, float* to)
{
    switch (number) {
    case PUF_NUMBER_F32: memcpy(to, from, sizeof(float) * count); break;
    case PUF_NUMBER_U8:
        for (size_t i = 0; i < count; i++) {
            to[i] = from[i];
        }
        break;
    case PUF_NUMBER_I8:
        for (size_t i = 0; i < count; i++) {
            to[i] = (int8_t)from[i];
        }
        break;
    case PUF_NUMBER_I32:
        for (size_t i = 0; i < count; i++) {
            int32_t whole;
            memcpy(&whole, from + sizeof whole * i, sizeof whole);
            to[i] = (float)whole;
        }
        break;
    }
}

static size_t number_bytes(PufNumber number) { return number == PUF_NUMBER_U8 || number == PUF_NUMBER_I8 ? 1 : 4; }

static int32_t read_code(PufNumber number, const uint8_t* from, size_t i)
{
    int32_t code;
    switch (number) {
    case PUF_NUMBER_U8: return from[i];
    case PUF_NUMBER_I8: return (int8_t)from[i];
    default: memcpy(&code, from + sizeof code * i, sizeof code); return code;
    }
}
