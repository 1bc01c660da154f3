
/*
 * The vocabularies that are compiled in, as strings, which a compiler reads
 * faster than anything else.
 */

#include <token/ai_tokenizer_int.h>


static const char  ai_vocab_o200k[] =
#include <token/data/o200k_base.inc>
;

static const char  ai_vocab_cl100k[] =
#include <token/data/cl100k_base.inc>
;

static const char  ai_vocab_tekken[] =
#include <token/data/tekken.inc>
;

static const char  ai_vocab_qwen[] =
#include <token/data/qwen.inc>
;


#define ai_vocab_row(name, pattern, s)                                        \
    { ai_string(name), pattern, (const ai_char_t *) s,                        \
      (const ai_char_t *) s + sizeof(s) - 1 }


const ai_vocab_data_t  ai_vocab_data[] = {
    ai_vocab_row("o200k_base", AI_PRETOKEN_O200K, ai_vocab_o200k),
    ai_vocab_row("cl100k_base", AI_PRETOKEN_CL100K, ai_vocab_cl100k),
    ai_vocab_row("tekken", AI_PRETOKEN_TEKKEN, ai_vocab_tekken),
    ai_vocab_row("qwen", AI_PRETOKEN_QWEN, ai_vocab_qwen),
    { ai_null_string, AI_PRETOKEN_CL100K, NULL, NULL }
};
