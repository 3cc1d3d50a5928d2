// draw_run.c - draw an environment while random actions drive it: for sanitizers.
//
//     draw_run STEPS SEED
//
// Every picture is drawn for nobody and for the last agent, into lists that are exactly as long as they have to be, and
// then into pixels. Prints how many numbers the longest list had.
#include "draw/space.h"
#include "one_batch.h"

enum { GLYPHS = 103, WIDTH = 320 };

static PufMesh* meshes_of(const PufSpace* s)
{
    PufMesh* meshes = zeros((size_t)s->num_pieces * sizeof(PufMesh));
    for (int64_t i = 0; i < s->num_pieces; i++) {
        const PufPiece* piece = &s->pieces[i];
        meshes[i] = (PufMesh){ s->points + 3 * piece->first_point,
                               piece->first_shade < 0 ? NULL : s->shades + piece->first_shade, piece->points };
    }
    return meshes;
}

// A part of the step from the state before, or with NULL the state after. Returns the length of the list.
static int64_t draw(const PufDrawing* drawing, const PufBatch* b, int32_t person, PufRaster* raster,
                    const float* advances, const void* before, double share)
{
    PufSpace space = { .zoom = 1.0 };
    PufPicture p = { .width = drawing->width, .height = drawing->height, .person = person };
    p.advances = advances, p.space = &space;
    p.before = before, p.share = share;
    drawing->draw(b->states, b->io.assets, &p); // without room: it says how much it needs
    p.room = p.length, space.room_points = space.num_points;
    space.room_shades = space.num_shades, space.room_pieces = space.num_pieces;
    p.list = zeros((size_t)p.room * sizeof(double));
    space.points = zeros((size_t)space.room_points * 3 * sizeof(float));
    space.shades = zeros((size_t)space.room_shades * sizeof(float));
    space.pieces = zeros((size_t)space.room_pieces * sizeof(PufPiece));
    p.length = space.num_points = space.num_shades = space.num_pieces = 0;
    drawing->draw(b->states, b->io.assets, &p);
    PufMesh* meshes = meshes_of(&space);
    const double scale = (double)WIDTH / drawing->width;
    const int64_t wrong = puf_raster_draw(raster, p.list, p.length, meshes, (int32_t)space.num_pieces, scale);
    if (p.length != p.room || wrong != 0) {
        fprintf(stderr, "a list of %lld numbers, of which number %lld is wrong\n", (long long)p.length,
                (long long)wrong);
        exit(1);
    }
    free(meshes), free(p.list), free(space.points), free(space.shades), free(space.pieces);
    return p.length;
}

static void refuse(const PufBatch* b, const char* what, int32_t action)
{
    if (action != PUF_NOTHING && (action < 0 || action >= b->layout.actions[0].choices)) {
        fprintf(stderr, "%s is action %d\n", what, action);
        exit(1);
    }
}

// Clicks anywhere, keys, and how the last episode ended.
static void ask(const PufDrawing* drawing, const PufBatch* b, PufRng* rng)
{
    PufLine line = puf_line_of("");
    for (int i = 0; i < 16 && drawing->touch; i++) {
        const double x = (double)puf_rand_range(rng, -9.0f, (float)drawing->width + 9.0f);
        const double y = (double)puf_rand_range(rng, -9.0f, (float)drawing->height + 9.0f);
        refuse(b, "a click", drawing->touch(b->states, b->io.assets, x, y));
    }
    for (int32_t key = 0; key < 40 && drawing->press; key++) {
        refuse(b, "a key", drawing->press(b->states, b->io.assets, key));
    }
    for (int32_t agent = 0; agent < b->layout.agents && drawing->verdict; agent++) {
        drawing->verdict(b->states, agent, &line);
    }
}

static void act(PufBatch* b, PufRng* rng)
{
    const PufLayout* l = &b->layout;
    for (int32_t i = 0; i < b->num_envs * l->agents * l->num_actions; i++) {
        const PufAction* a = &l->actions[i % l->num_actions];
        if (a->choices > 0) {
            ((int32_t*)b->actions)[i] = (int32_t)puf_rand_below(rng, (uint32_t)a->choices);
        } else {
            ((float*)b->actions)[i] = puf_rand_range(rng, a->low, a->high);
        }
    }
    if (puf_batch_take_actions(b, b->actions, 0, b->num_envs) >= 0) {
        fprintf(stderr, "an action is out of range\n");
        exit(1);
    }
}

int main(int argc, char** argv)
{
    double params[MAX_PARAMS];
    if (argc < 3) {
        return 2;
    }
    default_params(params);
    PufBatch b = make_batch(1, params);
    PufRng rng = puf_rng_seed(strtoull(argv[2], NULL, 10), UINT64_MAX);
    const PufDrawing* drawing = puf_drawing(puf_export()->name);
    const float points[2] = { 0.0f, 0.0f };
    const int32_t none[GLYPHS + 1] = { 0 };
    float advances[GLYPHS];
    for (int i = 0; i < GLYPHS; i++) {
        advances[i] = 0.5f;
    }
    const int32_t height = drawing->height * WIDTH / drawing->width;
    PufRaster* raster = puf_raster_new(WIDTH, height, (PufFont){ points, none, none, advances, GLYPHS });
    int64_t longest = 0;
    puf_batch_init(&b, params, strtoull(argv[2], NULL, 10), 0);
    puf_batch_reset(&b);
    void* before = zeros(b.layout.state_size);
    for (int step = 0; step < atoi(argv[1]); step++) {
        memcpy(before, b.states, b.layout.state_size);
        act(&b, &rng);
        puf_batch_step(&b);
        if (step % 5 == 0) {
            for (int last = 0; last < 2; last++) {
                const int64_t length = draw(drawing, &b, last ? b.layout.agents - 1 : -1, raster, advances, NULL, 1.0);
                longest = length > longest ? length : longest;
            }
        }
        ask(drawing, &b, &rng);
        if (drawing->frames && drawing->frames(before, b.states) < 1) {
            fprintf(stderr, "a step of no frames\n");
            return 1;
        }
        for (int k = 0; k < 3 && drawing->glides && step % 3 == 0; k++) {
            draw(drawing, &b, k - 1, raster, advances, before, 0.02 + 0.48 * k);
        }
        if (drawing->between) {
            void* shown = zeros(b.layout.state_size);
            drawing->between(before, b.states, 1, 3, shown);
            free(shown);
        }
    }
    puf_raster_free(raster);
    free(before);
    printf("%lld\n", (long long)longest);
    return 0;
}
