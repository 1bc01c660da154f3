
/*
 * Any rerank request for any service, and any answer: what is built is JSON
 * with every text in its place, what was read is in order, in range and
 * distinct, and what is told is JSON in the client's spelling.
 */

#include "fuzz_calls.h"


static const struct {
    const ai_service_t   *service;
    const ai_provider_t  *provider;
    const char           *model;
    const char           *list;
} services[] = {
    { &ai_cohere_rerank, &ai_provider_cohere, "r", "documents" },
    { &ai_jina_rerank, &ai_provider_openai, "r", "documents" },
    { &ai_voyage_rerank, &ai_provider_openai, "r", "documents" },
    { &ai_openai_rerank, &ai_provider_openai, "r", "documents" },
    { &ai_tei_rerank, &ai_provider_openai, "r", "texts" },
    { &ai_bedrock_rerank, &ai_provider_bedrock, "cohere.rerank-v3-5:0",
      "documents" },
    { &ai_bedrock_rerank, &ai_provider_bedrock, "amazon.rerank-v1:0",
      "documents" },
    { &ai_vertex_rerank, &ai_provider_vertex, "s", "records" }
};


/* the n-th text of what was built is the n-th of the request */

static void
check_texts(const fuzz_call_t *f, const ai_json_t *built, const char *name)
{
    uint32_t              n;
    ai_ref_t              v, list;
    ai_esc_t              text;
    const ai_document_t  *d;

    text = ai_json_esc(built, ai_json_get(built, AI_JSON_ROOT, "query"));
    must(ai_str_eq(&text, &f->call.u.rerank.query));

    list = ai_json_get(built, AI_JSON_ROOT, name);
    must(ai_json_type(built, list) == AI_JSON_ARRAY);

    n = 0;
    d = f->call.u.rerank.documents;

    for (v = ai_json_first(built, list);
         v != AI_JSON_NONE;
         v = ai_json_next(built, list, v))
    {
        must(d != NULL);

        text = ai_json_esc(built, ai_json_type(built, v) == AI_JSON_OBJECT
                                  ? ai_json_get(built, v, "content") : v);
        must(ai_str_eq(&text, &d->text));

        n++;
        d = d->next;
    }

    must(d == NULL && n == f->call.u.rerank.n && n > 0);
}


static void
check_ranks(const fuzz_call_t *f)
{
    double              score, last;
    uint32_t            i, k;
    const ai_rerank_t  *rr;

    rr = &f->call.u.rerank;
    last = 0;

    must(f->res.n <= rr->n);
    must(rr->top_n < 0 || f->res.n <= rr->top_n);
    must(f->res.units >= -1 && f->res.usage.total >= -1);

    for (i = 0; i < f->res.n; i++) {
        must(f->res.ranks[i].index < rr->n);
        check_raw(&f->res.ranks[i].score, AI_JSON_NUMBER);

        score = strtod((char *) f->res.ranks[i].score.data, NULL);
        must(i == 0 || score <= last);
        last = score;

        for (k = 0; k < i && k < 64; k++) {
            must(f->res.ranks[k].index != f->res.ranks[i].index);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned              n;
    ai_json_t             built;
    ai_target_t           t;
    fuzz_call_t           f;
    const ai_document_t  *d;

    if (size == 0) {
        return 0;
    }

    fuzz_split(&f, data, size);

    n = f.choice % (sizeof(services) / sizeof(services[0]));

    memset(&t, 0, sizeof(t));
    t.provider = services[n].provider;
    t.model.data = (ai_char_t *) services[n].model;
    t.model.len = strlen(services[n].model);

    if (fuzz_decode(&f, &ai_dialect_rerank) != AI_OK) {
        arena_free();
        return 0;
    }

    for (d = f.call.u.rerank.documents; d; d = d->next) {
        check_esc(&d->text);
        check_raw(&d->spelled, 0);
    }

    check_esc(&f.call.u.rerank.query);
    check_esc(&f.call.u.rerank.instruction);

    if (fuzz_build(&f, services[n].service, &t, &built) == AI_OK) {
        check_texts(&f, &built, services[n].list);

        /* Vertex wants each text in an object with a number */

        must(ai_buf_len(&f.body) <= 4 * f.request.len + 1024
                                + (n == 7 ? 32 * f.call.u.rerank.n : 0));
    }

    if (fuzz_answer(&f, services[n].service, &t) == AI_OK) {
        check_ranks(&f);
        must(fuzz_reply(&f, &ai_dialect_rerank) == AI_OK);
    }

    arena_free();

    return 0;
}
