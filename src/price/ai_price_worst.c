
/*
 * What a request can cost at most, for a reservation before it is sent.
 */

#include <price/ai_price_int.h>


/* what a rate may have to be paid for */
enum {
    AI_WORST_NONE = 0,
    AI_WORST_INPUT,
    AI_WORST_OUTPUT,
    AI_WORST_REQUEST,

    AI_WORST_MAX
};


static const uint8_t  ai_price_text[AI_PRICE_MAX] = {
    [AI_PRICE_INPUT] = AI_WORST_INPUT,
    [AI_PRICE_CACHED] = AI_WORST_INPUT,
    [AI_PRICE_CACHE_WRITE] = AI_WORST_INPUT,
    [AI_PRICE_CACHE_WRITE_1H] = AI_WORST_INPUT,
    [AI_PRICE_OUTPUT] = AI_WORST_OUTPUT,
    [AI_PRICE_REASONING] = AI_WORST_OUTPUT,
    [AI_PRICE_REQUEST] = AI_WORST_REQUEST
};

static const uint8_t  ai_price_media[AI_PRICE_MAX] = {
    [AI_PRICE_INPUT] = AI_WORST_INPUT,
    [AI_PRICE_CACHED] = AI_WORST_INPUT,
    [AI_PRICE_CACHE_WRITE] = AI_WORST_INPUT,
    [AI_PRICE_CACHE_WRITE_1H] = AI_WORST_INPUT,
    [AI_PRICE_INPUT_AUDIO] = AI_WORST_INPUT,
    [AI_PRICE_INPUT_IMAGE] = AI_WORST_INPUT,
    [AI_PRICE_CACHED_AUDIO] = AI_WORST_INPUT,
    [AI_PRICE_CACHED_IMAGE] = AI_WORST_INPUT,
    [AI_PRICE_OUTPUT] = AI_WORST_OUTPUT,
    [AI_PRICE_REASONING] = AI_WORST_OUTPUT,
    [AI_PRICE_OUTPUT_AUDIO] = AI_WORST_OUTPUT,
    [AI_PRICE_OUTPUT_IMAGE] = AI_WORST_OUTPUT,
    [AI_PRICE_REQUEST] = AI_WORST_REQUEST
};


/*
 * The dearest rates of any tier; prices of longer prompts count when this one,
 * whose size may be an estimate, is near to them.
 */

int64_t
ai_price_worst(const ai_price_t *price, int64_t prompt, int64_t completion,
    ai_int_t media)
{
    int64_t            near, max[AI_WORST_MAX] = { 0 };
    uint32_t           i;
    const uint8_t     *kind;
    const ai_rate_t   *rate;
    unsigned __int128  sum;

    kind = media ? ai_price_media : ai_price_text;
    near = prompt + prompt / 8;

    for (i = 0; i < price->n; i++) {
        rate = &price->rates[i];

        if (rate->above <= near && rate->price > max[kind[rate->what]]) {
            max[kind[rate->what]] = rate->price;
        }
    }

    sum = (unsigned __int128) max[AI_WORST_INPUT]
          * (uint64_t) ai_max(prompt, 0)
          + (unsigned __int128) max[AI_WORST_OUTPUT]
            * (uint64_t) ai_max(completion, 0)
          + (uint64_t) max[AI_WORST_REQUEST];

    /* 1e-15 USD to nano-USD, up; most sums have 64 bits */

    sum += 999999;

    if (sum <= UINT64_MAX) {
        return (int64_t) ((uint64_t) sum / 1000000);
    }

    sum /= 1000000;

    return sum > INT64_MAX ? INT64_MAX : (int64_t) sum;
}
