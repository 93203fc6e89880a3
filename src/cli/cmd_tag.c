/*
 * cmd_tag.c - crumb tag: what the owner of a site pastes into its pages.
 *
 * The address comes from the config (public_origin), else from where the server listens, which is right
 * on the machine itself only; the hash is that of the script which this version serves.
 */
#include <stdio.h>

#include "cli/nearest.h"
#include "cli/opts.h"
#include "cli/out.h"
#include "model/config.h"
#include "web/t.min.js.h"

#define ORIGIN_BYTES 320

/* "0.0.0.0:8080" is reached as http://localhost:8080. */
static void find_origin(const struct config *config, char origin[ORIGIN_BYTES])
{
    struct str address = str_of(config->listen[0].address);
    const char *colon = strrchr(config->listen[0].address, ':');

    if (config->public_origin != NULL)
        snprintf(origin, ORIGIN_BYTES, "%s", config->public_origin);
    else if (str_starts(address, STR("0.0.0.0:")) || str_starts(address, STR("127.0.0.1:")) ||
             str_starts(address, STR("[::]:")) || str_starts(address, STR("[::1]:")))
        snprintf(origin, ORIGIN_BYTES, "http://localhost%s", colon);
    else
        snprintf(origin, ORIGIN_BYTES, "http://%.300s", config->listen[0].address);
}

static int find_site(const struct config *config, const char **name, struct err *e)
{
    char text[NEAREST_TEXT_BYTES];
    struct nearest nearest;

    if (*name == NULL && config->sites_count == 1)
        *name = config->sites[0].name;
    if (*name == NULL)
        return err_set(e, ERR_INPUT, "which site? --site NAME says it");
    if (config->sites_count == 0 || config->open || config_site(config, str_of(*name)) != NULL)
        return 0;
    nearest_begin(&nearest, str_of(*name));
    for (unsigned i = 0; i < config->sites_count; i++)
        nearest_offer(&nearest, config->sites[i].name);
    return err_set(e, ERR_INPUT, "there is no site %.64s in the config file%s", *name,
                   nearest_text(&nearest, "", text));
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("._-", c) != NULL)))
            return false;
    }
    return name.n > 0 && name.n <= 64;
}

static void add_tag(struct out *o, const struct config *config, const char *origin,
                    const char *site)
{
    const char *tag = config->paths.tag;

    out_addf(o, "<script async src=\"%s%s\" data-site=\"%s\"></script>\n", origin, tag, site);
    out_addf(o,
             "<noscript><img src=\"%s%s?site=%s\" width=\"1\" height=\"1\" alt=\"\" "
             "referrerpolicy=\"no-referrer-when-downgrade\"></noscript>\n",
             origin, config->paths.pixel, site);
    out_addf(o, "\n<!-- Or, in place of the script: this version and no other, checked by the "
                "browser. To be changed with crumbd. -->\n");
    out_addf(o,
             "<script async src=\"%s%s?v=%s\" integrity=\"sha256-%s\" crossorigin=\"anonymous\" "
             "data-site=\"%s\"></script>\n",
             origin, tag, WEB_T_MIN_JS_VERSION, WEB_T_MIN_JS_SHA256, site);
    out_addf(o, "\n<!-- Before it, if the page calls crumb(...) itself: calls wait until the "
                "script is there. -->\n");
    out_addf(o, "<script>window.crumb=window.crumb||function(){(crumb.q=crumb.q||[]).push("
                "arguments)}</script>\n");
}

static enum ending print(const struct config *config, const char *site, struct err *e)
{
    char origin[ORIGIN_BYTES];
    struct out out;

    if (find_site(config, &site, e) != 0)
        return END_USAGE;
    if (!is_name(str_of(site))) {
        err_set(e, ERR_INPUT, "--site takes one name: letters, digits, '.', '_' and '-'");
        return END_USAGE;
    }
    if (out_open(&out, NULL, e) != 0)
        return END_ERROR;
    find_origin(config, origin);
    add_tag(&out, config, origin, site);
    if (config->public_origin == NULL)
        fprintf(stderr, "crumb: the config file has no public_origin: %s is for this machine\n",
                origin);
    return out_close(&out, true, e) == 0 ? END_FINE : END_ERROR;
}

enum ending cmd_tag(const struct opts *opts, struct err *e)
{
    const char *file = opts->value[OPT_CONFIG];
    struct config *config = file != NULL ? config_load(file, e) : config_defaults(e);
    enum ending ending;

    if (config == NULL)
        return END_ERROR;
    ending = print(config, opts->value[OPT_SITE], e);
    config_free(config);
    return ending;
}
