
/*
 * Values chosen by the first bytes, left out of or replaced in the JSON text
 * behind them: the result is valid JSON, equal to the tree printed without
 * them, and no longer than the text and what was put in.
 *
 * The input: a byte n, then n % 16 choices of two bytes (what, where), then
 * text.  The text is also searched for what is foreign to each API: without
 * that it is JSON still, and has nothing more of it.
 */

#include <api/ai_generate.h>
#include <api/ai_messages.h>
#include <api/ai_responses.h>

#include "fuzz_arena.h"


typedef struct {
    ai_ref_t  in;               /* NONE: replaced */
    ai_ref_t  ref;
    ai_raw_t  with;
} choice_t;


static const char *const  values[] = { "1", "\"\"", "{}", "[1,2]" };

static choice_t  choices[16];
static unsigned  nchoices;


static void
choose(ai_omit_t *o, const ai_json_t *doc, unsigned what, unsigned where)
{
    ai_ref_t   v, c, in;
    unsigned   n;
    choice_t  *ch;

    v = where % doc->n;
    c = AI_JSON_NONE;
    in = v;

    if (doc->node[v].type == AI_JSON_OBJECT
        || doc->node[v].type == AI_JSON_ARRAY)
    {
        c = ai_json_first(doc, v);

        for (n = what / 8 % 8; n && c != AI_JSON_NONE; n--) {
            c = ai_json_next(doc, v, c);
        }
    }

    if (c == AI_JSON_NONE) {
        must(ai_omit_add(o, doc, in, AI_JSON_NONE) == AI_ERROR);
        return;
    }

    ch = &choices[nchoices++];

    if (what % 3 == 0) {
        ch->in = AI_JSON_NONE;
        ch->ref = doc->node[v].type == AI_JSON_OBJECT ? c + 1 : c;
        ch->with.data = (ai_char_t *) values[what / 3 % 4];
        ch->with.len = strlen((char *) ch->with.data);

        must(ai_omit_replace(o, doc, ch->ref, &ch->with) == AI_OK);
        return;
    }

    ch->in = in;
    ch->ref = c;

    must(ai_omit_add(o, doc, in, c) == AI_OK);
}


/* the last one that was put there, or what goes */

static const choice_t *
find(ai_ref_t ref, int out)
{
    unsigned  i;

    for (i = nchoices; i-- > 0; /* void */ ) {
        if (choices[i].ref == ref && (choices[i].in != AI_JSON_NONE) == out) {
            return &choices[i];
        }
    }

    return NULL;
}


static void
print(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v, int model)
{
    int              n, object;
    ai_raw_t         raw;
    ai_ref_t         c;
    const choice_t  *ch;

    ch = model ? find(v, 0) : NULL;

    if (ch) {
        ai_buf_cat(b, &ch->with);
        return;
    }

    object = (doc->node[v].type == AI_JSON_OBJECT);

    if (!object && doc->node[v].type != AI_JSON_ARRAY) {
        raw = ai_json_raw(doc, v);
        ai_buf_cat(b, &raw);
        return;
    }

    ai_buf_char(b, object ? '{' : '[');
    n = 0;

    for (c = ai_json_first(doc, v);
         c != AI_JSON_NONE;
         c = ai_json_next(doc, v, c))
    {
        if (model && find(c, 1)) {
            continue;
        }

        if (n++) {
            ai_buf_char(b, ',');
        }

        if (object) {
            raw = ai_json_raw(doc, c);
            ai_buf_cat(b, &raw);
            ai_buf_char(b, ':');
        }

        print(b, doc, object ? c + 1 : c, model);
    }

    ai_buf_char(b, object ? '}' : ']');
}


static void
check(const ai_omit_t *o, const ai_json_t *doc, ai_buf_t *out)
{
    ai_buf_t   want, got;
    ai_str_t   text;
    ai_json_t  again;

    text = ai_buf_str(out);

    must(!out->failed);
    must(text.len <= doc->len + o->n * 5);

    if (o->n == 0) {
        must(text.len == doc->len);
        must(memcmp(text.data, doc->text, text.len) == 0);
    }

    ai_json_init(&again, &fuzz_pool);
    ai_buf_init(&want, &fuzz_pool);
    ai_buf_init(&got, &fuzz_pool);

    if (ai_json_parse(&again, &text, NULL) != AI_OK) {
        must(again.error == AI_JSON_E_LIMIT);

    } else {
        print(&want, doc, AI_JSON_ROOT, 1);
        print(&got, &again, AI_JSON_ROOT, 0);

        must(ai_buf_len(&want) == ai_buf_len(&got));
        must(memcmp(want.start, got.start, ai_buf_len(&got)) == 0);
    }

    ai_pfree(&fuzz_pool, again.node);
    ai_pfree(&fuzz_pool, want.start);
    ai_pfree(&fuzz_pool, got.start);
}


static void
check_foreign(const ai_json_t *doc, ai_int_t (*foreign)(const ai_json_t *doc,
    const ai_pool_t *pool, ai_omit_t *omit))
{
    uint32_t   n;
    ai_buf_t   out;
    ai_str_t   text;
    ai_json_t  again;
    ai_omit_t  omit;

    ai_buf_init(&out, &arena);
    ai_json_init(&again, &arena);

    must(foreign(doc, &arena, &omit) == AI_OK);

    if (omit.n) {
        ai_omit_write(&omit, doc, &out);
        must(!out.failed);
        must(ai_buf_len(&out) < doc->len + omit.n * 40);

        text = ai_buf_str(&out);

        must(ai_json_parse(&again, &text, NULL) == AI_OK);

        /* a part of Gemini's may have a signature in two spellings */

        n = omit.n;
        must(foreign(&again, &arena, &omit) == AI_OK);
        must(omit.n == 0 || (foreign == ai_generate_foreign && omit.n <= n));
    }

    arena_free();
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t     i, n;
    ai_buf_t   out;
    ai_str_t   text;
    ai_json_t  doc;
    ai_omit_t  omit;

    if (size < 1 || size < 1 + 2 * (size_t) (data[0] % 16)) {
        return 0;
    }

    n = data[0] % 16;
    nchoices = 0;

    text.len = size - 1 - 2 * n;
    text.data = (ai_char_t *) data + 1 + 2 * n;

    ai_buf_init(&out, &fuzz_pool);
    ai_json_init(&doc, &fuzz_pool);
    ai_omit_init(&omit, &fuzz_pool);

    if (ai_json_parse(&doc, &text, NULL) == AI_OK) {

        for (i = 0; i < n; i++) {
            choose(&omit, &doc, data[1 + 2 * i], data[2 + 2 * i]);
        }

        must(omit.n <= n);

        for (i = 1; i < omit.n; i++) {
            must(omit.list[i - 1].ref < omit.list[i].ref);
        }

        ai_omit_write(&omit, &doc, &out);
        check(&omit, &doc, &out);

        check_foreign(&doc, ai_messages_foreign);
        check_foreign(&doc, ai_generate_foreign);
        check_foreign(&doc, ai_responses_foreign);
    }

    ai_pfree(&fuzz_pool, doc.node);
    ai_pfree(&fuzz_pool, omit.list);
    ai_pfree(&fuzz_pool, out.start);

    return 0;
}
