
/*
 * Streams that are ended in their middle: recordings cut behind events, with
 * the end that is written there, read by a decoder of that API, and of the
 * Responses API, which tells everything twice, by a reader of its own.
 */

#define _GNU_SOURCE

#include "tap.h"
#include "mem.h"
#include "upstream.h"

#include <api/ai_stop.h>
#include <provider/ai_provider_rows_int.h>


#define CUTS   40
#define PROMPT 11
#define OUTPUT 1007


typedef struct {
    const char           *dir;
    const char           *end;
    const ai_provider_t  *provider;
    const ai_dialect_t   *dialect;
} set_t;


typedef struct {
    seen_t            seen;
    ai_stop_t         stop;
    const ai_dialect_t  *dialect;
    void             *reply;
    size_t            ours;     /* bytes in front of the end */
    int               failed;
} run_t;


static const set_t  sets[] = {
    { "openai", ".sse", &ai_provider_openai, &ai_dialect_openai },
    { "completions", ".sse", &ai_provider_openai_completions,
      &ai_dialect_completions },
    { "anthropic", ".sse", &ai_provider_anthropic, &ai_dialect_anthropic },
    { "gemini", ".sse", &ai_provider_gemini, &ai_dialect_gemini },
    { "responses", ".sse", &ai_provider_openai_responses,
      &ai_dialect_responses },
    { "openai-responses", ".sse", &ai_provider_openai_responses,
      &ai_dialect_responses },
    { "ollama", ".ndjson", &ai_provider_ollama_native,
      &ai_dialect_ollama_chat }
};

#define NSETS  (sizeof(sets) / sizeof(sets[0]))


static ai_reply_conf_t  conf = {
    .id = { 29, (ai_char_t *) "AbCdEfGhIjKlMnOpQrStUvWxYz012" },
    .model = { 1, (ai_char_t *) "m" },
    .created = 1700000000,
    .stream = 1,
    .include_usage = 1
};

static ai_usage_t  usage;


static ai_int_t
run_event(void *data, const ai_event_t *ev)
{
    run_t *r = data;

    if (seen_event(&r->seen, ev) != AI_OK
        || ai_stop_event(&r->stop, ev) != AI_OK
        || (r->reply
            && r->dialect->reply_event(r->reply, ev) != AI_OK))
    {
        r->failed = 1;
        return AI_ERROR;
    }

    return AI_OK;
}


/*
 * "cut" events of a recording, and the end, in out; to NULL: as the bytes are.
 * AI_DECLINED: it is over by then, or has failed.
 */

static ai_int_t
run(run_t *r, const set_t *set, const ai_dialect_t *to, const char *data,
    size_t len, size_t cut, size_t step, ai_buf_t *out)
{
    size_t           i, pos, n;
    ai_int_t         rc;
    ai_str_t         in, edited;
    ai_sink_t        sink;
    ai_watch_t       w;
    ai_frames_t      frames;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;
    const ai_pool_t *pool;

    pool = mem_pool();
    memset(r, 0, sizeof(run_t));
    ai_usage_init(&r->seen.usage);
    ai_buf_init(out, pool);

    r->dialect = to ? to : set->dialect;

    sink.event = run_event;
    sink.data = r;

    if (ai_stop_init(&r->stop, r->dialect, to == NULL, pool) != AI_OK) {
        return AI_ERROR;
    }

    d = ai_decoder_create(set->provider, pool, &sink);
    if (d == NULL) {
        return AI_ERROR;
    }

    ai_watch_init(&w, set->provider, pool, 0);

    if (to) {
        r->reply = to->reply_create(&conf, out, pool);
        if (r->reply == NULL) {
            return AI_ERROR;
        }
    }

    ai_frames_init(&frames, set->provider->framing, pool);

    i = 0;

    for (pos = 0; pos < len && i < cut; pos += n) {
        n = step < len - pos ? step : len - pos;

        in.data = (ai_char_t *) data + pos;
        in.len = n;

        while (i < cut && (rc = ai_frames_next(&frames, &in, &ev)) == AI_OK) {
            i++;

            if (set->dialect == &ai_dialect_openai
                && ai_watch_event(&w, &ev, &edited) == AI_WATCH_ERROR)
            {
                return AI_DECLINED;
            }

            if (ev.data.data && set->provider->stream(d, &ev) != AI_OK) {
                return AI_DECLINED;
            }

            if (to == NULL) {
                ai_buf_cat(out, &ev.bytes);

                if (r->stop.wire) {
                    r->stop.wire->see(r->stop.data, &ev);
                }
            }
        }

        if (i < cut && rc == AI_ERROR) {
            return AI_ERROR;
        }
    }

    if (i < cut || d->terminal || r->seen.errors || r->failed) {
        return AI_DECLINED;
    }

    if (set->dialect == &ai_dialect_openai && to == NULL) {
        r->stop.id = w.name;
        r->stop.model = w.model;
        r->stop.created = w.created;
        memcpy(r->stop.seen, w.seen, sizeof(w.seen));
        memcpy(r->stop.ended, w.ended, sizeof(w.ended));

        /* of which the decoder tells later */
        r->seen.finished[0] |= (unsigned char) (w.ended[0] & 1);
    }

    if (!ai_stop_is_open(&r->stop)) {
        return AI_DECLINED;
    }

    r->ours = to ? 0 : ai_buf_len(out);

    return to ? ai_stop_reply(&r->stop, r->reply, &usage)
              : ai_stop_pass(&r->stop, &conf, &usage, out);
}


