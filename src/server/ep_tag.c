/*
 * ep_tag.c - GET /t.js: the tag's script.
 *
 * The same bytes at two addresses: /t.js may change with the next crumbd and is asked about again
 * after an hour; /t.js?v=VERSION is the script with that hash for ever, which is what subresource
 * integrity wants (`crumb tag` prints both). Any other version is the first.
 */
#include "server/answer.h"
#include "web/t.min.js.gz.h"
#include "web/t.min.js.h"

#define VERSION STR("v=" WEB_T_MIN_JS_VERSION)
#define ETAG    "\"" WEB_T_MIN_JS_VERSION "\""

/* Any page embeds it; with crossorigin, which integrity needs, only what says so. */
#define COMMON                                                                                     \
    "ETag: " ETAG "\r\n"                                                                           \
    "Vary: Accept-Encoding\r\n"                                                                    \
    "Access-Control-Allow-Origin: *\r\n"                                                           \
    "Cross-Origin-Resource-Policy: cross-origin\r\n"
#define FOR_NOW  COMMON "Cache-Control: public, max-age=3600\r\n"
#define FOR_EVER COMMON "Cache-Control: public, max-age=31536000, immutable\r\n"
#define GZIPPED  "Content-Encoding: gzip\r\n"

_Static_assert(sizeof web_t_min_js + sizeof FOR_EVER + sizeof GZIPPED <
                   ANSWER_BYTES_MAX - ANSWER_HEAD_BYTES_MAX,
               "the tag does not fit into one answer");

/* RFC 9110 section 12.5.3: gzip, or anything, unless its weight is zero. */
static bool takes_gzip(struct str accepted)
{
    struct str coding;

    while ((coding = str_cut(&accepted, ',')).p != NULL) {
        struct str weight = coding;
        struct str name = str_trim(str_cut(&weight, ';'));

        if (str_eq_nocase(name, STR("gzip")) || str_eq(name, STR("*"))) {
            weight = str_trim(weight);
            return !(str_starts(weight, STR("q=0")) &&
                     (weight.n == 3 || weight.p[weight.n - 1] == '0'));
        }
    }
    return false;
}

void ep_tag(struct exchange *x)
{
    const struct str *header = x->request->header;
    bool for_ever = str_eq(x->request->query, VERSION);
    bool gzip = takes_gzip(header[HTTP_HEADER_ACCEPT_ENCODING]);
    struct str script = gzip ? str_from((const char *)web_t_min_js_gz, sizeof web_t_min_js_gz)
                             : str_from((const char *)web_t_min_js, sizeof web_t_min_js);
    char memory[sizeof FOR_EVER + sizeof GZIPPED];
    struct buf headers = buf_over(memory, sizeof memory);

    buf_add_str(&headers, for_ever ? STR(FOR_EVER) : STR(FOR_NOW));
    if (str_eq(header[HTTP_HEADER_IF_NONE_MATCH], STR(ETAG)) ||
        str_eq(header[HTTP_HEADER_IF_NONE_MATCH], STR("W/" ETAG))) {
        answer(x, 304, STR_ABSENT, buf_str(&headers), STR_ABSENT);
        return;
    }
    if (gzip)
        buf_add_lit(&headers, GZIPPED);
    answer(x, 200, STR("text/javascript; charset=utf-8"), buf_str(&headers), script);
}
