// delve_fight.h - who hits whom in delve, and what monsters do.
//
// To hit, a die of 20 plus the attacker's skill must be above the armour. The skill of the hero is the level plus the
// weapon's bonus; that of a monster is in its row of the table, and 2 more for an elite one, which also has twice the
// health, does half as much harm again, and is worth three times the experience. Sleepers are always hit.
#pragma once
#include "delve_state.h"

enum { DELVE_BY_HAND, DELVE_FROM_AFAR, DELVE_BY_MAGIC };
enum { DELVE_ENERGY = 12, DELVE_EARS = 5, DELVE_ACTIVE = 12, DELVE_MAX_LOOT = 255 };

// ---- Arriving and leaving ----

static void delve_put_monster(Delve* s, DelveMonster* m, int32_t tile)
{
    m->tile = (int16_t)tile;
    s->who[tile] = (uint8_t)(m - delve_monsters(s) + 1);
}

static int delve_is_free(const Delve* s, int32_t tile) { return tile != s->tile && s->who[tile] == 0; }

// A random tile of the floor without a monster or the hero.
static int32_t delve_free_floor(Delve* s, const void* assets)
{
    const DelveLevel* level = delve_level(s, assets);
    int32_t tile = level->floor[delve_draw(s, level->num_floor)];
    while (!delve_is_free(s, tile)) {
        tile = level->floor[delve_draw(s, level->num_floor)];
    }
    return tile;
}

// A random kind that is at home at most three levels higher, or now and then one deeper.
static int32_t delve_draw_kind(Delve* s)
{
    int32_t most = s->depth + (delve_draw(s, 4) == 0), kind = 1 + delve_draw(s, DELVE_MONSTERS);
    while (delve_kinds[kind].tier > most || delve_kinds[kind].tier < s->depth - 3) {
        kind = 1 + delve_draw(s, DELVE_MONSTERS);
    }
    return kind;
}

// A new monster in a free row, if there is one.
static DelveMonster* delve_add_monster(Delve* s, int32_t tile, int32_t kind, int elite, int32_t mood)
{
    DelveMonster* monsters = delve_monsters(s);
    for (int32_t i = 0; i < DELVE_CROWD; i++) {
        DelveMonster* m = &monsters[i];
        if (m->kind == 0) {
            m->kind = (uint8_t)kind;
            m->health = (int16_t)(delve_roll_dice(s, delve_kinds[kind].health) * (elite ? 2 : 1));
            m->loot = 0;
            m->mood = (uint8_t)mood;
            m->energy = 0;
            m->elite = (uint8_t)elite;
            delve_put_monster(s, m, tile);
            return m;
        }
    }
    return NULL;
}

static int32_t delve_drop(Delve* s, const void* assets, int32_t tile, int32_t kind, int32_t count);

static void delve_kill(Delve* s, const void* assets, DelveMonster* m, int32_t how)
{
    const DelveKind* kind = &delve_kinds[m->kind];
    int32_t number = m->kind, elite = m->elite;
    s->who[m->tile] = 0;
    s->kills += 1;
    s->elites += elite;
    delve_tell(s, DELVE_KILLED, number, 0);
    if (m->loot > 0) {
        (void)delve_drop(s, assets, m->tile, DELVE_COINS, m->loot);
    }
    m->kind = 0;
    m->loot = 0;
    delve_gain(s, kind->experience * (elite ? 3 : 1));
    delve_earn(s, DELVE_KILLED_1, 1);
    delve_earn(s, DELVE_KILLED_10, s->kills >= 10);
    delve_earn(s, DELVE_KILLED_50, s->kills >= 50);
    delve_earn(s, DELVE_KILLED_100, s->kills >= 100);
    delve_earn(s, DELVE_KILLED_200, s->kills >= 200);
    delve_earn(s, DELVE_KILLED_ELITES, s->elites >= 3);
    delve_earn(s, DELVE_KILLED_AFAR, how == DELVE_FROM_AFAR);
    delve_earn(s, DELVE_KILLED_BY_MAGIC, how == DELVE_BY_MAGIC);
    delve_earn(s, DELVE_CAUGHT_THIEF, (kind->flags & DELVE_THIEF) != 0);
    delve_earn(s, DELVE_KILLED_DRAGON, number == DELVE_DRAGON);
}

static void delve_wound(Delve* s, const void* assets, DelveMonster* m, int32_t amount, int32_t how)
{
    m->health = (int16_t)(m->health - amount);
    m->mood = m->mood == DELVE_FLEES ? DELVE_FLEES : DELVE_HUNTS;
    if (m->health <= 0) {
        delve_kill(s, assets, m, how);
        return;
    }
    delve_tell(s, DELVE_HIT, m->kind, amount);
    if ((delve_kinds[m->kind].flags & DELVE_SHY) && m->health * 2 < delve_kinds[m->kind].health.count * 5) {
        m->mood = DELVE_FLEES;
    }
}

