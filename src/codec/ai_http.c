
#include <codec/ai_http.h>


#define AI_HTTP_HEAD_MAX      32768
#define AI_HTTP_CHUNK_LINE    1024      /* a size with its extensions */
#define AI_HTTP_INTERIM_MAX   8


static ai_int_t ai_http_get_line(ai_http_t *h, ai_str_t *in, ai_str_t *line);
static ai_int_t ai_http_line(ai_http_t *h, const ai_str_t *line);
static ai_int_t ai_http_status(ai_http_t *h, const ai_str_t *line);
static ai_int_t ai_http_header(ai_http_t *h, const ai_str_t *line);
static ai_int_t ai_http_length(ai_http_t *h, const ai_str_t *value);
static ai_int_t ai_http_head_done(ai_http_t *h);
static ai_int_t ai_http_size(ai_http_t *h, const ai_str_t *line);
static ai_int_t ai_http_body(ai_http_t *h, ai_str_t *in);
static ai_int_t ai_http_is_token(const ai_str_t *s);


void
ai_http_init(ai_http_t *h, const ai_pool_t *pool, size_t max)
{
    memset(h, 0, sizeof(ai_http_t));

    ai_buf_init(&h->body, pool);
    ai_buf_init(&h->line, pool);

    h->max = max;
}


ai_int_t
ai_http_feed(ai_http_t *h, const ai_str_t *data)
{
    ai_int_t  rc;
    ai_str_t  in, line;

    in = *data;

    while (h->state < AI_HTTP_DONE && in.len) {

        switch (h->state) {

        case AI_HTTP_LENGTH:
        case AI_HTTP_CLOSE:
        case AI_HTTP_CHUNK_DATA:
            rc = ai_http_body(h, &in);
            break;

        default:
            rc = ai_http_get_line(h, &in, &line);

            if (rc == AI_OK) {
                rc = ai_http_line(h, &line);
                ai_buf_reset(&h->line);
            }

            break;
        }

        if (rc == AI_ERROR) {
            h->state = AI_HTTP_FAILED;
        }
    }

    return h->state == AI_HTTP_DONE ? AI_OK
           : h->state == AI_HTTP_FAILED ? AI_ERROR : AI_AGAIN;
}


ai_int_t
ai_http_end(ai_http_t *h)
{
    if (h->state == AI_HTTP_CLOSE) {
        h->state = AI_HTTP_DONE;
    }

    return h->state == AI_HTTP_DONE ? AI_OK : AI_ERROR;
}


/* AI_OK: line is complete, without its end; AI_AGAIN: in is used up */

static ai_int_t
ai_http_get_line(ai_http_t *h, ai_str_t *in, ai_str_t *line)
{
    size_t            n, max;
    const ai_char_t  *lf;

    lf = memchr(in->data, '\n', in->len);
    n = lf ? (size_t) (lf - in->data) + 1 : in->len;

    max = h->state == AI_HTTP_CHUNK_SIZE || h->state == AI_HTTP_CHUNK_END
          ? AI_HTTP_CHUNK_LINE - ai_buf_len(&h->line)
          : AI_HTTP_HEAD_MAX - h->head;

    if (n > max) {
        return AI_ERROR;
    }

    if (h->state != AI_HTTP_CHUNK_SIZE && h->state != AI_HTTP_CHUNK_END) {
        h->head += n;
    }

    ai_buf_add(&h->line, in->data, n);

    in->data += n;
    in->len -= n;

    if (h->line.failed) {
        return AI_ERROR;
    }

    if (lf == NULL) {
        return AI_AGAIN;
    }

    *line = ai_buf_str(&h->line);
    line->len--;

    if (line->len && line->data[line->len - 1] == '\r') {
        line->len--;
    }

    return memchr(line->data, '\0', line->len) ? AI_ERROR : AI_OK;
}


static ai_int_t
ai_http_line(ai_http_t *h, const ai_str_t *line)
{
    switch (h->state) {

    case AI_HTTP_STATUS:
        return ai_http_status(h, line);

    case AI_HTTP_HEADER:
        return line->len ? ai_http_header(h, line) : ai_http_head_done(h);

    case AI_HTTP_CHUNK_SIZE:
        return ai_http_size(h, line);

    case AI_HTTP_CHUNK_END:
        h->state = AI_HTTP_CHUNK_SIZE;
        return line->len ? AI_ERROR : AI_OK;

    default: /* AI_HTTP_TRAILER */

        if (line->len == 0) {
            h->state = AI_HTTP_DONE;
        }

        return AI_OK;
    }
}


/* HTTP/1.x NNN, and maybe a reason */

static ai_int_t
ai_http_status(ai_http_t *h, const ai_str_t *line)
{
    size_t  i;

    if (line->len < 12 || memcmp(line->data, "HTTP/1.", 7) != 0
        || line->data[7] < '0' || line->data[7] > '9' || line->data[8] != ' '
        || (line->len > 12 && line->data[12] != ' '))
    {
        return AI_ERROR;
    }

    h->status = 0;

    for (i = 9; i < 12; i++) {
        if (line->data[i] < '0' || line->data[i] > '9') {
            return AI_ERROR;
        }

        h->status = h->status * 10 + (line->data[i] - '0');
    }

    h->state = AI_HTTP_HEADER;

    return h->status >= 100 ? AI_OK : AI_ERROR;
}


