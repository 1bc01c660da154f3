
#include <api/ai_event.h>


/* more tokens than this in one answer is nonsense, and sums of a few such
 * numbers, priced, would overflow */
#define AI_USAGE_MAX  INT64_C(1000000000000)


void
ai_usage_init(ai_usage_t *u)
{
    u->prompt = -1;
    u->cached = -1;
    u->cache_write = -1;
    u->completion = -1;
    u->reasoning = -1;
    u->total = -1;
}


static void
ai_usage_field(int64_t *to, int64_t from)
{
    if (from >= 0) {
        *to = from;
    }
}


void
ai_usage_merge(ai_usage_t *u, const ai_usage_t *with)
{
    ai_usage_field(&u->prompt, with->prompt);
    ai_usage_field(&u->cached, with->cached);
    ai_usage_field(&u->cache_write, with->cache_write);
    ai_usage_field(&u->completion, with->completion);
    ai_usage_field(&u->reasoning, with->reasoning);
    ai_usage_field(&u->total, with->total);
}


static void
ai_usage_clamp(int64_t *n)
{
    if (*n < 0 || *n > AI_USAGE_MAX) {
        *n = -1;
    }
}


void
ai_usage_normalise(ai_usage_t *u)
{
    ai_usage_clamp(&u->prompt);
    ai_usage_clamp(&u->cached);
    ai_usage_clamp(&u->cache_write);
    ai_usage_clamp(&u->completion);
    ai_usage_clamp(&u->reasoning);
    ai_usage_clamp(&u->total);

    if (u->total == -1 && (u->prompt != -1 || u->completion != -1)) {
        u->total = ai_max(u->prompt, 0) + ai_max(u->completion, 0);
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
