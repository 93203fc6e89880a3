/*
 * The commands from their words to their output, over data that the store itself has written.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/fs.h"
#include "base/json.h"
#include "cli/opts.h"
#include "store/spool.h"
#include "store/store.h"

#define DEADLINE_MS 20000
#define WORDS_MAX   16

static char folder[] = "/tmp/crumb-commands-XXXXXX";
static char data[64], stdout_path[64], stderr_path[64];
static char instance[STORE_INSTANCE_BYTES + 1]; /* of the store that was opened last */

/* ---- data ---- */

static void remove_tree(const char *path)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    cr_assert_eq(system(command), 0);
}

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(stdout_path, sizeof stdout_path, "%s/stdout", folder);
    snprintf(stderr_path, sizeof stderr_path, "%s/stderr", folder);
}

static void tear_down(void)
{
    remove_tree(folder);
}

TestSuite(commands, .init = set_up, .fini = tear_down, .timeout = 60);

static struct store *open_store(void)
{
    struct store_options options = {
        .data_dir = data,
        .roll_interval_ms = 60 * DATE_SECOND_MS,
        .roll_size_bytes = 1 << 20,
        .workers = 2,
    };
    struct err e = { 0 };
    struct store *store = store_open(&options, &e);

    cr_assert_not_null(store, "%s", e.text);
    snprintf(instance, sizeof instance, "%.*s", STR_ARG(store_instance(store)));
    return store;
}

/* One turn of a worker that keeps a record with these fields behind the usual ones. */
static void keep(struct store *store, unsigned worker, int64_t ms, const char *fields)
{
    struct spool *spool = store_spool(store, worker);
    struct err e = { 0 };
    struct buf line;
    uint64_t seq;
    char *room;

    spool_begin_turn(spool, ms);
    room = spool_reserve(spool, 1000, &seq, &e);
    cr_assert_not_null(room, "%s", e.text);
    line = buf_over(room, 1000);
    buf_add_lit(&line, "{\"v\":1,\"ts\":\"");
    date_add_rfc3339(&line, ms);
    buf_addf(&line, "\",\"id\":\"%s-%u-%" PRIu64 "\",\"kind\":\"view\"%s}\n", instance, worker, seq,
             fields);
    cr_assert_not(line.full);
    spool_accept(spool, line.n);
    cr_assert_eq(spool_commit(spool, &e), 0, "%s", e.text);
}

static void close_store(struct store *store)
{
    struct err e = { 0 };

    spool_close(store_spool(store, 0));
    spool_close(store_spool(store, 1));
    cr_assert_eq(store_close(store, &e), 0, "%s", e.text);
}

#define START_MS INT64_C(1763906400000) /* 2025-11-23T14:00:00Z */

/* One record every ten minutes, so six in the sealed file of each hour; two sites take turns. */
static void make_data(unsigned records)
{
    static const char *const fields[] = { ",\"site\":\"shop\",\"country\":\"DE\"",
                                          ",\"site\":\"blog\",\"title\":\"=a, \\\"b\\\"\"" };
    struct store *store = open_store();

    for (unsigned i = 0; i < records; i++)
        keep(store, 0, START_MS + i * INT64_C(600000), fields[i % 2]);
    close_store(store);
}

/* The path of the sealed file of that hour. */
static void sealed_path(char path[256], int hour)
{
    struct fs_list list;
    struct err e = { 0 };
    char hour_path[128];

    snprintf(hour_path, sizeof hour_path, "%s/hits/dt=2025-11-23/hour=%02d", data, hour);
    cr_assert_eq(fs_list(hour_path, &list, &e), 0, "%s", e.text);
    path[0] = '\0';
    for (size_t i = 0; i < list.count; i++) {
        if (strstr(list.names[i], ".ndjson.gz") != NULL)
            snprintf(path, 256, "%s/%s", hour_path, list.names[i]);
    }
    fs_list_free(&list);
    cr_assert_neq(path[0], '\0');
}

static void damage(const char *path)
{
    struct stat st;
    unsigned char byte;
    int fd = open(path, O_RDWR);

    cr_assert_geq(fd, 0);
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq(pread(fd, &byte, 1, st.st_size / 2), 1);
    byte ^= 0x55;
    cr_assert_eq(pwrite(fd, &byte, 1, st.st_size / 2), 1);
    close(fd);
}

