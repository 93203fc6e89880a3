/*
 * redact.c - personal data out of facts. See redact.h for the contract.
 *
 * Called by collect.c for every hit, so what holds nothing personal is only looked at, and stays
 * where it is. What must be true: a text that a rule applies to is either rewritten whole or made
 * absent, never passed on as it was because memory ran out.
 */
#include "model/redact.h"

#include "base/utf8.h"

#define MARK          STR(REDACT_MARK)
#define LIST_KEEP_ALL "*"

/* ---- the table ---------------------------------------------------------------------------------
 */

/*
 * Lower case; compared with the key's letters, without case, '-', '_' and '.' left out. All rows have one
 * size, zeros behind, so that a key is compared with all of them in a few nanoseconds.
 */
#define PERSONAL_KEY_BYTES_MAX 16

/* clang-format off */
static const char personal_keys[][PERSONAL_KEY_BYTES_MAX] = {
    /* who */
    "email", "mail", "emailaddress", "useremail", "eml", "username", "user", "login", "userid",
    "firstname", "lastname", "fullname", "surname", "givenname", "familyname", "birthday",
    "birthdate", "dateofbirth", "dob", "ssn", "passport", "taxid",
    /* where to reach them */
    "phone", "phonenumber", "tel", "telephone", "mobile", "msisdn", "fax", "address", "street",
    "zip", "zipcode", "postcode", "postalcode",
    /* what opens doors */
    "password", "passwd", "passwort", "pass", "pwd", "pin", "otp", "secret", "clientsecret",
    "token", "accesstoken", "refreshtoken", "idtoken", "authtoken", "csrftoken", "resettoken",
    "auth", "authorization", "apikey", "jwt", "session", "sessionid", "sid", "phpsessid",
    "jsessionid", "signature", "samlresponse",
    /* what they pay with */
    "creditcard", "cardnumber", "ccnumber", "cvv", "cvc", "iban", "accountnumber",
};
/* clang-format on */

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c;
}

static bool is_in_table(struct str key)
{
    char plain[PERSONAL_KEY_BYTES_MAX] = { 0 };
    size_t n = 0;

    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] == '-' || key.p[i] == '_' || key.p[i] == '.')
            continue;
        if (n == sizeof plain)
            return false;
        plain[n++] = lower(key.p[i]);
    }
    for (size_t i = 0; i < sizeof personal_keys / sizeof personal_keys[0]; i++) {
        if (memcmp(plain, personal_keys[i], sizeof plain) == 0)
            return true;
    }
    return false;
}

static bool is_in_list(struct str key, char *const *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (str_eq_nocase(key, str_of(list[i])))
            return true;
    }
    return false;
}

static bool is_personal(struct str key, const struct config_site *site)
{
    if (site != NULL) {
        if (is_in_list(key, site->query_keep, site->query_keep_count))
            return false;
        if (is_in_list(key, site->query_drop, site->query_drop_count) ||
            is_in_list(STR(LIST_KEEP_ALL), site->query_drop, site->query_drop_count))
            return true;
    }
    return is_in_table(key);
}

/* A key as it stands in a URL, where "e%6Dail" is "email" too. */
static bool is_personal_encoded(struct str key, const struct config_site *site)
{
    char memory[64];
    struct buf decoded = buf_over(memory, sizeof memory);

    if (key.n == 0)
        return false;
    if (memchr(key.p, '%', key.n) == NULL)
        return is_personal(key, site);
    percent_decode(&decoded, str_from(key.p, key.n < sizeof memory ? key.n : sizeof memory), true);
    return is_personal(buf_str(&decoded), site);
}

/* ---- e-mail addresses --------------------------------------------------------------------------
 */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

/* RFC 5322 allows more; these are what addresses are made of. Bytes above ASCII are RFC 6531. */
static bool is_local(char c)
{
    return is_alnum(c) || (c & 0x80) != 0 || (c != '\0' && strchr("._+-'!#$*^`{|}~", c) != NULL);
}

static bool is_domain(char c)
{
    return is_alnum(c) || (c & 0x80) != 0 || c == '-' || c == '.';
}

