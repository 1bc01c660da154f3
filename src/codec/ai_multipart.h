
/*
 * multipart/form-data (RFC 7578, RFC 2046), read from any split of the bytes:
 * where each part's value is, and what the part says of itself.  Values are
 * not copied, but for the small fields that were asked for.
 *
 * A gateway decides on a field and the provider reads the body again, so what
 * readers of this format do not agree about is refused: the boundary at the
 * start of a line with anything but a line's end or "--" behind it, or not
 * behind CRLF; lines of a header that are folded or end with LF alone; a part
 * without a name, or named twice; "name*"; a field that was asked for and is
 * there twice, has a file's name, or an encoding of its own.  Multipart within
 * a part is bytes, as long as its boundary does not begin with this one's.
 *
 * Each byte is looked at once or twice, whatever they are.  Memory: the header
 * block of a part, and what is kept of it.
 */

#ifndef AI_MULTIPART_H
#define AI_MULTIPART_H


#include <base/ai_buf.h>


#define AI_MULTIPART_BOUNDARY  70
#define AI_MULTIPART_PARTS     1000
#define AI_MULTIPART_HEAD      8192     /* of one part, with the blank line */
#define AI_MULTIPART_VALUE     256      /* of a field that is asked for */

/* "\n--" and the boundary */
#define AI_MULTIPART_NEEDLE    (3 + AI_MULTIPART_BOUNDARY)


typedef enum {
    AI_MULTIPART_E_NONE = 0,
    AI_MULTIPART_E_BOUNDARY,        /* a line that only begins with it */
    AI_MULTIPART_E_HEADER,          /* of a part; or no name in it */
    AI_MULTIPART_E_LARGE,           /* the header block of a part */
    AI_MULTIPART_E_PARTS,           /* too many */
    AI_MULTIPART_E_FIELD,           /* asked for: twice, long, or a file */
    AI_MULTIPART_E_TRUNCATED,       /* no final boundary */
    AI_MULTIPART_E_MEMORY
} ai_multipart_error_e;


typedef enum {
    AI_MULTIPART_BODY = 0,          /* preamble, or a part's value */
    AI_MULTIPART_TAIL,              /* behind the boundary */
    AI_MULTIPART_PAD,               /* blanks behind it */
    AI_MULTIPART_CR,                /* ... and CR: LF is next */
    AI_MULTIPART_DASH,              /* one "-" behind it */
    AI_MULTIPART_CLOSED,            /* two */
    AI_MULTIPART_CLOSED_CR,
    AI_MULTIPART_HEADERS,
    AI_MULTIPART_EPILOGUE
} ai_multipart_state_e;


typedef struct {
    ai_str_t           name;        /* owned by the pool, as are ... */
    ai_str_t           filename;    /* data == NULL: there is none */
    ai_str_t           type;        /* Content-Type as it is; or NULL */
    uint64_t           start;       /* in the body: of the header block */
    uint64_t           off;         /* of the value */
    uint64_t           len;
} ai_multipart_part_t;


/* a field whose value is wanted: the caller sets the name */
typedef struct {
    ai_str_t           name;
    ai_str_t           value;       /* data == NULL: it is not there */
    uint32_t           part;        /* which one */
    ai_char_t          bytes[AI_MULTIPART_VALUE + 1 + AI_MULTIPART_NEEDLE];
} ai_multipart_field_t;


typedef struct {
    ai_multipart_part_t   *part;
    uint32_t               n;
    uint32_t               alloc;
    ai_multipart_error_e   error;

    ai_multipart_field_t  *fields;
    uint32_t               nfields;

    ai_multipart_state_e   state;
    uint64_t               off;     /* of the next byte */
    uint32_t               matched; /* of the needle */
    ai_multipart_field_t  *field;   /* that this part is, or NULL */
    uint32_t               used;    /* of field->bytes */
    ai_char_t              prev;    /* the byte before */
    unsigned               cr:1;    /* CR was before the needle's LF */

    ai_buf_t               head;
    const ai_pool_t       *pool;
    size_t                 len;     /* of needle */
    ai_char_t              needle[AI_MULTIPART_NEEDLE];
} ai_multipart_t;


#pragma GCC visibility push(hidden)


/*
 * The boundary in a Content-Type of multipart/form-data, a span of it: a token
 * or a quoted string of 1 to 70 letters that RFC 2046 allows.  AI_DECLINED:
 * another type, or no such boundary.
 */
ai_int_t ai_multipart_boundary(const ai_str_t *content_type,
    ai_str_t *boundary);

/*
 * The boundary comes from the function above and is copied.  fields are the
 * caller's, may be NULL with n of 0, and must stay where they are.
 */
void ai_multipart_init(ai_multipart_t *m, const ai_pool_t *pool,
    const ai_str_t *boundary, ai_multipart_field_t *fields, uint32_t n);

/* the next bytes of the body; AI_OK, or AI_ERROR with m->error, which stays */
ai_int_t ai_multipart_feed(ai_multipart_t *m, const ai_char_t *p, size_t len);

/* the body ended: AI_OK if the final boundary was seen; m->part and the
 * fields are complete then */
ai_int_t ai_multipart_end(ai_multipart_t *m);

/* a short sentence for people, with no part of the input in it */
const char *ai_multipart_strerror(ai_multipart_error_e error);


#pragma GCC visibility pop


#endif /* AI_MULTIPART_H */
