
/*
 * What a request costs: prices of models, and the sum of a usage.
 *
 * Prices are integers in 1e-15 USD a unit, which is exact for all that vendors
 * write; products are made in 128 bits, added, and rounded once, half up, to
 * nano-USD.
 */

#ifndef AI_PRICE_H
#define AI_PRICE_H


#include <api/ai_event.h>


/* what a price is for */
typedef enum {
    AI_PRICE_INPUT = 0,             /* a token ... */
    AI_PRICE_OUTPUT,
    AI_PRICE_CACHED,
    AI_PRICE_CACHE_WRITE,
    AI_PRICE_CACHE_WRITE_1H,
    AI_PRICE_REASONING,
    AI_PRICE_INPUT_AUDIO,
    AI_PRICE_OUTPUT_AUDIO,
    AI_PRICE_CACHED_AUDIO,
    AI_PRICE_INPUT_IMAGE,
    AI_PRICE_OUTPUT_IMAGE,
    AI_PRICE_CACHED_IMAGE,

    AI_PRICE_REQUEST,               /* one */
    AI_PRICE_SEARCH,
    AI_PRICE_IMAGE,
    AI_PRICE_CHARACTER,
    AI_PRICE_SECOND,
    AI_PRICE_MAX
} ai_price_e;


/* one price, from a length of prompt on */
typedef struct {
    uint8_t            what;        /* ai_price_e */
    uint8_t            tier;        /* ai_tier_e */
    int64_t            above;       /* prompts longer than this; 0: all */
    int64_t            price;       /* 1e-15 USD, >= 0 */
} ai_rate_t;


typedef struct {
    ai_str_t           model;       /* as in the file, prefix and all */
    ai_str_t           vendor;      /* whose price it is, or empty */
    ai_rate_t         *rates;
    uint32_t           n;
    int64_t            max_input;   /* tokens, -1 unknown */
    int64_t            max_output;
} ai_price_t;


typedef struct ai_price_table_s  ai_price_table_t;


/* the price of a request; nano-USD */
typedef struct {
    int64_t            cost;
    int64_t            saved;       /* by tokens read from the provider's
                                       cache, against the price of input */
    unsigned           known:1;     /* every token has a price */
} ai_bill_t;


#pragma GCC visibility push(hidden)


/* empty; all memory is of pool, which stays; NULL: no memory */
ai_price_table_t *ai_price_table_create(const ai_pool_t *pool);

/*
 * Adds what a file has: LiteLLM's model_prices_and_context_window.json, or our
 * own small form (README), told apart by their content; later ones win.  AI_OK
 * or AI_ERROR: *error is a static text, *line where in the file; 0: no memory.
 */
ai_int_t ai_price_table_parse(ai_price_table_t *table, const ai_str_t *json,
    ai_uint_t *line, const char **error);

/*
 * The price of a model at a provider.  api is the provider's row ("bedrock"),
 * name the operator's name for it, region may be empty.  Tried are the
 * prefixes that the API stands for ("bedrock/", "azure/", ...), the bare name
 * where its vendor is that of the API, the name without a date or version
 * behind it, then any.  NULL: unknown.
 */
const ai_price_t *ai_price_find(const ai_price_table_t *table,
    const ai_str_t *api, const ai_str_t *region, const ai_str_t *model);

uint32_t ai_price_table_size(const ai_price_table_t *table);

/*
 * "0.15", "1.5e-7", "15": a decimal number, in USD times 10^scale, as a price.
 * AI_OK, AI_DECLINED: not a number, negative, too large or too fine.
 */
ai_int_t ai_price_number(const ai_str_t *s, int scale, int64_t *price);

/* a rate more, in place of an equal one; rates are of pool */
ai_int_t ai_price_set(ai_price_t *p, ai_price_e what, ai_tier_e tier,
    int64_t above, int64_t price, const ai_pool_t *pool);

/* the rate for a prompt of so many tokens: that of the tier, else of the
 * standard one; the highest "above" that it exceeds; NULL: none */
const ai_rate_t *ai_price_rate(const ai_price_t *p, ai_price_e what,
    ai_tier_e tier, int64_t prompt);

/*
 * The sum.  No token is charged twice: cached, written, audio and image ones
 * are taken out of the input, and cost what is said for them, or else the
 * price of input (a part without a price of its own costs what its whole
 * does).  price may be NULL: 0, not known.  Overflow is INT64_MAX.
 */
void ai_price_bill(const ai_price_t *price, const ai_usage_t *usage,
    ai_bill_t *bill);


#pragma GCC visibility pop


#endif /* AI_PRICE_H */
