
/*
 * A chat request, whatever API it was written for: the superset of OpenAI
 * chat completions, Anthropic Messages and Gemini generateContent.
 *
 * A client dialect's decoder fills it, a provider's encoder writes it.  All
 * texts stay in the spelling of the client (ai_esc_t, ai_raw_t) and point into
 * its body, or are owned by the request's pool.  Numbers that are only carried
 * stay spelled (ai_raw_t); -1 means absent for the others.
 */

#ifndef AI_REQUEST_H
#define AI_REQUEST_H


#include <base/ai_error.h>
#include <codec/ai_json.h>


typedef enum {
    AI_BLOCK_TEXT = 1,      /* text */
    AI_BLOCK_IMAGE,         /* source, data, media, detail */
    AI_BLOCK_FILE,          /* source, data, media, name */
    AI_BLOCK_AUDIO,         /* source, data, media */
    AI_BLOCK_TOOL_CALL,     /* id, name, args, signature */
    AI_BLOCK_TOOL_RESULT,   /* id, content, is_error; name if known */
    AI_BLOCK_THINKING,      /* text, signature, family */
    AI_BLOCK_REDACTED,      /* data, family: thinking nobody may read */
    AI_BLOCK_REFUSAL        /* text */
} ai_block_e;


typedef enum {
    AI_SOURCE_NONE = 0,
    AI_SOURCE_BASE64,       /* data is base64, media its type */
    AI_SOURCE_URL,          /* data is a URL, not a data: one */
    AI_SOURCE_ID,           /* data is a file id at the provider */
    AI_SOURCE_TEXT          /* data is text, media text/plain or so */
} ai_source_e;


/* whose opaque state (signatures, redacted thinking) a block carries; state
 * of another family is dropped by the encoder */
typedef enum {
    AI_FAMILY_NONE = 0,
    AI_FAMILY_OPENAI,
    AI_FAMILY_ANTHROPIC,
    AI_FAMILY_GEMINI,
    AI_FAMILY_BEDROCK,      /* the API; the state is of its models' vendors */

    /* APIs alone: what goes through unchanged between a client and a provider
     * that both speak it; never the family of a block */
    AI_FAMILY_RESPONSES,
    AI_FAMILY_COMPLETIONS,
    AI_FAMILY_OLLAMA,
    AI_FAMILY_COHERE
} ai_family_e;


typedef struct ai_block_s  ai_block_t;

struct ai_block_s {
    ai_block_t        *next;
    ai_block_e         kind;
    ai_source_e        source;
    ai_family_e        family;      /* of signature or data */
    ai_esc_t           text;
    ai_esc_t           id;          /* the call's id, as the client has it */
    ai_esc_t           name;        /* tool or file name */
    ai_raw_t           args;        /* JSON text of an object; never empty
                                       for a TOOL_CALL ("{}") */
    ai_esc_t           signature;
    ai_esc_t           data;
    ai_str_t           media;       /* plain, "image/png" */
    ai_esc_t           detail;
    ai_block_t        *content;     /* TOOL_RESULT: TEXT, IMAGE, FILE */
    ai_raw_t           cache_mark;  /* cache_control object, or absent */
    unsigned           is_error:1;
};


typedef enum {
    AI_ROLE_SYSTEM = 1,             /* system and developer */
    AI_ROLE_USER,                   /* tool results are user blocks too */
    AI_ROLE_ASSISTANT
} ai_role_e;


typedef struct ai_turn_s  ai_turn_t;

struct ai_turn_s {
    ai_turn_t         *next;
    ai_role_e          role;
    ai_esc_t           name;        /* of the speaker, or absent */
    ai_block_t        *blocks;      /* may be NULL */
};


typedef struct ai_tool_s  ai_tool_t;

