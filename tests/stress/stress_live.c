/*
 * stress_live.c - the rings of the live page under threads: workers tell of hits as fast as they can
 * while another thread gathers.
 *
 * A plain program, because ThreadSanitizer does not run under the unit test framework. Checks that every
 * hit is either looked at or counted as unseen, once, and that no hit is torn: its page, title and site
 * carry the same number. Prints one line; exit code 0 if all held. Usage: stress_live [seconds]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "server/live.h"

#define WORKERS  3
#define START_MS 1795608000000

static struct live *live;
static atomic_bool stop;
static atomic_ullong told;

static void *work(void *arg)
{
    struct live_tap *tap = arg;
    unsigned long long n = 0;
    char url[160], text[64];

    for (; !atomic_load_explicit(&stop, memory_order_relaxed); n++) {
        int digits = snprintf(text, sizeof text, "%0*llu", (int)(1 + n % 30), n % 10);
        struct event event = { .ts_ms = START_MS, .kind = EVENT_VIEW };

        snprintf(url, sizeof url, "https://a.example/%s", text);
        event.facts.url = str_of(url);
        event.facts.title = event.facts.site = str_from(text, (size_t)digits);
        event.vid = event.facts.title;
        live_tap_hit(tap, &event);
    }
    atomic_fetch_add(&told, n);
    return NULL;
}

static void check_latest(void)
{
    static const struct str host = { "a.example/", 10 };
    struct live_hit hit;

    for (unsigned i = 0; live_latest(live, i, &hit); i++) {
        struct str path = str_from(hit.page.p + host.n, hit.page.n - host.n);

        if (str_starts(hit.page, host) && str_eq(path, hit.title) && str_eq(path, hit.site))
            continue;
        fprintf(stderr, "stress_live: a torn hit: %.*s, %.*s, %.*s\n", STR_ARG(hit.page),
                STR_ARG(hit.title), STR_ARG(hit.site));
        exit(1);
    }
}

int main(int argc, char **argv)
{
    int64_t until_ms = clock_mono_ms() + 1000 * (argc > 1 ? atoi(argv[1]) : 3);
    pthread_t threads[WORKERS];
    struct live_figures f;
    struct err e;

    if (crypto_init(&e) != 0 || (live = live_new(WORKERS, &e)) == NULL) {
        fprintf(stderr, "stress_live: %s\n", e.text);
        return 1;
    }
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, work, live_tap(live, i));
    while (clock_mono_ms() < until_ms) {
        live_gather(live, START_MS);
        check_latest();
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    live_gather(live, START_MS);
    live_figures(live, &f);
    printf("stress_live: %llu hits told, %llu looked at, %llu only counted\n", atomic_load(&told),
           (unsigned long long)f.views, (unsigned long long)f.unseen);
    live_free(live);
    if (f.hits == atomic_load(&told) && f.views + f.unseen == f.hits && f.views > 0)
        return 0;
    fprintf(stderr, "stress_live: hits are missing or too many\n");
    return 1;
}
