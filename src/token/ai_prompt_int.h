
/*
 * What the files share that count prompts.
 *
 *   ai_prompt.c          the walk over a request, in slices
 *   ai_prompt_frame.c    what vendors put around texts, as a table
 *   ai_prompt_tools.c    tools, as models are told of them
 *   ai_prompt_media.c    images, files and sound
 *   ai_prompt_call.c     embeddings and rerank
 */

#ifndef AI_PROMPT_INT_H
#define AI_PROMPT_INT_H


#include <token/ai_prompt.h>


/* how a piece is spelled */
typedef enum {
    AI_PIECE_PLAIN = 0,
    AI_PIECE_ESC,
    AI_PIECE_COMPACT,       /* a JSON text without blanks */
    AI_PIECE_SPACED,        /* ... with one after each comma and colon, as
                               Python prints it */
    AI_PIECE_BREAK          /* a text ends here */
} ai_piece_e;


/* ai_token_model_t.frame */
typedef enum {
    AI_FRAME_OTHER = 0,
    AI_FRAME_PLAIN,         /* a text that is continued, no chat */
    AI_FRAME_OPENAI,
    AI_FRAME_OPENAI_REASONING,
    AI_FRAME_OPENAI_5,
    AI_FRAME_HARMONY,
    AI_FRAME_ANTHROPIC,
    AI_FRAME_ANTHROPIC_3,
    AI_FRAME_ANTHROPIC_5,
    AI_FRAME_GEMINI,
    AI_FRAME_MISTRAL,
    AI_FRAME_MISTRAL_SMALL,
    AI_FRAME_QWEN,
    AI_FRAME_QWEN_2,
    AI_FRAME_QWEN_CODER,
    AI_FRAME_LLAMA,
    AI_FRAME_LLAMA_31,
    AI_FRAME_LLAMA_4,
    AI_FRAME_DEEPSEEK,
    AI_FRAME_DEEPSEEK_R1,
    AI_FRAME_DEEPSEEK_4,
    AI_FRAME_COHERE,
    AI_FRAME_COHERE_7B,
    AI_FRAME_XAI,
    AI_FRAME_NOVA,
    AI_FRAME_NOVA_2,
    AI_FRAME_GLM,
    AI_FRAME_MINIMAX,
    AI_FRAME_N
} ai_frame_e;


/* ai_token_model_t.images */
typedef enum {
    AI_IMAGES_OTHER = 0,
    AI_IMAGES_OPENAI,
    AI_IMAGES_OPENAI_4O_MINI,
    AI_IMAGES_OPENAI_5,
    AI_IMAGES_OPENAI_O1,
    AI_IMAGES_OPENAI_COMPUTER,
    AI_IMAGES_OPENAI_PATCH_162,     /* patches, and their price in 1/100 */
    AI_IMAGES_OPENAI_PATCH_172,
    AI_IMAGES_OPENAI_PATCH_246,
    AI_IMAGES_ANTHROPIC,
    AI_IMAGES_GEMINI,
    AI_IMAGES_GEMINI_3,
    AI_IMAGES_MISTRAL,
    AI_IMAGES_PIXTRAL,
    AI_IMAGES_QWEN,
    AI_IMAGES_LLAMA,
    AI_IMAGES_COHERE,
    AI_IMAGES_XAI,
    AI_IMAGES_AMAZON,
    AI_IMAGES_N
} ai_images_e;


/* how tools are told */
typedef enum {
    AI_TOOLS_JSON = 0,      /* as OpenAI's API has them, in JSON */
    AI_TOOLS_TYPESCRIPT,    /* a namespace of functions */
    AI_TOOLS_SCHEMA         /* name, description and the schema's words */
} ai_tools_e;


/* tokens that are no text of the request, and how it is put together */
typedef struct {
    int16_t            begin;       /* of every prompt ... */
    int16_t            alone;       /* ... and of one without a system
                                       message */
    int16_t            prime;       /* for the answer to begin */
    int16_t            system;      /* a message of that role ... */
    int16_t            user;
    int16_t            assistant;
    int16_t            call;        /* a call of a tool ... */
    int16_t            result;      /* ... and what came of it */
    int16_t            name;        /* of who speaks */
    int16_t            tools;       /* there are any ... */
    int16_t            bare;        /* ... and no system message */
    int16_t            idle;        /* ... none of which takes anything */
    int16_t            forced;      /* ... and one has to be called */
    int16_t            chat;        /* ... not in OpenAI's Responses API */
    int16_t            tool;        /* each of them */
    int16_t            thinking;    /* there is a budget for it */
    int16_t            schema;      /* of the answer: -1 does not count */

    /* of an answer */
    int16_t            says;        /* a text ... */
    int16_t            thinks;      /* ... or what was thought */
    int16_t            calls_one;   /* a call ... */
    int16_t            calls_more;  /* ... and each, if there are several */

    ai_tools_e         form;
    unsigned           calls:1;     /* calls are messages of their own, with
                                       arguments as they are spelled */
    unsigned           named:1;     /* a result repeats the tool's name */
    unsigned           spaced:1;    /* arguments are as Python prints them */
    unsigned           defaults:1;  /* of TypeScript: values are told */
    unsigned           thoughts:1;  /* of earlier answers are not left out */
    unsigned           untold:1;    /* tools are not told when none may be
                                       called */
} ai_frame_t;


#pragma GCC visibility push(hidden)


extern const ai_frame_t  ai_frames[AI_FRAME_N];

const ai_frame_t *ai_prompt_frame(const ai_token_model_t *m);


/* puts a text in line; one that has no room is left out */
void ai_prompt_put(ai_prompt_t *p, ai_piece_e kind, const ai_str_t *text);
#define ai_prompt_lit(p, s)                                                   \
    ai_prompt_put(p, AI_PIECE_PLAIN, &ai_lit(s))

/* the next input of a call: puts its texts in line, *looked at bytes beside
 * them; AI_DONE: there is none */
ai_int_t ai_prompt_walk_call(ai_prompt_t *p, size_t *looked);

/* the text ends, another begins */
void ai_prompt_break(ai_prompt_t *p);

/* what stands before all tools, one of them, and behind them; the bytes that
 * were looked at beside those in line */
void ai_prompt_tools_begin(ai_prompt_t *p);
size_t ai_prompt_tool(ai_prompt_t *p, const ai_tool_t *tool);
void ai_prompt_tools_end(ai_prompt_t *p);

/* the same for a block that is no text */
size_t ai_prompt_media(ai_prompt_t *p, const ai_block_t *b);


#pragma GCC visibility pop


/* ends a text, if there is one */

static inline void
ai_prompt_end(ai_counter_t *c)
{
    if (ai_buf_len(&c->pending)) {
        ai_counter_break(c);
    }
}


#endif /* AI_PROMPT_INT_H */
