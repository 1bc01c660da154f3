
/*
 * A provider's API: how a request is written for it and its answers are read.
 *
 * No I/O, no clock, no configuration, no globals: recorded bytes are a
 * complete test.  A vendor that speaks another's API is a row in
 * ai_providers[] with its differences.
 */

#ifndef AI_PROVIDER_H
#define AI_PROVIDER_H


#include <api/ai_openai.h>
#include <codec/ai_frames.h>
#include <codec/ai_splice.h>


/* differences of vendors that speak OpenAI's API */
#define AI_QUIRK_NO_STREAM_OPTIONS   0x0001  /* refuses stream_options */
#define AI_QUIRK_MAX_TOKENS          0x0002  /* only "max_tokens" */
#define AI_QUIRK_RANDOM_SEED         0x0004  /* "random_seed" for "seed" */
#define AI_QUIRK_STRICT_BODY         0x0008  /* 422 for unknown fields */
#define AI_QUIRK_REASONING_APART     0x0010  /* completion_tokens leaves
                                                reasoning out */
#define AI_QUIRK_NO_STRICT_TOOLS     0x0020  /* "strict" not understood */
#define AI_QUIRK_NO_NAMES            0x0040  /* messages[].name refused */
#define AI_QUIRK_NO_LOGPROBS         0x0080
#define AI_QUIRK_NO_SCHEMA           0x0100  /* json_schema refused */
#define AI_QUIRK_TEXT_CONTENT        0x0200  /* texts only as one string */
#define AI_QUIRK_REPLAY              0x0400  /* wants reasoning_content of
                                                earlier answers back */
#define AI_QUIRK_DETAILS             0x0800  /* reasoning_details, both
                                                ways */
#define AI_QUIRK_THINKING            0x1000  /* "thinking":{"type":..}, no
                                                reasoning_effort */
#define AI_QUIRK_TOP_K               0x2000  /* takes top_k */
#define AI_QUIRK_NO_STATE            0x4000  /* what other vendors' answers
                                                add to a message is not
                                                understood */


typedef struct ai_provider_s  ai_provider_t;


/* the target's side of a request */
typedef struct {
    const ai_provider_t  *provider;
    ai_str_t           model;       /* plain, the name at the provider */
    int64_t            max_output;  /* of the model, -1 unknown */
    ai_str_t           deployment;  /* Azure's, plain; empty: the model */
    ai_str_t           api_version; /* Azure's, plain; empty: none */
} ai_target_t;


/* an operation beside chat, api/ai_call.h */
typedef struct {
    ai_call_e          kind;
    ai_family_e        family;      /* of clients whose bytes go through;
                                       NONE: always translated */

    /* the path behind the base */
    void             (*path)(const ai_target_t *t, const ai_call_t *call,
                         ai_buf_t *b);

    /* as ai_provider_t's; NULL: a GET without a body */
    ai_int_t         (*build)(const ai_target_t *t, const ai_call_t *call,
                         const ai_pool_t *pool, ai_buf_t *body,
                         ai_dropped_t *dropped, ai_error_t *err);

    /*
     * A whole JSON answer of a 2xx.  res was initialised; its spans are of
     * body or owned by pool.  AI_ERROR: *err is set (an error the provider
     * reports), or its kind is NONE: not what the API sends.
     */
    ai_int_t         (*answer)(const ai_target_t *t, const ai_call_t *call,
                         const ai_str_t *body, const ai_pool_t *pool,
                         ai_result_t *res, ai_error_t *err);
} ai_service_t;


/*
 * Reads an answer.  The state is provider->decoder_size bytes from the
 * caller, zeroed, set up by decoder_init; events go to sink.
 */
typedef struct {
    ai_sink_t          sink;
    const ai_provider_t  *provider;
    const ai_pool_t   *pool;
    const ai_request_t  *rq;        /* set by the caller once created, may be
                                       NULL: tool names that had to be changed
                                       for the provider are found again here */
    ai_json_t          doc;         /* reused for every event */
    ai_buf_t           scratch;     /* reused for every event */
    unsigned           started:1;   /* START was sent */
    unsigned           finished:1;  /* FINISH of choice 0 was sent */
    unsigned           terminal:1;  /* the protocol's own end was seen:
                                       [DONE], message_stop, or for Gemini a
                                       finishReason */
    unsigned           content:1;   /* a content event was sent */
} ai_decoder_t;


struct ai_provider_s {
    ai_str_t           name;        /* of "api" */
    ai_family_e        family;
    ai_str_t           endpoint;    /* default, with base path */
    ai_str_t           base;        /* path used when an endpoint has none */
    ai_str_t           key_header;  /* "Authorization", "x-api-key", ... */
    ai_str_t           key_prefix;  /* "Bearer ", or empty */
    uint32_t           quirks;
    ai_framing_e       framing;     /* of streams; stream() gets the events */

    /*
     * The account speaks other APIs too: the row to use for this model and a
     * client of this family.  Its name, endpoint, base and key are those of
     * the first row, but for own_base.  NULL: always this one.
     */
    const ai_provider_t  *(*choose)(const ai_str_t *model,
                         ai_family_e client);

