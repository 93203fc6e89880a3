/*
 * filter.c - conditions and how a line meets them. See filter.h for the contract.
 *
 * Used by every command that reads records. A line is scanned once: each of its fields is held
 * against the conditions that name it; a condition whose field did not appear is judged with the
 * empty text at the end.
 */
#include "cli/filter.h"

#include <regex.h>
#include <stdlib.h>

#include "base/json.h"
#include "cli/nearest.h"
#include "report/report.h"

#define CONDITIONS_MAX 40

enum op { OP_EQUAL, OP_NOT_EQUAL, OP_MATCHES };

/* Longest first where one begins with another. */
static const struct {
    struct str sign;
    enum op op;
} ops[] = {
    { { "!=", 2 }, OP_NOT_EQUAL },
    { { "=", 1 }, OP_EQUAL },
    { { "~", 1 }, OP_MATCHES },
};

struct condition {
    char *text; /* what field, key and values borrow from */
    struct str field;
    struct str key; /* of a map; absent for other fields */
    int derived;    /* place in the filter's list; -1: a field of the record */
    enum op op;
    struct str *values;
    size_t values_count;
    regex_t regex;
    bool seen; /* while a line is being judged */
};

struct filter {
    struct condition conditions[CONDITIONS_MAX];
    size_t count;
    bool takes_derived;
    const char *derived[FILTER_DERIVED_MAX + 1]; /* names, ended by NULL */
    char scratch[RECORD_BYTES_MAX];              /* a decoded value */
};

struct filter *filter_new(bool derived)
{
    struct filter *filter = calloc(1, sizeof *filter);

    if (filter != NULL)
        filter->takes_derived = derived;
    return filter;
}

static void condition_free(struct condition *c)
{
    if (c->op == OP_MATCHES)
        regfree(&c->regex);
    free(c->values);
    free(c->text);
}

void filter_free(struct filter *filter)
{
    if (filter == NULL)
        return;
    for (size_t i = 0; i < filter->count; i++)
        condition_free(&filter->conditions[i]);
    free(filter);
}

/* Where the operator stands in the text, and which it is. */
static bool find_op(struct str text, size_t *at, size_t *row)
{
    for (*at = 0; *at < text.n; (*at)++) {
        for (*row = 0; *row < sizeof ops / sizeof ops[0]; (*row)++) {
            if (str_starts(str_from(text.p + *at, text.n - *at), ops[*row].sign))
                return true;
        }
    }
    return false;
}

static const struct codec_field *find_field(struct str name)
{
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    for (size_t i = 0; i < count; i++) {
        if (str_eq(name, str_of(fields[i].name)))
            return &fields[i];
    }
    return NULL;
}

/* The name in the table, or NULL. */
static const char *find_derived(struct str name)
{
    size_t count;
    const struct report_facet *facet = report_facets(&count);

    for (size_t i = 0; i < count; i++) {
        if (str_eq(name, str_of(facet[i].name)))
            return facet[i].name;
    }
    return NULL;
}

static int refuse_field(const struct filter *filter, struct str name, struct err *e)
{
    const struct codec_field *fields;
    const struct report_facet *facets;
    struct nearest nearest;
    char text[NEAREST_TEXT_BYTES];
    size_t count;

    if (find_derived(name) != NULL)
        return err_set(e, ERR_INPUT,
                       "%.*s is no field of a record but worked out by reports: conditions of "
                       "crumb report take it",
                       STR_ARG(name));
    fields = codec_fields(&count);
    nearest_begin(&nearest, name);
    for (size_t i = 0; i < count; i++)
        nearest_offer(&nearest, fields[i].name);
    facets = report_facets(&count);
    for (size_t i = 0; filter->takes_derived && i < count; i++)
        nearest_offer(&nearest, facets[i].name);
    return err_set(e, ERR_INPUT, "a record has no field %.*s%s%s", STR_ARG(name),
                   nearest_text(&nearest, "", text),
                   nearest.count == 0 ? "; crumb-hits(5) lists them" : "");
}

