
/*
 * The names of a series: what they are cut to, their id, their text.
 *
 * The id is SipHash-2-4 (Aumasson, Bernstein) of the names under a fixed key:
 * it has to be the same in every process, on every node and after a restart,
 * so the key is no secret.  What is needed of it all the same is that nobody
 * who picks a name can aim at the id of somebody else's series: there is no
 * way known that is cheaper than trying 2^64 of them.  Names are compared as
 * well where a series is defined, so that two series of one id, should that
 * ever be, do not get mixed up.
 */

#include <base/ai_hash.h>
#include <store/ai_totals_int.h>


#define AI_SERIES_TEXT  (AI_DIM_MAX * (1 + AI_TOTALS_NAME))



static size_t ai_series_pack(ai_char_t *p, const ai_str_t dim[AI_DIM_MAX]);


/* at most three bytes of a character may have been cut from its others; more
 * than that is no UTF-8, and is cut anywhere */

size_t
ai_series_cut(const ai_str_t *name)
{
    size_t  n;

    if (name->len <= AI_TOTALS_NAME) {
        return name->len;
    }

    for (n = AI_TOTALS_NAME; n > AI_TOTALS_NAME - 4; n--) {
        if ((name->data[n] & 0xc0) != 0x80) {
            return n;
        }
    }

    return AI_TOTALS_NAME;
}


uint64_t
ai_series_id(const ai_str_t dim[AI_DIM_MAX])
{
    size_t     n;
    uint64_t   id;
    ai_char_t  text[AI_SERIES_TEXT];

    n = ai_series_pack(text, dim);
    id = ai_hash(text, n);

    return id ? id : 1;
}


void
ai_series_text(ai_buf_t *b, const ai_str_t dim[AI_DIM_MAX])
{
    size_t     n;
    ai_char_t  text[AI_SERIES_TEXT];

    n = ai_series_pack(text, dim);

    ai_buf_add(b, text, n);
}


/* a byte of length, a name, and so on */

static size_t
ai_series_pack(ai_char_t *p, const ai_str_t dim[AI_DIM_MAX])
{
    size_t      i, n;
    ai_char_t  *start;

    start = p;

    for (i = 0; i < AI_DIM_MAX; i++) {
        n = ai_series_cut(&dim[i]);
        *p++ = (ai_char_t) n;

        if (n) {
            memcpy(p, dim[i].data, n);
            p += n;
        }
    }

    return (size_t) (p - start);
}


ai_int_t
ai_series_read(const ai_str_t *text, ai_str_t dim[AI_DIM_MAX])
{
    size_t      i, n, left;
    ai_char_t  *p;

    p = text->data;
    left = text->len;

    for (i = 0; i < AI_DIM_MAX; i++) {

        if (left == 0) {
            return AI_ERROR;
        }

        n = *p++;
        left--;

        if (n > left || n > AI_TOTALS_NAME) {
            return AI_ERROR;
        }

        dim[i].data = p;
        dim[i].len = n;

        p += n;
        left -= n;
    }

    return left == 0 ? AI_OK : AI_ERROR;
}


ai_str_t
ai_series_name(const ai_series_t *s, ai_dim_e dim)
{
    size_t    i;
    ai_str_t  name;

    name.data = (ai_char_t *) s->names;

    for (i = 0; i < (size_t) dim; i++) {
        name.data += s->len[i];
    }

    name.len = s->len[dim];

    return name;
}