    /* chosen rows: what stands for the first row's base at the end of the
     * endpoint's path; data == NULL: the same */
    ai_str_t           own_base;

    /* what else is spoken; NULL-terminated, or NULL */
    const ai_service_t  *const *services;

    /* the path of an operation that goes through as it is, by OpenAI's name
     * of it ("audio/speech"); NULL: "/" and the name */
    void             (*other)(const ai_target_t *t, const ai_str_t *name,
                         ai_buf_t *b);

    /* the path behind the base, with a query where the API wants one, such
     * as "/chat/completions"; the model is percent-encoded here */
    void             (*path)(const ai_target_t *t, ai_int_t stream,
                         ai_buf_t *b);

    /* extra request headers every call needs, as "Name: value" CRLF lines */
    ai_str_t           headers;

    /*
     * Writes rq for this API.  Refuses what cannot be carried and changes
     * the meaning (AI_ERROR, *err with param), names what was left out in
     * dropped.  A client that did not ask for a stream gets none here.  NULL:
     * the vendor has no chat, or the row serves its own clients only.
     */
    ai_int_t         (*build)(const ai_target_t *t, const ai_request_t *rq,
                         const ai_pool_t *pool, ai_buf_t *body,
                         ai_dropped_t *dropped, ai_error_t *err);

    /* pass-through of this API's own clients: edits beside the model's; NULL:
     * replace the model only.  Where it is set it does the model's too */
    void             (*edit)(const ai_target_t *t, const ai_json_t *doc,
                         const ai_peek_t *peek, ai_splice_t *edits);

    size_t             decoder_size;
    void             (*decoder_init)(ai_decoder_t *d);

    /* one event; AI_OK, or AI_ERROR: not what the API sends (an error the
     * provider reports is an AI_EVENT_ERROR, not AI_ERROR).  With
     * AI_FRAMING_EVENTSTREAM name and data come from ai_eventstream_sse() */
    ai_int_t         (*stream)(ai_decoder_t *d, const ai_sse_event_t *ev);

    /* the stream ended; sends what was held.  AI_OK if it ended as it
     * should, AI_ERROR if its terminator never came */
    ai_int_t         (*stream_end)(ai_decoder_t *d);

    /* a whole JSON answer of a 2xx; as stream */
    ai_int_t         (*answer)(ai_decoder_t *d, const ai_str_t *body);
};


#pragma GCC visibility push(hidden)


extern const ai_provider_t  *const ai_providers[];   /* NULL-terminated */

extern const ai_provider_t   ai_provider_openai;     /* and its rows */
extern const ai_provider_t   ai_provider_anthropic;
extern const ai_provider_t   ai_provider_gemini;
extern const ai_provider_t   ai_provider_cohere;
extern const ai_provider_t   ai_provider_bedrock;
extern const ai_provider_t   ai_provider_azure;
extern const ai_provider_t   ai_provider_openai_responses;   /* nor this */
extern const ai_provider_t   ai_provider_openai_completions;     /* chosen */
extern const ai_provider_t   ai_provider_vertex;
extern const ai_provider_t   ai_provider_vertex_anthropic;       /* chosen */

/* services: rerank, ... */
extern const ai_service_t   ai_cohere_rerank;
extern const ai_service_t   ai_jina_rerank;
extern const ai_service_t   ai_voyage_rerank;
extern const ai_service_t   ai_openai_rerank;  /* vLLM, Together, others */
extern const ai_service_t   ai_tei_rerank;
extern const ai_service_t   ai_bedrock_rerank; /* InvokeModel */
extern const ai_service_t   ai_vertex_rerank;  /* base ".../locations/L" of
                                                  discoveryengine */

/* ... and counting tokens */
extern const ai_service_t   ai_anthropic_count_tokens;
extern const ai_service_t   ai_gemini_count_tokens;
extern const ai_service_t   ai_vertex_gemini_count_tokens;
extern const ai_service_t   ai_vertex_anthropic_count_tokens;
extern const ai_service_t   ai_bedrock_count_tokens;
extern const ai_service_t   ai_openai_count_tokens;   /* the Responses API */

/* no chat: vectors and ranks */
extern const ai_provider_t   ai_provider_voyage;
extern const ai_provider_t   ai_provider_jina;
extern const ai_provider_t   ai_provider_tei;

/* embeddings.  ai_openai_embed is of all that speak OpenAI's API */
extern const ai_service_t    ai_openai_embed;
extern const ai_service_t    ai_mistral_embed;
extern const ai_service_t    ai_gemini_embed;
extern const ai_service_t    ai_vertex_embed;
extern const ai_service_t    ai_cohere_embed;
extern const ai_service_t    ai_bedrock_embed;
extern const ai_service_t    ai_ollama_embed;
extern const ai_service_t    ai_voyage_embed;
extern const ai_service_t    ai_jina_embed;
extern const ai_service_t    ai_tei_embed;

const ai_provider_t *ai_provider_find(const ai_str_t *name);     /* or NULL */

