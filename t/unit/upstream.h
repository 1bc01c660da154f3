
/*
 * For the tests of decoders: files of recordings, and a sink that checks the
 * grammar of events and puts a transcript together.
 */

#ifndef T_UPSTREAM_H
#define T_UPSTREAM_H


#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <api/ai_event.h>
#include <provider/ai_provider.h>


#define SEEN_BLOCKS  1024


typedef struct {
    uint32_t     choice;
    uint32_t     index;
    ai_block_e   kind;
    int          open;
    char        *text;          /* the deltas, and marks for the others */
    size_t       len;
} seen_block_t;


typedef struct {
    seen_block_t  block[SEEN_BLOCKS];
    size_t        n;
    int           starts;
    int           errors;
    int           finishes;
    int           usages;
    int           last_usage;   /* no FINISH came after a USAGE */
    unsigned char finished[256];
    ai_finish_e   finish;       /* of choice 0 */
    ai_usage_t    usage;
    ai_error_e    error;
    const char   *bad;          /* the first breach of the grammar */
    size_t        fail_at;      /* this event is refused */
    size_t        events;
} seen_t;


__attribute__((unused)) static void
seen_free(seen_t *s)
{
    size_t  i;

    for (i = 0; i < s->n; i++) {
        free(s->block[i].text);
    }

    memset(s, 0, sizeof(seen_t));
    ai_usage_init(&s->usage);
}


static void
seen_add(seen_block_t *b, const void *data, size_t len)
{
    b->text = realloc(b->text, b->len + len + 1);
    if (b->text == NULL) {
        abort();
    }

    if (len) {
        memcpy(b->text + b->len, data, len);
    }

    b->len += len;
    b->text[b->len] = '\0';
}


static seen_block_t *
seen_find(seen_t *s, const ai_event_t *ev)
{
    size_t  i;

    for (i = 0; i < s->n; i++) {
        if (s->block[i].choice == ev->choice && s->block[i].index == ev->index)
        {
            return &s->block[i];
        }
    }

    return NULL;
}


static void
seen_bad(seen_t *s, const char *what)
{
    if (s->bad == NULL) {
        s->bad = what;
    }
}


__attribute__((unused)) static ai_int_t
seen_event(void *data, const ai_event_t *ev)
{
    seen_t        *s = data;
    size_t         i;
    seen_block_t  *b;

    s->events++;

    if (s->fail_at && s->events == s->fail_at) {
        return AI_ERROR;
    }

    if (s->errors) {
        seen_bad(s, "an event after ERROR");
    }

    if (!s->starts && ev->type != AI_EVENT_START && ev->type != AI_EVENT_ERROR
        && ev->type != AI_EVENT_USAGE)
    {
        seen_bad(s, "an event before START");
    }

    b = seen_find(s, ev);

    switch (ev->type) {

    case AI_EVENT_START:
        if (s->starts++) {
            seen_bad(s, "START twice");
        }

        break;

    case AI_EVENT_BLOCK_START:
        if (b || s->n == SEEN_BLOCKS) {
            seen_bad(s, "a block that is there already");
            break;
        }

        if (s->finished[ev->choice & 255]) {
            seen_bad(s, "a block after FINISH");
        }

        b = &s->block[s->n++];
        b->choice = ev->choice;
        b->index = ev->index;
        b->kind = ev->kind;
        b->open = 1;
        seen_add(b, "", 0);

        if (ev->kind == AI_BLOCK_TOOL_CALL) {

            if (ev->name.len == 0 || ev->id.len == 0) {
                seen_bad(s, "a call without a name or an id");
            }

            seen_add(b, ev->id.data, ev->id.len);
            seen_add(b, " ", 1);
            seen_add(b, ev->name.data, ev->name.len);
            seen_add(b, " ", 1);
        }

        seen_add(b, ev->data.data, ev->data.len);
        break;

    case AI_EVENT_DELTA:
        if (b == NULL || !b->open || b->kind != ev->kind) {
            seen_bad(s, "a delta of no open block");
            break;
        }

        if (ev->delta == AI_DELTA_SIGNATURE) {
            seen_add(b, "<sig>", 5);
        }

        if (ev->delta == AI_DELTA_ANNOTATION) {
            seen_add(b, "<note>", 6);
        }

        if (ev->delta == AI_DELTA_LOGPROBS) {
            seen_add(b, "<logprobs>", 10);
        }

        seen_add(b, ev->text.data, ev->text.len);
        seen_add(b, ev->raw.data, ev->raw.len);
        break;

    case AI_EVENT_BLOCK_STOP:
        if (b == NULL || !b->open || b->kind != ev->kind) {
            seen_bad(s, "the stop of no open block");
            break;
        }

        b->open = 0;
        break;

    case AI_EVENT_FINISH:
        if (s->finished[ev->choice & 255]++) {
            seen_bad(s, "FINISH twice");
        }

        for (i = 0; i < s->n; i++) {
            if (s->block[i].choice == ev->choice && s->block[i].open) {
                seen_bad(s, "FINISH with a block open");
            }
        }

        if (ev->finish == AI_FINISH_NONE) {
            seen_bad(s, "FINISH without a reason");
        }

        s->finishes++;

        if (ev->choice == 0) {
            s->finish = ev->finish;
        }

        break;

    case AI_EVENT_USAGE:
        s->usages++;
        s->usage = *ev->usage;
        break;

    case AI_EVENT_ERROR:
        s->errors++;
        s->error = ev->error->kind;
        break;

    case AI_EVENT_PING:
        break;
    }

    return AI_OK;
}


