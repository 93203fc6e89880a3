/*
 * test_sdk.c - other trackers' keys as facts: kinds, names, what is left out, and what broken input does.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "model/facts.h"
#include "model/sdk.h"

static char memory[65536];
static struct facts facts;
static struct sdk_hit hit;
static struct err e;

static bool read_hit(enum sdk_protocol protocol, struct str query)
{
    static struct buf b;

    b = buf_over(memory, sizeof memory);
    sdk_begin(&hit, protocol, &facts, &b);
    facts_pairs(query, &b, sdk_take, &hit);
    return sdk_end(&hit, &e);
}

static struct str param(const char *key)
{
    for (unsigned i = 0; i < facts.params_count; i++) {
        if (str_eq(facts.params[i].key, str_of(key)))
            return facts.params[i].value;
    }
    return STR_ABSENT;
}

static const struct row {
    enum sdk_protocol protocol;
    const char *query;
    enum event_kind kind;
    const char *name; /* NULL: none */
} rows[] = {
    { SDK_SNOWPLOW, "e=pv", EVENT_VIEW, NULL },
    { SDK_SNOWPLOW, "e=pp&pp_may=5", EVENT_PING, NULL },
    { SDK_SNOWPLOW, "e=se&se_ac=add", EVENT_EVENT, "add" },
    { SDK_SNOWPLOW, "e=tr&tr_id=5", EVENT_EVENT, "transaction" },
    { SDK_SNOWPLOW, "e=ti", EVENT_EVENT, "transaction_item" },
    { SDK_SNOWPLOW,
      "e=ue&ue_pr={\"schema\":\"iglu:x/unstruct_event/jsonschema/"
      "1-0-0\",\"data\":{\"schema\":\"iglu:com.acme/buy/"
      "jsonschema/1-0-0\",\"data\":{\"n\":1}}}",
      EVENT_EVENT, "buy" },
    { SDK_SNOWPLOW, /* the same in base64 */
      "e=ue&ue_px="
      "eyJzY2hlbWEiOiJ4IiwiZGF0YSI6eyJzY2hlbWEiOiJpZ2x1OmNvbS5hY21lL2J1eS9qc29uc2NoZW1hLzEtMC0wIiwi"
      "ZGF0YSI6eyJuIjoxfX19",
      EVENT_EVENT, "buy" },
    { SDK_MATOMO, "rec=1", EVENT_VIEW, NULL },
    { SDK_MATOMO, "rec=1&ping=1&e_a=x", EVENT_PING, "" },
    { SDK_MATOMO, "rec=1&e_c=a&e_a=b", EVENT_EVENT, "b" },
    { SDK_MATOMO, "rec=1&link=https://o/", EVENT_EVENT, "outbound" },
    { SDK_MATOMO, "rec=1&download=https://o/x.pdf", EVENT_EVENT, "download" },
    { SDK_MATOMO, "rec=1&search=x", EVENT_EVENT, "search" },
    { SDK_MATOMO, "rec=1&c_n=b", EVENT_EVENT, "impression" },
    { SDK_MATOMO, "rec=1&c_n=b&c_i=click", EVENT_EVENT, "click" },
    { SDK_MATOMO, "rec=1&idgoal=3", EVENT_EVENT, "goal" },
    { SDK_MATOMO, "rec=1&idgoal=0&revenue=8&ec_items=[]", EVENT_EVENT, "cart" },
    { SDK_MATOMO, "rec=1&idgoal=0&ec_id=o-1&revenue=8", EVENT_EVENT, "order" },
    { SDK_MATOMO, "rec=1&_pks=sku1&_pkp=4.2", EVENT_VIEW, NULL },
};

Test(sdk, kinds_and_names_are_what_the_protocols_mean)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];

        cr_assert(read_hit(row->protocol, str_of(row->query)), "%s: %s", row->query, e.text);
        cr_expect_eq(hit.kind, row->kind, "%s", row->query);
        cr_expect(str_eq(facts.name, str_of(row->name)), "%s: %.*s", row->query,
                  STR_ARG(facts.name));
    }
}

static const struct {
    enum sdk_protocol protocol;
    const char *query;
} refused[] = {
    { SDK_SNOWPLOW, "" },
    { SDK_SNOWPLOW, "e=" },
    { SDK_SNOWPLOW, "e=xx" },
    { SDK_SNOWPLOW, "e=se" },
    { SDK_SNOWPLOW, "e=ue" },
    { SDK_SNOWPLOW, "e=ue&ue_pr={" },
    { SDK_SNOWPLOW, "e=ue&ue_pr=[]" },
    { SDK_SNOWPLOW, "e=ue&ue_pr={\"data\":5}" },
    { SDK_SNOWPLOW, "e=ue&ue_pr={\"data\":{\"schema\":5}}" },
    { SDK_SNOWPLOW, "e=ue&ue_px=x" },
    { SDK_SNOWPLOW, "e=ue&ue_px=====" },
    { SDK_SNOWPLOW, "e=ue&ue_px=!!!!" },
    { SDK_MATOMO, "" },
    { SDK_MATOMO, "rec=0" },
    { SDK_MATOMO, "idsite=1" },
};

