/*
 * metrics.h - counters of one thread, summed when somebody asks.
 *
 * Each loop thread has its own struct metrics and is its only writer; readers on other threads
 * see each counter by itself (relaxed atomics), never a torn value. A new counter is a row here:
 * /metrics and crumbd(8) follow.
 *
 * Promise 2, to the hit and once all answers are out:
 *     hits_received = hits_stored + hits_opted_out + the sum of hits_refused_*
 */
#ifndef CRUMB_SERVER_METRICS_H
#define CRUMB_SERVER_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

/* name of the field, name in Prometheus, labels, help */
#define METRICS_COUNTERS(X)                                                                        \
    X(hits_received, "crumb_hits_received_total", "",                                              \
      "Beacon requests that were well-formed HTTP")                                                \
    X(hits_stored, "crumb_hits_stored_total", "", "Hits written to the spool and acknowledged")    \
    X(hits_opted_out, "crumb_hits_opted_out_total", "",                                            \
      "Hits of visitors who opted out: answered, not stored")                                      \
    X(hits_refused_disk, "crumb_hits_refused_total", "reason=\"disk\"",                            \
      "Hits answered with an error, by reason")                                                    \
    X(hits_refused_overload, "crumb_hits_refused_total", "reason=\"overload\"", "")                \
    X(hits_refused_write, "crumb_hits_refused_total", "reason=\"write\"", "")                      \
    X(hits_refused_site, "crumb_hits_refused_total", "reason=\"site\"", "")                        \
    X(hits_refused_origin, "crumb_hits_refused_total", "reason=\"origin\"", "")                    \
    X(hits_refused_json, "crumb_hits_refused_total", "reason=\"json\"", "")                        \
    X(hits_refused_event, "crumb_hits_refused_total", "reason=\"event\"", "")                      \
    X(ids_new, "crumb_ids_new_total", "", "Identifiers issued")                                    \
    X(ids_bad, "crumb_ids_bad_total", "",                                                          \
      "Identifier cookies that were not valid and treated as absent")                              \
    X(params_dropped, "crumb_params_dropped_total", "",                                            \
      "Parameters beyond the limits of a record")                                                  \
    X(optouts, "crumb_optouts_total", "", "Opt-outs set")                                          \
    X(optins, "crumb_optins_total", "", "Opt-outs withdrawn")                                      \
    X(connections_accepted, "crumb_connections_accepted_total", "", "Connections accepted")        \
    X(connections_closed, "crumb_connections_closed_total", "", "Connections closed")              \
    X(accept_pauses, "crumb_accept_pauses_total", "",                                              \
      "Times that accepting paused for want of descriptors or memory")                             \
    X(requests, "crumb_requests_total", "", "Requests answered on public listeners")               \
    X(bad_requests, "crumb_bad_requests_total", "",                                                \
      "Requests answered with 4xx and closed because they were not valid HTTP or beyond a limit")  \
    X(timeouts, "crumb_timeouts_total", "", "Connections closed because a request took too long")  \
    X(idle_closed, "crumb_idle_closed_total", "",                                                  \
      "Keep-alive connections closed for being idle or to make room")

struct metrics {
#define METRICS_FIELD(field, name, labels, help) _Atomic uint64_t field;
    METRICS_COUNTERS(METRICS_FIELD)
#undef METRICS_FIELD
};

/* Single writer: a load and a store, no locked instruction. */
static inline void metrics_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/*
 * All of it in the Prometheus text format 0.0.4: the counters summed over the threads, the
 * store's, and what the process costs. Fits into ANSWER_BYTES_MAX - ANSWER_HEAD_BYTES_MAX;
 * metrics.c checks that when compiling.
 */
struct admin_view;
struct buf;
struct geo_set;
void metrics_add_text(struct buf *b, const struct admin_view *server, const struct geo_set *geo);

#endif
