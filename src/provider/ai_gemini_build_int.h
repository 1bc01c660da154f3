
/*
 * What is known while a request is written for Gemini.
 */

#ifndef AI_GEMINI_BUILD_INT_H
#define AI_GEMINI_BUILD_INT_H


#include <provider/ai_gemini_int.h>


/* a tool's result, in the list of its call */
typedef struct ai_gemini_result_s  ai_gemini_result_t;

struct ai_gemini_result_s {
    ai_gemini_result_t    *next;
    const ai_block_t      *block;
};


/* a call of the history */
typedef struct {
    const ai_block_t      *block;
    uint32_t               order;       /* its place among all calls */
    ai_gemini_result_t    *first;       /* results of one user turn */
    ai_gemini_result_t    *last;
} ai_gemini_call_t;


typedef struct {
    const ai_request_t    *rq;
    const ai_pool_t       *pool;
    ai_buf_t              *b;
    ai_buf_t               tmp;
    ai_json_t              doc;
    ai_dropped_t          *dropped;
    ai_error_t            *err;
    ai_gemini_model_t      model;

    ai_gemini_call_t      *call;        /* in their order */
    ai_gemini_call_t     **sorted;      /* by id, then in their order */
    ai_gemini_result_t    *result;
    uint32_t               ncalls;
    uint32_t               nresults;    /* used */
    uint32_t               past;        /* calls written so far */
    uint32_t               base;        /* the first of the last turn's */

    ai_role_e              role;        /* of the open content, 0: none */
    unsigned               called:1;    /* it has a functionCall */
    unsigned               joined:1;    /* base is of this content */
    unsigned               vertex:1;    /* no ids, any URL, labels */
} ai_gemini_build_t;


/* does it read OpenAPI schemas only? */
#define ai_gemini_is_old(m)  ((m)->version != 0 && (m)->version < 250)


#pragma GCC visibility push(hidden)


/* "contents":[...] and "systemInstruction" */
ai_int_t ai_gemini_contents(ai_gemini_build_t *g);

/* fills call, sorted and room for results; AI_ERROR: no memory */
ai_int_t ai_gemini_calls(ai_gemini_build_t *g);

/* the last call of that id that was written, or NULL; clients use ids again */
ai_gemini_call_t *ai_gemini_call(ai_gemini_build_t *g, const ai_esc_t *id);

/* an image, file or audio as the object of a part */
ai_int_t ai_gemini_is_media(const ai_block_t *block);            /* 1 or 0 */
ai_int_t ai_gemini_media(ai_gemini_build_t *g, const ai_block_t *block);

/* sets *err for "messages" */
ai_int_t ai_gemini_no(ai_gemini_build_t *g, ai_error_e kind,
    const char *message);


#pragma GCC visibility pop


#endif /* AI_GEMINI_BUILD_INT_H */
