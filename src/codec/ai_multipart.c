
/*
 * The reader of multipart/form-data.
 *
 *     BODY --LF"--boundary"--> TAIL --CR LF--> HEADERS --empty line--> BODY
 *                               |
 *                               +--"--"--> CLOSED --LF--> EPILOGUE
 *
 * A boundary has no LF in it, so a match that fails begins again at the byte
 * that did not fit, at the latest: nothing is looked at again.
 */

#include <codec/ai_multipart_int.h>


#define AI_MULTIPART_FIRST  8       /* parts there is room for at first */


static const ai_char_t *ai_multipart_body(ai_multipart_t *m,
    const ai_char_t *p, const ai_char_t *end);
static ai_int_t ai_multipart_keep(ai_multipart_t *m, const ai_char_t *p,
    size_t len);
static ai_int_t ai_multipart_found(ai_multipart_t *m, uint64_t off);
static ai_int_t ai_multipart_tail(ai_multipart_t *m, ai_char_t c);
static const ai_char_t *ai_multipart_headers(ai_multipart_t *m,
    const ai_char_t *p, const ai_char_t *end);
static ai_int_t ai_multipart_open(ai_multipart_t *m, uint64_t off);
static ai_int_t ai_multipart_room(ai_multipart_t *m);
static ai_int_t ai_multipart_wanted(ai_multipart_t *m, ai_int_t encoded);
static ai_int_t ai_multipart_fail(ai_multipart_t *m,
    ai_multipart_error_e error);


static const char *const  ai_multipart_errors[] = {
    "no error",
    "a line of the multipart body begins with its boundary and is none",
    "a part of the multipart body has a malformed header",
    "a part of the multipart body has too large a header",
    "the multipart body has too many parts",
    "a field of the multipart body is there twice, too long, or a file",
    "the multipart body has no final boundary",
    "no memory"
};


void
ai_multipart_init(ai_multipart_t *m, const ai_pool_t *pool,
    const ai_str_t *boundary, ai_multipart_field_t *fields, uint32_t n)
{
    size_t    len;
    uint32_t  i;

    memset(m, 0, sizeof(ai_multipart_t));

    ai_buf_init(&m->head, pool);

    m->pool = pool;
    m->fields = fields;
    m->nfields = n;

    for (i = 0; i < n; i++) {
        fields[i].value = (ai_str_t) ai_null_string;
        fields[i].part = 0;
    }

    len = ai_min(boundary->len, (size_t) AI_MULTIPART_BOUNDARY);

    memcpy(m->needle, "\n--", 3);

    if (len) {
        memcpy(m->needle + 3, boundary->data, len);
    }

    m->len = 3 + len;

    /* the first line needs none before it */

    m->matched = 1;
    m->cr = 1;
}


ai_int_t
ai_multipart_feed(ai_multipart_t *m, const ai_char_t *p, size_t len)
{
    const ai_char_t  *end, *from;

    if (m->error != AI_MULTIPART_E_NONE) {
        return AI_ERROR;
    }

    end = len ? p + len : p;

    while (p < end && m->state != AI_MULTIPART_EPILOGUE) {
        from = p;

        if (m->state == AI_MULTIPART_BODY) {
            p = ai_multipart_body(m, p, end);

        } else if (m->state == AI_MULTIPART_HEADERS) {
            p = ai_multipart_headers(m, p, end);

        } else if (ai_multipart_tail(m, *p++) != AI_OK) {
            return AI_ERROR;
        }

        if (p == NULL) {
            return AI_ERROR;
        }

        m->prev = p[-1];
        m->off += (uint64_t) (p - from);
    }

    m->off += (uint64_t) (end - p);

    return AI_OK;
}


ai_int_t
ai_multipart_end(ai_multipart_t *m)
{
    if (m->error != AI_MULTIPART_E_NONE) {
        return AI_ERROR;
    }

    if (m->state != AI_MULTIPART_CLOSED && m->state != AI_MULTIPART_EPILOGUE) {
        return ai_multipart_fail(m, AI_MULTIPART_E_TRUNCATED);
    }

    return AI_OK;
}


