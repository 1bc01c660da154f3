
/*
 * What the writers of answers share.
 */

#ifndef AI_REPLY_INT_H
#define AI_REPLY_INT_H


#include <api/ai_dialect.h>


/* what a choice begins with */
typedef struct {
    ai_finish_e        finish;
    unsigned           started:1;
    unsigned           finished:1;
} ai_reply_choice_t;


#pragma GCC visibility push(hidden)


/* an array of want elements in place of one of n: the new ones are zeroed,
 * the old one is freed; NULL, and nothing has changed, without memory */
void *ai_reply_grow(const ai_pool_t *pool, void *old, uint32_t n,
    uint32_t want, size_t size);

/*
 * What is the same in most forms.  AI_OK: that was all, the usage is kept;
 * AI_ERROR: the answer has failed, ev->error says why unless it is NULL;
 * AI_DECLINED: the event is the writer's.
 */
ai_int_t ai_reply_common(const ai_event_t *ev, ai_usage_t *usage);

/* id, model and time of an answer: those of ev, if it is a START that has
 * them, and else those of conf */
ai_int_t ai_reply_name(const ai_pool_t *pool, const ai_reply_conf_t *conf,
    const ai_event_t *ev, ai_esc_t *id, ai_esc_t *model, int64_t *created);

/* has every choice ended that has begun, and has one?  1 or 0; each of the n
 * is size bytes, with an ai_reply_choice_t in front */
ai_int_t ai_reply_complete(const void *choices, uint32_t n, size_t size);

/* err, or if it is NULL what to say where the provider ended the answer as
 * failed, in *invalid */
const ai_error_t *ai_reply_error(const ai_error_t *err, ai_error_t *invalid);

/* what of a usage is written only when there is something to say: a number
 * behind its name, if it is more than 0, ... */
void ai_reply_count(ai_buf_t *b, const char *name, int64_t n);
void ai_reply_cstr(ai_buf_t *b, const char *cstr);

/* ... and OpenAI's ,"service_tier": "..." if it is not the usual one */
const char *ai_reply_tier(const ai_usage_t *usage);


#pragma GCC visibility pop


#endif /* AI_REPLY_INT_H */