/* ---- running a command ---- */

static int send_to(const char *path, int fd)
{
    int kept = dup(fd), file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    cr_assert_geq(file, 0);
    cr_assert_eq(dup2(file, fd), fd);
    close(file);
    return kept;
}

static void put_back(int fd, int kept)
{
    cr_assert_eq(dup2(kept, fd), fd);
    close(kept);
}

static enum ending run_words(const char *const *words, struct err *e)
{
    char *argv[WORDS_MAX];
    struct opts opts;
    const struct command *command = command_find(words[0], e);
    int n = 0;

    cr_assert_not_null(command, "%s", e->text);
    while (words[n + 1] != NULL) {
        argv[n] = (char *)(uintptr_t)words[n + 1];
        n++;
    }
    if (opts_parse(&opts, command, n, argv, e) != 0)
        return END_USAGE;
    return command->run(&opts, e);
}

/* The output and what was said, from malloc, in *out and *said; the sentence of an error is in e. */
static enum ending run(const char *const *words, char **out, char **said, struct err *e)
{
    int kept_out = send_to(stdout_path, STDOUT_FILENO),
        kept_err = send_to(stderr_path, STDERR_FILENO);
    enum ending ending = run_words(words, e);
    size_t n;

    put_back(STDOUT_FILENO, kept_out);
    put_back(STDERR_FILENO, kept_err);
    cr_assert_eq(fs_read_all(stdout_path, 1 << 24, out, &n, NULL), 0);
    cr_assert_eq(fs_read_all(stderr_path, 1 << 24, said, &n, NULL), 0);
    return ending;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void expect(const char *const *words, enum ending wanted_ending, const char *wanted_out)
{
    struct err e = { 0 };
    char *out, *said;
    enum ending ending = run(words, &out, &said, &e);

    cr_expect_eq(ending, wanted_ending, "%d: %s", ending, e.text);
    cr_expect_str_eq(out, wanted_out, "%s", out);
    cr_expect_str_eq(said, "", "%s", said);
    free(out);
    free(said);
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (const char *p = text; *p != '\0'; p++)
        n += *p == '\n';
    return n;
}

static size_t lines_of(const char *const *words, enum ending wanted)
{
    struct err e = { 0 };
    char *out, *said;
    enum ending ending = run(words, &out, &said, &e);
    size_t n = count_lines(out);

    cr_expect_eq(ending, wanted, "%d: %s %s", ending, e.text, said);
    free(out);
    free(said);
    return n;
}

/* ---- cat ---- */

Test(commands, cat_prints_sealed_and_live_records_each_once)
{
    struct store *store;

    make_data(20);
    store = open_store();
    for (int i = 0; i < 5; i++)
        keep(store, (unsigned)i % 2, clock_wall_ms(), "");
    cr_expect_eq(lines_of(WORDS("cat", "--data", data), END_FINE), 25);
    close_store(store);
    cr_expect_eq(lines_of(WORDS("cat", "--data", data), END_FINE), 25);
}

Test(commands, cat_prints_only_what_is_meant)
{
    make_data(20);
    cr_expect_eq(lines_of(WORDS("cat", "--data", data, "--site", "shop"), END_FINE), 10);
    cr_expect_eq(lines_of(WORDS("cat", "--data", data, "--site", "shop,blog"), END_FINE), 20);
    cr_expect_eq(
        lines_of(WORDS("cat", "--data", data, "--where", "country=DE", "--where", "site=blog"),
                 END_FINE),
        0);
    cr_expect_eq(
        lines_of(WORDS("cat", "--data", data, "--since", "2025-11-23T14:10:00Z"), END_FINE), 19);
    cr_expect_eq(lines_of(WORDS("cat", "--data", data, "--since", "2025-11-23T15:10", "--tz",
                                "Europe/Berlin", "--until", "2025-11-23T14:40:00Z"),
                          END_FINE),
                 3);
    cr_expect_eq(lines_of(WORDS("cat", "--data", data, "--since", "1h"), END_FINE), 0);
}

Test(commands, cat_prints_the_line_as_it_is_stored)
{
    char wanted[256];
    struct store *store = open_store();

    keep(store, 0, START_MS, ",\"site\":\"shop\",\"title\":\"K\\u00f6ln \xC3\xB6 \\u001b\"");
    close_store(store);
    snprintf(wanted, sizeof wanted,
             "{\"v\":1,\"ts\":\"2025-11-23T14:00:00.000Z\",\"id\":\"%s-0-1\",\"kind\":\"view\","
             "\"site\":\"shop\",\"title\":\"K\\u00f6ln \xC3\xB6 \\u001b\"}\n",
             instance);
    expect(WORDS("cat", "--data", data), END_FINE, wanted);
}

Test(commands, cat_tells_damage_by_path_and_offset_and_prints_the_rest)
{
    char path[256], place[512];
    struct err e = { 0 };
    char *out, *said;

    make_data(40);
    sealed_path(path, 15);
    damage(path);
    cr_expect_eq(run(WORDS("cat", "--data", data), &out, &said, &e), END_DAMAGED, "%s", e.text);
    snprintf(place, sizeof place, "crumb: %s@", path);
    cr_expect_not_null(strstr(said, place), "%s", said);
    cr_expect_geq(count_lines(out), 34);
    cr_expect_lt(count_lines(out), 40);
    free(out);
    free(said);
}

Test(commands, cat_tells_the_ids_of_a_gap)
{
    char path[256], gap[256];
    struct err e = { 0 };
    char *out, *said;

    make_data(40);
    sealed_path(path, 15);
    cr_assert_eq(remove(path), 0);
    cr_expect_eq(run(WORDS("cat", "--data", data), &out, &said, &e), END_DAMAGED, "%s", e.text);
    snprintf(gap, sizeof gap, "crumb: records %s-0-7 to %s-0-12 are missing\n", instance, instance);
    cr_expect_str_eq(said, gap);
    free(out);
    free(said);
}

Test(commands, cat_writes_a_file_that_is_complete)
{
    char file[96];

    make_data(20);
    snprintf(file, sizeof file, "%s/records.csv", folder);
    expect(WORDS("cat", "--data", data, "-o", file, "--format", "csv"), END_FINE, "");
    cr_expect(fs_exists(file));
}

Test(commands, cat_refuses_what_does_not_exist)
{
    static const struct {
        const char *words[6];
        enum ending ending;
    } rows[] = {
        { { "cat", "--where", "contry=DE" }, END_USAGE },
        { { "cat", "--since", "whenever" }, END_USAGE },
        { { "cat", "--since", "1h", "--until", "2h" }, END_USAGE },
        { { "cat", "--tz", "Moon" }, END_USAGE },
        { { "cat", "--data", "/nowhere" }, END_ERROR },
        { { "cat", "--data", "/etc/passwd" }, END_ERROR },
        { { "cat", "--data", "/usr" }, END_ERROR },
        { { "cat", "-c", "/nowhere.yaml" }, END_ERROR },
        { { "tail", "-n", "many" }, END_ERROR }, /* no data to read is told first */
        { { "verify", "--format", "xml" }, END_USAGE },
        { { "verify", "/nowhere" }, END_ERROR },
        { { "config", "-c", "/nowhere.yaml" }, END_ERROR },
        { { "schema" }, END_USAGE },
        { { "schema", "--duckdb", "--jsonschema" }, END_USAGE },
        { { "help", "cta" }, END_USAGE },
    };

    cr_assert_eq(chdir(folder), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = { 0 };
        char *out, *said;

        cr_expect_eq(run(rows[i].words, &out, &said, &e), rows[i].ending, "row %zu: %s", i, e.text);
        cr_expect(e.code != ERR_NONE || said[0] != '\0', "row %zu says nothing", i);
        free(out);
        free(said);
    }
}

Test(commands, data_are_found_by_config_and_in_the_current_folder)
{
    char file[96];
    FILE *config;

    make_data(20);
    snprintf(file, sizeof file, "%s/crumb.yaml", folder);
    config = fopen(file, "w");
    cr_assert_not_null(config);
    fprintf(config, "data: %s\n", data);
    fclose(config);
    cr_expect_eq(lines_of(WORDS("cat", "-c", file), END_FINE), 20);
    cr_assert_eq(chdir(folder), 0);
    cr_expect_eq(lines_of(WORDS("cat"), END_FINE), 20);
}

/* ---- verify ---- */

static void expect_closing_line(const char *const *words, enum ending wanted, const char *closing)
{
    struct err e = { 0 };
    char *out, *said;
    size_t n, closing_bytes = strlen(closing);

    cr_expect_eq(run(words, &out, &said, &e), wanted, "%s", e.text);
    n = strlen(out);
    cr_expect(n >= closing_bytes && strcmp(out + n - closing_bytes, closing) == 0, "%s", out);
    free(out);
    free(said);
}

Test(commands, verify_says_that_data_are_intact)
{
    char path[256];

    make_data(20);
    sealed_path(path, 14);
    expect_closing_line(WORDS("verify", "--data", data), END_FINE,
                        "\n20 records in 4 files and 0 segments, intact\n");
    expect_closing_line(WORDS("verify", data), END_FINE,
                        "\n20 records in 4 files and 0 segments, intact\n");
    expect_closing_line(WORDS("verify", path), END_FINE,
                        "\n6 records in 1 files and 0 segments, intact\n");
    expect_closing_line(WORDS("verify", path, "/nowhere"), END_ERROR,
                        "damaged places, 0 gaps, not all could be read\n");
}

Test(commands, verify_reports_each_damage_and_counts_it)
{
    char path[256], place[512];
    struct err e = { 0 };
    char *out, *said;
    struct json_field field;

    make_data(40);
    sealed_path(path, 15);
    damage(path);
    cr_expect_eq(run(WORDS("verify", "--data", data), &out, &said, &e), END_DAMAGED, "%s", e.text);
    snprintf(place, sizeof place, "%s@", path);
    cr_expect_not_null(strstr(out, place), "%s", out);
    cr_expect_null(strstr(out, "intact"), "%s", out);
    free(out);
    free(said);
    cr_expect_eq(run(WORDS("verify", "--data", data, "--format", "json"), &out, &said, &e),
                 END_DAMAGED, "%s", e.text);
    cr_expect(json_find(str_of(out), STR("intact"), &field) && field.type == JSON_FALSE, "%s", out);
    cr_expect(json_find(str_of(out), STR("findings"), &field), "%s", out);
    cr_expect_not_null(memmem(field.value.p, field.value.n, path, strlen(path)), "%s", out);
    cr_expect(json_find(str_of(out), STR("records"), &field), "%s", out);
    free(out);
    free(said);
}

Test(commands, verify_notices_records_that_are_there_twice)
{
    char path[256], twice[64];
    struct err e = { 0 };
    char *out, *said;

    make_data(20);
    sealed_path(path, 15);
    cr_expect_eq(run(WORDS("verify", path, path), &out, &said, &e), END_DAMAGED, "%s", e.text);
    snprintf(twice, sizeof twice, "record %s-0-7 is there twice\n", instance);
    cr_expect_not_null(strstr(out, twice), "%s", out);
    cr_expect_not_null(strstr(out, ", 6 records there twice\n"), "%s", out);
    free(out);
    free(said);
}

/* ---- tail ---- */

struct tail {
    pid_t pid;
    int out;
    char text[65536];
    size_t n;
};

/* Runs tail in a process of its own; nothing of ours holds a thread or a lock at that point. */
static void start_tail(struct tail *tail, const char *const *words)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    tail->pid = fork();
    cr_assert_geq(tail->pid, 0);
    if (tail->pid == 0) {
        struct err e = { 0 };

        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        _exit(run_words(words, &e));
    }
    close(ends[1]);
    tail->out = ends[0];
    tail->n = 0;
}

