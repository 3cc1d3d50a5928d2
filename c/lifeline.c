// lifeline.c - see lifeline.h.
#if defined(_WIN32)
#include "lifeline.h"
#include <io.h>
#include <stdlib.h>

void puf_follow_parent(int lifeline, long parent)
{
    char nothing;
    (void)parent; // no other process has the handle
    (void)_read(lifeline, &nothing, 1);
    _exit(1);
}

#else
#define _POSIX_C_SOURCE 200809L
#include "lifeline.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum { PARENT_CHECK_MILLISECONDS = 1000 };

void puf_follow_parent(int lifeline, long parent)
{
    // Signals are for the thread that runs the environments.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);

    struct pollfd end = { .fd = lifeline, .events = POLLIN };
    while (poll(&end, 1, PARENT_CHECK_MILLISECONDS) <= 0 && (long)getppid() == parent) {
    }
    if (getpgrp() == getpid()) {
        kill(0, SIGKILL);
    }
    _exit(1);
}
#endif
