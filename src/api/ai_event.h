
/*
 * What a model says, as events: the one form between a provider's decoder and
 * a client's encoder.  A whole answer is the same events in one go.
 *
 *     START
 *       BLOCK_START kind ... DELTA* ... BLOCK_STOP     any number of blocks
 *     FINISH                                           once per choice
 *     USAGE                                            cumulative, last wins
 *     ERROR                                            instead of the rest
 *
 * Blocks of one choice may interleave (parallel tool calls of an OpenAI
 * stream do); a delta names its block by "index", unique within its choice.
 * All spans are valid during the call only.
 */

#ifndef AI_EVENT_H
#define AI_EVENT_H


#include <api/ai_request.h>


typedef enum {
    AI_EVENT_START = 1,     /* id, model, created */
    AI_EVENT_BLOCK_START,   /* choice, index, kind; id, name, signature for a
                               TOOL_CALL; data for REDACTED */
    AI_EVENT_DELTA,         /* choice, index, kind; text (args fragments of a
                               TOOL_CALL are text too), or one of the below */
    AI_EVENT_BLOCK_STOP,    /* choice, index, kind */
    AI_EVENT_FINISH,        /* choice, finish, stop_seq */
    AI_EVENT_USAGE,         /* usage */
    AI_EVENT_ERROR,         /* error */
    AI_EVENT_PING
} ai_event_e;


/* what the text of a delta is */
typedef enum {
    AI_DELTA_TEXT = 0,      /* of the block's kind */
    AI_DELTA_SIGNATURE,     /* text is (a piece of) the block's signature */
    AI_DELTA_LOGPROBS,      /* raw: OpenAI logprobs object */
    AI_DELTA_ANNOTATION     /* raw: one OpenAI annotation object */
} ai_delta_e;


typedef enum {
    AI_FINISH_NONE = 0,
    AI_FINISH_STOP,
    AI_FINISH_STOP_SEQ,
    AI_FINISH_LENGTH,
    AI_FINISH_CONTEXT,
    AI_FINISH_TOOLS,
    AI_FINISH_FILTER,
    AI_FINISH_PAUSE,
    AI_FINISH_ERROR,
    AI_FINISH_BUDGET        /* ended here, api/ai_stop.h: of what is told to
                               the log, no event has it */
} ai_finish_e;


/* what a provider says it has billed the request as */
typedef enum {
    AI_TIER_STANDARD = 0,
    AI_TIER_BATCH,
    AI_TIER_FLEX,
    AI_TIER_PRIORITY
} ai_tier_e;


/*
 * Tokens; -1 not reported.  prompt includes cached, written, audio and image
 * tokens, completion includes reasoning, audio and image tokens, whatever the
 * provider's own arithmetic is.  All but tier are int64_t: ai_event.c goes
 * over them as an array.
 */
typedef struct {
    int64_t            prompt;
    int64_t            cached;
    int64_t            cache_write;        /* whatever its lifetime ... */
    int64_t            cache_write_1h;     /* ... of these, for an hour */
    int64_t            prompt_audio;       /* cached_audio included */
    int64_t            prompt_image;       /* cached_image included */
    int64_t            cached_audio;       /* cached includes these two */
    int64_t            cached_image;
    int64_t            completion;
    int64_t            reasoning;
    int64_t            completion_audio;
    int64_t            completion_image;
    int64_t            total;       /* -1: prompt + completion */

    /* what is billed by other units */
    int64_t            searches;    /* web searches made, rerank units */
    int64_t            images;      /* made */
    int64_t            characters;  /* spoken */
    int64_t            milliseconds;       /* heard */

    /* what is billed, where that is less than what was read and written */
    int64_t            billed_prompt;
    int64_t            billed_completion;

    ai_tier_e          tier;
} ai_usage_t;


typedef struct {
    ai_event_e         type;
    uint32_t           choice;
    uint32_t           index;
    ai_block_e         kind;
    ai_delta_e         delta;
    ai_esc_t           text;
    ai_raw_t           raw;
    ai_esc_t           id;
    ai_esc_t           name;
    ai_esc_t           signature;
    ai_esc_t           data;
    ai_family_e        family;      /* of signature and data */
    ai_esc_t           model;
    int64_t            created;     /* Unix seconds, 0 unknown */
    ai_finish_e        finish;
    ai_esc_t           stop_seq;
    const ai_usage_t  *usage;
    const ai_error_t  *error;
} ai_event_t;


/* takes one event; AI_OK to go on, AI_ERROR ends the decoding */
typedef ai_int_t (*ai_event_pt)(void *data, const ai_event_t *ev);

typedef struct {
    ai_event_pt        event;
    void              *data;
} ai_sink_t;


#pragma GCC visibility push(hidden)


void ai_usage_init(ai_usage_t *u);                   /* all -1 */

/* later reports win, field by field; absent fields stay */
void ai_usage_merge(ai_usage_t *u, const ai_usage_t *with);

ai_int_t ai_usage_eq(const ai_usage_t *a, const ai_usage_t *b);  /* 1 or 0 */

/* completes total, clamps nonsense (negative, above 1e12) to -1, and parts to
 * what they are part of */
void ai_usage_normalise(ai_usage_t *u);

/* "stop", "length", "tool_calls", "content_filter", as OpenAI says it */
ai_str_t ai_finish_name(ai_finish_e finish);

/* characters of a text, as annotations count them: an escape is one, the
 * second half of a pair none */
uint64_t ai_esc_chars(const ai_esc_t *s);


#pragma GCC visibility pop


#endif /* AI_EVENT_H */
