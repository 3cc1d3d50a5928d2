// cards_parts.h - the parts of the picture of cards: where things are, cards, caps of keys, arrows.
#pragma once
#include "draw/envs/cards_story.h"

enum { CARDS_LEFT = 16, CARDS_PANEL = 160, CARDS_GAP = 6, CARDS_WIDTH = 86, CARDS_HEIGHT = 118 };
enum { CARDS_BOARDS_LEFT = CARDS_LEFT + CARDS_PANEL + 16 }; // where the boards begin
enum { CARDS_WIDE = CARDS_HAND * CARDS_WIDTH + (CARDS_HAND - 1) * CARDS_GAP, CARDS_PITCH = CARDS_WIDTH + 22 };
enum { CARDS_BOARD_LEFT = CARDS_BOARDS_LEFT + (CARDS_WIDE - CARDS_BOARD * CARDS_WIDTH - (CARDS_BOARD - 1) * 22) / 2 };
enum { CARDS_RIGHT = CARDS_BOARDS_LEFT + CARDS_WIDE + 16, CARDS_ALL_WIDTH = 1200, CARDS_ALL_HEIGHT = 700 };
enum { CARDS_OWN_HAND = 550, CARDS_OWN_BOARD = 416, CARDS_OTHER_BOARD = 196, CARDS_OTHER_HAND = PUF_HUD_HEIGHT + 4 };
enum {
    CARDS_BAND = 350,
    CARDS_KEYS = 412,
    CARDS_KEY_LINE = 24
}; // the question between the boards; the first key's line
#define CARDS_STAGE_X (CARDS_BOARDS_LEFT + CARDS_WIDE / 2.0 - CARDS_WIDTH / 2.0) // a card that is being played
#define CARDS_STAGE_Y (CARDS_BAND - CARDS_HEIGHT / 2.0 + 15)

static const char* const cards_names[CARDS_NUMBERS] = { "",
                                                        "Spring",
                                                        "Drift Larva",
                                                        "Glass Shrimp",
                                                        "Needle Fry",
                                                        "Pebble Crab",
                                                        "Rill Goby",
                                                        "Lamp Gnat",
                                                        "Stinging Bell",
                                                        "Spark of Salt",
                                                        "Barnacle Coat",
                                                        "Mud Hopper",
                                                        "Kelp Snail",
                                                        "Spray Tern",
                                                        "Razor Minnow",
                                                        "Leech Eel",
                                                        "Tide Sentry",
                                                        "Coral Pike",
                                                        "Boiling Jet",
                                                        "Clear Water",
                                                        "Sudden Bloom",
                                                        "Numbing Cold",
                                                        "Backwash Pull",
                                                        "Still Water",
                                                        "Reed Frog",
                                                        "Squall Petrel",
                                                        "Bristle Urchin",
                                                        "Ridge Turtle",
                                                        "Slate Barracuda",
                                                        "Lantern Ray",
                                                        "Spear Shrimp",
                                                        "Hook Squid",
                                                        "Ebb Reading",
                                                        "Long Rain",
                                                        "Shadow Below",
                                                        "Turning Basin",
                                                        "Rising Swell",
                                                        "Brine Otter",
                                                        "Cliff Gannet",
                                                        "Thorn Anemone",
                                                        "Dusk Moray",
                                                        "Silt Walrus",
                                                        "Ink Mantle",
                                                        "Foam Charger",
                                                        "Hot Vent",
                                                        "Crushing Deep",
                                                        "Reef Warden",
                                                        "Gale Albatross",
                                                        "Anvil Crab",
                                                        "Harpoon Eel",
                                                        "Marsh Lurker",
                                                        "Wrack Line",
                                                        "Crimson Drift",
                                                        "Breaking Front",
                                                        "Tusk Whale",
                                                        "Dawn Heron",
                                                        "Hollow Octopus",
                                                        "Trench Stalker",
                                                        "Old Baleen",
                                                        "Thunder Manta",
                                                        "Deep Mother" };

typedef struct CardsKeyword {
    const char *word, *meaning;
    PufColor color;
} CardsKeyword;

static const CardsKeyword cards_keyword_list[CARDS_KEYWORDS] = {
    { "swift", "attacks in the turn it comes", PUF_AMBER },
    { "soar", "blocked only by soar and net", PUF_SKY },
    { "net", "may block what soars", PUF_TEAL },
    { "quick", "deals its damage first", PUF_ORANGE },
    { "pierce", "surplus damage goes through", PUF_CORAL },
    { "drain", "its damage is life for you", PUF_PINK },
    { "venom", "kills what it damages", PUF_MINT },
    { "awake", "attacks without tiring", PUF_SNOW },
};