static int set_derived(struct filter *filter, struct condition *c, const char *name, struct err *e)
{
    c->field = str_of(name);
    for (c->derived = 0; filter->derived[c->derived] != NULL; c->derived++) {
        if (filter->derived[c->derived] == name)
            return 0;
    }
    if (c->derived == FILTER_DERIVED_MAX)
        return err_set(e, ERR_INPUT, "conditions on more than %d values that reports work out",
                       FILTER_DERIVED_MAX);
    filter->derived[c->derived] = name;
    return 0;
}

/* name: "country", or "params.KEY" for a field that holds a map, or a derived value. */
static int set_field(struct filter *filter, struct condition *c, struct str name, struct err *e)
{
    struct str key = name, field = str_cut(&key, '.');
    const struct codec_field *known = find_field(field);
    const char *derived = filter->takes_derived ? find_derived(name) : NULL;

    if (derived != NULL)
        return set_derived(filter, c, derived, e);
    if (known == NULL)
        return refuse_field(filter, name, e);
    if (known->type == CODEC_MAP && (key.p == NULL || key.n == 0))
        return err_set(e, ERR_INPUT, "%s holds keys and values: write %s.KEY", known->name,
                       known->name);
    if (known->type != CODEC_MAP && key.p != NULL)
        return refuse_field(filter, name, e);
    c->field = field;
    c->key = key;
    return 0;
}

static int compile(struct condition *c, char *pattern, struct err *e)
{
    char why[128];
    int r = regcomp(&c->regex, pattern, REG_EXTENDED | REG_NOSUB);

    if (r == 0)
        return 0;
    regerror(r, &c->regex, why, sizeof why);
    return err_set(e, ERR_INPUT, "%s is no regular expression: %s", pattern, why);
}

