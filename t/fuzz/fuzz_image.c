
/*
 * Any text as the base64 of an image: it has a size that is not 0, or none;
 * nothing beyond the text is looked at, and what is behind the header does not
 * matter.
 */

#include <token/ai_image.h>

#include "fuzz.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      looked, again;
    ai_int_t    rc;
    ai_esc_t    s;
    ai_image_t  image, other;

    s.data = (ai_char_t *) data;
    s.len = size;

    rc = ai_image_size(&s, &image, &looked);

    must(rc == AI_OK || rc == AI_DECLINED);
    must(looked <= size);

    if (rc == AI_OK) {
        must(image.width > 0 && image.height > 0);

        s.len = looked;

        must(ai_image_size(&s, &other, &again) == AI_OK);
        must(other.width == image.width && other.height == image.height);
        must(again == looked);
    }

    return 0;
}
