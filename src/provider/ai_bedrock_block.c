
/*
 * The blocks of a message to Bedrock.  Data goes as bytes: the API follows no
 * URL but of S3.
 */

#include <provider/ai_bedrock_int.h>
#include <codec/ai_base64.h>


#define AI_BEDROCK_DOCUMENT_MAX  180    /* of a name, 200 with its number */


/* media types and, for files, the ends of names */
typedef struct {
    ai_str_t           media;
    const char        *format;
} ai_bedrock_format_t;


static void ai_bedrock_thinking(ai_bedrock_build_t *bb,
    const ai_block_t *blk);
static void ai_bedrock_redacted(ai_bedrock_build_t *bb,
    const ai_block_t *blk);
static void ai_bedrock_call(ai_bedrock_build_t *bb, const ai_block_t *blk);
static ai_int_t ai_bedrock_result(ai_bedrock_build_t *bb,
    const ai_block_t *blk);
static ai_int_t ai_bedrock_image(ai_bedrock_build_t *bb,
    const ai_block_t *blk);
static ai_int_t ai_bedrock_audio(ai_bedrock_build_t *bb,
    const ai_block_t *blk);
static ai_int_t ai_bedrock_document(ai_bedrock_build_t *bb,
    const ai_block_t *blk);
static void ai_bedrock_document_name(ai_bedrock_build_t *bb,
    const ai_block_t *blk);
static const char *ai_bedrock_format(const ai_bedrock_format_t *f,
    const ai_str_t *media);
static const char *ai_bedrock_extension(ai_bedrock_build_t *bb,
    const ai_esc_t *name);
static void ai_bedrock_head(ai_bedrock_build_t *bb, const char *kind,
    const char *format);
static void ai_bedrock_bytes(ai_bedrock_build_t *bb, const ai_block_t *blk);
static ai_esc_t ai_bedrock_data(const ai_block_t *blk);


static const ai_bedrock_format_t  ai_bedrock_images[] = {
    { ai_string("image/png"), "png" },
    { ai_string("image/jpeg"), "jpeg" },
    { ai_string("image/jpg"), "jpeg" },
    { ai_string("image/gif"), "gif" },
    { ai_string("image/webp"), "webp" },
    { ai_null_string, NULL }
};


static const ai_bedrock_format_t  ai_bedrock_sounds[] = {
    { ai_string("audio/mp3"), "mp3" },
    { ai_string("audio/mpeg"), "mp3" },
    { ai_string("audio/wav"), "wav" },
    { ai_string("audio/x-wav"), "wav" },
    { ai_string("audio/wave"), "wav" },
    { ai_string("audio/aac"), "aac" },
    { ai_string("audio/flac"), "flac" },
    { ai_string("audio/x-flac"), "flac" },
    { ai_string("audio/ogg"), "ogg" },
    { ai_string("audio/opus"), "opus" },
    { ai_string("audio/mp4"), "mp4" },
    { ai_string("audio/m4a"), "m4a" },
    { ai_string("audio/x-m4a"), "m4a" },
    { ai_string("audio/webm"), "webm" },
    { ai_string("audio/pcm"), "pcm" },
    { ai_null_string, NULL }
};


static const ai_bedrock_format_t  ai_bedrock_documents[] = {
    { ai_string("application/pdf"), "pdf" },
    { ai_string("text/plain"), "txt" },
    { ai_string("text/markdown"), "md" },
    { ai_string("text/html"), "html" },
    { ai_string("text/csv"), "csv" },
    { ai_string("application/msword"), "doc" },
    { ai_string("application/vnd.openxmlformats-officedocument"
                ".wordprocessingml.document"), "docx" },
    { ai_string("application/vnd.ms-excel"), "xls" },
    { ai_string("application/vnd.openxmlformats-officedocument"
                ".spreadsheetml.sheet"), "xlsx" },
    { ai_null_string, NULL }
};


