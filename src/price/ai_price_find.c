
/*
 * Which row of the table is that of a model at a provider: what the API's
 * models are called in it, and what may be left out of a name.
 */

#include <price/ai_price_int.h>


#define AI_PRICE_REGION   0x01      /* "bedrock/us-east-1/..." */
#define AI_PRICE_COLON    0x02      /* what follows a ':' is a version */
#define AI_PRICE_AWS      0x04      /* ARNs; "us.", "eu." before a name */
#define AI_PRICE_GOOGLE   0x08      /* "models/..."; "-001", "@..." */
#define AI_PRICE_PATH     0x10      /* Fireworks' "accounts/.../models/" */
#define AI_PRICE_EXACT    0x20      /* names are the operator's own */

#define AI_PRICE_TRIES    16


typedef struct {
    ai_str_t               name;
    const char            *prefix[2];
    const char            *vendor[2];
    unsigned               flags;
} ai_price_api_t;


/* which rows may be meant */
typedef enum {
    AI_PRICE_ANYBODY = 0,
    AI_PRICE_OWN,                   /* the operator's */
    AI_PRICE_VENDOR                 /* those of the API's vendors */
} ai_price_whose_e;


/* a name to try: a piece of what was asked for, and what is put behind it */
typedef struct {
    ai_str_t               s;
    const char            *tail;
} ai_price_try_t;


typedef struct {
    const ai_price_table_t  *table;
    const ai_str_t          *api;
    const ai_str_t          *region;
    const ai_price_api_t    *row;   /* of the API */
    const ai_price_t        *bare;  /* one that has no prices */
    ai_price_try_t           tries[AI_PRICE_TRIES];
    unsigned                 n;
} ai_price_find_t;


static const ai_price_api_t *ai_price_api(const ai_str_t *name);
static void ai_price_tries(ai_price_find_t *f, const ai_str_t *model);
static void ai_price_stem(ai_price_find_t *f, const ai_str_t *s);
static void ai_price_try(ai_price_find_t *f, const ai_str_t *s,
    const char *tail);
static const ai_price_t *ai_price_look(ai_price_find_t *f,
    const ai_price_try_t *t);
static const ai_price_t *ai_price_look_wild(const ai_price_find_t *f,
    const ai_price_try_t *t);
static const ai_price_t *ai_price_under(ai_price_find_t *f,
    const ai_str_t *prefix, const ai_price_try_t *t, ai_price_whose_e whose);
static const ai_price_t *ai_price_named(ai_price_find_t *f,
    const ai_str_t *prefix, const ai_str_t *region, const ai_price_try_t *t,
    ai_price_whose_e whose);
static ai_int_t ai_price_spell(ai_str_t *name, const ai_str_t *prefix,
    const ai_str_t *region, const ai_price_try_t *t);
static int ai_price_vendor_is(const ai_price_find_t *f, const ai_price_t *p);
static void ai_price_last(ai_str_t *s, const char *mark);
static ai_int_t ai_price_geo(ai_str_t *s);
static ai_int_t ai_price_shorten(const ai_price_api_t *api, ai_str_t *s,
    int *date);
static ai_int_t ai_price_until(ai_str_t *s, ai_char_t c);
static size_t ai_price_date(const ai_str_t *s);
static int ai_price_shape(const ai_str_t *s, const char *shape);
static int ai_price_month(const ai_char_t *p);
static size_t ai_price_version(const ai_str_t *s, unsigned flags);


#define AI_PRICE_SELF(name)                                                   \
    { ai_string(name), { NULL, NULL }, { NULL, NULL }, AI_PRICE_EXACT }

#define AI_PRICE_PLAIN(name, prefix)                                          \
    { ai_string(name), { prefix, NULL }, { NULL, NULL }, 0 }


/*
 * The name of the API itself is a prefix, too, and goes first.  "vendor" is
 * whose rows may have no prefix.  Where people run models of their own, the
 * names say nothing about what they pay.
 */

