// relax.h - how to poll a word that another thread or process will change, before going to sleep.
//
//     for (int look = 0; look < LOOKS; look++) { if (changed) return; relax(look); }
//
// Waking a sleeper costs more than a short step, so all looks together take longer than that: about 250 us. The first
// ones follow each other closely, in case the answer is almost there. After that the core is yielded between looks: if
// there are fewer cores than threads, the thread that will change the word may be waiting for this core.
//
// Measured on 2 cores, close looks only -> these: a step of 8 CartPoles in 2 worker processes 149 -> 33 us (95 when
// sleeping immediately); of breakout, 4,096 rows on 2 threads beside a busy process 148 to 205 -> 110 us, alone 53 -> 53.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#define PAUSE() _mm_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() (void)0
#endif

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#define GIVE_WAY() SwitchToThread()
#else
#include <sched.h>
#define GIVE_WAY() sched_yield()
#endif

enum { CLOSE_LOOKS = 100, LOOKS = 1000 };

static inline void relax(int look)
{
    if (look < CLOSE_LOOKS) {
        PAUSE();
    } else {
        GIVE_WAY();
    }
}
