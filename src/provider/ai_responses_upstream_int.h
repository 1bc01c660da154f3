
/*
 * OpenAI's Responses API as providers speak it: what its files share.
 *
 *   ai_provider_responses.c          the row
 *   ai_responses_upstream_build.c    a request
 *   ai_responses_upstream_input.c    the items of its input
 *   ai_responses_upstream_decode.c   answers, whole and streamed
 *   ai_responses_upstream_item.c     the items of an answer
 *   ai_responses_upstream_block.c    the blocks they become
 *
 * A request never keeps anything at the provider ("store": false): reasoning
 * comes as encrypted_content, travels with the client, and is given back.
 */

#ifndef AI_RESPONSES_UPSTREAM_INT_H
#define AI_RESPONSES_UPSTREAM_INT_H


#include <provider/ai_provider.h>


#define AI_RSP_ITEMS_MAX   4096     /* of one answer */
#define AI_RSP_ID_MAX      64       /* of a call, as the API takes it */
#define AI_RSP_OUTPUT_MIN  16       /* the least max_output_tokens */


/* a request being written */
typedef struct {
    const ai_target_t   *target;
    const ai_request_t  *rq;
    ai_buf_t            *b;
    ai_dropped_t        *dropped;
    ai_error_t          *err;
    const ai_turn_t     *said;      /* the assistant's turn written last */
    ai_json_t            doc;       /* arguments of custom calls */
    uint32_t             quirks;
    uint32_t             items;     /* written */
    unsigned             custom:1;  /* there is a custom tool */
} ai_rsp_build_t;


typedef enum {
    AI_RSP_UNKNOWN = 0,             /* not told yet */
    AI_RSP_MESSAGE,
    AI_RSP_REASONING,
    AI_RSP_CALL,
    AI_RSP_CUSTOM,
    AI_RSP_OTHER                    /* nothing for the client */
} ai_rsp_kind_e;


/* which of its two lists of texts reasoning is read from */
typedef enum {
    AI_RSP_NEITHER = 0,
    AI_RSP_SUMMARY,
    AI_RSP_CONTENT
} ai_rsp_list_e;


/* an item of an answer; its texts come in parts, one after the other */
typedef struct {
    int64_t            number;      /* "output_index" */
    ai_rsp_kind_e      kind;
    ai_rsp_list_e      list;        /* of REASONING */
    uint32_t           parts;       /* that were begun */
    uint64_t           sent;        /* characters of the last of them, or of
                                       a call's arguments */
    uint32_t           block;       /* of a call */
    unsigned           started:1;   /* a call: its block was */
    unsigned           args:1;      /* a call: some were sent */
    unsigned           done:1;
} ai_rsp_item_t;


/* the members of an event's root that most events are about */
typedef struct {
    ai_ref_t           type;
    ai_ref_t           output;      /* output_index */
    ai_ref_t           part;        /* content_index, summary_index */
    ai_ref_t           delta;
    ai_ref_t           logprobs;
} ai_rsp_root_t;


/* an answer being read; beside calls one block is open at a time */
typedef struct {
    ai_decoder_t       d;
    ai_rsp_root_t      root;        /* of the last event */
    ai_rsp_item_t     *items;
    uint32_t           nitems;
    uint32_t           nalloc;
    uint32_t           recent;      /* the item found last */
    uint32_t           blocks;      /* begun so far */
    ai_block_e         kind;        /* of the open block; 0: none */
    uint32_t           index;       /* ... its index */
    uint32_t           item;        /* ... of items */
    uint32_t           part;        /* ... of that item */
    uint64_t           chars;       /* of text, so far, ... */
    uint64_t           from;        /* ... and before the open block */
    uint32_t           unlike;      /* events in a row that were not like the
                                       one before */
    ai_buf_t           id;          /* of the answer */
    ai_usage_t         usage;
    unsigned           notes:1;     /* the open block has annotations */
    unsigned           tools:1;     /* a call was seen */
    unsigned           failed:1;    /* ERROR was sent */
} ai_rsp_t;


#pragma GCC visibility push(hidden)


/* the row's functions; vendors' rows may use them too */

void ai_rsp_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b);

