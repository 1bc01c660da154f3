// What programs with the Node SDKs do: a JSON line that asks on stdin, one
// that tells what the SDK handed out on stdout.
//
//     {"sdk": "openai-chat", "stream": true, "base": "http://...",
//      "model": "m", "tools": ["f"], "reasoning": true, "key": "k"}
//
// The answer has text, reasoning, calls [{id, name, args}], finish and usage
// in the SDK's own words, or error.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// the SDKs are in a folder of the build, this file is not
const require = createRequire(process.env.NODE_MODULES + "/tests.js");
const { resolve } = require;
const load = name => import(pathToFileURL(resolve(name)));

const { default: OpenAI } = await load("openai");
const { default: Anthropic } = await load("@anthropic-ai/sdk");
const { GoogleGenAI } = await load("@google/genai");
const { generateText, streamText, jsonSchema, tool } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { createAnthropic } = await load("@ai-sdk/anthropic");
const google = await load("@ai-sdk/google");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");

const createGoogle = google.createGoogleGenerativeAI ?? google.createGoogle;

const PROMPT = "Hello é中\u{1f600} \"quoted\"";
const SCHEMA = { type: "object", properties: {}, additionalProperties: true };


// --- OpenAI ---------------------------------------------------------------

function openai(q) {
    return new OpenAI({ baseURL: q.base + "/v1", apiKey: q.key,
                        maxRetries: 0, timeout: 20000 });
}


async function openaiChat(q) {
    const request = { model: q.model,
                      messages: [{ role: "user", content: PROMPT }] };

    if (q.tools.length) {
        request.tools = q.tools.map(name => ({ type: "function",
            function: { name, parameters: SCHEMA } }));
    }

    let reasoning = "";
    let answer;

    if (q.stream) {
        const s = openai(q).chat.completions.stream({ ...request,
            stream_options: { include_usage: true } });
        s.on("chunk", c => {
            reasoning += c.choices[0]?.delta?.reasoning_content ?? "";
        });
        answer = await s.finalChatCompletion();

    } else {
        answer = await openai(q).chat.completions.create(request);
        reasoning = answer.choices[0].message.reasoning_content ?? "";
    }

    const c = answer.choices[0];

    return { text: c.message.content ?? "", reasoning,
             refusal: c.message.refusal ?? "",
             calls: (c.message.tool_calls ?? []).map(t => ({ id: t.id,
                 name: t.function.name, args: t.function.arguments })),
             finish: c.finish_reason,
             usage: usage(answer.usage?.prompt_tokens,
                          answer.usage?.completion_tokens) };
}


async function openaiResponses(q) {
    const request = { model: q.model, input: PROMPT, store: false };

    if (q.tools.length) {
        request.tools = q.tools.map(name => ({ type: "function", name,
            parameters: SCHEMA, strict: false }));
    }

    let answer;

    if (q.stream) {
        const s = openai(q).responses.stream(request);
        answer = await s.finalResponse();

    } else {
        answer = await openai(q).responses.create(request);
    }

    const of = type => answer.output.filter(i => i.type === type);
    const calls = of("function_call");
    const reasons = { max_output_tokens: "length",
                      content_filter: "content_filter" };

    return { text: answer.output_text,
             refusal: of("message").flatMap(m => m.content)
                 .filter(p => p.type === "refusal").map(p => p.refusal)
                 .join(""),
             reasoning: of("reasoning").flatMap(i => i.summary)
                 .map(p => p.text).join(""),
             calls: calls.map(c => ({ id: c.call_id, name: c.name,
                                      args: c.arguments })),
             finish: answer.status === "incomplete"
                 ? reasons[answer.incomplete_details.reason]
                 : calls.length ? "tool_calls" : "stop",
             usage: usage(answer.usage.input_tokens,
                          answer.usage.output_tokens) };
}


// --- Anthropic ------------------------------------------------------------

async function anthropic(q) {
    const client = new Anthropic({ baseURL: q.base, apiKey: q.key,
                                   maxRetries: 0, timeout: 20000 });
    const request = { model: q.model, max_tokens: 2000,
                      messages: [{ role: "user", content: PROMPT }] };

    if (q.tools.length) {
        request.tools = q.tools.map(name => ({ name,
                                               input_schema: SCHEMA }));
    }

    const answer = q.stream
        ? await client.messages.stream(request).finalMessage()
        : await client.messages.create(request);
    const of = (type, field) => answer.content.filter(b => b.type === type)
        .map(b => b[field]).join("");
    const u = answer.usage;

    return { text: of("text", "text"), reasoning: of("thinking", "thinking"),
             calls: answer.content.filter(b => b.type === "tool_use")
                 .map(b => ({ id: b.id, name: b.name,
                              args: JSON.stringify(b.input) })),
             finish: answer.stop_reason,
             usage: usage(u.input_tokens + (u.cache_read_input_tokens ?? 0)
                          + (u.cache_creation_input_tokens ?? 0),
                          u.output_tokens) };
}


