// os_threads.h - threads, locks and conditions of the operating system, under one name each. Included by pool.c alone.
// (Not called threads.h, which would hide the C library's header of that name.)
#pragma once

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
typedef HANDLE Thread;
typedef SRWLOCK Mutex;
typedef CONDITION_VARIABLE Condition;
#define THREAD_RESULT DWORD WINAPI
static inline int thread_start(Thread* t, LPTHREAD_START_ROUTINE run, void* arg)
{
    *t = CreateThread(NULL, 0, run, arg, 0, NULL);
    return *t ? 0 : -1;
}
static inline void thread_join(Thread t)
{
    WaitForSingleObject(t, INFINITE);
    CloseHandle(t);
}
static inline void mutex_init(Mutex* m) { InitializeSRWLock(m); }
static inline void mutex_destroy(Mutex* m) { (void)m; }
static inline void mutex_lock(Mutex* m) { AcquireSRWLockExclusive(m); }
static inline void mutex_unlock(Mutex* m) { ReleaseSRWLockExclusive(m); }
static inline void condition_init(Condition* c) { InitializeConditionVariable(c); }
static inline void condition_destroy(Condition* c) { (void)c; }
static inline void condition_wait(Condition* c, Mutex* m) { SleepConditionVariableSRW(c, m, INFINITE, 0); }
static inline void condition_signal(Condition* c) { WakeConditionVariable(c); }
static inline void condition_signal_all(Condition* c) { WakeAllConditionVariable(c); }
static inline int forks(void) { return 0; }
static inline void count_forks(void) {}
#else
#include <pthread.h>
typedef pthread_t Thread;
typedef pthread_mutex_t Mutex;
typedef pthread_cond_t Condition;
#define THREAD_RESULT void*
static inline int thread_start(Thread* t, void* (*run)(void*), void* arg) { return pthread_create(t, NULL, run, arg); }
static inline void thread_join(Thread t) { pthread_join(t, NULL); }
static inline void mutex_init(Mutex* m) { pthread_mutex_init(m, NULL); }
static inline void mutex_destroy(Mutex* m) { pthread_mutex_destroy(m); }
static inline void mutex_lock(Mutex* m) { pthread_mutex_lock(m); }
static inline void mutex_unlock(Mutex* m) { pthread_mutex_unlock(m); }
static inline void condition_init(Condition* c) { pthread_cond_init(c, NULL); }
static inline void condition_destroy(Condition* c) { pthread_cond_destroy(c); }
static inline void condition_wait(Condition* c, Mutex* m) { pthread_cond_wait(c, m); }
static inline void condition_signal(Condition* c) { pthread_cond_signal(c); }
static inline void condition_signal_all(Condition* c) { pthread_cond_broadcast(c); }

// Threads do not survive a fork. Counting forks in the child lets a pool refuse work instead of waiting forever.
static int fork_count;
static inline void in_child(void) { fork_count += 1; }
static inline int forks(void) { return fork_count; }
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static inline void register_fork_handler(void) { pthread_atfork(NULL, NULL, in_child); }
static inline void count_forks(void) { pthread_once(&fork_once, register_fork_handler); }
#endif
