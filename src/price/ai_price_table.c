
/*
 * The table of models: a hash of names, filled from files.
 */

#include <price/ai_price_int.h>


#define AI_PRICE_CHUNK    16384
#define AI_PRICE_SLOTS    64
#define AI_PRICE_VENDORS  512       /* of these each name is kept once */


typedef struct ai_price_vendor_s  ai_price_vendor_t;

struct ai_price_vendor_s {
    ai_price_vendor_t  *next;
    ai_str_t            name;
};


static ai_int_t ai_price_grow(ai_price_table_t *table);
static void ai_price_put(ai_price_table_t *table, ai_price_t *p);
static uint32_t ai_price_slot(const ai_price_table_t *table,
    const ai_str_t *name, uint32_t *same);
static uint32_t ai_price_hash(const ai_str_t *name);
static void *ai_price_cut(ai_price_table_t *table, size_t size);
static ai_int_t ai_price_copy(ai_price_table_t *table, ai_str_t *dst,
    const ai_str_t *src);
static ai_int_t ai_price_vendor(ai_price_table_t *table, ai_str_t *dst,
    const ai_str_t *src);
static ai_int_t ai_price_file(ai_price_file_t *f, const ai_str_t *json);
static int ai_price_is_native(const ai_json_t *doc);
static ai_uint_t ai_price_line(const ai_str_t *json, size_t off);


ai_price_table_t *
ai_price_table_create(const ai_pool_t *pool)
{
    ai_price_table_t  *table;

    table = ai_pcalloc(pool, sizeof(ai_price_table_t));

    if (table != NULL) {
        table->pool = pool;
    }

    return table;
}


uint32_t
ai_price_table_size(const ai_price_table_t *table)
{
    return table->n;
}


ai_int_t
ai_price_table_parse(ai_price_table_t *table, const ai_str_t *json,
    ai_uint_t *line, const char **error)
{
    ai_int_t         rc;
    ai_price_file_t  f;

    f.table = table;
    f.off = 0;
    f.error = NULL;

    ai_json_init(&f.doc, table->pool);

    rc = ai_price_file(&f, json);

    ai_pfree(table->pool, f.doc.node);

    if (rc == AI_OK) {
        return AI_OK;
    }

    *line = f.error ? ai_price_line(json, f.off) : 0;
    *error = f.error ? f.error : ai_json_strerror(AI_JSON_E_MEMORY);

    return AI_ERROR;
}


static ai_int_t
ai_price_file(ai_price_file_t *f, const ai_str_t *json)
{
    if (ai_json_parse(&f->doc, json, NULL) != AI_OK) {

        if (f->doc.error != AI_JSON_E_MEMORY) {
            f->error = ai_json_strerror(f->doc.error);
            f->off = f->doc.error_off;
        }

        return AI_ERROR;
    }

    if (ai_json_type(&f->doc, AI_JSON_ROOT) != AI_JSON_OBJECT) {
        return ai_price_fail(f, AI_JSON_ROOT, "prices are a JSON object");
    }

    return ai_price_is_native(&f->doc) ? ai_price_native(f)
                                       : ai_price_litellm(f);
}


/* models are named at the top of the other form, and every one is an object
 * with a provider in it */

static int
ai_price_is_native(const ai_json_t *doc)
{
    ai_ref_t  models;

    models = ai_json_get(doc, AI_JSON_ROOT, "models");

    if (models == AI_JSON_NONE) {
        return ai_json_type(doc, ai_json_get(doc, AI_JSON_ROOT, "unit"))
               == AI_JSON_STRING;
    }

    return ai_json_get(doc, models, "litellm_provider") == AI_JSON_NONE;
}


static ai_uint_t
ai_price_line(const ai_str_t *json, size_t off)
{
    ai_uint_t         n;
    const ai_char_t  *p, *end;

    n = 1;
    p = json->data;
    end = p + ai_min(off, json->len);

    while (p < end && (p = memchr(p, '\n', (size_t) (end - p))) != NULL) {
        n++;
        p++;
    }

    return n;
}


