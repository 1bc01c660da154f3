
/*
 * What the peeks of the dialects share: one walk over the root with a table of
 * names, and the text of the message that is looked at.
 */

#ifndef AI_PEEK_INT_H
#define AI_PEEK_INT_H


#include <api/ai_openai_int.h>


#pragma GCC visibility push(hidden)


/* the root is an object, and its keys differ */
ai_int_t ai_peek_root(const ai_openai_ctx_t *c);

/* the keys of the object at "up" differ; up NULL is the root */
ai_int_t ai_peek_unique(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t object);

/*
 * ai_peek_root(), and the values of the n members named, AI_JSON_NONE for
 * those absent or null.  The first "decisions" of them must not be there in
 * another letter case.
 */
ai_int_t ai_peek_walk(const ai_openai_ctx_t *c, const ai_str_t *names,
    ai_uint_t n, ai_uint_t decisions, ai_ref_t *refs);

/* a required model name: a string of 1 to 256 bytes without controls */
ai_int_t ai_peek_model(const ai_openai_ctx_t *c, ai_ref_t v, ai_str_t *model);

/* an optional string, decoded; *out is left alone if absent */
ai_int_t ai_peek_text(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, ai_str_t *out);

/* "stream" and "stream_options" as OpenAI has them */
ai_int_t ai_peek_stream(const ai_openai_ctx_t *c, ai_ref_t stream,
    ai_ref_t options, ai_peek_t *peek);

/* "user", or else its successor "safety_identifier", and
 * "prompt_cache_key" */
ai_int_t ai_peek_user(const ai_openai_ctx_t *c, ai_ref_t user,
    ai_ref_t safety, ai_ref_t cache_key, ai_peek_t *peek);

/* the last message of the role "user", or NONE */
ai_ref_t ai_peek_last_user(const ai_json_t *doc, ai_ref_t messages);

/* at most max bytes of a content: a string, or the parts of that type, a line
 * each */
ai_int_t ai_peek_content(const ai_json_t *doc, ai_ref_t content,
    const char *type, const ai_pool_t *pool, size_t max, ai_str_t *out);

/* a string of the body behind what is in b, on a line of its own; of those
 * that go beyond max only a start, which decodes to max bytes or more */
void ai_peek_line(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v, size_t max);

/* at most max bytes of s, no sequence is cut */
size_t ai_peek_cut(const ai_str_t *s, size_t max);


#pragma GCC visibility pop


#endif /* AI_PEEK_INT_H */
