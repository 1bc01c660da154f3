
/*
 * Prices: any bytes as a file, as a number, as the name of a model, and any
 * counts as a usage.  A file that is refused says on which of its lines; a
 * number is what the C library makes of it; a bill is never negative, never
 * less for more, and every token is in it once.
 *
 * The input: a byte, so many bytes of counts and names, then the file.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <price/ai_price.h>

#include "fuzz.h"
#include "fuzz_arena.h"


#define COUNTS  (offsetof(ai_usage_t, tier) / sizeof(int64_t))


/* -1, small, or anything, eight bytes each; what is missing is -1 */

static void
fill(ai_usage_t *u, const uint8_t *p, size_t len)
{
    size_t   i;
    int64_t  *n;

    ai_usage_init(u);
    n = (int64_t *) u;

    for (i = 0; i < COUNTS && len >= 3; i++) {

        switch (p[0] & 3) {

        case 0:
            p++;
            len--;
            continue;

        case 1:
            n[i] = p[1] | p[2] << 8;
            p += 3;
            len -= 3;
            break;

        case 2:
            n[i] = (int64_t) ((uint64_t) p[1] << (p[2] & 63));
            p += 3;
            len -= 3;
            break;

        default:
            if (len < 9) {
                return;
            }

            memcpy(&n[i], p + 1, 8);
            p += 9;
            len -= 9;
        }
    }

    u->tier = len ? (ai_tier_e) (p[0] & 3) : AI_TIER_STANDARD;
}


static int64_t
cost(const ai_price_t *price, const ai_usage_t *u)
{
    ai_bill_t  bill;

    ai_price_bill(price, u, &bill);

    must(bill.cost >= 0);
    must(bill.saved >= 0);

    return bill.cost;
}


/* one more of a thing: no part of another, and no other measure of it */

static void
more(const ai_price_t *price, const ai_usage_t *usage, int64_t *n,
    ai_usage_t *u)
{
    int64_t  before;

    *u = *usage;

    if (*n == INT64_MAX) {
        return;
    }

    before = cost(price, u);
    *n = *n < 0 ? 1 : *n + 1;

    must(cost(price, u) >= before);
}


static void
bill(const ai_price_t *price, const ai_usage_t *usage)
{
    uint32_t    i;
    ai_usage_t  u;

    cost(price, usage);

    u = *usage;
    more(price, usage, &u.searches, &u);
    u = *usage;
    more(price, usage, &u.characters, &u);
    u = *usage;
    more(price, usage, &u.milliseconds, &u);
    u = *usage;
    more(price, usage, &u.images, &u);

    if (usage->completion >= 0 && usage->completion_image <= 0
        && usage->reasoning <= 0 && usage->completion_audio <= 0
        && usage->prompt >= 0)
    {
        u = *usage;
        more(price, usage, &u.completion, &u);
    }

    for (i = 0; i < price->n; i++) {
        if (price->rates[i].above) {
            return;
        }
    }

    if (usage->prompt > 0 && usage->cached <= 0 && usage->cache_write <= 0
        && usage->prompt_audio <= 0 && usage->prompt_image <= 0)
    {
        u = *usage;
        more(price, usage, &u.prompt, &u);
    }
}


/* one price for all tokens: each is counted once, whatever it is a part of */

static void
once(const ai_usage_t *usage)
{
    int         i;
    int64_t     input, output;
    ai_rate_t   rates[AI_PRICE_CACHED_IMAGE + 1];
    ai_price_t  price;

    /* what a provider bills counts for more than what it has read */

    input = usage->billed_prompt >= 0 ? usage->billed_prompt : usage->prompt;
    output = usage->billed_completion >= 0 ? usage->billed_completion
                                           : ai_max(usage->completion, 0);

    if (input < 0 || input > INT64_MAX / 4 || output > INT64_MAX / 4) {
        return;
    }

    memset(&price, 0, sizeof(price));
    memset(rates, 0, sizeof(rates));

    for (i = 0; i <= AI_PRICE_CACHED_IMAGE; i++) {
        rates[i].what = (uint8_t) i;
        rates[i].price = 1000000;
    }

    price.rates = rates;
    price.n = AI_PRICE_CACHED_IMAGE + 1;

    must(cost(&price, usage) == input + output);

    /* and so with the two wholes alone */

    price.n = AI_PRICE_OUTPUT + 1;

    must(cost(&price, usage) == input + output);
}


