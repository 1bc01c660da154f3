
/*
 * LiteLLM's table: an object with a model each, whose keys are made of what a
 * price is for and of conditions behind it:
 *
 *     cache_creation_input_token_cost_above_1hr_above_200k_tokens_batches
 *
 * Keys that are not known are left alone, and so is what has conditions that
 * are not known.  A row without a vendor is none of LiteLLM's: the operator's
 * own, as in the other form.
 */

#include <price/ai_price_int.h>


/* behind the kinds of prices: those that stand in where a model has none of
 * the first name */
#define AI_PRICE_WEAK   0x40


typedef struct {
    ai_str_t           name;
    uint8_t            what;        /* ai_price_e, perhaps AI_PRICE_WEAK */
} ai_price_key_t;


/* of an entry: what is not a price of its own */
typedef struct {
    ai_str_t           vendor;
    ai_ref_t           mode;
    ai_ref_t           query;
    int64_t            max_tokens;
} ai_price_entry_t;


static ai_int_t ai_litellm_model(ai_price_file_t *f, ai_ref_t key);
static ai_int_t ai_litellm_member(ai_price_file_t *f, ai_price_entry_t *e,
    ai_ref_t key);
static ai_int_t ai_litellm_price(ai_price_file_t *f, ai_ref_t key,
    int64_t above);
static ai_int_t ai_litellm_value(ai_price_file_t *f, ai_ref_t v, unsigned what,
    ai_tier_e tier, int64_t above);
static ai_int_t ai_litellm_range(ai_price_file_t *f, ai_ref_t list);
static ai_int_t ai_litellm_query(ai_price_file_t *f,
    const ai_price_entry_t *e);
static void ai_litellm_weak(ai_price_row_t *row);
static ai_int_t ai_litellm_key(const ai_str_t *name, unsigned *what,
    ai_tier_e *tier, int64_t *above);
static ai_int_t ai_litellm_suffix(ai_str_t *rest, unsigned *what,
    ai_tier_e *tier, int64_t *above);
static ai_int_t ai_litellm_above(ai_str_t *rest, unsigned *what,
    int64_t *above);
static int64_t ai_litellm_tokens(const ai_json_t *doc, ai_ref_t v);
static int ai_litellm_skip(ai_str_t *s, const char *prefix);


/* of those that begin alike the longer one is first */

static const ai_price_key_t  ai_litellm_keys[] = {

    { ai_string("input_cost_per_token_cache_hit"),
      AI_PRICE_CACHED|AI_PRICE_WEAK },
    { ai_string("input_cost_per_token"), AI_PRICE_INPUT },
    { ai_string("input_cost_per_audio_token"), AI_PRICE_INPUT_AUDIO },
    { ai_string("input_cost_per_audio_per_second"),
      AI_PRICE_SECOND|AI_PRICE_WEAK },
    { ai_string("input_cost_per_image_token"), AI_PRICE_INPUT_IMAGE },
    { ai_string("input_cost_per_image"), AI_PRICE_IMAGE|AI_PRICE_WEAK },
    { ai_string("input_cost_per_character"), AI_PRICE_CHARACTER },
    { ai_string("input_cost_per_second"), AI_PRICE_SECOND },
    { ai_string("input_cost_per_request"), AI_PRICE_REQUEST },

    { ai_string("output_cost_per_token"), AI_PRICE_OUTPUT },
    { ai_string("output_cost_per_reasoning_token"), AI_PRICE_REASONING },
    { ai_string("output_cost_per_audio_token"), AI_PRICE_OUTPUT_AUDIO },
    { ai_string("output_cost_per_image_token"), AI_PRICE_OUTPUT_IMAGE },
    { ai_string("output_cost_per_image"), AI_PRICE_IMAGE },

    { ai_string("cache_read_input_token_cost"), AI_PRICE_CACHED },
    { ai_string("cache_read_input_audio_token_cost"), AI_PRICE_CACHED_AUDIO },
    { ai_string("cache_read_input_image_token_cost"), AI_PRICE_CACHED_IMAGE },
    { ai_string("cache_creation_input_token_cost"), AI_PRICE_CACHE_WRITE },

    { ai_null_string, 0 }
};


