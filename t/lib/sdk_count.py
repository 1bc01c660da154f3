#!/usr/bin/env python3
"""Counting tokens: what the SDKs of Anthropic, Google and OpenAI get through
the gateway.

Environment and output as of t/lib/sdk_calls.py; places as in sdk_embed.py.
"""

import json
import os

import anthropic
import httpx
import openai
from anthropic.types import message_count_tokens_params
from google.genai import errors, types
from openai.types.responses import input_token_count_params

import crossing
import sdk_calls
import wire
from sdk_calls import STATUSES, recording, refusal, replay, shaped
from sdk_openai import PIXEL

MODELS = {
    "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash",
    "vertex": "gemini-2.5-flash", "openai": "in-house-1",
    "vertex-claude": "claude-sonnet-4-5@20250929",
    "bedrock": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere": "command-a", "mistral": "mistral-large",
    "openai_compatible": "llama", "ollama": "llama3"}
NAMES = ["anthropic", "gemini", "vertex", "vertex-claude", "openai",
         "bedrock"]
ALONE = ["cohere", "mistral", "openai_compatible", "ollama"]

TEXT = "What \u00e9\u4e2d\U0001f600 \"q\" \\ \n\t\u2028 is the weather?"
TOKENS = 4711


# --- requests of a provider, by its rules ---------------------------------
def anthropic_request(out, request, body, model, path=None):
    wire.expect(out, "path", request["path"],
                path or "/v1/messages/count_tokens")
    wire.expect(out, "model", body.get("model"), model)
    wire.fits(out, message_count_tokens_params.MessageCountTokensParams, body,
              "body")
    wire.anthropic_turns(out, body["messages"])


def vertex_claude_request(out, request, body, model):
    wire.expect(out, "version", body.pop("anthropic_version", None),
                "vertex-2023-10-16")
    anthropic_request(out, request, body, model, "/v1/publishers/anthropic/"
                      "models/count-tokens:rawPredict")


def gemini_request(out, request, body, model):
    wire.expect(out, "path", request["path"],
                "/v1beta/models/%s:countTokens" % model)
    if "generateContentRequest" in body:
        wire.expect(out, "fields", list(body), ["generateContentRequest"])
        body = dict(body["generateContentRequest"])
        wire.expect(out, "model", body.pop("model", None), "models/" + model)
    else:
        wire.expect(out, "fields", list(body), ["contents"])
    wire.gemini_types(out, body)
    wire.gemini_turns(out, body["contents"])


def vertex_request(out, request, body, model):
    wire.expect(out, "path", request["path"],
                "/v1/publishers/google/models/%s:countTokens" % model)
    shaped(out, body, _contents=list, systemInstruction=dict, tools=list,
           generationConfig=dict, model=str)
    wire.gemini_types(out, {k: v for k, v in body.items() if k != "model"})
    wire.gemini_turns(out, body["contents"])


def openai_request(out, request, body, model):
    wire.expect(out, "path", request["path"], "/v1/responses/input_tokens")
    wire.expect(out, "model", body.get("model"), model)
    wire.fits(out, input_token_count_params.InputTokenCountParams, body,
              "body")


def bedrock_request(out, request, body, model):
    """The shape is botocore's to check, with the signature."""
    wire.expect(out, "path", request["path"], "/model/%s/count-tokens"
                % model.partition(".")[2].replace(":", "%3A"))
    wire.expect(out, "fields", list(body), ["input"])


CHECKS = {"anthropic": anthropic_request, "gemini": gemini_request,
          "vertex": vertex_request, "vertex-claude": vertex_claude_request,
          "openai": openai_request, "bedrock": bedrock_request}


def said(name):
    return {"json": {
        "gemini": {"totalTokens": TOKENS, "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": TOKENS}]},
        "vertex": {"totalTokens": TOKENS, "totalBillableCharacters": 9},
        "bedrock": {"inputTokens": TOKENS},
        "openai": {"object": "response.input_tokens",
                   "input_tokens": TOKENS}}.get(
            name, {"input_tokens": TOKENS})}