// ---- The hero attacks ----

static void delve_strike(Delve* s, const void* assets, DelveMonster* m, int32_t slot, int32_t how)
{
    int armed = slot == delve_slot(DELVE_BOW) || delve_wears(s, slot), sleeps = m->mood == DELVE_ASLEEP;
    int32_t bonus = armed ? s->pack[slot].bonus : 0;
    if (!sleeps && delve_roll(s, 1, 20) + s->level + bonus <= delve_kinds[m->kind].armour) {
        m->mood = m->mood == DELVE_FLEES ? DELVE_FLEES : DELVE_HUNTS;
        delve_tell(s, DELVE_MISSED, m->kind, 0);
        return;
    }
    int32_t amount = delve_roll_dice(s, delve_blades[armed ? s->pack[slot].kind : 0]) + bonus + s->strength;
    amount = amount < 1 ? 1 : amount;
    delve_wound(s, assets, m, sleeps && s->hero == DELVE_ROGUE ? 3 * amount : amount, how);
}

// ---- Monsters attack ----

static int32_t delve_amount_of(Delve* s, const DelveMonster* m)
{
    int32_t amount = delve_roll_dice(s, delve_kinds[m->kind].damage);
    return m->elite ? amount + amount / 2 : amount;
}

static void delve_rob(Delve* s, DelveMonster* m)
{
    int32_t loot = puf_clampi(10 + s->gold / 2, 0, s->gold < DELVE_MAX_LOOT ? s->gold : DELVE_MAX_LOOT);
    s->gold -= loot;
    m->loot = (int16_t)loot;
    m->mood = DELVE_FLEES;
    delve_tell(s, DELVE_ROBBED, m->kind, loot);
}

static void delve_attack(Delve* s, DelveMonster* m, int32_t what)
{
    const DelveKind* kind = &delve_kinds[m->kind];
    if (delve_roll(s, 1, 20) + kind->hit + 2 * m->elite <= delve_armour(s)) {
        delve_tell(s, DELVE_DODGED, m->kind, 0);
        return;
    }
    if ((kind->flags & DELVE_THIEF) && s->gold > 0) {
        delve_rob(s, m);
        return;
    }
    int32_t amount = delve_amount_of(s, m);
    delve_tell(s, what, m->kind, amount);
    delve_harm(s, amount, m->kind);
    if ((kind->flags & DELVE_POISON) && delve_draw(s, 3) == 0) {
        s->poison = puf_clampi(s->poison + 4, 0, 20);
        delve_tell(s, DELVE_POISONED, m->kind, s->poison);
    }
    if ((kind->flags & DELVE_DRAINS) && delve_draw(s, 2) == 0 && s->max_health > 8) {
        s->max_health -= 1; // the harm took as much at least of what there is
        delve_tell(s, DELVE_DRAINED, m->kind, 1);
    }
}

static void delve_cast_at(Delve* s, const DelveMonster* m)
{
    int32_t amount = delve_amount_of(s, m);
    delve_tell(s, DELVE_SPELL, m->kind, amount);
    delve_harm(s, amount, m->kind);
}

// ---- Monsters move ----

// The direction of a tile from another, 0 to 7 from north clockwise.
static int32_t delve_direction(int32_t from, int32_t to)
{
    static const int8_t directions[9] = { 7, 0, 1, 6, 0, 2, 5, 4, 3 };
    int32_t down = delve_row(to) - delve_row(from), right = delve_column(to) - delve_column(from);
    return directions[3 * ((down > 0) - (down < 0)) + (right > 0) - (right < 0) + 4];
}

static int delve_go(Delve* s, const uint8_t* tiles, DelveMonster* m, int32_t direction)
{
    int32_t to = m->tile + delve_moves[direction & 7];
    if (!delve_can_enter(tiles, to, delve_kinds[m->kind].flags & DELVE_FLIES) || !delve_is_free(s, to)) {
        return 0;
    }
    s->who[m->tile] = 0;
    delve_put_monster(s, m, to);
    return 1;
}

// In a direction, or beside it.
static int delve_go_about(Delve* s, const uint8_t* tiles, DelveMonster* m, int32_t direction)
{
    return delve_go(s, tiles, m, direction) || delve_go(s, tiles, m, direction + 1) ||
           delve_go(s, tiles, m, direction + 7);
}

