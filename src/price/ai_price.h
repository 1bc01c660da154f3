
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


/*
 * One price, from a length of prompt on: as vendors do it, a longer prompt has
 * all of its request at that price, not only what is above.
 */
typedef struct {
    uint8_t            what;        /* ai_price_e */
    uint8_t            tier;        /* ai_tier_e */
    int64_t            above;       /* prompts longer than this; 0: all */
    int64_t            price;       /* 1e-15 USD, >= 0 */
} ai_rate_t;


typedef struct {
    ai_str_t           model;       /* as in the file, prefix and all */
    ai_str_t           vendor;      /* whose price it is; empty: the
                                       operator's own */
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
    unsigned           known:1;     /* all of it has a price */
} ai_bill_t;


#pragma GCC visibility push(hidden)


/* empty; all memory is of pool, which stays; NULL: no memory */
ai_price_table_t *ai_price_table_create(const ai_pool_t *pool);

/*
 * Adds what a file has: LiteLLM's model_prices_and_context_window.json, or our
 * own small form (README), told apart by their content; of two rows of one
 * name the later one wins.  What is finer than a price can be is rounded, half
 * up.  AI_OK or AI_ERROR: *error is a text, static or of the pool, *line where
 * in the file; 0: no memory.  Some of the file is in the table then.
 */
ai_int_t ai_price_table_parse(ai_price_table_t *table, const ai_str_t *json,
    ai_uint_t *line, const char **error);

/*
 * The price of a model at a provider, stable as long as the pool.  api is the
 * provider's row ("bedrock"), region may be empty.  Tried are
 *
 *     the name as it is
 *     without what leads to it: "models/", an ARN, and then
 *     without its date or version, more and more of it (with "-latest" in
 *     place of a date); of Bedrock's then the same without "us.", "eu."
 *
 * each as "api/name" and "name" of the operator's own rows, then in others
 * under the prefixes that the API stands for ("bedrock/us-east-1/", "azure/",
 * "together_ai/", ...) and bare where its vendor is that of the API; letters
 * of any case.  When none has a price, own names with a '*' at the end, the
 * longest first.  NULL: unknown.
 *
 * What runs on machines of one's own ("ollama", "vllm", "tei",
 * "openai_compatible") is never given somebody else's price: only own rows,
 * and rows under their own prefix ("ollama/llama3"), count for it, and names
 * must match as a whole.  So of an "openai" row with an endpoint that is not
 * OpenAI's ask for "openai_compatible".  An api that is no row is a prefix
 * itself ("nebius").  An empty one: the name is that of a row, whoever's.
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
 * are taken out of the input, reasoning, audio and image ones out of the
 * output.
 *
 *     A part without a price of its own costs what its whole does: reasoning
 *     what output does, what is written for an hour what is written at all, or
 *     else input; cached audio what is cached, or else audio.  A part with the
 *     same price as its whole goes with it to other tiers and lengths.
 *     A tier without a price is the standard one.
 *     Characters and seconds are charged where there are no tokens of input,
 *     images where there are none of image output: these measure the same.
 *     One request is charged if anything was reported.
 *     A prompt that is missing beside a total is what the total leaves.
 *
 * saved is never negative.  known is 0 where tokens, or what else is charged,
 * have no price: such are not in the sum.  price may be NULL: 0, not known.
 * Overflow is INT64_MAX.
 */
void ai_price_bill(const ai_price_t *price, const ai_usage_t *usage,
    ai_bill_t *bill);

/*
 * nano-USD, rounded up: what so many tokens can cost at most, whatever the
 * tier, written to a cache or not; media: heard, seen, said or drawn too.
 * Searches and the like come on top.
 */
int64_t ai_price_worst(const ai_price_t *price, int64_t prompt,
    int64_t completion, ai_int_t media);


#pragma GCC visibility pop


#endif /* AI_PRICE_H */