static int hex(char c)
{
    c = lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape (%2E, or %252E when encoded twice) at s.p[i] stands for; -1 if none is there. */
static int escape_at(struct str s, size_t i, size_t *bytes)
{
    *bytes = 3;
    if (i + 3 <= s.n && s.p[i] == '%' && i + 5 <= s.n && s.p[i + 1] == '2' && s.p[i + 2] == '5' &&
        hex(s.p[i + 3]) >= 0 && hex(s.p[i + 4]) >= 0) {
        *bytes = 5;
        return hex(s.p[i + 3]) << 4 | hex(s.p[i + 4]);
    }
    if (i + 3 > s.n || s.p[i] != '%' || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
        return -1;
    return hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]);
}

/* Where the name before an at sign at `at` begins; never before `from`. */
static size_t local_start(struct str s, size_t from, size_t at)
{
    size_t start = from;

    for (size_t i = from, bytes; i < at; i += bytes) {
        int c = escape_at(s, i, &bytes);

        if (c < 0) {
            c = (unsigned char)s.p[i];
            bytes = 1;
        }
        if (!is_local((char)c))
            start = i + bytes;
    }
    return start < at ? start : at;
}

/* Where the domain that begins at `from` ends; `from` when it is none: no dot with two letters behind. */
static size_t domain_end(struct str s, size_t from)
{
    size_t end = from, dot = 0, letters = 0, bytes;

    for (size_t i = from; i < s.n; i += bytes) {
        int c = escape_at(s, i, &bytes);

        if (c < 0) {
            c = (unsigned char)s.p[i];
            bytes = 1;
        }
        if (!is_domain((char)c))
            break;
        if (c == '.') {
            if (letters == 0)
                break;
            dot++;
            letters = 0;
            continue;
        }
        letters++;
        if (dot > 0 && letters >= 2)
            end = i + bytes;
    }
    return end;
}

/* The next at sign, plain or encoded, at or after i. False when there is none. */
static bool find_at(struct str s, size_t *i, size_t *bytes)
{
    for (; *i < s.n; (*i)++) {
        if (s.p[*i] == '@') {
            *bytes = 1;
            return true;
        }
        if (s.p[*i] == '%' && escape_at(s, *i, bytes) == '@')
            return true;
    }
    return false;
}

/* Copies s with its addresses marked. */
static void add_without_mail(struct buf *b, struct str s)
{
    size_t done = 0, i = 0, bytes;

    while (find_at(s, &i, &bytes)) {
        size_t start = local_start(s, done, i), end = domain_end(s, i + bytes);

        if (start == i || end == i + bytes) {
            i += bytes;
            continue;
        }
        buf_add(b, s.p + done, start - done);
        buf_add_str(b, MARK);
        done = i = end;
    }
    buf_add(b, s.p + done, s.n - done);
}

static bool may_hold_mail(struct str s)
{
    size_t i = 0, bytes;

    if (s.n == 0 || (memchr(s.p, '@', s.n) == NULL && memchr(s.p, '%', s.n) == NULL))
        return false;
    return find_at(s, &i, &bytes);
}

/* ---- URLs --------------------------------------------------------------------------------------
 */

/* a=1&b=2 with personal values marked. Also ';' between pairs, as some servers read it. */
static void add_pairs(struct buf *b, struct str pairs, const struct config_site *site)
{
    size_t at = 0;

    while (at < pairs.n) {
        size_t end = at;
        struct str pair, key;

        while (end < pairs.n && pairs.p[end] != '&' && pairs.p[end] != ';')
            end++;
        pair = str_from(pairs.p + at, end - at);
        key = str_from(pair.p, str_find(pair, '=', 0));
        if (key.n < pair.n && is_personal_encoded(key, site)) {
            buf_add(b, key.p, key.n + 1);
            buf_add_str(b, MARK);
        } else {
            add_without_mail(b, pair);
        }
        if (end < pairs.n)
            buf_add_char(b, pairs.p[end]);
        at = end + 1;
    }
}

/* Is there a pair with a personal key? */
static bool has_personal_pair(struct str pairs, const struct config_site *site)
{
    size_t at = 0;

    while (at < pairs.n) {
        size_t end = at, equals = pairs.n;

        while (end < pairs.n && pairs.p[end] != '&' && pairs.p[end] != ';') {
            if (pairs.p[end] == '=' && equals == pairs.n)
                equals = end;
            end++;
        }
        if (equals < end && is_personal_encoded(str_from(pairs.p + at, equals - at), site))
            return true;
        at = end + 1;
    }
    return false;
}