/* NULL, or what is wrong with a stream that ended so; "same": it is the one
 * that was read before */

static const char *
check(const ai_provider_t *provider, const seen_t *before, ai_buf_t *out,
    int same)
{
    size_t           i, j;
    ai_int_t         rc;
    ai_str_t         in;
    ai_sink_t        sink;
    ai_frames_t      frames;
    ai_decoder_t    *d;
    ai_sse_event_t   ev;
    const char      *what;
    const seen_block_t  *a, *b;

    static seen_t  seen;

    seen_free(&seen);

    sink.event = seen_event;
    sink.data = &seen;

    d = ai_decoder_create(provider, mem_pool(), &sink);
    ai_frames_init(&frames, provider->framing, mem_pool());
    in = ai_buf_str(out);

    while ((rc = ai_frames_next(&frames, &in, &ev)) == AI_OK) {
        if (ev.data.data && provider->stream(d, &ev) != AI_OK) {
            return "an event that is none";
        }
    }

    if (rc != AI_AGAIN || ai_frames_end(&frames, &ev) != AI_DECLINED) {
        return "not whole events";
    }

    if (!d->terminal) {
        return "not terminated";
    }

    if (provider->stream_end(d) != AI_OK) {
        return "no end";
    }

    /* Gemini's calls may have no id */

    what = seen.bad && (provider != &ai_provider_gemini
                        || strstr(seen.bad, "or an id") == NULL)
             ? seen.bad
           : seen.errors ? "an error"
           : seen.finishes == 0 ? "no FINISH"
           : !before->finished[0] && seen.finish != AI_FINISH_LENGTH
             ? "not for its length"
           : seen.usage.prompt != PROMPT ? "prompt"
           : seen.usage.completion != OUTPUT ? "completion" : NULL;

    /* the texts are those that had come */

    for (i = 0; same && !what && i < before->n; i++) {
        a = &before->block[i];
        b = NULL;

        for (j = 0; j < seen.n; j++) {
            if (seen.block[j].choice == a->choice
                && seen.block[j].index == a->index)
            {
                b = &seen.block[j];
            }
        }

        if (b == NULL || b->open || b->len < a->len
            || memcmp(a->text, b->text, a->len) != 0
            || (a->kind == AI_BLOCK_TEXT && a->len != b->len
                && memcmp(b->text + a->len, "<note>", 6) != 0))
        {
            what = "another text";
        }
    }

    return what;
}


typedef struct {
    char      text[65536];
    size_t    len;
    int       open;
    int       part;
} item_t;

#define ITEMS  64


/* what is told twice of a response is the same both times; the bytes before
 * "ours" are the recording's, and right */

