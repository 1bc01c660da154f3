
/*
 * Vectors, in the spelling the client asked for.
 */

#include <api/ai_embed_int.h>
#include <codec/ai_base64.h>


static ai_int_t ai_vector_encode(ai_buf_t *b, ai_buf_t *scratch,
    const ai_raw_t *values);
static ai_int_t ai_vector_decode(ai_buf_t *b, ai_buf_t *scratch,
    const ai_raw_t *values);
static ai_int_t ai_vector_bytes(ai_buf_t *scratch, const ai_raw_t *values,
    ai_str_t *bytes);


ai_int_t
ai_embed_vectors(ai_buf_t *b, const ai_result_t *res, ai_vector_e format,
    const ai_pool_t *pool)
{
    uint32_t  i;
    ai_int_t  rc;
    ai_buf_t  scratch;

    rc = AI_OK;
    ai_buf_init(&scratch, pool);
    ai_buf_char(b, '[');

    for (i = 0; i < res->n && rc == AI_OK; i++) {
        if (i) {
            ai_buf_char(b, ',');
        }

        rc = ai_embed_vector(b, &scratch, &res->vectors[i], format);
    }

    ai_buf_char(b, ']');
    ai_pfree(pool, scratch.start);

    return rc;
}


ai_int_t
ai_embed_vector(ai_buf_t *b, ai_buf_t *scratch, const ai_vector_t *v,
    ai_vector_e format)
{
    if (v->values.len < 2) {
        return AI_ERROR;
    }

    if (v->format == format) {
        ai_buf_cat(b, &v->values);
        return AI_OK;
    }

    if (v->format == AI_VECTOR_FLOAT && format == AI_VECTOR_BASE64) {
        return ai_vector_encode(b, scratch, &v->values);
    }

    if (v->format == AI_VECTOR_BASE64 && format == AI_VECTOR_FLOAT) {
        return ai_vector_decode(b, scratch, &v->values);
    }

    return AI_ERROR;
}


/* values is an array of numbers; anything but a number's bytes parts them */

static ai_int_t
ai_vector_encode(ai_buf_t *b, ai_buf_t *scratch, const ai_raw_t *values)
{
    float             f;
    uint32_t          bits;
    ai_str_t          bytes;
    ai_char_t        *le;
    const ai_char_t  *p, *end, *number;

    ai_buf_reset(scratch);

    p = values->data + 1;
    end = values->data + values->len - 1;

    /* a number takes two bytes at least, with what parts it from the next */

    if (ai_buf_reserve(scratch, (values->len / 2 + 1) * 4) != AI_OK) {
        return AI_ERROR;
    }

    le = scratch->last;

    while (p < end) {

        if (*p <= ' ' || *p == ',') {
            p++;
            continue;
        }

        number = p;

        while (p < end && *p > ' ' && *p != ',') {
            p++;
        }

        if (ai_embed_float_parse(number, (size_t) (p - number), &f) != AI_OK) {
            return AI_ERROR;
        }

        memcpy(&bits, &f, sizeof(bits));

        *le++ = (ai_char_t) bits;
        *le++ = (ai_char_t) (bits >> 8);
        *le++ = (ai_char_t) (bits >> 16);
        *le++ = (ai_char_t) (bits >> 24);
    }

    scratch->last = le;
    bytes = ai_buf_str(scratch);

    ai_buf_char(b, '"');
    ai_base64_encode(b, &bytes);
    ai_buf_char(b, '"');

    return b->failed ? AI_ERROR : AI_OK;
}


static ai_int_t
ai_vector_decode(ai_buf_t *b, ai_buf_t *scratch, const ai_raw_t *values)
{
    float       f;
    size_t      i, n;
    uint32_t    bits;
    ai_str_t    s;
    ai_char_t  *p;

    if (ai_vector_bytes(scratch, values, &s) != AI_OK
        || s.len == 0 || s.len % 4 != 0
        || ai_buf_reserve(b, s.len / 4 * (AI_EMBED_FLOAT_LEN + 1) + 2)
           != AI_OK)
    {
        return AI_ERROR;
    }

    p = b->last;
    *p++ = '[';

    for (i = 0; i < s.len; i += 4) {

        if (i) {
            *p++ = ',';
        }

        bits = s.data[i] | (uint32_t) s.data[i + 1] << 8
               | (uint32_t) s.data[i + 2] << 16
               | (uint32_t) s.data[i + 3] << 24;

        memcpy(&f, &bits, sizeof(f));

        n = ai_embed_float_print(p, f);

        /* JSON has no word for what is not finite */

        if (n == 0) {
            return AI_ERROR;
        }

        p += n;
    }

    *p++ = ']';
    b->last = p;

    return AI_OK;
}


/* slashes may be escaped */

static ai_int_t
ai_vector_bytes(ai_buf_t *scratch, const ai_raw_t *values, ai_str_t *bytes)
{
    size_t    start;
    ai_str_t  text;

    ai_buf_reset(scratch);

    text.data = values->data + 1;
    text.len = values->len - 2;

    if (memchr(text.data, '\\', text.len) != NULL) {
        ai_json_unescape(scratch, &text);
        text = ai_buf_str(scratch);
    }

    /* the text may lie in the same buffer, which must not move then */

    start = ai_buf_len(scratch);

    if (ai_buf_reserve(scratch, text.len + 4) != AI_OK) {
        return AI_ERROR;
    }

    if (start) {
        text.data = scratch->start;
    }

    if (ai_base64_decode(scratch, &text) != AI_OK || scratch->failed) {
        return AI_ERROR;
    }

    bytes->data = scratch->start + start;
    bytes->len = ai_buf_len(scratch) - start;

    return AI_OK;
}
