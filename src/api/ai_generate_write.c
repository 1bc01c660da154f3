
/*
 * Writes an answer: each part of a stream as a chunk of its own, those of a
 * JSON answer one after the other into the choice's list.
 */

#include <api/ai_generate_reply_int.h>


#define AI_GENERATE_HEAD                                                      \
    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":["


static void ai_generate_chunk(ai_generate_reply_t *r);
static ai_buf_t *ai_generate_part_open(ai_generate_reply_t *r, uint32_t n);
static void ai_generate_part_close(ai_generate_reply_t *r, uint32_t n);
static void ai_generate_text_close(ai_generate_choice_t *ch);
static void ai_generate_signed(ai_generate_reply_t *r, ai_buf_t *b,
    ai_family_e family, ai_int_t data, const ai_esc_t *s);
static ai_int_t ai_generate_is_shown(const ai_generate_reply_t *r,
    ai_family_e family);
static void ai_generate_raw_line(ai_buf_t *b, const ai_raw_t *raw);
static void ai_generate_logprob(ai_buf_t *b, const ai_json_t *doc,
    ai_ref_t v);
static void ai_generate_logprobs(ai_generate_reply_t *r, ai_ref_t list,
    ai_buf_t *chosen, ai_buf_t *top);
static ai_str_t ai_generate_reason(const ai_generate_choice_t *ch);
static void ai_generate_candidate(ai_generate_reply_t *r, uint32_t n);
static void ai_generate_usage(ai_buf_t *b, const ai_usage_t *usage);
static void ai_generate_modalities(ai_buf_t *b, const char *name, int64_t all,
    int64_t audio, int64_t image);
static void ai_generate_count(ai_buf_t *b, int64_t n);


/* what every chunk ends with */

ai_int_t
ai_generate_write_init(ai_generate_reply_t *r)
{
    ai_buf_lit(&r->tail, ",\"modelVersion\":");
    ai_buf_quote_esc(&r->tail, &r->model);
    ai_buf_lit(&r->tail, ",\"responseId\":");
    ai_buf_quote_esc(&r->tail, &r->id);
    ai_buf_char(&r->tail, '}');

    if (r->conf.stream && r->conf.array) {
        ai_buf_char(&r->tail, '\n');

    } else if (r->conf.stream) {
        ai_buf_lit(&r->tail, "\r\n\r\n");
    }

    return r->tail.failed ? AI_ERROR : AI_OK;
}


static void
ai_generate_chunk(ai_generate_reply_t *r)
{
    ai_buf_cat(r->out, &r->mark);

    if (!r->written && r->conf.array) {
        r->mark = ai_lit(",\r\n");
    }

    r->written = 1;
}


static ai_buf_t *
ai_generate_part_open(ai_generate_reply_t *r, uint32_t n)
{
    ai_generate_choice_t  *ch;

    if (r->conf.stream) {
        ai_generate_chunk(r);
        ai_buf_lit(r->out, AI_GENERATE_HEAD);
        return r->out;
    }

    ch = &r->choices[n];

    ai_generate_text_close(ch);

    if (ai_buf_len(&ch->parts)) {
        ai_buf_char(&ch->parts, ',');
    }

    return &ch->parts;
}


static void
ai_generate_part_close(ai_generate_reply_t *r, uint32_t n)
{
    if (!r->conf.stream) {
        return;
    }

    ai_buf_lit(r->out, "]},\"index\":");
    ai_buf_int(r->out, n);
    ai_buf_lit(r->out, "}]");
    ai_buf_add(r->out, r->tail.start, ai_buf_len(&r->tail));
}


/* a JSON answer's part with text is open until something else comes */

static void
ai_generate_text_close(ai_generate_choice_t *ch)
{
    if (!ch->open) {
        return;
    }

    ai_buf_char(&ch->parts, '"');

    if (ch->kind == AI_BLOCK_THINKING) {
        ai_buf_lit(&ch->parts, ",\"thought\":true");
    }

    ai_buf_char(&ch->parts, '}');

    ch->open = 0;
}


/* Gemini has no refusals: one is a text, the reason to finish says the rest */

