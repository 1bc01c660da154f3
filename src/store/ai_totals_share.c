
/*
 * What others are to be told, and as which text.
 *
 * The list of series changes through the redo, so that it is whole whenever a
 * process is killed.  The marks of cells are words of their own: whoever takes
 * them away says so before, elsewhere, and if he is killed all is told again.
 */

#include <store/ai_totals_int.h>
#include <store/ai_totals_share.h>


/* cells, and series, looked at in one go */
#define AI_SHARE_WORK  1024


static ai_int_t ai_share_enlist(ai_totals_t *t, ai_redo_t *redo,
    ai_series_t *s);
static ai_series_t *ai_share_first(int64_t head);
static void ai_share_pop(ai_totals_t *t, ai_redo_t *redo, int64_t *head);
static size_t ai_share_unmark(int64_t word);
static ai_int_t ai_share_series(const ai_series_t *s, ai_told_t *told,
    size_t *n, size_t max, size_t *work);
static size_t ai_share_day(const ai_series_t *s, int64_t *hour, int64_t *day,
    ai_told_t *told, size_t *n);
static void ai_share_put(ai_told_t *told, size_t *n, const ai_series_t *s,
    int64_t at, int64_t step, const ai_amounts_t *amounts);
static ai_cell_t *ai_share_cell(const ai_series_t *s, const ai_told_t *told);
static ai_cell_t *ai_share_within(int64_t word, int64_t at, int64_t step);


ai_int_t
ai_totals_mark(ai_totals_t *t, ai_redo_t *redo, ai_series_t *s, ai_cell_t *c)
{
    if (!t->share || (c->untold && s->untold)) {
        return AI_OK;
    }

    if (ai_redo_set(redo, &c->untold, 1) != AI_OK) {
        return AI_ERROR;
    }

    return ai_share_enlist(t, redo, s);
}


static ai_int_t
ai_share_enlist(ai_totals_t *t, ai_redo_t *redo, ai_series_t *s)
{
    int64_t  head;

    if (ai_redo_get(redo, &s->untold)) {
        return AI_OK;
    }

    head = ai_redo_get(redo, &t->changed);

    if (ai_redo_set(redo, &s->untold, head ? head : 1) != AI_OK
        || ai_redo_set(redo, &t->changed, ai_word_of(s)) != AI_OK
        || ai_redo_add(redo, &t->nuntold, 1) != AI_OK)
    {
        return AI_ERROR;
    }

    return AI_OK;
}


static ai_series_t *
ai_share_first(int64_t head)
{
    return head == 1 ? NULL : ai_series_of(head);
}


static void
ai_share_pop(ai_totals_t *t, ai_redo_t *redo, int64_t *head)
{
    ai_series_t  *s;

    s = ai_series_of(*head);

    ai_redo_begin(redo);

    (void) ai_redo_set(redo, head, s->untold == 1 ? 0 : s->untold);
    (void) ai_redo_set(redo, &s->untold, 0);
    (void) ai_redo_add(redo, &t->nuntold, -1);

    ai_redo_commit(redo);
}


ai_int_t
ai_totals_share(ai_totals_t *t, ai_redo_t *redo, ai_uint_t on)
{
    size_t  work;

    t->share = (on != 0);

    for (work = AI_SHARE_WORK; !on && work; work--) {

        if (t->changed) {
            ai_share_pop(t, redo, &t->changed);

        } else if (t->telling) {
            ai_share_pop(t, redo, &t->telling);

        } else {
            break;
        }
    }

    return !on && work == 0 ? AI_AGAIN : AI_OK;
}


ai_int_t
ai_totals_is_shared(const ai_totals_t *t)
{
    return t->share != 0;
}


size_t
ai_totals_untold(const ai_totals_t *t)
{
    return (size_t) t->nuntold;
}


ai_int_t
ai_totals_untell(ai_totals_t *t, ai_redo_t *redo, uint64_t *cursor)
{
    size_t             n, work;
    ai_series_t       *s;
    ai_series_iter_t   it;

    work = 0;

    ai_series_iter(&it, t, *cursor);

    while ((s = ai_series_iter_next(&it)) != NULL) {

        if (work >= AI_SHARE_WORK) {
            *cursor = s->id;
            return AI_AGAIN;
        }

        n = ai_share_unmark(s->hours) + ai_share_unmark(s->days);
        work += n + 1;

        if (n) {
            ai_redo_begin(redo);
            (void) ai_share_enlist(t, redo, s);
            ai_redo_commit(redo);
        }
    }

    return AI_OK;
}


