
/*
 * Parts of a request that are no text: bytes, files, and what a function
 * gave back.
 */

#include <api/ai_generate_int.h>


#define AI_GENERATE_MEDIA_MAX  127


static ai_int_t ai_generate_media(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v, ai_str_t *media,
    ai_block_e *kind);
static ai_int_t ai_generate_media_ok(const ai_str_t *media);
static ai_int_t ai_generate_bytes(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v, ai_esc_t *data);
static ai_block_e ai_generate_uri_kind(const ai_str_t *uri);
static ai_int_t ai_generate_result(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v, ai_block_t *block,
    ai_block_t ***tail);
static ai_int_t ai_generate_result_parts(ai_generate_dec_t *d,
    const ai_openai_path_t *up, ai_ref_t v, ai_block_t ***tail);


ai_int_t
ai_generate_read_inline(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t          refs[3];
    ai_str_t          media;
    ai_block_t       *b;
    ai_block_e        kind;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("mimeType"), ai_string("data"), ai_string("displayName")
    };

    path.up = up;
    path.name = "inlineData";
    path.index = 0;

    kind = AI_BLOCK_FILE;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_generate_pick(&d->c, &path, v, names, 3, refs, d->dropped)
           != AI_OK
        || ai_openai_need(&d->c, &path, "mimeType", refs[0], AI_JSON_STRING)
           != AI_OK
        || ai_generate_media(d, &path, refs[0], &media, &kind) != AI_OK)
    {
        return AI_ERROR;
    }

    b = ai_block_add(d->c.pool, tail, kind);
    if (b == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    b->source = AI_SOURCE_BASE64;
    b->media = media;

    if (ai_openai_esc(&d->c, &path, "displayName", refs[2], &b->name)
        != AI_OK)
    {
        return AI_ERROR;
    }

    return ai_generate_bytes(d, &path, refs[1], &b->data);
}


static ai_int_t
ai_generate_media(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v, ai_str_t *media, ai_block_e *kind)
{
    if (ai_json_str(d->c.doc, v, d->c.pool, media) != AI_OK) {
        return ai_openai_no_memory(&d->c);
    }

    if (!ai_generate_media_ok(media)) {
        return ai_openai_bad_value(&d->c, up, "mimeType",
                                   ": it is no media type.");
    }

    if (ai_str_starts(media, "image/")) {
        *kind = AI_BLOCK_IMAGE;

    } else if (ai_str_starts(media, "audio/")) {
        *kind = AI_BLOCK_AUDIO;

    } else if (ai_str_is(media, "application/pdf")
               || ai_str_starts(media, "text/"))
    {
        *kind = AI_BLOCK_FILE;

    } else {
        return ai_openai_unsupported(&d->c, up, "mimeType",
                         ": only images, audio, PDF and text can be carried "
                         "to this model.");
    }

    return AI_OK;
}


/* type "/" subtype, and parameters; it may end in a data: URL */

static ai_int_t
ai_generate_media_ok(const ai_str_t *media)
{
    size_t     i, slash;
    ai_char_t  ch;

    if (media->len > AI_GENERATE_MEDIA_MAX) {
        return 0;
    }

    slash = 0;

    for (i = 0; i < media->len; i++) {
        ch = media->data[i];

        if (ch == '/' && slash == 0) {
            slash = i;

        } else if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
                     || (ch >= '0' && ch <= '9')
                     || strchr("!#$&^_.+-;=", ch)) || ch == '\0')
        {
            return 0;
        }
    }

    return slash > 0 && slash + 1 < media->len;
}


/*
 * SDKs in Python write base64 in the alphabet for URLs; Google reads both,
 * others do not.
 */

