
/*
 * Any text as an OpenAI request: it is decoded or refused with a 400 that has
 * a message, and what was decoded can be written again.  Every spelling is
 * the inside of a JSON string, every raw value is one JSON value.
 */

#include <api/ai_openai.h>

#include "fuzz_request.h"


static void
check_own(const ai_request_t *rq, const ai_block_t *b)
{
    (void) rq;

    must((b->media.len > 0) == (b->source == AI_SOURCE_BASE64));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ai_int_t          rc;
    ai_str_t          text, last;
    ai_json_t         doc;
    ai_error_t        err;
    ai_request_t      rq;
    ai_dropped_t      dropped;
    ai_peek_t         peek;

    memset(&err, 0, sizeof(err));
    memset(&dropped, 0, sizeof(dropped));

    text.data = (ai_char_t *) data;
    text.len = size;

    ai_json_init(&doc, &arena);

    if (ai_json_parse(&doc, &text, NULL) == AI_OK) {
        rc = ai_openai_decode(&doc, &arena, &rq, &dropped, &err);

        if (rc == AI_OK) {
            check_request(&rq, check_own);

            must(ai_openai_peek(&doc, &arena, &peek, &err) == AI_OK);

            if (ai_openai_last_text(&doc, &peek, &arena, size % 64, &last)
                == AI_OK)
            {
                must(last.len <= size % 64);
            }

        } else {
            must(rc == AI_ERROR);
            check_error(&err, ai_openai_error);
        }

        check_dropped(&dropped);
    }

    arena_free();

    return 0;
}