static const char *
check_responses(ai_buf_t *out, size_t ours)
{
    int              i, mine, added, over;
    char             name[128];
    item_t          *it;
    int64_t          n, seq;
    ai_str_t         in, type, text;
    ai_json_t        doc;
    ai_ref_t         v, list;
    ai_sse_t         sse;
    ai_sse_event_t   ev;

    static item_t             items[ITEMS];
    static const char *const  members[] = {
        "text", "refusal", "arguments", "input", "code", NULL
    };

    memset(items, 0, sizeof(items));
    ai_json_init(&doc, mem_pool());
    ai_sse_init(&sse, mem_pool(), 0);
    in = ai_buf_str(out);

    seq = -1;
    added = 0;
    over = 0;

    for ( ;; ) {
        if (ai_sse_next(&sse, &in, &ev) != AI_OK) {
            break;
        }

        mine = in.data > out->start + ours;

        if (ev.data.data == NULL) {
            continue;
        }

        if (ai_json_parse(&doc, &ev.data, NULL) != AI_OK) {
            return "no JSON";
        }

        if (over) {
            return "behind the end";
        }

        type = ai_json_esc(&doc, ai_json_get(&doc, 0, "type"));
        snprintf(name, sizeof(name), "%.*s", (int) type.len, type.data);

        if (!ai_str_eq(&type, &ev.name)) {
            return "another name";
        }

        /* a recording that was made by hand has none */

        if (ai_json_int(&doc, ai_json_get(&doc, 0, "sequence_number"), &n)
            == AI_OK)
        {
            if (mine && n != seq + 1) {
                return "sequence";
            }

            seq = n;

        } else if (mine) {
            return "no sequence";
        }

        n = 0;

        (void) ai_json_int(&doc, ai_json_get(&doc, 0, "output_index"), &n);

        it = &items[n & (ITEMS - 1)];
        v = AI_JSON_NONE;

        if (strcmp(name, "response.output_item.added") == 0) {
            added++;
            it->open++;
            it->len = 0;

        } else if (strcmp(name, "response.output_item.done") == 0) {
            it->open--;

        } else if (name_ends(name, "part.added")) {
            it->part++;
            it->len = 0;

        } else if (name_ends(name, "part.done")) {
            it->part--;
            v = ai_json_get(&doc, 0, "part");

        } else if (name_ends(name, ".delta")) {

            if (ai_json_str(&doc, ai_json_get(&doc, 0, "delta"), mem_pool(),
                            &text)
                != AI_OK || it->len + text.len > sizeof(it->text))
            {
                return "a delta";
            }

            memcpy(it->text + it->len, text.data, text.len);
            it->len += text.len;

        } else if (name_ends(name, ".done")) {
            v = 0;

        } else if (strcmp(name, "response.incomplete") == 0) {
            over = 1;

            list = ai_json_path(&doc, 0, "response", "output", NULL);

            if (ai_json_type(&doc, list) != AI_JSON_ARRAY
                || doc.node[list].count != (uint32_t) added)
            {
                return "number of items";
            }

            if (!ai_json_is(&doc, ai_json_path(&doc, 0, "response", "status",
                                               NULL), "incomplete")
                || !ai_json_is(&doc, ai_json_path(&doc, 0, "response",
                                                  "incomplete_details",
                                                  "reason", NULL),
                               "max_output_tokens"))
            {
                return "status";
            }
        }

        for (i = 0; v != AI_JSON_NONE && members[i]; i++) {

            if (ai_json_str(&doc, ai_json_get(&doc, v, members[i]),
                            mem_pool(), &text)
                != AI_OK)
            {
                continue;
            }

            if (!mine && text.len < sizeof(it->text)) {
                memcpy(it->text, text.data, text.len);
                it->len = text.len;

            } else if (text.len != it->len
                       || memcmp(text.data, it->text, it->len) != 0)
            {
                return "the text when it is done";
            }
        }
    }

    for (i = 0; i < ITEMS; i++) {
        if (items[i].open || items[i].part) {
            return "an item or a part that has not ended";
        }
    }

    return over ? NULL : "no end";
}