static const ai_price_api_t  ai_price_apis[] = {

    { ai_string("openai"), { NULL, NULL },
      { "openai", "text-completion-openai" }, AI_PRICE_COLON },

    { ai_string("openai_responses"), { "openai", NULL },
      { "openai", "text-completion-openai" }, AI_PRICE_COLON },

    { ai_string("anthropic"), { NULL, NULL },
      { "anthropic", NULL }, 0 },

    { ai_string("gemini"), { NULL, NULL },
      { "gemini", NULL }, AI_PRICE_GOOGLE },

    { ai_string("vertex"), { "vertex_ai", NULL },
      { "vertex_ai*", NULL }, AI_PRICE_GOOGLE },

    { ai_string("bedrock"), { "bedrock_mantle", NULL },
      { "bedrock*", NULL }, AI_PRICE_AWS|AI_PRICE_COLON|AI_PRICE_REGION },

    { ai_string("azure"), { "azure_ai", NULL },
      { NULL, NULL }, AI_PRICE_REGION },

    { ai_string("azure_responses"), { "azure", "azure_ai" },
      { NULL, NULL }, AI_PRICE_REGION },

    { ai_string("cohere"), { NULL, NULL }, { "cohere*", NULL }, 0 },

    { ai_string("deepseek"), { NULL, NULL }, { "deepseek", NULL }, 0 },

    { ai_string("fireworks"),
      { "fireworks_ai", "fireworks_ai/accounts/fireworks/models" },
      { NULL, NULL }, AI_PRICE_PATH },

    { ai_string("jina"), { "jina_ai", NULL }, { "jina_ai", NULL }, 0 },

    AI_PRICE_PLAIN("together", "together_ai"),
    AI_PRICE_PLAIN("alibaba", "dashscope"),

    AI_PRICE_SELF("ollama"),
    { ai_string("ollama_native"), { "ollama", NULL }, { NULL, NULL },
      AI_PRICE_EXACT },
    { ai_string("vllm"), { "hosted_vllm", NULL }, { NULL, NULL },
      AI_PRICE_EXACT },

    AI_PRICE_SELF("tei"),
    AI_PRICE_SELF("openai_compatible"),

    { ai_null_string, { NULL, NULL }, { NULL, NULL }, 0 }
};


/* every other API: its own name is the prefix */
static const ai_price_api_t  ai_price_other =
    AI_PRICE_PLAIN("", NULL);

/* no API: a name as it is in the file, whoever's it is */
static const ai_price_api_t  ai_price_any =
    { ai_string(""), { NULL, NULL }, { "*", NULL }, AI_PRICE_EXACT };


const ai_price_t *
ai_price_find(const ai_price_table_t *table, const ai_str_t *api,
    const ai_str_t *region, const ai_str_t *model)
{
    unsigned           i;
    const ai_price_t  *p;
    ai_price_find_t    f;

    if (model->len == 0 || table->n == 0) {
        return NULL;
    }

    f.table = table;
    f.api = api;
    f.region = region;
    f.row = ai_price_api(api);
    f.bare = NULL;
    f.n = 0;

    ai_price_tries(&f, model);

    for (i = 0; i < f.n; i++) {

        p = ai_price_look(&f, &f.tries[i]);

        if (p != NULL) {
            return p;
        }
    }

    for (i = 0; i < f.n && table->own; i++) {

        p = ai_price_look_wild(&f, &f.tries[i]);

        if (p != NULL) {
            return p;
        }
    }

    return f.bare;
}


static const ai_price_api_t *
ai_price_api(const ai_str_t *name)
{
    const ai_price_api_t  *a;

    if (name->len == 0) {
        return &ai_price_any;
    }

    for (a = ai_price_apis; a->name.len; a++) {
        if (ai_str_eq(&a->name, name)) {
            return a;
        }
    }

    return &ai_price_other;
}


/* the name as it is, without what leads to it, without its end, and of Bedrock
 * the same without its part of the world */

static void
ai_price_tries(ai_price_find_t *f, const ai_str_t *model)
{
    ai_str_t  s;

    ai_price_try(f, model, "");

    if (f->row->flags & AI_PRICE_EXACT) {
        return;
    }

    s = *model;

    if ((f->row->flags & AI_PRICE_AWS) && ai_str_starts(&s, "arn:")) {
        ai_price_last(&s, "/");
    }

    if (f->row->flags & (AI_PRICE_GOOGLE|AI_PRICE_PATH)) {
        ai_price_last(&s, "models/");
    }

    ai_price_stem(f, &s);

    if ((f->row->flags & AI_PRICE_AWS) && ai_price_geo(&s) == AI_OK) {
        ai_price_stem(f, &s);
    }
}


static void
ai_price_stem(ai_price_find_t *f, const ai_str_t *s)
{
    int       i, date;
    ai_str_t  t;

    t = *s;

    ai_price_try(f, &t, "");

    for (i = 0; i < 4; i++) {

        if (ai_price_shorten(f->row, &t, &date) != AI_OK) {
            return;
        }

        ai_price_try(f, &t, "");

        if (date) {
            ai_price_try(f, &t, "-latest");
        }
    }
}