static size_t
ai_share_unmark(int64_t word)
{
    size_t  n;

    for (n = 0; word; n++) {
        ai_cell_of(word)->untold = 1;
        word = ai_cell_of(word)->next;
    }

    return n;
}


void
ai_totals_round(ai_totals_t *t, ai_redo_t *redo)
{
    if (t->telling || t->changed == 0) {
        return;
    }

    ai_redo_begin(redo);

    (void) ai_redo_set(redo, &t->telling, t->changed);
    (void) ai_redo_set(redo, &t->changed, 0);

    ai_redo_commit(redo);
}


size_t
ai_totals_tell(ai_totals_t *t, ai_redo_t *redo, ai_told_t *told, size_t max)
{
    size_t        n, work;
    ai_series_t  *s;

    n = 0;
    work = 0;

    while (work < AI_SHARE_WORK) {
        s = ai_share_first(t->telling);

        if (s == NULL || ai_share_series(s, told, &n, max, &work) != AI_OK) {
            break;
        }

        ai_share_pop(t, redo, &t->telling);
    }

    return n;
}


/* the cells of a series that have a mark, day by day, the latest first;
 * AI_AGAIN: there is no room for all of them */

static ai_int_t
ai_share_series(const ai_series_t *s, ai_told_t *told, size_t *n, size_t max,
    size_t *work)
{
    int64_t  hour, day;

    hour = s->hours;
    day = s->days;

    (*work)++;

    while (hour || day) {

        if (max - *n < AI_TOLD_MIN) {
            return AI_AGAIN;
        }

        *work += ai_share_day(s, &hour, &day, told, n);
    }

    return AI_OK;
}


/* how many cells it has */

static size_t
ai_share_day(const ai_series_t *s, int64_t *hour, int64_t *day,
    ai_told_t *told, size_t *n)
{
    size_t         cells;
    int64_t        at, untold;
    ai_cell_t     *c;
    ai_amounts_t   sum;

    at = *hour ? ai_cell_of(*hour)->at : -1;
    at -= at % AI_TOTALS_DAY;

    if (*day && ai_cell_of(*day)->at > at) {
        at = ai_cell_of(*day)->at;
    }

    memset(&sum, 0, sizeof(sum));
    untold = 0;
    cells = 0;

    for ( /* void */ ; *hour; *hour = c->next, cells++) {
        c = ai_cell_of(*hour);

        if (c->at < at) {
            break;
        }

        ai_amounts_add(&sum, &c->amounts);

        if (c->untold) {
            ai_share_put(told, n, s, c->at, AI_TOTALS_HOUR, &c->amounts);
            untold = 1;
            c->untold = 0;
        }
    }

    if (*day && ai_cell_of(*day)->at == at) {
        c = ai_cell_of(*day);

        ai_amounts_add(&sum, &c->amounts);

        untold |= c->untold;
        c->untold = 0;
        *day = c->next;
        cells++;
    }

    if (untold) {
        ai_share_put(told, n, s, at, AI_TOTALS_DAY, &sum);
    }

    return cells;
}


static void
ai_share_put(ai_told_t *told, size_t *n, const ai_series_t *s, int64_t at,
    int64_t step, const ai_amounts_t *amounts)
{
    if (ai_amounts_zero(amounts)) {
        return;
    }

    told += (*n)++;

    told->id = s->id;
    told->at = at;
    told->step = step;
    told->amounts = *amounts;
}


void
ai_totals_again(ai_totals_t *t, ai_redo_t *redo, const ai_told_t *told)
{
    ai_cell_t    *c;
    ai_series_t  *s;

    s = ai_totals_find(t, told->id);
    c = s ? ai_share_cell(s, told) : NULL;

    if (c) {
        ai_redo_begin(redo);
        (void) ai_totals_mark(t, redo, s, c);
        ai_redo_commit(redo);
    }
}


/* the hour, or the day that it has become; of a day without a cell one of its
 * hours: the day is told with it */

static ai_cell_t *
ai_share_cell(const ai_series_t *s, const ai_told_t *told)
{
    int64_t     day;
    ai_cell_t  *c;

    c = NULL;
    day = told->at - told->at % AI_TOTALS_DAY;

    if (told->step == AI_TOTALS_HOUR) {
        c = ai_share_within(s->hours, told->at, AI_TOTALS_HOUR);
    }

    if (c == NULL) {
        c = ai_share_within(s->days, day, AI_TOTALS_DAY);
    }

    if (c == NULL) {
        c = ai_share_within(s->hours, day, AI_TOTALS_DAY);
    }

    return c;
}


/* the latest cell of a list that begins within a period */

