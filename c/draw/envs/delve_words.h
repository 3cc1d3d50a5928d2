// delve_words.h - the words of delve: names of things, and what happened.
#pragma once
#include "draw/envs/delve_art.h"

static int32_t delve_look_of(const Delve* s, int32_t kind)
{
    const int secret = kind >= DELVE_FIRST_SECRET && kind < DELVE_FIRST_SECRET + DELVE_SECRETS;
    return secret ? s->looks[kind - DELVE_FIRST_SECRET] : 0;
}

// The name of a thing, or how it looks.
static void delve_say_thing(const Delve* s, int32_t kind, PufLine* line)
{
    static const char* const names[DELVE_THINGS] = {
        "",           "dagger",     "mace",    "sword",      "axe",      "glaive",     "bow",     "cap",
        "helmet",     "great helm", "leather", "chain mail", "plate",    "buckler",    "shield",  "tower shield",
        "healing",    "life",       "speed",   "might",      "insight",  "spirit",     "venom",   "dizziness",
        "lore",       "sharpness",  "warding", "flight",     "mapping",  "blessing",   "slumber", "alarm",
        "striking",   "fire",       "drowse",  "banishing",  "leeching", "protection", "health",  "light",
        "sustenance", "ration",     "gold",    "amulet",
    };
    static const char* const paints[] = { "red", "orange", "golden", "green", "teal", "blue", "violet", "pink" };
    static const char* const titles[] = { "ABRA", "DUNE", "EKLU", "FONTE", "GRIS", "HALMA", "ISKO", "JORU" };
    static const char* const woods[] = { "oak", "birch", "ebony", "bone", "brass" };
    static const char* const stones[] = { "ruby", "topaz", "emerald", "sapphire" };
    static const char* const words[] = { "potion", "scroll", "wand", "ring" };
    const int32_t class = delve_class_of(kind), look = delve_look_of(s, kind);
    if (class < DELVE_POTION || class > DELVE_RING) {
        puf_say(line, names[kind]);
        return;
    }
    const char* word = words[class - DELVE_POTION];
    if (delve_knows(s, kind) || class == DELVE_SCROLL) {
        puf_say(line, word);
        puf_say(line, delve_knows(s, kind) ? " of " : " ");
        puf_say(line, delve_knows(s, kind) ? names[kind] : titles[look % 8]);
        return;
    }
    puf_say(line, class == DELVE_POTION ? paints[look % 8] : class == DELVE_WAND ? woods[look % 5] : stones[look % 4]);
    puf_say(line, " ");
    puf_say(line, word);
}

static const char* const delve_achievements[DELVE_ACHIEVEMENTS] = {
    "Took a thing",
    "Wielded a blade",
    "Put on armour",
    "Ate",
    "Drank a potion",
    "Read a scroll",
    "Zapped a wand",
    "First kill",
    "10 kills",
    "100 gold",
    "Level 2 of the dungeon",
    "Rose to level 2",
    "Found a trap",
    "Depth 3",
    "Depth 4",
    "Depth 5",
    "Rose to level 5",
    "Knows 4 secrets",
    "Knows 8 secrets",
    "Killed from afar",
    "Killed by magic",
    "Helmet, mail and shield",
    "Caught a thief",
    "50 kills",
    "Depth 6",
    "Depth 7",
    "Depth 8",
    "Rose to level 8",
    "3 elites",
    "Enchanted to +3",
    "500 gold",
    "100 kills",
    "Depth 9",
    "Depth 10",
    "Depth 11",
    "Depth 12",
    "Rose to level 12",
    "Killed a dragon",
    "200 kills",
    "The amulet",
};

// Parts of a sentence: before the name of the monster, after it, and after the amount.
typedef struct DelveSentence {
    const char *before, *between, *after;
    int monster, amount; // whether the sentence has them
} DelveSentence;

