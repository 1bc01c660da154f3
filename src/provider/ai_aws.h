
/*
 * AWS credentials as files have them: the shared credentials file of the
 * SDKs and the CLI (INI, a section a profile), or the JSON object that the
 * container and instance endpoints give and that side cars write.
 */

#ifndef AI_AWS_H
#define AI_AWS_H


#include <codec/ai_json.h>


typedef struct {
    ai_str_t           access_key;
    ai_str_t           secret;
    ai_str_t           token;       /* of a session, or empty */
} ai_aws_keys_t;


#pragma GCC visibility push(hidden)


/*
 * profile is the section of an INI file, as "default".  AI_OK: the keys are
 * spans of text, or owned by pool.  AI_DECLINED: this is no such file, or the
 * profile or one of its keys is missing; AI_ERROR: no memory.
 */
ai_int_t ai_aws_credentials(const ai_str_t *text, const ai_str_t *profile,
    const ai_pool_t *pool, ai_aws_keys_t *keys);


#pragma GCC visibility pop


#endif /* AI_AWS_H */