ai_int_t
ai_price_fail(ai_price_file_t *f, ai_ref_t v, const char *error)
{
    f->off = f->doc.node[v].off;
    f->error = error;

    return AI_ERROR;
}


ai_int_t
ai_price_fail_key(ai_price_file_t *f, ai_ref_t v, const char *before)
{
    size_t    i, n, len;
    char     *p;
    ai_esc_t  key;

    key = ai_json_esc(&f->doc, v);
    len = ai_min(key.len, 64);
    n = strlen(before);

    p = ai_price_cut(f->table, n + len + sizeof(" \"\""));
    if (p == NULL) {
        f->error = NULL;
        return AI_ERROR;
    }

    memcpy(p, before, n);
    p[n++] = ' ';
    p[n++] = '"';

    for (i = 0; i < len; i++) {
        p[n++] = key.data[i] >= 0x20 && key.data[i] < 0x7f
                 ? (char) key.data[i] : '?';
    }

    p[n++] = '"';
    p[n] = '\0';

    return ai_price_fail(f, v, p);
}


ai_int_t
ai_price_file_name(ai_price_file_t *f, ai_ref_t key, ai_str_t *name)
{
    if (ai_json_str(&f->doc, key, f->table->pool, name) != AI_OK) {
        f->error = NULL;
        return AI_ERROR;
    }

    if (name->len == 0 || name->len >= AI_PRICE_NAME) {
        return ai_price_fail(f, key, "the name of a model is empty or long");
    }

    return AI_OK;
}


ai_int_t
ai_price_table_add(ai_price_table_t *table, const ai_str_t *name,
    const ai_str_t *vendor, const ai_price_row_t *row)
{
    size_t       size;
    uint32_t     same;
    ai_price_t  *p;

    if (ai_price_grow(table) != AI_OK) {
        return AI_ERROR;
    }

    p = ai_price_cut(table, sizeof(ai_price_t));
    if (p == NULL) {
        return AI_ERROR;
    }

    memset(p, 0, sizeof(ai_price_t));

    p->n = row->n;
    p->max_input = row->max_input;
    p->max_output = row->max_output;

    if (row->n) {
        size = row->n * sizeof(ai_rate_t);

        p->rates = ai_price_cut(table, size);
        if (p->rates == NULL) {
            return AI_ERROR;
        }

        memcpy(p->rates, row->rates, size);
    }

    if (ai_price_vendor(table, &p->vendor, vendor) != AI_OK) {
        return AI_ERROR;
    }

    ai_price_slot(table, name, &same);

    if (same != UINT32_MAX) {
        p->model = table->slot[same]->model;
        table->slot[same] = p;

    } else {
        if (ai_price_copy(table, &p->model, name) != AI_OK) {
            return AI_ERROR;
        }

        ai_price_put(table, p);
        table->n++;
    }

    table->own |= vendor->len == 0;

    if (vendor->len == 0 && name->data[name->len - 1] == '*') {
        size = name->len - 1;
        table->wild[size / 64] |= 1ULL << (size % 64);
    }

    return AI_OK;
}


/* room for one more */

static ai_int_t
ai_price_grow(ai_price_table_t *table)
{
    uint32_t      i, n;
    ai_price_t  **old, **slot;

    if (table->n < table->alloc / 2) {
        return AI_OK;
    }

    if (table->alloc > UINT32_MAX / 4) {
        return AI_ERROR;
    }

    n = table->alloc ? table->alloc * 2 : AI_PRICE_SLOTS;

    slot = ai_pcalloc(table->pool, (size_t) n * sizeof(ai_price_t *));
    if (slot == NULL) {
        return AI_ERROR;
    }

    old = table->slot;
    i = table->alloc;

    table->slot = slot;
    table->alloc = n;

    while (i--) {
        if (old[i] != NULL) {
            ai_price_put(table, old[i]);
        }
    }

    ai_pfree(table->pool, old);

    return AI_OK;
}


static void
ai_price_put(ai_price_table_t *table, ai_price_t *p)
{
    uint32_t  i;

    i = ai_price_hash(&p->model) & (table->alloc - 1);

    while (table->slot[i] != NULL) {
        i = (i + 1) & (table->alloc - 1);
    }

    table->slot[i] = p;
}


