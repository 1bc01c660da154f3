
/*
 * What the readers of OpenAI-shaped answers share: the words and numbers of
 * many vendors, read tolerantly.
 */

#ifndef AI_OPENAI_WIRE_INT_H
#define AI_OPENAI_WIRE_INT_H


#include <provider/ai_provider.h>


/* events are small; whole answers may carry logprobs of every token */
#define AI_WIRE_EVENT_NODES   65536
#define AI_WIRE_ANSWER_NODES  4000000

#define AI_WIRE_CHOICES       128


/*
 * The key of a member against a literal, without a call: for loops that run
 * once an event.  A key with escapes takes the slow way.
 */
#define ai_wire_key(doc, k, lit)                                              \
    ((doc)->node[k].escaped ? ai_json_is(doc, k, lit)                         \
     : ((doc)->node[k].len == sizeof(lit) + 1                                 \
        && memcmp((doc)->text + (doc)->node[k].off + 1, lit,                  \
                  sizeof(lit) - 1) == 0))


/*
 * How a member of a usage is to be read.  A list of modalities goes into two
 * fields that stand together, audio and image, as an audio's offset tells.
 */
typedef enum {
    AI_WIRE_SET = 0,        /* a number */
    AI_WIRE_WEAK,           /* unless there is one */
    AI_WIRE_SUM,            /* added to what there is */
    AI_WIRE_SECONDS,        /* to be milliseconds */
    AI_WIRE_MODALITIES,     /* [{"modality": "AUDIO", "tokenCount": 1}] */
    AI_WIRE_TIER
} ai_wire_how_e;


/* one of them; the object "inside" it has more */

typedef struct ai_wire_name_s  ai_wire_name_t;

struct ai_wire_name_s {
    const char            *name;
    size_t                 len;
    size_t                 field;
    ai_wire_how_e          how;
    const ai_wire_name_t  *inside;
};


#define ai_wire_count(name, field, how)                                       \
    { name, sizeof(name) - 1, offsetof(ai_usage_t, field), how, NULL }

#define ai_wire_inside(name, names)                                           \
    { name, sizeof(name) - 1, 0, AI_WIRE_SET, names }

#define ai_wire_end  { NULL, 0, 0, AI_WIRE_SET, NULL }


#pragma GCC visibility push(hidden)


extern const ai_json_limits_t  ai_wire_event_limits;
extern const ai_json_limits_t  ai_wire_answer_limits;


/* is data exactly [DONE], blanks around it aside?  1 or 0 */
ai_int_t ai_wire_done(const ai_str_t *data);

/* does the value of an "error" member
 * report one: not null, false or ""?  1 or 0 */
ai_int_t ai_wire_is_error(const ai_json_t *doc, ai_ref_t error);

/* id, model and time of an answer, for its START; empty ones are none */
void ai_wire_start(const ai_json_t *doc, ai_ref_t answer, ai_ref_t created,
    ai_event_t *ev);

/* a finish reason of any vendor; NONE for null, "" and absent, STOP for a
 * word nobody knows */
ai_finish_e ai_wire_finish(const ai_json_t *doc, ai_ref_t v);

/* all numbers of an object that the table names, in one walk: a usage that
 * comes with every chunk costs every time */
void ai_wire_counts(const ai_json_t *doc, ai_ref_t object,
    const ai_wire_name_t *names, ai_usage_t *u);

/* adds what a usage object says to u, with the vendor's arithmetic undone */
void ai_wire_usage(const ai_provider_t *provider, const ai_json_t *doc,
    ai_ref_t usage, ai_usage_t *u);

/* what a vendor calls the price it takes; a word nobody knows, and none, are
 * STANDARD, and leave what there is */
ai_tier_e ai_wire_tier(const ai_json_t *doc, ai_ref_t v);
void ai_wire_tier_set(const ai_json_t *doc, ai_ref_t v, ai_usage_t *u);

/* usage wherever this chunk or answer has it: usage, x_groq.usage,
 * choices[0].usage; 1 if there was any.  The tier beside it too */
ai_int_t ai_wire_usage_any(const ai_provider_t *provider,
    const ai_json_t *doc, ai_usage_t *u);

/* n letters and digits that depend on nothing but the bytes of s */
void ai_wire_token(ai_buf_t *b, const ai_str_t *s, size_t n);

/*
 * A tool call's id as the vendor can take it: itself, or letters and digits
 * derived from it, the same for the call and for its result.  Appends
 * without quotes.
 */
void ai_wire_tool_id(ai_buf_t *b, uint32_t quirks, const ai_esc_t *id);
ai_int_t ai_wire_tool_id_ok(uint32_t quirks, const ai_esc_t *id);

/* "name" of a JSON schema, which they all want, and "description" */
void ai_wire_output_name(ai_buf_t *b, const ai_request_t *rq);


/* the rows' functions */
ai_int_t ai_upstream_build(const ai_target_t *t, const ai_request_t *rq,
    const ai_pool_t *pool, ai_buf_t *body, ai_dropped_t *dropped,
    ai_error_t *err);

#define AI_UPSTREAM_SIZE  ((size_t) 16384)

void ai_upstream_init(ai_decoder_t *d);
ai_int_t ai_upstream_stream(ai_decoder_t *d, const ai_sse_event_t *ev);
ai_int_t ai_upstream_end(ai_decoder_t *d);
ai_int_t ai_upstream_answer(ai_decoder_t *d, const ai_str_t *body);


#pragma GCC visibility pop


#endif /* AI_OPENAI_WIRE_INT_H */