static PufColor cards_kind_color(const CardsCard* card)
{
    static const PufColor colors[] = { PUF_SLATE, PUF_TEAL, PUF_SKY, PUF_VIOLET, PUF_AMBER };
    return colors[card->kind];
}

// From whose side the picture is, and what it may show.
typedef struct CardsView {
    const Cards* s;
    PufPicture* p;
    int32_t own, choices;    // side at the bottom; bits of the buttons that do something
    const CardsStory* story; // what is being shown; nothing can be chosen then
    CardsMoment moment;
} CardsView;

static const char* cards_who(const CardsView* v, int32_t side)
{
    if (v->p->person >= 0) {
        return side == v->own ? "You" : "Other";
    }
    return side == v->own ? "First" : "Second";
}

// The same in small letters.
static PufLine cards_who_small(const CardsView* v, int32_t side)
{
    PufLine line = puf_line_of(cards_who(v, side));
    line.text[0] = (char)(line.text[0] - 'A' + 'a');
    return line;
}

static PufColor cards_side_color(const CardsView* v, int32_t side) { return side == v->own ? PUF_MINT : PUF_CORAL; }

// Whether that hand is face up: a person sees the other's only where the other has to choose at this screen.
static int cards_opens(const CardsView* v, int32_t side)
{
    return side == v->own || v->p->person < 0 || (v->s->self_play && v->s->asked == side);
}

// The top left corner of a creature.
static PufPoint cards_place(const CardsView* v, int32_t side, int32_t place)
{
    const double forward = side == v->own ? -12 : 12;
    const int fights = (v->s->attacking >> place & 1) && side == v->s->turn;
    return (PufPoint){ CARDS_BOARD_LEFT + place * CARDS_PITCH,
                       (side == v->own ? CARDS_OWN_BOARD : CARDS_OTHER_BOARD) + (fights ? forward : 0) };
}

static PufPoint cards_middle(const CardsView* v, int32_t side, int32_t place)
{
    const PufPoint at = cards_place(v, side, place);
    return (PufPoint){ at.x + CARDS_WIDTH / 2.0, at.y + CARDS_HEIGHT / 2.0 };
}

// The left edge of a card in a hand of so many.
static double cards_in_hand(int32_t place, int32_t count)
{
    const double wide = count * (CARDS_WIDTH + CARDS_GAP) - CARDS_GAP;
    return CARDS_BOARDS_LEFT + (CARDS_WIDE - wide) / 2 + place * (CARDS_WIDTH + CARDS_GAP);
}

// ---- Cards ----

// What a spell does, in lines that fit a card; # stands for its amount.
static void cards_draw_rules(const CardsCard* card, double x, double y, PufPicture* p)
{
    static const char* const rules[CARDS_EFFECTS + 1][3] = {
        { "one more mana", "every turn" },
        { "# damage to a", "creature or the", "other player" },
        { "# life", "for you" },
        { "draw # cards" },
        { "+# +# for one", "of your creatures", "for good" },
        { "−# −# for one", "of the other's", "creatures" },
        { "kills a creature", "of attack #", "or less" },
        { "a creature goes", "back to its", "player's hand" },
        { "# damage to", "every creature" },
        { "the card that was", "just played does", "not happen" },
    };
    for (int i = 0; i < 3 && rules[card->effect][i]; i++) {
        PufLine line = puf_line_of("");
        for (const char* c = rules[card->effect][i]; *c; c++) {
            puf_say(&line, *c == '#' ? puf_word(card->attack, 0, 0, "").text : (const char[]){ *c, 0 });
        }
        puf_fit(p, x, y + 14 * i, line.text, 11.5, CARDS_WIDTH - 8, PUF_SNOW);
    }
}

static void cards_draw_words(const CardsCard* card, double x, double y, PufPicture* p)
{
    int32_t count = 0, line = 0;
    for (int k = 0; k < CARDS_KEYWORDS; k++) {
        count += card->keywords >> k & 1;
    }
    for (int k = 0; k < CARDS_KEYWORDS; k++) {
        if (card->keywords >> k & 1) {
            puf_text(p, x, y + (count == 1 ? 77 : 71 + 12 * line++), cards_keyword_list[k].word, 12,
                     cards_keyword_list[k].color, PUF_CENTER);
        }
    }
}

