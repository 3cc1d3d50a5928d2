// isa.c - see isa.h.
#include "isa.h"
#include <stdlib.h>
#include <string.h>

const char* puf_isa_name(PufIsa isa)
{
    static const char* const names[PUF_NUM_ISA] = { "baseline", "x86-64-v3", "x86-64-v4" };
    return names[isa];
}

#ifdef PUF_X86_VARIANTS
// The processor itself is asked: __builtin_cpu_supports needs a library that clang-cl does not link. Numbers of bits are
// those of CPUID in volume 2A of Intel's manual.
#include <cpuid.h>
#include <stdint.h>

#define BIT(number) ((uint32_t)1 << (number))
static const uint32_t OSXSAVE = BIT(27), AVX_AND_FMA = BIT(28) | BIT(12);                     // ecx of leaf 1
static const uint32_t AVX2_AND_BMI = BIT(5) | BIT(3) | BIT(8);                                // ebx of leaf 7
static const uint32_t AVX512_F_DQ_CD_BW_VL = BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31); // ebx of leaf 7
// Which registers the system keeps for a thread (XCR0). Apple's shows those of AVX-512 only once a thread used them.
static const uint32_t KEEPS_AVX = 0x6;
#ifdef __APPLE__
static const uint32_t KEEPS_AVX512 = 0x6;
#else
static const uint32_t KEEPS_AVX512 = 0xe6;
#endif

typedef struct Features {
    uint32_t leaf1, leaf7, kept;
} Features;

static Features features(void)
{
    Features f = { 0 };
    uint32_t a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d) && (c & OSXSAVE)) {
        f.leaf1 = c;
        f.leaf7 = __get_cpuid_count(7, 0, &a, &b, &c, &d) ? b : 0;
        __asm__ volatile("xgetbv" : "=a"(f.kept), "=d"(d) : "c"(0));
    }
    return f;
}

static int all_of(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

// x86-64-v3 and v4 as the psABI defines them, as far as a compiler makes use of them.
static int has_v3(Features f)
{
    return all_of(f.leaf1, AVX_AND_FMA) && all_of(f.leaf7, AVX2_AND_BMI) && all_of(f.kept, KEEPS_AVX);
}

static int has_v4(Features f)
{
    return has_v3(f) && all_of(f.leaf7, AVX512_F_DQ_CD_BW_VL) && all_of(f.kept, KEEPS_AVX512);
}
#endif

// The fastest one to use: PUFFER_ISA may name a slower one than the processor has.
static PufIsa fastest_allowed(void)
{
    const char* wanted = getenv("PUFFER_ISA");
    for (int isa = 0; wanted && isa < PUF_NUM_ISA; isa++) {
        if (strcmp(wanted, puf_isa_name((PufIsa)isa)) == 0) {
            return (PufIsa)isa;
        }
    }
    return PUF_NUM_ISA;
}

int puf_isa_supported(PufIsa isa)
{
    if (isa > fastest_allowed()) {
        return 0;
    }
#ifdef PUF_X86_VARIANTS
    switch (isa) {
    case PUF_ISA_V4: return has_v4(features());
    case PUF_ISA_V3: return has_v3(features());
    default: break;
    }
#endif
    return isa == PUF_ISA_BASELINE;
}

int puf_isa_fuses(PufIsa isa)
{
#ifdef __aarch64__
    (void)isa;
    return 1;
#else
    return isa != PUF_ISA_BASELINE;
#endif
}