// To the freshest part of the hero's trail that is beside the monster; without one it gives up.
static void delve_follow(Delve* s, const uint8_t* tiles, DelveMonster* m)
{
    for (int32_t i = 0; i < DELVE_TRAIL; i++) {
        int32_t tile = s->trail[i];
        if (tile == 0) {
            break;
        }
        if (delve_distance(m->tile, tile) <= 1) {
            if (tile != m->tile) {
                (void)delve_go_about(s, tiles, m, delve_direction(m->tile, tile));
            }
            return;
        }
    }
    m->mood = DELVE_WANDERS;
}

static void delve_breed(Delve* s, const uint8_t* tiles, const DelveMonster* m)
{
    int32_t tile = m->tile + delve_moves[delve_draw(s, 8)];
    if (delve_can_enter(tiles, tile, 0) && delve_is_free(s, tile) &&
        delve_add_monster(s, tile, m->kind, 0, DELVE_HUNTS)) {
        delve_tell(s, DELVE_BRED, m->kind, 0);
    }
}

static void delve_move_monster(Delve* s, const uint8_t* tiles, DelveMonster* m, int sees)
{
    int32_t towards = delve_direction(m->tile, s->tile);
    if (m->mood == DELVE_FLEES) {
        if (sees) {
            (void)delve_go_about(s, tiles, m, towards + 4);
        }
    } else if (m->mood == DELVE_WANDERS) {
        (void)delve_go(s, tiles, m, delve_draw(s, 8));
    } else if (sees) {
        (void)delve_go_about(s, tiles, m, towards);
    } else {
        delve_follow(s, tiles, m);
    }
}

// One action of a monster that is awake.
static void delve_act(Delve* s, const uint8_t* tiles, const int16_t* sight, DelveMonster* m)
{
    int32_t flags = delve_kinds[m->kind].flags;
    int sees = delve_shows(s, sight, m->tile), beside = delve_distance(m->tile, s->tile) == 1;
    if ((flags & DELVE_REGENERATES) && m->health < delve_kinds[m->kind].health.count * 8) {
        m->health = (int16_t)(m->health + 1);
    }
    if (m->mood == DELVE_WANDERS && sees) {
        m->mood = DELVE_HUNTS;
        delve_tell(s, DELVE_WOKE, m->kind, 0);
    }
    if (m->mood == DELVE_HUNTS && beside) {
        delve_attack(s, m, DELVE_HURT);
    } else if (m->mood == DELVE_HUNTS && sees && (flags & DELVE_CASTS) && delve_draw(s, 3) == 0) {
        delve_cast_at(s, m);
    } else if (m->mood == DELVE_HUNTS && sees && (flags & DELVE_RANGED) && delve_draw(s, 2) == 0) {
        delve_attack(s, m, DELVE_SHOT);
    } else if (m->mood == DELVE_HUNTS && (flags & DELVE_BREEDS) && delve_draw(s, 16) == 0) {
        delve_breed(s, tiles, m);
    } else {
        delve_move_monster(s, tiles, m, sees);
    }
}

// All monsters within 12 tiles act as often as their speed allows; those who sleep nearby may wake.
static void delve_act_all(Delve* s, const void* assets)
{
    const uint8_t* tiles = delve_tiles(s, assets);
    const int16_t* sight = delve_sight(s, assets);
    DelveMonster* monsters = delve_monsters(s);
    int32_t sound = s->hero == DELVE_ROGUE ? 20 : 10;
    for (int32_t i = 0; i < DELVE_CROWD; i++) {
        DelveMonster* m = &monsters[i];
        int32_t distance = m->kind ? delve_distance(m->tile, s->tile) : DELVE_ACTIVE + 1;
        if (distance > DELVE_ACTIVE || s->health <= 0) {
            continue;
        }
        if (m->mood == DELVE_ASLEEP) {
            if (distance <= DELVE_EARS && delve_draw(s, sound) == 0) {
                m->mood = DELVE_HUNTS;
                delve_tell(s, DELVE_WOKE, m->kind, 0);
            }
            continue;
        }
        m->energy = (uint8_t)(m->energy + delve_kinds[m->kind].speed);
        for (; m->energy >= DELVE_ENERGY && s->health > 0; m->energy = (uint8_t)(m->energy - DELVE_ENERGY)) {
            delve_act(s, tiles, sight, m);
        }
    }
}

static void delve_wake_all(Delve* s)
{
    DelveMonster* monsters = delve_monsters(s);
    for (int32_t i = 0; i < DELVE_CROWD; i++) {
        monsters[i].mood = (uint8_t)(monsters[i].mood == DELVE_FLEES ? DELVE_FLEES : DELVE_HUNTS);
    }
}
