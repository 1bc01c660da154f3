
/*
 * Inside of the price room: the table, what makes its rows, and names.
 */

#ifndef AI_PRICE_INT_H
#define AI_PRICE_INT_H


#include <codec/ai_json.h>
#include <price/ai_price.h>


#define AI_PRICE_NAME   256     /* of a model in a file; longer ones: error */
#define AI_PRICE_RATES  256     /* of one model */


/*
 * Open addressing, at most half full; slots point to rows that never move, for
 * callers keep them.  A name is found whatever the case of its letters, but
 * one that is spelled the same goes first.
 *
 * The operator's own names that end in '*' are in the same table, and "wild"
 * has a bit for each length that stands before the '*'.
 */
struct ai_price_table_s {
    const ai_pool_t   *pool;
    ai_price_t       **slot;
    uint32_t           alloc;       /* slots, a power of two, or 0 */
    uint32_t           n;
    uint32_t           own;         /* rows without a vendor were added */

    ai_char_t         *chunk;       /* rows, rates and names are cut from */
    size_t             left;

    struct ai_price_vendor_s
                      *vendors;     /* each name once */
    uint32_t           nvendors;

    uint64_t           wild[AI_PRICE_NAME / 64];
};


/* a model while its object is read */
typedef struct {
    ai_rate_t          rates[AI_PRICE_RATES];
    uint32_t           n;
    int64_t            max_input;
    int64_t            max_output;
} ai_price_row_t;


/* a file while it is read */
typedef struct {
    ai_price_table_t  *table;
    ai_json_t          doc;
    ai_price_row_t     row;
    uint32_t           models;      /* that were in it */
    size_t             off;         /* of what is wrong ... */
    const char        *error;       /* ... and what it is; NULL: no memory */
} ai_price_file_t;


#pragma GCC visibility push(hidden)


/*
 * ai_price_number(), for the numbers of a file: what is finer than a price can
 * be is rounded, half up.
 */
ai_int_t ai_price_round(const ai_str_t *s, int scale, int64_t *price);


/* AI_ERROR: too many */
void ai_price_row_init(ai_price_row_t *row);
ai_int_t ai_price_row_set(ai_price_row_t *row, ai_price_e what, ai_tier_e tier,
    int64_t above, int64_t price);

/* vendor empty: the operator's own.  In place of one of the same name.
 * AI_ERROR: no memory */
ai_int_t ai_price_table_add(ai_price_table_t *table, const ai_str_t *name,
    const ai_str_t *vendor, const ai_price_row_t *row);

/* NULL: none */
const ai_price_t *ai_price_table_get(const ai_price_table_t *table,
    const ai_str_t *name);

/* the longest of our own names with a '*' that begins name, with at least min
 * bytes before the '*'; name has room for one byte behind it, and comes back
 * as it was */
const ai_price_t *ai_price_table_wild(const ai_price_table_t *table,
    const ai_str_t *name, size_t min);


/* sets off and error, and is AI_ERROR */
ai_int_t ai_price_fail(ai_price_file_t *f, ai_ref_t v, const char *error);

/* the same with the name of v, a key, in it: "before \"key\"" */
ai_int_t ai_price_fail_key(ai_price_file_t *f, ai_ref_t v, const char *before);

/* the name of a model: checks its length.  AI_OK or AI_ERROR */
ai_int_t ai_price_file_name(ai_price_file_t *f, ai_ref_t key, ai_str_t *name);

/* the two forms: all models of the object */
ai_int_t ai_price_litellm(ai_price_file_t *f);
ai_int_t ai_price_native(ai_price_file_t *f);


#pragma GCC visibility pop


#endif /* AI_PRICE_INT_H */
