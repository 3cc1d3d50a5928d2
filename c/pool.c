// pool.c - the only file that knows about operating-system threads.
#include "pool.h"
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define PAUSE() _mm_pause()
#elif defined(__aarch64__) && defined(__GNUC__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() (void)0
#endif

enum {
    SPINS = 2000
}; // looks before going to sleep: 20 to 40 us. More would burn a core, fewer would sleep every step.

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
typedef HANDLE Thread;
typedef SRWLOCK Mutex;
typedef CONDITION_VARIABLE Condition;
#define THREAD_RESULT DWORD WINAPI
static int thread_start(Thread* t, LPTHREAD_START_ROUTINE run, void* arg)
{
    *t = CreateThread(NULL, 0, run, arg, 0, NULL);
    return *t ? 0 : -1;
}
static void thread_join(Thread t)
{
    WaitForSingleObject(t, INFINITE);
    CloseHandle(t);
}
static void mutex_init(Mutex* m) { InitializeSRWLock(m); }
static void mutex_destroy(Mutex* m) { (void)m; }
static void mutex_lock(Mutex* m) { AcquireSRWLockExclusive(m); }
static void mutex_unlock(Mutex* m) { ReleaseSRWLockExclusive(m); }
static void condition_init(Condition* c) { InitializeConditionVariable(c); }
static void condition_destroy(Condition* c) { (void)c; }
static void condition_wait(Condition* c, Mutex* m) { SleepConditionVariableSRW(c, m, INFINITE, 0); }
static void condition_signal_all(Condition* c) { WakeAllConditionVariable(c); }
static int forks(void) { return 0; }
static void count_forks(void) {}
#else
#include <pthread.h>
typedef pthread_t Thread;
typedef pthread_mutex_t Mutex;
typedef pthread_cond_t Condition;
#define THREAD_RESULT void*
static int thread_start(Thread* t, void* (*run)(void*), void* arg) { return pthread_create(t, NULL, run, arg); }
static void thread_join(Thread t) { pthread_join(t, NULL); }
static void mutex_init(Mutex* m) { pthread_mutex_init(m, NULL); }
static void mutex_destroy(Mutex* m) { pthread_mutex_destroy(m); }
static void mutex_lock(Mutex* m) { pthread_mutex_lock(m); }
static void mutex_unlock(Mutex* m) { pthread_mutex_unlock(m); }
static void condition_init(Condition* c) { pthread_cond_init(c, NULL); }
static void condition_destroy(Condition* c) { pthread_cond_destroy(c); }
static void condition_wait(Condition* c, Mutex* m) { pthread_cond_wait(c, m); }
static void condition_signal_all(Condition* c) { pthread_cond_broadcast(c); }

// Threads do not survive a fork. Counting forks in the child lets a pool refuse work instead of waiting for ever.
static int fork_count;
static void in_child(void) { fork_count += 1; }
static int forks(void) { return fork_count; }
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static void register_fork_handler(void) { pthread_atfork(NULL, NULL, in_child); }
static void count_forks(void) { pthread_once(&fork_once, register_fork_handler); }
#endif

typedef struct Worker {
    PufPool* pool;
    int part;
    Thread thread;
} Worker;

struct PufPool {
    Mutex mutex;
    Condition start, done;
    PufJob job;
    void* context;
    atomic_uint round;  // raised for every job, and to stop; changes under the mutex
    atomic_int pending; // workers still busy with the job; reaches 0 under the mutex
    int stop;
    int workers; // threads without the caller
    int forks;   // as counted when the pool was made
    Worker worker[];
};

// Wait until the round is another one than `seen`, and return it.
static unsigned next_round(PufPool* pool, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        unsigned round = atomic_load_explicit(&pool->round, memory_order_acquire);
        if (round != seen) {
            return round;
        }
        PAUSE();
    }
    mutex_lock(&pool->mutex);
    while (atomic_load(&pool->round) == seen) {
        condition_wait(&pool->start, &pool->mutex);
    }
    mutex_unlock(&pool->mutex);
    return atomic_load(&pool->round);
}

static void begin_round(PufPool* pool, int pending)
{
    mutex_lock(&pool->mutex);
    atomic_store(&pool->pending, pending);
    atomic_fetch_add(&pool->round, 1);
    condition_signal_all(&pool->start);
    mutex_unlock(&pool->mutex);
}

static void finish_part(PufPool* pool)
{
    mutex_lock(&pool->mutex);
    if (atomic_fetch_sub(&pool->pending, 1) == 1) {
        condition_signal_all(&pool->done);
    }
    mutex_unlock(&pool->mutex);
}

static void wait_until_done(PufPool* pool)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool->pending, memory_order_acquire) == 0) {
            return;
        }
        PAUSE();
    }
    mutex_lock(&pool->mutex);
    while (atomic_load(&pool->pending) > 0) {
        condition_wait(&pool->done, &pool->mutex);
    }
    mutex_unlock(&pool->mutex);
}

static THREAD_RESULT worker_main(void* arg)
{
    Worker* self = arg;
    PufPool* pool = self->pool;
    unsigned seen = 0;
    for (;;) {
        seen = next_round(pool, seen);
        if (pool->stop) {
            return 0;
        }
        pool->job(pool->context, self->part, pool->workers + 1);
        finish_part(pool);
    }
}

static void pool_stop(PufPool* pool, int started)
{
    pool->stop = 1;
    begin_round(pool, 0);
    for (int i = 0; i < started; i++) {
        thread_join(pool->worker[i].thread);
    }
    condition_destroy(&pool->done);
    condition_destroy(&pool->start);
    mutex_destroy(&pool->mutex);
    free(pool);
}

PufPool* puf_pool_create(int threads)
{
    int workers = threads - 1;
    PufPool* pool = calloc(1, sizeof(PufPool) + (size_t)workers * sizeof(Worker));
    if (!pool) {
        return NULL;
    }
    count_forks();
    pool->workers = workers;
    pool->forks = forks();
    mutex_init(&pool->mutex);
    condition_init(&pool->start);
    condition_init(&pool->done);
    for (int i = 0; i < workers; i++) {
        pool->worker[i].pool = pool;
        pool->worker[i].part = i + 1;
        if (thread_start(&pool->worker[i].thread, worker_main, &pool->worker[i]) != 0) {
            pool_stop(pool, i);
            return NULL;
        }
    }
    return pool;
}

int puf_pool_run(PufPool* pool, PufJob job, void* context)
{
    if (forks() != pool->forks) {
        return -1;
    }
    pool->job = job;
    pool->context = context;
    begin_round(pool, pool->workers);
    job(context, 0, pool->workers + 1);
    wait_until_done(pool);
    return 0;
}

void puf_pool_destroy(PufPool* pool)
{
    if (!pool) {
        return;
    }
    if (forks() != pool->forks) {
        return; // a forked child: the threads are not here, and the lock may be held for ever
    }
    pool_stop(pool, pool->workers);
}