static const ai_bedrock_format_t  ai_bedrock_extensions[] = {
    { ai_string("pdf"), "pdf" },
    { ai_string("txt"), "txt" },
    { ai_string("md"), "md" },
    { ai_string("html"), "html" },
    { ai_string("htm"), "html" },
    { ai_string("csv"), "csv" },
    { ai_string("doc"), "doc" },
    { ai_string("docx"), "docx" },
    { ai_string("xls"), "xls" },
    { ai_string("xlsx"), "xlsx" },
    { ai_null_string, NULL }
};


/*
 * Thinking is replayed to Claude only, and to ARNs that may be one: others
 * have no signatures and take none.
 */

unsigned
ai_bedrock_pass(const ai_bedrock_build_t *bb, ai_role_e role,
    const ai_block_t *blk)
{
    unsigned  ours;

    ours = (role == AI_ROLE_ASSISTANT && blk->family == AI_FAMILY_ANTHROPIC
            && (bb->model == AI_BEDROCK_CLAUDE
                || bb->model == AI_BEDROCK_UNKNOWN));

    switch (blk->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        return ai_anthropic_blank(&blk->text) ? 0 : 2;

    case AI_BLOCK_THINKING:
        return (ours && blk->signature.len != 0) ? 1 : 0;

    case AI_BLOCK_REDACTED:
        return (ours && blk->data.len != 0) ? 1 : 0;

    case AI_BLOCK_TOOL_CALL:
        return (role == AI_ROLE_ASSISTANT) ? 3 : 0;

    case AI_BLOCK_TOOL_RESULT:
        return (role == AI_ROLE_USER) ? 1 : 0;

    default: /* AI_BLOCK_IMAGE, AI_BLOCK_FILE, AI_BLOCK_AUDIO */
        return (role == AI_ROLE_SYSTEM) ? 0 : 2;
    }
}


ai_int_t
ai_bedrock_block(ai_bedrock_build_t *bb, ai_role_e role,
    const ai_block_t *blk)
{
    ai_int_t  rc;

    rc = AI_OK;

    switch (blk->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        ai_bedrock_text(bb, blk);
        break;

    case AI_BLOCK_THINKING:
        ai_bedrock_thinking(bb, blk);
        break;

    case AI_BLOCK_REDACTED:
        ai_bedrock_redacted(bb, blk);
        break;

    case AI_BLOCK_TOOL_CALL:
        ai_bedrock_call(bb, blk);
        break;

    case AI_BLOCK_TOOL_RESULT:
        return ai_bedrock_result(bb, blk);

    default: /* AI_BLOCK_IMAGE, AI_BLOCK_FILE, AI_BLOCK_AUDIO */
        if (role != AI_ROLE_USER) {
            return ai_bedrock_refuse(bb, "this model takes images, sound and "
                                         "files from the user only",
                                     "messages");
        }

        rc = blk->kind == AI_BLOCK_IMAGE ? ai_bedrock_image(bb, blk)
             : blk->kind == AI_BLOCK_FILE ? ai_bedrock_document(bb, blk)
                                          : ai_bedrock_audio(bb, blk);
        break;
    }

    ai_bedrock_cache_point(bb, &blk->cache_mark);

    return rc;
}


void
ai_bedrock_text(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    size_t    i;
    ai_esc_t  text;

    text = blk->text;

    while (blk == bb->tail && text.len > 0) {
        if (text.data[text.len - 1] == ' ') {
            text.len--;
            continue;
        }

        if (memchr("ntr", text.data[text.len - 1], 3) == NULL) {
            break;
        }

        /* a line end is spelled with an odd number of backslashes */

        for (i = text.len - 1; i > 0 && text.data[i - 1] == '\\'; i--) {
            /* void */
        }

        if ((text.len - 1 - i) % 2 == 0) {
            break;
        }

        text.len -= 2;
    }

    ai_buf_lit(bb->b, "{\"text\":");
    ai_buf_quote_esc(bb->b, &text);
    ai_buf_char(bb->b, '}');
}