static ai_int_t
ai_generate_bytes(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v, ai_esc_t *data)
{
    size_t      i;
    ai_str_t    s;
    ai_char_t  *p;

    if (ai_openai_need(&d->c, up, "data", v, AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    *data = ai_json_esc(d->c.doc, v);

    if (data->len == 0) {
        return ai_openai_bad_value(&d->c, up, "data",
                                   ": it must not be empty.");
    }

    if (!d->c.doc->node[v].escaped
        && memchr(data->data, '-', data->len) == NULL
        && memchr(data->data, '_', data->len) == NULL)
    {
        return AI_OK;
    }

    if (ai_json_str(d->c.doc, v, d->c.pool, &s) != AI_OK
        || ai_str_dup(d->c.pool, data, &s) != AI_OK)
    {
        return ai_openai_no_memory(&d->c);
    }

    p = data->data;

    for (i = 0; i < data->len; i++) {

        if (p[i] == '-') {
            p[i] = '+';

        } else if (p[i] == '_') {
            p[i] = '/';

        } else if (p[i] < 0x20 || p[i] >= 0x7f || p[i] == '"'
                   || p[i] == '\\')
        {
            return ai_openai_bad_value(&d->c, up, "data",
                                       ": it is no base64.");
        }
    }

    return AI_OK;
}


ai_int_t
ai_generate_read_file(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t          refs[3];
    ai_str_t          media, uri;
    ai_block_t       *b;
    ai_block_e        kind;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("mimeType"), ai_string("fileUri"), ai_string("displayName")
    };

    path.up = up;
    path.name = "fileData";
    path.index = 0;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_generate_pick(&d->c, &path, v, names, 3, refs, d->dropped)
           != AI_OK
        || ai_openai_want(&d->c, &path, "mimeType", refs[0], AI_JSON_STRING)
           != AI_OK
        || ai_openai_need(&d->c, &path, "fileUri", refs[1], AI_JSON_STRING)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_json_str(d->c.doc, refs[1], d->c.pool, &uri) != AI_OK) {
        return ai_openai_no_memory(&d->c);
    }

    if ((!ai_str_starts(&uri, "https://") && !ai_str_starts(&uri, "http://"))
        || ai_str_starts(&uri, "https://generativelanguage.googleapis.com/"))
    {
        return ai_openai_unsupported(&d->c, &path, "fileUri",
                         ": files at their provider cannot be carried to "
                         "this model.");
    }

    memset(&media, 0, sizeof(ai_str_t));
    kind = ai_generate_uri_kind(&uri);

    if (refs[0] != AI_JSON_NONE
        && ai_generate_media(d, &path, refs[0], &media, &kind) != AI_OK)
    {
        return AI_ERROR;
    }

    b = ai_block_add(d->c.pool, tail, kind);
    if (b == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    b->source = AI_SOURCE_URL;
    b->media = media;
    b->data = ai_json_esc(d->c.doc, refs[1]);

    return ai_openai_esc(&d->c, &path, "displayName", refs[2], &b->name);
}


/* without a media type there is the name's end only */

static ai_block_e
ai_generate_uri_kind(const ai_str_t *uri)
{
    size_t     i;
    ai_str_t   end;

    static const ai_str_t  ends[] = {
        ai_string(".png"), ai_string(".jpg"), ai_string(".jpeg"),
        ai_string(".gif"), ai_string(".webp")
    };

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (uri->len < ends[i].len) {
            continue;
        }

        end.data = uri->data + uri->len - ends[i].len;
        end.len = ends[i].len;

        if (ai_str_caseeq(&end, &ends[i])) {
            return AI_BLOCK_IMAGE;
        }
    }

    return AI_BLOCK_FILE;
}


