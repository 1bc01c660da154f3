
/*
 * What the hot path wants to know of a request before anything is decoded.
 */

#ifndef AI_PEEK_H
#define AI_PEEK_H


#include <codec/ai_json.h>


/* what the hot path needs to know of a request, found in one walk over the
 * root's members; refs are AI_JSON_NONE when absent */
typedef struct {
    ai_ref_t           model_ref;   /* the value; NONE: it is in the URI */
    ai_ref_t           stream_ref;
    ai_ref_t           stream_options_ref;          /* OpenAI's */
    ai_ref_t           include_usage_ref;           /* OpenAI's */
    ai_ref_t           messages_ref;       /* messages, input, contents */
    ai_ref_t           max_tokens_ref;     /* whatever its name is */
    ai_ref_t           metadata_ref;
    ai_str_t           model;       /* plain */
    ai_str_t           user;        /* plain: whom the request is made for */
    ai_str_t           cache_key;   /* plain: prompt_cache_key */
    ai_raw_t           temperature;
    int64_t            max_output;  /* -1 */
    int64_t            n;           /* -1 */
    uint32_t           messages;
    uint32_t           tools;
    unsigned           stream:1;
    unsigned           include_usage:1;
    unsigned           images:1;
    unsigned           logprobs:1;
} ai_peek_t;


#endif /* AI_PEEK_H */