static size_t
events_of(const ai_provider_t *provider, const char *data, size_t len)
{
    size_t           n;
    ai_str_t         in;
    ai_frames_t      frames;
    ai_sse_event_t   ev;

    n = 0;
    in.data = (ai_char_t *) data;
    in.len = len;

    ai_frames_init(&frames, provider->framing, mem_pool());

    while (ai_frames_next(&frames, &in, &ev) == AI_OK) {
        n++;
    }

    return n;
}


/* every recording, cut at its first events and at some of the others */

static void
cuts(const set_t *set, const set_t *to, int *total)
{
    int          bad, n;
    char        *data, **names, dir[256], path[512];
    size_t       i, cut, len, all, count, step;
    ai_int_t     rc;
    ai_buf_t     out;
    const char  *what;

    static run_t  r;

    snprintf(dir, sizeof(dir), T_DATA "/recordings/%s", set->dir);
    names = dir_names(dir, set->end, &count);

    bad = 0;
    n = 0;

    for (i = 0; i < count; i++) {
        data = file_read(dir, names[i], &len);
        snprintf(path, sizeof(path), "%s/%s", set->dir, names[i]);

        mem_reset();
        all = events_of(set->provider, data, len);
        step = all / (to ? 12 : CUTS) + 1;

        for (cut = 1; cut < all; cut += cut < 8 ? 1 : step) {
            mem_reset();

            rc = run(&r, set, to ? to->dialect : NULL, data, len, cut,
                     len, &out);

            if (rc == AI_DECLINED) {
                seen_free(&r.seen);
                continue;
            }

            n++;

            what = rc != AI_OK ? "failed"
                   : check(to ? to->provider : set->provider, &r.seen, &out,
                           to == NULL);

            if (what == NULL
                && (to ? to->dialect : set->dialect) == &ai_dialect_responses)
            {
                what = check_responses(&out, r.ours);
            }

            if (what) {
                bad++;
                diag("%s cut at %d of %d%s%s: %s", path, (int) cut,
                     (int) all, to ? " to " : "", to ? to->dir : "", what);

                if (bad == 1) {
                    tap_show("stream", out.start, ai_buf_len(&out));
                }
            }

            seen_free(&r.seen);
        }

        free(data);
    }

    *total += n;

    ok(bad == 0, "%d streams of %s%s%s end well", n, set->dir,
       to ? " to " : "", to ? to->dir : "");

    names_free(names, count);
}


/* ' stands for " */

typedef struct {
    const char           *name;
    const set_t          *set;
    const char           *stream;
    const char           *end;
} case_t;

#define SSE(s)       "data: " s "\n\n"
#define EV(name, s)  "event: " name "\ndata: {'type':'" name "'" s "}\n\n"
#define CHUNK(rest)                                                           \
    SSE("{'id':'chatcmpl-1','object':'chat.completion.chunk','created':5,"    \
        "'model':'g\\u00e9'," rest)
#define USAGE                                                                 \
    "'usage':{'prompt_tokens':11,'completion_tokens':1007,"                   \
    "'total_tokens':1018,'prompt_tokens_details':{'cached_tokens':0},"        \
    "'completion_tokens_details':{'reasoning_tokens':0}}}"
#define LENGTH(n)                                                             \
    CHUNK("'choices':[{'index':" #n ",'delta':{},'finish_reason':'length'}]," \
          "'usage':null}")
#define CUSAGE                                                                \
    "'usage':{'input_tokens':11,'cache_creation_input_tokens':0,"             \
    "'cache_read_input_tokens':0,'output_tokens':1007}"
