
/*
 * Images, files and audio of a request as Gemini's parts.
 */

#include <provider/ai_gemini_build_int.h>


#define AI_GEMINI_FILES                                                       \
    "https://generativelanguage.googleapis.com/v1beta/"


static ai_int_t ai_gemini_media_url(ai_gemini_build_t *g,
    const ai_block_t *block);
static ai_int_t ai_gemini_url_ok(const ai_str_t *url);
static ai_str_t ai_gemini_media_type(const ai_block_t *block,
    const ai_str_t *url);


static const struct {
    const char            *suffix;
    ai_str_t               type;
} ai_gemini_types[] = {
    { ".png", ai_string("image/png") },
    { ".jpg", ai_string("image/jpeg") },
    { ".jpeg", ai_string("image/jpeg") },
    { ".webp", ai_string("image/webp") },
    { ".gif", ai_string("image/gif") },
    { ".heic", ai_string("image/heic") },
    { ".heif", ai_string("image/heif") },
    { ".pdf", ai_string("application/pdf") },
    { ".txt", ai_string("text/plain") },
    { ".mp3", ai_string("audio/mp3") },
    { ".wav", ai_string("audio/wav") },
    { ".mp4", ai_string("video/mp4") },
    { NULL, ai_null_string }
};


ai_int_t
ai_gemini_is_media(const ai_block_t *block)
{
    return block->kind == AI_BLOCK_IMAGE
           || block->kind == AI_BLOCK_FILE
           || block->kind == AI_BLOCK_AUDIO;
}


ai_int_t
ai_gemini_media(ai_gemini_build_t *g, const ai_block_t *block)
{
    ai_str_t  type, plain;

    switch (block->source) {

    case AI_SOURCE_BASE64:
        type = ai_gemini_media_type(block, NULL);

        ai_buf_lit(g->b, "{\"inlineData\":{\"mimeType\":");
        ai_buf_quote(g->b, &type);
        ai_buf_lit(g->b, ",\"data\":");
        ai_buf_quote_esc(g->b, &block->data);
        ai_buf_lit(g->b, "}}");

        return AI_OK;

    case AI_SOURCE_TEXT:
        ai_buf_lit(g->b, "{\"text\":");
        ai_buf_quote_esc(g->b, &block->data);
        ai_buf_char(g->b, '}');

        return AI_OK;

    case AI_SOURCE_ID:
        ai_buf_lit(g->b, "{\"fileData\":{\"fileUri\":\"");

        if (ai_json_plain(&block->data, g->pool, &plain) != AI_OK) {
            g->b->failed = 1;
            return AI_ERROR;
        }

        if (ai_str_starts(&plain, "files/")) {
            ai_buf_lit(g->b, AI_GEMINI_FILES);
        }

        ai_buf_cat(g->b, &block->data);
        ai_buf_char(g->b, '"');

        if (block->media.len != 0) {
            ai_buf_lit(g->b, ",\"mimeType\":");
            ai_buf_quote(g->b, &block->media);
        }

        ai_buf_lit(g->b, "}}");

        return AI_OK;

    case AI_SOURCE_URL:
        return ai_gemini_media_url(g, block);

    default:
        return ai_gemini_no(g, AI_ERR_INVALID_VALUE,
                            "a part of a message has no data");
    }
}


static ai_int_t
ai_gemini_media_url(ai_gemini_build_t *g, const ai_block_t *block)
{
    ai_str_t  url, type;

    if (ai_json_plain(&block->data, g->pool, &url) != AI_OK) {
        g->b->failed = 1;
        return AI_ERROR;
    }

    if (!ai_gemini_url_ok(&url)
        && !(g->vertex && ai_str_starts(&url, "https://")))
    {
        return ai_gemini_no(g, AI_ERR_UNSUPPORTED_PARAMETER,
                            "this provider fetches no URLs; send the bytes "
                            "as a data: URL");
    }

    type = ai_gemini_media_type(block, &url);

    ai_buf_lit(g->b, "{\"fileData\":{\"fileUri\":");
    ai_buf_quote_esc(g->b, &block->data);

    if (type.len != 0) {
        ai_buf_lit(g->b, ",\"mimeType\":");
        ai_buf_quote(g->b, &type);
    }

    ai_buf_lit(g->b, "}}");

    return AI_OK;
}


/* Google's own places: what is there is not fetched over the open network */

static ai_int_t
ai_gemini_url_ok(const ai_str_t *url)
{
    ai_uint_t  i;

    static const char  *const prefixes[] = {
        "gs://",
        "https://www.youtube.com/",
        "https://youtube.com/",
        "https://m.youtube.com/",
        "https://youtu.be/",
        NULL
    };

    for (i = 0; prefixes[i] != NULL; i++) {
        if (ai_str_starts(url, prefixes[i])) {
            return 1;
        }
    }

    return ai_str_starts(url, "https://generativelanguage.googleapis.com/")
           && ai_str_casefind(url, "/files/");
}


/* what was said, or what the name shows, or what is usual; a URL's type may
 * stay unknown */

static ai_str_t
ai_gemini_media_type(const ai_block_t *block, const ai_str_t *url)
{
    size_t     len;
    ai_str_t   end;
    ai_uint_t  i;

    if (block->media.len != 0) {
        return block->media;
    }

    if (url != NULL) {

        for (i = 0; ai_gemini_types[i].suffix != NULL; i++) {
            len = strlen(ai_gemini_types[i].suffix);

            if (url->len < len) {
                continue;
            }

            end.data = url->data + url->len - len;
            end.len = len;

            if (ai_str_casefind(&end, ai_gemini_types[i].suffix)) {
                return ai_gemini_types[i].type;
            }
        }

        return (ai_str_t) ai_null_string;
    }

    switch (block->kind) {

    case AI_BLOCK_IMAGE:
        return ai_lit("image/png");

    case AI_BLOCK_AUDIO:
        return ai_lit("audio/wav");

    default:
        return ai_lit("application/pdf");
    }
}
