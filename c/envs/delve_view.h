// delve_view.h - what the hero of delve may do, and what an agent observes.
#pragma once
#include "delve_things.h"

enum { DELVE_WINDOW = 11, DELVE_PLANE = DELVE_WINDOW * DELVE_WINDOW, DELVE_COPIED = 16 };
enum { DELVE_SECRET_CODES = 10 }; // of a potion or a scroll: 0 none, 1 to 8 its kind, 9 not known
enum { DELVE_NEAR_NUMBERS = 5, DELVE_SLOT_NUMBERS = 3, DELVE_SELF = 25, DELVE_MOST_SEEN = UINT8_MAX };
enum { DELVE_OBS_CODES = DELVE_PLANE + DELVE_NEAR + 2 + DELVE_SLOTS + 2 };
enum {
    DELVE_OBS = DELVE_OBS_CODES + DELVE_NEAR_NUMBERS * DELVE_NEAR + DELVE_SLOT_NUMBERS * DELVE_SLOTS + DELVE_SELF +
    DELVE_ACHIEVEMENTS
};

// ---- What may be done ----

static int delve_can_use(const Delve* s, int32_t slot)
{
    const DelveThing* thing = &s->pack[slot];
    int32_t class = delve_class_of(thing->kind);
    int aims = class == DELVE_BOW || class == DELVE_WAND;
    return thing->kind && (!aims || s->near_monsters[0] != DELVE_NOBODY) && (class != DELVE_WAND || thing->count > 0) &&
           !delve_wears(s, slot);
}

static int delve_can_use_power(const Delve* s)
{
    int needed =
        s->hero == DELVE_PRIEST ? s->health < s->max_health || s->poison > 0 : s->near_monsters[0] != DELVE_NOBODY;
    return s->mana >= delve_heroes[s->hero].cost && needed;
}

// Find the nearest monsters in sight, ties by number, and then what may be done.
static void delve_settle(Delve* s, const void* assets)
{
    const DelveMonster* monsters = delve_monsters(s);
    const uint8_t* tiles = delve_tiles(s, assets);
    int32_t count = 0, distances[DELVE_NEAR + 1], terrain = tiles[s->tile] & DELVE_TERRAIN_MASK;
    int32_t near_monsters[DELVE_NEAR + 1];
    s->in_sight = 0;
    for (int32_t i = 0; i < DELVE_CROWD; i++) {
        if (monsters[i].kind && delve_sees(s, monsters[i].tile)) {
            s->in_sight |= UINT32_C(1) << i;
            int32_t distance = delve_distance(monsters[i].tile, s->tile), at = count;
            for (; at > 0 && distances[at - 1] > distance; at--) {
                distances[at] = distances[at - 1];
                near_monsters[at] = near_monsters[at - 1];
            }
            distances[at] = distance;
            near_monsters[at] = i;
            count += count < DELVE_NEAR;
        }
    }
    for (int32_t i = 0; i < DELVE_NEAR; i++) {
        s->near_monsters[i] = i < count ? near_monsters[i] : DELVE_NOBODY;
    }
    uint32_t allowed = UINT32_C(1) << DELVE_SEARCH;
    for (int32_t d = 0; d < 8; d++) {
        int32_t to = s->tile + delve_moves[d];
        int can = delve_can_enter(tiles, to, 0) || s->who[to]; // who is beside the hero is seen
        allowed |= (uint32_t)can << d;
    }
    const DelveThing* thing = s->view[s->tile] == DELVE_OBJECT ? delve_thing_on(s, s->tile) : NULL;
    allowed |= (uint32_t)(thing && delve_slot_for(s, thing) != DELVE_NOBODY) << DELVE_TAKE;
    allowed |= (uint32_t)(terrain == DELVE_DOWN) << DELVE_DESCEND;
    allowed |= (uint32_t)(terrain == DELVE_UP && s->depth > 1) << DELVE_CLIMB;
    for (int32_t slot = 0; slot < DELVE_SLOTS; slot++) {
        allowed |= (uint32_t)delve_can_use(s, slot) << (DELVE_USE + slot);
    }
    s->allowed = allowed | (uint32_t)delve_can_use_power(s) << DELVE_POWER;
}

// ---- What is observed ----

static uint8_t delve_byte(int32_t amount) { return (uint8_t)puf_clampi(amount, 0, DELVE_MOST_SEEN); }

static void delve_observe_tiles(const Delve* s, const DelveMonster* monsters, uint8_t* obs)
{
    int32_t reach = DELVE_WINDOW / 2;
    const uint8_t* corner = s->view + s->tile - reach * (DELVE_COLUMNS + 1);
    for (int32_t row = 0; row < DELVE_WINDOW; row++) { // what is copied beyond the window is overwritten
        memcpy(obs + row * DELVE_WINDOW, corner + row * DELVE_COLUMNS, DELVE_COPIED);
    }
    uint32_t in_sight = s->in_sight;
    for (int32_t i = 0; in_sight; i++, in_sight >>= 1) {
        const DelveMonster* m = &monsters[i];
        if ((in_sight & 1) && delve_distance(m->tile, s->tile) <= reach) {
            int32_t at = (delve_row(m->tile) - delve_row(s->tile)) * DELVE_WINDOW + delve_column(m->tile) -
                         delve_column(s->tile) + DELVE_PLANE / 2;
            obs[at] = m->mood == DELVE_ASLEEP ? DELVE_SLEEPER : DELVE_FOE;
        }
    }
}

// The code of what a slot holds: the number of its kind in its class, or, of secrets, one more than the last if
// unknown.
static uint8_t delve_slot_code(const Delve* s, const DelveThing* thing)
{
    const DelveClass* class = &delve_classes[delve_class_of(thing->kind)];
    int32_t known = thing->kind ? thing->kind - class->first + 1 : 0;
    return (uint8_t)(delve_knows(s, thing->kind) ? known : class->last - class->first + 2);
}

