
/*
 * A key as JSON.
 */

#include <auth/ai_made.h>

#include <stdio.h>


static void ai_key_json_text(ai_buf_t *b, const char *name,
    const ai_str_t *value);
static void ai_key_json_list(ai_buf_t *b, const char *name,
    const ai_patterns_t *list);
static void ai_key_json_budget(ai_buf_t *b, const ai_limit_t *limit);


void
ai_key_json(ai_buf_t *b, const ai_key_t *key)
{
    ai_uint_t  i;

    static const char  *lists[] = {             /* ai_grant_e */
        "models", "routes", "operations", "providers", "regions", "tools"
    };

    ai_key_json_text(b, "team", &key->team);
    ai_key_json_text(b, "project", &key->project);
    ai_key_json_text(b, "customer", &key->customer);
    ai_key_json_text(b, "user", &key->user);
    ai_key_json_text(b, "tier", &key->tier);
    ai_key_json_text(b, "role", &key->role);

    for (i = 0; i < AI_GRANT_MAX; i++) {
        ai_key_json_list(b, lists[i], &key->grant.list[i]);
    }

    if (key->rpm.amount != -1) {
        ai_buf_lit(b, ",\"rpm\":");
        ai_buf_int(b, key->rpm.amount);
    }

    if (key->tpm.amount != -1) {
        ai_buf_lit(b, ",\"tpm\":");
        ai_buf_int(b, key->tpm.amount);
    }

    if (key->budget.amount != -1) {
        ai_key_json_budget(b, &key->budget);
    }

    if (key->nattrs) {
        ai_buf_lit(b, ",\"meta\":{");

        for (i = 0; i < key->nattrs; i++) {

            if (i) {
                ai_buf_char(b, ',');
            }

            ai_buf_quote(b, &key->attrs[i].name);
            ai_buf_char(b, ':');
            ai_buf_quote(b, &key->attrs[i].value);
        }

        ai_buf_char(b, '}');
    }
}


static void
ai_key_json_text(ai_buf_t *b, const char *name, const ai_str_t *value)
{
    if (value->len == 0) {
        return;
    }

    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, strlen(name));
    ai_buf_lit(b, "\":");
    ai_buf_quote(b, value);
}


static void
ai_key_json_list(ai_buf_t *b, const char *name, const ai_patterns_t *list)
{
    ai_uint_t  i;

    if (list->v == NULL) {
        return;
    }

    ai_buf_lit(b, ",\"");
    ai_buf_add(b, name, strlen(name));
    ai_buf_lit(b, "\":[");

    for (i = 0; i < list->n; i++) {

        if (i) {
            ai_buf_char(b, ',');
        }

        ai_buf_quote(b, &list->v[i]);
    }

    ai_buf_char(b, ']');
}


/* nano-USD: "50.00/month", with more decimals where there are */

static void
ai_key_json_budget(ai_buf_t *b, const ai_limit_t *limit)
{
    int         n;
    char        text[64];
    ai_char_t  *p;

    n = snprintf(text, sizeof(text) - AI_PERIOD_LEN - 1, "%lld.%09lld",
                 (long long) (limit->amount / 1000000000),
                 (long long) (limit->amount % 1000000000));

    while (text[n - 1] == '0' && text[n - 3] != '.') {
        n--;
    }

    p = (ai_char_t *) text + n;
    *p++ = '/';
    p = ai_period_print(p, limit->period);

    ai_buf_lit(b, ",\"budget\":\"");
    ai_buf_add(b, text, (size_t) (p - (ai_char_t *) text));
    ai_buf_char(b, '"');
}


/* days to a date of the Gregorian calendar: a year begins in March, so that
 * its odd day is the last one, and 400 of them are 146097 days */

void
ai_key_json_time(ai_buf_t *b, int64_t seconds)
{
    int      n;
    char     text[64];
    int64_t  day, era, doe, yoe, doy, month, year, of_month;

    day = seconds / 86400 + 719468;
    era = day / 146097;
    doe = day - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    month = (5 * doy + 2) / 153;
    year = yoe + era * 400 + (month >= 10);
    of_month = doy - (153 * month + 2) / 5 + 1;

    n = snprintf(text, sizeof(text),
                 "\"%04lld-%02lld-%02lldT%02lld:%02lld:%02lldZ\"",
                 (long long) year,
                 (long long) (month < 10 ? month + 3 : month - 9),
                 (long long) of_month,
                 (long long) (seconds % 86400 / 3600),
                 (long long) (seconds % 3600 / 60),
                 (long long) (seconds % 60));

    ai_buf_add(b, text, (size_t) n);
}
