// web.h - what a page calls: the functions that engine.wasm exports. Numbers only; pointers are addresses in its memory.
//
// The engine has everything but the environment, and imports nothing. The module of an environment is loaded into the
// same memory and table of functions, and imports what its drawing calls: see web/build.py and web/page/module.js.
#pragma once
#include "draw/picture.h"
#include "batch.h"

#define WEB_EXPORT(name) __attribute__((export_name(#name)))

// Environments of one kind. Made with the settings in game_new.
typedef struct Game {
    PufBatch batch;
    double* params; // (num_params)
    void *setup, *assets;
    int64_t rows; // agents of all environments
} Game;

// The environment that was loaded, and its drawing.
const PufSpec* web_spec(void);
const PufDrawing* web_drawing(void);

void* web_zeros(uint64_t bytes); // NULL: out of memory
void web_fail(const char* text); // why the last call failed