/* scheme://user:word@host: what is no address although it has an at sign; the codec takes it out. */
static size_t origin_bytes(struct str url)
{
    const char *slashes = url.n == 0 ? NULL : memmem(url.p, url.n, "//", 2);
    size_t n;

    if (slashes == NULL || slashes - url.p > 32)
        return 0;
    for (n = (size_t)(slashes - url.p) + 2; n < url.n; n++) {
        if (url.p[n] == '/' || url.p[n] == '?' || url.p[n] == '#' || url.p[n] == '\\')
            break;
    }
    return n;
}

/*
 * origin path [? pairs] [# fragment], where the fragment of a single-page application has a path and
 * pairs of its own: everything behind the first '?' or '#' is read as pairs, cut at '?' and '#' too.
 */
static bool redact_url(struct str *url, const struct config_site *site, struct buf *memory)
{
    size_t origin = origin_bytes(*url), path = origin, start = memory->n;
    struct str rest;

    while (path < url->n && url->p[path] != '?' && url->p[path] != '#')
        path++;
    rest = str_from(url->p + path, url->n - path);
    if (!may_hold_mail(str_from(url->p + origin, url->n - origin))) {
        bool found = false;

        for (size_t i = 0, end; i < rest.n && !found; i = end) {
            for (end = i + 1; end < rest.n && rest.p[end] != '?' && rest.p[end] != '#'; end++)
                ;
            found = has_personal_pair(str_from(rest.p + i + 1, end - i - 1), site);
        }
        if (!found)
            return true;
    }
    buf_add(memory, url->p, origin);
    add_without_mail(memory, str_from(url->p + origin, path - origin));
    for (size_t i = 0, end; i < rest.n; i = end) {
        for (end = i + 1; end < rest.n && rest.p[end] != '?' && rest.p[end] != '#'; end++)
            ;
        buf_add_char(memory, rest.p[i]);
        add_pairs(memory, str_from(rest.p + i + 1, end - i - 1), site);
    }
    *url = str_from(memory->p + start, memory->n - start);
    return !memory->full;
}

static bool redact_text(struct str *text, const struct config_site *site, struct buf *memory)
{
    size_t start = memory->n;

    if (str_starts(*text, STR("http://")) || str_starts(*text, STR("https://")))
        return redact_url(text, site, memory);
    if (!may_hold_mail(*text))
        return true;
    add_without_mail(memory, *text);
    *text = str_from(memory->p + start, memory->n - start);
    return !memory->full;
}

static struct str host_of(struct str url)
{
    size_t end = origin_bytes(url), from = end;

    while (from > 0 && url.p[from - 1] != '/' && url.p[from - 1] != '@')
        from--;
    return str_from(url.p + from, end - from);
}

static void cut_referrer(struct facts *facts, const struct config_site *site)
{
    if (facts->ref.p == NULL || site == NULL || site->referrer == REFERRER_FULL ||
        str_eq_nocase(host_of(facts->ref), host_of(facts->url)))
        return;
    facts->ref.n = site->referrer == REFERRER_ORIGIN ? origin_bytes(facts->ref) : 0;
}

/* ---- facts -------------------------------------------------------------------------------------
 */

typedef bool redact_fn(struct str *text, const struct config_site *site, struct buf *memory);

/* What is done to which fact. A name in a log is worth less than an address in it. */
static const struct rule {
    size_t offset; /* in struct facts */
    redact_fn *apply;
} rules[] = {
    { offsetof(struct facts, url), redact_url },    { offsetof(struct facts, ref), redact_url },
    { offsetof(struct facts, title), redact_text }, { offsetof(struct facts, name), redact_text },
    { offsetof(struct facts, pv), redact_text },    { offsetof(struct facts, lang), redact_text },
};

static void redact_param(struct event_param *param, const struct config_site *site,
                         struct buf *memory)
{
    size_t start = memory->n;

    if (is_personal(param->key, site)) {
        param->value = MARK;
    } else if (!redact_text(&param->value, site, memory)) {
        buf_rewind(memory, start);
        param->value = MARK;
    }
}

void redact_facts(struct facts *facts, const struct config_site *site, struct buf *memory)
{
    cut_referrer(facts, site);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct str *text = (struct str *)(void *)((char *)facts + rules[i].offset);
        size_t start = memory->n;

        if (text->n > 0 && !rules[i].apply(text, site, memory)) {
            buf_rewind(memory, start);
            *text = STR_ABSENT;
        }
    }
    for (unsigned i = 0; i < facts->params_count; i++)
        redact_param(&facts->params[i], site, memory);
}

void redact_add_text(struct buf *b, struct str text)
{
    add_without_mail(b, text);
}
