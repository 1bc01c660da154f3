
/*
 * What the files of the Responses API share: reading a request, state that
 * clients carry for a provider, and the answer that is being written.
 */

#ifndef AI_RESPONSES_INT_H
#define AI_RESPONSES_INT_H


#include <api/ai_openai_int.h>
#include <api/ai_responses.h>


#define AI_RESPONSES_ITEMS_MAX  4096
#define AI_RESPONSES_KEPT_MAX   (64 * 1024 * 1024)

#define AI_ITEM_NONE            UINT32_MAX


/*
 * State for a provider, in the "encrypted_content" of a reasoning item: the
 * base64 of a JSON text
 *
 *     {"ai_blocks":[{"kind":"thinking","family":"anthropic","text":"...",
 *                    "opaque":"..."}, ...]}
 *
 * of which the base64 begins with the mark below.  "kind" is thinking,
 * redacted, call (then "id" is the call's) or text; "opaque" is a signature,
 * or the data of a redacted block.
 */

#define AI_RESPONSES_STATE       "{\"ai_blocks\":["
#define AI_RESPONSES_STATE_MARK  "eyJhaV9ibG9ja3Mi"


/* the fields that are read together, as the root has them */

typedef struct {
    ai_ref_t           tools;
    ai_ref_t           choice;
    ai_ref_t           instructions;
    ai_ref_t           input;       /* items of it may bring tools, too */
} ai_responses_refs_t;


/* an answer's output */

typedef enum {
    AI_ITEM_MESSAGE = 1,
    AI_ITEM_CALL,
    AI_ITEM_CUSTOM,
    AI_ITEM_REASONING
} ai_item_e;


typedef struct {
    ai_item_e          type;
    uint32_t           index;       /* of the block; not for a message */
    uint32_t           parts;       /* of a message: that are done; of
                                       reasoning: 1 with a summary */
    ai_block_e         kind;        /* of a message: its open part, or 0; of
                                       reasoning: THINKING, REDACTED, or what
                                       the signature in it belongs to */
    ai_family_e        family;      /* of opaque */
    uint32_t           notes;       /* annotations of the open part */
    uint64_t           before;      /* characters in parts before it */
    unsigned           stopped:1;   /* the block is over, the item waits for
                                       its status */
    unsigned           done:1;
    unsigned           cut:1;       /* "incomplete" */
    ai_buf_t           head;        /* id of a call, also of the one that a
                                       signature belongs to */
    ai_buf_t           name;        /* of a call */
    ai_esc_t           space;       /* its namespace, the request's, or
                                       absent */
    ai_buf_t           text;        /* arguments, thoughts, the open part */
    ai_buf_t           annotations; /* of the open part */
    ai_buf_t           logs;        /* logprobs of the open part */
    ai_buf_t           content;     /* the parts that are done; the input of
                                       a custom call */
    ai_buf_t           opaque;      /* signature or data */
} ai_item_t;


typedef struct {
    ai_reply_conf_t    conf;
    ai_buf_t          *out;
    const ai_pool_t   *pool;
    ai_esc_t           model;
    int64_t            created;
    ai_usage_t         usage;
    ai_finish_e        finish;
    const ai_error_t  *error;       /* while a failure is written */

    ai_item_t         *items;
    uint32_t           nitems;
    uint32_t           nalloc;
    uint32_t           first;       /* all items before it are done */
    uint32_t           message;     /* the open one, or AI_ITEM_NONE */
    uint32_t           recent;      /* the item found last */

    int64_t            seq;
    size_t             kept;        /* bytes, of all items */
    uint64_t           chars;       /* of text in parts that are done */
    ai_buf_t           text_head;   /* of a text delta, behind its number */
    ai_buf_t           scratch;
    ai_json_t          doc;

    unsigned           started:1;
    unsigned           finished:1;
    unsigned           failed:1;
    unsigned           ended:1;
} ai_responses_reply_t;


#pragma GCC visibility push(hidden)


/* reading a request; each returns AI_OK, or AI_ERROR with c->err */

ai_int_t ai_responses_read_tools(const ai_openai_ctx_t *c,
    const ai_responses_refs_t *refs, ai_request_t *rq,
    ai_dropped_t *dropped);

/*
 * Other APIs have no namespaces: their name of a tool in one is both, with two
 * underscores between.  space may be absent.
 */
ai_int_t ai_responses_name(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t space, ai_ref_t v,
    ai_esc_t *name);

ai_int_t ai_responses_read_input(const ai_openai_ctx_t *c, ai_ref_t input,
    ai_ref_t instructions, ai_request_t *rq);

/* a string or parts, the member "name" of up */
ai_int_t ai_responses_read_content(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v, unsigned allow,
    ai_block_t ***tail);


