/*
 * policy.c - what may be kept of a hit. See policy.h for the contract.
 *
 * Called by collect.c for every hit, before anything is kept. The Cookie header is walked once,
 * whatever is in it, and an opt-out counts wherever it stands: behind many identifiers, between
 * malformed pairs, or without a value. There is no parameter for Do Not Track.
 */
#include "model/policy.h"

#define IPV4_MASK_BITS 24
#define IPV6_MASK_BITS 48

struct cookie {
    struct str name;
    struct str value;
};

/* RFC 6265 section 5.2, steps 2 to 5; double quotes around a value (section 4.1.1) are taken off. */
static struct cookie split_pair(struct str pair)
{
    struct cookie cookie = { .value = pair };

    cookie.name = str_trim(str_cut(&cookie.value, '='));
    cookie.value = str_trim(cookie.value);
    if (cookie.value.n >= 2 && cookie.value.p[0] == '"' &&
        cookie.value.p[cookie.value.n - 1] == '"') {
        cookie.value.p++;
        cookie.value.n -= 2;
    }
    return cookie;
}

/*
 * '*' stands for any text, '?' for any one byte, everything else for itself. Not fnmatch(): its
 * time can explode, and the value comes from outside. Here a star only ever goes back to the last
 * star.
 */
static bool matches(const char *pattern, struct str text)
{
    const char *star = NULL;
    size_t at = 0, star_at = 0;

    while (at < text.n) {
        if (*pattern == '*') {
            star = ++pattern;
            star_at = at;
        } else if (*pattern != '\0' && (*pattern == '?' || *pattern == text.p[at])) {
            pattern++;
            at++;
        } else if (star != NULL) {
            pattern = star;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool is_site_optout(const struct config_site *site, const struct cookie *cookie)
{
    if (site == NULL)
        return false;
    for (unsigned i = 0; i < site->optout_cookies_count; i++) {
        const struct config_optout_cookie *row = &site->optout_cookies[i];

        if (str_eq(cookie->name, str_of(row->name)) && matches(row->pattern, cookie->value))
            return true;
    }
    return false;
}

void policy_read_cookies(struct policy_cookies *out, struct str cookie_header,
                         const struct config_cookies *names, const struct config_site *site)
{
    const struct str id_name = str_of(names->id_name), optout_name = str_of(names->optout_name);
    struct str pair;

    out->opted_out = false;
    out->ids_count = 0;
    while ((pair = str_cut(&cookie_header, ';')).p != NULL) {
        struct cookie cookie = split_pair(pair);

        if (str_eq(cookie.name, optout_name) || is_site_optout(site, &cookie)) {
            out->opted_out = true;
            out->ids_count = 0;
            return;
        }
        if (str_eq(cookie.name, id_name) && out->ids_count < POLICY_IDS_MAX)
            out->ids[out->ids_count++] = cookie.value;
    }
}

enum policy_verdict policy_decide(const struct config_privacy *privacy, bool opted_out,
                                  bool gpc_signal)
{
    if (opted_out || (gpc_signal && privacy->gpc == GPC_OPTOUT))
        return POLICY_OPTED_OUT;
    return POLICY_STORE;
}

struct ip policy_stored_ip(const struct config_privacy *privacy, const struct ip *ip)
{
    switch (privacy->ip) {
    case IP_FULL:
        return *ip;
    case IP_MASKED:
        return ip_masked(ip, IPV4_MASK_BITS, IPV6_MASK_BITS);
    case IP_NONE:
        break;
    }
    return (struct ip){ .family = 0 };
}