static void
number(const uint8_t *p, size_t len)
{
    char         text[64], *end;
    int64_t      price;
    ai_str_t     s;
    long double  want, off;

    len = ai_min(len, sizeof(text) - 1);
    memcpy(text, p, len);
    text[len] = '\0';

    s.data = (ai_char_t *) text;
    s.len = len;

    if (ai_price_number(&s, 0, &price) != AI_OK) {
        return;
    }

    want = strtold(text, &end) * 1e15L;

    must(end == text + len);
    must(price >= 0);

    off = fabsl(want - (long double) price);

    must(off <= want * 1e-15L + 1e-3L);
}


static void
look(const ai_price_table_t *table, const uint8_t *p, size_t len,
    const ai_usage_t *usage)
{
    size_t             i, n;
    ai_str_t           api, region, model;
    const ai_price_t  *price;

    static const char *const  apis[] = {
        "openai", "anthropic", "gemini", "vertex", "bedrock", "azure",
        "fireworks", "vllm", "x", ""
    };

    n = len ? p[0] % 8 : 0;
    n = ai_min(n, len);

    region.data = (ai_char_t *) p;
    region.len = n;
    model.data = (ai_char_t *) p + n;
    model.len = len - n;

    for (i = 0; i < sizeof(apis) / sizeof(apis[0]); i++) {
        api.data = (ai_char_t *) apis[i];
        api.len = strlen(apis[i]);

        price = ai_price_find(table, &api, &region, &model);

        if (price == NULL) {
            continue;
        }

        must(price->model.len > 0);
        must(price->n <= 256);

        bill(price, usage);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t             i, n, lines;
    ai_int_t           rc;
    ai_str_t           json, copy, none;
    ai_uint_t          line;
    ai_usage_t         usage;
    const char        *error;
    const ai_price_t  *price;
    ai_price_table_t  *table;

    if (size == 0) {
        return 0;
    }

    n = ai_min(data[0], size - 1);
    data++;
    size--;

    fill(&usage, data, n);
    once(&usage);
    number(data, n);

    json.data = (ai_char_t *) data + n;
    json.len = size - n;

    number(json.data, json.len);

    /* the text does not stay */

    copy.data = malloc(json.len + !json.len);
    must(copy.data != NULL);
    memcpy(copy.data, json.data, json.len);
    copy.len = json.len;

    for (i = 0, lines = 1; i < json.len; i++) {
        lines += json.data[i] == '\n';
    }

    arena_free();
    table = ai_price_table_create(&arena);
    must(table != NULL);

    error = NULL;
    line = 0;
    rc = ai_price_table_parse(table, &copy, &line, &error);
    memset(copy.data, 'x', copy.len);
    free(copy.data);

    must(rc == AI_OK || (error != NULL && line > 0 && line <= lines));

    look(table, data, n, &usage);

    /* names as they are in the file */

    none.data = NULL;
    none.len = 0;

    for (i = 0; i < json.len; i++) {

        if (json.data[i] != '"') {
            continue;
        }

        copy.data = &json.data[i + 1];

        for (n = 0; i + 1 + n < json.len && copy.data[n] != '"'; n++) {
            /* void */
        }

        copy.len = n;
        i += n;

        price = ai_price_find(table, &none, &none, &copy);

        if (price != NULL) {
            bill(price, &usage);
        }
    }

    return 0;
}