static void
ai_price_try(ai_price_find_t *f, const ai_str_t *s, const char *tail)
{
    if (s->len == 0 || f->n == AI_PRICE_TRIES
        || (f->n == 1 && *tail == '\0' && f->tries[0].s.len == s->len))
    {
        return;
    }

    f->tries[f->n].s = *s;
    f->tries[f->n].tail = tail;
    f->n++;
}


/* what an operator has written goes before the table of others */

static const ai_price_t *
ai_price_look(ai_price_find_t *f, const ai_price_try_t *t)
{
    int                i;
    ai_str_t           prefix;
    const ai_price_t  *p;

    p = NULL;

    if (f->table->own) {
        p = ai_price_under(f, f->api, t, AI_PRICE_OWN);
        p = p ? p : ai_price_named(f, NULL, NULL, t, AI_PRICE_OWN);
    }

    p = p ? p : ai_price_under(f, f->api, t, AI_PRICE_ANYBODY);

    for (i = 0; p == NULL && i < 2 && f->row->prefix[i] != NULL; i++) {
        prefix.data = (ai_char_t *) f->row->prefix[i];
        prefix.len = strlen(f->row->prefix[i]);

        p = ai_price_under(f, &prefix, t, AI_PRICE_ANYBODY);
    }

    return p ? p : ai_price_named(f, NULL, NULL, t, AI_PRICE_VENDOR);
}


static const ai_price_t *
ai_price_look_wild(const ai_price_find_t *f, const ai_price_try_t *t)
{
    ai_str_t           name;
    ai_char_t          buf[AI_PRICE_NAME];
    ai_price_try_t     s;
    const ai_price_t  *p;

    /* of a long one the beginning will do */

    s = *t;
    s.s.len = ai_min(s.s.len, AI_PRICE_NAME / 2);

    name.data = buf;
    p = NULL;

    if (f->api->len && ai_price_spell(&name, f->api, NULL, &s) == AI_OK) {
        p = ai_price_table_wild(f->table, &name, f->api->len + 1);
    }

    if (p == NULL && ai_price_spell(&name, NULL, NULL, &s) == AI_OK) {
        p = ai_price_table_wild(f->table, &name, 0);
    }

    return p;
}


/* with the region, where names have one, or else without */

static const ai_price_t *
ai_price_under(ai_price_find_t *f, const ai_str_t *prefix,
    const ai_price_try_t *t, ai_price_whose_e whose)
{
    const ai_price_t  *p;

    p = NULL;

    if (f->region->len && (f->row->flags & AI_PRICE_REGION)) {
        p = ai_price_named(f, prefix, f->region, t, whose);
    }

    return p ? p : ai_price_named(f, prefix, NULL, t, whose);
}


/* one without prices tells how long a prompt may be, and is kept for the case
 * that there is nothing else */

static const ai_price_t *
ai_price_named(ai_price_find_t *f, const ai_str_t *prefix,
    const ai_str_t *region, const ai_price_try_t *t, ai_price_whose_e whose)
{
    ai_str_t           name;
    ai_char_t          buf[AI_PRICE_NAME];
    const ai_price_t  *p;

    name.data = buf;

    if (ai_price_spell(&name, prefix, region, t) != AI_OK) {
        return NULL;
    }

    p = ai_price_table_get(f->table, &name);

    if (p == NULL
        || (whose == AI_PRICE_OWN && p->vendor.len)
        || (whose == AI_PRICE_VENDOR && !ai_price_vendor_is(f, p)))
    {
        return NULL;
    }

    if (p->n == 0) {
        f->bare = f->bare ? f->bare : p;
        return NULL;
    }

    return p;
}


/* prefix "/" region "/" name, into AI_PRICE_NAME bytes, one of which stays
 * free */

static ai_int_t
ai_price_spell(ai_str_t *name, const ai_str_t *prefix, const ai_str_t *region,
    const ai_price_try_t *t)
{
    size_t           i, n;
    ai_str_t         tail;
    const ai_str_t  *part[4];

    tail.data = (ai_char_t *) t->tail;
    tail.len = strlen(t->tail);

    part[0] = prefix;
    part[1] = region;
    part[2] = &t->s;
    part[3] = &tail;

    for (i = 0, n = 0; i < 4; i++) {

        if (part[i] == NULL || part[i]->len == 0) {
            continue;
        }

        /* n never is above AI_PRICE_NAME - 1 */

        if (part[i]->len >= AI_PRICE_NAME - n - (i < 2)) {
            return AI_DECLINED;
        }

        memcpy(name->data + n, part[i]->data, part[i]->len);
        n += part[i]->len;

        if (i < 2) {
            name->data[n++] = '/';
        }
    }

    name->len = n;

    return AI_OK;
}


