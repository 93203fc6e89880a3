/*
 * geo_entry.h - the fields of one entry of a MaxMind DB file, read in one pass.
 *
 * Private to the model, used by geo.c. Not the library's MMDB_get_value: that walks the entry anew
 * for every value (0.5 us for six) and recurses as deep as a damaged file tells it to. This reads
 * the data section's format (MaxMind DB specification 2.0, "Output Data Section") with bounds on
 * every byte, a fixed depth and a fixed number of steps.
 */
#ifndef CRUMB_SRC_MODEL_GEO_ENTRY_H
#define CRUMB_SRC_MODEL_GEO_ENTRY_H

#include "base/str.h"

enum geo_field {
    GEO_COUNTRY,
    GEO_REGION,
    GEO_CITY,
    GEO_LAT,
    GEO_LON,
    GEO_TZ,
    GEO_ASN,
    GEO_AS_ORG,
    GEO_FIELDS
};

struct geo_value {
    unsigned rank;   /* 0: unknown; else how good the key is that it came from */
    struct str text; /* borrowed from the data section; may be any bytes */
    int64_t number;  /* lat and lon: millionths of a degree; asn */
};

struct geo_entry {
    struct geo_value field[GEO_FIELDS];
};

/* data is the file's data section. An entry that is damaged is an entry that knows nothing. */
void geo_entry_read(struct geo_entry *entry, struct str data, size_t offset);

#endif
