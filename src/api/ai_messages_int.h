
/*
 * What the files that read an Anthropic request share.  Fields are read, and
 * errors name them, as in the OpenAI dialect ("messages[3].content").
 */

#ifndef AI_MESSAGES_INT_H
#define AI_MESSAGES_INT_H


#include <api/ai_messages.h>
#include <api/ai_openai_int.h>


/*
 * In front of a signature that is not Anthropic's, as in the OpenAI dialect;
 * and of one that belongs to a call: it goes out as an empty thinking block
 * right before the call, the only place where clients keep it.  Base64 has no
 * colon in it.
 */

#define AI_MESSAGES_TAG_CALL  AI_OPENAI_TAG_GEMINI "call:"


/* a call that was seen, by its id */

typedef struct ai_messages_call_s  ai_messages_call_t;

struct ai_messages_call_s {
    ai_messages_call_t  *next;
    ai_esc_t             id;
    ai_esc_t             name;
};


#define AI_MESSAGES_BUCKETS  64


typedef struct {
    ai_openai_ctx_t      c;
    ai_request_t        *rq;
    ai_dropped_t        *dropped;
    ai_turn_t          **tail;
    ai_messages_call_t  *calls[AI_MESSAGES_BUCKETS];    /* newest first */
    ai_esc_t             pending;   /* a call's signature */

    ai_ref_t             tools;
    ai_ref_t             choice;
    ai_ref_t             system;
    ai_ref_t             thinking;
    ai_ref_t             effort;
} ai_messages_dec_t;


/* which blocks a content may have */
#define AI_MESSAGES_TEXT       0x01
#define AI_MESSAGES_IMAGE      0x02
#define AI_MESSAGES_DOCUMENT   0x04     /* document, search_result */
#define AI_MESSAGES_REFERENCE  0x08     /* tool_reference */
#define AI_MESSAGES_RESULT     0x10     /* tool_result */
#define AI_MESSAGES_ANSWER     0x20     /* what only an assistant says */


#pragma GCC visibility push(hidden)


/* each returns AI_OK, or AI_ERROR with the error filled */

ai_int_t ai_messages_read_tools(ai_messages_dec_t *d);

/* system, and the messages */
ai_int_t ai_messages_read_turns(ai_messages_dec_t *d, ai_ref_t messages);

/* a "content": a string, or blocks of the kinds in "allow" */
ai_int_t ai_messages_read_content(ai_messages_dec_t *d,
    const ai_openai_path_t *up, const char *name, ai_ref_t v, unsigned allow,
    ai_block_t ***tail);

/* image, document, search_result */
ai_int_t ai_messages_image(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail);
ai_int_t ai_messages_document(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);
ai_int_t ai_messages_search_result(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t ***tail);

/* a block at *tail; NULL with the error filled */
ai_block_t *ai_messages_add(ai_messages_dec_t *d, ai_block_t ***tail,
    ai_block_e kind);


#pragma GCC visibility pop


static inline void
ai_messages_path(ai_openai_path_t *p, const ai_openai_path_t *up,
    const char *name)
{
    p->up = up;
    p->name = name;
    p->index = 0;
}


#endif /* AI_MESSAGES_INT_H */