static int
ai_price_vendor_is(const ai_price_find_t *f, const ai_price_t *p)
{
    int       i;
    ai_str_t  pattern;

    for (i = 0; i < 2 && f->row->vendor[i] != NULL; i++) {
        pattern.data = (ai_char_t *) f->row->vendor[i];
        pattern.len = strlen(f->row->vendor[i]);

        if (ai_str_glob(&pattern, &p->vendor)) {
            return 1;
        }
    }

    return 0;
}


/* what follows the last mark */

static void
ai_price_last(ai_str_t *s, const char *mark)
{
    size_t  i, n;

    n = strlen(mark);

    for (i = s->len; i >= n; i--) {
        if (memcmp(s->data + i - n, mark, n) == 0) {
            s->data += i;
            s->len -= i;
            return;
        }
    }
}


/* inference profiles of Bedrock */

static ai_int_t
ai_price_geo(ai_str_t *s)
{
    int                       i;
    size_t                    n;
    static const char *const  geo[] = {
        "us.", "eu.", "apac.", "global.", "jp.", "au.", "us-gov.", "in.",
        "ca.", NULL
    };

    for (i = 0; geo[i] != NULL; i++) {
        if (ai_str_starts(s, geo[i])) {
            n = strlen(geo[i]);
            s->data += n;
            s->len -= n;
            return AI_OK;
        }
    }

    return AI_DECLINED;
}


/* one thing less at the end; AI_DECLINED: there is nothing to leave out */

static ai_int_t
ai_price_shorten(const ai_price_api_t *api, ai_str_t *s, int *date)
{
    size_t  n;

    *date = 0;

    if (((api->flags & AI_PRICE_COLON) && ai_price_until(s, ':') == AI_OK)
        || ((api->flags & AI_PRICE_GOOGLE)
            && ai_price_until(s, '@') == AI_OK))
    {
        return AI_OK;
    }

    n = ai_price_date(s);
    *date = n > 0;

    if (n == 0) {
        n = ai_price_version(s, api->flags);
    }

    if (n == 0 || n >= s->len) {
        return AI_DECLINED;
    }

    s->len -= n;

    return AI_OK;
}


static ai_int_t
ai_price_until(ai_str_t *s, ai_char_t c)
{
    size_t  i;

    for (i = s->len; i > 1; i--) {
        if (s->data[i - 1] == c) {
            s->len = i - 1;
            return AI_OK;
        }
    }

    return AI_DECLINED;
}


/* the length of a date at the end, with what leads to it: "-2024-08-06",
 * "-20250929", "@20250929", "-05-06", "-08-2024", "-0613", "-2507" */

static size_t
ai_price_date(const ai_str_t *s)
{
    const ai_char_t  *end;

    end = s->data + s->len;

    if (ai_price_shape(s, "-20##-##-##")) {
        return 11;
    }

    if (ai_price_shape(s, "-20######") || ai_price_shape(s, "@20######")) {
        return 9;
    }

    if (ai_price_shape(s, "-##-20##")) {
        return 8;
    }

    if (ai_price_shape(s, "-##-##") && ai_price_month(end - 5)) {
        return 6;
    }

    if (ai_price_shape(s, "-####")
        && (ai_price_month(end - 4)
            || (end[-4] == '2' && ai_price_month(end - 2))))
    {
        return 5;
    }

    return 0;
}


/* does it end so?  '#' is a digit */

static int
ai_price_shape(const ai_str_t *s, const char *shape)
{
    size_t            i, n;
    ai_char_t         c;
    const ai_char_t  *p;

    n = strlen(shape);

    if (s->len <= n) {
        return 0;
    }

    p = s->data + s->len - n;

    for (i = 0; i < n; i++) {
        c = (ai_char_t) shape[i];

        if (c == '#' ? p[i] < '0' || p[i] > '9' : p[i] != c) {
            return 0;
        }
    }

    return 1;
}


/* does it begin with a month?  "0613" and "05-06", but not "8192" */

static int
ai_price_month(const ai_char_t *p)
{
    return p[0] == '0' || (p[0] == '1' && p[1] <= '2');
}


static size_t
ai_price_version(const ai_str_t *s, unsigned flags)
{
    if (ai_price_shape(s, "-latest")) {
        return sizeof("-latest") - 1;
    }

    if ((flags & AI_PRICE_GOOGLE) && ai_price_shape(s, "-0##")) {
        return sizeof("-001") - 1;
    }

    if ((flags & AI_PRICE_AWS) && ai_price_shape(s, "-v#")) {
        return sizeof("-v1") - 1;
    }

    return 0;
}