// --- Google ---------------------------------------------------------------

async function genai(q) {
    const client = new GoogleGenAI({ apiKey: q.key, vertexai: false,
        httpOptions: { baseUrl: q.base, timeout: 20000 } });
    const request = { model: q.model, contents: PROMPT, config: {} };

    if (q.reasoning) {
        request.config.thinkingConfig = { includeThoughts: true };
    }

    if (q.tools.length) {
        request.config.tools = [{ functionDeclarations:
            q.tools.map(name => ({ name, parametersJsonSchema: SCHEMA })) }];
    }

    const chunks = [];

    if (q.stream) {
        for await (const c of
                   await client.models.generateContentStream(request)) {
            chunks.push(c);
        }

    } else {
        chunks.push(await client.models.generateContent(request));
    }

    const candidates = chunks.flatMap(c => c.candidates ?? [])
        .filter(c => (c.index ?? 0) === 0);
    const parts = candidates.flatMap(c => c.content?.parts ?? []);
    const texts = thought => parts.filter(p => !!p.thought === thought)
        .map(p => p.text ?? "").join("");
    const u = chunks.map(c => c.usageMetadata).filter(Boolean).pop() ?? {};

    return { text: texts(false), reasoning: texts(true),
             calls: parts.filter(p => p.functionCall).map(p => ({
                 id: p.functionCall.id, name: p.functionCall.name,
                 args: JSON.stringify(p.functionCall.args ?? {}) })),
             finish: candidates.map(c => c.finishReason).filter(Boolean).pop()
                 ?? chunks.map(c => c.promptFeedback?.blockReason)
                     .filter(Boolean).pop(),
             usage: usage(u.promptTokenCount
                          + (u.toolUsePromptTokenCount ?? 0),
                          (u.candidatesTokenCount ?? 0)
                          + (u.thoughtsTokenCount ?? 0)) };
}


// --- Vercel's ai ----------------------------------------------------------

const MODELS = {
    "ai-openai-chat": q => createOpenAI({ baseURL: q.base + "/v1",
        apiKey: q.key }).chat(q.model),
    "ai-openai-responses": q => createOpenAI({ baseURL: q.base + "/v1",
        apiKey: q.key }).responses(q.model),
    "ai-anthropic": q => createAnthropic({ baseURL: q.base + "/v1",
        apiKey: q.key })(q.model),
    "ai-google": q => createGoogle({ baseURL: q.base + "/v1beta",
        apiKey: q.key })(q.model),
    "ai-compatible": q => createOpenAICompatible({ name: "gateway",
        baseURL: q.base + "/v1", apiKey: q.key,
        includeUsage: true })(q.model),
};


async function ai(q) {
    const request = { model: MODELS[q.sdk](q), prompt: PROMPT, maxRetries: 0,
                      maxOutputTokens: 2000,
                      abortSignal: AbortSignal.timeout(20000) };

    if (q.reasoning) {
        request.providerOptions = {
            google: { thinkingConfig: { includeThoughts: true } } };
    }

    if (q.tools.length) {
        request.tools = Object.fromEntries(q.tools.map(name => [name,
            tool({ inputSchema: jsonSchema(SCHEMA) })]));
    }

    let failure;
    const answer = q.stream
        ? streamText({ ...request, onError: e => { failure = e.error; } })
        : await generateText(request);

    if (q.stream) {
        await answer.consumeStream();
    }

    if (failure) {
        throw failure;
    }

    const u = await answer.usage;

    return { text: await answer.text,
             reasoning: await answer.reasoningText ?? "",
             calls: (await answer.toolCalls)
                 .filter(c => !c.providerExecuted)
                 .map(c => ({ id: c.toolCallId, name: c.toolName,
                              invalid: c.invalid,
                              args: JSON.stringify(c.input) })),
             finish: await answer.finishReason,
             usage: usage(u.inputTokens, u.outputTokens) };
}


// --------------------------------------------------------------------------

function usage(prompt, completion) {
    return { prompt: prompt ?? null, completion: completion ?? null };
}


const SDKS = { "openai-chat": openaiChat,
               "openai-responses": openaiResponses, anthropic, genai };

globalThis.AI_SDK_LOG_WARNINGS = false;

for await (const line of createInterface({ input: process.stdin })) {
    const q = JSON.parse(line);
    let out;

    try {
        out = await (SDKS[q.sdk] ?? ai)(q);

    } catch (e) {
        out = { error: `${e.name}: ${e.message}`, status: e.status
                ?? e.statusCode };
    }

    process.stdout.write(JSON.stringify(out) + "\n");
}

process.exit(0);