ai_int_t ai_rsp_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err);

void ai_rsp_init(ai_decoder_t *d);
ai_int_t ai_rsp_stream(ai_decoder_t *d, const ai_sse_event_t *ev);
ai_int_t ai_rsp_end(ai_decoder_t *d);
ai_int_t ai_rsp_answer(ai_decoder_t *d, const ai_str_t *body);


/* writing */

/* the items of all turns; AI_OK, or AI_ERROR with u->err */
ai_int_t ai_rsp_input(ai_rsp_build_t *u);

ai_int_t ai_rsp_refuse(ai_rsp_build_t *u, const char *param,
    const char *message);

/* is that a custom tool of the request?  1 or 0 */
ai_int_t ai_rsp_is_custom(const ai_request_t *rq, const ai_esc_t *name);

/* ,"name": */
void ai_rsp_key(ai_buf_t *b, const char *name);


/*
 * Reading.  All return AI_OK, or AI_ERROR: no memory, the sink ended it, or
 * it is not what the API sends.
 */

/* the item of that number, made if there is none; NULL: AI_ERROR */
ai_rsp_item_t *ai_rsp_item(ai_rsp_t *r, int64_t number);

/* sets the kind if that is not known; 1 if the item is of it and goes on, or
 * 0 */
ai_int_t ai_rsp_item_is(ai_rsp_item_t *item, ai_rsp_kind_e kind);

/* an item that begins, and one that is told whole */
ai_int_t ai_rsp_item_added(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v);
ai_int_t ai_rsp_item_whole(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v);

/* "output" of an answer, and the kind of one of its items */
ai_int_t ai_rsp_output(ai_rsp_t *r, ai_ref_t list);
ai_rsp_kind_e ai_rsp_item_kind(const ai_rsp_t *r, ai_ref_t v);

/* a message's part, or a thought, told whole: what of it is new is sent */
ai_int_t ai_rsp_part_whole(ai_rsp_t *r, ai_rsp_item_t *item, uint32_t part,
    ai_ref_t v);
ai_int_t ai_rsp_thought_whole(ai_rsp_t *r, ai_rsp_item_t *item,
    ai_rsp_list_e list, uint32_t part, ai_ref_t text);

ai_int_t ai_rsp_text(ai_rsp_t *r, ai_rsp_item_t *item, ai_block_e kind,
    uint32_t part, const ai_esc_t *text);
ai_int_t ai_rsp_thought(ai_rsp_t *r, ai_rsp_item_t *item, ai_rsp_list_e list,
    uint32_t part, const ai_esc_t *text);

/* list: an array of Responses' logprobs, or anything else */
ai_int_t ai_rsp_logprobs(ai_rsp_t *r, const ai_rsp_item_t *item,
    uint32_t part, ai_ref_t list);
ai_int_t ai_rsp_annotation(ai_rsp_t *r, ai_rsp_item_t *item, uint32_t part,
    ai_ref_t note);

/* v has a call's name and id, or does not yet */
ai_int_t ai_rsp_call_start(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v);
ai_int_t ai_rsp_call_args(ai_rsp_t *r, ai_rsp_item_t *item,
    const ai_esc_t *args);
/* all of them: those that were not told before are sent */
ai_int_t ai_rsp_call_whole(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t args);
ai_int_t ai_rsp_call_stop(ai_rsp_t *r, ai_rsp_item_t *item);

/* what comes behind the characters of text that were sent */
ai_esc_t ai_rsp_rest(const ai_rsp_item_t *item, const ai_esc_t *text);

/* encrypted_content, if v is that */
ai_int_t ai_rsp_opaque(ai_rsp_t *r, ai_rsp_item_t *item, ai_ref_t v);

/* ends the open block, of whatever item and, with item, of that one only */
ai_int_t ai_rsp_close(ai_rsp_t *r, const ai_rsp_item_t *item);

void ai_rsp_event(ai_event_t *ev, ai_event_e type, ai_block_e kind,
    uint32_t index);
ai_int_t ai_rsp_emit(ai_rsp_t *r, const ai_event_t *ev);


#pragma GCC visibility pop


#endif /* AI_RESPONSES_UPSTREAM_INT_H */
