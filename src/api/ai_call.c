
#include <api/ai_call.h>

#include <string.h>


void
ai_call_init(ai_call_t *call, ai_call_e kind)
{
    memset(call, 0, sizeof(ai_call_t));

    call->kind = kind;

    switch (kind) {

    case AI_CALL_EMBED:
        call->u.embed.dimensions = -1;
        call->u.embed.truncate = -1;
        call->u.embed.input = "input";
        call->u.embed.size = "dimensions";
        break;

    case AI_CALL_RERANK:
        call->u.rerank.top_n = -1;
        call->u.rerank.max_tokens = -1;
        call->u.rerank.truncate = -1;
        break;

    default: /* AI_CALL_COUNT */
        ai_request_init(&call->u.chat);
        break;
    }
}


void
ai_result_init(ai_result_t *res, ai_call_e kind)
{
    memset(res, 0, sizeof(ai_result_t));

    res->kind = kind;
    res->units = -1;
    res->tokens = -1;
    res->cached = -1;

    ai_usage_init(&res->usage);
}
