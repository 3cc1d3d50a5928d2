// web.h - what a page calls: the functions that a module of one environment exports. Numbers only; pointers are
// addresses in the module's memory. A module imports nothing.
#pragma once
#include "batch.h"

#define WEB_EXPORT(name) __attribute__((export_name(#name)))

// Environments of one kind. Made with the settings in web_settings().
typedef struct Game {
    PufBatch batch;
    double* params; // (num_params)
    void *setup, *assets;
    int64_t rows; // agents of all environments
} Game;

// The environment that the module was linked with.
const PufSpec* puf_export(void);

void* web_zeros(uint64_t bytes); // NULL: out of memory
void web_fail(const char* text); // why the last call failed
