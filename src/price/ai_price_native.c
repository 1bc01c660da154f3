
/*
 * Our own form:
 *
 *     {"unit": "1M",
 *      "models": {
 *          "gpt-4o": {
 *              "input": 2.5, "output": 10, "cached": 1.25,
 *              "tiers": [{"above": 200000, "input": 5, "output": 15}],
 *              "batch": {"input": 1.25, "output": 5},
 *              "context": 128000},
 *          "anthropic/claude-*": {...}}}
 *
 * People write it by hand: whatever is not known is an error.
 */

#include <price/ai_price_int.h>


#define AI_NATIVE_ROOT      0x01    /* the model's own object */
#define AI_NATIVE_NESTED    0x02    /* one of "tiers" */


typedef struct {
    const char        *name;
    uint8_t            what;        /* ai_price_e */
    uint8_t            each;        /* USD for one, whatever the unit */
} ai_native_key_t;


static ai_int_t ai_native_unit(ai_price_file_t *f, ai_ref_t v, int *scale);
static ai_int_t ai_native_models(ai_price_file_t *f, ai_ref_t models,
    int scale);
static ai_int_t ai_native_object(ai_price_file_t *f, ai_ref_t object,
    unsigned where, ai_tier_e tier, int64_t above, int scale);
static ai_int_t ai_native_member(ai_price_file_t *f, ai_ref_t key,
    unsigned where, ai_tier_e tier, int64_t above, int scale);
static ai_int_t ai_native_tiers(ai_price_file_t *f, ai_ref_t list,
    ai_tier_e tier, int scale);
static ai_int_t ai_native_price(ai_price_file_t *f, ai_ref_t v,
    const ai_native_key_t *k, ai_tier_e tier, int64_t above, int scale);
static ai_int_t ai_native_tokens(ai_price_file_t *f, ai_ref_t v, int64_t *n);
static const ai_native_key_t *ai_native_find(const ai_json_t *doc,
    ai_ref_t key);


static const ai_native_key_t  ai_native_keys[] = {
    { "input", AI_PRICE_INPUT, 0 },
    { "output", AI_PRICE_OUTPUT, 0 },
    { "cached", AI_PRICE_CACHED, 0 },
    { "cache_write", AI_PRICE_CACHE_WRITE, 0 },
    { "cache_write_1h", AI_PRICE_CACHE_WRITE_1H, 0 },
    { "reasoning", AI_PRICE_REASONING, 0 },
    { "input_audio", AI_PRICE_INPUT_AUDIO, 0 },
    { "output_audio", AI_PRICE_OUTPUT_AUDIO, 0 },
    { "cached_audio", AI_PRICE_CACHED_AUDIO, 0 },
    { "input_image", AI_PRICE_INPUT_IMAGE, 0 },
    { "output_image", AI_PRICE_OUTPUT_IMAGE, 0 },
    { "cached_image", AI_PRICE_CACHED_IMAGE, 0 },
    { "character", AI_PRICE_CHARACTER, 0 },
    { "request", AI_PRICE_REQUEST, 1 },
    { "search", AI_PRICE_SEARCH, 1 },
    { "image", AI_PRICE_IMAGE, 1 },
    { "second", AI_PRICE_SECOND, 1 },
    { NULL, 0, 0 }
};


ai_int_t
ai_price_native(ai_price_file_t *f)
{
    int       scale;
    ai_ref_t  key, v, models;

    scale = -6;
    models = AI_JSON_NONE;

    for (key = ai_json_first(&f->doc, AI_JSON_ROOT);
         key != AI_JSON_NONE;
         key = ai_json_next(&f->doc, AI_JSON_ROOT, key))
    {
        v = ai_json_value(&f->doc, key);

        if (ai_json_is(&f->doc, key, "unit")) {
            if (ai_native_unit(f, v, &scale) != AI_OK) {
                return AI_ERROR;
            }

        } else if (ai_json_is(&f->doc, key, "models")) {
            models = v;

        } else {
            return ai_price_fail_key(f, key, "unknown key");
        }
    }

    if (ai_json_type(&f->doc, models) != AI_JSON_OBJECT) {
        return ai_price_fail(f, models == AI_JSON_NONE ? AI_JSON_ROOT : models,
                             "\"models\" must be an object");
    }

    return ai_native_models(f, models, scale);
}


static ai_int_t
ai_native_unit(ai_price_file_t *f, ai_ref_t v, int *scale)
{
    if (ai_json_is(&f->doc, v, "1M")) {
        *scale = -6;

    } else if (ai_json_is(&f->doc, v, "1K")) {
        *scale = -3;

    } else if (ai_json_is(&f->doc, v, "1")) {
        *scale = 0;

    } else {
        return ai_price_fail(f, v, "\"unit\" must be \"1M\", \"1K\" or \"1\"");
    }

    return AI_OK;
}


