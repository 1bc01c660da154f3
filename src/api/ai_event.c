
#include <api/ai_event.h>


/* more tokens than this in one answer is nonsense, and sums of a few such
 * numbers, priced, would overflow */
#define AI_USAGE_MAX  INT64_C(1000000000000)


#define AI_USAGE_COUNTS  (offsetof(ai_usage_t, tier) / sizeof(int64_t))


static void ai_usage_part(int64_t *part, int64_t whole);


void
ai_usage_init(ai_usage_t *u)
{
    memset(u, 0xff, offsetof(ai_usage_t, tier));     /* all -1 */

    u->tier = AI_TIER_STANDARD;
}


void
ai_usage_merge(ai_usage_t *u, const ai_usage_t *with)
{
    int64_t        *to;
    size_t          i;
    const int64_t  *from;

    to = &u->prompt;
    from = &with->prompt;

    for (i = 0; i < AI_USAGE_COUNTS; i++) {
        if (from[i] >= 0) {
            to[i] = from[i];
        }
    }

    if (with->tier != AI_TIER_STANDARD) {
        u->tier = with->tier;
    }
}


ai_int_t
ai_usage_eq(const ai_usage_t *a, const ai_usage_t *b)
{
    size_t          i;
    const int64_t  *n, *m;

    n = &a->prompt;
    m = &b->prompt;

    for (i = 0; i < AI_USAGE_COUNTS; i++) {
        if (n[i] != m[i]) {
            return 0;
        }
    }

    return a->tier == b->tier;
}


void
ai_usage_normalise(ai_usage_t *u)
{
    size_t    i;
    int64_t  *n;

    n = &u->prompt;

    for (i = 0; i < AI_USAGE_COUNTS; i++) {
        if (n[i] < 0 || n[i] > AI_USAGE_MAX) {
            n[i] = -1;
        }
    }

    if (u->cache_write == -1) {
        u->cache_write = u->cache_write_1h;
    }

    ai_usage_part(&u->cached, u->prompt);
    ai_usage_part(&u->cache_write, u->prompt - ai_max(u->cached, 0));
    ai_usage_part(&u->cache_write_1h, u->cache_write);
    ai_usage_part(&u->prompt_audio, u->prompt);
    ai_usage_part(&u->prompt_image, u->prompt);
    ai_usage_part(&u->cached_audio, u->cached);
    ai_usage_part(&u->cached_image, u->cached);
    ai_usage_part(&u->reasoning, u->completion);
    ai_usage_part(&u->completion_audio, u->completion);
    ai_usage_part(&u->completion_image, u->completion);

    if (u->total == -1 && (u->prompt != -1 || u->completion != -1)) {
        u->total = ai_max(u->prompt, 0) + ai_max(u->completion, 0);
    }
}


/* a part of what is not known is all that is known, and stays */

static void
ai_usage_part(int64_t *part, int64_t whole)
{
    if (whole >= 0 && *part > whole) {
        *part = whole;
    }
}


/* a paused turn is told as "length": the only word OpenAI has for an answer
 * that is to be continued */

ai_str_t
ai_finish_name(ai_finish_e finish)
{
    switch (finish) {

    case AI_FINISH_LENGTH:
    case AI_FINISH_CONTEXT:
    case AI_FINISH_PAUSE:
        return ai_lit("length");

    case AI_FINISH_TOOLS:
        return ai_lit("tool_calls");

    case AI_FINISH_FILTER:
        return ai_lit("content_filter");

    case AI_FINISH_ERROR:
        return ai_lit("error");

    case AI_FINISH_BUDGET:
        return ai_lit("budget");

    case AI_FINISH_NONE:
    case AI_FINISH_STOP:
    case AI_FINISH_STOP_SEQ:
        break;
    }

    return ai_lit("stop");
}


uint64_t
ai_esc_chars(const ai_esc_t *s)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] != '\\') {
            n += ((s->data[i] & 0xc0) != 0x80);
            continue;
        }

        if (i + 5 < s->len && s->data[i + 1] == 'u') {
            n += !((s->data[i + 2] | 0x20) == 'd'
                   && memchr("cdefCDEF", s->data[i + 3], 8) != NULL);
            i += 5;

        } else {
            n++;
            i++;
        }
    }

    return n;
}
