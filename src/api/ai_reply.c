
#include <api/ai_reply_int.h>


void *
ai_reply_grow(const ai_pool_t *pool, void *old, uint32_t n, uint32_t want,
    size_t size)
{
    void  *p;

    p = ai_pcalloc(pool, want * size);
    if (p == NULL) {
        return NULL;
    }

    if (n) {
        memcpy(p, old, n * size);
        ai_pfree(pool, old);
    }

    return p;
}


ai_int_t
ai_reply_common(const ai_event_t *ev, ai_usage_t *usage)
{
    switch (ev->type) {

    case AI_EVENT_PING:
        return AI_OK;

    case AI_EVENT_USAGE:
        if (ev->usage) {
            ai_usage_merge(usage, ev->usage);
        }

        return AI_OK;

    case AI_EVENT_ERROR:
        return AI_ERROR;

    case AI_EVENT_FINISH:
        return ev->finish == AI_FINISH_ERROR ? AI_ERROR : AI_DECLINED;

    default:
        return AI_DECLINED;
    }
}


ai_int_t
ai_reply_name(const ai_pool_t *pool, const ai_reply_conf_t *conf,
    const ai_event_t *ev, ai_esc_t *id, ai_esc_t *model, int64_t *created)
{
    const ai_esc_t  *i, *m;

    i = &conf->id;
    m = &conf->model;

    *created = conf->created;

    if (ev->type == AI_EVENT_START) {
        i = ev->id.len ? &ev->id : i;
        m = ev->model.len ? &ev->model : m;

        if (ev->created > 0) {
            *created = ev->created;
        }
    }

    if (ai_str_dup(pool, id, i) != AI_OK
        || ai_str_dup(pool, model, m) != AI_OK)
    {
        return AI_ERROR;
    }

    return AI_OK;
}


ai_int_t
ai_reply_complete(const void *choices, uint32_t n, size_t size)
{
    uint32_t                  i, begun;
    const char               *p;
    const ai_reply_choice_t  *ch;

    p = choices;
    begun = 0;

    for (i = 0; i < n; i++) {
        ch = (const void *) (p + i * size);

        if (ch->started && !ch->finished) {
            return 0;
        }

        begun += ch->started;
    }

    return begun != 0;
}


const ai_error_t *
ai_reply_error(const ai_error_t *err, ai_error_t *invalid)
{
    if (err) {
        return err;
    }

    memset(invalid, 0, sizeof(ai_error_t));
    ai_error_set(invalid, AI_ERR_UPSTREAM_INVALID,
                 "The model's answer ended with an error.");

    return invalid;
}


void
ai_reply_cstr(ai_buf_t *b, const char *cstr)
{
    ai_buf_add(b, cstr, strlen(cstr));
}


void
ai_reply_count(ai_buf_t *b, const char *name, int64_t n)
{
    if (n > 0) {
        ai_reply_cstr(b, name);
        ai_buf_int(b, n);
    }
}


/* OpenAI itself has no word for what a batch costs in an answer */

const char *
ai_reply_tier(const ai_usage_t *usage)
{
    switch (usage->tier) {

    case AI_TIER_FLEX:
        return ",\"service_tier\":\"flex\"";

    case AI_TIER_PRIORITY:
        return ",\"service_tier\":\"priority\"";

    case AI_TIER_STANDARD:
    case AI_TIER_BATCH:
        break;
    }

    return "";
}
