
/*
 * The state of an answer that is being written in Anthropic's form: shared by
 * the files that follow the events and that write them.
 */

#ifndef AI_MESSAGES_REPLY_INT_H
#define AI_MESSAGES_REPLY_INT_H


#include <api/ai_messages_int.h>


/* blocks that are open or held at one time */
#define AI_MESSAGES_SLOTS_MAX  1024


/* a block that is not written to its end yet */

typedef struct ai_messages_slot_s  ai_messages_slot_t;

struct ai_messages_slot_s {
    ai_messages_slot_t  *next;
    uint32_t             index;     /* in the events */
    ai_block_e           kind;
    ai_family_e          family;    /* of the signature, or data */
    ai_buf_t             head;      /* id and name of a call, as written */
    ai_buf_t             text;      /* held: text, arguments; or data */
    ai_buf_t             signature;
    size_t               cap;       /* the most that was ever held here */
    unsigned             open:1;    /* its BLOCK_STOP has not come */
    unsigned             started:1; /* its start was written */
    unsigned             args:1;    /* arguments were written */
    unsigned             braces:1;  /* "{}" came for them, and was not */
};


/*
 * Blocks wait in a queue in the order of their starts.  Of a stream the first
 * one is written as it comes, the others when they are first.  Of a JSON
 * answer each is written to "content" when it has ended and is first.
 */

typedef struct {
    ai_reply_conf_t      conf;
    ai_buf_t            *out;
    const ai_pool_t     *pool;

    ai_buf_t             id;
    ai_str_t             model;
    ai_usage_t           usage;
    ai_finish_e          finish;
    ai_buf_t             stop_seq;

    ai_messages_slot_t  *first;
    ai_messages_slot_t  *last;
    ai_messages_slot_t  *unused;
    uint32_t             nslots;
    size_t               held;      /* the sum of all slots' cap */

    uint32_t             index;     /* of the first block, as written */
    uint32_t             calls;
    ai_buf_t             delta;     /* of the first block's text: all in
                                       front of it */
    ai_buf_t             content;   /* JSON */
    ai_buf_t             scratch;
    ai_json_t            doc;

    unsigned             named:1;   /* START has come */
    unsigned             started:1; /* message_start was written */
    unsigned             pinged:1;
    unsigned             refused:1;
    unsigned             finished:1;
    unsigned             failed:1;
    unsigned             ended:1;
} ai_messages_reply_t;


#define AI_MESSAGES_DELTA_END  "\"}}\n\n"


#pragma GCC visibility push(hidden)


/* a stream */

void ai_messages_stream_start(ai_messages_reply_t *r);
void ai_messages_stream_open(ai_messages_reply_t *r,
    ai_messages_slot_t *slot);
void ai_messages_stream_text(ai_messages_reply_t *r,
    ai_messages_slot_t *slot, const ai_esc_t *text);
void ai_messages_stream_close(ai_messages_reply_t *r,
    ai_messages_slot_t *slot);
void ai_messages_stream_ping(ai_messages_reply_t *r);
void ai_messages_stream_end(ai_messages_reply_t *r);

/* a JSON answer: AI_ERROR: no memory */

ai_int_t ai_messages_answer_block(ai_messages_reply_t *r,
    ai_messages_slot_t *slot);
ai_int_t ai_messages_answer_end(ai_messages_reply_t *r);

/* both */

/* "stop_reason":..,"stop_sequence":.. */
void ai_messages_stop(ai_messages_reply_t *r, ai_buf_t *b);

/* {"input_tokens": ...} */
void ai_messages_usage(ai_buf_t *b, const ai_usage_t *usage);

/* has a block nothing to say so far?  1 or 0 */
ai_int_t ai_messages_empty(const ai_messages_slot_t *slot);

/* has a call or a text a signature, which another block has to carry?  1 or
 * 0 */
ai_int_t ai_messages_carried(const ai_messages_slot_t *slot);

/* a signature or data with the tag of its family, without quotes; what belongs
 * to no family is left out */
void ai_messages_opaque(ai_buf_t *b, const ai_messages_slot_t *slot,
    const ai_buf_t *data);


#pragma GCC visibility pop


#endif /* AI_MESSAGES_REPLY_INT_H */