/* Reads until there are that many lines in all, or the deadline has passed. */
static void wait_for_lines(struct tail *tail, size_t lines)
{
    int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
    struct pollfd fd = { .fd = tail->out, .events = POLLIN };

    tail->text[tail->n] = '\0';
    while (count_lines(tail->text) < lines && clock_mono_ms() < deadline_ms) {
        ssize_t n;

        if (poll(&fd, 1, 100) <= 0)
            continue;
        n = read(tail->out, tail->text + tail->n, sizeof tail->text - 1 - tail->n);
        if (n <= 0)
            break;
        tail->n += (size_t)n;
        tail->text[tail->n] = '\0';
    }
    cr_assert_eq(count_lines(tail->text), lines, "%s", tail->text);
}

static int end_of(struct tail *tail)
{
    int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
    int status;
    pid_t ended = 0;

    while (ended == 0 && clock_mono_ms() < deadline_ms) {
        ended = waitpid(tail->pid, &status, WNOHANG);
        if (ended == 0)
            poll(NULL, 0, 10);
    }
    cr_assert_eq(ended, tail->pid, "it did not end");
    return status;
}

Test(commands, tail_shows_the_last_and_follows_across_a_restart_until_ctrl_c)
{
    static struct tail tail;
    struct store *store;
    char last[64];

    make_data(20);
    start_tail(&tail, WORDS("tail", "--data", data, "-n", "3"));
    wait_for_lines(&tail, 3);
    cr_expect_not_null(strstr(tail.text, "-0-20\""), "%s", tail.text);
    for (int restart = 0; restart < 2; restart++) {
        store = open_store();
        keep(store, 0, clock_wall_ms(), "");
        keep(store, 1, clock_wall_ms(), "");
        wait_for_lines(&tail, 5 + 4 * (size_t)restart);
        keep(store, 0, clock_wall_ms(), "");
        close_store(store);
        store = open_store();
        keep(store, 1, clock_wall_ms(), "");
        wait_for_lines(&tail, 7 + 4 * (size_t)restart);
        snprintf(last, sizeof last, "\"%s-1-1\"", instance);
        cr_expect_not_null(strstr(tail.text, last), "%s", tail.text);
        close_store(store);
    }
    kill(tail.pid, SIGINT);
    cr_expect_eq(end_of(&tail), 0);
}

