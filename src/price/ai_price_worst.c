
/*
 * What a request can cost at most, for a reservation before it is sent.
 */

#include <price/ai_price_int.h>


static int64_t ai_price_dearest(const ai_price_t *price, int64_t prompt,
    const uint8_t *what, size_t n);


int64_t
ai_price_worst(const ai_price_t *price, int64_t prompt, int64_t completion,
    ai_int_t media)
{
    int64_t            input, output, request;
    unsigned __int128  sum;

    static const uint8_t  in[] = {
        AI_PRICE_INPUT, AI_PRICE_CACHED, AI_PRICE_CACHE_WRITE,
        AI_PRICE_CACHE_WRITE_1H,

        AI_PRICE_INPUT_AUDIO, AI_PRICE_INPUT_IMAGE,     /* media */
        AI_PRICE_CACHED_AUDIO, AI_PRICE_CACHED_IMAGE
    };

    static const uint8_t  out[] = {
        AI_PRICE_OUTPUT, AI_PRICE_REASONING,

        AI_PRICE_OUTPUT_AUDIO, AI_PRICE_OUTPUT_IMAGE    /* media */
    };

    static const uint8_t  one[] = { AI_PRICE_REQUEST };

    input = ai_price_dearest(price, prompt, in, media ? 8 : 4);
    output = ai_price_dearest(price, prompt, out, media ? 4 : 2);
    request = ai_price_dearest(price, prompt, one, 1);

    sum = (unsigned __int128) input * (uint64_t) ai_max(prompt, 0)
          + (unsigned __int128) output * (uint64_t) ai_max(completion, 0)
          + (uint64_t) request;

    /* 1e-15 USD to nano-USD, up */

    sum = (sum + 999999) / 1000000;

    return sum > INT64_MAX ? INT64_MAX : (int64_t) sum;
}


/* of any tier; prices of longer prompts count when this one, whose size may be
 * an estimate, is near to them */

static int64_t
ai_price_dearest(const ai_price_t *price, int64_t prompt, const uint8_t *what,
    size_t n)
{
    size_t            i;
    int64_t           max;
    uint32_t          k;
    const ai_rate_t  *rate;

    max = 0;

    for (k = 0; k < price->n; k++) {
        rate = &price->rates[k];

        if (rate->above > prompt + prompt / 8) {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (rate->what == what[i]) {
                max = ai_max(max, rate->price);
            }
        }
    }

    return max;
}