Test(sdk, what_is_no_hit_is_refused_with_a_reason)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        e.text[0] = '\0';
        cr_expect(!read_hit(refused[i].protocol, str_of(refused[i].query)), "%s", refused[i].query);
        cr_expect(e.text[0] != '\0', "%s", refused[i].query);
    }
}

Test(sdk, unknown_keys_become_params_and_identifiers_do_not)
{
    cr_assert(read_hit(SDK_SNOWPLOW,
                       STR("e=pv&duid=1&nuid=2&sid=3&vid=4&ip=5&ua=6&tr_ci=Berlin&empty=")));
    cr_expect_eq(facts.params_count, 1);
    cr_expect(str_eq(param("tr_ci"), STR("Berlin")));
    cr_assert(read_hit(SDK_MATOMO,
                       STR("rec=1&_id=1&cid=2&token_auth=3&cip=4&cdt=5&rand=6&dimension2=gold")));
    cr_expect_eq(facts.params_count, 1);
    cr_expect(str_eq(param("dimension2"), STR("gold")));
}

Test(sdk, lateness_comes_from_the_clients_two_clocks_when_it_matters)
{
    cr_assert(read_hit(SDK_SNOWPLOW, STR("e=pv&dtm=1000&stm=91000")));
    cr_expect(str_eq(param("late_ms"), STR("90000")));
    cr_assert(read_hit(SDK_SNOWPLOW, STR("e=pv&dtm=1000&stm=2000")));
    cr_expect_eq(facts.params_count, 0);
    cr_assert(read_hit(SDK_SNOWPLOW, STR("e=pv&dtm=5000&stm=1000")));
    cr_expect_eq(facts.params_count, 0);
}

Test(sdk, page_view_id_comes_from_the_web_page_entity)
{
    cr_assert(
        read_hit(SDK_SNOWPLOW,
                 STR("e=pv&co={\"schema\":\"iglu:x/contexts/jsonschema/"
                     "1-0-0\",\"data\":[{\"schema\":\"iglu:a/"
                     "other/jsonschema/1-0-0\",\"data\":{\"id\":\"no\"}},{\"schema\":\"iglu:com."
                     "snowplowanalytics.snowplow/web_page/jsonschema/"
                     "1-0-0\",\"data\":{\"id\":\"p-1\"}}]}")));
    cr_expect(str_eq(facts.pv, STR("p-1")));
}

Test(sdk, a_page_owners_own_entities_are_kept_and_identifiers_are_not)
{
    cr_assert(read_hit(
        SDK_SNOWPLOW,
        STR("e=pv&co={\"schema\":\"iglu:x/contexts/jsonschema/1-0-0\",\"data\":["
            "{\"schema\":\"iglu:com.acme/product/jsonschema/"
            "1-0-0\",\"data\":{\"sku\":\"s1\",\"n\":2}},"
            "{\"schema\":\"iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2\","
            "\"data\":{\"userId\":\"u-1\",\"sessionId\":\"s-1\"}}]}")));
    cr_expect_eq(facts.params_count, 1);
    cr_expect(str_eq(param("product"), STR("{\"sku\":\"s1\",\"n\":2}")));
}

Test(sdk, a_shops_keys_have_names_that_an_analyst_reads)
{
    cr_assert(read_hit(SDK_MATOMO,
                       STR("rec=1&idgoal=0&ec_id=o-1&revenue=8.4&ec_st=8&ec_tx=0.4&cs=utf-8")));
    cr_expect(str_eq(param("order"), STR("o-1")));
    cr_expect(str_eq(param("revenue"), STR("8.4")));
    cr_expect(str_eq(param("subtotal"), STR("8")));
    cr_expect(str_eq(param("tax"), STR("0.4")));
    cr_expect(str_eq(param("cs"), STR_ABSENT));
}

/* Nothing may crash, whatever stands where the protocols have JSON in base64 in a query. */
Test(sdk, queries_cut_and_changed_at_every_byte_are_survived)
{
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        size_t n = strlen(rows[r].query);

        for (size_t i = 0; i < n; i++) {
            char *copy = malloc(n);

            memcpy(copy, rows[r].query, n);
            (void)read_hit(rows[r].protocol, str_from(copy, i));
            copy[i] = (char)(copy[i] ^ 0x15);
            (void)read_hit(rows[r].protocol, str_from(copy, n));
            free(copy);
        }
    }
    cr_expect(read_hit(SDK_MATOMO, STR("rec=1")));
}
