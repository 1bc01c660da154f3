
/*
 * Edits chosen by the first bytes, on the JSON text behind them: the result
 * is valid JSON, every byte outside the edits is as it was, and the lengths
 * agree.
 *
 * The input: a byte n, then n % 8 edits of two bytes (what, where), then text.
 */

#include <codec/ai_splice.h>

#include "fuzz.h"


static const char *const  values[] = { "1", "\"\"", "{}", "[1,2]" };
static const char *const  members[] = { "\"i\":1", "\"j\":{\"k\":[]}" };


static void
edit(ai_splice_t *s, const ai_json_t *doc, unsigned what, unsigned where)
{
    ai_ref_t  v, key;
    ai_raw_t  raw;
    unsigned  n;

    v = where % doc->n;

    switch (what % 3) {

    case 0:
        raw.data = (ai_char_t *) values[what / 3 % 4];
        raw.len = strlen((char *) raw.data);
        ai_splice_replace(s, doc, v, &raw);
        break;

    case 1:
        raw.data = (ai_char_t *) members[what / 3 % 2];
        raw.len = strlen((char *) raw.data);
        ai_splice_insert(s, doc, v, &raw);
        break;

    default:
        key = ai_json_first(doc, v);

        for (n = what / 3 % 8; n && key != AI_JSON_NONE; n--) {
            key = ai_json_next(doc, v, key);
        }

        ai_splice_remove(s, doc, v, key);
    }
}


/* a key may be replaced by what is no string: then nothing is promised */

static int
hits_key(const ai_splice_t *s, const ai_json_t *doc)
{
    ai_ref_t  v, key;
    uint32_t  i;

    for (v = 0; v < doc->n; v++) {

        if (doc->node[v].type != AI_JSON_OBJECT) {
            continue;
        }

        for (key = ai_json_first(doc, v); key != AI_JSON_NONE;
             key = ai_json_next(doc, v, key))
        {
            for (i = 0; i < s->n; i++) {
                if (s->edit[i].kind == AI_EDIT_REPLACE
                    && s->edit[i].off == doc->node[key].off
                    && s->edit[i].len == doc->node[key].len)
                {
                    return 1;
                }
            }
        }
    }

    return 0;
}


/* what is left of the text is found in the result, in order */

static void
check_kept(const ai_splice_t *s, const ai_json_t *doc, const ai_buf_t *out)
{
    size_t            at;
    uint32_t          i, done, n;
    const ai_edit_t  *e;

    at = 0;
    done = 0;

    for (i = 0; i <= s->n; i++) {
        e = &s->edit[i];
        n = (i == s->n ? (uint32_t) doc->len : e->off) - done;

        must(at + n <= ai_buf_len(out));
        must(memcmp(out->start + at, doc->text + done, n) == 0);

        if (i == s->n) {
            must(at + n == ai_buf_len(out));
            return;
        }

        at += n + e->with.len + e->comma;
        done = e->off + e->len;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       i, n, len;
    ai_buf_t     out;
    ai_str_t     text;
    ai_json_t    doc, again;
    ai_splice_t  s;

    if (size < 1 || size < 1 + 2 * (size_t) (data[0] % 8)) {
        return 0;
    }

    n = data[0] % 8;

    text.len = size - 1 - 2 * n;
    text.data = (ai_char_t *) data + 1 + 2 * n;

    memset(&s, 0, sizeof(s));
    ai_buf_init(&out, &fuzz_pool);
    ai_json_init(&doc, &fuzz_pool);
    ai_json_init(&again, &fuzz_pool);

    if (ai_json_parse(&doc, &text, NULL) == AI_OK) {

        for (i = 0; i < n; i++) {
            edit(&s, &doc, data[1 + 2 * i], data[2 + 2 * i]);
        }

        must(s.failed || s.n == n);

        if (ai_splice_finish(&s, &doc, &len) == AI_OK) {

            ai_splice_write(&s, &doc, &out);
            must(!out.failed && ai_buf_len(&out) == len);

            check_kept(&s, &doc, &out);

            text = ai_buf_str(&out);

            if (!hits_key(&s, &doc)
                && ai_json_parse(&again, &text, NULL) != AI_OK)
            {
                must(again.error == AI_JSON_E_LIMIT);
            }

        } else {
            must(s.failed);
        }
    }

    ai_pfree(&fuzz_pool, doc.node);
    ai_pfree(&fuzz_pool, again.node);
    ai_pfree(&fuzz_pool, out.start);

    return 0;
}
