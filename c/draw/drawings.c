// drawings.c - every drawing by the name of its environment.
#include "draw/picture.h"
#include <string.h>

#define PUF_DRAWN(env) extern const PufDrawing env##_drawing;
#include "draw/drawings.def"
#undef PUF_DRAWN
static const PufDrawing* const drawings[] = {
#define PUF_DRAWN(env) &env##_drawing,
#include "draw/drawings.def"
#undef PUF_DRAWN
};

const PufDrawing* puf_drawing(const char* name)
{
    for (size_t i = 0; i < sizeof drawings / sizeof drawings[0]; i++) {
        if (strcmp(drawings[i]->name, name) == 0) {
            return drawings[i];
        }
    }
    return NULL;
}