void
ai_generate_write_text(ai_generate_reply_t *r, const ai_event_t *ev)
{
    ai_buf_t              *b;
    ai_block_e             kind;
    ai_generate_choice_t  *ch;

    ch = &r->choices[ev->choice];
    kind = ev->kind == AI_BLOCK_REFUSAL ? AI_BLOCK_TEXT : ev->kind;

    if (kind == AI_BLOCK_THINKING) {
        if (!r->thoughts) {
            return;
        }

        ch->thinking = 1;
        ch->thought = ev->index;

    } else if (kind != AI_BLOCK_TEXT) {
        return;
    }

    if (ch->open && ch->kind == kind && ch->index == ev->index) {
        ai_buf_cat(&ch->parts, &ev->text);
        return;
    }

    b = ai_generate_part_open(r, ev->choice);

    ai_buf_lit(b, "{\"text\":\"");
    ai_buf_cat(b, &ev->text);

    if (!r->conf.stream) {
        ch->open = 1;
        ch->kind = kind;
        ch->index = ev->index;
        return;
    }

    if (kind == AI_BLOCK_THINKING) {
        ai_buf_lit(b, "\",\"thought\":true}");

    } else {
        ai_buf_lit(b, "\"}");
    }

    ai_generate_part_close(r, ev->choice);
}


/* args is an object, so a call that was cut or spoilt is left out: a client
 * might make it without arguments */

ai_int_t
ai_generate_write_call(ai_generate_reply_t *r,
    const ai_generate_slot_t *slot)
{
    size_t                 i;
    ai_buf_t              *b;
    ai_str_t               args, signature;

    args = ai_buf_str(&slot->text);

    ai_buf_reset(&r->scratch);
    ai_json_unescape(&r->scratch, &args);

    if (r->scratch.failed) {
        return AI_ERROR;
    }

    args = ai_buf_str(&r->scratch);

    for (i = 0; i < args.len && args.data[i] <= ' '; i++) { /* void */ }

    if (i == args.len) {
        args = ai_lit("{}");

    } else if (ai_json_parse(&r->doc, &args, NULL) != AI_OK
               || ai_json_type(&r->doc, AI_JSON_ROOT) != AI_JSON_OBJECT)
    {
        if (r->doc.n == 0 && r->doc.error == AI_JSON_E_MEMORY) {
            return AI_ERROR;
        }

        r->choices[slot->choice].malformed = 1;
        return AI_OK;
    }

    b = ai_generate_part_open(r, slot->choice);

    ai_buf_lit(b, "{\"functionCall\":{");
    ai_buf_add(b, slot->head.start, ai_buf_len(&slot->head));
    ai_buf_lit(b, ",\"args\":");

    if (r->conf.stream) {
        ai_generate_raw_line(b, &args);

    } else {
        ai_buf_cat(b, &args);
    }

    ai_buf_char(b, '}');

    signature = ai_buf_str(&slot->signature);

    if (signature.len && slot->family != AI_FAMILY_NONE) {
        ai_generate_signed(r, b, slot->family, 0, &signature);
    }

    ai_buf_char(b, '}');

    ai_generate_part_close(r, slot->choice);

    return AI_OK;
}


static void
ai_generate_signed(ai_generate_reply_t *r, ai_buf_t *b, ai_family_e family,
    ai_int_t data, const ai_esc_t *s)
{
    ai_buf_lit(b, ",\"thoughtSignature\":\"");
    ai_generate_tag(b, &r->opaque, family, data, s);
    ai_buf_char(b, '"');
}


/* Google's own signatures are no thoughts, another's are worth nothing without
 * them */

static ai_int_t
ai_generate_is_shown(const ai_generate_reply_t *r, ai_family_e family)
{
    return family == AI_FAMILY_GEMINI
           || (family != AI_FAMILY_NONE && r->thoughts);
}


void
ai_generate_write_signature(ai_generate_reply_t *r,
    const ai_generate_slot_t *slot)
{
    ai_buf_t              *b;
    ai_str_t               signature;
    ai_int_t               thought;
    ai_generate_choice_t  *ch;

    ch = &r->choices[slot->choice];
    signature = ai_buf_str(&slot->signature);

    if (!ai_generate_is_shown(r, slot->family)) {
        return;
    }

    thought = slot->kind == AI_BLOCK_THINKING
              && (slot->family != AI_FAMILY_GEMINI
                  || (ch->thinking && ch->thought == slot->index));

    /* with the text before it, if that is its own or has none */

    if (ch->open && (ch->kind == AI_BLOCK_THINKING) == (thought != 0)
        && (ch->index == slot->index || !thought))
    {
        b = &ch->parts;
        ch->open = 0;

        ai_buf_char(b, '"');

    } else {
        b = ai_generate_part_open(r, slot->choice);

        ai_buf_lit(b, "{\"text\":\"\"");
    }

    if (thought) {
        ai_buf_lit(b, ",\"thought\":true");
    }

    ai_generate_signed(r, b, slot->family, 0, &signature);
    ai_buf_char(b, '}');

    ai_generate_part_close(r, slot->choice);
}


