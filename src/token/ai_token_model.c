
/*
 * Which tokenizer a model has, by its name.
 *
 * A row's word is looked for where a word of the name begins, so that neither
 * hosts nor regions nor an operator's own prefixes matter.  The first row that
 * fits wins: what is special stands before what is usual.  "o1$" wants the
 * word to end there.
 */

#include <token/ai_prompt_int.h>


typedef struct {
    ai_str_t           word;        /* lower case */
    ai_str_t           tokenizer;
    ai_vendor_e        vendor;
    ai_frame_e         frame;
    ai_images_e        images;
    uint16_t           factor;      /* in 1/1024 */
    unsigned           exact:1;
} ai_token_row_t;


#define AI_VOCAB_O200K   ai_string("o200k_base")
#define AI_VOCAB_CL100K  ai_string("cl100k_base")
#define AI_VOCAB_TEKKEN  ai_string("tekken")
#define AI_VOCAB_QWEN    ai_string("qwen")

#define AI_ROW(word, tokenizer, vendor, frame, images, ...)                   \
    { ai_string(word), AI_VOCAB_ ## tokenizer, AI_VENDOR_ ## vendor,          \
      AI_FRAME_ ## frame, AI_IMAGES_ ## images, __VA_ARGS__ }

#define AI_TOKEN_WORDS  32          /* of a name that are looked at */

#define AI_OWN    1024, 1
#define AI_LIKE(factor)  factor, 0

/* a bit; upper and lower case alike */
#define ai_token_letter(c)  ((uint32_t) 1 << ((c) & 31))


static size_t ai_token_words(const ai_str_t *name, uint16_t *start,
    uint32_t *letters);
static ai_int_t ai_token_row_match(const ai_str_t *word, const ai_str_t *name,
    const uint16_t *start, size_t n);
static ai_int_t ai_token_word_at(const ai_str_t *word, const ai_str_t *name,
    size_t at);
static int ai_token_is_word(ai_char_t c);
static ai_char_t ai_token_lower(ai_char_t c);


static const ai_token_row_t  ai_token_rows[] = {

    /* of one vendor on another's vocabulary */
    AI_ROW("distill-llama", CL100K, LLAMA, LLAMA, LLAMA, AI_LIKE(1024)),
    AI_ROW("distill-qwen", QWEN, QWEN, QWEN, QWEN, AI_OWN),

    /* since Claude Opus 4.7 the vocabulary is a finer one */
    AI_ROW("claude-opus-4-7", O200K, ANTHROPIC, ANTHROPIC, ANTHROPIC,
           AI_LIKE(1250)),
    AI_ROW("claude-opus-4-8", O200K, ANTHROPIC, ANTHROPIC, ANTHROPIC,
           AI_LIKE(1250)),
    AI_ROW("claude-opus-4.7", O200K, ANTHROPIC, ANTHROPIC, ANTHROPIC,
           AI_LIKE(1250)),
    AI_ROW("claude-opus-4.8", O200K, ANTHROPIC, ANTHROPIC, ANTHROPIC,
           AI_LIKE(1250)),
    AI_ROW("claude-opus-5", O200K, ANTHROPIC, ANTHROPIC_5, ANTHROPIC,
           AI_LIKE(1250)),
    AI_ROW("claude-sonnet-5", O200K, ANTHROPIC, ANTHROPIC_5, ANTHROPIC,
           AI_LIKE(1250)),
    AI_ROW("claude-haiku-5", O200K, ANTHROPIC, ANTHROPIC_5, ANTHROPIC,
           AI_LIKE(1250)),
    AI_ROW("claude-fable", O200K, ANTHROPIC, ANTHROPIC_5, ANTHROPIC,
           AI_LIKE(1250)),
    AI_ROW("claude-mythos", O200K, ANTHROPIC, ANTHROPIC_5, ANTHROPIC,
           AI_LIKE(1250)),
    AI_ROW("claude-3", O200K, ANTHROPIC, ANTHROPIC_3, ANTHROPIC,
           AI_LIKE(1140)),
    AI_ROW("claude-2", O200K, ANTHROPIC, ANTHROPIC_3, ANTHROPIC,
           AI_LIKE(1140)),
    AI_ROW("claude-instant", O200K, ANTHROPIC, ANTHROPIC_3, ANTHROPIC,
           AI_LIKE(1140)),
    AI_ROW("claude-v2", O200K, ANTHROPIC, ANTHROPIC_3, ANTHROPIC,
           AI_LIKE(1140)),
    AI_ROW("claude", O200K, ANTHROPIC, ANTHROPIC, ANTHROPIC, AI_LIKE(1140)),

    AI_ROW("gpt-oss", O200K, OPENAI, HARMONY, OPENAI, AI_OWN),
    AI_ROW("gpt-4o-mini", O200K, OPENAI, OPENAI, OPENAI_4O_MINI, AI_OWN),
    AI_ROW("gpt-4o", O200K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("chatgpt-4o", O200K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("gpt-4.1-mini", O200K, OPENAI, OPENAI, OPENAI_PATCH_162, AI_OWN),
    AI_ROW("gpt-4.1-nano", O200K, OPENAI, OPENAI, OPENAI_PATCH_246, AI_OWN),
    AI_ROW("gpt-4.1", O200K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("gpt-4.5", O200K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("gpt-5-mini", O200K, OPENAI, OPENAI_5, OPENAI_PATCH_162, AI_OWN),
    AI_ROW("gpt-5-nano", O200K, OPENAI, OPENAI_5, OPENAI_PATCH_246, AI_OWN),
    AI_ROW("gpt-5.4-mini", O200K, OPENAI, OPENAI_REASONING, OPENAI_PATCH_162,
           AI_OWN),
    AI_ROW("gpt-5.4-nano", O200K, OPENAI, OPENAI_REASONING, OPENAI_PATCH_246,
           AI_OWN),
    AI_ROW("gpt-5.1", O200K, OPENAI, OPENAI_5, OPENAI_5, AI_OWN),
    AI_ROW("gpt-5.", O200K, OPENAI, OPENAI_REASONING, OPENAI_5, AI_OWN),
    AI_ROW("gpt-5", O200K, OPENAI, OPENAI_5, OPENAI_5, AI_OWN),
    AI_ROW("gpt-audio", O200K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("gpt-realtime", O200K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("gpt-image", O200K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("codex-mini", O200K, OPENAI, OPENAI_REASONING, OPENAI_PATCH_172,
           AI_OWN),
    AI_ROW("computer-use-preview", O200K, OPENAI, OPENAI, OPENAI_COMPUTER,
           AI_OWN),
    AI_ROW("gpt-4", CL100K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("gpt-3.5-turbo-instruct", CL100K, OPENAI, PLAIN, OPENAI, AI_OWN),
    AI_ROW("gpt-35-turbo-instruct", CL100K, OPENAI, PLAIN, OPENAI, AI_OWN),
    AI_ROW("gpt-3", CL100K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("text-embedding-3", CL100K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("text-embedding-ada", CL100K, OPENAI, OPENAI, OPENAI, AI_OWN),
    AI_ROW("davinci-002", CL100K, OPENAI, PLAIN, OPENAI, AI_OWN),
    AI_ROW("babbage-002", CL100K, OPENAI, PLAIN, OPENAI, AI_OWN),
    AI_ROW("babbage", CL100K, OPENAI, PLAIN, OPENAI, AI_LIKE(1024)),
    AI_ROW("davinci", CL100K, OPENAI, PLAIN, OPENAI, AI_LIKE(1024)),

    /* which parts numbers as Mistral does */
    AI_ROW("gemini-3", TEKKEN, GEMINI, GEMINI, GEMINI_3, AI_LIKE(1024)),
    AI_ROW("gemini", TEKKEN, GEMINI, GEMINI, GEMINI, AI_LIKE(1024)),
    AI_ROW("gemma", TEKKEN, GEMINI, GEMINI, GEMINI, AI_LIKE(1024)),
    AI_ROW("learnlm", TEKKEN, GEMINI, GEMINI, GEMINI, AI_LIKE(1024)),

    /* those of 2024 have vocabularies of 32768, unless they name Tekken */
    AI_ROW("mistral-7b", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_LIKE(1080)),
    AI_ROW("open-mistral-7b", TEKKEN, MISTRAL, MISTRAL, MISTRAL,
           AI_LIKE(1080)),
    AI_ROW("mixtral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_LIKE(1080)),
    AI_ROW("open-mixtral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_LIKE(1080)),
    AI_ROW("mistral-tiny", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_LIKE(1080)),
    AI_ROW("mistral-small-2312", TEKKEN, MISTRAL, MISTRAL, MISTRAL,
           AI_LIKE(1080)),
    AI_ROW("mistral-small-2402", TEKKEN, MISTRAL, MISTRAL, MISTRAL,
           AI_LIKE(1080)),
    AI_ROW("mistral-medium-2312", TEKKEN, MISTRAL, MISTRAL, MISTRAL,
           AI_LIKE(1080)),
    AI_ROW("mistral-large-24", TEKKEN, MISTRAL, MISTRAL, MISTRAL,
           AI_LIKE(1080)),
    AI_ROW("mathstral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_LIKE(1080)),
    AI_ROW("codestral-24", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_LIKE(1080)),
    AI_ROW("codestral-mamba", TEKKEN, MISTRAL, MISTRAL, MISTRAL,
           AI_LIKE(1080)),
    AI_ROW("codestral-22b", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_LIKE(1080)),
    AI_ROW("pixtral-large", TEKKEN, MISTRAL, MISTRAL, PIXTRAL, AI_LIKE(1080)),
    AI_ROW("pixtral", TEKKEN, MISTRAL, MISTRAL, PIXTRAL, AI_OWN),
    AI_ROW("mistral-small-latest", TEKKEN, MISTRAL, MISTRAL_SMALL, MISTRAL,
           AI_OWN),
    AI_ROW("mistral-small-26", TEKKEN, MISTRAL, MISTRAL_SMALL, MISTRAL,
           AI_OWN),
    AI_ROW("mistral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_OWN),
    AI_ROW("open-mistral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_OWN),
    AI_ROW("ministral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_OWN),
    AI_ROW("magistral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_OWN),
    AI_ROW("devstral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_OWN),
    AI_ROW("codestral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_OWN),
    AI_ROW("voxtral", TEKKEN, MISTRAL, MISTRAL, MISTRAL, AI_OWN),

    AI_ROW("qwen3-coder", QWEN, QWEN, QWEN_CODER, QWEN, AI_OWN),
    AI_ROW("qwen-3-coder", QWEN, QWEN, QWEN_CODER, QWEN, AI_OWN),
    AI_ROW("qwen2", QWEN, QWEN, QWEN_2, QWEN, AI_OWN),
    AI_ROW("qwen-2", QWEN, QWEN, QWEN_2, QWEN, AI_OWN),
    AI_ROW("qwen1", QWEN, QWEN, QWEN_2, QWEN, AI_OWN),
    AI_ROW("qwq", QWEN, QWEN, QWEN_2, QWEN, AI_OWN),
    AI_ROW("qvq", QWEN, QWEN, QWEN_2, QWEN, AI_OWN),
    AI_ROW("qwen", QWEN, QWEN, QWEN, QWEN, AI_OWN),

    AI_ROW("llama-4", O200K, LLAMA, LLAMA_4, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama4", O200K, LLAMA, LLAMA_4, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama-v4", O200K, LLAMA, LLAMA_4, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama-2", CL100K, LLAMA, LLAMA, LLAMA, AI_LIKE(1180)),
    AI_ROW("llama2", CL100K, LLAMA, LLAMA, LLAMA, AI_LIKE(1180)),
    AI_ROW("llama-v2", CL100K, LLAMA, LLAMA, LLAMA, AI_LIKE(1180)),
    AI_ROW("codellama", CL100K, LLAMA, LLAMA, LLAMA, AI_LIKE(1180)),
    AI_ROW("llama-3.", CL100K, LLAMA, LLAMA_31, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama3-1", CL100K, LLAMA, LLAMA_31, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama3-2", CL100K, LLAMA, LLAMA_31, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama3-3", CL100K, LLAMA, LLAMA_31, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama3.", CL100K, LLAMA, LLAMA_31, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama-v3p", CL100K, LLAMA, LLAMA_31, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama-3-1", CL100K, LLAMA, LLAMA_31, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama-3-2", CL100K, LLAMA, LLAMA_31, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama-3-3", CL100K, LLAMA, LLAMA_31, LLAMA, AI_LIKE(1024)),
    AI_ROW("llama", CL100K, LLAMA, LLAMA, LLAMA, AI_LIKE(1024)),

    AI_ROW("deepseek-v4", O200K, DEEPSEEK, DEEPSEEK_4, OTHER, AI_LIKE(1040)),
    AI_ROW("deepseek-r1", O200K, DEEPSEEK, DEEPSEEK_R1, OTHER, AI_LIKE(1050)),
    AI_ROW("deepseek", O200K, DEEPSEEK, DEEPSEEK, OTHER, AI_LIKE(1040)),

    AI_ROW("command-r7b", O200K, COHERE, COHERE_7B, COHERE, AI_LIKE(1024)),
    AI_ROW("command-a", O200K, COHERE, COHERE_7B, COHERE, AI_LIKE(1024)),
    AI_ROW("command", O200K, COHERE, COHERE, COHERE, AI_LIKE(1024)),
    AI_ROW("cohere", O200K, COHERE, COHERE, COHERE, AI_LIKE(1024)),
    AI_ROW("aya", O200K, COHERE, COHERE, COHERE, AI_LIKE(1024)),
    AI_ROW("grok", O200K, XAI, XAI, XAI, AI_LIKE(1024)),
    AI_ROW("nova-2", O200K, AMAZON, NOVA_2, AMAZON, AI_LIKE(1050)),
    AI_ROW("nova", O200K, AMAZON, NOVA, AMAZON, AI_LIKE(1050)),
    AI_ROW("titan", O200K, AMAZON, NOVA, AMAZON, AI_LIKE(1024)),
    AI_ROW("glm", O200K, OTHER, GLM, OTHER, AI_LIKE(1024)),
    AI_ROW("minimax", O200K, OTHER, MINIMAX, OTHER, AI_LIKE(1024)),

    AI_ROW("o1$", O200K, OPENAI, OPENAI_REASONING, OPENAI_O1, AI_OWN),
    AI_ROW("o3$", O200K, OPENAI, OPENAI_REASONING, OPENAI_O1, AI_OWN),
    AI_ROW("o4$", O200K, OPENAI, OPENAI_REASONING, OPENAI_PATCH_172, AI_OWN),

    /* whatever it is: the last row */
    AI_ROW("", O200K, OTHER, OTHER, OTHER, AI_LIKE(1024))
};


#define AI_TOKEN_ROWS  (sizeof(ai_token_rows) / sizeof(ai_token_rows[0]))


void
ai_token_model(const ai_str_t *name, ai_token_model_t *m)
{
    size_t                 i, n;
    uint16_t               start[AI_TOKEN_WORDS];
    uint32_t               letters;
    const ai_token_row_t  *row;

    n = ai_token_words(name, start, &letters);

    for (i = 0; i < AI_TOKEN_ROWS - 1; i++) {
        row = &ai_token_rows[i];

        if ((letters & ai_token_letter(row->word.data[0]))
            && ai_token_row_match(&row->word, name, start, n))
        {
            break;
        }
    }

    row = &ai_token_rows[i];

    m->vendor = row->vendor;
    m->tokenizer = row->tokenizer;
    m->factor = row->factor;
    m->frame = (uint16_t) row->frame;
    m->images = (uint16_t) row->images;
    m->exact = row->exact;
}


/* where the words of a name begin, and with which letters; how many there
 * are */

static size_t
ai_token_words(const ai_str_t *name, uint16_t *start, uint32_t *letters)
{
    int     before, now;
    size_t  i, n;

    n = 0;
    before = 0;
    *letters = 0;

    for (i = 0; i < name->len && i < UINT16_MAX && n < AI_TOKEN_WORDS; i++) {
        now = ai_token_is_word(name->data[i]);

        if (now && !before) {
            start[n++] = (uint16_t) i;
            *letters |= ai_token_letter(name->data[i]);
        }

        before = now;
    }

    return n;
}


/* 1 or 0 */

static ai_int_t
ai_token_row_match(const ai_str_t *word, const ai_str_t *name,
    const uint16_t *start, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if ((name->data[start[i]] | 0x20) == word->data[0]
            && ai_token_word_at(word, name, start[i]))
        {
            return 1;
        }
    }

    return 0;
}


static ai_int_t
ai_token_word_at(const ai_str_t *word, const ai_str_t *name, size_t at)
{
    size_t  i;

    for (i = 0; i < word->len; i++) {

        if (word->data[i] == '$') {
            return at + i == name->len
                   || !ai_token_is_word(name->data[at + i]);
        }

        if (at + i == name->len
            || ai_token_lower(name->data[at + i]) != word->data[i])
        {
            return 0;
        }
    }

    return 1;
}


static int
ai_token_is_word(ai_char_t c)
{
    c = ai_token_lower(c);

    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}


static ai_char_t
ai_token_lower(ai_char_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}
