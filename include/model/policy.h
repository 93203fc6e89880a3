/*
 * policy.h - what may be kept of a hit: opt-out, Global Privacy Control, IP modes.
 *
 * Do Not Track is not a parameter of anything here, and no code reads the header: that is
 * promise 4.
 */
#ifndef CRUMB_MODEL_POLICY_H
#define CRUMB_MODEL_POLICY_H

#include "model/config.h"

#define POLICY_IDS_MAX 4

/* What the Cookie header says (RFC 6265 section 4.2.1: pairs separated by "; "; read as leniently
 * as 5.4 permits servers to). */
struct policy_cookies {
    bool opted_out; /* crumb_optout is there, whatever its value, or a configured opt-out cookie
                       matches */
    struct str ids[POLICY_IDS_MAX]; /* values of crumb_id in the order sent, quotes taken off: a
                                       forged twin must not hide the real one */
    unsigned ids_count;
};

/*
 * Reads one Cookie header (an absent one too) and fills all of *out. site may be NULL. Names are
 * compared exactly, case included. When opted_out is found, ids_count is 0: no identifier is read.
 */
void policy_read_cookies(struct policy_cookies *out, struct str cookie_header,
                         const struct config_cookies *names, const struct config_site *site);

enum policy_verdict { POLICY_STORE, POLICY_OPTED_OUT };

/* gpc_signal: the request carries Sec-GPC: 1. */
enum policy_verdict policy_decide(const struct config_privacy *privacy, bool opted_out,
                                  bool gpc_signal);

/* The address as it may be stored; geo is looked up with the full one before. */
struct ip policy_stored_ip(const struct config_privacy *privacy, const struct ip *ip);

#endif