const char *
ai_multipart_strerror(ai_multipart_error_e error)
{
    return ai_multipart_errors[error];
}


/* takes bytes up to the end of a boundary, or all; NULL: m->error is set */

static const ai_char_t *
ai_multipart_body(ai_multipart_t *m, const ai_char_t *p, const ai_char_t *end)
{
    const ai_char_t  *from, *lf;

    from = p;

    while (p < end && m->matched < m->len) {

        if (m->matched && *p == m->needle[m->matched]) {
            m->matched++;
            p++;
            continue;
        }

        m->matched = 0;

        lf = memchr(p, '\n', (size_t) (end - p));

        if (lf == NULL) {
            p = end;
            break;
        }

        m->cr = (lf > from ? lf[-1] : m->prev) == '\r';
        m->matched = 1;

        p = lf + 1;
    }

    if (m->field != NULL
        && ai_multipart_keep(m, from, (size_t) (p - from)) != AI_OK)
    {
        return NULL;
    }

    if (m->matched == m->len
        && ai_multipart_found(m, m->off + (uint64_t) (p - from)) != AI_OK)
    {
        return NULL;
    }

    return p;
}


/* bytes of a field, with those of a boundary that may turn out to be one */

static ai_int_t
ai_multipart_keep(ai_multipart_t *m, const ai_char_t *p, size_t len)
{
    if (len > sizeof(m->field->bytes) - m->used) {
        return ai_multipart_fail(m, AI_MULTIPART_E_FIELD);
    }

    memcpy(m->field->bytes + m->used, p, len);
    m->used += (uint32_t) len;

    return AI_OK;
}


/* the boundary of a line ends at off: so does the part before it */

static ai_int_t
ai_multipart_found(ai_multipart_t *m, uint64_t off)
{
    ai_multipart_part_t  *part;

    m->state = AI_MULTIPART_TAIL;

    if (!m->cr) {
        return ai_multipart_fail(m, AI_MULTIPART_E_BOUNDARY);
    }

    if (m->n == 0) {
        return AI_OK;
    }

    part = &m->part[m->n - 1];

    if (off - part->off < m->len + 1) {
        return ai_multipart_fail(m, AI_MULTIPART_E_BOUNDARY);
    }

    part->len = off - part->off - (m->len + 1);

    if (m->field == NULL) {
        return AI_OK;
    }

    if (part->len > AI_MULTIPART_VALUE) {
        return ai_multipart_fail(m, AI_MULTIPART_E_FIELD);
    }

    m->field->value.len = (size_t) part->len;
    m->field = NULL;

    return AI_OK;
}


static ai_int_t
ai_multipart_tail(ai_multipart_t *m, ai_char_t c)
{
    switch (m->state) {

    case AI_MULTIPART_TAIL:
        if (c == '-') {
            m->state = AI_MULTIPART_DASH;
            return AI_OK;
        }

        m->state = AI_MULTIPART_PAD;

        /* fall through */

    case AI_MULTIPART_PAD:
        if (c == '\r') {
            m->state = AI_MULTIPART_CR;
            return AI_OK;
        }

        if (c == ' ' || c == '\t') {
            return AI_OK;
        }

        break;

    case AI_MULTIPART_CR:
        if (c == '\n') {
            m->state = AI_MULTIPART_HEADERS;
            return AI_OK;
        }

        break;

    case AI_MULTIPART_DASH:
        if (c == '-') {
            m->state = AI_MULTIPART_CLOSED;
            return AI_OK;
        }

        break;

    case AI_MULTIPART_CLOSED:
        if (c == ' ' || c == '\t') {
            return AI_OK;
        }

        if (c == '\r') {
            m->state = AI_MULTIPART_CLOSED_CR;
            return AI_OK;
        }

        /* fall through */

    default: /* AI_MULTIPART_CLOSED_CR */
        if (c == '\n') {
            m->state = AI_MULTIPART_EPILOGUE;
            return AI_OK;
        }
    }

    return ai_multipart_fail(m, AI_MULTIPART_E_BOUNDARY);
}


