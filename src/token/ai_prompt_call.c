
/*
 * Inputs of embeddings, query and documents of a rerank.
 */

#include <token/ai_prompt_int.h>


#define AI_PROMPT_IMAGE  258        /* of embeddings */


enum {
    AI_CALL_QUERY = 0,          /* comes next */
    AI_CALL_QUERIED,            /* was put in line */
    AI_CALL_DOCUMENTS
};


static ai_int_t ai_prompt_input(ai_prompt_t *p, size_t *looked);
static ai_int_t ai_prompt_document(ai_prompt_t *p);
static int64_t ai_prompt_integers(const ai_raw_t *list);
static void ai_prompt_text(ai_prompt_t *p, ai_piece_e kind,
    const ai_str_t *s);


int64_t
ai_prompt_call(const ai_token_model_t *m, const ai_tokenizer_t *t,
    const ai_call_t *call, const ai_pool_t *pool)
{
    ai_prompt_t  p;

    ai_prompt_init_call(&p, m, t, call, pool);

    while (ai_prompt_step(&p, SIZE_MAX) == AI_AGAIN) { /* void */ }

    return p.tokens;
}


ai_int_t
ai_prompt_walk_call(ai_prompt_t *p, size_t *looked)
{
    return p->call->kind == AI_CALL_EMBED ? ai_prompt_input(p, looked)
                                          : ai_prompt_document(p);
}


static ai_int_t
ai_prompt_input(ai_prompt_t *p, size_t *looked)
{
    const ai_input_t  *in;

    in = p->input;

    if (in == NULL) {
        return AI_DONE;
    }

    p->input = in->next;

    switch (in->kind) {

    case AI_INPUT_TEXT:
        ai_prompt_text(p, AI_PIECE_ESC, &in->title);
        ai_prompt_text(p, AI_PIECE_ESC, &in->text);
        break;

    case AI_INPUT_TOKENS:
        p->overhead += ai_prompt_integers(&in->tokens);
        *looked = in->tokens.len;
        break;

    case AI_INPUT_IMAGE:
        p->overhead += AI_PROMPT_IMAGE;
        break;

    case AI_INPUT_OTHER:
        ai_prompt_text(p, AI_PIECE_PLAIN, &in->raw);
        break;
    }

    return AI_OK;
}


/* each document is read together with the query */

static ai_int_t
ai_prompt_document(ai_prompt_t *p)
{
    const ai_document_t  *d;
    const ai_rerank_t    *rerank;

    rerank = &p->call->u.rerank;

    if (p->asked == AI_CALL_QUERY) {
        p->asked = AI_CALL_QUERIED;

        ai_prompt_text(p, AI_PIECE_ESC, &rerank->query);
        ai_prompt_text(p, AI_PIECE_ESC, &rerank->instruction);

        return AI_OK;
    }

    if (p->asked == AI_CALL_QUERIED) {
        p->asked = AI_CALL_DOCUMENTS;

        if (rerank->n > 1) {
            p->counter.tokens *= (int64_t) rerank->n;
        }
    }

    d = p->document;

    if (d == NULL) {
        return AI_DONE;
    }

    p->document = d->next;

    if (d->text.data) {
        ai_prompt_text(p, AI_PIECE_ESC, &d->text);

    } else {
        ai_prompt_text(p, AI_PIECE_PLAIN, &d->spelled);
    }

    return AI_OK;
}


static int64_t
ai_prompt_integers(const ai_raw_t *list)
{
    size_t   i;
    int64_t  n;

    n = 0;

    for (i = 1; i < list->len; i++) {
        n += list->data[i] >= '0' && list->data[i] <= '9'
             && (list->data[i - 1] < '0' || list->data[i - 1] > '9');
    }

    return n;
}


static void
ai_prompt_text(ai_prompt_t *p, ai_piece_e kind, const ai_str_t *s)
{
    if (s->len) {
        ai_prompt_put(p, kind, s);
        ai_prompt_break(p);
    }
}