static void
ai_bedrock_thinking(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    ai_buf_lit(bb->b, "{\"reasoningContent\":{\"reasoningText\":{\"text\":");
    ai_buf_quote_esc(bb->b, &blk->text);
    ai_buf_lit(bb->b, ",\"signature\":");
    ai_buf_quote_esc(bb->b, &blk->signature);
    ai_buf_lit(bb->b, "}}}");
}


static void
ai_bedrock_redacted(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    ai_str_t  data;

    ai_buf_reset(&bb->scratch);
    ai_json_unescape(&bb->scratch, &blk->data);

    data = ai_buf_str(&bb->scratch);

    ai_buf_lit(bb->b, "{\"reasoningContent\":{\"redactedContent\":\"");

    if (!bb->scratch.failed) {
        ai_base64_encode(bb->b, &data);
    }

    ai_buf_lit(bb->b, "\"}}");
}


static void
ai_bedrock_call(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    ai_buf_lit(bb->b, "{\"toolUse\":{\"toolUseId\":\"");
    ai_bedrock_id(bb->b, &blk->id);
    ai_buf_lit(bb->b, "\",\"name\":\"");
    ai_bedrock_name(bb->b, &blk->name);
    ai_buf_lit(bb->b, "\",\"input\":");

    if (blk->args.len != 0) {
        ai_buf_cat(bb->b, &blk->args);

    } else {
        ai_buf_lit(bb->b, "{}");
    }

    ai_buf_lit(bb->b, "}}");
}


/* "status" is known to Claude and Nova; a cache point has no place inside of
 * a result and comes behind it */

static ai_int_t
ai_bedrock_result(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    unsigned           n, status;
    ai_raw_t           mark;
    const ai_block_t  *part;

    status = (bb->cache && blk->is_error);
    mark = blk->cache_mark;
    n = 0;

    ai_buf_lit(bb->b, "{\"toolResult\":{\"toolUseId\":\"");
    ai_bedrock_id(bb->b, &blk->id);
    ai_buf_lit(bb->b, "\",\"content\":[");

    if (blk->is_error && !status) {
        ai_buf_lit(bb->b, "{\"text\":\"The tool failed:\"}");
        n++;
    }

    for (part = blk->content; part != NULL; part = part->next) {
        if (part->cache_mark.len != 0 && mark.len == 0) {
            mark = part->cache_mark;
        }

        if (ai_bedrock_pass(bb, AI_ROLE_USER, part) != 2) {
            continue;
        }

        if (n++ != 0) {
            ai_buf_char(bb->b, ',');
        }

        if (part->kind == AI_BLOCK_IMAGE) {
            if (ai_bedrock_image(bb, part) != AI_OK) {
                return AI_ERROR;
            }

        } else if (part->kind == AI_BLOCK_FILE) {
            if (ai_bedrock_document(bb, part) != AI_OK) {
                return AI_ERROR;
            }

        } else if (part->kind == AI_BLOCK_AUDIO) {
            return ai_bedrock_refuse(bb, "this model takes no sound from a "
                                         "tool", "messages");

        } else {
            ai_bedrock_text(bb, part);
        }
    }

    if (n == 0) {
        ai_buf_lit(bb->b, "{\"text\":\"(empty)\"}");
    }

    ai_buf_cat(bb->b, status ? &ai_lit("],\"status\":\"error\"}}")
                             : &ai_lit("]}}"));

    ai_bedrock_cache_point(bb, &mark);

    return AI_OK;
}


static ai_int_t
ai_bedrock_image(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    const char  *format;

    if (blk->source == AI_SOURCE_URL) {
        return ai_bedrock_refuse(bb, "this model takes images as data only, "
                                     "not as URLs", "messages");
    }

    if (blk->source != AI_SOURCE_BASE64 || ai_bedrock_data(blk).len == 0) {
        return ai_bedrock_refuse(bb, "an image without its data",
                                 "messages");
    }

    format = ai_bedrock_format(ai_bedrock_images, &blk->media);

    if (format == NULL) {
        return ai_bedrock_refuse(bb, "this model takes PNG, JPEG, GIF and "
                                     "WebP images only", "messages");
    }

    ai_bedrock_head(bb, "image", format);
    ai_bedrock_bytes(bb, blk);

    return AI_OK;
}


