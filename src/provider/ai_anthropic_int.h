
/*
 * Anthropic's Messages API: what its files share.
 *
 *   ai_provider_anthropic.c   the row of ai_providers[]
 *   ai_anthropic_build.c      a request
 *   ai_anthropic_block.c      the blocks of its messages
 *   ai_anthropic_plan.c       limits, thinking and sampling by model
 *   ai_anthropic_name.c       tool names, call ids and user ids
 *   ai_anthropic_decode.c     answers, whole and streamed
 *   ai_anthropic_content.c    the blocks of an answer
 */

#ifndef AI_ANTHROPIC_INT_H
#define AI_ANTHROPIC_INT_H


#include <provider/ai_provider.h>


#define AI_ANTHROPIC_NAME_MAX    128
#define AI_ANTHROPIC_ID_MAX      64

#define AI_ANTHROPIC_MAX_TOKENS  4096   /* neither client nor table says */
#define AI_ANTHROPIC_MAX_NEW     32000  /* the same for models since 3.7 */
#define AI_ANTHROPIC_BUDGET_MIN  1024   /* the API's own floor */


/* what a client's {"type":"json_object"} becomes: the last system text */
#define AI_ANTHROPIC_JSON_HINT                                                \
    "Answer with one valid JSON object and nothing else: no prose, "          \
    "no Markdown fence."


typedef enum {
    AI_ANTHROPIC_THINK_OFF = 0,
    AI_ANTHROPIC_THINK_BUDGET,      /* {"type":"enabled","budget_tokens":n} */
    AI_ANTHROPIC_THINK_ADAPTIVE     /* {"type":"adaptive"}, output_config */
} ai_anthropic_think_e;


/* how one request goes to one model */
typedef struct {
    ai_anthropic_think_e  think;
    ai_effort_e        effort;      /* with ADAPTIVE */
    int64_t            budget;      /* with BUDGET */
    int64_t            max_tokens;
    ai_raw_t           temperature; /* absent: not sent */
    ai_raw_t           top_p;
    ai_raw_t           top_k;
    ai_choice_e        choice;
} ai_anthropic_plan_t;


/* a request being written */
typedef struct {
    const ai_request_t  *rq;
    ai_anthropic_plan_t  plan;
    ai_buf_t          *b;
    ai_buf_t           scratch;
    ai_json_t          doc;         /* schemas */
    ai_dropped_t      *dropped;
    ai_error_t        *err;
    const ai_block_t  *tail;        /* the text that may not end in blanks */
} ai_anthropic_build_t;


/* tokens as Anthropic counts them; -1 not reported */
typedef struct {
    int64_t            input;       /* without the two below */
    int64_t            written;     /* into the cache ... */
    int64_t            written_1h;  /* ... of these, for an hour */
    int64_t            read;        /* from the cache */
    int64_t            output;      /* with thinking */
    int64_t            thinking;
    int64_t            searches;
    ai_tier_e          tier;
} ai_anthropic_usage_t;


/* an answer being read; one block is open at a time */
typedef struct {
    ai_decoder_t       d;
    ai_buf_t           held;        /* of the open block: a call's input, or
                                       citations, each ended by a NUL */
    ai_anthropic_usage_t  usage;
    int64_t            number;      /* of the open block, at Anthropic */
    uint32_t           index;       /* of the open block, in our events */
    uint32_t           blocks;      /* given to the sink so far */
    uint64_t           chars;       /* of text, so far, ... */
    uint64_t           from;        /* ... and where the open block began */
    ai_block_e         kind;        /* of the open block; 0: skipped */
    ai_finish_e        finish;      /* known, but not sent yet */
    unsigned           open:1;
    unsigned           tools:1;     /* a call was seen */
    unsigned           dead:1;      /* the provider reported an error */
} ai_anthropic_t;


#pragma GCC visibility push(hidden)


/*
 * 100 * major + minor of a Claude model's name ("claude-sonnet-4-5-20250929",
 * "anthropic.claude-3-7-sonnet-v1:0", "claude-opus-4.6"); 0 if the name does
 * not say.
 */
unsigned ai_anthropic_version(const ai_str_t *model);

/* bare_loop: the history ends in calls and their results whose turn carries
 * no thinking that could be replayed */