/* Cuts list at its commas and takes the backslashes out, in place. */
static int split(struct condition *c, char *list, struct err *e)
{
    size_t most = 1;
    char *to = list, *start = list;

    for (const char *p = list; *p != '\0'; p++)
        most += *p == ',';
    c->values = calloc(most, sizeof *c->values);
    if (c->values == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    for (const char *p = list;; p++) {
        if (*p == ',' || *p == '\0') {
            c->values[c->values_count++] = str_from(start, (size_t)(to - start));
            start = to;
            if (*p == '\0')
                return 0;
            continue;
        }
        if (*p == '\\' && (p[1] == ',' || p[1] == '\\'))
            p++;
        *to++ = *p;
    }
}

static int set_values(struct condition *c, enum op op, char *values, struct err *e)
{
    int r = op == OP_MATCHES ? compile(c, values, e) : split(c, values, e);

    if (r == 0)
        c->op = op; /* from now on there may be a regex to free */
    return r;
}

static int add(struct filter *filter, struct str name, enum op op, const char *values,
               struct err *e)
{
    struct condition *c;
    size_t n = strlen(values);

    if (filter->count == CONDITIONS_MAX)
        return err_set(e, ERR_INPUT, "more than %d conditions", CONDITIONS_MAX);
    c = &filter->conditions[filter->count];
    *c = (struct condition){ .op = OP_EQUAL, .derived = -1 };
    c->text = malloc(name.n + n + 1);
    if (c->text == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    memcpy(c->text, name.p, name.n);
    memcpy(c->text + name.n, values, n + 1);
    if (set_values(c, op, c->text + name.n, e) != 0 ||
        set_field(filter, c, str_from(c->text, name.n), e) != 0) {
        condition_free(c);
        return -1;
    }
    filter->count++;
    return 0;
}

int filter_add(struct filter *filter, const char *condition, struct err *e)
{
    struct str text = str_of(condition);
    size_t at, row;

    if (!find_op(text, &at, &row))
        return err_set(e, ERR_INPUT,
                       "%s is no condition: write FIELD=VALUE, FIELD!=VALUE or FIELD~REGEX",
                       condition);
    return add(filter, str_from(text.p, at), ops[row].op, condition + at + ops[row].sign.n, e);
}

int filter_add_equal(struct filter *filter, const char *field, const char *list, struct err *e)
{
    return add(filter, str_of(field), OP_EQUAL, list, e);
}

static bool one_of(const struct condition *c, struct str value)
{
    for (size_t i = 0; i < c->values_count; i++) {
        if (str_eq(value, c->values[i]))
            return true;
    }
    return false;
}

static bool matches(const struct condition *c, struct str value)
{
    regmatch_t range = { .rm_so = 0, .rm_eo = (regoff_t)value.n };

    return regexec(&c->regex, value.p, 1, &range, REG_STARTEND) == 0;
}

static bool holds(const struct condition *c, struct str value)
{
    switch (c->op) {
    case OP_EQUAL:
        return one_of(c, value);
    case OP_NOT_EQUAL:
        return !one_of(c, value);
    case OP_MATCHES:
        return matches(c, value);
    }
    return false;
}

/* The text to compare: escapes undone; null is as if the field were not there. */
static bool decode(struct filter *filter, const struct json_field *field, struct str *value)
{
    struct buf b = buf_over(filter->scratch, sizeof filter->scratch);

    *value = field->type == JSON_NULL ? STR("") : field->value;
    if (field->type != JSON_STRING || memchr(field->value.p, '\\', field->value.n) == NULL)
        return true;
    if (!json_unescape(&b, field->value))
        return false;
    *value = buf_str(&b);
    return true;
}

/* 1 and the value of the map's key, 0 when it is not there, -1 when the map is none. */
static int find_key(struct filter *filter, struct str map, struct str key, struct str *value)
{
    struct json_scan scan;
    struct json_field field;
    int more;

    json_scan_begin(&scan, map);
    while ((more = json_scan_next(&scan, &field)) == 1) {
        struct json_field name = { .type = JSON_STRING, .value = field.key };

        if (!decode(filter, &name, value))
            return -1;
        if (str_eq(*value, key))
            return decode(filter, &field, value) ? 1 : -1;
    }
    return more;
}

/* 1: the condition holds with this field, 0: it does not, -1: this is no record. */
static int judge(struct filter *filter, struct condition *c, const struct json_field *field)
{
    struct str value = STR("");

    c->seen = true;
    if (c->key.p == NULL) {
        if (!decode(filter, field, &value))
            return -1;
    } else {
        int found = find_key(filter, field->value, c->key, &value);

        if (found < 0)
            return -1;
        if (found == 0)
            value = STR("");
    }
    return holds(c, value) ? 1 : 0;
}

static int judge_field(struct filter *filter, const struct json_field *field)
{
    int verdict = 1;

    for (size_t i = 0; i < filter->count && verdict == 1; i++) {
        struct condition *c = &filter->conditions[i];

        if (!c->seen && c->derived < 0 && str_eq(field->key, c->field))
            verdict = judge(filter, c, field);
    }
    return verdict;
}

int filter_match(struct filter *filter, struct str line)
{
    struct json_scan scan;
    struct json_field field;
    int more;

    if (filter->count == 0)
        return 1;
    if (line.n > RECORD_BYTES_MAX)
        return -1;
    for (size_t i = 0; i < filter->count; i++)
        filter->conditions[i].seen = false;
    json_scan_begin(&scan, line);
    while ((more = json_scan_next(&scan, &field)) == 1) {
        int verdict = judge_field(filter, &field);

        if (verdict != 1)
            return verdict;
    }
    if (more < 0)
        return -1;
    for (size_t i = 0; i < filter->count; i++) {
        const struct condition *c = &filter->conditions[i];

        if (!c->seen && c->derived < 0 && !holds(c, STR("")))
            return 0;
    }
    return 1;
}

const char *const *filter_derived(const struct filter *filter)
{
    return filter->derived;
}

bool filter_match_derived(struct filter *filter, const struct str *values)
{
    for (size_t i = 0; i < filter->count; i++) {
        const struct condition *c = &filter->conditions[i];

        if (c->derived >= 0 &&
            !holds(c, values[c->derived].p == NULL ? STR("") : values[c->derived]))
            return false;
    }
    return true;
}
