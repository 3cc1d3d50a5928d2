// cortex_m4.c - how many instructions a step of an exported policy takes: prints it through ARM's semihosting.
//
// For QEMU's mps2-an386 with -icount shift=0, where an instruction takes a nanosecond and SysTick counts 25 MHz.
// policy.h, written by benchmarks/microcontroller.py, includes the policy's header and names its parts.
#include "policy.h"

#define REGISTER(address) (*(volatile uint32_t*)(address))
#define STEPS 64
#define INSTRUCTIONS_PER_TICK 40

void start(void);
extern char stack_top[];

__attribute__((section(".vectors"), used)) static const struct {
    const void* stack;
    void (*reset)(void);
} vectors = { stack_top, start };

static void semihost(uint32_t operation, const void* argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void* r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void start(void)
{
    REGISTER(0xE000ED88) |= 0xFu << 20; // the FPU is off after a reset
    __asm__ volatile("dsb\n\tisb");
    State state;
    Number observation[INPUTS];
    float outputs[OUTPUTS];
    for (int i = 0; i < INPUTS; i++) {
        observation[i] = (Number)(i % 2);
    }
    reset(&state);
    REGISTER(0xE000E014) = 0xFFFFFF; // SysTick: reload, clear, start on the processor's clock
    REGISTER(0xE000E018) = 0;
    REGISTER(0xE000E010) = 5;
    const uint32_t before = REGISTER(0xE000E018);
    for (int t = 0; t < STEPS; t++) {
        step(&state, observation, outputs);
    }
    uint32_t ticks = (before - REGISTER(0xE000E018)) & 0xFFFFFF, instructions = ticks * INSTRUCTIONS_PER_TICK / STEPS;
    char text[12] = { 0 };
    char* digit = text + sizeof text - 1;
    do {
        *--digit = (char)('0' + instructions % 10);
        instructions /= 10;
    } while (instructions);
    semihost(0x04, digit);                          // SYS_WRITE0
    semihost(0x18, (const void*)(uint32_t)0x20026); // SYS_EXIT: done
    for (;;) {
    }
}
