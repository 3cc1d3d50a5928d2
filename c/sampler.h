// sampler.h - where a program spends its time: notes the instruction it is at, up to 1,000 times a second.
//
// Only for Linux, on x86-64 and aarch64. Include it first: it asks the headers for what signals are made of.
#pragma once
#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>
#include <ucontext.h>

enum { SAMPLER_MAX = 1 << 16, SAMPLER_MICROSECONDS = 1000 };

static uintptr_t sampler_places[SAMPLER_MAX];
static volatile sig_atomic_t sampler_count;

static void sampler_note(int signal, siginfo_t* info, void* context)
{
    (void)signal, (void)info;
    const ucontext_t* now = context;
    if (sampler_count < SAMPLER_MAX) {
#ifdef __x86_64__
        sampler_places[sampler_count] = (uintptr_t)now->uc_mcontext.gregs[REG_RIP];
#else
        sampler_places[sampler_count] = (uintptr_t)now->uc_mcontext.pc;
#endif
        sampler_count += 1;
    }
}

static void sampler_run(int on)
{
    struct itimerval every = { .it_interval.tv_usec = on * SAMPLER_MICROSECONDS,
                               .it_value.tv_usec = on * SAMPLER_MICROSECONDS };
    struct sigaction action = { .sa_sigaction = sampler_note, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &every, NULL);
}

// One address a line.
static void sampler_write(FILE* file)
{
    for (int i = 0; i < sampler_count; i++) {
        fprintf(file, "%#llx\n", (unsigned long long)sampler_places[i]);
    }
}
#else
#include <stdio.h>
static void sampler_run(int on) { (void)on; }
static void sampler_write(FILE* file) { (void)file; }
#endif