static uint8_t* delve_observe_pack(const Delve* s, uint8_t* codes, uint8_t* numbers)
{
    for (int32_t slot = 0; slot < DELVE_SLOTS; slot++) {
        const DelveThing* thing = &s->pack[slot];
        int known = thing->marks & DELVE_KNOWN;
        codes[slot] = delve_slot_code(s, thing);
        numbers[slot] = thing->count;
        numbers[DELVE_SLOTS + slot] = (uint8_t)(thing->kind == 0 ? 0 : 4 + (known ? thing->bonus : 0));
        numbers[2 * DELVE_SLOTS + slot] =
            (uint8_t)((thing->marks & DELVE_WORN ? 1 : 0) + (known && (thing->marks & DELVE_CURSED) ? 2 : 0));
    }
    return numbers + DELVE_SLOT_NUMBERS * DELVE_SLOTS;
}

static uint8_t* delve_observe_near(const Delve* s, const DelveMonster* monsters, uint8_t* codes, uint8_t* numbers)
{
    memset(codes, 0, DELVE_NEAR);
    memset(numbers, 0, DELVE_NEAR_NUMBERS * DELVE_NEAR);
    for (int32_t i = 0; i < DELVE_NEAR && s->near_monsters[i] != DELVE_NOBODY; i++) {
        const DelveMonster* m = &monsters[s->near_monsters[i]];
        codes[i] = m->kind;
        numbers[i] = (uint8_t)(delve_row(m->tile) - delve_row(s->tile) + DELVE_SIGHT + 1);
        numbers[DELVE_NEAR + i] = (uint8_t)(delve_column(m->tile) - delve_column(s->tile) + DELVE_SIGHT + 1);
        numbers[2 * DELVE_NEAR + i] = (uint8_t)(1 + m->mood);
        numbers[3 * DELVE_NEAR + i] = (uint8_t)(1 + m->elite);
        numbers[4 * DELVE_NEAR + i] = delve_byte(m->health);
    }
    return numbers + DELVE_NEAR_NUMBERS * DELVE_NEAR;
}

// Whether a place is known, and how many rows and columns away it is.
static uint8_t* delve_observe_way(const Delve* s, int known, int32_t tile, uint8_t* numbers)
{
    numbers[0] = (uint8_t)(known ? 255 : 0);
    numbers[1] = (uint8_t)(known ? 128 + 4 * puf_clampi(delve_row(tile) - delve_row(s->tile), -31, 31) : 128);
    numbers[2] = (uint8_t)(known ? 128 + 4 * puf_clampi(delve_column(tile) - delve_column(s->tile), -31, 31) : 128);
    return numbers + 3;
}

static uint8_t* delve_observe_self(Delve* s, const DelveLevel* level, uint8_t* self)
{
    int32_t next = s->level < DELVE_MAX_LEVEL ? 20 << (s->level - 1) : s->experience + 1;
    uint8_t numbers[] = {
        delve_byte(s->health * 255 / s->max_health),
        delve_byte(s->health),
        delve_byte(s->max_health),
        delve_byte(s->mana * 8),
        delve_byte(s->level * 16),
        delve_byte((int32_t)((int64_t)s->experience * 255 / next)),
        delve_byte(s->food / 8),
        (uint8_t)(s->food < DELVE_HUNGRY_AT ? 255 : 0),
        delve_byte(s->gold / 4),
        delve_byte(delve_armour(s) * 8),
        (uint8_t)(s->depth * 16),
        delve_byte(s->fast * 6),
        delve_byte(s->confused * 16),
        delve_byte(s->poison * 12),
        (uint8_t)(s->strength * 16),
        delve_byte(s->kills),
        (uint8_t)(level->dark ? 255 : 0),
        (uint8_t)(s->turn & 15),
        delve_byte((s->turn - s->left[s->depth - 1]) / 4),
    };
    memcpy(self, numbers, sizeof(numbers));
    self = delve_observe_way(s, delve_was_seen(s, level->down), level->down, self + sizeof(numbers));
    return delve_observe_way(s, delve_was_seen(s, level->up), level->up, self);
}

static void delve_observe(const Delve* state, PufIo io)
{
    Delve* s = (Delve*)state; // not changed
    uint8_t *codes = io.obs, *numbers = codes + DELVE_OBS_CODES;
    const DelveMonster* monsters = delve_monsters(s);
    delve_observe_tiles(s, monsters, codes);
    codes += DELVE_PLANE;
    numbers = delve_observe_near(s, monsters, codes, numbers);
    codes += DELVE_NEAR;
    const DelveThing* thing = s->view[s->tile] == DELVE_OBJECT ? delve_thing_on(s, s->tile) : NULL;
    *codes++ = (uint8_t)s->hero;
    *codes++ = (uint8_t)(thing ? delve_class_of(thing->kind) : 0);
    numbers = delve_observe_pack(s, codes, numbers);
    codes += DELVE_SLOTS;
    codes[0] = s->events[0].turn == s->turn ? s->events[0].what : 0;
    codes[1] = s->events[1].turn == s->turn ? s->events[1].what : 0;
    numbers = delve_observe_self(s, delve_level(s, io.assets), numbers);
    for (int32_t i = 0; i < DELVE_ACHIEVEMENTS; i++) {
        numbers[i] = (uint8_t)(s->earned >> i & 1);
    }
    for (int32_t action = 0; action < DELVE_ACTIONS; action++) {
        io.action_mask[action] = (uint8_t)(s->allowed >> action & 1);
    }
}