static ai_int_t
ai_http_header(ai_http_t *h, const ai_str_t *line)
{
    ai_str_t          name, value;
    const ai_char_t  *colon;

    static const ai_str_t  length = ai_string("content-length");
    static const ai_str_t  transfer = ai_string("transfer-encoding");
    static const ai_str_t  encoding = ai_string("content-encoding");
    static const ai_str_t  chunked = ai_string("chunked");
    static const ai_str_t  identity = ai_string("identity");

    colon = memchr(line->data, ':', line->len);

    if (colon == NULL) {
        return AI_ERROR;
    }

    name.data = line->data;
    name.len = (size_t) (colon - line->data);

    if (!ai_http_is_token(&name)) {
        return AI_ERROR;
    }

    value.data = name.data + name.len + 1;
    value.len = line->len - name.len - 1;

    while (value.len && (*value.data == ' ' || *value.data == '\t')) {
        value.data++;
        value.len--;
    }

    while (value.len && (value.data[value.len - 1] == ' '
                         || value.data[value.len - 1] == '\t'))
    {
        value.len--;
    }

    if (ai_str_caseeq(&name, &length)) {
        return ai_http_length(h, &value);
    }

    if (ai_str_caseeq(&name, &transfer)) {

        if (h->chunked || !ai_str_caseeq(&value, &chunked)) {
            return AI_ERROR;
        }

        h->chunked = 1;
    }

    /* none was asked for */

    if (ai_str_caseeq(&name, &encoding)) {
        return ai_str_caseeq(&value, &identity) ? AI_OK : AI_ERROR;
    }

    return AI_OK;
}


static ai_int_t
ai_http_length(ai_http_t *h, const ai_str_t *value)
{
    size_t    i;
    uint64_t  n;

    if (value->len == 0 || value->len > 18) {
        return AI_ERROR;
    }

    n = 0;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            return AI_ERROR;
        }

        n = n * 10 + (value->data[i] - '0');
    }

    if (h->sized && n != h->left) {
        return AI_ERROR;
    }

    h->sized = 1;
    h->left = n;

    return AI_OK;
}


static ai_int_t
ai_http_head_done(ai_http_t *h)
{
    if (h->status < 200) {

        /* 101 would be another protocol */

        if (h->status == 101 || ++h->interim > AI_HTTP_INTERIM_MAX) {
            return AI_ERROR;
        }

        h->state = AI_HTTP_STATUS;
        h->chunked = 0;
        h->sized = 0;

        return AI_OK;
    }

    /* two framings in one answer: who reads the other one is lost */

    if (h->chunked && h->sized) {
        return AI_ERROR;
    }

    if (h->status == 204 || h->status == 304) {
        h->state = AI_HTTP_DONE;

    } else if (h->chunked) {
        h->state = AI_HTTP_CHUNK_SIZE;

    } else if (!h->sized) {
        h->state = AI_HTTP_CLOSE;

    } else if (h->left > h->max) {
        return AI_ERROR;

    } else {
        h->state = h->left ? AI_HTTP_LENGTH : AI_HTTP_DONE;
    }

    return AI_OK;
}


/* hexadecimal, and maybe ";" with an extension */

static ai_int_t
ai_http_size(ai_http_t *h, const ai_str_t *line)
{
    size_t     i;
    unsigned   d;
    ai_char_t  c;

    h->left = 0;

    for (i = 0; i < line->len; i++) {
        c = line->data[i];

        if (c >= '0' && c <= '9') {
            d = c - '0';

        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            d = (c | 0x20) - 'a' + 10;

        } else {
            break;
        }

        h->left = h->left * 16 + d;

        if (h->left > h->max) {
            return AI_ERROR;
        }
    }

    if (i == 0
        || (i < line->len && line->data[i] != ';' && line->data[i] != ' '))
    {
        return AI_ERROR;
    }

    h->state = h->left ? AI_HTTP_CHUNK_DATA : AI_HTTP_TRAILER;

    return AI_OK;
}


static ai_int_t
ai_http_body(ai_http_t *h, ai_str_t *in)
{
    size_t  n;

    n = in->len;

    if (h->state != AI_HTTP_CLOSE && n > h->left) {
        n = (size_t) h->left;
    }

    if (n > h->max - ai_buf_len(&h->body)) {
        return AI_ERROR;
    }

    ai_buf_add(&h->body, in->data, n);

    in->data += n;
    in->len -= n;

    if (h->state != AI_HTTP_CLOSE) {
        h->left -= n;

        if (h->left == 0) {
            h->state = h->state == AI_HTTP_LENGTH ? AI_HTTP_DONE
                                                  : AI_HTTP_CHUNK_END;
        }
    }

    return h->body.failed ? AI_ERROR : AI_OK;
}


/* RFC 9110: token; a blank before the colon is none */

static ai_int_t
ai_http_is_token(const ai_str_t *s)
{
    size_t     i;
    ai_char_t  c;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || (c && strchr("!#$%&'*+-.^_`|~", c)))
        {
            continue;
        }

        return 0;
    }

    return s->len != 0;
}
