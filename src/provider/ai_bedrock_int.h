
/*
 * Amazon Bedrock's Converse API: what its files share.
 *
 *   ai_provider_bedrock.c   the row, models, names and ids
 *   ai_bedrock_build.c      a request
 *   ai_bedrock_block.c      the blocks of its messages
 *   ai_bedrock_tools.c      toolConfig
 *   ai_bedrock_tune.c       inferenceConfig and what single models take
 *   ai_bedrock_decode.c     answers, whole and streamed
 *   ai_bedrock_content.c    the blocks of an answer
 *
 * Thinking.  Only Claude signs it.  Its signatures are good at Anthropic, at
 * Bedrock and elsewhere alike, so they are of AI_FAMILY_ANTHROPIC here too,
 * and a conversation may move from one to the other.  Redacted thinking is
 * Anthropic's text in base64 once more; our events have Anthropic's own.
 */

#ifndef AI_BEDROCK_INT_H
#define AI_BEDROCK_INT_H


#include <provider/ai_anthropic_int.h>


#define AI_BEDROCK_NAME_MAX    64
#define AI_BEDROCK_ID_MAX      64
#define AI_BEDROCK_TOKENS_TOP  1000000000


/* Converse is one API, but what stands in additionalModelRequestFields, cache
 * points and some blocks are the model's own */
typedef enum {
    AI_BEDROCK_OTHER = 0,
    AI_BEDROCK_CLAUDE,
    AI_BEDROCK_NOVA,
    AI_BEDROCK_NOVA2,               /* reasoningConfig */
    AI_BEDROCK_EFFORT,              /* reasoning_effort: gpt-oss, Qwen,
                                       DeepSeek V3 */
    AI_BEDROCK_UNKNOWN              /* an ARN that does not say */
} ai_bedrock_model_e;


/* a request being written */
typedef struct {
    const ai_request_t  *rq;
    const ai_target_t  *t;
    ai_bedrock_model_e  model;
    ai_anthropic_plan_t  plan;      /* made for every model */
    ai_buf_t          *b;
    ai_buf_t           scratch;
    ai_json_t          doc;         /* schemas, marks, metadata */
    ai_dropped_t      *dropped;
    ai_error_t        *err;
    const ai_block_t  *tail;        /* the text that may not end in blanks */
    unsigned           documents;   /* written so far */
    unsigned           fields;      /* additionalModelRequestFields so far */
    unsigned           modern:1;    /* Claude 4.5 and later, or new names */
    unsigned           cache:1;     /* takes cache points */
    unsigned           made_up:1;   /* tools are of the history only */
} ai_bedrock_build_t;


/* an answer being read; one block is open at a time */
typedef struct {
    ai_decoder_t       d;
    ai_buf_t           held;        /* citations of the open block, each ended
                                       by a NUL */
    int64_t            number;      /* of the open block, at Bedrock */
    int64_t            skipped;     /* the block that is none of ours, or -1 */
    uint32_t           index;       /* of the open block, in our events */
    uint32_t           blocks;      /* given to the sink so far */
    uint64_t           chars;       /* of text, so far, ... */
    uint64_t           from;        /* ... and where the open block began */
    ai_block_e         kind;        /* of the open block */
    unsigned           open:1;
    unsigned           tools:1;     /* a call was seen */
    unsigned           usage:1;     /* metadata was seen */
    unsigned           dead:1;      /* the provider reported an error */
} ai_bedrock_t;


#pragma GCC visibility push(hidden)


ai_bedrock_model_e ai_bedrock_model(const ai_str_t *model);

/*
 * A tool's name as the API takes it, appended.  A name outside
 * [a-zA-Z0-9_-]{1,64} gets '_' for each byte that does not fit, is cut to 55
 * bytes and ends in '_' and 8 hex digits of the SHA-256 of the name.
 */
void ai_bedrock_name(ai_buf_t *b, const ai_esc_t *name);

/* the tool of rq whose name became "name", or NULL; scratch is written over,
 * scratch->failed tells that memory was short */
const ai_esc_t *ai_bedrock_name_back(const ai_request_t *rq,
    const ai_esc_t *name, ai_buf_t *scratch);

/* a call's id, appended: outside [a-zA-Z0-9_.:-]{1,64} a hash of it */
void ai_bedrock_id(ai_buf_t *b, const ai_esc_t *id);


ai_int_t ai_bedrock_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err);

/* where in a message of that role a block stands, 1 to 3; 0: left out */
unsigned ai_bedrock_pass(const ai_bedrock_build_t *bb, ai_role_e role,
    const ai_block_t *blk);

/* AI_ERROR with bb->err: the block cannot be carried */
ai_int_t ai_bedrock_block(ai_bedrock_build_t *bb, ai_role_e role,
    const ai_block_t *blk);
void ai_bedrock_text(ai_bedrock_build_t *bb, const ai_block_t *blk);

/* ',' and a cache point, if mark is there and the model takes them */
void ai_bedrock_cache_point(ai_bedrock_build_t *bb, const ai_raw_t *mark);

/* toolConfig; before ai_bedrock_tune() */
ai_int_t ai_bedrock_tools(ai_bedrock_build_t *bb);

/* has the history a call? */
ai_int_t ai_bedrock_has_calls(const ai_bedrock_build_t *bb);

/* everything behind messages, system and tools */
void ai_bedrock_tune(ai_bedrock_build_t *bb);

/* fill bb->err; AI_ERROR */
ai_int_t ai_bedrock_refuse(ai_bedrock_build_t *bb, const char *message,
    const char *param);
ai_int_t ai_bedrock_invalid(ai_bedrock_build_t *bb, const char *message,
    const char *param);


void ai_bedrock_init(ai_decoder_t *d);
ai_int_t ai_bedrock_stream(ai_decoder_t *d, const ai_sse_event_t *ev);
ai_int_t ai_bedrock_stream_end(ai_decoder_t *d);
ai_int_t ai_bedrock_answer(ai_decoder_t *d, const ai_str_t *body);


/* events of a stream; root is the event's object */
ai_int_t ai_bedrock_block_start(ai_bedrock_t *a, ai_ref_t root);
ai_int_t ai_bedrock_block_delta(ai_bedrock_t *a, ai_ref_t root);
ai_int_t ai_bedrock_block_stop(ai_bedrock_t *a, ai_ref_t root);

/* an array of whole blocks */
ai_int_t ai_bedrock_content(ai_bedrock_t *a, ai_ref_t content);

/* START, unless it was sent */
ai_int_t ai_bedrock_start(ai_bedrock_t *a);

/* ends the open block, if one is */
ai_int_t ai_bedrock_close(ai_bedrock_t *a);

void ai_bedrock_event(ai_event_t *ev, ai_event_e type);
ai_int_t ai_bedrock_emit(ai_bedrock_t *a, const ai_event_t *ev);


#pragma GCC visibility pop


#endif /* AI_BEDROCK_INT_H */