Test(commands, tail_shows_what_is_meant_oldest_first)
{
    static struct tail tail;
    char *first, *second;

    make_data(40);
    start_tail(&tail, WORDS("tail", "--data", data, "-n", "2", "--site", "blog"));
    wait_for_lines(&tail, 2);
    first = strstr(tail.text, "-0-38\"");
    second = strstr(tail.text, "-0-40\"");
    cr_expect(first != NULL && second != NULL && first < second, "%s", tail.text);
    kill(tail.pid, SIGTERM);
    cr_expect_eq(end_of(&tail), 0);
}

Test(commands, tail_since_shows_all_since_then_and_until_ends_it)
{
    static struct tail tail;

    make_data(20);
    start_tail(&tail, WORDS("tail", "--data", data, "--since", "2025-11-23T14:10:00Z", "--until",
                            "2025-11-23T14:40:00Z"));
    wait_for_lines(&tail, 3);
    cr_expect_eq(end_of(&tail), 0);
}

Test(commands, tail_ends_when_its_reader_goes_away)
{
    static struct tail tail;

    make_data(5);
    start_tail(&tail, WORDS("tail", "--data", data));
    wait_for_lines(&tail, 5);
    close(tail.out);
    cr_expect_eq(end_of(&tail), 0);
}

/* ---- the others ---- */

