
/*
 * Operations beside chat that have one document for a request and one for an
 * answer: embeddings, rerank, counting tokens.
 *
 * A client's form (ai_form_t) decodes the request and writes the answer, a
 * provider's service (ai_service_t in ai_provider.h) the other two; between
 * them are ai_call_t and ai_result_t.  As in ai_request.h texts stay in the
 * spelling of whoever wrote them and point into the body, or are owned by the
 * pool; -1 means absent for numbers.
 */

#ifndef AI_CALL_H
#define AI_CALL_H


#include <api/ai_event.h>
#include <api/ai_peek.h>


typedef enum {
    AI_CALL_EMBED = 1,
    AI_CALL_RERANK,
    AI_CALL_COUNT
} ai_call_e;


/* embeddings */

typedef enum {
    AI_INPUT_TEXT = 1,      /* text */
    AI_INPUT_TOKENS,        /* tokens: JSON array of integers */
    AI_INPUT_IMAGE,         /* source, data, media as in ai_block_t */
    AI_INPUT_OTHER          /* raw: what the API of the family alone has */
} ai_input_e;


typedef struct ai_input_s  ai_input_t;

struct ai_input_s {
    ai_input_t        *next;
    ai_input_e         kind;
    ai_source_e        source;
    ai_esc_t           text;
    ai_raw_t           tokens;
    ai_esc_t           data;
    ai_str_t           media;       /* plain */
    ai_esc_t           title;       /* of a document, Gemini's */
    ai_raw_t           raw;
    ai_family_e        family;      /* of raw */
};


/* what a vector will be used for */
typedef enum {
    AI_PURPOSE_UNSET = 0,
    AI_PURPOSE_QUERY,
    AI_PURPOSE_DOCUMENT,
    AI_PURPOSE_CLASSIFICATION,
    AI_PURPOSE_CLUSTERING,
    AI_PURPOSE_SIMILARITY,
    AI_PURPOSE_QUESTION,            /* question answering */
    AI_PURPOSE_FACT,                /* fact verification */
    AI_PURPOSE_CODE,                /* code retrieval query */
    AI_PURPOSE_IMAGE
} ai_purpose_e;


/* how a vector is spelled */
typedef enum {
    AI_VECTOR_FLOAT = 0,            /* JSON array of numbers */
    AI_VECTOR_BASE64,               /* little-endian float32, base64 */
    AI_VECTOR_INT8,                 /* JSON arrays of integers */
    AI_VECTOR_UINT8,
    AI_VECTOR_BINARY,
    AI_VECTOR_UBINARY
} ai_vector_e;


typedef struct {
    ai_input_t        *inputs;
    uint32_t           n;
    ai_purpose_e       purpose;
    ai_vector_e        format;
    int64_t            dimensions;  /* -1 */
    int                truncate;    /* too long inputs: 1 cut, 0 refuse, -1 */
    ai_esc_t           user;
    const char        *input;       /* what the client calls these two, for */
    const char        *size;        /* errors: "input", "dimensions" */
    unsigned           single:1;    /* one input that was in no list */
    unsigned           cut_start:1; /* truncate 1: the start goes */
    unsigned           several:1;   /* other formats are wanted too, as
                                       Cohere's API alone has it */
} ai_embed_t;


/* rerank */

typedef struct ai_document_s  ai_document_t;

struct ai_document_s {
    ai_document_t     *next;
    ai_esc_t           text;        /* of a string, or its member "text" */
    ai_raw_t           spelled;     /* the whole value, string or object */
};


/* whose spelling the request has, and so the answer */
typedef enum {
    AI_RERANK_COHERE = 0,
    AI_RERANK_VOYAGE,               /* top_k; the answer has "data" */
    AI_RERANK_TEI                   /* texts; the answer is an array */
} ai_rerank_e;


typedef struct {
    ai_esc_t           query;
    ai_document_t     *documents;
    uint32_t           n;
    int64_t            top_n;       /* -1 all */
    int64_t            max_tokens;  /* of a document, -1 */
    ai_esc_t           instruction;
    ai_rerank_e        shape;
    int                truncate;    /* 1, 0, -1 */
    unsigned           return_documents:1;
    unsigned           raw_scores:1;       /* TEI: not through a sigmoid */
} ai_rerank_t;


typedef struct {
    ai_call_e          kind;
    ai_str_t           model;       /* plain, as the client wrote it */

    union {
        ai_embed_t     embed;
        ai_rerank_t    rerank;
        ai_request_t   chat;        /* whose tokens are counted */
    } u;
} ai_call_t;


/* the answer */

typedef struct {
    ai_vector_e        format;
    ai_raw_t           values;      /* as the provider spelled it: an array,
                                       or for BASE64 a string with quotes */
} ai_vector_t;


typedef struct {
    uint32_t           index;       /* of the document in the request */
    ai_raw_t           score;       /* a number, as spelled */
} ai_rank_t;


typedef struct {
    ai_call_e          kind;
    ai_usage_t         usage;
    int64_t            units;       /* search units billed, -1 */
    ai_esc_t           id;
    ai_esc_t           model;       /* empty: not said */
    ai_vector_t       *vectors;     /* EMBED: n in the order of the inputs */
    ai_rank_t         *ranks;       /* RERANK: n, best first */
    uint32_t           n;
    int64_t            tokens;      /* COUNT */
    int64_t            cached;      /* COUNT: of these, -1 */
} ai_result_t;


typedef struct {
    ai_str_t           id;          /* plain: for an answer that needs one and
                                       whose provider gave none; 29 letters
                                       and digits */
    ai_str_t           model;       /* plain: what to call the model when the
                                       provider does not say */
    int64_t            created;     /* now, Unix seconds */
} ai_call_conf_t;


/*
 * A client's form of a call.  decode: as ai_dialect_t's.  reply writes the
 * whole answer; vectors are brought to the format that was asked for.
 * AI_ERROR: no memory, or an answer that cannot be told in this form.
 */
typedef struct {
    ai_call_e          kind;

    ai_int_t         (*decode)(const ai_json_t *doc, const ai_peek_t *peek,
                         const ai_pool_t *pool, ai_call_t *call,
                         ai_dropped_t *dropped, ai_error_t *err);

    ai_int_t         (*reply)(const ai_call_t *call, const ai_result_t *res,
                         const ai_call_conf_t *conf, const ai_pool_t *pool,
                         ai_buf_t *out);
} ai_form_t;


#pragma GCC visibility push(hidden)


/* all absent: -1, empty, NULL */
void ai_call_init(ai_call_t *call, ai_call_e kind);
void ai_result_init(ai_result_t *res, ai_call_e kind);

/* Gemini's word for a purpose, "RETRIEVAL_QUERY", and Cohere's that is next to
 * it, "search_query"; empty: there is none */
ai_str_t ai_purpose_task(ai_purpose_e purpose);
ai_str_t ai_purpose_type(ai_purpose_e purpose);


#pragma GCC visibility pop


#endif /* AI_CALL_H */
