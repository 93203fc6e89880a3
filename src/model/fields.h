/*
 * fields.h - the one table of what a stored line can hold, and how one field of it is written.
 *
 * Private to the model: codec.c writes the hit's own fields, geo.c those that come from an address.
 * A new field is a row here; crumb-hits(5) and `crumb schema` follow through codec_fields().
 *
 * The limit of a string counts bytes as written, escapes included, so that the sum of all rows is
 * the largest possible line whatever bytes came in: the assertion in fields.c proves it.
 */
#ifndef CRUMB_SRC_MODEL_FIELDS_H
#define CRUMB_SRC_MODEL_FIELDS_H

#include "model/codec.h"

/* clang-format off */
/*  id            name            type             max  sentence */
#define FIELDS(X)                                                                                  \
    X(V,            "v",            CODEC_INTEGER,      0, "Version of this schema: 1")             \
    X(TS,           "ts",           CODEC_TIMESTAMP,    0, "When the hit arrived: server time, UTC, RFC 3339 with milliseconds") \
    X(ID,           "id",           CODEC_STRING,      44, "Unique for ever: INSTANCE-WORKER-SEQUENCE; the sequence numbers of one worker have no gaps") \
    X(KIND,         "kind",         CODEC_STRING,       5, "What happened: view, event, open, click or ping") \
    X(SITE,         "site",         CODEC_STRING,      64, "The site's name, as the page sent it") \
    X(VID,          "vid",          CODEC_STRING,      22, "The visitor: the random part of the identifier cookie") \
    X(VID_NEW,      "vid_new",      CODEC_BOOLEAN,      0, "true on the hit with which the identifier was issued; a browser that never returns the cookie has no other") \
    X(UID,          "uid",          CODEC_STRING,      64, "The site's own number for the visitor, as a keyed hash made by crumbd: equal numbers, equal hashes, as long as its first key stays") \
    X(PV,           "pv",           CODEC_STRING,      64, "The page view this hit belongs to, chosen by the page") \
    X(IP,           "ip",           CODEC_STRING,      45, "The client's address, as far as the option ip lets it be kept") \
    X(COUNTRY,      "country",      CODEC_STRING,       8, "Country of the address, ISO 3166-1 alpha-2") \
    X(REGION,       "region",       CODEC_STRING,     128, "Subdivision of the country: its ISO 3166-2 code where the database has one, else its name") \
    X(CITY,         "city",         CODEC_STRING,     128, "City of the address, in English") \
    X(LAT,          "lat",          CODEC_NUMBER,       0, "Latitude of the address in degrees, north positive") \
    X(LON,          "lon",          CODEC_NUMBER,       0, "Longitude of the address in degrees, east positive") \
    X(TZ,           "tz",           CODEC_STRING,      64, "Time zone of the address, as in the IANA database") \
    X(ASN,          "asn",          CODEC_INTEGER,      0, "Number of the autonomous system (network) of the address") \
    X(AS_ORG,       "as_org",       CODEC_STRING,     256, "Who runs that network") \
    X(URL,          "url",          CODEC_STRING,    2048, "The page, as it was sent, without user name and password") \
    X(HOST,         "host",         CODEC_STRING,     255, "Host of url in lower case, without port; only for http and https, as are path and query") \
    X(PATH,         "path",         CODEC_STRING,    1024, "Path of url, not decoded") \
    X(QUERY,        "query",        CODEC_STRING,    2048, "Query of url without the question mark, not decoded") \
    X(REF,          "ref",          CODEC_STRING,    1024, "Where the visitor came from, as it was sent, without user name and password") \
    X(REF_HOST,     "ref_host",     CODEC_STRING,     255, "Host of ref in lower case, without port") \
    X(TITLE,        "title",        CODEC_STRING,     512, "The page's title") \
    X(UA,           "ua",           CODEC_STRING,     512, "The User-Agent header") \
    X(LANG,         "lang",         CODEC_STRING,      64, "The browser's language, as the page sent it") \
    X(SW,           "sw",           CODEC_INTEGER,      0, "Width of the screen in CSS pixels") \
    X(SH,           "sh",           CODEC_INTEGER,      0, "Height of the screen in CSS pixels") \
    X(UTM_SOURCE,   "utm_source",   CODEC_STRING,     256, "From the query of url, decoded") \
    X(UTM_MEDIUM,   "utm_medium",   CODEC_STRING,     256, "From the query of url, decoded") \
    X(UTM_CAMPAIGN, "utm_campaign", CODEC_STRING,     256, "From the query of url, decoded") \
    X(UTM_TERM,     "utm_term",     CODEC_STRING,     256, "From the query of url, decoded") \
    X(UTM_CONTENT,  "utm_content",  CODEC_STRING,     256, "From the query of url, decoded") \
    X(GPC,          "gpc",          CODEC_BOOLEAN,      0, "true when the browser sent Global Privacy Control: an objection to sharing") \
    X(PURPOSE,      "purpose",      CODEC_STRING,       8, "prefetch when the page was loaded ahead and perhaps never seen") \
    X(NAME,         "name",         CODEC_STRING,     128, "The event's name; absent for a page view") \
    X(PARAMS,       "params",       CODEC_MAP,       4096, "Everything else the page sent: names of at most 64 bytes, values of at most 512")
/* clang-format on */

/* What stands in front of each value: ,"name": */
#define FIELD_KEY(id, name, type, max, sentence)                                                   \
    static const char field_key_##id[] = ",\"" name "\":";
FIELDS(FIELD_KEY)
#undef FIELD_KEY

enum {
#define FIELD_MAX(id, name, type, max, sentence) field_max_##id = (max),
    FIELDS(FIELD_MAX)
#undef FIELD_MAX
};

/* The length of a key is known when compiling. */
#define field_add_key(b, id) buf_add((b), field_key_##id, sizeof field_key_##id - 1)

/* One string field; nothing if s is absent or empty. */
#define field_add_string(b, id, s)                                                                 \
    field_add_string_((b), field_key_##id, sizeof field_key_##id - 1, (s), field_max_##id)

void field_add_string_(struct buf *b, const char *key, size_t key_bytes, struct str s,
                       size_t max_bytes);

/* The text of a JSON string, cut at a character so that at most max_bytes are written. */
void field_add_text(struct buf *b, struct str s, size_t max_bytes);

#endif
