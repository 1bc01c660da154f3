
/*
 * The width and height of an image, out of the first bytes of its file.
 */

#ifndef AI_IMAGE_H
#define AI_IMAGE_H


#include <base/ai_base.h>


#define AI_IMAGE_MAX  (256 * 1024)  /* bytes of a file that are looked at */


typedef struct {
    uint32_t           width;       /* at least 1 */
    uint32_t           height;
} ai_image_t;


#pragma GCC visibility push(hidden)


/*
 * base64 is a PNG, JPEG, GIF or WebP in either alphabet, as it stands in JSON
 * ("\/" is a slash).  No more is decoded than is needed, and nothing is
 * allocated.  *looked: characters that it took.  AI_OK; AI_DECLINED: another
 * format, or the size is not within AI_IMAGE_MAX.
 */
ai_int_t ai_image_size(const ai_esc_t *base64, ai_image_t *size,
    size_t *looked);


#pragma GCC visibility pop


#endif /* AI_IMAGE_H */