/* the row for this model and a client of this family: provider's choice */
const ai_provider_t *ai_provider_choose(const ai_provider_t *provider,
    const ai_str_t *model, ai_family_e client);

/* provider->decoder_size bytes of pool, ready; NULL: no memory */
ai_decoder_t *ai_decoder_create(const ai_provider_t *provider,
    const ai_pool_t *pool, const ai_sink_t *sink);

/*
 * An error answer of any provider, any shape: {error:{..}}, {error:"s"},
 * {message}, {detail}, [{error}], {type:"error"}, HTML or nothing.  status is
 * the HTTP status (0: an error inside a 200).  Never fails; message and code
 * are owned by pool, account ids and keys are taken out of the message.
 * err->retry_after from google.rpc.RetryInfo if the body has one.
 */
void ai_provider_error(const ai_provider_t *provider, unsigned status,
    const ai_str_t *body, const ai_pool_t *pool, ai_error_t *err);

/* the same for an answer that has begun: sends it as an ERROR */
ai_int_t ai_decoder_error(ai_decoder_t *d, unsigned status,
    const ai_str_t *body);

/* retry-after-ms, retry-after (seconds or HTTP date against now), in ms;
 * -1: neither is there or makes sense */
int64_t ai_retry_after(const ai_str_t *ms, const ai_str_t *retry_after,
    int64_t now);


/* ai_provider_t's edit for both rows of Vertex */
void ai_vertex_edit(const ai_target_t *t, const ai_json_t *doc,
    const ai_peek_t *peek, ai_splice_t *edits);


/*
 * Pass-through, OpenAI to OpenAI: the edits of a request, and the watch over
 * an answer whose bytes go through.
 */

/* edits doc for t: model, stream_options.include_usage, quirks.  model is
 * replaced only if it differs.  What a vendor cannot take is dropped or
 * refused as by build. */
ai_int_t ai_openai_edit(const ai_target_t *t, const ai_json_t *doc,
    const ai_peek_t *peek, const ai_pool_t *pool, ai_splice_t *edits,
    ai_dropped_t *dropped, ai_error_t *err);


/* the members of an event's root that matter */
typedef struct {
    ai_ref_t           id;
    ai_ref_t           choices;
    ai_ref_t           usage;
    ai_ref_t           usage_before;       /* the value before it, or NONE */
    ai_ref_t           error;
    ai_ref_t           groq;
} ai_watch_root_t;


/* a text of the model in the last event, or in an answer */
typedef struct {
    ai_ref_t           ref;         /* a string */
    uint32_t           choice;
    uint32_t           index;       /* 0 text, 1 thinking, 2 and on calls */
} ai_watch_text_t;

#define AI_WATCH_TEXTS  8


typedef struct {
    ai_json_t          doc;
    ai_watch_root_t    root;        /* of the last event */
    ai_watch_text_t    text[AI_WATCH_TEXTS];
    uint32_t           ntexts;      /* more than fit are left out */
    const ai_provider_t  *provider;
    ai_usage_t         usage;
    ai_finish_e        finish;      /* of choice 0 */
    ai_error_t         error;       /* kind NONE: no error seen */
    ai_str_t           id;          /* of the answer; owned by pool */
    ai_esc_t           name;        /* the same as spelled, of a stream, ... */
    ai_esc_t           model;       /* ... with its model ... */
    int64_t            created;     /* ... and time */
    const ai_pool_t   *pool;
    ai_buf_t           scratch;
    uint64_t           seen[2];     /* a bit a choice, the first 128 */
    uint64_t           ended[2];
    unsigned           hide_usage:1;       /* set by the caller */
    unsigned           quiet:1;     /* the last event had nothing but
                                       content: one that differs from it in
                                       strings only says nothing new */
    unsigned           any:1;       /* set by the caller: an answer need not
                                       have choices (embeddings, images) */
    unsigned           content:1;   /* text, call or thinking was seen */
    unsigned           done:1;      /* [DONE] was seen */
    unsigned           finished:1;  /* every choice seen has its reason */
    unsigned           tools:1;
} ai_watch_t;


/* what is to be done with an event's bytes */
typedef enum {
    AI_WATCH_PASS = 0,      /* forward as it is */
    AI_WATCH_DROP,          /* the usage chunk nobody asked for */
    AI_WATCH_EDIT,          /* forward out instead */
    AI_WATCH_ERROR          /* watch->error; bytes are not forwarded */
} ai_watch_e;


void ai_watch_init(ai_watch_t *w, const ai_provider_t *provider,
    const ai_pool_t *pool, ai_int_t hide_usage);

/* out is valid until the next call.  An event whose data is no JSON object
 * (nor [DONE]) passes, as the provider sent it */
ai_watch_e ai_watch_event(ai_watch_t *w, const ai_sse_event_t *ev,
    ai_str_t *out);

/* a whole JSON answer of a 2xx: AI_OK, or AI_ERROR with w->error (not JSON,
 * an error object, no choices) */
ai_int_t ai_watch_answer(ai_watch_t *w, const ai_str_t *body);


#pragma GCC visibility pop


#endif /* AI_PROVIDER_H */
