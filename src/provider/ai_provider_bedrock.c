
/*
 * Amazon Bedrock, Converse and ConverseStream of the API bedrock-runtime,
 * 2023-09-30.
 *
 * The host has the region in its name and requests are signed, so neither an
 * endpoint nor a header for the key is here.
 */

#include <provider/ai_bedrock_int.h>
#include <codec/ai_sigv4.h>


/* "_" and eight digits of a hash end a name that was changed */
#define AI_BEDROCK_NAME_TAIL  9


typedef struct {
    const char        *word;
    ai_bedrock_model_e  model;
} ai_bedrock_word_t;


static void ai_bedrock_path(const ai_target_t *t, ai_int_t stream,
    ai_buf_t *b);
static ai_int_t ai_bedrock_decoded(ai_buf_t *b, const ai_esc_t *s,
    ai_str_t *out);
static ai_int_t ai_bedrock_is_word(ai_char_t c);


static const ai_service_t  *const ai_bedrock_services[] = {
    &ai_bedrock_embed,
    &ai_bedrock_rerank,
    &ai_bedrock_count_tokens,
    NULL
};


const ai_provider_t  ai_provider_bedrock = {
    .name = ai_string("bedrock"),
    .family = AI_FAMILY_BEDROCK,
    .endpoint = ai_string(""),
    .base = ai_string(""),
    .key_header = ai_string(""),
    .key_prefix = ai_string(""),
    .framing = AI_FRAMING_EVENTSTREAM,
    .services = ai_bedrock_services,
    .path = ai_bedrock_path,
    .headers = ai_string(""),
    .build = ai_bedrock_build,
    .decoder_size = sizeof(ai_bedrock_t),
    .decoder_init = ai_bedrock_init,
    .stream = ai_bedrock_stream,
    .stream_end = ai_bedrock_stream_end,
    .answer = ai_bedrock_answer
};


/* the first that is part of an id counts: "us.anthropic.claude-...",
 * "amazon.nova-2-lite-v1:0", "arn:aws:bedrock:...:foundation-model/..." */

static const ai_bedrock_word_t  ai_bedrock_words[] = {
    { "claude", AI_BEDROCK_CLAUDE },
    { "anthropic.", AI_BEDROCK_CLAUDE },
    { "nova-2", AI_BEDROCK_NOVA2 },
    { "amazon.nova", AI_BEDROCK_NOVA },
    { "gpt-oss", AI_BEDROCK_EFFORT },
    { "deepseek.v3", AI_BEDROCK_EFFORT },
    { "qwen", AI_BEDROCK_EFFORT },
    { ":foundation-model/", AI_BEDROCK_OTHER },
    { ":inference-profile/", AI_BEDROCK_OTHER },
    { "arn:", AI_BEDROCK_UNKNOWN },
    { NULL, AI_BEDROCK_OTHER }
};


/* encoded once; the signature's canonical path encodes the "%" again */

static void
ai_bedrock_path(const ai_target_t *t, ai_int_t stream, ai_buf_t *b)
{
    ai_buf_lit(b, "/model/");
    ai_buf_uri(b, &t->model, NULL);

    if (stream) {
        ai_buf_lit(b, "/converse-stream");

    } else {
        ai_buf_lit(b, "/converse");
    }
}


ai_bedrock_model_e
ai_bedrock_model(const ai_str_t *model)
{
    const ai_bedrock_word_t  *w;

    for (w = ai_bedrock_words; w->word != NULL; w++) {
        if (ai_str_casefind(model, w->word)) {
            break;
        }
    }

    return w->model;
}


void
ai_bedrock_name(ai_buf_t *b, const ai_esc_t *name)
{
    size_t     i, at, len;
    ai_str_t   s;
    ai_int_t   good;
    ai_char_t  hash[AI_SIGV4_HASH];

    if (ai_bedrock_decoded(b, name, &s) != AI_OK) {
        return;
    }

    good = (s.len > 0 && s.len <= AI_BEDROCK_NAME_MAX);

    for (i = 0; good && i < s.len; i++) {
        good = ai_bedrock_is_word(s.data[i]);
    }

    if (good) {
        return;
    }

    if (ai_sigv4_hash(&s, 1, hash) != AI_OK) {
        b->failed = 1;
        return;
    }

    at = ai_buf_len(b) - s.len;
    len = ai_min(s.len, AI_BEDROCK_NAME_MAX - AI_BEDROCK_NAME_TAIL);

    for (i = 0; i < len; i++) {
        if (!ai_bedrock_is_word(s.data[i])) {
            s.data[i] = '_';
        }
    }

    b->last = b->start + at + len;

    ai_buf_char(b, '_');
    ai_buf_add(b, hash, AI_BEDROCK_NAME_TAIL - 1);
}


const ai_esc_t *
ai_bedrock_name_back(const ai_request_t *rq, const ai_esc_t *name,
    ai_buf_t *scratch)
{
    size_t            i, at;
    ai_str_t          s;
    const ai_tool_t  *tool;

    if (rq == NULL || name->len < AI_BEDROCK_NAME_TAIL) {
        return NULL;
    }

    at = name->len - AI_BEDROCK_NAME_TAIL;

    if (name->data[at] != '_') {
        return NULL;
    }

    for (i = at + 1; i < name->len; i++) {
        if (memchr("0123456789abcdef", name->data[i], 16) == NULL) {
            return NULL;
        }
    }

    for (tool = rq->tools; tool != NULL; tool = tool->next) {
        ai_buf_reset(scratch);
        ai_bedrock_name(scratch, &tool->name);

        if (scratch->failed) {
            return NULL;
        }

        s = ai_buf_str(scratch);

        if (ai_str_eq(&s, name)) {
            return &tool->name;
        }
    }

    return NULL;
}


void
ai_bedrock_id(ai_buf_t *b, const ai_esc_t *id)
{
    size_t     i;
    ai_str_t   s;
    ai_int_t   good;
    ai_char_t  c, hash[AI_SIGV4_HASH];

    if (ai_bedrock_decoded(b, id, &s) != AI_OK) {
        return;
    }

    good = (s.len > 0 && s.len <= AI_BEDROCK_ID_MAX);

    for (i = 0; good && i < s.len; i++) {
        c = s.data[i];
        good = ai_bedrock_is_word(c) || c == '.' || c == ':';
    }

    if (good) {
        return;
    }

    if (ai_sigv4_hash(&s, 1, hash) != AI_OK) {
        b->failed = 1;
        return;
    }

    b->last -= s.len;

    ai_buf_lit(b, "call_");
    ai_buf_add(b, hash, 32);
}


/* appends s decoded and says where it lies */

static ai_int_t
ai_bedrock_decoded(ai_buf_t *b, const ai_esc_t *s, ai_str_t *out)
{
    size_t  at;

    if (ai_buf_reserve(b, s->len + 1) != AI_OK) {
        return AI_ERROR;
    }

    at = ai_buf_len(b);
    ai_json_unescape(b, s);

    if (b->failed) {
        return AI_ERROR;
    }

    out->data = b->start + at;
    out->len = ai_buf_len(b) - at;

    return AI_OK;
}


static ai_int_t
ai_bedrock_is_word(ai_char_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '-';
}
