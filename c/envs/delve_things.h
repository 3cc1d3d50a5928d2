// delve_things.h - what lies around in delve: how it is made, taken and used, and what traps do.
//
// Potions, scrolls, wands and rings look different in each game, until one is used or lore names it. Blades, bows and
// armour may be better or worse than usual; what is worse is cursed, and once on it cannot be exchanged until it is
// blessed.
#pragma once
#include "delve_fight.h"

// ---- Lying around ----

static int delve_lies_free(Delve* s, int32_t tile) { return delve_thing_on(s, tile) == NULL; }

static DelveThing* delve_new_thing(Delve* s)
{
    DelveThing* things = delve_things(s);
    for (int32_t i = 0; i < DELVE_LITTER; i++) {
        if (things[i].kind == 0) {
            return &things[i];
        }
    }
    return NULL;
}

static void delve_put_thing(DelveThing* thing, int32_t kind, int32_t bonus, int32_t count, int32_t marks)
{
    thing->tile = 0;
    thing->kind = (uint8_t)kind;
    thing->bonus = (int8_t)bonus;
    thing->count = (uint8_t)count;
    thing->marks = (uint8_t)marks;
}

// Drop something on a tile, or as close by as there is room; 0 if there is none.
static int32_t delve_drop(Delve* s, const void* assets, int32_t tile, int32_t kind, int32_t count)
{
    DelveThing* thing = delve_new_thing(s);
    for (int32_t d = 7; thing && d >= -1; d--) {
        int32_t at = tile + (d == 7 ? 0 : delve_moves[d + 1]);
        if (delve_can_enter(delve_tiles(s, assets), at, 0) && delve_lies_free(s, at)) {
            delve_put_thing(thing, kind, 0, count, 0);
            thing->tile = (int16_t)at;
            delve_show(s, assets, at);
            return 1;
        }
    }
    return 0;
}

// A kind of a class: of those that differ in strength, the weaker ones near the surface.
static int32_t delve_draw_of_class(Delve* s, int32_t class)
{
    const DelveClass* c = &delve_classes[class];
    int32_t kinds = c->last - c->first + 1, one = delve_draw(s, kinds), other = delve_draw(s, kinds);
    return c->first + (class <= DELVE_SHIELD && s->depth < 5 && other < one ? other : one);
}

static int32_t delve_draw_class(Delve* s)
{
    int32_t drawn = delve_draw(s, DELVE_WEIGHTS), class = DELVE_BLADE;
    while (drawn >= delve_classes[class].weight) {
        drawn -= delve_classes[class++].weight;
    }
    return class;
}

static void delve_make_thing(Delve* s, DelveThing* thing, int32_t class)
{
    int32_t kind = delve_draw_of_class(s, class), quality = class <= DELVE_SHIELD ? delve_draw(s, 10) : 5;
    int32_t bonus = quality < 2 ? -delve_roll(s, 1, 3) : quality < 5 ? delve_roll(s, 1, 3) : 0;
    int32_t count = class == DELVE_WAND   ? 3 + delve_draw(s, 5)
                    : class == DELVE_GOLD ? 4 + delve_roll(s, 2, 4 + 3 * s->depth)
                                          : 1;
    delve_put_thing(thing, kind, bonus, count, bonus < 0 ? DELVE_CURSED : 0);
}

// A new thing on a random tile where none lies, of a level that is new and has room; never on stairs.
static void delve_add_thing(Delve* s, const void* assets, int32_t class)
{
    const DelveLevel* level = delve_level(s, assets);
    DelveThing* thing = delve_new_thing(s);
    int32_t tile = level->floor[delve_draw(s, level->num_floor)];
    while (!delve_lies_free(s, tile) || tile == level->up || tile == level->down) {
        tile = level->floor[delve_draw(s, level->num_floor)];
    }
    delve_make_thing(s, thing, class);
    thing->tile = (int16_t)tile;
}

// ---- Taking ----

static int delve_is_stuck(const Delve* s, int32_t slot)
{
    return delve_wears(s, slot) && (s->pack[slot].marks & DELVE_CURSED);
}

// The slot into which a thing goes: to others of its kind, else an empty one, else the first, which it replaces.
// DELVE_NOBODY if there is none.
static int32_t delve_slot_for(const Delve* s, const DelveThing* thing)
{
    int32_t class = delve_class_of(thing->kind);
    const DelveClass* c = &delve_classes[class];
    int stacks = class == DELVE_POTION || class == DELVE_SCROLL || class == DELVE_FOOD;
    for (int32_t slot = c->slot; stacks && slot < c->slot + c->slots; slot++) {
        if (s->pack[slot].kind == thing->kind) {
            return s->pack[slot].count < DELVE_STACK ? slot : DELVE_NOBODY;
        }
    }
    for (int32_t slot = c->slot; slot < c->slot + c->slots; slot++) {
        if (s->pack[slot].kind == 0) {
            return slot;
        }
    }
    return c->slots > 0 && !delve_is_stuck(s, c->slot) ? c->slot : DELVE_NOBODY;
}