void
ai_generate_write_redacted(ai_generate_reply_t *r, const ai_event_t *ev)
{
    ai_buf_t  *b;

    if (!ai_generate_is_shown(r, ev->family)) {
        return;
    }

    b = ai_generate_part_open(r, ev->choice);

    ai_buf_lit(b, "{\"text\":\"\",\"thought\":true");
    ai_generate_signed(r, b, ev->family, 1, &ev->data);
    ai_buf_char(b, '}');

    ai_generate_part_close(r, ev->choice);
}


/* line ends between the tokens of a value would end the event's line */

static void
ai_generate_raw_line(ai_buf_t *b, const ai_raw_t *raw)
{
    size_t  i, from;

    from = 0;

    for (i = 0; i < raw->len; i++) {
        if (raw->data[i] == '\n' || raw->data[i] == '\r') {
            ai_buf_add(b, raw->data + from, i - from);
            from = i + 1;
        }
    }

    ai_buf_add(b, raw->data + from, raw->len - from);
}


/* OpenAI's {content: [{token, logprob, top_logprobs}]} as logprobsResult; one
 * that is none is left out */

ai_int_t
ai_generate_write_logprobs(ai_generate_reply_t *r, const ai_event_t *ev)
{
    ai_buf_t              *chosen, *top;
    ai_ref_t               list;
    ai_generate_choice_t  *ch;

    if (ai_json_parse(&r->doc, &ev->raw, NULL) != AI_OK) {
        return r->doc.error == AI_JSON_E_MEMORY ? AI_ERROR : AI_OK;
    }

    list = ai_json_get(&r->doc, AI_JSON_ROOT, "content");

    if (ai_json_type(&r->doc, list) != AI_JSON_ARRAY
        || r->doc.node[list].count == 0)
    {
        return AI_OK;
    }

    ch = &r->choices[ev->choice];

    chosen = &ch->chosen;
    top = &ch->top;

    if (r->conf.stream) {
        chosen = &r->scratch;
        top = &r->opaque;
        ai_buf_reset(chosen);
        ai_buf_reset(top);
    }

    ai_generate_logprobs(r, list, chosen, top);

    if (chosen->failed || top->failed) {
        return AI_ERROR;
    }

    if (!r->conf.stream) {
        return AI_OK;
    }

    (void) ai_generate_part_open(r, ev->choice);
    ai_buf_lit(r->out, "{\"text\":\"\"}]},\"index\":");
    ai_buf_int(r->out, ev->choice);
    ai_buf_lit(r->out, ",\"logprobsResult\":{\"chosenCandidates\":[");
    ai_buf_add(r->out, chosen->start, ai_buf_len(chosen));
    ai_buf_lit(r->out, "],\"topCandidates\":[");
    ai_buf_add(r->out, top->start, ai_buf_len(top));
    ai_buf_lit(r->out, "]}}]");
    ai_buf_add(r->out, r->tail.start, ai_buf_len(&r->tail));

    return AI_OK;
}


static void
ai_generate_logprobs(ai_generate_reply_t *r, ai_ref_t list, ai_buf_t *chosen,
    ai_buf_t *top)
{
    ai_ref_t          v, other, tops;
    const ai_json_t  *doc;

    doc = &r->doc;

    for (v = ai_json_first(doc, list);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, list, v))
    {
        if (ai_json_type(doc, v) != AI_JSON_OBJECT) {
            continue;
        }

        if (ai_buf_len(chosen)) {
            ai_buf_char(chosen, ',');
            ai_buf_char(top, ',');
        }

        ai_generate_logprob(chosen, doc, v);

        ai_buf_lit(top, "{\"candidates\":[");

        tops = ai_json_get(doc, v, "top_logprobs");
        other = ai_json_type(doc, tops) == AI_JSON_ARRAY
                ? ai_json_first(doc, tops) : AI_JSON_NONE;

        while (other != AI_JSON_NONE) {
            ai_generate_logprob(top, doc, other);
            other = ai_json_next(doc, tops, other);

            if (other != AI_JSON_NONE) {
                ai_buf_char(top, ',');
            }
        }

        ai_buf_lit(top, "]}");
    }
}


