
#include <api/ai_responses_int.h>


/* a part's members are its own, without an object around them */

typedef struct {
    const char         *type;
    unsigned            allow;
    ai_block_e          kind;
    ai_int_t          (*read)(const ai_openai_ctx_t *c,
                            const ai_openai_path_t *path, ai_ref_t v,
                            ai_block_t *b);
} ai_responses_part_t;


static ai_int_t ai_responses_read_part(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, unsigned allow,
    ai_block_t ***tail);
static ai_int_t ai_responses_part_text(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_responses_part_image(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_responses_part_file(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_responses_part_audio(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);


static const ai_responses_part_t  ai_responses_parts[] = {

    { "input_text", AI_OPENAI_PART_TEXT, AI_BLOCK_TEXT,
      ai_responses_part_text },
    { "output_text", AI_OPENAI_PART_TEXT, AI_BLOCK_TEXT,
      ai_responses_part_text },
    { "text", AI_OPENAI_PART_TEXT, AI_BLOCK_TEXT, ai_responses_part_text },
    { "refusal", AI_OPENAI_PART_REFUSAL, AI_BLOCK_REFUSAL,
      ai_responses_part_text },
    { "input_image", AI_OPENAI_PART_IMAGE, AI_BLOCK_IMAGE,
      ai_responses_part_image },
    { "input_file", AI_OPENAI_PART_FILE, AI_BLOCK_FILE,
      ai_responses_part_file },
    { "input_audio", AI_OPENAI_PART_AUDIO, AI_BLOCK_AUDIO,
      ai_responses_part_audio },

    { NULL, 0, AI_BLOCK_TEXT, NULL }
};


ai_int_t
ai_responses_read_content(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v, unsigned allow,
    ai_block_t ***tail)
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
        if (ai_responses_read_part(c, &path, e, allow, tail) != AI_OK) {
            return AI_ERROR;
        }

        path.index++;
    }

    return AI_OK;
}


static ai_int_t
ai_responses_read_part(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, unsigned allow, ai_block_t ***tail)
{
    ai_ref_t                    refs[3];
    ai_block_t                 *b;
    const ai_responses_part_t  *part;

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

    for (part = ai_responses_parts; part->type; part++) {
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

    if (part->read(c, path, v, b) != AI_OK) {
        return AI_ERROR;
    }

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
ai_responses_part_text(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_ref_t  refs[2];

    static const ai_str_t  names[] = {
        ai_string("text"), ai_string("refusal")
    };

    ai_openai_pick(c, v, names, 2, refs);

    if (b->kind == AI_BLOCK_REFUSAL) {
        b->text = ai_json_esc(c->doc, refs[1]);

        return ai_openai_need(c, path, "refusal", refs[1], AI_JSON_STRING);
    }

    b->text = ai_json_esc(c->doc, refs[0]);

    return ai_openai_need(c, path, "text", refs[0], AI_JSON_STRING);
}


static ai_int_t
ai_responses_part_image(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b)
{
    ai_esc_t  url;
    ai_ref_t  refs[3];

    static const ai_str_t  names[] = {
        ai_string("image_url"), ai_string("file_id"), ai_string("detail")
    };

    ai_openai_pick(c, v, names, 3, refs);

    if (ai_openai_esc(c, path, "detail", refs[2], &b->detail) != AI_OK) {
        return AI_ERROR;
    }

    if (refs[0] == AI_JSON_NONE && refs[1] != AI_JSON_NONE) {
        b->source = AI_SOURCE_ID;

        return ai_openai_word(c, path, "file_id", refs[1], &b->data);
    }

    if (ai_openai_word(c, path, "image_url", refs[0], &url) != AI_OK
        || ai_openai_source(c, path, "image_url", &url, b) != AI_OK)
    {
        return AI_ERROR;
    }

    if (b->source == AI_SOURCE_URL || ai_str_starts(&b->media, "image/")) {
        return AI_OK;
    }

    return ai_openai_bad_value(c, path, "image_url", ": it is not an image.");
}


static ai_int_t
ai_responses_part_file(const ai_openai_ctx_t *c, const ai_openai_path_t *path,
    ai_ref_t v, ai_block_t *b)
{
    ai_esc_t     data;
    ai_uint_t    i;
    ai_ref_t     refs[4];
    const char  *name;

    static const ai_str_t  names[] = {
        ai_string("file_data"), ai_string("file_url"), ai_string("file_id"),
        ai_string("filename")
    };

    ai_openai_pick(c, v, names, 4, refs);

    if (ai_openai_esc(c, path, "filename", refs[3], &b->name) != AI_OK) {
        return AI_ERROR;
    }

    for (i = 0; i < 2; i++) {
        if (refs[i] != AI_JSON_NONE) {
            break;
        }
    }

    if (i == 2 && refs[2] != AI_JSON_NONE) {
        b->source = AI_SOURCE_ID;

        return ai_openai_word(c, path, "file_id", refs[2], &b->data);
    }

    i %= 2;
    name = (const char *) names[i].data;

    if (ai_openai_word(c, path, name, refs[i], &data) != AI_OK) {
        return AI_ERROR;
    }

    return ai_openai_source(c, path, name, &data, b);
}


static ai_int_t
ai_responses_part_audio(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b)
{
    ai_buf_t          media;
    ai_esc_t          data, format;
    ai_ref_t          input, refs[2];
    ai_openai_path_t  audio;

    static const ai_str_t  outer[] = { ai_string("input_audio") };
    static const ai_str_t  names[] = {
        ai_string("data"), ai_string("format")
    };

    ai_openai_pick(c, v, outer, 1, &input);

    audio.up = path;
    audio.name = "input_audio";
    audio.index = 0;

    if (ai_openai_need(c, &audio, NULL, input, AI_JSON_OBJECT) != AI_OK) {
        return AI_ERROR;
    }

    ai_openai_pick(c, input, names, 2, refs);

    if (ai_openai_word(c, &audio, "data", refs[0], &data) != AI_OK
        || ai_openai_word(c, &audio, "format", refs[1], &format) != AI_OK
        || ai_openai_base64(c, &audio, "data", &data, &b->data) != AI_OK)
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
        return ai_openai_bad_value(c, &audio, "format",
                                   ": it must be a word such as 'wav'.");
    }

    return AI_OK;
}
