
/*
 * A usage times its prices.
 *
 * The input is taken apart into cached, written, audio, image and other
 * tokens, the output into reasoning, audio, image and other ones; each part
 * takes its tokens out of what is left, so that the parts never are more than
 * the whole.
 */

#include <price/ai_price_int.h>


typedef unsigned __int128  ai_wide_t;


/* nano-USD are 1e6 units of a price; time is counted in thousandths */
#define AI_BILL_UNIT    ((ai_wide_t) 1000000000)

/* more than any bill can hold, and little enough to be added many times */
#define AI_BILL_CAP     ((ai_wide_t) 1 << 100)


typedef struct {
    const ai_price_t  *price;
    ai_tier_e          tier;
    int64_t            prompt;      /* its length chooses the rates */
    int64_t            left;        /* tokens that no part has taken */
    ai_wide_t          cost;
    ai_wide_t          saved;
    unsigned           known:1;
} ai_billing_t;


static void ai_bill_input(ai_billing_t *b, const ai_usage_t *u);
static void ai_bill_output(ai_billing_t *b, const ai_usage_t *u);
static void ai_bill_units(ai_billing_t *b, const ai_usage_t *u);
static void ai_bill_part(ai_billing_t *b, ai_price_e what, int64_t n);
static void ai_bill_cached(ai_billing_t *b, ai_price_e what, ai_price_e plain,
    int64_t n);
static int64_t ai_bill_take(ai_billing_t *b, int64_t n);
static void ai_bill_unit(ai_billing_t *b, ai_price_e what, int64_t n);
static void ai_bill_add(ai_wide_t *sum, int64_t n, int64_t price,
    unsigned times);
static const ai_rate_t *ai_bill_rate(const ai_billing_t *b, ai_price_e what);
static const ai_rate_t *ai_bill_own(const ai_billing_t *b,
    const ai_rate_t *own, ai_price_e whole);
static int64_t ai_bill_round(ai_wide_t sum);
static int64_t ai_bill_prompt(const ai_usage_t *u);
static int ai_bill_any(const ai_usage_t *u);


#define ai_bill_count(n)  ((n) > 0 ? (n) : 0)


/* what a part costs when nothing is said about it; itself: nothing more */

static const uint8_t  ai_bill_whole[AI_PRICE_MAX] = {
    [AI_PRICE_INPUT] = AI_PRICE_INPUT,
    [AI_PRICE_OUTPUT] = AI_PRICE_OUTPUT,
    [AI_PRICE_CACHED] = AI_PRICE_INPUT,
    [AI_PRICE_CACHE_WRITE] = AI_PRICE_INPUT,
    [AI_PRICE_CACHE_WRITE_1H] = AI_PRICE_CACHE_WRITE,
    [AI_PRICE_REASONING] = AI_PRICE_OUTPUT,
    [AI_PRICE_INPUT_AUDIO] = AI_PRICE_INPUT,
    [AI_PRICE_OUTPUT_AUDIO] = AI_PRICE_OUTPUT,
    [AI_PRICE_CACHED_AUDIO] = AI_PRICE_CACHED,
    [AI_PRICE_INPUT_IMAGE] = AI_PRICE_INPUT,
    [AI_PRICE_OUTPUT_IMAGE] = AI_PRICE_OUTPUT,
    [AI_PRICE_CACHED_IMAGE] = AI_PRICE_CACHED,
    [AI_PRICE_REQUEST] = AI_PRICE_REQUEST,
    [AI_PRICE_SEARCH] = AI_PRICE_SEARCH,
    [AI_PRICE_IMAGE] = AI_PRICE_IMAGE,
    [AI_PRICE_CHARACTER] = AI_PRICE_CHARACTER,
    [AI_PRICE_SECOND] = AI_PRICE_SECOND
};


