
/*
 * Gemini's generateContent as a row of dialects.
 */

#include <api/ai_generate.h>


const ai_dialect_t  ai_dialect_gemini = {
    .name = ai_string("gemini.generate_content"),
    .family = AI_FAMILY_GEMINI,
    .stream_type = ai_string("text/event-stream"),
    .peek = ai_generate_peek,
    .last_text = ai_generate_last_text,
    .decode = ai_generate_decode,
    .reply_create = ai_generate_reply_create,
    .reply_event = ai_generate_reply_event,
    .reply_end = ai_generate_reply_end,
    .error = ai_generate_error,
    .error_event = ai_generate_error_event,
    .foreign = ai_generate_foreign
};