// A card without its numbers for a board: name, cost, emblem, keywords or rules.
static void cards_draw_face(const CardsView* v, int32_t number, double x, double y, int lit, int chosen)
{
    const CardsCard* card = &cards_table[number];
    const PufColor color = cards_kind_color(card), edge = puf_blend(color, PUF_SLATE, 0.55);
    const double rim = lit || chosen ? 2.5 : 1.5, middle = x + CARDS_WIDTH / 2.0;
    PufPicture* p = v->p;
    puf_rect(p, x, y, CARDS_WIDTH, CARDS_HEIGHT, chosen ? PUF_AMBER : lit ? PUF_SNOW : edge, 8);
    puf_rect(p, x + rim, y + rim, CARDS_WIDTH - 2 * rim, CARDS_HEIGHT - 2 * rim, puf_blend(color, PUF_NIGHT, 0.78), 7);
    puf_rect(p, x + rim, y + rim, CARDS_WIDTH - 2 * rim, 19, puf_blend(color, PUF_NIGHT, 0.55), 7);
    puf_fit(p, middle, y + 5, cards_names[number], 12, CARDS_WIDTH - 8, PUF_SNOW);
    cards_draw_emblem(cards_names[number], card, middle, y + 46, 19, p);
    if (card->kind != CARDS_SOURCE) {
        puf_circle(p, x + 13, y + 31, 9, puf_blend(PUF_TEAL, PUF_NIGHT, 0.35));
        puf_text(p, x + 13, y + 24, puf_word(card->cost, 0, 0, "").text, 14, PUF_SNOW, PUF_CENTER);
    }
    if (card->kind == CARDS_INSTANT) {
        puf_text(p, x + CARDS_WIDTH - 6, y + 22, "instant", 10, PUF_AMBER, PUF_RIGHT);
    }
    if (card->kind == CARDS_CREATURE) {
        cards_draw_words(card, middle, y, p);
    } else {
        cards_draw_rules(card, middle, y + 70, p);
    }
}

// Attack and health at the foot of a creature.
static void cards_draw_stats(double x, double y, int32_t attack, int32_t left, int hurt, int changed, PufPicture* p)
{
    const double foot = y + CARDS_HEIGHT - 11;
    const PufColor color = changed ? PUF_MINT : PUF_SNOW;
    puf_rect(p, x + 3, foot - 10, 36, 18, puf_blend(PUF_AMBER, PUF_NIGHT, 0.7), 6);
    puf_rect(p, x + CARDS_WIDTH - 39, foot - 10, 36, 18, puf_blend(PUF_CORAL, PUF_NIGHT, 0.7), 6);
    cards_draw_sword(x + 12, foot - 1, 6, PUF_AMBER, p);
    cards_draw_heart(x + CARDS_WIDTH - 30, foot - 1, 6, PUF_CORAL, p);
    puf_text(p, x + 29, foot - 9, puf_word(attack, 0, 0, "").text, 16, color, PUF_CENTER);
    puf_text(p, x + CARDS_WIDTH - 13, foot - 9, puf_word(left, 0, 0, "").text, 16, hurt ? PUF_CORAL : color,
             PUF_CENTER);
}

// A key cap in the middle of x.
static void cards_draw_cap(double x, double y, const char* key, PufPicture* p)
{
    const double wide = puf_max(20, puf_measure(p, key, 13) + 12);
    puf_rect(p, x - wide / 2, y, wide, 19, PUF_AMBER, 5);
    puf_text(p, x, y + 2.5, key, 13, PUF_NIGHT, PUF_CENTER);
}

// The cap of a button with a number: 1 for the first.
static void cards_draw_number_cap(double x, double y, int32_t button, PufPicture* p)
{
    cards_draw_cap(x, y, puf_word(button + 1, 0, 0, "").text, p);
}

// An arrow with a broad head.
static void cards_draw_arrow(PufPoint start, PufPoint end, PufColor color, PufPicture* p)
{
    const double dx = end.x - start.x, dy = end.y - start.y, length = puf_max(1, sqrt(dx * dx + dy * dy));
    const double ux = dx / length, uy = dy / length;
    const PufPoint neck = { end.x - 14 * ux, end.y - 14 * uy };
    const PufPoint head[] = { { neck.x - 8 * uy, neck.y + 8 * ux }, end, { neck.x + 8 * uy, neck.y - 8 * ux } };
    puf_path(p, (const PufPoint[]){ start, neck }, 2, 5, color);
    puf_polygon(p, head, 3, color);
}
