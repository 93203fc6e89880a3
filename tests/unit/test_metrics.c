/*
 * test_metrics.c - /metrics as Prometheus reads it, and what /readyz says.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "support/edge.h"

static struct edge e;

static void set_up(void)
{
    edge_open(&e);
    e.table = ROUTE_ADMIN;
}

static void tear_down(void)
{
    edge_close(&e);
}

TestSuite(metrics, .init = set_up, .fini = tear_down);

static bool has_line(const char *line)
{
    struct str body = edge_body(&e), at;

    while ((at = str_cut(&body, '\n')).p != NULL) {
        if (str_eq(at, str_of(line)))
            return true;
    }
    return false;
}

Test(metrics, counters_are_summed_over_threads)
{
    struct metrics other = { .hits_received = 5,
                             .hits_refused_site = 2,
                             .connections_accepted = 3 };
    struct metrics *both[] = { &e.metrics, &other };

    e.admin.metrics = both;
    e.admin.metrics_count = 2;
    e.metrics.hits_received = 37;
    e.metrics.hits_refused_disk = 1;
    e.metrics.connections_accepted = 10;
    e.metrics.connections_closed = 6;
    edge_ask(&e, "GET /metrics", "");
    cr_expect(str_eq(edge_line(&e, "Content-Type:", 0),
                     STR("Content-Type: text/plain; version=0.0.4; charset=utf-8")));
    cr_expect(has_line("crumb_hits_received_total 42"));
    cr_expect(has_line("crumb_hits_refused_total{reason=\"disk\"} 1"));
    cr_expect(has_line("crumb_hits_refused_total{reason=\"site\"} 2"));
    cr_expect(has_line("crumb_hits_refused_total{reason=\"write\"} 0"));
    cr_expect(has_line("crumb_connections 7"));
    cr_expect(has_line("crumb_build_info{version=\"1.2.3\"} 1"));
    cr_expect(has_line("crumb_geo_info{databases=\"none\"} 1"));
    cr_expect(has_line("process_start_time_seconds 1795442709.123"));
    cr_expect(has_line("crumb_store_files_sealed_total 0"));
    cr_expect(has_line("crumb_draining 0"));
}

/* The format allows one HELP and one TYPE for a name, before its samples, which stand together. */
Test(metrics, each_name_has_one_help_and_one_type)
{
    struct str body, line, seen[128];
    struct str name = STR_ABSENT;
    unsigned seen_count = 0, samples = 0;

    edge_ask(&e, "GET /metrics", "");
    body = edge_body(&e);
    while ((line = str_cut(&body, '\n')).n > 0) {
        if (str_starts(line, STR("# HELP "))) {
            line.p += 7;
            line.n -= 7;
            name = str_cut(&line, ' ');
            cr_expect_gt(line.n, 0, "%.*s has no help text", STR_ARG(name));
            for (unsigned i = 0; i < seen_count; i++)
                cr_expect(!str_eq(seen[i], name), "%.*s twice", STR_ARG(name));
            cr_assert_lt(seen_count, 128);
            seen[seen_count++] = name;
        } else if (str_starts(line, STR("# TYPE "))) {
            line.p += 7;
            line.n -= 7;
            cr_expect(str_eq(str_cut(&line, ' '), name));
            cr_expect(str_eq(line, STR("counter")) || str_eq(line, STR("gauge")));
        } else {
            samples++;
            cr_expect(str_starts(line, name) && (line.p[name.n] == ' ' || line.p[name.n] == '{'),
                      "%.*s under %.*s", STR_ARG(line), STR_ARG(name));
        }
    }
    cr_expect_null(body.p, "an empty line, or none at the end");
    cr_expect_gt(samples, seen_count);
}

Test(metrics, process_figures_are_of_this_process)
{
    struct str line;
    uint64_t bytes = 0;

    edge_ask(&e, "GET /metrics", "");
    line = str_from(edge_body(&e).p, edge_body(&e).n);
    line.p = memmem(line.p, line.n, "\nprocess_resident_memory_bytes ", 31);
    cr_assert_not_null(line.p);
    line = str_of(line.p + 31);
    cr_expect(str_to_u64(str_cut(&line, '\n'), UINT64_MAX, &bytes));
    cr_expect(bytes > 100000 && bytes < 4000000000, "%llu", (unsigned long long)bytes);
}

Test(metrics, largest_values_fit_into_one_answer)
{
    memset((void *)&e.metrics, 0xFF, sizeof e.metrics);
    edge_ask(&e, "GET /metrics", "");
    cr_expect_eq(edge_status(&e), 200);
    cr_expect(has_line("crumb_idle_closed_total 18446744073709551615"));
    cr_expect_eq(edge_body(&e).p[edge_body(&e).n - 1], '\n');
}

Test(metrics, readyz_says_no_while_draining_and_when_the_disk_does)
{
    char spool[96], gone[96];

    edge_ask(&e, "GET /readyz", "");
    cr_expect_eq(edge_status(&e), 200);
    e.draining = true;
    edge_ask(&e, "GET /readyz", "");
    cr_expect_eq(edge_status(&e), 503);
    edge_ask(&e, "GET /healthz", "");
    cr_expect_eq(edge_status(&e), 200);
    e.draining = false;

    snprintf(spool, sizeof spool, "%s/spool", e.dir);
    snprintf(gone, sizeof gone, "%s/gone", e.dir);
    cr_assert_eq(rename(spool, gone), 0);
    edge_ask(&e, "GET /readyz", "");
    cr_expect_eq(edge_status(&e), 503);
    cr_expect(edge_has(edge_body(&e), "spool"), "%.*s", STR_ARG(edge_body(&e)));
    cr_assert_eq(rename(gone, spool), 0);
    edge_ask(&e, "GET /readyz", "");
    cr_expect_eq(edge_status(&e), 200);
}