static void
ai_generate_logprob(ai_buf_t *b, const ai_json_t *doc, ai_ref_t v)
{
    ai_ref_t  n;
    ai_raw_t  raw;
    ai_esc_t  token;

    token = ai_json_esc(doc, ai_json_get(doc, v, "token"));
    n = ai_json_get(doc, v, "logprob");
    raw = ai_lit("0");

    if (ai_json_type(doc, n) == AI_JSON_NUMBER) {
        raw = ai_json_raw(doc, n);
    }

    ai_buf_lit(b, "{\"token\":");
    ai_buf_quote_esc(b, &token);
    ai_buf_lit(b, ",\"logProbability\":");
    ai_buf_cat(b, &raw);
    ai_buf_char(b, '}');
}


/* an annotation of OpenAI's that is a page's address, as a chunk of
 * grounding */

ai_int_t
ai_generate_write_source(ai_generate_reply_t *r, const ai_event_t *ev)
{
    ai_buf_t  *b;
    ai_esc_t   uri, title;
    ai_ref_t   v;

    if (ai_json_parse(&r->doc, &ev->raw, NULL) != AI_OK) {
        return r->doc.error == AI_JSON_E_MEMORY ? AI_ERROR : AI_OK;
    }

    v = ai_json_get(&r->doc, AI_JSON_ROOT, "url_citation");
    v = ai_json_type(&r->doc, v) == AI_JSON_OBJECT ? v : AI_JSON_ROOT;

    uri = ai_json_esc(&r->doc, ai_json_get(&r->doc, v, "url"));
    title = ai_json_esc(&r->doc, ai_json_get(&r->doc, v, "title"));

    if (uri.len == 0) {
        return AI_OK;
    }

    b = &r->choices[ev->choice].sources;

    if (r->conf.stream) {
        b = ai_generate_part_open(r, ev->choice);
        ai_buf_lit(b, "{\"text\":\"\"}]},\"index\":");
        ai_buf_int(b, ev->choice);
        ai_buf_lit(b, ",\"groundingMetadata\":{\"groundingChunks\":[");

    } else if (ai_buf_len(b)) {
        ai_buf_char(b, ',');
    }

    ai_buf_lit(b, "{\"web\":{\"uri\":");
    ai_buf_quote_esc(b, &uri);

    if (title.data) {
        ai_buf_lit(b, ",\"title\":");
        ai_buf_quote_esc(b, &title);
    }

    ai_buf_lit(b, "}}");

    if (r->conf.stream) {
        ai_buf_lit(b, "]}}]");
        ai_buf_add(b, r->tail.start, ai_buf_len(&r->tail));
    }

    return AI_OK;
}


void
ai_generate_write_error(ai_generate_reply_t *r, const ai_error_t *err)
{
    if (!r->conf.array) {
        ai_generate_error_event(r->out, err);
        return;
    }

    ai_generate_chunk(r);
    ai_generate_error(r->out, err);
    ai_buf_lit(r->out, "\n]");
}


/* a pause is told as the limit: the only word for an answer that is to be
 * continued */

static ai_str_t
ai_generate_reason(const ai_generate_choice_t *ch)
{
    switch (ch->base.finish) {

    case AI_FINISH_LENGTH:
    case AI_FINISH_CONTEXT:
    case AI_FINISH_PAUSE:
        return ai_lit("MAX_TOKENS");

    case AI_FINISH_FILTER:
        return ai_lit("SAFETY");

    default:
        return ch->malformed ? ai_lit("MALFORMED_FUNCTION_CALL")
                             : ai_lit("STOP");
    }
}


ai_int_t
ai_generate_write_end(ai_generate_reply_t *r)
{
    uint32_t   i, n;
    ai_buf_t  *b;

    b = r->out;

    if (r->conf.stream) {
        ai_generate_chunk(r);
    }

    ai_buf_lit(b, "{\"candidates\":[");

    n = 0;

    for (i = 0; i < r->nchoices; i++) {
        if (!r->choices[i].base.started) {
            continue;
        }

        if (n++) {
            ai_buf_char(b, ',');
        }

        ai_generate_candidate(r, i);

        if (r->choices[i].parts.failed || r->choices[i].sources.failed) {
            return AI_ERROR;
        }
    }

    ai_buf_lit(b, "],\"usageMetadata\":");
    ai_generate_usage(b, &r->usage);
    ai_buf_add(b, r->tail.start, ai_buf_len(&r->tail));

    if (r->conf.stream && r->conf.array) {
        ai_buf_char(b, ']');
    }

    return b->failed ? AI_ERROR : AI_OK;
}


/* SDKs leave an answer out of a chat's history if one of its chunks has no
 * parts */

