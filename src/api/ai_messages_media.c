
/*
 * Blocks with something in them that is no text, or not only.
 */

#include <api/ai_messages_int.h>


static ai_int_t ai_messages_source(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_messages_base64(ai_messages_dec_t *d,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_block_t *b);
static ai_int_t ai_messages_before(ai_messages_dec_t *d, const ai_esc_t *text,
    ai_block_t ***tail);
static ai_int_t ai_messages_document_parts(ai_messages_dec_t *d,
    const ai_openai_path_t *path, ai_ref_t source, const ai_esc_t *title,
    ai_block_t ***tail);


enum {
    AI_SRC_TYPE = 0,
    AI_SRC_MEDIA,
    AI_SRC_DATA,
    AI_SRC_URL,
    AI_SRC_FILE,
    AI_SRC_FIELDS
};

static const ai_str_t  ai_messages_source_names[AI_SRC_FIELDS] = {
    ai_string("type"),
    ai_string("media_type"),
    ai_string("data"),
    ai_string("url"),
    ai_string("file_id")
};


ai_int_t
ai_messages_image(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t          source;
    ai_block_t       *b;
    ai_openai_path_t  src;

    static const ai_str_t  names[] = { ai_string("source") };

    ai_openai_pick(&d->c, v, names, 1, &source);
    ai_messages_path(&src, path, "source");

    b = ai_messages_add(d, tail, AI_BLOCK_IMAGE);
    if (b == NULL || ai_messages_source(d, &src, source, b) != AI_OK) {
        return AI_ERROR;
    }

    if (b->source == AI_SOURCE_TEXT
        || (b->source == AI_SOURCE_BASE64
            && !ai_str_starts(&b->media, "image/")))
    {
        return ai_openai_bad_value(&d->c, &src, NULL, ": it is not an image.");
    }

    return AI_OK;
}


ai_int_t
ai_messages_document(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t          refs[4];
    ai_esc_t          title, context;
    ai_block_t       *b;
    ai_openai_path_t  src;

    static const ai_str_t  names[] = {
        ai_string("source"), ai_string("title"), ai_string("context"),
        ai_string("citations")
    };

    ai_openai_pick(&d->c, v, names, 4, refs);
    ai_messages_path(&src, path, "source");

    if (ai_openai_esc(&d->c, path, "title", refs[1], &title) != AI_OK
        || ai_openai_esc(&d->c, path, "context", refs[2], &context) != AI_OK
        || ai_openai_need(&d->c, &src, NULL, refs[0], AI_JSON_OBJECT) != AI_OK
        || ai_messages_before(d, &context, tail) != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[3] != AI_JSON_NONE) {
        ai_dropped_add(d->dropped, "citations");
    }

    if (ai_json_is(d->c.doc, ai_json_get(d->c.doc, refs[0], "type"),
                   "content"))
    {
        return ai_messages_document_parts(d, &src, refs[0], &title, tail);
    }

    b = ai_messages_add(d, tail, AI_BLOCK_FILE);
    if (b == NULL) {
        return AI_ERROR;
    }

    b->name = title;

    return ai_messages_source(d, &src, refs[0], b);
}


/* a document of blocks becomes these, behind its title */

static ai_int_t
ai_messages_document_parts(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t source, const ai_esc_t *title, ai_block_t ***tail)
{
    ai_ref_t  content;

    static const ai_str_t  names[] = { ai_string("content") };

    ai_openai_pick(&d->c, source, names, 1, &content);

    if (content == AI_JSON_NONE) {
        return ai_openai_missing(&d->c, path, "content");
    }

    if (ai_json_type(d->c.doc, content) == AI_JSON_ARRAY
        && d->c.doc->node[content].count == 0)
    {
        return ai_openai_bad_value(&d->c, path, "content",
                                   ": it must not be empty.");
    }

    if (ai_messages_before(d, title, tail) != AI_OK) {
        return AI_ERROR;
    }

    return ai_messages_read_content(d, path, "content", content,
                                    AI_MESSAGES_TEXT|AI_MESSAGES_IMAGE,
                                    tail);
}


static ai_int_t
ai_messages_before(ai_messages_dec_t *d, const ai_esc_t *text,
    ai_block_t ***tail)
{
    ai_block_t  *b;

    if (text->len == 0) {
        return AI_OK;
    }

    b = ai_messages_add(d, tail, AI_BLOCK_TEXT);
    if (b == NULL) {
        return AI_ERROR;
    }

    b->text = *text;

    return AI_OK;
}


static ai_int_t
ai_messages_source(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_esc_t          url;
    ai_ref_t          refs[AI_SRC_FIELDS];
    const ai_json_t  *doc;

    doc = d->c.doc;

    if (ai_openai_need(&d->c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(&d->c, v, ai_messages_source_names, AI_SRC_FIELDS, refs);

    if (ai_openai_need(&d->c, path, "type", refs[AI_SRC_TYPE], AI_JSON_STRING)
        != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_is(doc, refs[AI_SRC_TYPE], "base64")) {
        return ai_messages_base64(d, path, refs, b);
    }

    if (ai_json_is(doc, refs[AI_SRC_TYPE], "url")) {
        if (ai_openai_word(&d->c, path, "url", refs[AI_SRC_URL], &url)
            != AI_OK)
        {
            return AI_ERROR;
        }

        return ai_openai_source(&d->c, path, "url", &url, b);
    }

    if (ai_json_is(doc, refs[AI_SRC_TYPE], "file")) {
        b->source = AI_SOURCE_ID;

        return ai_openai_word(&d->c, path, "file_id", refs[AI_SRC_FILE],
                              &b->data);
    }

    if (ai_json_is(doc, refs[AI_SRC_TYPE], "text")) {
        b->source = AI_SOURCE_TEXT;
        b->media = ai_lit("text/plain");

        if (ai_openai_need(&d->c, path, "data", refs[AI_SRC_DATA],
                           AI_JSON_STRING) != AI_OK)
        {
            return AI_ERROR;
        }

        b->data = ai_json_esc(doc, refs[AI_SRC_DATA]);

        if (b->data.len == 0) {
            return ai_openai_bad_value(&d->c, path, "data",
                                       ": it must not be empty.");
        }

        return AI_OK;
    }

    return ai_openai_bad_value(&d->c, path, "type",
                     ": this kind of source is not known here.");
}


static ai_int_t
ai_messages_base64(ai_messages_dec_t *d, const ai_openai_path_t *path,
    const ai_ref_t *refs, ai_block_t *b)
{
    ai_esc_t  data, media;

    b->source = AI_SOURCE_BASE64;

    if (ai_openai_word(&d->c, path, "media_type", refs[AI_SRC_MEDIA], &media)
        != AI_OK
        || ai_openai_word(&d->c, path, "data", refs[AI_SRC_DATA], &data)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (!ai_openai_media_ok(&media)) {
        return ai_openai_bad_value(&d->c, path, "media_type",
                                   ": it must be one such as 'image/png'.");
    }

    b->media = media;

    return ai_openai_base64(&d->c, path, "data", &data, &b->data);
}


/* what a search of the client's own found: title, source, and the texts, as
 * one text */

ai_int_t
ai_messages_search_result(ai_messages_dec_t *d, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_buf_t     buf;
    ai_esc_t     title, source;
    ai_ref_t     refs[3];
    ai_block_t  *b, *texts, **last;

    static const ai_str_t  names[] = {
        ai_string("title"), ai_string("source"), ai_string("content")
    };

    ai_openai_pick(&d->c, v, names, 3, refs);

    if (ai_openai_esc(&d->c, path, "title", refs[0], &title) != AI_OK
        || ai_openai_esc(&d->c, path, "source", refs[1], &source) != AI_OK
        || ai_openai_need(&d->c, path, "content", refs[2], AI_JSON_ARRAY)
           != AI_OK)
    {
        return AI_ERROR;
    }

    texts = NULL;
    last = &texts;

    if (ai_messages_read_content(d, path, "content", refs[2],
                                 AI_MESSAGES_TEXT, &last) != AI_OK)
    {
        return AI_ERROR;
    }

    ai_buf_init(&buf, d->c.pool);
    ai_buf_cat(&buf, &title);
    ai_buf_lit(&buf, "\\n");
    ai_buf_cat(&buf, &source);

    for (b = texts; b; b = b->next) {
        ai_buf_lit(&buf, "\\n\\n");
        ai_buf_cat(&buf, &b->text);
    }

    if (buf.failed) {
        return ai_openai_no_memory(&d->c);
    }

    b = ai_messages_add(d, tail, AI_BLOCK_TEXT);
    if (b == NULL) {
        return AI_ERROR;
    }

    b->text = ai_buf_str(&buf);

    return AI_OK;
}