static void delve_take(Delve* s, const void* assets)
{
    DelveThing* thing = delve_thing_on(s, s->tile);
    int32_t slot = delve_slot_for(s, thing), kind = thing->kind;
    DelveThing* own = &s->pack[slot];
    if (own->kind == kind && delve_class_of(kind) >= DELVE_POTION && delve_class_of(kind) != DELVE_WAND &&
        delve_class_of(kind) != DELVE_RING) {
        int32_t more = puf_clampi(thing->count, 0, DELVE_STACK - own->count);
        own->count = (uint8_t)(own->count + more);
        thing->count = (uint8_t)(thing->count - more);
        thing->kind = thing->count > 0 ? thing->kind : 0;
    } else {
        DelveThing old = *own;
        delve_put_thing(own, kind, thing->bonus, thing->count, thing->marks);
        delve_put_thing(thing, old.kind, old.bonus, old.count, old.marks & ~DELVE_WORN);
        thing->tile = (int16_t)(old.kind ? s->tile : 0);
        if (old.kind) {
            delve_tell(s, DELVE_LEFT, old.kind, 0);
        }
    }
    own->marks |= s->hero == DELVE_PRIEST ? DELVE_KNOWN : 0;
    delve_show(s, assets, s->tile);
    delve_tell(s, DELVE_TOOK, kind, own->count);
    delve_earn(s, DELVE_DID_TAKE, 1);
}

// Gold and the amulet are taken by walking there.
static void delve_take_treasure(Delve* s, const void* assets)
{
    DelveThing* thing = delve_thing_on(s, s->tile);
    if (thing && (thing->kind == DELVE_COINS || thing->kind == DELVE_THE_AMULET)) {
        s->won = thing->kind == DELVE_THE_AMULET;
        s->gold = puf_clampi(s->gold + (s->won ? 0 : thing->count), 0, DELVE_MOST);
        delve_tell(s, DELVE_TOOK, thing->kind, thing->count);
        thing->kind = 0;
        delve_show(s, assets, s->tile);
        delve_earn(s, DELVE_GOLD_100, s->gold >= 100);
        delve_earn(s, DELVE_GOLD_500, s->gold >= 500);
        delve_earn(s, DELVE_HAS_AMULET, s->won);
    }
}

// ---- Using ----

static void delve_teleport(Delve* s, const void* assets)
{
    s->tile = delve_free_floor(s, assets);
    memset(s->trail, 0, sizeof(s->trail));
    delve_take_treasure(s, assets);
}

// Put on. Only what takes its place gets it off again.
static void delve_wear(Delve* s, int32_t slot)
{
    DelveThing* thing = &s->pack[slot];
    int32_t class = delve_class_of(thing->kind), helmet = delve_slot(DELVE_HELMET);
    int own = thing->marks & DELVE_OWN; // what the hero came with, put off for a while, is no achievement
    thing->marks |= DELVE_WORN | DELVE_KNOWN;
    delve_learn(s, thing->kind);
    delve_tell(s, thing->marks & DELVE_CURSED ? DELVE_STUCK : DELVE_PUT_ON, thing->kind, thing->bonus);
    delve_earn(s, DELVE_DID_WIELD, !own && class == DELVE_BLADE);
    delve_earn(s, DELVE_DID_WEAR, !own && class >= DELVE_HELMET && class <= DELVE_SHIELD);
    delve_earn(s, DELVE_FULL_ARMOUR,
               delve_wears(s, helmet) && delve_wears(s, helmet + 1) && delve_wears(s, helmet + 2));
}

static void delve_quaff(Delve* s, int32_t kind)
{
    switch (kind) {
    case DELVE_HEALING:
        s->max_health = puf_clampi(s->max_health + (s->health == s->max_health), 1, 500);
        delve_heal(s, 2 + delve_roll(s, 3, 8));
        s->poison = 0;
        break;
    case DELVE_LIFE:
        s->max_health = puf_clampi(s->max_health + 4, 1, 500);
        s->health = s->max_health;
        s->poison = s->confused = 0;
        break;
    case DELVE_SPEED: s->fast = 40; break;
    case DELVE_MIGHT: s->strength = puf_clampi(s->strength + 1, 0, 9); break;
    case DELVE_INSIGHT:
        delve_gain(s, s->level < DELVE_MAX_LEVEL ? puf_clampi((20 << (s->level - 1)) - s->experience, 0, 100000) : 0);
        break;
    case DELVE_SPIRIT: s->mana = delve_max_mana(s); break;
    case DELVE_VENOM: s->poison = puf_clampi(s->poison + 6, 0, 20); break;
    default: s->confused = 12;
    }
    delve_earn(s, DELVE_DID_QUAFF, 1);
}

