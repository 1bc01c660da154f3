
/*
 * What the decoders share that read a root by a table: one row a field.
 */

#ifndef AI_DECODE_INT_H
#define AI_DECODE_INT_H


#include <api/ai_openai_int.h>


typedef struct {
    ai_openai_ctx_t    c;
    ai_request_t      *rq;
    ai_dropped_t      *dropped;
    void              *own;         /* the dialect's: what it reads later */
} ai_decode_t;


typedef struct ai_field_s  ai_field_t;

typedef ai_int_t (*ai_field_read_pt)(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);

struct ai_field_s {
    ai_str_t           name;
    ai_field_read_pt   read;        /* NULL: done elsewhere */
    size_t             offset;      /* in ai_request_t, or in own */
};


#define AI_FIELD(s, read, field)                                              \
    { ai_string(s), read, offsetof(ai_request_t, field) }
#define AI_FIELD_REF(s, type, field)                                          \
    { ai_string(s), ai_decode_ref, offsetof(type, field) }
#define AI_FIELD_DO(s, read)                                                  \
    { ai_string(s), read, 0 }
#define AI_FIELD_END                                                          \
    { ai_null_string, NULL, 0 }


#define ai_field_name(f)  ((const char *) (f)->name.data)

#define ai_field_at(d, f, type)                                               \
    ((type *) (void *) ((char *) (d)->rq + (f)->offset))


#pragma GCC visibility push(hidden)


/* each member of the root that is not null is read by its row; one without a
 * row is dropped and named */
ai_int_t ai_decode_root(ai_decode_t *d, const ai_field_t *fields);


/* readers */

/* AI_FIELD: ai_raw_t, ai_raw_t of an integer, int, ai_esc_t, ai_raw_t */
ai_int_t ai_decode_number(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);
ai_int_t ai_decode_whole(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);
ai_int_t ai_decode_flag(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);
ai_int_t ai_decode_esc(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);
ai_int_t ai_decode_object(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);

/* AI_FIELD_REF: kept in own */
ai_int_t ai_decode_ref(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);

/* dropped and named */
ai_int_t ai_decode_drop(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);

/* the same, unless it is false, which is what happens anyway */
ai_int_t ai_decode_drop_true(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);

/* "user" wins over its successor, as in the peek */
ai_int_t ai_decode_user(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);

/* a string, or a list of strings */
ai_int_t ai_decode_stop(ai_decode_t *d, const ai_field_t *f, ai_ref_t v);

ai_int_t ai_decode_top_logprobs(ai_decode_t *d, const ai_field_t *f,
    ai_ref_t v);


/* the field "name" of "up", at most max strings, or nothing: rq->stop */
ai_int_t ai_decode_stops(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, uint32_t max, ai_request_t *rq);

/* OpenAI's words for an effort, in the field "name" of "up" */
ai_int_t ai_decode_effort(ai_decode_t *d, const ai_openai_path_t *up,
    const char *name, ai_ref_t v);


#pragma GCC visibility pop


#endif /* AI_DECODE_INT_H */
