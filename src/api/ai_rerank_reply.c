
#include <api/ai_rerank_int.h>


/* an answer being written; by_index is NULL if no document is wanted */
typedef struct {
    const ai_rerank_t     *rr;
    const ai_result_t     *res;
    const ai_call_conf_t  *conf;
    const ai_document_t  **by_index;
    ai_buf_t              *b;
} ai_rerank_out_t;


static ai_int_t ai_rerank_index(ai_rerank_out_t *o, const ai_pool_t *pool);
static void ai_rerank_cohere(ai_rerank_out_t *o);
static void ai_rerank_meta(ai_rerank_out_t *o);
static void ai_rerank_voyage(ai_rerank_out_t *o);
static void ai_rerank_tei(ai_rerank_out_t *o);
static void ai_rerank_ranks(ai_rerank_out_t *o, const char *score,
    void (*document)(ai_buf_t *b, const ai_document_t *d));
static void ai_rerank_as_object(ai_buf_t *b, const ai_document_t *d);
static void ai_rerank_as_string(ai_buf_t *b, const ai_document_t *d);
static void ai_rerank_as_text(ai_buf_t *b, const ai_document_t *d);
static void ai_rerank_model(ai_rerank_out_t *o);


ai_int_t
ai_rerank_reply(const ai_call_t *call, const ai_result_t *res,
    const ai_call_conf_t *conf, const ai_pool_t *pool, ai_buf_t *out)
{
    ai_rerank_out_t  o;

    o.rr = &call->u.rerank;
    o.res = res;
    o.conf = conf;
    o.by_index = NULL;
    o.b = out;

    if (ai_rerank_index(&o, pool) != AI_OK) {
        return AI_ERROR;
    }

    switch (o.rr->shape) {

    case AI_RERANK_VOYAGE:
        ai_rerank_voyage(&o);
        break;

    case AI_RERANK_TEI:
        ai_rerank_tei(&o);
        break;

    default: /* AI_RERANK_COHERE */
        ai_rerank_cohere(&o);
        break;
    }

    ai_pfree(pool, o.by_index);

    return out->failed ? AI_ERROR : AI_OK;
}


/* results name their documents by place, which a list is slow at */

static ai_int_t
ai_rerank_index(ai_rerank_out_t *o, const ai_pool_t *pool)
{
    uint32_t              i;
    const ai_document_t  *d;

    for (i = 0; i < o->res->n; i++) {
        if (o->res->ranks[i].index >= o->rr->n) {
            return AI_ERROR;
        }
    }

    if (!o->rr->return_documents || o->res->n == 0) {
        return AI_OK;
    }

    o->by_index = ai_pcalloc(pool, o->rr->n * sizeof(ai_document_t *));
    if (o->by_index == NULL) {
        return AI_ERROR;
    }

    d = o->rr->documents;

    for (i = 0; i < o->rr->n && d != NULL; i++) {
        o->by_index[i] = d;
        d = d->next;
    }

    return AI_OK;
}


static void
ai_rerank_cohere(ai_rerank_out_t *o)
{
    ai_buf_lit(o->b, "{\"id\":");

    if (o->res->id.len) {
        ai_buf_quote_esc(o->b, &o->res->id);

    } else {
        ai_buf_quote(o->b, &o->conf->id);
    }

    ai_buf_lit(o->b, ",\"results\":");
    ai_rerank_ranks(o, "relevance_score", ai_rerank_as_object);
    ai_rerank_meta(o);

    ai_buf_lit(o->b, ",\"model\":");
    ai_rerank_model(o);

    if (o->res->usage.total >= 0) {
        ai_buf_lit(o->b, ",\"usage\":{\"total_tokens\":");
        ai_buf_int(o->b, o->res->usage.total);
        ai_buf_char(o->b, '}');
    }

    ai_buf_char(o->b, '}');
}


static void
ai_rerank_meta(ai_rerank_out_t *o)
{
    ai_buf_lit(o->b, ",\"meta\":{\"api_version\":{\"version\":\"2\"}");

    if (o->res->units >= 0) {
        ai_buf_lit(o->b, ",\"billed_units\":{\"search_units\":");
        ai_buf_int(o->b, o->res->units);
        ai_buf_char(o->b, '}');
    }

    if (o->res->usage.prompt >= 0) {
        ai_buf_lit(o->b, ",\"tokens\":{\"input_tokens\":");
        ai_buf_int(o->b, o->res->usage.prompt);
        ai_buf_char(o->b, '}');
    }

    ai_buf_char(o->b, '}');
}


/* Voyage's reader wants total_tokens, known or not */

static void
ai_rerank_voyage(ai_rerank_out_t *o)
{
    ai_buf_lit(o->b, "{\"object\":\"list\",\"data\":");
    ai_rerank_ranks(o, "relevance_score", ai_rerank_as_string);

    ai_buf_lit(o->b, ",\"model\":");
    ai_rerank_model(o);

    ai_buf_lit(o->b, ",\"usage\":{\"total_tokens\":");
    ai_buf_int(o->b, ai_max(o->res->usage.total, 0));
    ai_buf_lit(o->b, "}}");
}


static void
ai_rerank_tei(ai_rerank_out_t *o)
{
    ai_rerank_ranks(o, "score", ai_rerank_as_text);
}


static void
ai_rerank_ranks(ai_rerank_out_t *o, const char *score,
    void (*document)(ai_buf_t *b, const ai_document_t *d))
{
    uint32_t              i;
    const ai_rank_t      *r;
    const ai_document_t  *d;

    ai_buf_char(o->b, '[');

    for (i = 0; i < o->res->n; i++) {
        r = &o->res->ranks[i];

        ai_buf_cat(o->b, i ? &ai_lit(",{\"index\":") : &ai_lit("{\"index\":"));
        ai_buf_int(o->b, r->index);
        ai_buf_lit(o->b, ",\"");
        ai_buf_add(o->b, score, strlen(score));
        ai_buf_lit(o->b, "\":");
        ai_buf_cat(o->b, &r->score);

        d = o->by_index ? o->by_index[r->index] : NULL;

        if (d) {
            document(o->b, d);
        }

        ai_buf_char(o->b, '}');
    }

    ai_buf_char(o->b, ']');
}


static void
ai_rerank_as_object(ai_buf_t *b, const ai_document_t *d)
{
    if (d->spelled.len && d->spelled.data[0] == '{') {
        ai_buf_lit(b, ",\"document\":");
        ai_buf_cat(b, &d->spelled);
        return;
    }

    ai_buf_lit(b, ",\"document\":{\"text\":");
    ai_buf_quote_esc(b, &d->text);
    ai_buf_char(b, '}');
}


static void
ai_rerank_as_string(ai_buf_t *b, const ai_document_t *d)
{
    ai_buf_lit(b, ",\"document\":");
    ai_buf_quote_esc(b, &d->text);
}


static void
ai_rerank_as_text(ai_buf_t *b, const ai_document_t *d)
{
    ai_buf_lit(b, ",\"text\":");
    ai_buf_quote_esc(b, &d->text);
}


static void
ai_rerank_model(ai_rerank_out_t *o)
{
    if (o->res->model.len) {
        ai_buf_quote_esc(o->b, &o->res->model);
        return;
    }

    ai_buf_quote(o->b, &o->conf->model);
}


void
ai_rerank_error(ai_buf_t *b, const ai_error_t *err)
{
    ai_buf_lit(b, "{\"message\":");
    ai_error_quote(b, err);
    ai_buf_char(b, '}');
}
