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
 * By first letter, each between spaces. Lower case; compared with the letters and digits of a key, without
 * case, and with those of its last words. One look at a few bytes for most of the keys there are.
 */
#define WORD_BYTES_MAX 16

/* clang-format off */
static const char *const personal_words[26] = {
    ['a' - 'a'] = " address auth authorization authtoken accesstoken accountnumber apikey ",
    ['b' - 'a'] = " birthday birthdate ",
    ['c' - 'a'] = " creditcard cardnumber ccnumber cvv cvc clientsecret csrftoken ",
    ['d' - 'a'] = " dateofbirth dob ",
    ['e' - 'a'] = " email emailaddress eml ",
    ['f' - 'a'] = " firstname fullname familyname fax ",
    ['g' - 'a'] = " givenname ",
    ['i' - 'a'] = " iban idtoken ",
    ['j' - 'a'] = " jwt jsessionid ",
    ['l' - 'a'] = " lastname login ",
    ['m' - 'a'] = " mail mobile msisdn ",
    ['o' - 'a'] = " otp ",
    ['p' - 'a'] = " password passwd passwort pass pwd pin passport phone phonenumber phpsessid postcode postalcode ",
    ['r' - 'a'] = " refreshtoken resettoken ",
    ['s' - 'a'] = " surname ssn street secret session sessionid sid signature samlresponse ",
    ['t' - 'a'] = " token tel telephone taxid ",
    ['u' - 'a'] = " user username userid useremail ",
    ['z' - 'a'] = " zip zipcode ",
};
/* clang-format on */

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool is_in_table(struct str words)
{
    char plain[WORD_BYTES_MAX + 3] = " ";
    size_t n = 1;
    char first;

    if (words.n == 0)
        return false;
    first = lower(words.p[0]);
    if (first < 'a' || first > 'z' || personal_words[first - 'a'] == NULL)
        return false;
    for (size_t i = 0; i < words.n; i++) {
        if (!is_alnum(words.p[i]))
            continue;
        if (n > WORD_BYTES_MAX)
            return false;
        plain[n++] = lower(words.p[i]);
    }
    plain[n++] = ' ';
    return strstr(personal_words[first - 'a'], plain) != NULL;
}

/* A word begins behind what is no letter, and where small letters end: user[email], billing_phone, newPassword. */
static bool begins_word(struct str key, size_t i)
{
    if (i == 0 || !is_alnum(key.p[i - 1]))
        return is_alnum(key.p[i]);
    return key.p[i] >= 'A' && key.p[i] <= 'Z' && key.p[i - 1] >= 'a' && key.p[i - 1] <= 'z';
}

