
/*
 * A request as one line of text, for the tests of the OpenAI decoder.
 *
 *     m; U[text hi]; A[think "why" sig=S anthropic][call id f {"a":1}]
 */

#ifndef T_OPENAI_DUMP_H
#define T_OPENAI_DUMP_H


#include <api/ai_openai.h>

#include "mem.h"


__attribute__((unused)) static void
dump_cstr(ai_buf_t *b, const char *s)
{
    ai_buf_add(b, s, strlen(s));
}


static void
dump_field(ai_buf_t *b, const char *name, const ai_str_t *s)
{
    if (s->data == NULL) {
        return;
    }

    ai_buf_char(b, ' ');
    dump_cstr(b, name);

    if (*name) {
        ai_buf_char(b, '=');
    }

    ai_buf_cat(b, s);
}


static void
dump_int(ai_buf_t *b, const char *name, int64_t n, int64_t unset)
{
    if (n == unset) {
        return;
    }

    dump_cstr(b, "; ");
    dump_cstr(b, name);
    ai_buf_char(b, '=');
    ai_buf_int(b, n);
}


static void
dump_raw(ai_buf_t *b, const char *name, const ai_str_t *s)
{
    if (s->data == NULL) {
        return;
    }

    dump_cstr(b, ";");
    dump_field(b, name, s);
}


static void
dump_blocks(ai_buf_t *b, const ai_block_t *k)
{
    static const char *const  kinds[] = {
        "?", "text", "image", "file", "audio", "call", "result", "think",
        "redacted", "refusal"
    };
    static const char *const  sources[] = {
        "", " base64", " url", " id", " text"
    };
    static const char *const  families[] = {
        "", " openai", " anthropic", " gemini"
    };

    for (/* void */; k; k = k->next) {
        ai_buf_char(b, '[');
        dump_cstr(b, kinds[k->kind]);
        dump_cstr(b, sources[k->source]);
        dump_field(b, "", &k->text);
        dump_field(b, "id", &k->id);
        dump_field(b, "name", &k->name);
        dump_field(b, "args", &k->args);
        dump_field(b, "media", &k->media);
        dump_field(b, "data", &k->data);
        dump_field(b, "detail", &k->detail);
        dump_field(b, "sig", &k->signature);
        dump_cstr(b, families[k->family]);
        dump_field(b, "mark", &k->cache_mark);

        if (k->is_error) {
            dump_cstr(b, " error");
        }

        dump_blocks(b, k->content);
        ai_buf_char(b, ']');
    }
}


__attribute__((unused)) static void
dump_turns(ai_buf_t *b, const ai_request_t *rq)
{
    const ai_turn_t  *t;

    for (t = rq->turns; t; t = t->next) {
        dump_cstr(b, t == rq->turns ? "" : "; ");
        ai_buf_char(b, "?SUA"[t->role]);
        dump_field(b, "name", &t->name);
        dump_blocks(b, t->blocks);
    }
}


__attribute__((unused)) static void
dump_params(ai_buf_t *b, const ai_request_t *rq)
{
    uint32_t          i;
    const ai_tool_t  *tool;

    ai_buf_cat(b, &rq->model);

    for (tool = rq->tools; tool; tool = tool->next) {
        dump_cstr(b, "; tool");
        dump_field(b, "", &tool->name);
        dump_field(b, "desc", &tool->description);
        dump_field(b, "schema", &tool->schema);
        dump_field(b, "mark", &tool->cache_mark);

        if (tool->strict != -1) {
            dump_cstr(b, tool->strict ? " strict" : " loose");
        }
    }

    dump_int(b, "choice", rq->choice, AI_CHOICE_UNSET);
    dump_raw(b, "named", &rq->choice_name);
    dump_int(b, "parallel", rq->parallel, -1);
    dump_int(b, "output", rq->output, AI_OUTPUT_TEXT);
    dump_raw(b, "oname", &rq->output_name);
    dump_raw(b, "odesc", &rq->output_description);
    dump_raw(b, "oschema", &rq->output_schema);
    dump_int(b, "ostrict", rq->output_strict, -1);
    dump_int(b, "effort", rq->effort, AI_EFFORT_UNSET);
    dump_int(b, "budget", rq->budget, -1);
    dump_int(b, "thoughts", rq->thoughts, -1);
    dump_int(b, "max", rq->max_output, -1);
    dump_int(b, "n", rq->n, -1);
    dump_raw(b, "temp", &rq->temperature);
    dump_raw(b, "top_p", &rq->top_p);
    dump_raw(b, "top_k", &rq->top_k);
    dump_raw(b, "seed", &rq->seed);
    dump_raw(b, "pres", &rq->presence);
    dump_raw(b, "freq", &rq->frequency);
    dump_raw(b, "bias", &rq->logit_bias);
    dump_int(b, "logprobs", rq->logprobs, -1);
    dump_int(b, "top_logprobs", rq->top_logprobs, -1);

    for (i = 0; i < rq->nstop; i++) {
        dump_raw(b, "stop", &rq->stop[i]);
    }

    dump_raw(b, "user", &rq->user);
    dump_raw(b, "meta", &rq->metadata);
    dump_raw(b, "tier", &rq->tier);
    dump_int(b, "stream", rq->stream, 0);
    dump_int(b, "usage", rq->include_usage, 0);
    dump_int(b, "functions", rq->functions, 0);
}


#endif /* T_OPENAI_DUMP_H */
