// cortex_m.c - starts a program on a Cortex-M of QEMU, and ends QEMU with the program's exit status.
#include <stdint.h>

int main(void);
void start(void);
extern char stack_top[];

__attribute__((section(".vectors"), used)) static const struct {
    const void* stack;
    void (*reset)(void);
} vectors = { stack_top, start };

void start(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t*)0xE000ED88 |= 0xFu << 20; // the FPU is off after a reset
    __asm__ volatile("dsb\n\tisb");
#endif
    const uint32_t exited[2] = { 0x20026, (uint32_t)main() };
    register uint32_t operation __asm__("r0") = 0x20; // SYS_EXIT_EXTENDED of ARM's semihosting
    register const uint32_t* argument __asm__("r1") = exited;
    __asm__ volatile("bkpt 0xAB" : : "r"(operation), "r"(argument), "m"(exited));
    for (;;) {
    }
}
