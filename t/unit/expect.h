
/*
 * Lines of t/data/token/words.txt and counts.txt: a name, a blank, and the
 * rest, in which \xHH are decoded and bars part words.
 */

#ifndef T_EXPECT_H
#define T_EXPECT_H


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/ai_base.h>


#define EXPECT_WORDS  1000


typedef struct {
    char       name[20];
    long       count;           /* of counts.txt */
    ai_char_t  text[4000];
    size_t     len;
    size_t     end[EXPECT_WORDS];
    size_t     n;
} expect_t;


static int
expect_hex(int c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}


static void
expect_text(expect_t *e, const char *p)
{
    e->len = 0;
    e->n = 0;

    for ( /* void */ ; *p != '\n' && *p != '\0'; p++) {

        if (*p == '|') {
            e->end[e->n++] = e->len;

        } else if (*p == '\\') {
            e->text[e->len++] = (ai_char_t) (expect_hex(p[2]) * 16
                                             + expect_hex(p[3]));
            p += 3;

        } else {
            e->text[e->len++] = (ai_char_t) *p;
        }

        if (e->n == EXPECT_WORDS - 1 || e->len == sizeof(e->text)) {
            abort();
        }
    }

    e->end[e->n++] = e->len;
}


/* 1, or 0 at the end; numbered: a count is before the text */

static int
expect_next(FILE *f, expect_t *e, int numbered)
{
    int   at;
    char  line[16000];

    if (fgets(line, sizeof(line), f) == NULL) {
        return 0;
    }

    at = -1;

    if (numbered) {
        if (sscanf(line, "%19s %ld %n", e->name, &e->count, &at) != 2) {
            abort();
        }

    } else if (sscanf(line, "%19s %n", e->name, &at) != 1) {
        abort();
    }

    expect_text(e, line + at);

    return 1;
}


static FILE *
expect_open(const char *name)
{
    FILE  *f;
    char   path[4096];

    snprintf(path, sizeof(path), "%s/token/%s", T_DATA, name);

    f = fopen(path, "r");

    if (f == NULL) {
        perror(path);
        abort();
    }

    return f;
}


#endif /* T_EXPECT_H */
