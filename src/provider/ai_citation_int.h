
/*
 * Citations as OpenAI annotates a text: {"type":"url_citation", ...}.
 *
 * Some providers tell them before the text that they belong to.  Then they
 * are held without their places, each ended by a NUL, until the block ends.
 */

#ifndef AI_CITATION_INT_H
#define AI_CITATION_INT_H


#include <provider/ai_provider.h>


/* what is held of one block */
#define AI_CITED_MAX  65536


#pragma GCC visibility push(hidden)


/* all but the places, and those: characters of all text of the answer */
void ai_citation_open(ai_buf_t *b, const ai_esc_t *url,
    const ai_esc_t *title);
void ai_citation_close(ai_buf_t *b, uint64_t from, uint64_t to);

/* those held of the text block "index", with its place; uses d->scratch */
ai_int_t ai_citations_send(ai_decoder_t *d, const ai_buf_t *held,
    uint32_t index, uint64_t from, uint64_t to);


#pragma GCC visibility pop


#endif /* AI_CITATION_INT_H */
