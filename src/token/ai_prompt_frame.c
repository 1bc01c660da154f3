
/*
 * What vendors put around the texts of a prompt.
 *
 * Of open models that is the template that comes with them.  Of others it is
 * what they document (OpenAI's cookbook: 3 for a message, 1 for its role, 3
 * for the answer to begin), or else what recordings of their answers show, as
 * in t/unit/test_prompt.c.
 */

#include <token/ai_prompt_int.h>


const ai_frame_t  ai_frames[AI_FRAME_N] = {

    [AI_FRAME_OTHER] = {
        .prime = 3, .system = 4, .user = 4, .assistant = 4, .call = 8,
        .result = 8, .name = 1, .tools = 10, .schema = -1,
        .says = 1, .thinks = 2, .calls_one = 9
    },

    [AI_FRAME_OPENAI] = {
        .prime = 3, .system = 4, .user = 4, .assistant = 4, .call = 6,
        .result = 7, .name = 1, .tools = -1, .bare = 3, .idle = 1,
        .schema = 1, .form = AI_TOOLS_TYPESCRIPT, .calls = 1, .named = 1,
        .calls_one = 7, .calls_more = 7
    },

    [AI_FRAME_PLAIN] = { .schema = -1 },

    /* its answers name the channel, and the tools are a message */
    [AI_FRAME_OPENAI_REASONING] = {
        .prime = 2, .system = 4, .user = 4, .assistant = 6, .call = 8,
        .result = 9, .name = 1, .tools = 8, .bare = -6, .schema = 1,
        .form = AI_TOOLS_TYPESCRIPT, .calls = 1, .named = 1,
        .says = 4, .thinks = 4, .calls_one = 11
    },

    [AI_FRAME_OPENAI_5] = {
        .prime = 2, .system = 4, .user = 4, .assistant = 6, .call = 8,
        .result = 9, .name = 1, .tools = 8, .bare = -6, .chat = 82,
        .schema = 1, .form = AI_TOOLS_TYPESCRIPT, .calls = 1, .named = 1,
        .says = 9, .thinks = 4, .calls_one = 16
    },

    /* gpt-oss: a system message of 57 tokens says who it is and what channels
     * there are */
    [AI_FRAME_HARMONY] = {
        .begin = 61, .prime = 2, .system = 7, .user = 4, .assistant = 6,
        .call = 14, .result = 12, .name = 1, .tools = 14, .bare = 4,
        .schema = 8, .form = AI_TOOLS_TYPESCRIPT, .calls = 1, .named = 1,
        .defaults = 1,
        .says = 6, .thinks = 4, .calls_one = 13
    },

    [AI_FRAME_ANTHROPIC] = {
        .prime = 3, .system = 3, .user = 4, .assistant = 4, .call = 28,
        .result = 28, .tools = 310, .bare = 205, .forced = 90, .tool = 3,
        .thinking = 29, .schema = 145, .form = AI_TOOLS_SCHEMA,
        .says = 3, .thinks = 5, .calls_one = 34
    },

    /* what is documented */
    [AI_FRAME_ANTHROPIC_3] = {
        .prime = 3, .system = 3, .user = 4, .assistant = 4, .call = 28,
        .result = 28, .tools = 346, .forced = -33, .tool = 3, .thinking = 29,
        .schema = -1, .form = AI_TOOLS_SCHEMA,
        .says = 3, .thinks = 5, .calls_one = 34
    },

    [AI_FRAME_ANTHROPIC_5] = {
        .prime = 3, .system = 3, .user = 4, .assistant = 4, .call = 28,
        .result = 28, .tools = 385, .forced = 90, .tool = 3, .thinking = 29,
        .schema = 145, .form = AI_TOOLS_SCHEMA,
        .says = 3, .thinks = 5, .calls_one = 34
    },

    /* Vertex has no token at the beginning and fewer for a tool */
    [AI_FRAME_GEMINI] = {
        .begin = 1, .call = 8, .result = 8, .tool = 4, .schema = -1,
        .form = AI_TOOLS_SCHEMA, .thoughts = 1,
        .calls_one = 4
    },

    /* <s>, [INST], [/INST], [AVAILABLE_TOOLS], [TOOL_CALLS], [ARGS], </s> */
    [AI_FRAME_MISTRAL] = {
        .begin = 1, .system = 2, .user = 2, .assistant = 1, .call = 2,
        .result = 2, .tools = 2, .schema = -1, .form = AI_TOOLS_JSON,
        .spaced = 1,
        .says = 1, .thinks = 2, .calls_one = 3
    },

    /* the same, and [MODEL_SETTINGS] */
    [AI_FRAME_MISTRAL_SMALL] = {
        .begin = 13, .system = 2, .user = 2, .assistant = 1, .call = 2,
        .result = 2, .tools = 2, .schema = -1, .form = AI_TOOLS_JSON,
        .spaced = 1,
        .says = 1, .thinks = 2, .calls_one = 3
    },

    /* ChatML: <|im_start|>, role, line, <|im_end|>, line */
    [AI_FRAME_QWEN] = {
        .prime = 3, .system = 5, .user = 5, .assistant = 5, .call = 19,
        .result = 14, .tools = 87, .bare = 5, .schema = -1,
        .form = AI_TOOLS_JSON, .spaced = 1,
        .says = 1, .thinks = 3, .calls_one = 14
    },

    /* with a system message of its own, where there is no other */
    [AI_FRAME_QWEN_2] = {
        .alone = 11, .prime = 3, .system = 5, .user = 5, .assistant = 5,
        .call = 19, .result = 14, .tools = 87, .schema = -1,
        .form = AI_TOOLS_JSON, .spaced = 1,
        .says = 1, .thinks = 3, .calls_one = 14
    },

    [AI_FRAME_QWEN_CODER] = {
        .prime = 3, .system = 5, .user = 5, .assistant = 5, .call = 22,
        .result = 14, .tools = 205, .bare = 5, .schema = -1,
        .form = AI_TOOLS_JSON, .spaced = 1,
        .says = 1, .thinks = 3, .calls_one = 25
    },

    /* a message has <|start_header_id|>, role, <|end_header_id|>, lines and
     * <|eot_id|> */
    [AI_FRAME_LLAMA] = {
        .begin = 1, .prime = 4, .system = 5, .user = 5, .assistant = 5,
        .call = 8, .result = 5, .tools = 90, .schema = -1,
        .form = AI_TOOLS_JSON, .spaced = 1, .untold = 1,
        .says = 1, .thinks = 2, .calls_one = 13
    },

    /* what the model knows until when, in a system message */
    [AI_FRAME_LLAMA_31] = {
        .begin = 26, .prime = 4, .user = 5, .assistant = 5, .call = 8,
        .result = 5, .tools = 90, .schema = -1, .form = AI_TOOLS_JSON,
        .spaced = 1, .untold = 1,
        .says = 1, .thinks = 2, .calls_one = 13
    },

    /* hosts explain at length how tools are called */
    [AI_FRAME_LLAMA_4] = {
        .begin = 1, .prime = 4, .system = 5, .user = 5, .assistant = 5,
        .call = 8, .result = 5, .tools = 610, .schema = -1,
        .form = AI_TOOLS_JSON, .spaced = 1, .untold = 1,
        .thinks = 2, .calls_one = 18
    },

    [AI_FRAME_DEEPSEEK] = {
        .begin = 1, .prime = 3, .user = 1, .assistant = 2, .call = 20,
        .result = 10, .tools = 215, .schema = -1, .form = AI_TOOLS_JSON,
        .spaced = 1,
        .says = 1, .thinks = 1, .calls_one = 22
    },

    [AI_FRAME_DEEPSEEK_R1] = {
        .begin = 1, .prime = 1, .user = 1, .assistant = 2, .call = 20,
        .result = 10, .schema = -1, .form = AI_TOOLS_JSON, .spaced = 1,
        .untold = 1,
        .says = 1, .thinks = 1, .calls_one = 18
    },

    [AI_FRAME_DEEPSEEK_4] = {
        .begin = 80, .prime = 2, .user = 1, .assistant = 2, .call = 20,
        .result = 10, .tools = 215, .schema = -1, .form = AI_TOOLS_JSON,
        .spaced = 1,
        .says = 1, .thinks = 1, .calls_one = 22
    },

    /* a preamble that is the vendor's */
    [AI_FRAME_COHERE] = {
        .begin = 63, .user = 3, .system = 3, .assistant = 3, .call = 15,
        .result = 15, .tools = 800, .schema = -1, .form = AI_TOOLS_JSON,
        .spaced = 1,
        .says = 2, .thinks = 3, .calls_one = 13
    },

    [AI_FRAME_COHERE_7B] = {
        .begin = 492, .user = 3, .system = 3, .assistant = 3, .call = 30,
        .result = 25, .tools = 870, .schema = -1, .form = AI_TOOLS_JSON,
        .spaced = 1,
        .says = 2, .thinks = 3, .calls_one = 13
    },

    [AI_FRAME_XAI] = {
        .prime = 3, .system = 4, .user = 4, .assistant = 4, .call = 10,
        .result = 10, .tools = 180, .schema = -1, .form = AI_TOOLS_JSON,
        .calls_one = 18
    },

    [AI_FRAME_NOVA] = {
        .call = 20, .result = 20, .tools = 330, .schema = -1,
        .form = AI_TOOLS_JSON,
        .says = 1, .thinks = 2, .calls_one = 11
    },

    [AI_FRAME_NOVA_2] = {
        .call = 20, .result = 20, .tools = 840, .schema = -1,
        .form = AI_TOOLS_JSON,
        .says = 1, .thinks = 2, .calls_one = 12
    },

    [AI_FRAME_GLM] = {
        .begin = 2, .prime = 2, .system = 1, .user = 1, .assistant = 2,
        .call = 10, .result = 6, .tools = 120, .schema = -1,
        .form = AI_TOOLS_JSON, .spaced = 1,
        .says = 1, .thinks = 1, .calls_one = 10
    },

    [AI_FRAME_MINIMAX] = {
        .begin = 1, .alone = 34, .prime = 3, .system = 4, .user = 4,
        .assistant = 4, .call = 10, .result = 8, .tools = 120, .schema = -1,
        .form = AI_TOOLS_JSON, .spaced = 1,
        .says = 1, .thinks = 1, .calls_one = 12
    }
};


const ai_frame_t *
ai_prompt_frame(const ai_token_model_t *m)
{
    return &ai_frames[m->frame < AI_FRAME_N ? m->frame : AI_FRAME_OTHER];
}
