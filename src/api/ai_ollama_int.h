
/*
 * What the files of the Ollama dialects share: reading a request, and the
 * answer that is being written.  Fields are read, and errors name them, as in
 * the OpenAI dialect ("messages[3].content").
 */

#ifndef AI_OLLAMA_INT_H
#define AI_OLLAMA_INT_H


#include <api/ai_decode_int.h>
#include <api/ai_ollama.h>


/* of one message; results are looked up among them one by one */
#define AI_OLLAMA_CALLS_MAX   256

/* calls that are open or wait at one time: of a stream, of a JSON answer */
#define AI_OLLAMA_STREAM_SLOTS  1024
#define AI_OLLAMA_SLOTS_MAX     4096

/* what a slot may keep for the next call */
#define AI_OLLAMA_KEEP        (64 * 1024)


/* a call that was not told yet */

typedef struct ai_ollama_slot_s  ai_ollama_slot_t;

struct ai_ollama_slot_s {
    ai_ollama_slot_t  *next;
    uint32_t           index;       /* in the events */
    unsigned           open:1;      /* its BLOCK_STOP has not come */
    ai_buf_t           head;        /* up to the arguments, as written */
    ai_buf_t           args;        /* as the inside of a string */
};


typedef struct {
    ai_reply_conf_t    conf;        /* without rq */
    ai_buf_t          *out;
    const ai_pool_t   *pool;

    ai_usage_t         usage;
    ai_finish_e        finish;

    ai_ollama_slot_t  *first;       /* in the order of their starts */
    ai_ollama_slot_t  *last;
    ai_ollama_slot_t  *unused;
    uint32_t           nslots;
    uint32_t           calls;       /* seen so far */
    size_t             held;        /* bytes of arguments that wait */

    ai_buf_t           head;        /* of a line, with its comma */
    ai_buf_t           text_head;   /* of a line, up to the text */
    ai_buf_t           think_head;
    ai_str_t           tail;        /* from the text's quote on */

    /* a JSON answer */
    ai_buf_t           text;
    ai_buf_t           thinking;
    ai_buf_t           tools;
    ai_buf_t           logs;

    ai_buf_t           scratch;
    ai_json_t          doc;

    unsigned           generate:1;
    unsigned           thoughts:1;
    unsigned           started:1;
    unsigned           malformed:1; /* a call was left out */
    unsigned           finished:1;
    unsigned           failed:1;
    unsigned           ended:1;
} ai_ollama_reply_t;


#pragma GCC visibility push(hidden)


/* reading a request; each returns AI_OK, or AI_ERROR with c->err */

ai_int_t ai_ollama_read_messages(const ai_openai_ctx_t *c, ai_ref_t messages,
    ai_request_t *rq);

/* the strings in the member "images" of up */
ai_int_t ai_ollama_read_images(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, ai_ref_t v, ai_block_t ***tail);


/* writing an answer; AI_ERROR: no memory */

/* what all lines begin with */
ai_int_t ai_ollama_write_init(ai_ollama_reply_t *r, const ai_esc_t *model);

/* a piece of thinking, as a line */
void ai_ollama_write_thinking(ai_ollama_reply_t *r, const ai_esc_t *text);

/* a call that is complete */
ai_int_t ai_ollama_write_call(ai_ollama_reply_t *r,
    const ai_ollama_slot_t *slot);

/* OpenAI's logprobs object */
ai_int_t ai_ollama_write_logprobs(ai_ollama_reply_t *r, const ai_raw_t *raw);

/* the last line, or the whole JSON answer */
void ai_ollama_write_end(ai_ollama_reply_t *r);


#pragma GCC visibility pop


#endif /* AI_OLLAMA_INT_H */