ai_int_t
ai_price_litellm(ai_price_file_t *f)
{
    ai_ref_t  key;

    f->models = 0;

    for (key = ai_json_first(&f->doc, AI_JSON_ROOT);
         key != AI_JSON_NONE;
         key = ai_json_next(&f->doc, AI_JSON_ROOT, key))
    {
        if (ai_json_is(&f->doc, key, "sample_spec")) {
            continue;
        }

        if (ai_json_type(&f->doc, ai_json_value(&f->doc, key))
            != AI_JSON_OBJECT)
        {
            return ai_price_fail_key(f, key, "not a model:");
        }

        if (ai_litellm_model(f, key) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (f->models == 0 && ai_json_first(&f->doc, AI_JSON_ROOT) != AI_JSON_NONE)
    {
        return ai_price_fail(f, AI_JSON_ROOT, "there are no prices in it, and "
                             "no \"models\"");
    }

    return AI_OK;
}


static ai_int_t
ai_litellm_model(ai_price_file_t *f, ai_ref_t key)
{
    ai_ref_t          object, v;
    ai_str_t          name;
    ai_price_entry_t  e;

    if (ai_price_file_name(f, key, &name) != AI_OK) {
        return AI_ERROR;
    }

    memset(&e, 0, sizeof(ai_price_entry_t));

    e.mode = AI_JSON_NONE;
    e.query = AI_JSON_NONE;
    e.max_tokens = -1;

    ai_price_row_init(&f->row);

    object = ai_json_value(&f->doc, key);

    for (v = ai_json_first(&f->doc, object);
         v != AI_JSON_NONE;
         v = ai_json_next(&f->doc, object, v))
    {
        if (ai_litellm_member(f, &e, v) != AI_OK) {
            return AI_ERROR;
        }
    }

    if (ai_litellm_query(f, &e) != AI_OK) {
        return AI_ERROR;
    }

    /* the file has other things than models as well */

    if (f->row.n == 0 && e.vendor.len == 0) {
        return AI_OK;
    }

    f->models++;

    ai_litellm_weak(&f->row);

    if (f->row.max_output < 0) {
        f->row.max_output = e.max_tokens;
    }

    return ai_price_table_add(f->table, &name, &e.vendor, &f->row);
}


static ai_int_t
ai_litellm_member(ai_price_file_t *f, ai_price_entry_t *e, ai_ref_t key)
{
    ai_ref_t          v, medium;
    ai_esc_t          name;
    const ai_json_t  *doc;

    doc = &f->doc;
    v = ai_json_value(doc, key);
    name = ai_json_esc(doc, key);

    if (ai_str_is(&name, "litellm_provider")) {
        e->vendor = ai_json_esc(doc, v);
        return AI_OK;
    }

    if (ai_str_is(&name, "mode")) {
        e->mode = v;
        return AI_OK;
    }

    if (ai_str_is(&name, "input_cost_per_query")) {
        e->query = v;
        return AI_OK;
    }

    if (ai_str_is(&name, "max_input_tokens")) {
        f->row.max_input = ai_litellm_tokens(doc, v);
        return AI_OK;
    }

    if (ai_str_is(&name, "max_output_tokens")) {
        f->row.max_output = ai_litellm_tokens(doc, v);
        return AI_OK;
    }

    if (ai_str_is(&name, "max_tokens")) {
        e->max_tokens = ai_litellm_tokens(doc, v);
        return AI_OK;
    }

    if (ai_str_is(&name, "search_context_cost_per_query")) {
        medium = ai_json_get(doc, v, "search_context_size_medium");
        return ai_litellm_value(f, medium, AI_PRICE_SEARCH, AI_TIER_STANDARD,
                                0);
    }

    if (ai_str_is(&name, "tiered_pricing")) {
        return ai_litellm_range(f, v);
    }

    return ai_litellm_price(f, key, 0);
}


static ai_int_t
ai_litellm_price(ai_price_file_t *f, ai_ref_t key, int64_t above)
{
    int64_t    more;
    unsigned   what;
    ai_esc_t   name;
    ai_tier_e  tier;

    name = ai_json_esc(&f->doc, key);

    if (ai_litellm_key(&name, &what, &tier, &more) != AI_OK) {
        return AI_OK;
    }

    return ai_litellm_value(f, ai_json_value(&f->doc, key), what, tier,
                            ai_max(above, more));
}


/* a number, be it one in a string; all else is no price */

static ai_int_t
ai_litellm_value(ai_price_file_t *f, ai_ref_t v, unsigned what, ai_tier_e tier,
    int64_t above)
{
    int64_t         price;
    ai_str_t        s;
    ai_json_type_e  type;

    type = ai_json_type(&f->doc, v);

    if (type == AI_JSON_NUMBER) {
        s = ai_json_raw(&f->doc, v);

    } else if (type == AI_JSON_STRING) {
        s = ai_json_esc(&f->doc, v);

    } else {
        return AI_OK;
    }

    if (ai_price_round(&s, 0, &price) != AI_OK) {
        return ai_price_fail(f, v, "a price is negative, too large, or no "
                             "number");
    }

    if (ai_price_row_set(&f->row, (ai_price_e) what, tier, above, price)
        != AI_OK)
    {
        return ai_price_fail(f, v, "a model has too many prices");
    }

    return AI_OK;
}


/* [{"range": [256000, 1000000], "input_cost_per_token": ...}, ...]: the first
 * number is exclusive */

static ai_int_t
ai_litellm_range(ai_price_file_t *f, ai_ref_t list)
{
    int64_t           above;
    ai_ref_t          v, key, range;
    const ai_json_t  *doc;

    doc = &f->doc;

    if (ai_json_type(doc, list) != AI_JSON_ARRAY) {
        return AI_OK;
    }

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        range = ai_json_get(doc, v, "range");
        above = ai_json_type(doc, range) == AI_JSON_ARRAY
                ? ai_litellm_tokens(doc, ai_json_first(doc, range)) : -1;

        if (above < 0 || ai_json_type(doc, v) != AI_JSON_OBJECT) {
            continue;
        }

        for (key = ai_json_first(doc, v);
             key != AI_JSON_NONE;
             key = ai_json_next(doc, v, key))
        {
            if (ai_litellm_price(f, key, above) != AI_OK) {
                return AI_ERROR;
            }
        }
    }

    return AI_OK;
}


/* what is asked: a search or a rank, or else something to be embedded */

static ai_int_t
ai_litellm_query(ai_price_file_t *f, const ai_price_entry_t *e)
{
    if (e->query == AI_JSON_NONE) {
        return AI_OK;
    }

    return ai_litellm_value(f, e->query,
                            ai_json_is(&f->doc, e->mode, "embedding")
                            ? AI_PRICE_REQUEST : AI_PRICE_SEARCH,
                            AI_TIER_STANDARD, 0);
}


static void
ai_litellm_weak(ai_price_row_t *row)
{
    uint32_t    i, n;
    uint64_t    have;
    ai_rate_t  *rate;

    have = 0;

    for (i = 0; i < row->n; i++) {
        if (row->rates[i].what < AI_PRICE_WEAK) {
            have |= 1ULL << row->rates[i].what;
        }
    }

    for (i = 0, n = 0; i < row->n; i++) {
        rate = &row->rates[i];

        if (rate->what >= AI_PRICE_WEAK) {
            rate->what -= AI_PRICE_WEAK;

            if (have & (1ULL << rate->what)) {
                continue;
            }
        }

        row->rates[n++] = *rate;
    }

    row->n = n;
}


static ai_int_t
ai_litellm_key(const ai_str_t *name, unsigned *what, ai_tier_e *tier,
    int64_t *above)
{
    ai_str_t               rest;
    const ai_price_key_t  *k;

    for (k = ai_litellm_keys; k->name.len; k++) {
        if (name->len >= k->name.len
            && memcmp(name->data, k->name.data, k->name.len) == 0)
        {
            break;
        }
    }

    if (k->name.len == 0) {
        return AI_DECLINED;
    }

    *what = k->what;
    *tier = AI_TIER_STANDARD;
    *above = 0;

    rest.data = name->data + k->name.len;
    rest.len = name->len - k->name.len;

    while (rest.len) {
        if (ai_litellm_suffix(&rest, what, tier, above) != AI_OK) {
            return AI_DECLINED;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_litellm_suffix(ai_str_t *rest, unsigned *what, ai_tier_e *tier,
    int64_t *above)
{
    if (ai_litellm_skip(rest, "_above_")) {
        return ai_litellm_above(rest, what, above);
    }

    if (*tier != AI_TIER_STANDARD) {
        return AI_DECLINED;
    }

    if (ai_litellm_skip(rest, "_batches")) {
        *tier = AI_TIER_BATCH;
        return AI_OK;
    }

    if (ai_litellm_skip(rest, "_flex")) {
        *tier = AI_TIER_FLEX;
        return AI_OK;
    }

    if (ai_litellm_skip(rest, "_priority")) {
        *tier = AI_TIER_PRIORITY;
        return AI_OK;
    }

    return AI_DECLINED;
}


/* "1hr" of what is written to the cache, "272k_tokens" of anything */

static ai_int_t
ai_litellm_above(ai_str_t *rest, unsigned *what, int64_t *above)
{
    size_t   i;
    int64_t  n;

    if (*what == AI_PRICE_CACHE_WRITE && ai_litellm_skip(rest, "1hr")) {
        *what = AI_PRICE_CACHE_WRITE_1H;
        return AI_OK;
    }

    for (i = 0, n = 0; i < rest->len && i < 9; i++) {

        if (rest->data[i] < '0' || rest->data[i] > '9') {
            break;
        }

        n = n * 10 + (rest->data[i] - '0');
    }

    rest->data += i;
    rest->len -= i;

    if (n == 0 || *above || !ai_litellm_skip(rest, "k_tokens")) {
        return AI_DECLINED;
    }

    *above = n * 1000;

    return AI_OK;
}


static int64_t
ai_litellm_tokens(const ai_json_t *doc, ai_ref_t v)
{
    int64_t  n;

    return ai_json_int(doc, v, &n) == AI_OK && n >= 0 ? n : -1;
}


static int
ai_litellm_skip(ai_str_t *s, const char *prefix)
{
    size_t  n;

    if (!ai_str_starts(s, prefix)) {
        return 0;
    }

    n = strlen(prefix);

    s->data += n;
    s->len -= n;

    return 1;
}