const ai_price_t *
ai_price_table_get(const ai_price_table_t *table, const ai_str_t *name)
{
    uint32_t  i, same;

    if (table->alloc == 0) {
        return NULL;
    }

    i = ai_price_slot(table, name, &same);

    if (same != UINT32_MAX) {
        i = same;
    }

    return i != UINT32_MAX ? table->slot[i] : NULL;
}


/* where the name is in any case of its letters, and as it is spelled;
 * UINT32_MAX: nowhere */

static uint32_t
ai_price_slot(const ai_price_table_t *table, const ai_str_t *name,
    uint32_t *same)
{
    uint32_t     i, like;
    ai_price_t  *p;

    like = UINT32_MAX;
    *same = UINT32_MAX;

    i = ai_price_hash(name) & (table->alloc - 1);

    while ((p = table->slot[i]) != NULL) {

        if (ai_str_caseeq(&p->model, name)) {

            if (ai_str_eq(&p->model, name)) {
                *same = i;
                return i;
            }

            like = i;
        }

        i = (i + 1) & (table->alloc - 1);
    }

    return like;
}


/* FNV-1a; the case of letters, and some of what is no letter, is left out */

static uint32_t
ai_price_hash(const ai_str_t *name)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261u;

    for (i = 0; i < name->len; i++) {
        h = (h ^ (name->data[i] & 0xdf)) * 16777619u;
    }

    return h ^ (h >> 15);
}


const ai_price_t *
ai_price_table_wild(const ai_price_table_t *table, const ai_str_t *name,
    size_t min)
{
    size_t             len;
    ai_str_t           s;
    ai_char_t          c;
    const ai_price_t  *p;

    p = NULL;
    s.data = name->data;
    len = ai_min(name->len, AI_PRICE_NAME - 2) + 1;

    while (p == NULL && len-- > min) {

        if ((table->wild[len / 64] & (1ULL << (len % 64))) == 0) {
            continue;
        }

        c = s.data[len];
        s.data[len] = '*';
        s.len = len + 1;

        p = ai_price_table_get(table, &s);

        s.data[len] = c;

        if (p != NULL && p->vendor.len) {
            p = NULL;
        }
    }

    return p;
}


/* aligned for any type of the table */

static void *
ai_price_cut(ai_price_table_t *table, size_t size)
{
    void  *p;

    size = (size + 7) & ~(size_t) 7;

    if (size > AI_PRICE_CHUNK / 4) {
        return ai_palloc(table->pool, size);
    }

    if (size > table->left) {
        p = ai_palloc(table->pool, AI_PRICE_CHUNK);
        if (p == NULL) {
            return NULL;
        }

        table->chunk = p;
        table->left = AI_PRICE_CHUNK;
    }

    p = table->chunk;
    table->chunk += size;
    table->left -= size;

    return p;
}


static ai_int_t
ai_price_copy(ai_price_table_t *table, ai_str_t *dst, const ai_str_t *src)
{
    dst->data = ai_price_cut(table, src->len);
    if (dst->data == NULL) {
        return AI_ERROR;
    }

    dst->len = src->len;
    memcpy(dst->data, src->data, src->len);

    return AI_OK;
}


static ai_int_t
ai_price_vendor(ai_price_table_t *table, ai_str_t *dst, const ai_str_t *src)
{
    ai_price_vendor_t  *v;

    if (src->len == 0) {
        return AI_OK;
    }

    for (v = table->vendors; v != NULL; v = v->next) {
        if (ai_str_eq(&v->name, src)) {
            *dst = v->name;
            return AI_OK;
        }
    }

    if (ai_price_copy(table, dst, src) != AI_OK) {
        return AI_ERROR;
    }

    if (table->nvendors == AI_PRICE_VENDORS) {
        return AI_OK;
    }

    v = ai_price_cut(table, sizeof(ai_price_vendor_t));
    if (v == NULL) {
        return AI_ERROR;
    }

    v->name = *dst;
    v->next = table->vendors;

    table->vendors = v;
    table->nvendors++;

    return AI_OK;
}