/* takes the bytes of a header block, a line at a time; NULL: as above */

static const ai_char_t *
ai_multipart_headers(ai_multipart_t *m, const ai_char_t *p,
    const ai_char_t *end)
{
    size_t            len;
    const ai_char_t  *lf;

    lf = memchr(p, '\n', (size_t) (end - p));

    if (lf != NULL) {
        end = lf + 1;
    }

    if ((size_t) (end - p) > AI_MULTIPART_HEAD - ai_buf_len(&m->head)) {
        ai_multipart_fail(m, AI_MULTIPART_E_LARGE);
        return NULL;
    }

    ai_buf_add(&m->head, p, (size_t) (end - p));

    if (m->head.failed) {
        ai_multipart_fail(m, AI_MULTIPART_E_MEMORY);
        return NULL;
    }

    len = ai_buf_len(&m->head);

    if (lf == NULL
        || !(len == 2 || (len >= 4 && m->head.last[-3] == '\n'))
        || m->head.last[-2] != '\r')
    {
        return end;
    }

    if (ai_multipart_open(m, m->off + (uint64_t) (end - p)) != AI_OK) {
        return NULL;
    }

    return end;
}


/* a header block is whole, the value begins at off */

static ai_int_t
ai_multipart_open(ai_multipart_t *m, uint64_t off)
{
    ai_int_t              rc, encoded;
    ai_str_t              head;
    ai_multipart_part_t  *part;

    if (ai_multipart_room(m) != AI_OK) {
        return AI_ERROR;
    }

    head = ai_buf_str(&m->head);
    part = &m->part[m->n];

    rc = ai_multipart_head(&head, m->pool, part, &encoded);

    if (rc != AI_OK) {
        return ai_multipart_fail(m, rc == AI_ERROR ? AI_MULTIPART_E_MEMORY
                                                   : AI_MULTIPART_E_HEADER);
    }

    part->start = off - head.len;
    part->off = off;
    part->len = 0;

    ai_buf_reset(&m->head);

    m->state = AI_MULTIPART_BODY;
    m->matched = 1;
    m->cr = 1;
    m->n++;

    return ai_multipart_wanted(m, encoded);
}


static ai_int_t
ai_multipart_room(ai_multipart_t *m)
{
    uint32_t              alloc;
    ai_multipart_part_t  *part;

    if (m->n < m->alloc) {
        return AI_OK;
    }

    if (m->n == AI_MULTIPART_PARTS) {
        return ai_multipart_fail(m, AI_MULTIPART_E_PARTS);
    }

    alloc = m->alloc ? m->alloc * 2 : AI_MULTIPART_FIRST;
    alloc = ai_min(alloc, AI_MULTIPART_PARTS);

    part = ai_palloc(m->pool, alloc * sizeof(ai_multipart_part_t));
    if (part == NULL) {
        return ai_multipart_fail(m, AI_MULTIPART_E_MEMORY);
    }

    if (m->n) {
        memcpy(part, m->part, m->n * sizeof(ai_multipart_part_t));
    }

    ai_pfree(m->pool, m->part);

    m->part = part;
    m->alloc = alloc;

    return AI_OK;
}


/* is the last part one of the fields that were asked for? */

static ai_int_t
ai_multipart_wanted(ai_multipart_t *m, ai_int_t encoded)
{
    uint32_t               i;
    ai_multipart_field_t  *f;
    ai_multipart_part_t   *part;

    part = &m->part[m->n - 1];

    for (i = 0; i < m->nfields; i++) {
        f = &m->fields[i];

        if (!ai_str_eq(&f->name, &part->name)) {
            continue;
        }

        if (f->value.data != NULL || part->filename.data != NULL || encoded) {
            return ai_multipart_fail(m, AI_MULTIPART_E_FIELD);
        }

        f->value.data = f->bytes;
        f->part = m->n - 1;

        m->field = f;
        m->used = 0;

        break;
    }

    return AI_OK;
}


static ai_int_t
ai_multipart_fail(ai_multipart_t *m, ai_multipart_error_e error)
{
    m->error = error;

    return AI_ERROR;
}