# --- clients --------------------------------------------------------------
class Anthropic:
    name = "anthropic"
    api = "anthropic.count_tokens"

    def remember(self, request):
        self.sent = request.content
        self.version = request.headers["anthropic-version"]

    def sdk(self, c):
        self.http = anthropic.DefaultHttpxClient(
            trust_env=False, verify=False,
            event_hooks={"request": [self.remember]})
        return anthropic.Anthropic(
            base_url=os.environ["GATEWAY"] + c.place, max_retries=0,
            api_key=wire.CLIENT_KEY, timeout=30, http_client=self.http)

    def count(self, c, text=TEXT, **more):
        return self.sdk(c).messages.count_tokens(
            model=c.model, messages=[{"role": "user", "content": text}],
            **more).input_tokens

    def rich(self, c):
        return self.count(
            c, [{"type": "text", "text": TEXT},
                {"type": "image", "source": {
                    "type": "base64", "media_type": "image/png",
                    "data": PIXEL}}], system="Be brief.", tools=[{
                        "name": "look", "description": "Looks.",
                        "input_schema": {"type": "object", "properties": {
                            "city": {"type": "string"}}}}])

    def refused(self, c, status, ask):
        kind = {404: anthropic.NotFoundError, 400: anthropic.BadRequestError,
                429: anthropic.RateLimitError}.get(
                    status, anthropic.InternalServerError)
        try:
            ask()
        except anthropic.APIStatusError as e:
            c.expect("class", type(e), kind)
            c.expect("status", e.status_code, status)
            return c.expect("type", e.body["type"], "error")
        c.problems.append("no error")


class Genai(sdk_calls.Google):
    name = "genai"
    api = "gemini.count_tokens"

    def count(self, c, contents=TEXT):
        return self.sdk().count_tokens(
            model=c.model, contents=contents,
            config=types.CountTokensConfig(
                http_options=self.at(c))).total_tokens

    def rich(self, c):
        """A whole request, which the SDK cannot send to this API."""
        self.sent = json.dumps({"generateContentRequest": {
            "model": "models/" + c.model,
            "contents": [{"role": "user", "parts": [
                {"text": TEXT}, {"inlineData": {"mimeType": "image/png",
                                                "data": PIXEL}}]}],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "tools": [{"functionDeclarations": [{
                "name": "look", "description": "Looks.", "parameters": {
                    "type": "OBJECT", "properties": {
                        "city": {"type": "STRING"}}}}]}]}}).encode()
        r = httpx.post("%s%s/v1beta/models/%s:countTokens" % (
            os.environ["GATEWAY"], c.place, c.model), content=self.sent,
            trust_env=False, verify=False)
        return r.json()["totalTokens"]

    def refused(self, c, status, ask):
        try:
            ask()
        except errors.APIError as e:
            c.expect("status", e.code, status)
            return c.ok("message", e.message, e)
        c.problems.append("no error")


class Openai:
    name = "openai"
    api = "openai.count_tokens"

    def remember(self, request):
        self.sent = request.content

    def count(self, c, text=TEXT, **more):
        http = openai.DefaultHttpxClient(
            trust_env=False, verify=False,
            event_hooks={"request": [self.remember]})
        r = openai.OpenAI(
            base_url=os.environ["GATEWAY"] + c.place + "/v1", max_retries=0,
            api_key=wire.CLIENT_KEY, timeout=30,
            http_client=http).responses.input_tokens.count(
                model=c.model, input=text, **more)
        c.expect("object", r.object, "response.input_tokens")
        return r.input_tokens

    def rich(self, c):
        return self.count(c, [{"role": "user", "content": [
            {"type": "input_text", "text": TEXT},
            {"type": "input_image", "detail": "auto",
             "image_url": "data:image/png;base64," + PIXEL}]}],
            instructions="Be brief.", tools=[{
                "type": "function", "name": "look", "strict": False,
                "description": "Looks.", "parameters": {
                    "type": "object", "properties": {
                        "city": {"type": "string"}}}}])

    def refused(self, c, status, ask):
        kind = {404: openai.NotFoundError, 400: openai.BadRequestError,
                429: openai.RateLimitError}.get(status,
                                                openai.InternalServerError)
        try:
            ask()
        except openai.APIStatusError as e:
            c.expect("class", type(e), kind)
            return c.expect("status", e.status_code, status)
        c.problems.append("no error")


