
#include <api/ai_request.h>


/* longer names of a client's fields are not worth a header line */
#define AI_DROPPED_NAME  64


typedef struct {
    ai_str_t           name;
    ai_effort_e        effort;
    int64_t            budget;
} ai_effort_row_t;


static const ai_effort_row_t  ai_efforts[] = {
    { ai_string("none"),    AI_EFFORT_NONE,    0 },
    { ai_string("minimal"), AI_EFFORT_MINIMAL, 128 },
    { ai_string("low"),     AI_EFFORT_LOW,     1024 },
    { ai_string("medium"),  AI_EFFORT_MEDIUM,  2048 },
    { ai_string("high"),    AI_EFFORT_HIGH,    4096 },
    { ai_string("xhigh"),   AI_EFFORT_XHIGH,   8192 },
    { ai_string("max"),     AI_EFFORT_MAX,     16384 }
};

#define AI_EFFORTS  (sizeof(ai_efforts) / sizeof(ai_efforts[0]))


void
ai_request_init(ai_request_t *rq)
{
    memset(rq, 0, sizeof(ai_request_t));

    rq->parallel = -1;
    rq->output_strict = -1;
    rq->budget = -1;
    rq->thoughts = -1;
    rq->max_output = -1;
    rq->n = -1;
    rq->logprobs = -1;
    rq->top_logprobs = -1;
}


ai_block_t *
ai_block_add(const ai_pool_t *pool, ai_block_t ***tail, ai_block_e kind)
{
    ai_block_t  *b;

    b = ai_pcalloc(pool, sizeof(ai_block_t));
    if (b == NULL) {
        return NULL;
    }

    b->kind = kind;

    **tail = b;
    *tail = &b->next;

    return b;
}


void
ai_dropped_add(ai_dropped_t *d, const char *name)
{
    ai_str_t  s;

    s.data = (ai_char_t *) name;
    s.len = strlen(name);

    ai_dropped_add_str(d, &s);
}


/* a client chooses these bytes, and they end in a header and in the log */

static ai_int_t
ai_dropped_is_word(const ai_str_t *s)
{
    size_t     i;
    ai_char_t  ch;

    if (s->len == 0 || s->len > AI_DROPPED_NAME) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        ch = s->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9')
              || ch == '_' || ch == '-' || ch == '.'))
        {
            return 0;
        }
    }

    return 1;
}


void
ai_dropped_add_str(ai_dropped_t *d, const ai_str_t *name)
{
    uint32_t  i;
    ai_str_t  word;

    word = ai_dropped_is_word(name) ? *name : ai_lit("unknown");

    for (i = 0; i < d->n; i++) {
        if (ai_str_eq(&d->name[i], &word)) {
            return;
        }
    }

    if (d->n < AI_DROPPED_MAX) {
        d->name[d->n++] = word;
    }
}


int64_t
ai_effort_budget(ai_effort_e effort)
{
    size_t  i;

    for (i = 0; i < AI_EFFORTS; i++) {
        if (ai_efforts[i].effort == effort) {
            return ai_efforts[i].budget;
        }
    }

    return -1;
}


/* budgets above "high" stay there: not every model has a word for more */

ai_effort_e
ai_budget_effort(int64_t budget)
{
    if (budget < 0) {
        return AI_EFFORT_UNSET;
    }

    if (budget == 0) {
        return AI_EFFORT_NONE;
    }

    if (budget < 1024) {
        return AI_EFFORT_MINIMAL;
    }

    if (budget < 2048) {
        return AI_EFFORT_LOW;
    }

    return budget < 4096 ? AI_EFFORT_MEDIUM : AI_EFFORT_HIGH;
}


ai_effort_e
ai_effort_parse(const ai_str_t *s)
{
    size_t  i;

    for (i = 0; i < AI_EFFORTS; i++) {
        if (ai_str_eq(&ai_efforts[i].name, s)) {
            return ai_efforts[i].effort;
        }
    }

    return AI_EFFORT_UNSET;
}