void
ai_price_bill(const ai_price_t *price, const ai_usage_t *usage,
    ai_bill_t *bill)
{
    ai_billing_t  b;

    memset(bill, 0, sizeof(ai_bill_t));

    if (price == NULL) {
        return;
    }

    memset(&b, 0, sizeof(ai_billing_t));

    b.price = price;
    b.tier = usage->tier;
    b.prompt = ai_bill_prompt(usage);
    b.known = 1;

    ai_bill_input(&b, usage);
    ai_bill_output(&b, usage);
    ai_bill_units(&b, usage);

    bill->cost = ai_bill_round(b.cost);
    bill->saved = ai_bill_round(b.saved);
    bill->known = b.known;
}


static void
ai_bill_input(ai_billing_t *b, const ai_usage_t *u)
{
    int64_t  cached, audio, image, hour;

    b->left = b->prompt;

    if (u->billed_prompt >= 0) {

        /* parts are of what was read: nothing is said of these tokens */

        ai_bill_part(b, AI_PRICE_INPUT, b->left);
        return;
    }

    cached = ai_min(ai_bill_count(u->cached), b->left);
    audio = ai_min(ai_bill_count(u->cached_audio), cached);
    image = ai_min(ai_bill_count(u->cached_image), cached - audio);

    ai_bill_cached(b, AI_PRICE_CACHED, AI_PRICE_INPUT, cached - audio - image);
    ai_bill_cached(b, AI_PRICE_CACHED_AUDIO, AI_PRICE_INPUT_AUDIO, audio);
    ai_bill_cached(b, AI_PRICE_CACHED_IMAGE, AI_PRICE_INPUT_IMAGE, image);

    hour = ai_min(ai_bill_count(u->cache_write_1h),
                  ai_bill_count(u->cache_write));

    ai_bill_part(b, AI_PRICE_CACHE_WRITE_1H, hour);
    ai_bill_part(b, AI_PRICE_CACHE_WRITE,
                 ai_bill_count(u->cache_write) - hour);
    ai_bill_part(b, AI_PRICE_INPUT_AUDIO,
                 ai_bill_count(u->prompt_audio) - audio);
    ai_bill_part(b, AI_PRICE_INPUT_IMAGE,
                 ai_bill_count(u->prompt_image) - image);
    ai_bill_part(b, AI_PRICE_INPUT, b->left);
}


static void
ai_bill_output(ai_billing_t *b, const ai_usage_t *u)
{
    b->left = ai_bill_count(u->billed_completion >= 0 ? u->billed_completion
                                                      : u->completion);

    ai_bill_part(b, AI_PRICE_REASONING, u->reasoning);
    ai_bill_part(b, AI_PRICE_OUTPUT_AUDIO, u->completion_audio);
    ai_bill_part(b, AI_PRICE_OUTPUT_IMAGE, u->completion_image);
    ai_bill_part(b, AI_PRICE_OUTPUT, b->left);
}


/*
 * Characters and seconds are other measures of what tokens of input measure,
 * images of what tokens of images do: never both.
 */

static void
ai_bill_units(ai_billing_t *b, const ai_usage_t *u)
{
    const ai_rate_t  *rate;

    rate = ai_bill_rate(b, AI_PRICE_REQUEST);

    if (rate != NULL && ai_bill_any(u)) {
        ai_bill_add(&b->cost, 1, rate->price, 1000);
    }

    ai_bill_unit(b, AI_PRICE_SEARCH, u->searches);

    if (u->completion_image <= 0 || u->completion <= 0) {
        ai_bill_unit(b, AI_PRICE_IMAGE, u->images);
    }

    if (b->prompt > 0) {
        return;
    }

    ai_bill_unit(b, AI_PRICE_CHARACTER, u->characters);
    ai_bill_unit(b, AI_PRICE_SECOND, u->milliseconds);
}


static void
ai_bill_part(ai_billing_t *b, ai_price_e what, int64_t n)
{
    const ai_rate_t  *rate;

    n = ai_bill_take(b, n);

    if (n == 0) {
        return;
    }

    rate = ai_bill_rate(b, what);

    if (rate == NULL) {
        b->known = 0;
        return;
    }

    ai_bill_add(&b->cost, n, rate->price, 1000);
}


/* the plain price is what such tokens would have cost, and cost where nothing
 * is said about cached ones */