CLIENTS = [Anthropic(), Genai(), Openai()]
OWN = {"anthropic": "anthropic", "gemini": "genai", "openai": "openai"}


class Case(sdk_calls.Case):
    models = MODELS
    checks = CHECKS
    operation = "count_tokens"


def parts(name, body):
    """What is counted, in words common to all: (texts, images, system,
    tools)"""
    if name == "bedrock":
        body = body["input"]["converse"]
        content = body["messages"][0]["content"]
        return ([p["text"] for p in content if "text" in p],
                len([p for p in content if "image" in p]),
                "".join(s["text"] for s in body.get("system", [])),
                [t["toolSpec"]["name"] for t in body.get(
                    "toolConfig", {}).get("tools", [])])
    if name == "openai":
        found = body["input"]
        system = body.get("instructions") or ""
        if isinstance(found, list):
            system += "".join(t for m in found if m["role"] in (
                "system", "developer") for t in wire.texts([
                    dict(p, type="text") for p in m["content"]]
                    if isinstance(m["content"], list) else m["content"]))
            found = [m["content"] for m in found if m["role"] == "user"][0]
        content = found
        content = [{"text": content}] if isinstance(content, str) else content
        return ([p["text"] for p in content if "text" in p],
                len([p for p in content if p.get("type") == "input_image"]),
                system, [t["name"] for t in body.get("tools", [])])
    body = body.get("generateContentRequest", body)
    api = "gemini" if "contents" in body else "anthropic"
    if api == "gemini":
        content = body["contents"][0]["parts"]
        images = len([p for p in content if "inlineData" in p])
        has_system = "systemInstruction" in body
    else:
        content = body["messages"][0]["content"]
        images = len([p for p in wire.blocks(body["messages"][0])
                      if p["type"] == "image"])
        has_system = "system" in body
    return (wire.texts(content), images,
            crossing.system(api, body) if has_system else "",
            [t[0] for t in crossing.tools(api, body)]
            if body.get("tools") else [])


# --- tests ----------------------------------------------------------------
def test_counts():
    for name in NAMES:
        for client in CLIENTS:
            with Case("counts for %s" % client.name, name) as c:
                c.answers(said(name))
                c.expect("tokens", client.count(c), TOKENS)
                c.logged(client.api, 0)
                c.expect("counted", parts(name, c.got()), ([TEXT], 0, "", []))
            with Case("counts all for %s" % client.name, name) as c:
                c.answers(said(name))
                c.expect("tokens", client.rich(c), TOKENS)
                c.logged(client.api, 0)
                c.expect("counted", parts(name, c.got()),
                         ([TEXT], 1, "Be brief.", ["look"]))


def test_pass():
    """Between ends of one API nothing changes."""
    for name, own in OWN.items():
        client = [k for k in CLIENTS if k.name == own][0]
        with Case("bytes of %s" % own, name) as c:
            c.answers(said(name))
            client.rich(c)
            found = c.ledger()
            c.expect("request", [f["body"].encode() for f in found],
                     [client.sent])
            c.logged(client.api, 0)
    with Case("betas", "anthropic") as c:
        client = CLIENTS[0]
        c.answers(said("anthropic"))
        client.sdk(c).beta.messages.count_tokens(
            model=c.model, betas=["interleaved-thinking-2025-05-14", "x-1"],
            thinking={"type": "enabled", "budget_tokens": 2048},
            messages=[{"role": "user", "content": "Hi"}])
        found = c.ledger()
        head = {k.lower(): v for k, v in found[0]["headers"]}
        c.expect("betas", set(head.get("anthropic-beta", "").replace(
            " ", "").split(",")) - {"token-counting-2024-11-01"},
            {"interleaved-thinking-2025-05-14", "x-1"})
        c.expect("version", head.get("anthropic-version"), client.version)
        c.expect("request", found[0]["body"].encode(), client.sent)


def test_another_name():
    """The model is called otherwise at the provider."""
    for name, own in OWN.items():
        client = [k for k in CLIENTS if k.name == own][0]
        with Case("a model of another name, %s" % own, name,
                  "/renamed-%s" % name) as c:
            c.model = "any"
            c.answers(said(name))
            c.expect("tokens", client.rich(c), TOKENS)
            c.got()


