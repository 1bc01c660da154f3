
/*
 * A JSON text without some of its values: elements of arrays and members of
 * objects, as many as there are, at any depth.  Every other byte is as it was.
 *
 * For a few known spans ai_splice.h needs no memory; here there may be a
 * value in each of thousands of messages.
 */

#ifndef AI_OMIT_H
#define AI_OMIT_H


#include <codec/ai_json.h>


typedef struct {
    ai_ref_t           ref;         /* an element, a member's key, or the
                                       value that is replaced */
    ai_ref_t           in;          /* its container; NONE: replaced */
    ai_raw_t           with;        /* what stands for a replaced value */
} ai_omission_t;


typedef struct {
    ai_omission_t     *list;        /* in the order of the document */
    uint32_t           n;
    uint32_t           alloc;
    const ai_pool_t   *pool;
} ai_omit_t;


#pragma GCC visibility push(hidden)


/* allocates nothing until something is added */
void ai_omit_init(ai_omit_t *o, const ai_pool_t *pool);

/*
 * Leaves v out: a child of the array or object "in", of an object the member
 * whose key v is.  In any order; in that of the document it takes no time.
 * What is left out twice, or within what is left out or replaced, is no
 * matter.  AI_ERROR: no memory, or v is not within "in".
 */
ai_int_t ai_omit_add(ai_omit_t *o, const ai_json_t *doc, ai_ref_t in,
    ai_ref_t v);

/*
 * Writes "with" for v, an element, a member's value or the root, unless v is
 * left out; with is kept, not copied.  The last one wins.
 */
ai_int_t ai_omit_replace(ai_omit_t *o, const ai_json_t *doc, ai_ref_t v,
    const ai_raw_t *with);

/* takes back what was added for v and all that is in it, as before v is added
 * as a whole */
void ai_omit_forget(ai_omit_t *o, const ai_json_t *doc, ai_ref_t v);

/* the result, appended to out; the caller looks at out->failed */
void ai_omit_write(const ai_omit_t *o, const ai_json_t *doc, ai_buf_t *out);


#pragma GCC visibility pop


#endif /* AI_OMIT_H */