#define BLOCK(n, b)                                                           \
    EV("content_block_start", ",'index':" #n ",'content_block':" b)
#define CEND                                                                  \
    EV("message_delta", ",'delta':{'stop_reason':'max_tokens',"               \
       "'stop_sequence':null}," CUSAGE)                                       \
    EV("message_stop", "")
#define RESP(rest)                                                            \
    "'response':{'id':'resp_1','object':'response','created_at':5,"           \
    "'model':'m','tools':[]" rest "}"
#define RUSAGE                                                                \
    ",'usage':{'input_tokens':11,'input_tokens_details':{'cached_tokens':0,"  \
    "'cache_write_tokens':0},'output_tokens':1007,'output_tokens_details':"   \
    "{'reasoning_tokens':0},'total_tokens':1018}"
#define RCUT                                                                  \
    ",'status':'incomplete','incomplete_details':{'reason':"                  \
    "'max_output_tokens'}"
#define RNEW                                                                  \
    EV("response.created", ",'sequence_number':0," RESP(",'status':"          \
       "'in_progress','output':[],'usage':null"))
#define RMSG                                                                  \
    "'id':'msg_1','type':'message','role':'assistant'"
#define RCALL                                                                 \
    "'id':'fc_1','type':'function_call','call_id':'c','name':'f'"


static const case_t  cases[] = {

    { "two choices, one of which is over", &sets[0],
      CHUNK("'choices':[{'index':0,'delta':{'content':'a'}}]}")
      CHUNK("'choices':[{'index':1,'delta':{'content':'b'}}]}")
      CHUNK("'choices':[{'index':0,'delta':{},'finish_reason':'stop'}]}"),
      LENGTH(1) CHUNK("'choices':[]," USAGE) SSE("[DONE]") },

    { "two choices", &sets[0],
      CHUNK("'choices':[{'index':0,'delta':{'content':'a'}}]}")
      CHUNK("'choices':[{'index':1,'delta':{'content':'b'}}]}"),
      LENGTH(0) LENGTH(1) CHUNK("'choices':[]," USAGE) SSE("[DONE]") },

    { "a call in its arguments", &sets[0],
      CHUNK("'choices':[{'index':0,'delta':{'tool_calls':[{'index':0,'id':"
            "'c','function':{'name':'f','arguments':'{'}}]}}]}"),
      LENGTH(0) CHUNK("'choices':[]," USAGE) SSE("[DONE]") },

    { "a completion", &sets[1],
      SSE("{'id':'cmpl-1','object':'text_completion','created':5,'model':"
          "'m','choices':[{'index':0,'text':'a','finish_reason':null}]}"),
      SSE("{'id':'cmpl-1','object':'text_completion','created':5,'model':"
          "'m','choices':[{'index':0,'text':'','logprobs':null,"
          "'finish_reason':'length'}],'usage':null}")
      SSE("{'id':'cmpl-1','object':'text_completion','created':5,'model':"
          "'m','choices':[]," USAGE)
      SSE("[DONE]") },

    { "a message without a block", &sets[2],
      EV("message_start", ",'message':{'id':'msg_1','model':'m','usage':{}}"),
      CEND },

    { "a block of which no event tells", &sets[2],
      EV("message_start", ",'message':{'id':'msg_1','model':'m','usage':{}}")
      BLOCK(0, "{'type':'text','text':''}")
      EV("content_block_stop", ",'index':0")
      BLOCK(1, "{'type':'server_tool_use','id':'s','name':'f','input':{}}")
      EV("content_block_delta", ",'index':1,'delta':{'type':"
         "'input_json_delta','partial_json':'{'}"),
      EV("content_block_stop", ",'index':1") CEND },

    { "Gemini", &sets[3],
      SSE("{'candidates':[{'content':{'parts':[{'text':'a'}]},'index':0}],"
          "'modelVersion':'m','responseId':'r'}"),
      "data: {'candidates':[{'content':{'role':'model','parts':[{'text':''}]}"
      ",'finishReason':'MAX_TOKENS','index':0}],'usageMetadata':{"
      "'promptTokenCount':11,'candidatesTokenCount':1007,'totalTokenCount':"
      "1018},'modelVersion':'m','responseId':'r'}\r\n\r\n" },

    { "Ollama", &sets[6],
      "{'model':'m','created_at':'2024-01-01T00:00:00Z','message':{'role':"
      "'assistant','content':'a'},'done':false}\n",
      "{'model':'m','created_at':'2023-11-14T22:13:20Z','message':{'role':"
      "'assistant','content':''},'done':true,'done_reason':'length',"
      "'prompt_eval_count':11,'eval_count':1007}\n" },

    { "a response that has only begun", &sets[4],
      RNEW,
      EV("response.incomplete", ",'sequence_number':1,"
         RESP(RCUT ",'output':[]" RUSAGE)) },

    { "a text", &sets[4],
      RNEW
      EV("response.output_item.added", ",'sequence_number':1,'output_index':0"
         ",'item':{" RMSG ",'status':'in_progress','content':[]}")
      EV("response.content_part.added", ",'sequence_number':2,'item_id':"
         "'msg_1','output_index':0,'content_index':0,'part':{'type':"
         "'output_text','text':'','annotations':[]}")
      EV("response.output_text.delta", ",'sequence_number':3,'item_id':"
         "'msg_1','output_index':0,'content_index':0,'delta':'a\\n'")
      EV("response.output_text.delta", ",'sequence_number':4,'item_id':"
         "'msg_1','output_index':0,'content_index':0,'delta':'b'"),
      EV("response.output_text.done", ",'sequence_number':5,'item_id':"
         "'msg_1','output_index':0,'content_index':0,'text':'a\\nb',"
         "'logprobs':[]")
      EV("response.content_part.done", ",'sequence_number':6,'item_id':"
         "'msg_1','output_index':0,'content_index':0,'part':{'type':"
         "'output_text','text':'a\\nb','annotations':[],'logprobs':[]}")
      EV("response.output_item.done", ",'sequence_number':7,'output_index':0"
         ",'item':{" RMSG ",'status':'incomplete','content':[{'type':"
         "'output_text','text':'a\\nb','annotations':[],'logprobs':[]}]}")
      EV("response.incomplete", ",'sequence_number':8,"
         RESP(RCUT ",'output':[{" RMSG ",'status':'incomplete','content':["
              "{'type':'output_text','text':'a\\nb','annotations':[],"
              "'logprobs':[]}]}]" RUSAGE)) },

    { "an item that is done, and a call", &sets[4],
      RNEW
      EV("response.output_item.added", ",'sequence_number':1,'output_index':0"
         ",'item':{'id':'rs_1','type':'reasoning','summary':[]}")
      EV("response.output_item.done", ",'sequence_number':2,'output_index':0"
         ",'item':{'id':'rs_1','type':'reasoning','summary':[]}")
      EV("response.output_item.added", ",'sequence_number':3,'output_index':1"
         ",'item':{" RCALL ",'arguments':'','status':'in_progress'}")
      EV("response.function_call_arguments.delta", ",'sequence_number':4,"
         "'item_id':'fc_1','output_index':1,'delta':'{\\'a'"),
      EV("response.function_call_arguments.done", ",'sequence_number':5,"
         "'item_id':'fc_1','output_index':1,'arguments':'{\\'a'")
      EV("response.output_item.done", ",'sequence_number':6,'output_index':1"
         ",'item':{" RCALL ",'arguments':'{\\'a','status':'incomplete'}")
      EV("response.incomplete", ",'sequence_number':7,"
         RESP(RCUT ",'output':[{'id':'rs_1','type':'reasoning','summary':[]}"
              ",{" RCALL ",'arguments':'{\\'a','status':'incomplete'}]"
              RUSAGE)) },

    { NULL, NULL, NULL, NULL }
};


static char *
quoted(const char *s)
{
    char  *p, *q;

    p = strdup(s);

    for (q = p; *q; q++) {
        if (*q == '\'') {
            *q = '"';
        }
    }

    return p;
}


/* at every split of the input, and with each allocation failing */

static void
spelled(void)
{
    char           *stream, *end;
    size_t          len, n, step;
    ai_int_t        rc;
    ai_buf_t        out;
    const case_t   *c;

    static run_t  r;

    for (c = cases; c->name; c++) {
        stream = quoted(c->stream);
        end = quoted(c->end);
        len = strlen(stream);

        mem_reset();
        n = events_of(c->set->provider, stream, len);

        mem_reset();
        rc = run(&r, c->set, NULL, (char *) guard_copy(stream, len), len, n,
                 len, &out);
        seen_free(&r.seen);

        is_int(rc, AI_OK, "%s: ends", c->name);
        is_mem(out.start + r.ours, ai_buf_len(&out) - r.ours, end,
               strlen(end), "%s: as it should", c->name);

        for (step = 1; step < len; step++) {
            mem_reset();

            if (run(&r, c->set, NULL, stream, len, n, step, &out) != AI_OK
                || ai_buf_len(&out) != len + strlen(end)
                || memcmp(out.start + len, end, strlen(end)) != 0)
            {
                break;
            }

            seen_free(&r.seen);
        }

        seen_free(&r.seen);
        is_int(step, len, "%s: at every split", c->name);

        rc = AI_OK;

        for (step = 1; step < 1000; step++) {
            mem_reset();
            mem_fail_at(step);

            rc = run(&r, c->set, NULL, stream, len, n, len, &out);
            seen_free(&r.seen);

            if (!mem_failed()) {
                break;
            }
        }

        ok(rc == AI_OK && step < 1000, "%s: %d allocations fail", c->name,
           (int) step - 1);

        guard_free();
        free(stream);
        free(end);
    }
}


/* of a long one the memory is bounded, and the end still one */

static void
bounded(void)
{
    char             text[4096];
    size_t           i, live;
    ai_buf_t         b, out;
    ai_str_t         in;
    ai_sse_t         sse;
    ai_json_t        doc;
    ai_stop_t        s;
    ai_sse_event_t   ev;

    static const char *const  head[] = {
        EV("response.created", ",'sequence_number':0," RESP("")),
        EV("response.output_item.added", ",'sequence_number':1,"
           "'output_index':0,'item':{" RMSG ",'content':[]}"),
        EV("response.content_part.added", ",'sequence_number':2,"
           "'output_index':0,'content_index':0,'part':{'type':"
           "'output_text','text':''}"),
        NULL
    };

    mem_reset();
    ai_buf_init(&b, mem_pool());
    ai_buf_init(&out, mem_pool());
    ai_json_init(&doc, mem_pool());
    ai_sse_init(&sse, mem_pool(), 0);
    ai_stop_init(&s, &ai_dialect_responses, 1, mem_pool());

    memset(text, 'x', sizeof(text));

    for (i = 0; i < 2000; i++) {
        ai_buf_reset(&b);

        if (i < 3) {
            char  *p = quoted(head[i]);

            ai_buf_add(&b, p, strlen(p));
            free(p);

        } else {
            ai_buf_lit(&b, "event: response.output_text.delta\ndata: "
                       "{\"type\":\"response.output_text.delta\","
                       "\"sequence_number\":3,\"output_index\":0,"
                       "\"delta\":\"");
            ai_buf_add(&b, text, sizeof(text));
            ai_buf_lit(&b, "\"}\n\n");
        }

        in = ai_buf_str(&b);

        while (ai_sse_next(&sse, &in, &ev) == AI_OK) {
            s.wire->see(s.data, &ev);
        }
    }

    live = mem_bytes();

    ok(live < 8 * 1024 * 1024, "%d KB for a stream of 8 MB",
       (int) (live / 1024));
    is_int(ai_stop_pass(&s, &conf, &usage, &out), AI_OK, "it can be ended");

    in = ai_buf_str(&out);
    ok(ai_sse_next(&sse, &in, &ev) == AI_OK
       && ai_json_parse(&doc, &ev.data, NULL) == AI_OK
       && ai_json_is(&doc, ai_json_get(&doc, 0, "type"),
                     "response.incomplete"), "without what was too long");

    mem_reset();
}


int
main(void)
{
    int     n;
    size_t  i, k;

    ai_usage_init(&usage);
    usage.prompt = PROMPT;
    usage.completion = OUTPUT;
    ai_usage_normalise(&usage);

    spelled();
    bounded();

    for (i = 0; i < NSETS; i++) {
        n = 0;
        cuts(&sets[i], NULL, &n);
        ok(n > 5, "of %s there were some", sets[i].dir);
    }

    for (i = 0; i < NSETS; i++) {
        for (k = 0; k < NSETS; k++) {
            n = 0;
            cuts(&sets[i], &sets[k], &n);
        }
    }

    mem_reset();

    return done();
}