Test(commands, config_prints_what_loads_again)
{
    struct err e = { 0 };
    char file[96], *first, *said;
    FILE *config;

    cr_assert_eq(run(WORDS("config"), &first, &said, &e), END_FINE, "%s", e.text);
    free(said);
    snprintf(file, sizeof file, "%s/crumb.yaml", folder);
    config = fopen(file, "w");
    cr_assert_not_null(config);
    fputs(first, config);
    fclose(config);
    expect(WORDS("config", "-c", file), END_FINE, first);
    free(first);
}

Test(commands, config_names_the_place_of_a_mistake)
{
    struct err e = { 0 };
    char file[96], place[128], *out, *said;
    FILE *config;

    snprintf(file, sizeof file, "%s/crumb.yaml", folder);
    config = fopen(file, "w");
    cr_assert_not_null(config);
    fputs("data: x\nrol_size: 1MiB\n", config);
    fclose(config);
    cr_expect_eq(run(WORDS("config", "-c", file), &out, &said, &e), END_ERROR);
    snprintf(place, sizeof place, "%s:2:1", file);
    cr_expect_not_null(strstr(e.text, place), "%s", e.text);
    cr_expect_not_null(strstr(e.text, "roll_size"), "%s", e.text);
    cr_expect_str_eq(out, "");
    free(out);
    free(said);
}

Test(commands, schema_names_the_folder_absolutely)
{
    struct err e = { 0 };
    char wanted[128], *out, *said;

    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(run(WORDS("schema", "--duckdb"), &out, &said, &e), END_FINE, "%s", e.text);
    snprintf(wanted, sizeof wanted, "'%s/data/hits/", folder);
    cr_expect_not_null(strstr(out, wanted), "%s", out);
    free(out);
    free(said);
}
