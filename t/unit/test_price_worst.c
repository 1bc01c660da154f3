
/*
 * ai_price_worst(): never below what ai_price_bill() makes of any usage of so
 * many tokens, whatever the prices.
 */

#include <tap.h>
#include <mem.h>

#include <price/ai_price.h>


#define ROUNDS  200000


static uint64_t  seed = 0x5eed;


static int64_t
rnd(int64_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;

    return n > 0 ? (int64_t) (seed >> 20) % n : 0;
}


static void
make_price(ai_price_t *p, ai_rate_t *rates)
{
    uint32_t  i;

    memset(p, 0, sizeof(ai_price_t));

    p->rates = rates;
    p->n = 1 + (uint32_t) rnd(20);

    for (i = 0; i < p->n; i++) {
        rates[i].what = (uint8_t) rnd(AI_PRICE_REQUEST + 1);
        rates[i].tier = (uint8_t) rnd(4);
        rates[i].above = rnd(3) ? 0 : rnd(2000);
        rates[i].price = rnd(rnd(2) ? 100 : 100000000000);
    }
}


static void
make_usage(ai_usage_t *u, int64_t prompt, int64_t completion, int media)
{
    ai_usage_init(u);

    u->tier = (ai_tier_e) rnd(4);
    u->prompt = rnd(prompt + 1);
    u->cached = rnd(u->prompt + 1);
    u->cache_write = rnd(u->prompt - u->cached + 1);
    u->cache_write_1h = rnd(u->cache_write + 1);
    u->completion = rnd(completion + 1);
    u->reasoning = rnd(u->completion + 1);

    if (media) {
        u->prompt_audio = rnd(u->prompt + 1);
        u->prompt_image = rnd(u->prompt - u->prompt_audio + 1);
        u->cached_audio = rnd(ai_min(u->cached, u->prompt_audio) + 1);
        u->cached_image = rnd(ai_min(u->cached - u->cached_audio,
                                     u->prompt_image) + 1);
        u->completion_audio = rnd(u->completion + 1);
        u->completion_image = rnd(u->completion - u->completion_audio + 1);
    }
}


int
main(void)
{
    int          i, media, below, reached;
    int64_t      prompt, completion, worst;
    ai_bill_t    bill;
    ai_price_t   price;
    ai_rate_t    rates[32];
    ai_usage_t   usage;

    below = 0;
    reached = 0;

    for (i = 0; i < ROUNDS; i++) {
        make_price(&price, rates);

        prompt = rnd(rnd(2) ? 3000 : 1000000);
        completion = rnd(100000);
        media = (int) rnd(2);

        make_usage(&usage, prompt, completion, media);

        worst = ai_price_worst(&price, prompt, completion, media);
        ai_price_bill(&price, &usage, &bill);

        if (bill.cost > worst) {
            below++;
            diag("prompt %ld completion %ld media %d: %ld of %ld",
                 (long) prompt, (long) completion, media, (long) bill.cost,
                 (long) worst);
        }

        reached += (bill.cost > worst / 2);

        if (below > 5) {
            break;
        }
    }

    is_int(below, 0, "never below the bill");
    ok(reached > ROUNDS / 100, "and not far above: %d", reached);

    return done();
}