static ai_int_t
ai_bedrock_audio(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    const char  *format;

    format = ai_bedrock_format(ai_bedrock_sounds, &blk->media);

    if (blk->source != AI_SOURCE_BASE64 || format == NULL
        || ai_bedrock_data(blk).len == 0)
    {
        return ai_bedrock_refuse(bb, "this model takes sound as data in a "
                                     "usual format only", "messages");
    }

    ai_bedrock_head(bb, "audio", format);
    ai_bedrock_bytes(bb, blk);

    return AI_OK;
}


static ai_int_t
ai_bedrock_document(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    const char  *format;

    if ((blk->source != AI_SOURCE_BASE64 && blk->source != AI_SOURCE_TEXT)
        || ai_bedrock_data(blk).len == 0)
    {
        return ai_bedrock_refuse(bb, "this model takes files as data only",
                                 "messages");
    }

    format = ai_bedrock_format(ai_bedrock_documents, &blk->media);

    if (format == NULL) {
        format = ai_bedrock_extension(bb, &blk->name);
    }

    if (format == NULL
        && (blk->source == AI_SOURCE_TEXT
            || ai_str_starts(&blk->media, "text/")))
    {
        format = "txt";
    }

    if (format == NULL) {
        return ai_bedrock_refuse(bb, "this model takes PDF, Word, Excel, CSV,"
                                     " HTML, Markdown and text files only",
                                 "messages");
    }

    ai_bedrock_head(bb, "document", format);

    /* text goes as the bytes it is */

    bb->documents++;
    ai_buf_lit(bb->b, "\"name\":\"");
    ai_bedrock_document_name(bb, blk);
    ai_buf_lit(bb->b, "\",");
    ai_bedrock_bytes(bb, blk);

    return AI_OK;
}


/*
 * Letters, digits, single blanks, "-()[]"; every other byte becomes "-".
 * Names have to differ within a request: all but the first end in a number in
 * parentheses, the first only if it would end in one itself.
 */

static void
ai_bedrock_document_name(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    size_t     i, n;
    ai_str_t   s;
    ai_char_t  c, last;

    ai_buf_reset(&bb->scratch);
    ai_json_unescape(&bb->scratch, &blk->name);

    s = ai_buf_str(&bb->scratch);

    if (bb->scratch.failed) {
        return;
    }

    n = 0;
    last = ' ';

    for (i = 0; i < s.len && n < AI_BEDROCK_DOCUMENT_MAX; i++) {
        c = s.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || memchr(" -()[]", c, 6) != NULL))
        {
            c = '-';
        }

        if (c == last && (c == ' ' || c == '-')) {
            continue;
        }

        s.data[n++] = c;
        last = c;
    }

    while (n > 0 && s.data[n - 1] == ' ') {
        n--;
    }

    if (n == 0) {
        ai_buf_lit(bb->b, "document");

    } else {
        ai_buf_add(bb->b, s.data, n);
    }

    if (bb->documents > 1 || (n > 0 && s.data[n - 1] == ')')) {
        ai_buf_lit(bb->b, " (");
        ai_buf_int(bb->b, bb->documents);
        ai_buf_char(bb->b, ')');
    }
}


/* case folds, and what stands behind ';' does not count */

static const char *
ai_bedrock_format(const ai_bedrock_format_t *f, const ai_str_t *media)
{
    ai_str_t    s;
    ai_char_t  *p;

    s = *media;

    if (s.len == 0) {
        return NULL;
    }

    p = memchr(s.data, ';', s.len);

    if (p != NULL) {
        s.len = (size_t) (p - s.data);
    }

    while (s.len > 0 && s.data[s.len - 1] == ' ') {
        s.len--;
    }

    for ( /* void */ ; f->format != NULL; f++) {
        if (ai_str_caseeq(&f->media, &s)) {
            return f->format;
        }
    }

    return NULL;
}