static bool ends_in_table(struct str key)
{
    for (size_t i = 0; i < key.n; i++) {
        if (begins_word(key, i) && is_in_table(str_from(key.p + i, key.n - i)))
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
    return ends_in_table(key);
}

/* A key as it stands in a URL, where "e%6Dail" is "email" too, and after another round "e%256Dail". */
static bool is_personal_encoded(struct str key, const struct config_site *site)
{
    char memory[2][64];

    for (int round = 0; round < 2 && key.n > 0 && memchr(key.p, '%', key.n) != NULL; round++) {
        struct buf decoded = buf_over(memory[round], sizeof memory[round]);

        percent_decode(&decoded, str_from(key.p, key.n < decoded.cap ? key.n : decoded.cap), true);
        key = buf_str(&decoded);
    }
    return key.n > 0 && is_personal(key, site);
}

/* ---- e-mail addresses --------------------------------------------------------------------------
 */

/* RFC 5322 allows more; these are what addresses are made of. Bytes above ASCII are RFC 6531. */
static bool is_local(char c)
{
    return is_alnum(c) || (c & 0x80) != 0 || (c != '\0' && strchr("._+-'!#$*^`{|}~", c) != NULL);
}

static bool is_domain(char c)
{
    return is_alnum(c) || (c & 0x80) != 0 || c == '-' || c == '.';
}

/* The byte that two digits stand for; -1 when they are none. */
static int byte_of(const char *digits)
{
    int high = str_hex_digit(digits[0]), low = str_hex_digit(digits[1]);

    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* The byte that an escape (%2E, or %252E when encoded twice) at s.p[i] stands for; -1 if none is there. */
static int escape_at(struct str s, size_t i, size_t *bytes)
{
    *bytes = 3;
    if (i + 3 > s.n || s.p[i] != '%')
        return -1;
    if (i + 5 <= s.n && s.p[i + 1] == '2' && s.p[i + 2] == '5' && byte_of(s.p + i + 3) >= 0) {
        *bytes = 5;
        return byte_of(s.p + i + 3);
    }
    return byte_of(s.p + i + 1);
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

#define NESTED_MAX       2 /* URLs within URLs */
#define NESTED_BYTES_MAX 2048

static struct str skip(struct str s, size_t n)
{
    return str_from(s.p + n, s.n - n);
}

static bool ends_part(char c, bool in_path)
{
    return c == '&' || c == ';' || c == '?' || c == '#' || (c == '/' && in_path);
}

/*
 * The next KEY=VALUE, or whatever stands there, of a path (/a;b=1/c), a query or a fragment, which in a
 * single-page application has a path and a query of its own. What ended it stays in front of the rest.
 */
static struct str cut_part(struct str *rest, bool *in_path)
{
    struct str part = *rest;
    size_t n = 0;

    while (n < rest->n && !ends_part(rest->p[n], *in_path))
        n++;
    if (n < rest->n && (rest->p[n] == '?' || rest->p[n] == '#'))
        *in_path = false;
    *rest = skip(*rest, n);
    return str_from(part.p, n);
}

static bool has_personal_part(struct str s, const struct config_site *site, int nested);

/* An encoded URL with something personal in it, or more than can be looked at. */
static bool hides_personal(struct str value, const struct config_site *site, int nested)
{
    char memory[NESTED_BYTES_MAX];
    struct buf decoded = buf_over(memory, sizeof memory);

    if (value.n == 0 || nested == NESTED_MAX || memchr(value.p, '%', value.n) == NULL)
        return false;
    percent_decode(&decoded, value, true);
    return decoded.full || has_personal_part(buf_str(&decoded), site, nested + 1);
}

/* How much of a part is its key with the equals sign, when the value has to go; 0: nothing has. */
static size_t personal_key_bytes(struct str part, const struct config_site *site, int nested)
{
    size_t equals = str_find(part, '=', 0);

    if (equals == part.n)
        return 0;
    if (is_personal_encoded(str_from(part.p, equals), site) ||
        hides_personal(skip(part, equals + 1), site, nested))
        return equals + 1;
    return 0;
}

static bool has_personal_part(struct str s, const struct config_site *site, int nested)
{
    bool in_path = true;

    if (s.n == 0 || memchr(s.p, '=', s.n) == NULL)
        return nested > 0 && hides_personal(s, site, nested);
    for (;;) {
        if (personal_key_bytes(cut_part(&s, &in_path), site, nested) > 0)
            return true;
        if (s.n == 0)
            return false;
        s = skip(s, 1);
    }
}

static void add_parts(struct buf *b, struct str s, const struct config_site *site)
{
    bool in_path = true;

    for (;;) {
        struct str part = cut_part(&s, &in_path);
        size_t key_bytes = personal_key_bytes(part, site, 0);

        if (key_bytes > 0) {
            buf_add(b, part.p, key_bytes);
            buf_add_str(b, MARK);
        } else {
            add_without_mail(b, part);
        }
        if (s.n == 0)
            return;
        buf_add_char(b, s.p[0]);
        s = skip(s, 1);
    }
}

/* SCHEME://USER:WORD@HOST, where it begins and ends. All 0 in a text that does not begin as a URL. */
struct origin {
    size_t user, host, end;
};

static struct origin find_origin(struct str url)
{
    const char *slashes = url.n == 0 ? NULL : memmem(url.p, url.n, "//", 2);
    struct origin o = { 0, 0, 0 };

    if (slashes == NULL || slashes - url.p > 32)
        return o;
    o.user = o.host = o.end = (size_t)(slashes - url.p) + 2;
    for (; o.end < url.n; o.end++) {
        char c = url.p[o.end];

        if (c == '/' || c == '?' || c == '#' || c == '\\' || c == ' ')
            break;
        if (c == '@')
            o.host = o.end + 1;
    }
    return o;
}

static bool redact_text(struct str *text, const struct config_site *site, struct buf *memory)
{
    struct origin o = find_origin(*text);
    struct str rest = skip(*text, o.end);
    size_t start = memory->n;

    if (text->n == 0 ||
        (o.user == o.host && !may_hold_mail(rest) && !has_personal_part(rest, site, 0)))
        return true;
    buf_add(memory, text->p, o.user);
    buf_add(memory, text->p + o.host, o.end - o.host);
    add_parts(memory, rest, site);
    *text = str_from(memory->p + start, memory->n - start);
    return !memory->full;
}

static struct str host_of(struct str url)
{
    struct origin o = find_origin(url);

    return str_from(url.p + o.host, o.end - o.host);
}

static void cut_referrer(struct facts *facts, const struct config_site *site)
{
    if (facts->ref.p == NULL || site == NULL || site->referrer == REFERRER_FULL ||
        str_eq_nocase(host_of(facts->ref), host_of(facts->url)))
        return;
    facts->ref.n = site->referrer == REFERRER_ORIGIN ? find_origin(facts->ref).end : 0;
}

/* ---- facts -------------------------------------------------------------------------------------
 */

/* A name in a log is worth less than an address in it. */
static const size_t texts[] = {
    offsetof(struct facts, url),  offsetof(struct facts, ref), offsetof(struct facts, title),
    offsetof(struct facts, name), offsetof(struct facts, pv),  offsetof(struct facts, lang),
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
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct str *text = (struct str *)(void *)((char *)facts + texts[i]);
        size_t start = memory->n;

        if (text->n > 0 && !redact_text(text, site, memory)) {
            buf_rewind(memory, start);
            *text = STR_ABSENT;
        }
    }
    for (unsigned i = 0; i < facts->params_count; i++)
        redact_param(&facts->params[i], site, memory);
}

void redact_add_text(struct buf *b, struct str text)
{
    add_parts(b, text, NULL);
}
