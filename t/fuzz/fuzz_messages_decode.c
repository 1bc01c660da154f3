
/*
 * Any text as an Anthropic request: it is decoded or refused with a 400 that
 * has a message, and what was decoded can be written again, for each API.
 * Every spelling is the inside of a JSON string, every raw value is one JSON
 * value.
 */

#include <api/ai_messages.h>
#include <provider/ai_provider.h>

#include "fuzz_request.h"


static void
check_own(const ai_request_t *rq, const ai_block_t *b)
{
    (void) rq;

    must((b->media.len > 0) == (b->source == AI_SOURCE_BASE64
                                || b->source == AI_SOURCE_TEXT));
}


/* what each provider would get: JSON, unless it refuses */

static void
check_built(const ai_request_t *rq, size_t size)
{
    size_t        i;
    ai_buf_t      body;
    ai_str_t      text;
    ai_json_t     doc;
    ai_error_t    err;
    ai_target_t   t;
    ai_dropped_t  dropped;

    static const struct {
        const ai_provider_t  *provider;
        ai_str_t              model;
    } targets[] = {
        { &ai_provider_openai, ai_string("gpt-5") },
        { &ai_provider_anthropic, ai_string("claude-sonnet-4-5") },
        { &ai_provider_gemini, ai_string("gemini-2.5-pro") }
    };

    for (i = 0; i < 3; i++) {
        memset(&err, 0, sizeof(err));
        memset(&dropped, 0, sizeof(dropped));

        t.provider = targets[i].provider;
        t.model = targets[i].model;
        t.max_output = -1;

        ai_buf_init(&body, &arena);

        if (t.provider->build(&t, rq, &arena, &body, &dropped, &err)
            != AI_OK)
        {
            must(err.kind != AI_ERR_NONE && err.kind != AI_ERR_SERVER);
            continue;
        }

        text = ai_buf_str(&body);
        ai_json_init(&doc, &arena);

        /* nesting comes on top of the body's own */

        must(ai_json_parse(&doc, &text, NULL) == AI_OK
             || doc.error == AI_JSON_E_LIMIT);
        must(text.len <= 8 * size + 4096);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_int_t      rc;
    ai_str_t      text, last;
    ai_json_t     doc;
    ai_peek_t     peek;
    ai_error_t    err;
    ai_request_t  rq;
    ai_dropped_t  dropped;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));

    text.data = (ai_char_t *) data;
    text.len = size;

    ai_json_init(&doc, &arena);

    if (ai_json_parse(&doc, &text, NULL) == AI_OK) {
        rc = ai_messages_peek(&doc, &arena, &peek, &err);

        if (rc == AI_OK) {
            rc = ai_messages_last_text(&doc, &peek, &arena, size % 64, &last);

            must(rc == AI_DECLINED || (rc == AI_OK && last.len <= size % 64));

            rc = ai_messages_decode(&doc, &peek, &arena, &rq, &dropped, &err);

            if (rc == AI_OK) {
                check_request(&rq, check_own);
                check_built(&rq, size);
            }
        }

        if (rc != AI_OK) {
            must(rc == AI_ERROR);
            check_error(&err, ai_messages_error);
        }

        check_dropped(&dropped);
    }

    arena_free();

    return 0;
}