static ai_int_t
ai_native_models(ai_price_file_t *f, ai_ref_t models, int scale)
{
    ai_ref_t               key;
    ai_str_t               name;
    static const ai_str_t  own = ai_null_string;

    for (key = ai_json_first(&f->doc, models);
         key != AI_JSON_NONE;
         key = ai_json_next(&f->doc, models, key))
    {
        if (ai_price_file_name(f, key, &name) != AI_OK) {
            return AI_ERROR;
        }

        ai_price_row_init(&f->row);

        if (ai_native_object(f, ai_json_value(&f->doc, key), AI_NATIVE_ROOT,
                             AI_TIER_STANDARD, 0, scale)
            != AI_OK)
        {
            return AI_ERROR;
        }

        if (ai_price_table_add(f->table, &name, &own, &f->row) != AI_OK) {
            f->error = NULL;
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_native_object(ai_price_file_t *f, ai_ref_t object, unsigned where,
    ai_tier_e tier, int64_t above, int scale)
{
    ai_ref_t  key;

    if (ai_json_type(&f->doc, object) != AI_JSON_OBJECT) {
        return ai_price_fail(f, object, "prices must be an object");
    }

    for (key = ai_json_first(&f->doc, object);
         key != AI_JSON_NONE;
         key = ai_json_next(&f->doc, object, key))
    {
        if (ai_native_member(f, key, where, tier, above, scale) != AI_OK) {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_native_member(ai_price_file_t *f, ai_ref_t key, unsigned where,
    ai_tier_e tier, int64_t above, int scale)
{
    ai_ref_t                v;
    const ai_json_t        *doc;
    const ai_native_key_t  *k;

    doc = &f->doc;
    v = ai_json_value(doc, key);

    k = ai_native_find(doc, key);

    if (k != NULL) {
        return ai_native_price(f, v, k, tier, above, scale);
    }

    if (where == AI_NATIVE_NESTED) {
        return ai_json_is(doc, key, "above")
               ? AI_OK : ai_price_fail_key(f, key, "unknown key");
    }

    if (ai_json_is(doc, key, "tiers")) {
        return ai_native_tiers(f, v, tier, scale);
    }

    if (where == AI_NATIVE_ROOT) {

        if (ai_json_is(doc, key, "context")) {
            return ai_native_tokens(f, v, &f->row.max_input);
        }

        if (ai_json_is(doc, key, "max_output")) {
            return ai_native_tokens(f, v, &f->row.max_output);
        }

        if (ai_json_is(doc, key, "batch")) {
            return ai_native_object(f, v, 0, AI_TIER_BATCH, 0, scale);
        }

        if (ai_json_is(doc, key, "flex")) {
            return ai_native_object(f, v, 0, AI_TIER_FLEX, 0, scale);
        }

        if (ai_json_is(doc, key, "priority")) {
            return ai_native_object(f, v, 0, AI_TIER_PRIORITY, 0, scale);
        }
    }

    return ai_price_fail_key(f, key, "unknown key");
}


static ai_int_t
ai_native_tiers(ai_price_file_t *f, ai_ref_t list, ai_tier_e tier, int scale)
{
    int64_t   above;
    ai_ref_t  v, n;

    if (ai_json_type(&f->doc, list) != AI_JSON_ARRAY) {
        return ai_price_fail(f, list, "\"tiers\" must be a list of objects");
    }

    for (v = ai_json_first(&f->doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(&f->doc, list, v))
    {
        n = ai_json_get(&f->doc, v, "above");

        if (n == AI_JSON_NONE) {
            return ai_price_fail(f, v, "one of \"tiers\" has no \"above\"");
        }

        if (ai_native_tokens(f, n, &above) != AI_OK
            || ai_native_object(f, v, AI_NATIVE_NESTED, tier, above, scale)
               != AI_OK)
        {
            return AI_ERROR;
        }
    }

    return AI_OK;
}


static ai_int_t
ai_native_price(ai_price_file_t *f, ai_ref_t v, const ai_native_key_t *k,
    ai_tier_e tier, int64_t above, int scale)
{
    int64_t   price;
    ai_str_t  s;

    s = ai_json_raw(&f->doc, v);

    if (ai_json_type(&f->doc, v) != AI_JSON_NUMBER
        || ai_price_round(&s, k->each ? 0 : scale, &price) != AI_OK)
    {
        return ai_price_fail(f, v, "a price is negative, too large, or no "
                             "number");
    }

    if (ai_price_row_set(&f->row, (ai_price_e) k->what, tier, above, price)
        != AI_OK)
    {
        return ai_price_fail(f, v, "a model has too many prices");
    }

    return AI_OK;
}


static ai_int_t
ai_native_tokens(ai_price_file_t *f, ai_ref_t v, int64_t *n)
{
    if (ai_json_int(&f->doc, v, n) != AI_OK || *n <= 0) {
        return ai_price_fail(f, v, "a number of tokens must be a positive "
                             "integer");
    }

    return AI_OK;
}


static const ai_native_key_t *
ai_native_find(const ai_json_t *doc, ai_ref_t key)
{
    const ai_native_key_t  *k;

    for (k = ai_native_keys; k->name != NULL; k++) {
        if (ai_json_is(doc, key, k->name)) {
            return k;
        }
    }

    return NULL;
}
