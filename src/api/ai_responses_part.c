
#include <api/ai_responses_int.h>


static ai_int_t ai_responses_part_text(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_responses_part_image(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_responses_part_file(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);
static ai_int_t ai_responses_part_audio(const ai_openai_ctx_t *c,
    const ai_openai_path_t *path, ai_ref_t v, ai_block_t *b);


static const ai_openai_part_t  ai_responses_parts[] = {

    { "input_text", AI_OPENAI_PART_TEXT, AI_BLOCK_TEXT,
      ai_responses_part_text, 0 },
    { "output_text", AI_OPENAI_PART_TEXT, AI_BLOCK_TEXT,
      ai_responses_part_text, 0 },
    { "text", AI_OPENAI_PART_TEXT, AI_BLOCK_TEXT, ai_responses_part_text, 0 },
    { "refusal", AI_OPENAI_PART_REFUSAL, AI_BLOCK_REFUSAL,
      ai_responses_part_text, 0 },
    { "input_image", AI_OPENAI_PART_IMAGE, AI_BLOCK_IMAGE,
      ai_responses_part_image, 0 },
    { "input_file", AI_OPENAI_PART_FILE, AI_BLOCK_FILE,
      ai_responses_part_file, 0 },
    { "input_audio", AI_OPENAI_PART_AUDIO, AI_BLOCK_AUDIO,
      ai_responses_part_audio, 0 },

    { NULL, 0, AI_BLOCK_TEXT, NULL, 0 }
};


ai_int_t
ai_responses_read_content(const ai_openai_ctx_t *c,
    const ai_openai_path_t *up, const char *name, ai_ref_t v, unsigned allow,
    ai_block_t ***tail)
{
    return ai_openai_read_parts(c, up, name, v, ai_responses_parts, allow,
                                tail);
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
    ai_ref_t          input;
    ai_openai_path_t  audio;

    static const ai_str_t  names[] = { ai_string("input_audio") };

    ai_openai_pick(c, v, names, 1, &input);

    audio.up = path;
    audio.name = "input_audio";
    audio.index = 0;

    return ai_openai_audio(c, &audio, input, b);
}
