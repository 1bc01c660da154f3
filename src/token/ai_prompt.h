
/*
 * How many tokens a request and its answer are, for the model that it goes to:
 * the texts by the model's vocabulary or the nearest that is known, and what
 * its vendor adds for roles, names, tools and images.
 */

#ifndef AI_PROMPT_H
#define AI_PROMPT_H


#include <api/ai_call.h>
#include <api/ai_event.h>
#include <token/ai_tokenizer.h>


typedef enum {
    AI_VENDOR_OTHER = 0,
    AI_VENDOR_OPENAI,
    AI_VENDOR_ANTHROPIC,
    AI_VENDOR_GEMINI,
    AI_VENDOR_MISTRAL,
    AI_VENDOR_QWEN,
    AI_VENDOR_LLAMA,
    AI_VENDOR_DEEPSEEK,
    AI_VENDOR_COHERE,
    AI_VENDOR_XAI,
    AI_VENDOR_AMAZON
} ai_vendor_e;


/* what is known of a model by its name */
typedef struct {
    ai_vendor_e        vendor;
    ai_str_t           tokenizer;   /* a name for ai_tokenizer_open() */
    uint32_t           factor;      /* of that tokenizer's count of texts,
                                       1024 is 1: what is usual */
    uint16_t           frame;       /* what stands around texts, and ... */
    uint16_t           images;      /* ... what an image is: ai_prompt_int.h */
    unsigned           exact:1;     /* it is the model's own vocabulary */
} ai_token_model_t;


/* a text that waits to be counted */
typedef struct {
    ai_str_t           text;
    uint8_t            kind;        /* how it is spelled: ai_prompt_int.h */
} ai_piece_t;

#define AI_PROMPT_PIECES  16


/* a prompt on its way to be counted, some bytes at a time */
typedef struct {
    const ai_token_model_t  *model;
    const ai_request_t *rq;
    ai_counter_t       counter;
    int64_t            overhead;    /* roles, tools, images: not texts */
    int64_t            tokens;      /* the result */
    unsigned           responses:1; /* set by the caller once initialised:
                                       it goes to OpenAI's Responses API */

    /* where the walk is */
    const ai_turn_t   *turn;
    const ai_turn_t   *fresh;       /* from here on thinking counts */
    const ai_block_t  *block;
    const ai_block_t  *inner;       /* in block's content */
    const ai_tool_t   *tool;
    const ai_call_t   *call;        /* no chat: rq is NULL */
    const ai_input_t  *input;
    const ai_document_t  *document;
    unsigned           asked;       /* how far a rerank's query is */
    ai_piece_t         piece[AI_PROMPT_PIECES];
    unsigned           npieces;
    unsigned           current;     /* of them */
    size_t             offset;      /* in its text */
    unsigned           step;
    unsigned           state;       /* of a JSON text that is spaced */
    ai_json_t          doc;         /* of a tool's schema */
    unsigned           alone:1;     /* there is no system message */
    unsigned           takes:1;     /* a tool takes something */
} ai_prompt_t;


/* an answer, as its events come */
typedef struct {
    const ai_token_model_t  *model;
    ai_counter_t       counter;
    int64_t            overhead;
    uint32_t           choice;      /* whose text is in the counter */
    uint32_t           index;
    uint32_t           calls;
    uint64_t           said;        /* a bit a choice, the first 64: had a
                                       text that came without events */
    uint64_t           bytes;       /* of text, as it came */
    int64_t            known;       /* tokens when last counted ... */
    uint64_t           at;          /* ... at this many bytes */
    unsigned           any:1;       /* anything came */
} ai_output_t;


#pragma GCC visibility push(hidden)


/*
 * The model by its name, as providers spell it: "gpt-4o-2024-08-06",
 * "openai/gpt-oss-120b", "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
 * "claude-sonnet-4-5@20250929", "models/gemini-2.5-pro", "Qwen/Qwen3-32B".
 * Always something: an unknown name counts as OTHER by o200k_base.
 */
void ai_token_model(const ai_str_t *name, ai_token_model_t *m);


/* t is the tokenizer for m, m and rq stay until the end */
void ai_prompt_init(ai_prompt_t *p, const ai_token_model_t *m,
    const ai_tokenizer_t *t, const ai_request_t *rq, const ai_pool_t *pool);

/*
 * Counts on, about so many bytes of text.  AI_AGAIN: not done; AI_OK:
 * p->tokens, at least 1 if there was anything; m->factor applied.
 */
ai_int_t ai_prompt_step(ai_prompt_t *p, size_t bytes);

/* the same for inputs of embeddings, query and documents of a rerank; and a
 * small one in one go */
void ai_prompt_init_call(ai_prompt_t *p, const ai_token_model_t *m,
    const ai_tokenizer_t *t, const ai_call_t *call, const ai_pool_t *pool);
int64_t ai_prompt_call(const ai_token_model_t *m, const ai_tokenizer_t *t,
    const ai_call_t *call, const ai_pool_t *pool);


void ai_output_init(ai_output_t *o, const ai_token_model_t *m,
    const ai_tokenizer_t *t, const ai_pool_t *pool);

/* text, thinking, refusals, names and arguments of calls count; the rest is
 * ignored */
void ai_output_event(ai_output_t *o, const ai_event_t *ev);

/* the same for a piece of text that comes without an event */
void ai_output_text(ai_output_t *o, uint32_t choice, uint32_t index,
    const ai_esc_t *text);

/* so far, factor applied; never 0 when anything came */
int64_t ai_output_tokens(const ai_output_t *o);

/* are they n or more?  1 or 0; to be asked behind every event: it is counted
 * only where it may be so */
ai_int_t ai_output_reaches(ai_output_t *o, int64_t n);


#pragma GCC visibility pop


#endif /* AI_PROMPT_H */
