
/*
 * What the files of the Gemini provider share.
 */

#ifndef AI_GEMINI_INT_H
#define AI_GEMINI_INT_H


#include <provider/ai_provider.h>


/* what a model's name says of it */
typedef struct {
    int                version;     /* 150, 200, 250, 300; 0: not said */
    unsigned           flash:1;
    unsigned           lite:1;
    unsigned           latest:1;    /* an alias of whatever is newest */
} ai_gemini_model_t;


/* writes the arguments of a call that arrives as (path, value) pairs */

#define AI_GEMINI_ARGS_PATH   1024
#define AI_GEMINI_ARGS_DEPTH  32

typedef struct {
    uint16_t           off;         /* of a member's name in the path */
    uint16_t           len;
    uint8_t            element;     /* an array's element: no name */
} ai_gemini_step_t;

typedef struct {
    ai_char_t          path[AI_GEMINI_ARGS_PATH];
    ai_gemini_step_t   step[AI_GEMINI_ARGS_DEPTH];
    uint32_t           n;           /* steps to the last value */
    unsigned           any:1;       /* something was written */
    unsigned           string:1;    /* the last value's string is open */
} ai_gemini_args_t;


/* one answer of several */
typedef struct {
    uint32_t           next;        /* index of the next block */
    uint32_t           open;        /* index of the open one */
    uint32_t           searches;    /* in the web, for this one */
    ai_block_e         kind;        /* of the open block, 0: none */
    ai_finish_e        finish;
    unsigned           seen:1;
    unsigned           text:1;      /* had text; thoughts are none */
    unsigned           tools:1;
    unsigned           cited:1;
} ai_gemini_choice_t;


#define AI_GEMINI_CHOICES  8

typedef struct {
    ai_decoder_t       d;
    ai_gemini_choice_t choice[AI_GEMINI_CHOICES];
    ai_usage_t         usage;
    ai_gemini_args_t   args;
    uint32_t           args_choice; /* whose call args belong to */
    ai_buf_t           text;        /* reused for every event */
    unsigned           partial:1;   /* a call in pieces is open */
    unsigned           failed:1;    /* ERROR was sent */
} ai_gemini_decoder_t;


#pragma GCC visibility push(hidden)


void ai_gemini_model(const ai_str_t *name, ai_gemini_model_t *m);

/*
 * Appends a function's name as Gemini takes it, as the inside of a JSON
 * string: [A-Za-z_][A-Za-z0-9_.:-]{0,63} stays, anything else gets its bad
 * bytes replaced and a hash behind, the same each time.  tmp is scratch.
 */
void ai_gemini_name(ai_buf_t *b, ai_buf_t *tmp, const ai_esc_t *name);

/* the tool that ai_gemini_name() would have called so, or NULL */
const ai_tool_t *ai_gemini_tool(const ai_request_t *rq, ai_buf_t *tmp,
    const ai_esc_t *name);

ai_int_t ai_gemini_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err);

/*
 * A JSON schema as the subset of OpenAPI's that models before 2.5 read.  doc
 * is scratch.  AI_OK; AI_DECLINED: an object without properties, nothing is
 * written; AI_ERROR: no memory (b->failed), or no schema, or it grows beyond
 * four times its size and 64 KB as its references are put in.
 */
ai_int_t ai_gemini_schema(ai_buf_t *b, ai_json_t *doc,
    const ai_raw_t *schema);

void ai_gemini_decoder_init(ai_decoder_t *d);
ai_int_t ai_gemini_stream(ai_decoder_t *d, const ai_sse_event_t *ev);
ai_int_t ai_gemini_stream_end(ai_decoder_t *d);
ai_int_t ai_gemini_answer(ai_decoder_t *d, const ai_str_t *body);

/*
 * A block of this kind is open afterwards: the one that is, if it can go on,
 * or a new one; ev NULL: nothing to say of it.  For a candidate's member v:
 * deltas of its text, what holds for its end, usage.
 */
ai_int_t ai_gemini_open(ai_gemini_decoder_t *g, uint32_t c, ai_block_e kind,
    ai_event_t *ev);
ai_int_t ai_gemini_delta(ai_gemini_decoder_t *g, uint32_t c,
    ai_delta_e delta, const ai_str_t *text);
ai_int_t ai_gemini_send(ai_gemini_decoder_t *g, ai_event_t *ev);

ai_int_t ai_gemini_grounding(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t v);
ai_int_t ai_gemini_logprobs(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t v);
void ai_gemini_finish_reason(ai_gemini_decoder_t *g, uint32_t c, ai_ref_t v);
ai_int_t ai_gemini_usage(ai_gemini_decoder_t *g, ai_ref_t v);

/* a "usageMetadata"; all -1 if there is none */
void ai_gemini_report(const ai_json_t *doc, ai_ref_t v, ai_usage_t *u);

void ai_gemini_args_start(ai_gemini_args_t *a);

/*
 * Adds the pieces of "partialArgs" to b, as JSON text that continues what was
 * added before.  tmp is scratch.  AI_ERROR: no such thing, or paths out of
 * order.
 */
ai_int_t ai_gemini_args_add(ai_gemini_args_t *a, const ai_json_t *doc,
    ai_ref_t partial, ai_buf_t *b, ai_buf_t *tmp);

/* closes what is open */
void ai_gemini_args_end(ai_gemini_args_t *a, ai_buf_t *b);


#pragma GCC visibility pop


#endif /* AI_GEMINI_INT_H */
