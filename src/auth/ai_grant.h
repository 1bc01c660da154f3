
/*
 * What somebody may ask for: lists of patterns, of a key and of a role.
 */

#ifndef AI_GRANT_H
#define AI_GRANT_H


#include <codec/ai_json.h>


typedef enum {
    AI_GRANT_MODELS = 0,
    AI_GRANT_ROUTES,
    AI_GRANT_OPERATIONS,
    AI_GRANT_PROVIDERS,
    AI_GRANT_REGIONS,
    AI_GRANT_TOOLS,

    AI_GRANT_MAX
} ai_grant_e;


/* v NULL: the list was not given, which is not the same as an empty one */
typedef struct {
    ai_str_t          *v;
    ai_uint_t          n;
} ai_patterns_t;


typedef struct {
    ai_patterns_t      list[AI_GRANT_MAX];
    unsigned           strict:1;    /* a list that was not given has nothing,
                                       as in a role; else it has everything */
} ai_grant_t;


/* names of tools, each of which has to be permitted */
typedef struct {
    ai_str_t          *v;
    ai_uint_t          n;
    ai_uint_t          alloc;
} ai_names_t;


#pragma GCC visibility push(hidden)


/* the words that a list of operations may have, or NULL behind the last */
const ai_str_t *ai_grant_operation(ai_uint_t i);

/* "gpt-4o*": a "*" may only be the last character; 1 or 0 */
ai_int_t ai_pattern_is_valid(const ai_str_t *pattern);

/* 1 or 0; a grant that is NULL permits everything */
ai_int_t ai_grant_permits(const ai_grant_t *grant, ai_grant_e what,
    const ai_str_t *name);

/* is everything of this kind permitted, whatever its name? */
ai_int_t ai_grant_is_open(const ai_grant_t *grant, ai_grant_e what);

/* is this very word in the list, not only a "*" that matches it? */
ai_int_t ai_grant_names(const ai_grant_t *grant, ai_grant_e what,
    const ai_str_t *word);

/*
 * The names of the tools in "tools" and "functions" of a request of any API:
 * a function's name, else the type of a tool that has none, or, where Gemini's
 * form is read, its key.  One that cannot be read gives an empty name, which
 * only "*" permits.  AI_ERROR: no memory.
 */
ai_int_t ai_grant_tools(const ai_json_t *doc, unsigned gemini,
    const ai_pool_t *pool, ai_names_t *names);


#pragma GCC visibility pop


#endif /* AI_GRANT_H */
