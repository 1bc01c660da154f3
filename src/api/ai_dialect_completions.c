
/*
 * OpenAI's legacy completions as a row of dialects.
 */

#include <api/ai_completions_int.h>


const ai_dialect_t  ai_dialect_completions = {
    .name = ai_string("openai.completions"),
    .family = AI_FAMILY_COMPLETIONS,
    .stream_type = ai_string("text/event-stream"),
    .peek = ai_completions_peek,
    .last_text = ai_completions_last_text,
    .decode = ai_completions_decode,
    .reply_create = ai_completions_reply_create,
    .reply_event = ai_completions_reply_event,
    .reply_end = ai_completions_reply_end,
    .error = ai_openai_error,
    .error_event = ai_openai_error_event
};
