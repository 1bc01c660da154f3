
/*
 * What the dialects share that have tools and a choice among them.
 */

#ifndef AI_CHOICE_INT_H
#define AI_CHOICE_INT_H


#include <api/ai_openai_int.h>


#pragma GCC visibility push(hidden)


/* a tool's name, which is required */
ai_int_t ai_choice_name(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *field, ai_ref_t v, ai_esc_t *name);

/* the pointer at the tool, or NULL */
ai_tool_t **ai_choice_find(ai_tool_t **tools, const ai_esc_t *name);

/* moves the tool to the end of "allowed", if it is not there; AI_DECLINED: it
 * is in neither list */
ai_int_t ai_choice_allow(ai_tool_t **tools, ai_tool_t **allowed,
    const ai_esc_t *name);

/* OpenAI's "none", "auto", "required" */
ai_int_t ai_choice_word(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_request_t *rq);

/* the "mode" of allowed tools, which are "tools" of "up" too */
ai_int_t ai_choice_mode(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t mode, ai_ref_t tools, ai_request_t *rq);


#pragma GCC visibility pop


#endif /* AI_CHOICE_INT_H */