/* state in encrypted_content */

typedef struct {
    ai_block_e         kind;        /* THINKING, REDACTED, TOOL_CALL, TEXT */
    ai_family_e        family;
    ai_esc_t           id;
    ai_esc_t           text;
    ai_esc_t           opaque;
} ai_responses_state_t;

/* is this ours? 1 or 0 */
ai_int_t ai_responses_state_ours(const ai_esc_t *s);

/* appends the text of one block to b, in base64 */
void ai_responses_state_write(ai_buf_t *b, ai_buf_t *scratch,
    const ai_responses_state_t *st);

/*
 * AI_OK: doc is the text that was in s, its bytes owned by doc->pool, and the
 * ref of its list is in *list; AI_DECLINED: it cannot be read; AI_ERROR: no
 * memory.
 */
ai_int_t ai_responses_state_read(const ai_esc_t *s, ai_json_t *doc,
    ai_ref_t *list);

/* AI_OK, or AI_DECLINED: not one of ours */
ai_int_t ai_responses_state_get(const ai_json_t *doc, ai_ref_t v,
    ai_responses_state_t *st);


/* items of an answer that is being written */

/* before a block that ev starts: closes those that wait */
ai_int_t ai_responses_close_waiting(ai_responses_reply_t *r,
    const ai_event_t *ev);

/* tells the end of an item, once; cut: it is incomplete */
ai_int_t ai_responses_close(ai_responses_reply_t *r, uint32_t n,
    ai_int_t cut);

ai_int_t ai_responses_call_open(ai_responses_reply_t *r,
    const ai_event_t *ev);
ai_int_t ai_responses_reasoning_open(ai_responses_reply_t *r,
    const ai_event_t *ev);

/* the message that is being written, with a part of that kind open, or NULL */
ai_item_t *ai_responses_message_open(ai_responses_reply_t *r,
    ai_block_e kind);

/* the one whose block ev belongs to, if that is open, or NULL */
ai_item_t *ai_responses_item_find(ai_responses_reply_t *r,
    const ai_event_t *ev);

/* appends s to a buffer of an item, within the limit of the whole answer */
ai_int_t ai_responses_keep(ai_responses_reply_t *r, ai_buf_t *b,
    const ai_str_t *s);


/* the events of a stream; nothing is written for a JSON answer */

void ai_responses_ev_started(ai_responses_reply_t *r);
void ai_responses_ev_added(ai_responses_reply_t *r, const ai_item_t *item);
void ai_responses_ev_done(ai_responses_reply_t *r, const ai_item_t *item);
void ai_responses_ev_part_added(ai_responses_reply_t *r,
    const ai_item_t *item);
void ai_responses_ev_part_done(ai_responses_reply_t *r,
    const ai_item_t *item);
void ai_responses_ev_text(ai_responses_reply_t *r, const ai_item_t *item,
    const ai_esc_t *text);
void ai_responses_ev_logprobs(ai_responses_reply_t *r, const ai_item_t *item,
    const ai_raw_t *list);
void ai_responses_ev_annotation(ai_responses_reply_t *r,
    const ai_item_t *item, const ai_raw_t *note);
void ai_responses_ev_args(ai_responses_reply_t *r, const ai_item_t *item,
    const ai_esc_t *text);
void ai_responses_ev_args_done(ai_responses_reply_t *r,
    const ai_item_t *item);
void ai_responses_ev_error(ai_responses_reply_t *r, const ai_error_t *err);
void ai_responses_ev_end(ai_responses_reply_t *r, const char *status);


/* parts of the response object */

/* {code, message} */
void ai_responses_failure(ai_buf_t *b, const ai_error_t *err);

/* "msg_...", with quotes */
void ai_responses_item_id(const ai_responses_reply_t *r, ai_buf_t *b,
    const ai_item_t *item);

/* the open part of a message, or the summary of reasoning; filled 0: as it
 * is when it begins */
void ai_responses_part(ai_buf_t *b, const ai_item_t *item, ai_int_t filled);

void ai_responses_item(ai_responses_reply_t *r, ai_buf_t *b,
    const ai_item_t *item, ai_int_t filled);

/* status: in_progress, completed, incomplete, failed */
void ai_responses_object(ai_responses_reply_t *r, ai_buf_t *b,
    const char *status);

/* {"input_tokens": ...} */
void ai_responses_usage(ai_buf_t *b, const ai_usage_t *usage);

/* without the line ends that may stand between the tokens of a value */
void ai_responses_raw(ai_buf_t *b, const ai_raw_t *raw);

void ai_responses_quote_or_null(ai_buf_t *b, const ai_str_t *s);


#pragma GCC visibility pop


#endif /* AI_RESPONSES_INT_H */