static void
ai_bill_cached(ai_billing_t *b, ai_price_e what, ai_price_e plain, int64_t n)
{
    const ai_rate_t  *rate, *full;

    n = ai_min(n, b->left);

    if (n == 0) {
        return;
    }

    if (ai_price_rate(b->price, what, b->tier, b->prompt) == NULL
        && ai_price_rate(b->price, AI_PRICE_CACHED, b->tier, b->prompt)
           == NULL)
    {
        what = plain;
    }

    ai_bill_part(b, what, n);

    rate = ai_bill_rate(b, what);
    full = ai_bill_rate(b, plain);

    if (rate != NULL && full != NULL && full->price > rate->price) {
        ai_bill_add(&b->saved, n, full->price - rate->price, 1000);
    }
}


static int64_t
ai_bill_take(ai_billing_t *b, int64_t n)
{
    n = ai_min(ai_bill_count(n), b->left);
    b->left -= n;

    return n;
}


static void
ai_bill_unit(ai_billing_t *b, ai_price_e what, int64_t n)
{
    const ai_rate_t  *rate;

    if (n <= 0) {
        return;
    }

    rate = ai_bill_rate(b, what);

    if (rate == NULL) {
        b->known = 0;
        return;
    }

    ai_bill_add(&b->cost, n, rate->price, what == AI_PRICE_SECOND ? 1 : 1000);
}


static void
ai_bill_add(ai_wide_t *sum, int64_t n, int64_t price, unsigned times)
{
    ai_wide_t  w;

    w = (ai_wide_t) n * (ai_wide_t) price;

    *sum += ai_min(w, AI_BILL_CAP) * times;
}


/* that of the thing itself, or of what it is a part of, and so on */

static const ai_rate_t *
ai_bill_rate(const ai_billing_t *b, ai_price_e what)
{
    ai_price_e        whole;
    const ai_rate_t  *rate;

    for ( ;; ) {
        rate = ai_price_rate(b->price, what, b->tier, b->prompt);
        whole = (ai_price_e) ai_bill_whole[what];

        if (rate != NULL) {
            return whole == what ? rate : ai_bill_own(b, rate, whole);
        }

        if (whole == what) {
            return NULL;
        }

        what = whole;
    }
}


/*
 * Tables give the same price to a part as to its whole, and then the whole's
 * of other tiers and lengths alone (reasoning and audio of Gemini): such a
 * price has said nothing of its own, and goes where that of the whole does.
 */

static const ai_rate_t *
ai_bill_own(const ai_billing_t *b, const ai_rate_t *own, ai_price_e whole)
{
    uint32_t          i;
    const ai_rate_t  *rate, *r;

    rate = ai_price_rate(b->price, whole, b->tier, b->prompt);

    if (rate == NULL
        || (rate->tier == own->tier && rate->above <= own->above)
        || (rate->tier != own->tier && own->tier != AI_TIER_STANDARD))
    {
        return own;
    }

    for (i = 0; i < b->price->n; i++) {
        r = &b->price->rates[i];

        if (r->what == whole && r->tier == own->tier
            && r->above == own->above && r->price == own->price)
        {
            return rate;
        }
    }

    return own;
}


static int64_t
ai_bill_round(ai_wide_t sum)
{
    sum = (sum + AI_BILL_UNIT / 2) / AI_BILL_UNIT;

    return sum > INT64_MAX ? INT64_MAX : (int64_t) sum;
}


/* vendors of vectors and ranks report a total alone */

static int64_t
ai_bill_prompt(const ai_usage_t *u)
{
    int64_t  rest;

    if (u->billed_prompt >= 0) {
        return u->billed_prompt;
    }

    if (u->prompt >= 0) {
        return u->prompt;
    }

    rest = ai_bill_count(u->total) - ai_bill_count(u->completion);

    return ai_bill_count(rest);
}


static int
ai_bill_any(const ai_usage_t *u)
{
    return u->prompt > 0 || u->completion > 0 || u->total > 0
           || u->searches > 0 || u->images > 0 || u->characters > 0
           || u->milliseconds > 0;
}
