
/*
 * The watch: without hide_usage bytes go through; what is edited is shorter
 * and otherwise the same; usage is never nonsense; memory is bounded.
 * The first byte chooses hide_usage and the size of the pieces.
 */

#include <provider/ai_provider_rows_int.h>


__attribute__((weak)) const ai_provider_t  ai_provider_anthropic;
__attribute__((weak)) const ai_provider_t  ai_provider_gemini;


#define BLOCKS  256


static void    *blocks[BLOCKS];
static size_t   nblocks;


static void *
take(void *data, size_t size)
{
    (void) data;

    return nblocks < BLOCKS ? (blocks[nblocks++] = malloc(size)) : NULL;
}


static void
check(int cond)
{
    if (!cond) {
        abort();
    }
}


static void
check_tokens(int64_t n)
{
    check(n >= -1 && n <= INT64_C(2000000000000));
}


static void
check_event(ai_watch_t *w, const ai_sse_event_t *ev, int hide)
{
    size_t       front, back;
    ai_str_t     out;
    ai_watch_e   e;

    e = ai_watch_event(w, ev, &out);

    check(hide || (e != AI_WATCH_DROP && e != AI_WATCH_EDIT));
    check((e == AI_WATCH_ERROR) == (w->error.kind != AI_ERR_NONE));

    if (e != AI_WATCH_EDIT) {
        return;
    }

    check(out.len < ev->bytes.len && ev->bytes.len - out.len >= 12);

    for (front = 0; front < out.len; front++) {
        if (out.data[front] != ev->bytes.data[front]) {
            break;
        }
    }

    for (back = 0; back < out.len; back++) {
        if (out.data[out.len - 1 - back]
            != ev->bytes.data[ev->bytes.len - 1 - back])
        {
            break;
        }
    }

    check(front + back >= out.len);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              hide;
    size_t           pos, n, step;
    ai_str_t         in, body;
    ai_sse_t         sse;
    ai_watch_t       w;
    const ai_pool_t  pool = { take, NULL, NULL };
    ai_sse_event_t   ev;

    if (size == 0) {
        return 0;
    }

    hide = data[0] & 1;
    step = data[0] < 128 ? size : (size_t) (data[0] & 31) + 1;

    ai_watch_init(&w, &ai_provider_xai, &pool, hide);
    ai_sse_init(&sse, &pool, 0);

    for (pos = 1; pos < size; pos += n) {
        n = ai_min(step, size - pos);

        in.data = (ai_char_t *) data + pos;
        in.len = n;

        while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
            check_event(&w, &ev, hide);
        }
    }

    check_tokens(w.usage.prompt);
    check_tokens(w.usage.completion);
    check_tokens(w.usage.reasoning);
    check_tokens(w.usage.cached);

    ai_watch_init(&w, &ai_provider_openai, &pool, hide);
    w.any = data[0] >> 1 & 1;
    body.data = (ai_char_t *) data + 1;
    body.len = size - 1;

    check((ai_watch_answer(&w, &body) == AI_OK)
          == (w.error.kind == AI_ERR_NONE));
    check_tokens(w.usage.prompt);
    check_tokens(w.usage.completion);

    while (nblocks) {
        free(blocks[--nblocks]);
    }

    return 0;
}
