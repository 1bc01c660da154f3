
/*
 * What the files of the JSON reader share.
 */

#ifndef AI_JSON_INT_H
#define AI_JSON_INT_H


#include <codec/ai_json.h>


#pragma GCC visibility push(hidden)


/* past the closing quote of the string whose inside begins at p, or NULL;
 * doc->error may be set then */
const ai_char_t *ai_json_string_end(ai_json_t *doc, const ai_str_t *text,
    const ai_char_t *p, ai_int_t *escaped);


#pragma GCC visibility pop


/* the value of four hexadecimal digits at p, or -1 */

static inline int32_t
ai_json_hex4(const ai_char_t *p, const ai_char_t *end)
{
    int32_t    n;
    unsigned   i;
    ai_char_t  c;

    if (end - p < 4) {
        return -1;
    }

    n = 0;

    for (i = 0; i < 4; i++) {
        c = p[i];

        if (c >= '0' && c <= '9') {
            n = n << 4 | (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return -1;
        }

        n = n << 4 | (c - 'a' + 10);
    }

    return n;
}


#endif /* AI_JSON_INT_H */
