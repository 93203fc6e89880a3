/*
 * tasks.c - see base/tasks.h for the contract.
 */
#include "base/tasks.h"

#include <pthread.h>
#include <stdatomic.h>

#define HELPERS_MAX 255

struct tasks {
    void (*task)(void *arg, size_t i);
    void *arg;
    size_t count;
    atomic_size_t next;
};

static void *work(void *arg)
{
    struct tasks *tasks = arg;
    size_t i;

    while ((i = atomic_fetch_add(&tasks->next, 1)) < tasks->count)
        tasks->task(tasks->arg, i);
    return NULL;
}

void tasks_run(unsigned threads, size_t count, void (*task)(void *arg, size_t i), void *arg)
{
    struct tasks tasks = { .task = task, .arg = arg, .count = count };
    pthread_t helpers[HELPERS_MAX];
    unsigned started = 0;

    while (started + 1 < threads && started + 1 < count && started < HELPERS_MAX &&
           pthread_create(&helpers[started], NULL, work, &tasks) == 0)
        started++;
    work(&tasks);
    for (unsigned i = 0; i < started; i++)
        pthread_join(helpers[i], NULL);
}