void ai_anthropic_plan(const ai_target_t *t, const ai_request_t *rq,
    ai_int_t bare_loop, ai_anthropic_plan_t *plan, ai_dropped_t *dropped);


/*
 * A tool's name as the API takes it, appended.  A name outside
 * [a-zA-Z0-9_-]{1,128} gets '_' for each byte that does not fit, is cut to
 * 119 bytes and ends in '_' and 8 hex digits of the SHA-256 of the name: the
 * same name always gives the same result, different ones differ.
 */
void ai_anthropic_name(ai_buf_t *b, const ai_esc_t *name);

/*
 * The tool of rq whose name became "name", or NULL: there is none, "name" is
 * what the client called it.  scratch is written over; scratch->failed tells
 * that memory was short.
 */
const ai_esc_t *ai_anthropic_name_back(const ai_request_t *rq,
    const ai_esc_t *name, ai_buf_t *scratch);

/* a call's id, appended: outside [a-zA-Z0-9_-]{1,64} "call_" and 32 hex
 * digits of its SHA-256 */
void ai_anthropic_id(ai_buf_t *b, const ai_esc_t *id);

/* a user id, appended: the SHA-256 in hex unless it is a plain ASCII id that
 * can be neither a mail address nor a phone number */
void ai_anthropic_user(ai_buf_t *b, const ai_esc_t *user);


ai_int_t ai_anthropic_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err);

/* the same for hosts that have the model in the path and the version in the
 * body */
ai_int_t ai_anthropic_build_hosted(const ai_target_t *t,
    const ai_request_t *rq, const ai_str_t *version, const ai_pool_t *pool,
    ai_buf_t *body, ai_dropped_t *dropped, ai_error_t *err);

/*
 * Where in a message of that role a block stands, 1 to 3; 0: it is left out.
 * Thinking without Anthropic's own signature is refused there.
 */
unsigned ai_anthropic_pass(ai_role_e role, const ai_block_t *blk);

/* nothing but blanks: such texts and stop sequences are refused */
ai_int_t ai_anthropic_blank(const ai_esc_t *s);                  /* 1 or 0 */

/* AI_ERROR with ab->err: the block cannot be carried */
ai_int_t ai_anthropic_block(ai_anthropic_build_t *ab, ai_role_e role,
    const ai_block_t *blk);
void ai_anthropic_text(ai_anthropic_build_t *ab, const ai_block_t *blk);

/* the block's cache_control, if it has one, and the end of the object */
void ai_anthropic_cache_mark(ai_anthropic_build_t *ab, const ai_raw_t *mark);

/* fills ab->err; AI_ERROR */
ai_int_t ai_anthropic_refuse(ai_anthropic_build_t *ab, const char *message,
    const char *param);


void ai_anthropic_init(ai_decoder_t *d);
ai_int_t ai_anthropic_stream(ai_decoder_t *d, const ai_sse_event_t *ev);
ai_int_t ai_anthropic_stream_end(ai_decoder_t *d);
ai_int_t ai_anthropic_answer(ai_decoder_t *d, const ai_str_t *body);


/* events of a stream; root is the event's object */
ai_int_t ai_anthropic_block_start(ai_anthropic_t *a, ai_ref_t root);
ai_int_t ai_anthropic_block_delta(ai_anthropic_t *a, ai_ref_t root);
ai_int_t ai_anthropic_block_stop(ai_anthropic_t *a, ai_ref_t root);

/* an array of whole blocks; anything else is none */
ai_int_t ai_anthropic_content(ai_anthropic_t *a, ai_ref_t content);

/* START, unless it was sent; message may be AI_JSON_NONE */
ai_int_t ai_anthropic_start(ai_anthropic_t *a, ai_ref_t message);

/* ends the open block, if one is */
ai_int_t ai_anthropic_close(ai_anthropic_t *a);

/* sends ev as the start of the next block */
ai_int_t ai_anthropic_open_as(ai_anthropic_t *a, ai_block_e kind,
    ai_event_t *ev);

/* the text of the open block; nothing if v is empty or no string */
ai_int_t ai_anthropic_text_of(ai_anthropic_t *a, ai_ref_t v);

void ai_anthropic_event(ai_event_t *ev, ai_event_e type);
ai_int_t ai_anthropic_emit(ai_anthropic_t *a, const ai_event_t *ev);


#pragma GCC visibility pop


#endif /* AI_ANTHROPIC_INT_H */
