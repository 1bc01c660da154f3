
/*
 * The end of a stream that is ended from here, in its middle: what a client
 * would have read if the model had run into the limit of its tokens.
 *
 * Where the answer is written here, its encoder knows what is open.  Where a
 * provider's bytes go through, what went is followed by its events, or by its
 * bytes where a dialect has more than events say (ai_stop_wire_t).
 */

#ifndef AI_STOP_H
#define AI_STOP_H


#include <api/ai_dialect.h>
#include <codec/ai_sse.h>


#define AI_STOP_CHOICES  128


/* a dialect's own follower of bytes that go through; its state is bounded,
 * whatever the length of the stream */

typedef struct ai_stop_wire_s  ai_stop_wire_t;

struct ai_stop_wire_s {
    /* NULL: no memory */
    void            *(*create)(const ai_pool_t *pool);

    /* one event, as the client gets it */
    void             (*see)(void *data, const ai_sse_event_t *ev);

    /* AI_OK, AI_ERROR: no memory, or AI_DECLINED: nothing has been begun that
     * could be ended, write an answer of your own */
    ai_int_t         (*end)(void *data, const ai_usage_t *usage,
                         ai_buf_t *out);
};


typedef struct {
    const ai_dialect_t    *dialect;
    const ai_pool_t       *pool;
    const ai_stop_wire_t  *wire;    /* NULL: none is needed */
    void                  *data;    /* of wire */

    /* of the answer, as its events or a watch have said; owned by pool */
    ai_esc_t               id;
    ai_esc_t               model;
    int64_t                created;
    uint64_t               seen[AI_STOP_CHOICES / 64];
    uint64_t               ended[AI_STOP_CHOICES / 64];
} ai_stop_t;


#pragma GCC visibility push(hidden)


/* passes: bytes go through; else there is an encoder.  AI_ERROR: no memory */
ai_int_t ai_stop_init(ai_stop_t *s, const ai_dialect_t *d, ai_int_t passes,
    const ai_pool_t *pool);

/* before or after the event is written; AI_ERROR: no memory */
ai_int_t ai_stop_event(ai_stop_t *s, const ai_event_t *ev);

/* is there a choice that has not ended, or nothing yet?  1 or 0 */
ai_int_t ai_stop_is_open(const ai_stop_t *s);

/*
 * Ends the stream.  The usage is the one to tell, whatever was told before.
 * reply: the encoder that has written the answer; it takes nothing more.  Or
 * with conf: out ends with the last bytes that went through.  AI_ERROR: no
 * memory.
 */
ai_int_t ai_stop_reply(ai_stop_t *s, void *reply, const ai_usage_t *usage);
ai_int_t ai_stop_pass(ai_stop_t *s, const ai_reply_conf_t *conf,
    const ai_usage_t *usage, ai_buf_t *out);


extern const ai_stop_wire_t  ai_messages_stop_wire;
extern const ai_stop_wire_t  ai_responses_stop_wire;


#pragma GCC visibility pop


#endif /* AI_STOP_H */
