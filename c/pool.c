// pool.c - gives threads work, and lets them wait for it.
#include "pool.h"
#include "os_threads.h"
#include "relax.h"
#include <stdatomic.h>
#include <stdlib.h>

// Every call to the threads is a round; the remainder of its number says what to do.
enum { SHARE, TAKE, STOP, KINDS = 4 };

typedef struct Task {
    PufJob job;
    void* context;
    int parts;
    int begun; // parts that a thread has taken
    int left;  // parts that are not done
    struct Task* next;
} Task;

// First in, first out.
typedef struct Queue {
    Task *first, *last;
} Queue;

typedef struct Worker {
    PufPool* pool;
    int part;
    Thread thread;
} Worker;

struct PufPool {
    Mutex mutex;
    Condition start, done;
    PufJob job; // that is shared
    void* context;
    atomic_uint round;  // changes under the mutex
    atomic_int pending; // threads still busy with the shared job; reaches 0 under the mutex
    atomic_uint ready;  // tasks done and not yet received; changes under the mutex
    int sleeping;       // threads that wait for a round; under the mutex
    int threads;        // that share a job, counting the caller's own
    int workers;        // threads without the caller
    int forks;          // as counted when the pool was made
    Task* tasks;
    Queue waiting, finished; // under the mutex
    Worker worker[];
};

static void push(Queue* queue, Task* task)
{
    task->next = NULL;
    if (queue->first) {
        queue->last->next = task;
    } else {
        queue->first = task;
    }
    queue->last = task;
}

static Task* pop(Queue* queue)
{
    Task* task = queue->first;
    queue->first = task->next;
    return task;
}

// Watch a number for a while until it differs from `seen`; return it.
static unsigned look_out(atomic_uint* number, unsigned seen)
{
    for (int look = 0; look < LOOKS; look++) {
        unsigned now = atomic_load_explicit(number, memory_order_acquire);
        if (now != seen) {
            return now;
        }
        relax(look);
    }
    return seen;
}

// Wait until the round differs from `seen`; return it.
static unsigned next_round(PufPool* pool, unsigned seen)
{
    unsigned round = look_out(&pool->round, seen);
    if (round != seen) {
        return round;
    }
    mutex_lock(&pool->mutex);
    pool->sleeping += 1;
    while ((round = atomic_load(&pool->round)) == seen) {
        condition_wait(&pool->start, &pool->mutex);
    }
    pool->sleeping -= 1;
    mutex_unlock(&pool->mutex);
    return round;
}

// Under the mutex.
static void begin_round(PufPool* pool, unsigned kind)
{
    unsigned round = atomic_load_explicit(&pool->round, memory_order_relaxed);
    atomic_store(&pool->round, round - round % KINDS + KINDS + kind);
}

// ---- One job for all. ----

static void begin_job(PufPool* pool)
{
    mutex_lock(&pool->mutex);
    atomic_store(&pool->pending, pool->threads - 1);
    begin_round(pool, SHARE);
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
    for (int look = 0; look < LOOKS; look++) {
        if (atomic_load_explicit(&pool->pending, memory_order_acquire) == 0) {
            return;
        }
        relax(look);
    }
    mutex_lock(&pool->mutex);
    while (atomic_load(&pool->pending) > 0) {
        condition_wait(&pool->done, &pool->mutex);
    }
    mutex_unlock(&pool->mutex);
}

int puf_pool_run(PufPool* pool, PufJob job, void* context)
{
    if (forks() != pool->forks) {
        return -1;
    }
    pool->job = job;
    pool->context = context;
    begin_job(pool);
    job(context, 0, pool->threads);
    wait_until_done(pool);
    return 0;
}

// ---- A queue of tasks. ----

int puf_pool_send(PufPool* pool, int number, PufJob job, void* context, int parts)
{
    if (forks() != pool->forks) {
        return -1;
    }
    Task* task = &pool->tasks[number];
    task->job = job;
    task->context = context;
    task->parts = parts;
    task->begun = 0;
    task->left = parts;
    mutex_lock(&pool->mutex);
    push(&pool->waiting, task);
    begin_round(pool, TAKE);
    for (int i = 0; i < parts && i < pool->sleeping; i++) {
        condition_signal(&pool->start); // wake only as many as have something to do
    }
    mutex_unlock(&pool->mutex);
    return 0;
}

// Take parts until there are none.
static void take_parts(PufPool* pool)
{
    mutex_lock(&pool->mutex);
    while (pool->waiting.first) {
        Task* task = pool->waiting.first;
        int part = task->begun++;
        if (task->begun == task->parts) {
            pop(&pool->waiting);
        }
        mutex_unlock(&pool->mutex);
        task->job(task->context, part, task->parts);
        mutex_lock(&pool->mutex);
        task->left -= 1;
        if (task->left == 0) {
            push(&pool->finished, task);
            atomic_fetch_add(&pool->ready, 1);
            condition_signal_all(&pool->done);
        }
    }
    mutex_unlock(&pool->mutex);
}

int puf_pool_receive(PufPool* pool)
{
    if (forks() != pool->forks) {
        return -1;
    }
    look_out(&pool->ready, 0);
    mutex_lock(&pool->mutex);
    while (!pool->finished.first) {
        condition_wait(&pool->done, &pool->mutex);
    }
    Task* task = pop(&pool->finished);
    atomic_fetch_sub(&pool->ready, 1);
    mutex_unlock(&pool->mutex);
    return (int)(task - pool->tasks);
}

// ---- The threads. ----

static THREAD_RESULT worker_main(void* arg)
{
    Worker* self = arg;
    PufPool* pool = self->pool;
    unsigned round = SHARE;
    for (;;) {
        round = next_round(pool, round);
        if (round % KINDS == STOP) {
            return 0;
        }
        if (round % KINDS == TAKE) {
            take_parts(pool);
        } else if (self->part < pool->threads) {
            pool->job(pool->context, self->part, pool->threads);
            finish_part(pool);
        }
    }
}

static void pool_stop(PufPool* pool, int started)
{
    mutex_lock(&pool->mutex);
    pool->waiting.first = NULL;
    begin_round(pool, STOP);
    condition_signal_all(&pool->start);
    mutex_unlock(&pool->mutex);
    for (int i = 0; i < started; i++) {
        thread_join(pool->worker[i].thread);
    }
    condition_destroy(&pool->done);
    condition_destroy(&pool->start);
    mutex_destroy(&pool->mutex);
    free(pool->tasks);
    free(pool);
}

PufPool* puf_pool_create(int threads, int tasks)
{
    int workers = tasks > 0 ? threads : threads - 1;
    PufPool* pool = calloc(1, sizeof(PufPool) + (size_t)workers * sizeof(Worker));
    Task* slots = calloc((size_t)tasks + 1, sizeof(Task));
    if (!pool || !slots) {
        free(pool);
        free(slots);
        return NULL;
    }
    count_forks();
    pool->threads = threads;
    pool->workers = workers;
    pool->tasks = slots;
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

void puf_pool_destroy(PufPool* pool)
{
    if (!pool) {
        return;
    }
    if (forks() != pool->forks) {
        return; // a forked child: the threads do not exist here, and the lock may be held forever
    }
    pool_stop(pool, pool->workers);
}