struct ai_tool_s {
    ai_tool_t         *next;
    ai_esc_t           name;
    ai_esc_t           space;       /* the namespace that name begins with,
                                       two underscores behind it, or absent */
    ai_esc_t           description;
    ai_raw_t           schema;      /* JSON schema, or absent */
    ai_raw_t           cache_mark;
    int                strict;      /* 1, 0, -1 not said */
    unsigned           custom:1;    /* takes plain text: the schema has one
                                       string, "input" */
};


typedef enum {
    AI_CHOICE_UNSET = 0,
    AI_CHOICE_AUTO,
    AI_CHOICE_NONE,
    AI_CHOICE_REQUIRED,
    AI_CHOICE_NAMED                 /* choice_name */
} ai_choice_e;


typedef enum {
    AI_OUTPUT_TEXT = 0,
    AI_OUTPUT_JSON,                 /* any JSON object */
    AI_OUTPUT_SCHEMA                /* output_schema */
} ai_output_e;


typedef enum {
    AI_EFFORT_UNSET = 0,
    AI_EFFORT_NONE,
    AI_EFFORT_MINIMAL,
    AI_EFFORT_LOW,
    AI_EFFORT_MEDIUM,
    AI_EFFORT_HIGH,
    AI_EFFORT_XHIGH,
    AI_EFFORT_MAX
} ai_effort_e;


typedef struct {
    ai_str_t           model;       /* plain, as the client wrote it */
    ai_turn_t         *turns;

    ai_tool_t         *tools;
    ai_choice_e        choice;
    ai_esc_t           choice_name;
    int                parallel;    /* 1, 0, -1 not said */

    ai_output_e        output;
    ai_esc_t           output_name;
    ai_esc_t           output_description;
    ai_raw_t           output_schema;
    int                output_strict;      /* 1, 0, -1 */

    ai_effort_e        effort;
    int64_t            budget;      /* thinking tokens; -1 unset, 0 off */
    int                thoughts;    /* show them: 1, 0, -1 not said */

    int64_t            max_output;  /* tokens, -1 */
    int64_t            n;           /* answers, -1 */
    ai_raw_t           temperature;
    ai_raw_t           top_p;
    ai_raw_t           top_k;
    ai_raw_t           seed;
    ai_raw_t           presence;
    ai_raw_t           frequency;
    ai_raw_t           logit_bias;
    int                logprobs;    /* 1, 0, -1 */
    int64_t            top_logprobs;       /* -1 */

    ai_esc_t          *stop;        /* stop[0 .. nstop - 1] */
    uint32_t           nstop;

    ai_esc_t           user;
    ai_raw_t           metadata;
    ai_esc_t           tier;

    unsigned           stream:1;
    unsigned           include_usage:1;
    unsigned           functions:1;        /* the deprecated functions form:
                                              answer with function_call */
} ai_request_t;


/* names of request fields that were left out on the way; for the header
 * x-ai-dropped-params and the log */

#define AI_DROPPED_MAX  16

typedef struct {
    ai_str_t           name[AI_DROPPED_MAX];
    uint32_t           n;
} ai_dropped_t;


#pragma GCC visibility push(hidden)


void ai_request_init(ai_request_t *rq);

ai_block_t *ai_block_add(const ai_pool_t *pool, ai_block_t ***tail,
    ai_block_e kind);

/* keeps name once; silently full after AI_DROPPED_MAX */
void ai_dropped_add(ai_dropped_t *d, const char *name);

/* the same for a client's own field name, which is kept, not copied; one that
 * is not a plain word of at most 64 bytes is kept as "unknown" */
void ai_dropped_add_str(ai_dropped_t *d, const ai_str_t *name);

/* section 3 of the mapping: effort <-> thinking budget */
int64_t ai_effort_budget(ai_effort_e effort);
ai_effort_e ai_budget_effort(int64_t budget);
ai_effort_e ai_effort_parse(const ai_str_t *s);     /* UNSET: unknown word */


#pragma GCC visibility pop


#endif /* AI_REQUEST_H */
