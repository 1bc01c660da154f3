
/*
 * The state of an answer that is being written in Gemini's form: shared by
 * the file that follows the events and the one that writes them.
 */

#ifndef AI_GENERATE_REPLY_INT_H
#define AI_GENERATE_REPLY_INT_H


#include <api/ai_generate_int.h>
#include <api/ai_reply_int.h>


#define AI_GENERATE_CHOICES_MAX  128

/* blocks with state, open at one time: of a stream, of a JSON answer */
#define AI_GENERATE_STREAM_SLOTS  128
#define AI_GENERATE_SLOTS_MAX     4096

/* of a stream: of one block, and of all that are open */
#define AI_GENERATE_HELD_MAX      (1024 * 1024)
#define AI_GENERATE_HELD_ALL      (4 * 1024 * 1024)

/* what a block may keep for the next one */
#define AI_GENERATE_KEEP          (64 * 1024)


typedef struct {
    ai_reply_choice_t  base;
    uint32_t           thought;     /* the last block whose text was shown */
    unsigned           malformed:1; /* a call was left out */
    unsigned           thinking:1;  /* there was such a block */

    /* for a JSON answer only */
    unsigned           open:1;      /* a part with text is */
    ai_block_e         kind;        /* of that */
    uint32_t           index;
    ai_buf_t           parts;
    ai_buf_t           sources;
    ai_buf_t           chosen;
    ai_buf_t           top;
} ai_generate_choice_t;


/* a block with something to remember: a call, or a signature */

typedef struct {
    uint32_t           choice;
    uint32_t           index;
    ai_block_e         kind;
    ai_family_e        family;
    unsigned           open:1;
    ai_buf_t           head;        /* of a call: id and name, as written */
    ai_buf_t           text;        /* of a call: its arguments */
    ai_buf_t           signature;
} ai_generate_slot_t;


typedef struct {
    ai_reply_conf_t        conf;    /* without rq */
    ai_buf_t              *out;
    const ai_pool_t       *pool;

    ai_esc_t               id;
    ai_esc_t               model;
    ai_usage_t             usage;

    ai_generate_choice_t  *choices;
    uint32_t               nchoices;

    ai_generate_slot_t    *slots;
    uint32_t               nslots;
    uint32_t               nalloc;
    uint32_t               recent;  /* the slot found last */
    size_t                 held;    /* bytes in slots */

    ai_str_t               mark;    /* in front of a chunk */
    ai_buf_t               tail;    /* of a chunk, from the candidates on */
    ai_buf_t               scratch;
    ai_buf_t               opaque;
    ai_json_t              doc;

    unsigned               thoughts:1;
    unsigned               started:1;
    unsigned               written:1;       /* there is a chunk */
    unsigned               failed:1;
    unsigned               ended:1;
} ai_generate_reply_t;


#pragma GCC visibility push(hidden)


ai_int_t ai_generate_write_init(ai_generate_reply_t *r);

/* a text, or thoughts */
void ai_generate_write_text(ai_generate_reply_t *r, const ai_event_t *ev);

/* a call, once it is complete; AI_ERROR: no memory */
ai_int_t ai_generate_write_call(ai_generate_reply_t *r,
    const ai_generate_slot_t *slot);

/* the signature of a text or of thoughts */
void ai_generate_write_signature(ai_generate_reply_t *r,
    const ai_generate_slot_t *slot);

void ai_generate_write_redacted(ai_generate_reply_t *r, const ai_event_t *ev);

/* AI_ERROR: no memory */
ai_int_t ai_generate_write_logprobs(ai_generate_reply_t *r,
    const ai_event_t *ev);
ai_int_t ai_generate_write_source(ai_generate_reply_t *r,
    const ai_event_t *ev);

void ai_generate_write_error(ai_generate_reply_t *r, const ai_error_t *err);

/* the last chunk, or the whole JSON answer */
ai_int_t ai_generate_write_end(ai_generate_reply_t *r);


#pragma GCC visibility pop


#endif /* AI_GENERATE_REPLY_INT_H */
