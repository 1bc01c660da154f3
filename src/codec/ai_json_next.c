
/*
 * Parsing a text that resembles the one before.
 *
 * The two are compared from the left.  Where they part inside the value of a
 * string, the new string is read to its end and the comparison goes on behind
 * it; where they part anywhere else the text is parsed as usual.  If all the
 * rest is equal, the node table is right but for lengths and offsets.
 */

#include <codec/ai_json.h>
#include <codec/ai_json_int.h>
#include <base/ai_scan.h>


#define AI_JSON_NEXT_TEXT   4096        /* the longest text that is kept */
#define AI_JSON_NEXT_EDITS  4           /* strings that may differ */


typedef struct {
    uint32_t                 v;         /* the string's node */
    uint32_t                 len;       /* of the new one, with quotes */
    uint8_t                  escaped;
} ai_json_edit_t;


static ai_int_t ai_json_next_match(ai_json_t *doc, const ai_str_t *text,
    ai_json_edit_t *edits);
static size_t ai_json_next_same(const ai_char_t *a, const ai_char_t *b,
    size_t n);
static ai_int_t ai_json_next_is_value(const ai_json_t *doc, uint32_t v);
static void ai_json_next_move(ai_json_t *doc, const ai_json_edit_t *edit);


ai_int_t
ai_json_parse_next(ai_json_t *doc, const ai_str_t *text,
    const ai_json_limits_t *limits)
{
    ai_int_t        i, n;
    ai_json_edit_t  edits[AI_JSON_NEXT_EDITS];

    n = -1;

    if (doc->kept && text->len <= AI_JSON_NEXT_TEXT) {
        n = ai_json_next_match(doc, text, edits);
    }

    if (n >= 0) {
        for (i = 0; i < n; i++) {
            ai_json_next_move(doc, &edits[i]);
        }

        doc->text = text->data;
        doc->len = text->len;
        doc->error = AI_JSON_E_NONE;
        doc->moved = 1;

    } else if (ai_json_parse(doc, text, limits) != AI_OK) {
        return AI_ERROR;
    }

    doc->kept = 0;

    if (text->len <= AI_JSON_NEXT_TEXT) {
        ai_buf_reset(&doc->last);
        ai_buf_add(&doc->last, text->data, text->len);

        if (doc->last.failed) {
            doc->last.failed = 0;
            doc->n = 0;
            doc->error = AI_JSON_E_MEMORY;
            return AI_ERROR;
        }

        doc->kept = 1;
    }

    return AI_OK;
}


/* the number of strings that differ, or -1: more than that differs */

static ai_int_t
ai_json_next_match(ai_json_t *doc, const ai_str_t *text, ai_json_edit_t *edits)
{
    size_t                 i, j, n, old, start;
    ai_int_t               escaped;
    uint32_t               v;
    ai_int_t               found;
    const ai_char_t       *end;
    const ai_json_node_t  *node;

    old = ai_buf_len(&doc->last);
    node = doc->node;
    found = 0;
    v = 0;
    i = 0;
    j = 0;

    for ( ;; ) {
        n = ai_json_next_same(doc->last.start + i, text->data + j,
                              ai_min(old - i, text->len - j));
        i += n;
        j += n;

        if (i == old && j == text->len) {
            return found;
        }

        /* the last node that begins before the difference */

        while (v + 1 < doc->n && node[v + 1].off < i) {
            v++;
        }

        if (found == AI_JSON_NEXT_EDITS
            || i <= node[v].off || i - node[v].off >= node[v].len
            || !ai_json_next_is_value(doc, v))
        {
            return -1;
        }

        start = j - (i - node[v].off);

        end = ai_json_string_end(doc, text, text->data + start + 1, &escaped);
        if (end == NULL) {
            return -1;
        }

        edits[found].v = v;
        edits[found].len = (uint32_t) (end - text->data - start);
        edits[found].escaped = (uint8_t) escaped;
        found++;

        i = (size_t) node[v].off + node[v].len;
        j = (size_t) (end - text->data);
    }
}


/* how many of the first n bytes are the same */

static size_t
ai_json_next_same(const ai_char_t *a, const ai_char_t *b, size_t n)
{
    size_t    i;
#if (AI_SCAN_SSE2)
    unsigned  mask;

    for (i = 0; n - i >= 16; i += 16) {
        mask = (unsigned) _mm_movemask_epi8(_mm_cmpeq_epi8(
                              _mm_loadu_si128((const __m128i *) (a + i)),
                              _mm_loadu_si128((const __m128i *) (b + i))));

        if (mask != 0xffff) {
            return i + (size_t) __builtin_ctz(~mask);
        }
    }
#else
    for (i = 0; n - i >= 8 && ai_scan_load(a + i) == ai_scan_load(b + i);
         i += 8)
    {
        /* void */
    }
#endif

    while (i < n && a[i] == b[i]) {
        i++;
    }

    return i;
}


/* a string, and no key */

static ai_int_t
ai_json_next_is_value(const ai_json_t *doc, uint32_t v)
{
    const ai_char_t       *p;
    const ai_json_node_t  *node;

    node = &doc->node[v];

    if (node->type != AI_JSON_STRING) {
        return 0;
    }

    for (p = doc->last.start + node->off + node->len; p < doc->last.last; p++)
    {
        if (*p > ' ') {
            return *p != ':';
        }
    }

    return 1;
}


/* one string has another length: what is behind it moves, what is around it
 * grows or shrinks */

static void
ai_json_next_move(ai_json_t *doc, const ai_json_edit_t *edit)
{
    uint32_t         i, by;
    ai_json_node_t  *node;

    node = doc->node;

    /* modulo 2^32: the same for shorter strings */

    by = edit->len - node[edit->v].len;

    if (by) {
        for (i = 0; i < edit->v; i++) {
            if (node[i].next > edit->v) {
                node[i].len += by;
            }
        }

        for (i = edit->v + 1; i < doc->n; i++) {
            node[i].off += by;
        }
    }

    node[edit->v].len = edit->len;
    node[edit->v].escaped = edit->escaped;
}