static const char *
ai_bedrock_extension(ai_bedrock_build_t *bb, const ai_esc_t *name)
{
    size_t    i;
    ai_str_t  s, end;

    ai_buf_reset(&bb->scratch);
    ai_json_unescape(&bb->scratch, name);

    s = ai_buf_str(&bb->scratch);

    if (bb->scratch.failed) {
        return NULL;
    }

    for (i = s.len; i > 0; i--) {
        if (s.data[i - 1] == '.') {
            end.data = s.data + i;
            end.len = s.len - i;
            return ai_bedrock_format(ai_bedrock_extensions, &end);
        }
    }

    return NULL;
}


static void
ai_bedrock_head(ai_bedrock_build_t *bb, const char *kind, const char *format)
{
    ai_buf_lit(bb->b, "{\"");
    ai_buf_add(bb->b, kind, strlen(kind));
    ai_buf_lit(bb->b, "\":{\"format\":\"");
    ai_buf_add(bb->b, format, strlen(format));
    ai_buf_lit(bb->b, "\",");
}


/* the source, and the end of the block */

static void
ai_bedrock_bytes(ai_bedrock_build_t *bb, const ai_block_t *blk)
{
    ai_str_t  text;
    ai_esc_t  data;

    ai_buf_lit(bb->b, "\"source\":{\"bytes\":");

    if (blk->source == AI_SOURCE_TEXT) {
        ai_buf_reset(&bb->scratch);
        ai_json_unescape(&bb->scratch, &blk->data);
        text = ai_buf_str(&bb->scratch);

        ai_buf_char(bb->b, '"');

        if (!bb->scratch.failed) {
            ai_base64_encode(bb->b, &text);
        }

        ai_buf_char(bb->b, '"');

    } else {
        data = ai_bedrock_data(blk);
        ai_buf_quote_esc(bb->b, &data);
    }

    ai_buf_lit(bb->b, "}}}");
}


/* only what stands behind the comma, should a whole data: URL have come */

static ai_esc_t
ai_bedrock_data(const ai_block_t *blk)
{
    ai_esc_t    data;
    ai_char_t  *p;

    data = blk->data;

    if (blk->source == AI_SOURCE_BASE64 && ai_str_starts(&data, "data:")) {
        p = memchr(data.data, ',', data.len);

        if (p != NULL) {
            data.len -= (size_t) (p + 1 - data.data);
            data.data = p + 1;
        }
    }

    return data;
}


/* an hour is Claude's; five minutes is what a point means without a "ttl" */

void
ai_bedrock_cache_point(ai_bedrock_build_t *bb, const ai_raw_t *mark)
{
    ai_int_t  hour;

    if (mark->len == 0) {
        return;
    }

    if (!bb->cache) {
        ai_dropped_add(bb->dropped, "cache_control");
        return;
    }

    hour = 0;

    if (bb->model == AI_BEDROCK_CLAUDE || bb->model == AI_BEDROCK_UNKNOWN) {

        if (ai_json_parse(&bb->doc, mark, NULL) == AI_OK) {
            hour = ai_json_is(&bb->doc,
                              ai_json_get(&bb->doc, AI_JSON_ROOT, "ttl"),
                              "1h");

        } else if (bb->doc.error == AI_JSON_E_MEMORY) {
            bb->b->failed = 1;
            return;
        }
    }

    ai_buf_cat(bb->b, hour ? &ai_lit(",{\"cachePoint\":{\"type\":\"default\","
                                     "\"ttl\":\"1h\"}}")
                           : &ai_lit(",{\"cachePoint\":{\"type\":"
                                     "\"default\"}}"));
}