static void delve_enchant(Delve* s, DelveThing* thing)
{
    if (thing->kind) {
        thing->bonus = (int8_t)puf_clampi(thing->bonus + 1, -3, DELVE_MAX_BONUS);
        thing->marks = (uint8_t)((thing->marks & ~DELVE_CURSED) | DELVE_KNOWN);
        delve_earn(s, DELVE_ENCHANTED, thing->bonus >= 3);
    }
}

// Of the armour that is worn, the piece with the lowest bonus; of equals, the first.
static DelveThing* delve_weakest_armour(Delve* s)
{
    DelveThing* weakest = NULL;
    for (int32_t slot = delve_slot(DELVE_HELMET); slot <= delve_slot(DELVE_SHIELD); slot++) {
        if (delve_wears(s, slot) && (!weakest || s->pack[slot].bonus < weakest->bonus)) {
            weakest = &s->pack[slot];
        }
    }
    return weakest;
}

static void delve_map(Delve* s, const void* assets)
{
    const uint8_t* tiles = delve_tiles(s, assets);
    for (int32_t row = DELVE_EDGE; row < DELVE_EDGE + DELVE_HEIGHT; row++) {
        uint64_t bits = 0;
        for (int32_t column = DELVE_EDGE; column < DELVE_EDGE + DELVE_WIDTH; column++) {
            int some = (tiles[row * DELVE_COLUMNS + column] & DELVE_TERRAIN_MASK) != DELVE_STONE;
            bits |= (uint64_t)some << column;
        }
        delve_remember(s, tiles, row, bits);
    }
    delve_show_things(s);
}

// All that are awake in sight, or within a number of steps, fall asleep.
static void delve_lull(Delve* s, int32_t steps)
{
    DelveMonster* monsters = delve_monsters(s);
    for (int32_t i = 0; i < DELVE_CROWD; i++) {
        if (monsters[i].kind && delve_sees(s, monsters[i].tile) && delve_distance(monsters[i].tile, s->tile) <= steps) {
            monsters[i].mood = DELVE_ASLEEP;
        }
    }
}

static void delve_read(Delve* s, const void* assets, int32_t kind)
{
    switch (kind) {
    case DELVE_LORE:
        for (int32_t slot = 0; slot < DELVE_SLOTS; slot++) {
            delve_learn(s, s->pack[slot].kind);
            s->pack[slot].marks |= s->pack[slot].kind ? DELVE_KNOWN : 0;
        }
        break;
    case DELVE_SHARPNESS: delve_enchant(s, &s->pack[delve_wears(s, 0) ? 0 : delve_slot(DELVE_BOW)]); break;
    case DELVE_WARDING:
        if (delve_weakest_armour(s)) {
            delve_enchant(s, delve_weakest_armour(s));
        }
        break;
    case DELVE_FLIGHT: delve_teleport(s, assets); break;
    case DELVE_MAPPING: delve_map(s, assets); break;
    case DELVE_BLESSING:
        for (int32_t slot = 0; slot < DELVE_SLOTS; slot++) {
            s->pack[slot].marks &= (uint8_t)~DELVE_CURSED;
        }
        break;
    case DELVE_SLUMBER: delve_lull(s, DELVE_SIGHT); break;
    default: delve_wake_all(s);
    }
    delve_earn(s, DELVE_DID_READ, 1);
}

static void delve_banish(Delve* s, const void* assets, DelveMonster* m)
{
    s->who[m->tile] = 0;
    delve_put_monster(s, m, delve_free_floor(s, assets));
}

static void delve_zap(Delve* s, const void* assets, int32_t kind, DelveMonster* m)
{
    switch (kind) {
    case DELVE_STRIKING: delve_wound(s, assets, m, delve_roll(s, 2, 6), DELVE_BY_MAGIC); break;
    case DELVE_FIRE: delve_wound(s, assets, m, delve_roll(s, 4, 6), DELVE_BY_MAGIC); break;
    case DELVE_DROWSE: m->mood = DELVE_ASLEEP; break;
    case DELVE_BANISHING: delve_banish(s, assets, m); break;
    default: delve_heal(s, 4); delve_wound(s, assets, m, delve_roll(s, 1, 8), DELVE_BY_MAGIC);
    }
    delve_earn(s, DELVE_DID_ZAP, 1);
}

static void delve_eat(Delve* s)
{
    s->food = puf_clampi(s->food + DELVE_RATION_FEEDS, 0, DELVE_MAX_FOOD);
    delve_earn(s, DELVE_DID_EAT, 1);
}