def test_recordings():
    for name, file in (
            ("anthropic", "anthropic--anthropic_count_tokens_with_adaptive_"
             "thinking_and_output_tools"),
            ("anthropic",
             "anthropic--anthropic_count_tokens_with_native_tools"),
            ("bedrock", "bedrock--bedrock_count_tokens_tool_config"),
            ("bedrock", "bedrock--bedrock_inference_profile_count_tokens"),
            ("gemini", "gemini--TestGoogle.test_count_tokens")):
        data, body = recording("count", file + ".response.json")
        want = body.get("input_tokens", body.get(
            "inputTokens", body.get("totalTokens")))
        for client in CLIENTS:
            with Case("recorded %s, %s" % (file, client.name), name) as c:
                c.answers(replay(data))
                c.expect("tokens", client.count(c), want)
                c.logged(client.api, 0)


def test_refusals_recorded():
    """A provider without such an operation and one without such a model say
    404 alike: there is an estimate."""
    for name, file, status in (
            ("anthropic", "anthropic--anthropic_count_tokens_error", 404),
            ("bedrock", "bedrock--bedrock_count_tokens_error", 400)):
        data, body = recording("count", file + ".response.json")
        for client in CLIENTS:
            with Case("%d, recorded, %s" % (status, client.name), name,
                      "/%s-rec-%s" % (name, client.name)) as c:
                c.answers(dict(replay(data), status=status))
                failed(c, client, status)


def failed(c, client, status):
    if status == 404:
        c.ok("estimate", client.count(c) > 0)
        c.logged(client.api, 0)
        return
    # Bedrock has no such model
    seen = 404 if status == 400 else STATUSES[status]
    client.refused(c, seen, lambda: client.count(c))
    c.logged(client.api, 0, seen)


def test_estimates():
    """Who cannot count is not asked."""
    for name in ALONE:
        for client in CLIENTS:
            with Case("an estimate for %s" % client.name, name) as c:
                c.answers({"json": {"no": 1}})
                short, long = client.count(c), client.count(c, "words " * 900)
                # Cohere puts a preamble of 500 tokens before each prompt
                preamble = 520 if name == "cohere" else 0
                c.ok("number", 0 < short < 100 + preamble, short)
                c.ok("a larger one", 500 < long - preamble < 3000, long)
                for _ in "12":
                    c.logged(client.api, 0)
                c.nothing_got()


def test_errors():
    for name in NAMES:
        for client in CLIENTS:
            for status in STATUSES:
                with Case("%d, %s" % (status, client.name), name,
                          "/%s-%d-%s" % (name, status, client.name)) as c:
                    c.answers(refusal(name.replace("vertex-claude",
                                                   "anthropic"), status))
                    failed(c, client, status)


def test_bad():
    for path, body, field in (
            ("/v1/messages/count_tokens", {"model": "m"}, "messages"),
            ("/v1/messages/count_tokens", {"messages": [
                {"role": "user", "content": "a"}]}, "model"),
            ("/v1beta/models/m:countTokens", {"contents": 5}, "contents"),
            ("/v1beta/models/m:countTokens", {}, "contents"),
            ("/v1/responses/input_tokens", {"model": "m", "input": 5},
             "input")):
        with Case("bad %s" % json.dumps(body), "gemini") as c:
            c.answers(said("gemini"))
            r = httpx.post(os.environ["GATEWAY"] + "/gemini" + path,
                           json=body, trust_env=False, verify=False)
            c.expect("status", r.status_code, 400)
            c.ok("field", field in r.text, r.text)
            c.nothing_got()


def test_failover():
    for second in ("gemini", "bedrock", "openai"):
        for client in CLIENTS:
            with Case("fails, %s counts for %s" % (second, client.name),
                      "anthropic", "/to-%s-%s" % (second, client.name)) as c:
                c.model = "any"
                c.rules([{"match": {"path": "/v1/messages"},
                          "reply": refusal("anthropic", 500)},
                         {"match": {}, "reply": said(second)}])
                c.expect("tokens", client.count(c), TOKENS)
                c.logged(client.api, 0)
                found = c.ledger()
                c.expect("requests", len(found), 2)
                c.checked("anthropic", found[0])
                c.checked(second, found[1])


if __name__ == "__main__":
    sdk_calls.main(globals())
