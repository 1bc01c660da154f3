
/*
 * A body, read at once and in pieces: the result is the same.  The places of
 * the parts are what is between boundaries, fields are the bytes there, and
 * parts written anew are read as the same.
 *
 * The input: a byte for the sizes of the pieces, a Content-Type up to LF, and
 * the body.  A Content-Type that is none has the boundary "b".
 */

#include <codec/ai_multipart.h>

#include "fuzz_arena.h"


#define NFIELDS  2


typedef struct {
    ai_multipart_t        m;
    ai_multipart_field_t  fields[NFIELDS];
    ai_int_t              rc;
} run_t;


static run_t  whole, pieces, again;


static void
start(run_t *r, const ai_str_t *boundary)
{
    r->fields[0].name = ai_lit("model");
    r->fields[1].name = ai_lit("");

    ai_multipart_init(&r->m, &arena, boundary, r->fields, NFIELDS);
}


static void
end(run_t *r)
{
    r->rc = ai_multipart_end(&r->m);

    must((r->rc == AI_OK) == (r->m.error == AI_MULTIPART_E_NONE));
    must(r->m.n <= AI_MULTIPART_PARTS);
    must(r->m.error != AI_MULTIPART_E_MEMORY);
}


static void
same_str(const ai_str_t *a, const ai_str_t *b)
{
    must((a->data == NULL) == (b->data == NULL));
    must(ai_str_eq(a, b));
}


static void
same(const run_t *a, const run_t *b, int moved)
{
    uint32_t                    i;
    const ai_multipart_part_t  *p, *q;

    must(a->rc == b->rc && a->m.error == b->m.error && a->m.n == b->m.n);

    for (i = 0; i < a->m.n; i++) {
        p = &a->m.part[i];
        q = &b->m.part[i];

        same_str(&p->name, &q->name);
        same_str(&p->filename, &q->filename);
        same_str(&p->type, &q->type);
        must(p->len == q->len);
        must(moved || (p->off == q->off && p->start == q->start));
    }

    for (i = 0; i < NFIELDS && a->rc == AI_OK; i++) {
        same_str(&a->fields[i].value, &b->fields[i].value);
        must(a->fields[i].part == b->fields[i].part);
    }
}


static int
has(const ai_char_t *p, size_t len, const ai_char_t *what, size_t n)
{
    const ai_char_t  *end;

    for (end = p + len; (size_t) (end - p) >= n; p++) {
        if (memcmp(p, what, n) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
places(const run_t *r, const ai_str_t *body)
{
    uint32_t                     i;
    uint64_t                     done;
    const ai_str_t              *value;
    const ai_multipart_t        *m;
    const ai_multipart_part_t   *p;
    const ai_multipart_field_t  *f;

    m = &r->m;
    done = 0;

    for (i = 0; i < m->n; i++) {
        p = &m->part[i];

        must(p->start >= done + m->len - 1 && p->off > p->start);
        must(p->off - p->start <= AI_MULTIPART_HEAD);
        must(memcmp(body->data + p->start - 2, "\r\n", 2) == 0);
        must(memcmp(body->data + p->off - 4, "\r\n\r\n", 4) == 0);

        done = p->off + p->len;

        must(done <= body->len && body->len - done >= 1 + m->len);
        must(body->data[done] == '\r');
        must(memcmp(body->data + done + 1, m->needle, m->len) == 0);
        must(!has(body->data + p->off, p->len, m->needle, m->len));

        done++;
    }

    for (i = 0; i < NFIELDS; i++) {
        f = &r->fields[i];
        value = &f->value;

        if (value->data == NULL) {
            continue;
        }

        p = &m->part[f->part];

        must(value->len == p->len && value->len <= AI_MULTIPART_VALUE);
        must(memcmp(value->data, body->data + p->off, value->len) == 0);
        must(ai_str_eq(&f->name, &p->name) && p->filename.data == NULL);
    }
}


static void
quoted(ai_buf_t *b, const char *name, const ai_str_t *s)
{
    size_t  i;

    if (s->data == NULL) {
        return;
    }

    ai_buf_add(b, name, strlen(name));

    for (i = 0; i < s->len; i++) {
        must(s->data[i] == '\t'
             || (s->data[i] >= 0x20 && s->data[i] != 0x7f));

        if (s->data[i] == '"' || s->data[i] == '\\') {
            ai_buf_char(b, '\\');
        }

        ai_buf_char(b, s->data[i]);
    }

    ai_buf_char(b, '"');
}


/* every backslash is escaped now, which may need more than a block has */

static int
anew(const ai_multipart_t *m, const ai_str_t *body, const ai_str_t *boundary)
{
    int                         fits;
    size_t                      len;
    uint32_t                    i;
    ai_buf_t                    b;
    const ai_multipart_part_t  *p;

    ai_buf_init(&b, &arena);
    fits = 1;

    for (i = 0; i < m->n; i++) {
        p = &m->part[i];

        ai_buf_lit(&b, "--");
        ai_buf_cat(&b, boundary);
        ai_buf_lit(&b, "\r\n");
        len = ai_buf_len(&b);
        ai_buf_lit(&b, "Content-Disposition: form-data");
        quoted(&b, "; name=\"", &p->name);
        quoted(&b, "; filename=\"", &p->filename);

        if (p->type.data != NULL) {
            ai_buf_lit(&b, "\r\nContent-Type: ");
            ai_buf_cat(&b, &p->type);
        }

        ai_buf_lit(&b, "\r\n\r\n");
        fits &= ai_buf_len(&b) - len <= AI_MULTIPART_HEAD;
        ai_buf_add(&b, body->data + p->off, p->len);
        ai_buf_lit(&b, "\r\n");
    }

    ai_buf_lit(&b, "--");
    ai_buf_cat(&b, boundary);
    ai_buf_lit(&b, "--\r\n");

    must(!b.failed);

    start(&again, boundary);
    (void) ai_multipart_feed(&again.m, b.start, ai_buf_len(&b));
    end(&again);

    return fits;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          i, n, seed;
    ai_str_t        type, boundary, body;
    const uint8_t  *lf;

    if (size < 2 || (lf = memchr(data + 1, '\n', size - 1)) == NULL) {
        return 0;
    }

    seed = data[0];

    type.data = (ai_char_t *) data + 1;
    type.len = (size_t) (lf - type.data);

    body.data = (ai_char_t *) lf + 1;
    body.len = size - 2 - type.len;

    if (ai_multipart_boundary(&type, &boundary) == AI_OK) {
        must(boundary.len && boundary.len <= AI_MULTIPART_BOUNDARY);
        must(boundary.data > type.data
             && boundary.data + boundary.len <= type.data + type.len);
        must(memchr(boundary.data, '\r', boundary.len) == NULL);

    } else {
        boundary = ai_lit("b");
    }

    start(&whole, &boundary);
    (void) ai_multipart_feed(&whole.m, body.data, body.len);
    end(&whole);

    start(&pieces, &boundary);

    for (i = 0; i < body.len; i += n) {
        seed = seed * 1103515245 + 12345;
        n = 1 + (seed >> 16) % (1 + data[0] % 32);
        n = ai_min(n, body.len - i);
        (void) ai_multipart_feed(&pieces.m, body.data + i, n);
    }

    end(&pieces);

    same(&whole, &pieces, 0);

    if (whole.rc == AI_OK) {
        places(&whole, &body);

        if (anew(&whole.m, &body, &boundary)) {
            same(&whole, &again, 1);
        }
    }

    arena_free();

    return 0;
}