/* everything that was seen, as text; the caller frees it */

__attribute__((unused)) static char *
seen_dump(const seen_t *s)
{
    FILE    *f;
    char    *out;
    size_t   i, len;

    f = open_memstream(&out, &len);
    if (f == NULL) {
        abort();
    }

    for (i = 0; i < s->n; i++) {
        fprintf(f, "%u/%u kind %d open %d: %s\n", s->block[i].choice,
                s->block[i].index, s->block[i].kind, s->block[i].open,
                s->block[i].text);
    }

    fprintf(f, "starts %d finishes %d finish %d errors %d error %d\n",
            s->starts, s->finishes, s->finish, s->errors, s->error);
    fprintf(f, "usage %ld %ld %ld %ld %ld %ld\n", (long) s->usage.prompt,
            (long) s->usage.cached, (long) s->usage.cache_write,
            (long) s->usage.completion, (long) s->usage.reasoning,
            (long) s->usage.total);
    fclose(f);

    return out;
}


/* all texts of one kind of choice 0; the caller frees it */

__attribute__((unused)) static char *
seen_text(const seen_t *s, ai_block_e kind)
{
    FILE    *f;
    char    *out;
    size_t   i, len;

    f = open_memstream(&out, &len);
    if (f == NULL) {
        abort();
    }

    for (i = 0; i < s->n; i++) {
        if (s->block[i].choice == 0 && s->block[i].kind == kind) {
            fputs(s->block[i].text, f);
        }
    }

    fclose(f);

    return out;
}


/* a file, zero-terminated; the caller frees it */

__attribute__((unused)) static char *
file_read(const char *dir, const char *name, size_t *len)
{
    FILE  *f;
    char   path[1024], *p;
    long   size;

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }

    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);

    p = malloc((size_t) size + 1);
    if (p == NULL || fread(p, 1, (size_t) size, f) != (size_t) size) {
        abort();
    }

    p[size] = '\0';
    *len = (size_t) size;
    fclose(f);

    return p;
}


__attribute__((unused)) static int
name_ends(const char *name, const char *end)
{
    size_t  n, m;

    n = strlen(name);
    m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}


/* the names in a directory that end so, sorted; the caller frees them */

static int
name_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


__attribute__((unused)) static char **
dir_names(const char *dir, const char *end, size_t *n)
{
    DIR            *d;
    char          **names;
    struct dirent  *e;

    *n = 0;
    names = NULL;

    d = opendir(dir);
    if (d == NULL) {
        return NULL;
    }

    while ((e = readdir(d)) != NULL) {
        if (name_ends(e->d_name, end)) {
            names = realloc(names, (*n + 1) * sizeof(char *));
            if (names == NULL) {
                abort();
            }

            names[(*n)++] = strdup(e->d_name);
        }
    }

    closedir(d);
    qsort(names, *n, sizeof(char *), name_cmp);

    return names;
}


__attribute__((unused)) static void
names_free(char **names, size_t n)
{
    while (n) {
        free(names[--n]);
    }

    free(names);
}


/*
 * A stream through the decoder in two parts, the first of "split" bytes; step
 * is the size of the pieces of the second.  The result of the end, or
 * AI_DECLINED if an event was refused.
 */

__attribute__((unused)) static ai_int_t
stream_run(const ai_provider_t *provider, const ai_pool_t *pool, seen_t *seen,
    const char *data, size_t len, size_t split, size_t step)
{
    size_t           pos, n;
    ai_int_t         rc;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_sink_t        sink;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;

    sink.event = seen_event;
    sink.data = seen;

    d = ai_decoder_create(provider, pool, &sink);
    if (d == NULL) {
        return AI_DECLINED;
    }

    ai_sse_init(&sse, pool, 0);

    for (pos = 0; pos < len; pos += n) {
        n = pos < split ? split - pos : step;
        n = n < len - pos ? n : len - pos;

        in.data = (ai_char_t *) data + pos;
        in.len = n;

        while ((rc = ai_sse_next(&sse, &in, &ev)) == AI_OK) {
            if (provider->stream(d, &ev) != AI_OK) {
                return AI_DECLINED;
            }
        }

        if (rc == AI_ERROR) {
            return AI_DECLINED;
        }
    }

    if (ai_sse_end(&sse, &ev, 1) == AI_OK && provider->stream(d, &ev) != AI_OK)
    {
        return AI_DECLINED;
    }

    return provider->stream_end(d);
}


#endif /* T_UPSTREAM_H */