// The nearest monster in sight: the target of arrows, wands and bolts.
static DelveMonster* delve_target(Delve* s) { return &delve_monsters(s)[s->near_monsters[0]]; }

static void delve_use(Delve* s, const void* assets, int32_t slot)
{
    DelveThing* thing = &s->pack[slot];
    int32_t kind = thing->kind, class = delve_class_of(kind);
    if (class == DELVE_BOW) {
        delve_strike(s, assets, delve_target(s), slot, DELVE_FROM_AFAR);
        return;
    }
    if (class <= DELVE_SHIELD || class == DELVE_RING) {
        delve_wear(s, slot);
        return;
    }
    delve_tell(s, DELVE_USED, kind, 0);
    delve_learn(s, kind);
    thing->count = (uint8_t)(thing->count - 1);
    if (thing->count == 0 && class != DELVE_WAND) {
        delve_put_thing(thing, 0, 0, 0, 0);
    }
    if (class == DELVE_POTION) {
        delve_quaff(s, kind);
    } else if (class == DELVE_SCROLL) {
        delve_read(s, assets, kind);
    } else if (class == DELVE_WAND) {
        delve_zap(s, assets, kind, delve_target(s));
    } else {
        delve_eat(s);
    }
}

// What each hero can do that others cannot, for mana.
static void delve_use_power(Delve* s, const void* assets)
{
    s->mana -= delve_heroes[s->hero].cost;
    delve_tell(s, DELVE_CAST, s->hero, 0);
    if (s->hero == DELVE_FIGHTER) {
        for (int32_t d = 0; d < 8; d++) {
            int32_t who = s->who[s->tile + delve_moves[d]];
            if (who > 0) {
                delve_strike(s, assets, &delve_monsters(s)[who - 1], 0, DELVE_BY_HAND);
            }
        }
    } else if (s->hero == DELVE_ROGUE) {
        delve_lull(s, 2);
    } else if (s->hero == DELVE_MAGE) {
        delve_wound(s, assets, delve_target(s), delve_roll(s, 1 + s->level / 3, 6) + 1, DELVE_BY_MAGIC);
    } else {
        delve_heal(s, delve_roll(s, 1 + s->level / 3, 8) + 2);
        s->poison = 0;
    }
}

// ---- Traps ----

static void delve_find_trap(Delve* s, const void* assets, int32_t number)
{
    const DelveLevel* level = delve_level(s, assets);
    if (!(s->found[s->depth - 1] >> number & 1)) {
        s->found[s->depth - 1] |= 1 << number;
        delve_tell(s, DELVE_FOUND, level->trap_kinds[number], 0);
        delve_show(s, assets, level->traps[number]);
        delve_earn(s, DELVE_FOUND_TRAP, 1);
    }
}

// Each hidden trap beside the hero is found with a chance of 1 in 3.
static void delve_search(Delve* s, const void* assets)
{
    const DelveLevel* level = delve_level(s, assets);
    for (int32_t i = 0; i < level->num_traps; i++) {
        int hidden = !(s->found[s->depth - 1] >> i & 1);
        if (hidden && delve_distance(s->tile, level->traps[i]) <= 1 && delve_draw(s, 3) == 0) {
            delve_find_trap(s, assets, i);
        }
    }
}

static void delve_enter(Delve* s, const void* assets, int32_t depth, int32_t by);
enum { DELVE_BY_STAIRS, DELVE_BY_FALLING };

static void delve_rust(Delve* s)
{
    DelveThing* thing = delve_weakest_armour(s);
    if (thing) {
        thing->bonus = (int8_t)puf_clampi(thing->bonus - 1, -3, DELVE_MAX_BONUS);
    }
}

static void delve_spring(Delve* s, const void* assets, int32_t number)
{
    int32_t kind = delve_level(s, assets)->trap_kinds[number];
    delve_find_trap(s, assets, number);
    delve_tell(s, DELVE_SPRUNG, kind, 0);
    switch (kind) {
    case DELVE_DART:
        delve_harm(s, delve_roll(s, 1, 4), DELVE_BY_HARM);
        s->poison = puf_clampi(s->poison + (delve_draw(s, 3) == 0 ? 3 : 0), 0, 20);
        break;
    case DELVE_PIT: delve_harm(s, delve_roll(s, 1, 6), DELVE_BY_HARM); break;
    case DELVE_WARP: delve_teleport(s, assets); break;
    case DELVE_TRAPDOOR: delve_enter(s, assets, s->depth + 1, DELVE_BY_FALLING); break;
    case DELVE_BELL: delve_wake_all(s); break;
    default: delve_rust(s);
    }
}
