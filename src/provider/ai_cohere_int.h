
/*
 * Cohere's chat API, version 2: what its files share.
 *
 *   ai_provider_cohere.c   the row of ai_providers[]
 *   ai_cohere_build.c      a request
 *   ai_cohere_message.c    its messages
 *   ai_cohere_decode.c     answers, whole and streamed
 *   ai_cohere_content.c    the blocks of an answer
 *
 * The plan that a model tells before its calls is text for the client, and
 * text before calls is the plan on the way back.  Thinking is plain text, no
 * signature goes with it.
 */

#ifndef AI_COHERE_INT_H
#define AI_COHERE_INT_H


#include <provider/ai_provider.h>


#define AI_COHERE_STOP_MAX    5
#define AI_COHERE_TOP_K_MAX   500
#define AI_COHERE_TOKENS_TOP  1000000000


/* a request being written */
typedef struct {
    const ai_request_t  *rq;
    const ai_target_t  *t;
    ai_buf_t          *b;
    ai_json_t          doc;         /* numbers that have to be in a range */
    ai_dropped_t      *dropped;
    ai_error_t        *err;
    int64_t            max_tokens;  /* -1 not said */
    unsigned           messages;    /* written so far */
    unsigned           reasons:1;   /* the model may think */
} ai_cohere_build_t;


typedef struct ai_cohere_s  ai_cohere_t;

typedef ai_int_t (*ai_cohere_event_pt)(ai_cohere_t *a, ai_ref_t root);


/* an answer being read; one block is open at a time */
struct ai_cohere_s {
    ai_decoder_t       d;
    ai_cohere_event_pt  handler;    /* of the last event */
    ai_ref_t           piece;       /* what it said, if this one differs from
                                       it in strings alone, or NONE */
    int64_t            at;          /* the number it had, ... */
    ai_block_e         as;          /* ... and its kind */
    int64_t            number;      /* of the open block, at Cohere; -1: the
                                       plan, or not said */
    uint32_t           index;       /* of the open block, in our events */
    uint32_t           blocks;      /* given to the sink so far */
    uint64_t           chars;       /* of text, so far, ... */
    uint64_t           from;        /* ... and where the open block began */
    ai_block_e         kind;        /* of the open block */
    unsigned           open:1;
    unsigned           tools:1;     /* a call was seen */
    unsigned           dead:1;      /* the provider reported an error */
};


#pragma GCC visibility push(hidden)


ai_int_t ai_cohere_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err);

/* the array; AI_ERROR with cb->err: something in it cannot be carried */
ai_int_t ai_cohere_messages(ai_cohere_build_t *cb);

/* ',' and the name of a member */
void ai_cohere_key(ai_cohere_build_t *cb, const char *name);

/* fills cb->err; AI_ERROR */
ai_int_t ai_cohere_refuse(ai_cohere_build_t *cb, const char *message,
    const char *param);


void ai_cohere_init(ai_decoder_t *d);
ai_int_t ai_cohere_stream(ai_decoder_t *d, const ai_sse_event_t *ev);
ai_int_t ai_cohere_stream_end(ai_decoder_t *d);
ai_int_t ai_cohere_answer(ai_decoder_t *d, const ai_str_t *body);


/* events of a stream; root is the event's object */
ai_int_t ai_cohere_content_start(ai_cohere_t *a, ai_ref_t root);
ai_int_t ai_cohere_content_delta(ai_cohere_t *a, ai_ref_t root);
ai_int_t ai_cohere_content_end(ai_cohere_t *a, ai_ref_t root);
ai_int_t ai_cohere_plan_delta(ai_cohere_t *a, ai_ref_t root);
ai_int_t ai_cohere_call_start(ai_cohere_t *a, ai_ref_t root);
ai_int_t ai_cohere_call_delta(ai_cohere_t *a, ai_ref_t root);
ai_int_t ai_cohere_call_end(ai_cohere_t *a, ai_ref_t root);
ai_int_t ai_cohere_citation(ai_cohere_t *a, ai_ref_t root);

/* the blocks of a whole answer */
ai_int_t ai_cohere_message(ai_cohere_t *a, ai_ref_t message);

/* START, unless it was sent */
ai_int_t ai_cohere_start(ai_cohere_t *a, ai_ref_t root);

/* ends the open block, if one is */
ai_int_t ai_cohere_close(ai_cohere_t *a);

void ai_cohere_event(ai_event_t *ev, ai_event_e type);
ai_int_t ai_cohere_emit(ai_cohere_t *a, const ai_event_t *ev);


#pragma GCC visibility pop


#endif /* AI_COHERE_INT_H */
