
/*
 * A text with some spans replaced and every other byte as it was.
 */

#ifndef AI_SPLICE_H
#define AI_SPLICE_H


#include <codec/ai_json.h>


typedef enum {
    AI_EDIT_REPLACE = 0,
    AI_EDIT_REMOVE,
    AI_EDIT_INSERT
} ai_edit_e;


typedef struct {
    uint32_t           off;         /* where the old bytes start */
    uint32_t           len;         /* how many go; 0 inserts */
    ai_str_t           with;        /* what comes instead */
    ai_edit_e          kind;
    ai_ref_t           object;      /* of REMOVE and INSERT */
    ai_ref_t           key;         /* of REMOVE */
    unsigned           comma:1;     /* one follows "with" */
} ai_edit_t;


#define AI_SPLICE_MAX  32


typedef struct {
    ai_edit_t          edit[AI_SPLICE_MAX];
    uint32_t           n;
    unsigned           failed:1;    /* too many edits, or they overlap */
} ai_splice_t;


#pragma GCC visibility push(hidden)


/* Edits come in any order; "with" is kept, not copied.  A ref that is absent
 * or of the wrong type sets failed. */

void ai_splice_init(ai_splice_t *s);
void ai_splice_replace(ai_splice_t *s, const ai_json_t *doc, ai_ref_t v,
    const ai_raw_t *with);

/* removes a member with its comma; v is the member's key */
void ai_splice_remove(ai_splice_t *s, const ai_json_t *doc, ai_ref_t object,
    ai_ref_t key);

/*
 * Adds text right after the object's opening brace.  "member" is the whole
 * member without commas, such as "\"stream\":true"; the comma is added here.
 * Several insertions into one object come out in the order of the calls.
 * Which commas stay is settled by ai_splice_finish(), from all removals and
 * insertions together.
 */
void ai_splice_insert(ai_splice_t *s, const ai_json_t *doc, ai_ref_t object,
    const ai_raw_t *member);

/* sorts the edits; the length of the result; AI_ERROR if failed */
ai_int_t ai_splice_finish(ai_splice_t *s, const ai_json_t *doc, size_t *len);

/* after finish: writes the result */
void ai_splice_write(const ai_splice_t *s, const ai_json_t *doc, ai_buf_t *b);


#pragma GCC visibility pop


#endif /* AI_SPLICE_H */
