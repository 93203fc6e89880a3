/*
 * facts.h - from a query string to facts (design: HTTP surface, GET /b.gif).
 *
 * Keys: site e url ref title sw sh lang pv; any other key goes into params. The first of a repeated key wins; an
 * empty value is kept as empty for params and treated as absent for the rest.
 */
#ifndef CRUMB_MODEL_FACTS_H
#define CRUMB_MODEL_FACTS_H

#include "model/event.h"

/*
 * Decodes `query` (without the '?') into *facts; decoded text is put into `memory`, which must live as long as the
 * facts and should be as large as the query. What does not fit any limit is cut or dropped and counted in params_dropped, never an error:
 * a page owner's odd query must not cost a hit.
 */
void facts_from_query(struct facts *facts, struct str query, struct buf *memory);

#endif