ai_int_t
ai_generate_read_response(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t          refs[4];
    ai_block_t       *b, **content;
    ai_openai_path_t  path;

    static const ai_str_t  names[] = {
        ai_string("id"), ai_string("name"), ai_string("response"),
        ai_string("parts")
    };

    path.up = up;
    path.name = "functionResponse";
    path.index = 0;

    b = ai_block_add(d->c.pool, tail, AI_BLOCK_TOOL_RESULT);
    if (b == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    content = &b->content;

    if (ai_openai_want(&d->c, &path, NULL, v, AI_JSON_OBJECT) != AI_OK
        || ai_generate_pick(&d->c, &path, v, names, 4, refs, d->dropped)
           != AI_OK
        || ai_openai_word(&d->c, &path, "name", refs[1], &b->name) != AI_OK
        || ai_openai_want(&d->c, &path, "response", refs[2], AI_JSON_OBJECT)
           != AI_OK
        || ai_openai_want(&d->c, &path, "id", refs[0], AI_JSON_STRING)
           != AI_OK)
    {
        return AI_ERROR;
    }

    if (refs[0] != AI_JSON_NONE && ai_json_esc(d->c.doc, refs[0]).len
        && ai_openai_word(&d->c, &path, "id", refs[0], &b->id) != AI_OK)
    {
        return AI_ERROR;
    }

    if (ai_generate_result(d, &path, refs[2], b, &content) != AI_OK) {
        return AI_ERROR;
    }

    return ai_generate_result_parts(d, &path, refs[3], &content);
}


/* {"output": "text"}, {"result": "text"} and {"error": ...} are what SDKs make
 * of a text; what else there is, is the function's own */

static ai_int_t
ai_generate_result(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v, ai_block_t *block, ai_block_t ***tail)
{
    ai_ref_t          key, value;
    ai_block_t       *b;
    const ai_json_t  *doc;

    (void) up;

    doc = d->c.doc;

    b = ai_block_add(d->c.pool, tail, AI_BLOCK_TEXT);
    if (b == NULL) {
        return ai_openai_no_memory(&d->c);
    }

    if (v == AI_JSON_NONE) {
        b->text = ai_lit("{}");
        return AI_OK;
    }

    if (doc->node[v].count != 1) {
        return ai_generate_embed(&d->c, v, &b->text);
    }

    key = ai_json_first(doc, v);
    value = ai_json_value(doc, key);

    if (ai_json_is(doc, key, "error")) {
        block->is_error = 1;
        v = value;

    } else if (!ai_json_is(doc, key, "output")
               && !ai_json_is(doc, key, "result"))
    {
        return ai_generate_embed(&d->c, v, &b->text);
    }

    if (ai_json_type(doc, value) == AI_JSON_STRING) {
        b->text = ai_json_esc(doc, value);
        return AI_OK;
    }

    return ai_generate_embed(&d->c, v, &b->text);
}


static ai_int_t
ai_generate_result_parts(ai_generate_dec_t *d, const ai_openai_path_t *up,
    ai_ref_t v, ai_block_t ***tail)
{
    ai_ref_t          e, refs[2];
    ai_block_t      **last;
    ai_openai_path_t  list, path;

    static const ai_str_t  names[] = {
        ai_string("inlineData"), ai_string("fileData")
    };

    list.up = up;
    list.name = "parts";
    list.index = 0;

    path.up = &list;
    path.name = NULL;
    path.index = 0;

    for (e = ai_generate_first(d->c.doc, v);
         e != AI_JSON_NONE;
         e = ai_generate_next(d->c.doc, v, e))
    {
        last = *tail;

        if (ai_openai_want(&d->c, &path, NULL, e, AI_JSON_OBJECT) != AI_OK
            || ai_generate_pick(&d->c, &path, e, names, 2, refs, d->dropped)
               != AI_OK)
        {
            return AI_ERROR;
        }

        if (refs[0] == AI_JSON_NONE && refs[1] == AI_JSON_NONE) {
            return ai_openai_bad_value(&d->c, &path, NULL,
                                       ": it has no data.");
        }

        if ((refs[0] != AI_JSON_NONE
             && ai_generate_read_inline(d, &path, refs[0], tail) != AI_OK)
            || (refs[1] != AI_JSON_NONE
                && ai_generate_read_file(d, &path, refs[1], tail) != AI_OK))
        {
            return AI_ERROR;
        }

        for ( /* void */ ; *last; last = &(*last)->next) {
            if ((*last)->kind == AI_BLOCK_AUDIO) {
                return ai_openai_unsupported(&d->c, &path, NULL,
                                 ": audio in a function's response cannot "
                                 "be carried to this model.");
            }
        }

        path.index++;
    }

    return AI_OK;
}
