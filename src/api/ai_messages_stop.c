
/*
 * Anthropic's stream as it goes through: which blocks are open.  Of blocks
 * that no event tells of, those of tools that the provider runs, the client
 * has the start too.
 */

#include <api/ai_messages_reply_int.h>
#include <api/ai_stop.h>


/* the protocol has one at a time */
#define AI_MESSAGES_OPEN_MAX  16


typedef struct {
    ai_json_t          doc;
    uint32_t           open[AI_MESSAGES_OPEN_MAX];
    uint32_t           nopen;
    unsigned           begun:1;     /* message_start */
    unsigned           told:1;      /* message_delta: the reason to stop */
    unsigned           over:1;      /* message_stop */
} ai_messages_stop_t;


static void *ai_messages_stop_create(const ai_pool_t *pool);
static void ai_messages_stop_see(void *data, const ai_sse_event_t *ev);
static void ai_messages_stop_open(ai_messages_stop_t *s, int64_t index);
static void ai_messages_stop_close(ai_messages_stop_t *s, int64_t index);
static ai_int_t ai_messages_stop_end(void *data, const ai_usage_t *usage,
    ai_buf_t *out);


const ai_stop_wire_t  ai_messages_stop_wire = {
    .create = ai_messages_stop_create,
    .see = ai_messages_stop_see,
    .end = ai_messages_stop_end
};


static void *
ai_messages_stop_create(const ai_pool_t *pool)
{
    ai_messages_stop_t  *s;

    s = ai_pcalloc(pool, sizeof(ai_messages_stop_t));

    if (s) {
        ai_json_init(&s->doc, pool);
    }

    return s;
}


static void
ai_messages_stop_see(void *data, const ai_sse_event_t *ev)
{
    ai_messages_stop_t *s = data;

    int64_t   index;
    ai_ref_t  type;

    if (ev->data.data == NULL
        || ai_str_is(&ev->name, "content_block_delta")
        || ai_json_parse_next(&s->doc, &ev->data, NULL) != AI_OK)
    {
        return;
    }

    type = ai_json_get(&s->doc, AI_JSON_ROOT, "type");

    if (ai_json_int(&s->doc, ai_json_get(&s->doc, AI_JSON_ROOT, "index"),
                    &index) != AI_OK)
    {
        index = -1;
    }

    if (ai_json_is(&s->doc, type, "content_block_start")) {
        ai_messages_stop_open(s, index);

    } else if (ai_json_is(&s->doc, type, "content_block_stop")) {
        ai_messages_stop_close(s, index);

    } else if (ai_json_is(&s->doc, type, "message_start")) {
        s->begun = 1;

    } else if (ai_json_is(&s->doc, type, "message_delta")) {
        s->told = 1;

    } else if (ai_json_is(&s->doc, type, "message_stop")) {
        s->over = 1;
    }
}


static void
ai_messages_stop_open(ai_messages_stop_t *s, int64_t index)
{
    if (index >= 0 && index <= INT32_MAX && s->nopen < AI_MESSAGES_OPEN_MAX) {
        s->open[s->nopen++] = (uint32_t) index;
    }
}


static void
ai_messages_stop_close(ai_messages_stop_t *s, int64_t index)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < s->nopen; i++) {
        if (s->open[i] != index) {
            s->open[n++] = s->open[i];
        }
    }

    s->nopen = n;
}


static ai_int_t
ai_messages_stop_end(void *data, const ai_usage_t *usage, ai_buf_t *out)
{
    ai_messages_stop_t *s = data;

    uint32_t  i;

    if (!s->begun) {
        return AI_DECLINED;
    }

    for (i = 0; i < s->nopen && !s->told; i++) {
        ai_buf_lit(out, "event: content_block_stop\n"
                        "data: {\"type\":\"content_block_stop\",\"index\":");
        ai_buf_int(out, s->open[i]);
        ai_buf_lit(out, "}\n\n");
    }

    if (!s->told) {
        ai_buf_lit(out, "event: message_delta\n"
                        "data: {\"type\":\"message_delta\",\"delta\":"
                        "{\"stop_reason\":\"max_tokens\","
                        "\"stop_sequence\":null},\"usage\":");
        ai_messages_usage(out, usage);
        ai_buf_lit(out, "}\n\n");
    }

    if (!s->over) {
        ai_buf_lit(out, "event: message_stop\n"
                        "data: {\"type\":\"message_stop\"}\n\n");
    }

    return out->failed ? AI_ERROR : AI_OK;
}
