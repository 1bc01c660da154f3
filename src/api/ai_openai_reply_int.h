
/*
 * The state of an answer that is being written in OpenAI's form: shared by
 * the files that follow the events and that write them.
 */

#ifndef AI_OPENAI_REPLY_INT_H
#define AI_OPENAI_REPLY_INT_H


#include <api/ai_openai_int.h>
#include <api/ai_reply_int.h>


#define AI_OPENAI_CHOICES_MAX    128

/* a stream: blocks open at one time; a JSON answer: all that have state */
#define AI_OPENAI_SLOTS_MAX      4096

/* of one block of a stream */
#define AI_OPENAI_SIGNATURE_MAX  (1024 * 1024)


typedef struct {
    ai_reply_choice_t  base;
    uint32_t           calls;

    /* for a JSON answer only */
    unsigned           text:1;
    unsigned           logprobs:1;
    ai_buf_t           content;
    ai_buf_t           refusal;
    ai_buf_t           annotations;
    ai_buf_t           log_content;
    ai_buf_t           log_refusal;
} ai_openai_choice_t;


/* a block with something to remember: a call, or a signature */

typedef struct {
    uint32_t           choice;
    uint32_t           index;
    uint32_t           call;        /* among the choice's calls */
    ai_block_e         kind;
    ai_family_e        family;
    unsigned           open:1;
    unsigned           args:1;      /* some came */
    ai_buf_t           signature;

    /* for a JSON answer only */
    ai_buf_t           head;        /* id and name of a call, as written */
    ai_buf_t           text;        /* arguments, thoughts, data */
} ai_openai_slot_t;


struct ai_openai_reply_s {
    ai_reply_conf_t   conf;
    ai_buf_t                *out;
    const ai_pool_t         *pool;

    ai_esc_t                 id;
    ai_esc_t                 model;
    int64_t                  created;
    ai_usage_t               usage;

    ai_openai_choice_t      *choices;
    uint32_t                 nchoices;

    ai_openai_slot_t        *slots;
    uint32_t                 nslots;
    uint32_t                 nalloc;
    uint32_t                 recent;    /* the slot found last */

    ai_buf_t                 head;      /* of a chunk, up to the index */
    ai_buf_t                 text_head; /* of choice 0, up to the text */
    ai_str_t                 tail;      /* from the delta's brace on */
    ai_str_t                 end;       /* from the choice's brace on */

    ai_json_t                doc;

    unsigned                 started:1;
    unsigned                 failed:1;
    unsigned                 ended:1;
};


#pragma GCC visibility push(hidden)


/* a stream */

ai_int_t ai_openai_chunk_init(ai_openai_reply_t *r);
void ai_openai_chunk_role(ai_openai_reply_t *r, uint32_t choice);
void ai_openai_chunk_text(ai_openai_reply_t *r, const ai_event_t *ev);
void ai_openai_chunk_logprobs(ai_openai_reply_t *r, const ai_event_t *ev);
void ai_openai_chunk_annotation(ai_openai_reply_t *r, const ai_event_t *ev);
void ai_openai_chunk_redacted(ai_openai_reply_t *r, const ai_event_t *ev);
void ai_openai_chunk_call(ai_openai_reply_t *r, const ai_openai_slot_t *slot,
    const ai_event_t *ev);
void ai_openai_chunk_args(ai_openai_reply_t *r, const ai_openai_slot_t *slot,
    const ai_esc_t *args);
void ai_openai_chunk_signature(ai_openai_reply_t *r,
    const ai_openai_slot_t *slot);
void ai_openai_chunk_finish(ai_openai_reply_t *r, uint32_t choice,
    const ai_str_t *reason);
void ai_openai_chunk_end(ai_openai_reply_t *r);

/* a JSON answer: what comes is kept, and written at the end */

ai_int_t ai_openai_answer_logprobs(ai_openai_reply_t *r,
    ai_openai_choice_t *ch, const ai_event_t *ev);
void ai_openai_answer_annotation(ai_openai_choice_t *ch,
    const ai_event_t *ev);
void ai_openai_answer_call(ai_openai_reply_t *r, ai_openai_slot_t *slot,
    const ai_event_t *ev);
ai_int_t ai_openai_answer_end(ai_openai_reply_t *r);

/* both */

/* the name that OpenAI has for how a choice ended */
ai_str_t ai_openai_reply_reason(const ai_openai_reply_t *r,
    const ai_openai_choice_t *ch);

/* "id" of a call: the provider's, or one made of the answer's id, the choice
 * and the call's number */
void ai_openai_call_id(const ai_openai_reply_t *r, ai_buf_t *b,
    const ai_openai_slot_t *slot, const ai_esc_t *id);

/* opaque data with the prefix of its family, in quotes */
void ai_openai_opaque(ai_buf_t *b, ai_family_e family, const ai_esc_t *s);

/* {"prompt_tokens": ...} */
void ai_openai_usage(ai_buf_t *b, const ai_usage_t *usage);


#pragma GCC visibility pop


#endif /* AI_OPENAI_REPLY_INT_H */
