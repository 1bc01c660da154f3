
#include <api/ai_openai_int.h>


/* "data:" and a media type with its parameters; what is longer is none */
#define AI_OPENAI_MEDIA_MAX   256
#define AI_OPENAI_SCHEME_MAX  32


static ai_int_t ai_openai_part(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, const ai_openai_part_t *parts,
    unsigned allow, ai_block_t ***tail);
static ai_int_t ai_openai_part_mark(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, const ai_ref_t *refs, ai_block_t *b);

static ai_int_t ai_openai_part_text(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_openai_part_image(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_openai_part_audio(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_openai_part_file(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);

static size_t ai_openai_media(const ai_str_t *s, ai_str_t *media);


static const ai_openai_part_t  ai_openai_parts[] = {

    { "text", AI_OPENAI_PART_TEXT, AI_BLOCK_TEXT, ai_openai_part_text, 1 },
    { "image_url", AI_OPENAI_PART_IMAGE, AI_BLOCK_IMAGE,
      ai_openai_part_image, 1 },
    { "input_audio", AI_OPENAI_PART_AUDIO, AI_BLOCK_AUDIO,
      ai_openai_part_audio, 1 },
    { "file", AI_OPENAI_PART_FILE, AI_BLOCK_FILE, ai_openai_part_file, 1 },
    { "refusal", AI_OPENAI_PART_REFUSAL, AI_BLOCK_REFUSAL,
      ai_openai_part_text, 1 },

    { NULL, 0, AI_BLOCK_TEXT, NULL, 0 }
};


ai_int_t
ai_openai_read_content(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    ai_ref_t v, unsigned allow, ai_block_t ***tail)
{
    ai_openai_path_t  list;

    if (ai_json_type(c->doc, v) == AI_JSON_ARRAY && c->doc->node[v].count == 0)
    {
        list.up = up;
        list.name = "content";
        list.index = 0;

        return ai_openai_bad_value(c, &list, NULL, ": it must not be empty.");
    }

    return ai_openai_read_parts(c, up, "content", v, ai_openai_parts, allow,
                                tail);
}


ai_int_t
ai_openai_read_parts(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, ai_ref_t v, const ai_openai_part_t *parts,
    unsigned allow, ai_block_t ***tail)
{
    ai_ref_t          e;
    ai_block_t       *b;
    ai_openai_path_t  list, path;

    list.up = up;
    list.name = name;
    list.index = 0;

    if (ai_json_type(c->doc, v) == AI_JSON_STRING) {
        b = ai_block_add(c->pool, tail, AI_BLOCK_TEXT);
        if (b == NULL) {
            return ai_openai_no_memory(c);
        }

        b->text = ai_json_esc(c->doc, v);

        return AI_OK;
    }

    if (ai_json_type(c->doc, v) != AI_JSON_ARRAY) {
        return ai_openai_bad_type(c, &list, NULL, "a string or an array", v);
    }

    path.up = &list;
    path.name = NULL;
    path.index = 0;

    for (e = ai_json_first(c->doc, v);
         e != AI_JSON_NONE;
         e = ai_json_next(c->doc, v, e))
    {
        if (ai_openai_part(c, &path, e, parts, allow, tail) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    return AI_OK;
}


static ai_int_t
ai_openai_part(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, const ai_openai_part_t *parts, unsigned allow,
    ai_block_t ***tail)
{
    ai_ref_t                 refs[3];
    ai_block_t              *b;
    const ai_openai_part_t  *part;

    static const ai_str_t  names[] = {
        ai_string("type"), ai_string("cache_control"),
        ai_string("prompt_cache_breakpoint")
    };

    if (ai_openai_want(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 3, refs);

    if (ai_openai_need(c, path, "type", refs[0], AI_JSON_STRING) != AI_OK) {
        return AI_ERROR;
    }

    for (part = parts; part->type; part++) {
        if (ai_json_is(c->doc, refs[0], part->type)) {
            break;
        }
    }

    if (part->type == NULL || !(part->allow & allow)) {
        return ai_openai_bad_value(c, path, "type",
                                   ": this kind of part is not known here.");
    }

    b = ai_block_add(c->pool, tail, part->kind);
    if (b == NULL) {
        return ai_openai_no_memory(c);
    }

    if (part->inner) {
        v = ai_json_get(c->doc, v, part->type);

        if (ai_json_is_null(c->doc, v)) {
            return ai_openai_missing(c, path, part->type);
        }
    }

    if (part->read(c, path, v, b) != AI_OK) {
        return AI_ERROR;
    }

    return ai_openai_part_mark(c, path, refs, b);
}


static ai_int_t
ai_openai_part_mark(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    const ai_ref_t *refs, ai_block_t *b)
{
    if (refs[1] != AI_JSON_NONE) {
        return ai_openai_object(c, path, "cache_control", refs[1],
                                &b->cache_mark);
    }

    /* OpenAI's own mark has nothing in it that others could use */

    if (refs[2] != AI_JSON_NONE) {
        b->cache_mark = ai_lit("{\"type\":\"ephemeral\"}");
    }

    return AI_OK;
}


static ai_int_t
ai_openai_part_text(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    return ai_openai_esc(c, path,
                         b->kind == AI_BLOCK_TEXT ? "text" : "refusal", v,
                         &b->text);
}


static ai_int_t
ai_openai_part_image(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_esc_t          url;
    ai_ref_t          refs[2];
    ai_openai_path_t  image;

    static const ai_str_t  names[] = {
        ai_string("url"), ai_string("detail")
    };

    image.up = path;
    image.name = "image_url";
    image.index = 0;

    if (ai_openai_want(c, &image, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 2, refs);

    if (ai_openai_word(c, &image, "url", refs[0], &url) != AI_OK
        || ai_openai_esc(c, &image, "detail", refs[1], &b->detail) != AI_OK
        || ai_openai_source(c, &image, "url", &url, b) != AI_OK)
    {
        return AI_ERROR;
    }

    if (b->source == AI_SOURCE_URL || ai_str_starts(&b->media, "image/")) {
        return AI_OK;
    }

    /* LiteLLM's clients send documents this way */

    if (ai_str_is(&b->media, "application/pdf")) {
        b->kind = AI_BLOCK_FILE;
        return AI_OK;
    }

    return ai_openai_bad_value(c, &image, "url", ": it is not an image.");
}


static ai_int_t
ai_openai_part_audio(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_openai_path_t  audio;

    audio.up = path;
    audio.name = "input_audio";
    audio.index = 0;

    return ai_openai_audio(c, &audio, v, b);
}


ai_int_t
ai_openai_audio(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_buf_t  media;
    ai_esc_t  data, format;
    ai_ref_t  refs[2];

    static const ai_str_t  names[] = {
        ai_string("data"), ai_string("format")
    };

    if (ai_openai_need(c, path, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 2, refs);

    if (ai_openai_word(c, path, "data", refs[0], &data) != AI_OK
        || ai_openai_word(c, path, "format", refs[1], &format) != AI_OK
        || ai_openai_base64(c, path, "data", &data, &b->data) != AI_OK)
    {
        return AI_ERROR;
    }

    b->source = AI_SOURCE_BASE64;

    ai_buf_init(&media, c->pool);
    ai_buf_lit(&media, "audio/");
    ai_buf_cat(&media, &format);

    if (media.failed) {
        return ai_openai_no_memory(c);
    }

    b->media = ai_buf_str(&media);

    if (!ai_openai_media_ok(&b->media)) {
        return ai_openai_bad_value(c, path, "format",
                                   ": it must be a word such as 'wav'.");
    }

    return AI_OK;
}


static ai_int_t
ai_openai_part_file(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_esc_t          data;
    ai_ref_t          refs[3];
    ai_openai_path_t  file;

    static const ai_str_t  names[] = {
        ai_string("file_data"), ai_string("file_id"), ai_string("filename")
    };

    file.up = path;
    file.name = "file";
    file.index = 0;

    if (ai_openai_want(c, &file, NULL, v, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, v, names, 3, refs);

    if (ai_openai_esc(c, &file, "filename", refs[2], &b->name) != AI_OK) {
        return AI_ERROR;
    }

    if (refs[0] == AI_JSON_NONE) {
        b->source = AI_SOURCE_ID;

        if (refs[1] == AI_JSON_NONE) {
            return ai_openai_missing(c, &file, "file_data");
        }

        return ai_openai_word(c, &file, "file_id", refs[1], &b->data);
    }

    if (ai_openai_word(c, &file, "file_data", refs[0], &data) != AI_OK) {
        return AI_ERROR;
    }

    return ai_openai_source(c, &file, "file_data", &data, b);
}


/* a data: URL is taken apart, any other URL is carried */

ai_int_t
ai_openai_source(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, const ai_esc_t *s, ai_block_t *b)
{
    size_t    n;
    ai_str_t  head, data;

    head.data = s->data;
    head.len = ai_min(s->len, sizeof("data:") - 1);

    if (!ai_str_caseeq(&head, &ai_lit("data:"))) {
        head.len = ai_min(s->len, AI_OPENAI_SCHEME_MAX);

        if (!ai_str_casefind(&head, "://")) {
            return ai_openai_bad_value(c, up, name, ": it must be a URL.");
        }

        b->source = AI_SOURCE_URL;
        b->data = *s;

        return AI_OK;
    }

    n = ai_openai_media(s, &b->media);

    if (n == 0) {
        return ai_openai_bad_value(c, up, name,
                             ": expected 'data:<media type>;base64,<data>'.");
    }

    b->source = AI_SOURCE_BASE64;

    data.data = s->data + n;
    data.len = s->len - n;

    return ai_openai_base64(c, up, name, &data, &b->data);
}


/* where the data starts, or 0; parameters such as ";charset=" are left out */

static size_t
ai_openai_media(const ai_str_t *s, ai_str_t *media)
{
    size_t      max;
    ai_str_t    last;
    ai_char_t  *p, *comma, *semicolon;

    max = ai_min(s->len, AI_OPENAI_MEDIA_MAX);

    comma = memchr(s->data, ',', max);
    if (comma == NULL) {
        return 0;
    }

    for (p = comma; p > s->data && *p != ';'; p--) {
        /* void */
    }

    last.data = p + 1;
    last.len = p < comma ? (size_t) (comma - last.data) : 0;

    if (*p != ';' || !ai_str_caseeq(&last, &ai_lit("base64"))) {
        return 0;
    }

    media->data = s->data + sizeof("data:") - 1;
    semicolon = memchr(media->data, ';', (size_t) (comma - media->data));
    media->len = (size_t) (semicolon - media->data);

    if (!ai_openai_media_ok(media)) {
        return 0;
    }

    return (size_t) (comma + 1 - s->data);
}


ai_int_t
ai_openai_media_ok(const ai_str_t *media)
{
    size_t     i, slash;
    ai_char_t  ch;

    slash = 0;

    for (i = 0; i < media->len; i++) {
        ch = media->data[i];

        if (ch == '/' && slash == 0) {
            slash = i;
            continue;
        }

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9')
              || ch == '-' || ch == '+' || ch == '.' || ch == '_'))
        {
            return 0;
        }
    }

    return slash > 0 && slash + 1 < media->len;
}


static ai_int_t
ai_openai_is_base64(ai_char_t ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9')
           || ch == '+' || ch == '/' || ch == '=' || ch == '-' || ch == '_';
}


/*
 * Base64 without an escape is carried as it is, and judged by the provider:
 * 20 MB need not be looked at here.  Else line ends are taken out, and what
 * remains must be of the alphabet.
 */

ai_int_t
ai_openai_base64(const ai_openai_ctx_t *c, const ai_openai_path_t *up,
    const char *name, const ai_esc_t *s, ai_esc_t *out)
{
    size_t      i;
    ai_str_t    plain;
    ai_char_t  *p;

    *out = *s;

    if (s->len == 0) {
        return ai_openai_bad_value(c, up, name, ": it has no data.");
    }

    if (memchr(s->data, '\\', s->len) == NULL) {
        return AI_OK;
    }

    if (ai_json_plain(s, c->pool, &plain) != AI_OK) {
        return ai_openai_no_memory(c);
    }

    p = ai_palloc(c->pool, plain.len);
    if (p == NULL) {
        return ai_openai_no_memory(c);
    }

    out->data = p;

    for (i = 0; i < plain.len; i++) {
        if (ai_openai_is_base64(plain.data[i])) {
            *p++ = plain.data[i];

        } else if (plain.data[i] != '\n' && plain.data[i] != '\r') {
            return ai_openai_bad_value(c, up, name,
                                       ": its data is not base64.");
        }
    }

    out->len = (size_t) (p - out->data);

    return AI_OK;
}