static void
ai_generate_candidate(ai_generate_reply_t *r, uint32_t n)
{
    ai_buf_t              *b;
    ai_str_t               reason;
    ai_generate_choice_t  *ch;

    b = r->out;
    ch = &r->choices[n];

    ai_generate_text_close(ch);

    ai_buf_lit(b, "{\"content\":{\"role\":\"model\",\"parts\":[");

    if (r->conf.stream) {
        ai_buf_lit(b, "{\"text\":\"\"}");

    } else {
        ai_buf_add(b, ch->parts.start, ai_buf_len(&ch->parts));
    }

    reason = ai_generate_reason(ch);

    ai_buf_lit(b, "]},\"finishReason\":");
    ai_buf_quote(b, &reason);

    if (ch->malformed) {
        ai_buf_lit(b, ",\"finishMessage\":\"A function call was left out: "
                      "its arguments are no JSON object.\"");
    }

    ai_buf_lit(b, ",\"index\":");
    ai_buf_int(b, n);

    if (ai_buf_len(&ch->sources)) {
        ai_buf_lit(b, ",\"groundingMetadata\":{\"groundingChunks\":[");
        ai_buf_add(b, ch->sources.start, ai_buf_len(&ch->sources));
        ai_buf_lit(b, "]}");
    }

    if (ai_buf_len(&ch->chosen)) {
        ai_buf_lit(b, ",\"logprobsResult\":{\"chosenCandidates\":[");
        ai_buf_add(b, ch->chosen.start, ai_buf_len(&ch->chosen));
        ai_buf_lit(b, "],\"topCandidates\":[");
        ai_buf_add(b, ch->top.start, ai_buf_len(&ch->top));
        ai_buf_lit(b, "]}");
    }

    ai_buf_char(b, '}');
}


static void
ai_generate_count(ai_buf_t *b, int64_t n)
{
    ai_buf_int(b, ai_max(n, 0));
}


/* Gemini counts thoughts beside the answer, not in it */

static void
ai_generate_usage(ai_buf_t *b, const ai_usage_t *usage)
{
    int64_t  output;

    output = usage->completion - ai_max(usage->reasoning, 0);

    ai_buf_lit(b, "{\"promptTokenCount\":");
    ai_generate_count(b, usage->prompt);
    ai_buf_lit(b, ",\"candidatesTokenCount\":");
    ai_generate_count(b, output);
    ai_buf_lit(b, ",\"totalTokenCount\":");
    ai_generate_count(b, usage->total);

    ai_reply_count(b, ",\"cachedContentTokenCount\":", usage->cached);
    ai_reply_count(b, ",\"thoughtsTokenCount\":", usage->reasoning);

    ai_generate_modalities(b, ",\"promptTokensDetails\":[", usage->prompt,
                           usage->prompt_audio, usage->prompt_image);
    ai_generate_modalities(b, ",\"cacheTokensDetails\":[", usage->cached,
                           usage->cached_audio, usage->cached_image);
    ai_generate_modalities(b, ",\"candidatesTokensDetails\":[", output,
                           usage->completion_audio, usage->completion_image);

    if (usage->tier == AI_TIER_FLEX) {
        ai_buf_lit(b, ",\"trafficType\":\"ON_DEMAND_FLEX\"");

    } else if (usage->tier == AI_TIER_PRIORITY) {
        ai_buf_lit(b, ",\"trafficType\":\"ON_DEMAND_PRIORITY\"");
    }

    ai_buf_char(b, '}');
}


/* only where there is more than text */

static void
ai_generate_modalities(ai_buf_t *b, const char *name, int64_t all,
    int64_t audio, int64_t image)
{
    int64_t  text;

    audio = ai_max(audio, 0);
    image = ai_max(image, 0);
    text = all - audio - image;

    if (audio + image == 0) {
        return;
    }

    ai_reply_cstr(b, name);

    ai_reply_count(b, "{\"modality\":\"TEXT\",\"tokenCount\":", text);
    ai_reply_cstr(b, text > 0 ? "}" : "");
    ai_reply_cstr(b, text > 0 && audio ? "," : "");
    ai_reply_count(b, "{\"modality\":\"AUDIO\",\"tokenCount\":", audio);
    ai_reply_cstr(b, audio ? "}" : "");
    ai_reply_cstr(b, (text > 0 || audio) && image ? "," : "");
    ai_reply_count(b, "{\"modality\":\"IMAGE\",\"tokenCount\":", image);
    ai_reply_cstr(b, image ? "}]" : "]");
}
