
/*
 * The rates of one model.
 */

#include <price/ai_price_int.h>


static ai_rate_t *ai_rate_same(ai_rate_t *rates, uint32_t n, ai_price_e what,
    ai_tier_e tier, int64_t above);
static const ai_rate_t *ai_rate_best(const ai_price_t *p, ai_price_e what,
    ai_tier_e tier, int64_t prompt);


ai_int_t
ai_price_set(ai_price_t *p, ai_price_e what, ai_tier_e tier, int64_t above,
    int64_t price, const ai_pool_t *pool)
{
    ai_rate_t  *rate, *rates;

    rate = ai_rate_same(p->rates, p->n, what, tier, above);

    if (rate == NULL) {
        rates = ai_palloc(pool, ((size_t) p->n + 1) * sizeof(ai_rate_t));
        if (rates == NULL) {
            return AI_ERROR;
        }

        if (p->n) {
            memcpy(rates, p->rates, p->n * sizeof(ai_rate_t));
        }

        p->rates = rates;
        rate = &rates[p->n++];
    }

    rate->what = (uint8_t) what;
    rate->tier = (uint8_t) tier;
    rate->above = above;
    rate->price = price;

    return AI_OK;
}


const ai_rate_t *
ai_price_rate(const ai_price_t *p, ai_price_e what, ai_tier_e tier,
    int64_t prompt)
{
    const ai_rate_t  *rate;

    rate = ai_rate_best(p, what, tier, prompt);

    if (rate == NULL && tier != AI_TIER_STANDARD) {
        rate = ai_rate_best(p, what, AI_TIER_STANDARD, prompt);
    }

    return rate;
}


void
ai_price_row_init(ai_price_row_t *row)
{
    row->n = 0;
    row->max_input = -1;
    row->max_output = -1;
}


ai_int_t
ai_price_row_set(ai_price_row_t *row, ai_price_e what, ai_tier_e tier,
    int64_t above, int64_t price)
{
    ai_rate_t  *rate;

    rate = ai_rate_same(row->rates, row->n, what, tier, above);

    if (rate == NULL) {

        if (row->n == AI_PRICE_RATES) {
            return AI_ERROR;
        }

        rate = &row->rates[row->n++];
    }

    memset(rate, 0, sizeof(ai_rate_t));

    rate->what = (uint8_t) what;
    rate->tier = (uint8_t) tier;
    rate->above = above;
    rate->price = price;

    return AI_OK;
}


static ai_rate_t *
ai_rate_same(ai_rate_t *rates, uint32_t n, ai_price_e what, ai_tier_e tier,
    int64_t above)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (rates[i].what == what && rates[i].tier == tier
            && rates[i].above == above)
        {
            return &rates[i];
        }
    }

    return NULL;
}


/* "above 0" is every prompt, an empty one too */

static const ai_rate_t *
ai_rate_best(const ai_price_t *p, ai_price_e what, ai_tier_e tier,
    int64_t prompt)
{
    uint32_t          i;
    const ai_rate_t  *rate, *best;

    best = NULL;

    for (i = 0; i < p->n; i++) {
        rate = &p->rates[i];

        if (rate->what != what || rate->tier != tier
            || (rate->above > 0 && rate->above >= prompt))
        {
            continue;
        }

        if (best == NULL || rate->above > best->above) {
            best = rate;
        }
    }

    return best;
}
