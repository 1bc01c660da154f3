
/*
 * How many tokens an answer is, as its events come.
 */

#include <token/ai_prompt_int.h>


static void ai_output_start(ai_output_t *o, const ai_event_t *ev);
static int64_t ai_output_sum(const ai_output_t *o, int64_t n);
static inline void ai_output_add(ai_output_t *o, uint32_t choice,
    uint32_t index, const ai_esc_t *text);


void
ai_output_init(ai_output_t *o, const ai_token_model_t *m,
    const ai_tokenizer_t *t, const ai_pool_t *pool)
{
    memset(o, 0, sizeof(ai_output_t));

    o->model = m;
    ai_counter_init(&o->counter, t, pool);
}


void
ai_output_event(ai_output_t *o, const ai_event_t *ev)
{
    switch (ev->type) {

    case AI_EVENT_BLOCK_START:
        ai_output_start(o, ev);
        break;

    case AI_EVENT_DELTA:
        if (ev->delta == AI_DELTA_TEXT) {
            ai_output_add(o, ev->choice, ev->index, &ev->text);
        }

        break;

    default:
        break;
    }
}


/* a block that never gets a text may be none: nothing has come yet */

static void
ai_output_start(ai_output_t *o, const ai_event_t *ev)
{
    const ai_frame_t  *f;

    f = ai_prompt_frame(o->model);

    switch (ev->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        o->overhead += f->says;
        break;

    case AI_BLOCK_THINKING:
        o->overhead += f->thinks;
        break;

    case AI_BLOCK_TOOL_CALL:
        o->overhead += f->calls_one;

        if (++o->calls > 1) {
            o->overhead += f->calls_more * (o->calls == 2 ? 2 : 1);
        }

        /* the name and the arguments are texts of their own */
        ai_output_add(o, ev->choice, ev->index, &ev->name);
        ai_prompt_end(&o->counter);
        o->any = 1;
        break;

    default:
        break;
    }
}


void
ai_output_text(ai_output_t *o, uint32_t choice, uint32_t index,
    const ai_esc_t *text)
{
    uint64_t  bit;

    bit = choice < 64 ? 1ULL << choice : 0;

    if (text->len && (o->said & bit) != bit) {
        o->said |= bit;
        o->overhead += ai_prompt_frame(o->model)->says;
    }

    ai_output_add(o, choice, index, text);
}


/* another block is another text.  Inline: it is done for each event */

static inline void
ai_output_add(ai_output_t *o, uint32_t choice, uint32_t index,
    const ai_esc_t *text)
{
    if (text->len == 0) {
        return;
    }

    if (o->any && (o->choice != choice || o->index != index)) {
        ai_prompt_end(&o->counter);
    }

    o->choice = choice;
    o->index = index;
    o->any = 1;

    o->bytes += text->len;

    ai_counter_add_esc(&o->counter, text);
}


int64_t
ai_output_tokens(const ai_output_t *o)
{
    if (!o->any) {
        return 0;
    }

    return ai_output_sum(o, ai_counter_tokens(&o->counter));
}


static int64_t
ai_output_sum(const ai_output_t *o, int64_t n)
{
    n = o->overhead + n * o->model->factor / 1024;

    return ai_max(n, 1);
}


/* a token has a byte at least */

ai_int_t
ai_output_reaches(ai_output_t *o, int64_t n)
{
    if (!o->any) {
        return n <= 0;
    }

    if (ai_output_sum(o, o->known + (int64_t) (o->bytes - o->at)) < n) {
        return 0;
    }

    o->known = ai_counter_tokens(&o->counter);
    o->at = o->bytes;

    return ai_output_sum(o, o->known) >= n;
}