static ai_cell_t *
ai_share_within(int64_t word, int64_t at, int64_t step)
{
    ai_cell_t  *c;

    for ( /* void */ ; word; word = c->next) {
        c = ai_cell_of(word);

        if (c->at < at + step) {
            return c->at >= at ? c : NULL;
        }
    }

    return NULL;
}


ai_int_t
ai_totals_names(const ai_totals_t *t, uint64_t id, ai_str_t dim[AI_DIM_MAX])
{
    size_t        i;
    ai_series_t  *s;

    s = ai_totals_find(t, id);

    if (s == NULL) {
        return AI_DECLINED;
    }

    for (i = 0; i < AI_DIM_MAX; i++) {
        dim[i] = ai_series_name(s, (ai_dim_e) i);
    }

    return AI_OK;
}


size_t
ai_told_text(ai_char_t *p, const ai_amounts_t *amounts)
{
    size_t          i, n;
    uint64_t        value;
    ai_char_t      *start, *last, digits[20];
    const int64_t  *a;

    start = p;
    last = p;
    a = (const int64_t *) amounts;

    for (i = 0; i < AI_AMOUNTS_N; i++) {

        if (i) {
            *p++ = ',';
        }

        if (a[i] <= 0) {
            continue;
        }

        n = sizeof(digits);

        for (value = (uint64_t) a[i]; value; value /= 10) {
            digits[--n] = (ai_char_t) ('0' + value % 10);
        }

        memcpy(p, digits + n, sizeof(digits) - n);
        p += sizeof(digits) - n;
        last = p;
    }

    return (size_t) (last - start);
}


/* what follows the amounts that are known here is somebody's who knows more */

ai_int_t
ai_told_read(const ai_str_t *text, ai_amounts_t *amounts)
{
    size_t     i, k;
    int64_t   *a;
    ai_char_t  c;

    memset(amounts, 0, sizeof(ai_amounts_t));
    a = (int64_t *) amounts;

    for (i = 0, k = 0; i < text->len && k < AI_AMOUNTS_N; i++) {
        c = text->data[i];

        if (c == ',') {
            k++;

        } else if (c < '0' || c > '9'
                   || __builtin_mul_overflow(a[k], 10, &a[k])
                   || __builtin_add_overflow(a[k], c - '0', &a[k]))
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


void
ai_told_id(ai_char_t *p, uint64_t id)
{
    size_t  i;

    for (i = AI_TOLD_ID; i; id >>= 4) {
        p[--i] = (ai_char_t) "0123456789abcdef"[id & 15];
    }
}


ai_int_t
ai_told_id_read(const ai_str_t *text, uint64_t *id)
{
    size_t     i;
    ai_char_t  c;

    if (text->len != AI_TOLD_ID) {
        return AI_ERROR;
    }

    for (i = 0, *id = 0; i < AI_TOLD_ID; i++) {
        c = text->data[i];

        if (c >= '0' && c <= '9') {
            c = (ai_char_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            c = (ai_char_t) (c - 'a' + 10);

        } else {
            return AI_ERROR;
        }

        *id = *id << 4 | c;
    }

    return *id ? AI_OK : AI_ERROR;
}


size_t
ai_told_period(ai_char_t *p, int64_t at, int64_t step)
{
    size_t     i, n, len;
    ai_buf_t   b;
    ai_char_t  iso[32];

    memset(&b, 0, sizeof(b));
    b.start = iso;
    b.last = iso;
    b.end = iso + sizeof(iso);

    ai_totals_iso(&b, at);

    len = step == AI_TOTALS_HOUR ? AI_TOLD_PERIOD : AI_TOLD_PERIOD - 3;

    for (i = 0, n = 0; n < len; i++) {
        if (iso[i] != '-') {
            p[n++] = iso[i];
        }
    }

    return n;
}


int64_t
ai_told_month(ai_char_t *p, int64_t at)
{
    int64_t    next;
    ai_char_t  first[AI_TOLD_PERIOD], text[AI_TOLD_PERIOD];

    at = ai_totals_time(at);
    at -= at % AI_TOTALS_DAY;

    (void) ai_told_period(first, at, AI_TOTALS_DAY);
    memcpy(p, first, AI_TOLD_MONTH);

    /* at most 31 days on */

    for (next = at + AI_TOTALS_DAY; /* void */ ; next += AI_TOTALS_DAY) {
        (void) ai_told_period(text, next, AI_TOTALS_DAY);

        if (memcmp(first, text, AI_TOLD_MONTH) != 0
            || next > AI_TOTALS_LAST)
        {
            return next;
        }
    }
}