static void delve_say_sentence(const DelveEvent* e, PufLine* line)
{
    static const DelveSentence sentences[DELVE_EVENT_KINDS] = {
        [DELVE_HIT] = { "You hit the ", " for ", ".", 1, 1 },
        [DELVE_MISSED] = { "You miss the ", ".", "", 1, 0 },
        [DELVE_KILLED] = { "The ", " dies.", "", 1, 0 },
        [DELVE_HURT] = { "The ", " hits you for ", ".", 1, 1 },
        [DELVE_DODGED] = { "The ", " misses.", "", 1, 0 },
        [DELVE_SHOT] = { "The ", " shoots you for ", ".", 1, 1 },
        [DELVE_SPELL] = { "The ", "'s spell costs you ", ".", 1, 1 },
        [DELVE_ROBBED] = { "The ", " steals ", " gold!", 1, 1 },
        [DELVE_DRAINED] = { "The ", " drains you.", "", 1, 0 },
        [DELVE_POISONED] = { "You are poisoned.", "", "", 0, 0 },
        [DELVE_ARRIVED] = { "You are on level ", "", ".", 0, 1 },
        [DELVE_ROSE] = { "Experience level ", "", "!", 0, 1 },
        [DELVE_HUNGRY] = { "You are hungry.", "", "", 0, 0 },
        [DELVE_STARVES] = { "You starve.", "", "", 0, 0 },
        [DELVE_BRED] = { "The ", " splits.", "", 1, 0 },
        [DELVE_WOKE] = { "The ", " sees you.", "", 1, 0 },
    };
    const DelveSentence* told = &sentences[e->what];
    if (told->before == NULL) {
        return;
    }
    puf_say(line, told->before);
    if (told->monster && e->subject <= DELVE_MONSTERS) {
        puf_say(line, delve_monster_looks[e->subject].name);
    }
    puf_say(line, told->between);
    if (told->amount) {
        puf_say_number(line, e->amount);
    }
    puf_say(line, told->after);
}

// What was done with a thing of the pack.
static void delve_say_use(const Delve* s, const DelveEvent* e, PufLine* line)
{
    static const char* const verbs[DELVE_CLASSES] = { "",     "wield", "take",   "put on", "put on", "put on", "drink",
                                                      "read", "zap",   "put on", "eat",    "take",   "take" };
    const int32_t kind = e->subject < DELVE_THINGS ? e->subject : 0;
    if (e->what == DELVE_TOOK && kind == DELVE_COINS) {
        puf_say_number(line, e->amount);
        puf_say(line, " gold.");
        return;
    }
    puf_say(line, e->what == DELVE_STUCK ? "The " : "You ");
    if (e->what != DELVE_STUCK) {
        const char* verb = verbs[delve_class_of(kind)];
        puf_say(line, e->what == DELVE_TOOK ? "take" : e->what == DELVE_LEFT ? "leave" : verb);
        puf_say(line, " the ");
    }
    delve_say_thing(s, kind, line);
    puf_say(line, e->what == DELVE_STUCK ? " is cursed: it stays on." : ".");
}

// An event in words.
static void delve_say_event(const Delve* s, const DelveEvent* e, PufLine* line)
{
    static const char* const traps[DELVE_TRAPS] = { "", "dart trap", "pit", "warp", "trapdoor", "bell", "rust trap" };
    static const char* const powers[DELVE_HEROES + 1] = { "", "sweep at all around", "throw dust", "cast a bolt",
                                                          "heal" };
    switch (e->what) {
    case DELVE_TOOK:
    case DELVE_PUT_ON:
    case DELVE_LEFT:
    case DELVE_STUCK:
    case DELVE_USED: delve_say_use(s, e, line); return;
    case DELVE_FOUND:
    case DELVE_SPRUNG:
        puf_say(line, e->what == DELVE_FOUND ? "You find a " : "You step on a ");
        puf_say(line, e->subject < DELVE_TRAPS ? traps[e->subject] : "");
        puf_say(line, ".");
        return;
    case DELVE_ACHIEVED:
        puf_say(line, e->subject < DELVE_ACHIEVEMENTS ? delve_achievements[e->subject] : "");
        puf_say(line, ": +");
        puf_say_number(line, e->amount);
        puf_say(line, ".");
        return;
    case DELVE_CAST:
        puf_say(line, "You ");
        puf_say(line, e->subject <= DELVE_HEROES ? powers[e->subject] : "");
        puf_say(line, ".");
        return;
    default: delve_say_sentence(e, line);
    }
}

// How the last episode ended.
static void delve_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Delve* s = state;
    const int32_t cause = s->ended % 100;
    (void)agent;
    switch (cause) {
    case DELVE_ALIVE: puf_say(line, "out of time"); break;
    case DELVE_BY_HUNGER: puf_say(line, "starved"); break;
    case DELVE_BY_HARM: puf_say(line, "killed by poison or a trap"); break;
    case DELVE_BY_AMULET: puf_say(line, "the amulet is yours"); break;
    default: {
        const char* name = cause <= DELVE_MONSTERS ? delve_monster_looks[cause].name : "";
        puf_say(line, name[0] && strchr("aeiou", name[0]) ? "killed by an " : "killed by a ");
        puf_say(line, name);
    }
    }
    puf_say(line, " on level ");
    puf_say_number(line, s->ended / 100);
}
