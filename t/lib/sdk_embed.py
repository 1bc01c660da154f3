#!/usr/bin/env python3
"""Embeddings: what programs with four SDKs do, through the gateway.

Environment and output as of t/lib/sdk_calls.py.  /NAME/ of the gateway leads
to a provider of that name, /NAME-STATUS-CLIENT/ to one more, for what is held
against a provider; /to-NAME-CLIENT/ to a route whose first target fails.
"""

import base64
import inspect
import json
import multiprocessing
import os
import re
import socket
import struct
import time
import typing
import urllib.parse

import cohere
import httpx
import ollama
import openai
import pydantic
from google.genai import errors, types
from openai.types import embedding_create_params

import sdk_calls
import wire
from sdk_calls import (STATUSES, api_of, f32, inputs, positive, recording,
                       refusal, replay, shaped, strings)

MODELS = {
    "openai": "text-embedding-3-small", "azure": "embed-1",
    "azure-old": "embed-1", "mistral": "codestral-embed",
    "gemini": "gemini-embedding-001", "vertex": "gemini-embedding-001",
    "vertex-content": "gemini-embedding-2",
    "cohere": "embed-v4.0", "bedrock": "amazon.titan-embed-text-v2:0",
    "bedrock-cohere": "cohere.embed-multilingual-v3",
    "bedrock-v1": "amazon.titan-embed-text-v1",
    "ollama": "all-minilm", "voyage": "voyage-3.5", "jina": "jina-v3",
    "tei": "bge-small"}
NAMES = [n for n in MODELS if n != "bedrock-v1"]
ONE = ("bedrock", "vertex-content")     # that take one input a request

TEXTS = ["Hello \u00e9\u4e2d\U0001f600 \"q\" \\ \n\t\u2028 end", "two", "3"]
VECTORS = [[0.1, -2.5e-05, 1, 0], [-0.018445116, 3.4028235e+38, 1e-40, -1],
           [0.020920176059007645, 0.3333333333333333, -7.006492e-45, 123456.7]]
TOKENS = 17

# the same in each provider's words: of a query
QUERY = {"gemini": "RETRIEVAL_QUERY", "vertex": "RETRIEVAL_QUERY",
         "vertex-content": "RETRIEVAL_QUERY", "cohere": "search_query",
         "bedrock-cohere": "search_query", "voyage": "query",
         "jina": "retrieval.query"}


# --- requests of a provider, by its rules ---------------------------------
def openai_request(out, request, body, model, path="/v1/embeddings"):
    wire.expect(out, "path", request["path"], path)
    wire.fits(out, embedding_create_params.EmbeddingCreateParams, body, "body")
    wire.expect(out, "model", body.get("model"), model)


def azure_request(out, request, body, model):
    openai_request(out, request, body, model, "/openai/v1/embeddings")


def azure_old_request(out, request, body, model):
    openai_request(out, request, body, model, "/openai/deployments/%s/"
                   "embeddings?api-version=2024-10-21" % model)


def mistral_request(out, request, body, model):
    wire.expect(out, "path", request["path"], "/v1/embeddings")
    shaped(out, body, _model=[model], output_dimension=positive,
           _input=lambda v: type(v) is str or strings(v),
           output_dtype=["float", "int8", "uint8", "binary", "ubinary"],
           encoding_format=["float", "base64"])


def voyage_request(out, request, body, model):
    wire.expect(out, "path", request["path"], "/v1/embeddings")
    shaped(out, body, _model=[model], output_dimension=positive,
           _input=lambda v: type(v) is str or strings(v),
           input_type=["query", "document"], truncation=bool,
           output_dtype=["float", "int8", "uint8", "binary", "ubinary"],
           encoding_format=["base64"])


def jina_request(out, request, body, model):
    wire.expect(out, "path", request["path"], "/v1/embeddings")
    shaped(out, body, _model=[model], dimensions=positive,
           _input=lambda v: type(v) is str or strings(v), truncate=bool,
           task=["retrieval.query", "retrieval.passage", "text-matching",
                 "classification", "separation"],
           embedding_type=["float", "base64", "binary", "ubinary"])


def tei_request(out, request, body, model):
    wire.expect(out, "path", request["path"], "/v1/embeddings")
    shaped(out, body, model=[model], _input=inputs, user=str,
           dimensions=positive, encoding_format=["float", "base64"])


def gemini_content(out, body, where="body", **more):
    shaped(out, body, where, _content=dict, title=str,
           taskType=["RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "CLUSTERING",
                     "SEMANTIC_SIMILARITY", "CLASSIFICATION"],
           outputDimensionality=positive, **more)
    wire.model_fits(out, "Content", body.get("content"), where + ".content")


def gemini_request(out, request, body, model):
    path, verb = request["path"].split(":")
    wire.expect(out, "path", path, "/v1beta/models/" + model)
    if verb == "embedContent":
        return gemini_content(out, body, _model=["models/" + model])
    wire.expect(out, "verb", verb, "batchEmbedContents")
    shaped(out, body, _requests=list)
    for i, one in enumerate(body["requests"]):
        gemini_content(out, one, "requests[%d]" % i,
                       _model=["models/" + model])


def vertex_request(out, request, body, model):
    wire.expect(out, "path", request["path"],
                "/v1/publishers/google/models/%s:predict" % model)
    shaped(out, body, _instances=list, parameters=dict)
    shaped(out, body.get("parameters") or {}, "parameters",
           outputDimensionality=positive, autoTruncate=bool)
    for i, one in enumerate(body["instances"]):
        shaped(out, one, "instances[%d]" % i, _content=str, title=str,
               task_type=["RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT"])


def vertex_content_request(out, request, body, model):
    wire.expect(out, "path", request["path"],
                "/v1/publishers/google/models/%s:embedContent" % model)
    gemini_content(out, body, autoTruncate=bool)


COHERE = {n: p.annotation for n, p in inspect.signature(
    cohere.ClientV2.embed).parameters.items()
    if n not in ("self", "request_options")}


def cohere_request(out, request, body, model):
    wire.expect(out, "path", request["path"], "/v2/embed")
    wire.expect(out, "model", body.get("model"), model)
    cohere_types(out, body, ("model", "input_type", "embedding_types"))


def cohere_types(out, body, need):
    for name in set(need) - set(body):
        out.append("no %s" % name)
    wire.expect(out, "lists", len({"texts", "images", "inputs"} & set(body)),
                1)
    for name, value in body.items():
        if name not in COHERE:
            out.append("unknown field %s" % name)
            continue
        try:
            pydantic.TypeAdapter(COHERE[name]).validate_python(value,
                                                               strict=True)
        except pydantic.ValidationError as e:
            out.append("%s: %.200s" % (name, e))
    if body.get("input_type") not in typing.get_args(
            typing.get_args(COHERE["input_type"])[0]):
        out.append("input_type is %r" % body.get("input_type"))


def invoke(out, request, model):
    wire.expect(out, "path", request["path"],
                "/model/%s/invoke" % model.replace(":", "%3A"))


def bedrock_request(out, request, body, model):
    invoke(out, request, model)
    shaped(out, body, _inputText=str, dimensions=positive, normalize=bool)


def bedrock_cohere_request(out, request, body, model):
    invoke(out, request, model)
    cohere_types(out, body, ("input_type",))
    if "model" in body:
        out.append("the model is in the body")


def ollama_request(out, request, body, model):
    """From OpenAI's clients in the API that it has for them."""
    if request["path"] != "/api/embed":
        return openai_request(out, request, body, model)
    unknown = set(body) - set(ollama._types.EmbedRequest.model_fields)
    wire.expect(out, "unknown fields", unknown, set())
    wire.expect(out, "model", body.get("model"), model)
    ollama._types.EmbedRequest.model_validate(body, strict=True)


CHECKS = {"openai": openai_request, "azure": azure_request,
          "azure-old": azure_old_request, "mistral": mistral_request,
          "gemini": gemini_request, "vertex": vertex_request,
          "vertex-content": vertex_content_request, "cohere": cohere_request,
          "bedrock": bedrock_request,
          "bedrock-cohere": bedrock_cohere_request, "ollama": ollama_request,
          "voyage": voyage_request, "jina": jina_request, "tei": tei_request}


def told(body):
    """What a provider was told, in whatever words: (inputs, single, size,
    purpose, truncation)."""
    single = False
    parameters = body.get("parameters", {})
    one = body
    if "instances" in body:
        found = [i["content"] for i in body["instances"]]
        one = body["instances"][0]
    elif "requests" in body:
        found = [r["content"]["parts"][0]["text"] for r in body["requests"]]
        one = body["requests"][0]
    elif "content" in body:
        found, single = [body["content"]["parts"][0]["text"]], True
    elif "inputText" in body:
        found, single = [body["inputText"]], True
    elif "texts" in body:
        found = body["texts"]
    else:
        found = body["input"]
        if isinstance(found, str):
            found, single = [found], True
    return (found, single, pick(one, parameters, (
        "dimensions", "output_dimension", "outputDimensionality")),
        pick(one, parameters, ("task_type", "taskType", "input_type", "task")),
        pick(body, parameters, ("truncate", "truncation", "autoTruncate")))


def pick(body, parameters, names):
    for name in names:
        for where in (body, parameters):
            if where.get(name) is not None:
                return where[name]
    return None


# --- answers of providers -------------------------------------------------
def said(name, vectors, as_base64=False, order=-1):
    """In the provider's words; OpenAI's in another order, too."""
    api = api_of(name)
    if name == "bedrock":
        return {"embedding": vectors[0], "inputTextTokenCount": TOKENS}
    if name == "bedrock-cohere":
        return {"id": "e1", "response_type": "embeddings_floats",
                "embeddings": vectors, "texts": ["x"] * len(vectors)}
    if name == "vertex-content":
        return {"embedding": {"values": vectors[0]},
                "usageMetadata": {"promptTokenCount": TOKENS,
                                  "totalTokenCount": TOKENS}}
    if api == "vertex":
        return {"predictions": [{"embeddings": {
            "values": v, "statistics": {
                "truncated": False, "token_count":
                TOKENS - len(vectors) + 1 if i == 0 else 1}}}
            for i, v in enumerate(vectors)]}
    if api == "gemini":
        return {"embeddings": [{"values": v} for v in vectors],
                "usageMetadata": {"promptTokenCount": TOKENS}}
    if api == "cohere":
        return {"id": "e1", "response_type": "embeddings_by_type",
                "embeddings": {"float": vectors}, "texts": [],
                "meta": {"api_version": {"version": "2"},
                         "billed_units": {"input_tokens": float(TOKENS)}}}
    if api == "ollama":
        return {"model": "all-minilm", "embeddings": vectors,
                "total_duration": 14143917, "load_duration": 1019500,
                "prompt_eval_count": TOKENS}
    usage = {"prompt_tokens": TOKENS, "total_tokens": TOKENS}
    if api == "voyage":
        del usage["prompt_tokens"]
    return {"object": "list", "model": "m-1", "usage": usage, "data": [
        {"object": "embedding", "index": i, "embedding":
         packed(v) if as_base64 else v}
        for i, v in list(enumerate(vectors))[::order]]}


def packed(vector):
    return base64.b64encode(struct.pack("<%df" % len(vector),
                                        *vector)).decode()


def counted(name):
    return 0 if name == "bedrock-cohere" else TOKENS


# --- clients --------------------------------------------------------------
class Openai:
    """By default it asks for base64, and decodes it."""
    name = "openai"
    api = "openai.embeddings"
    extra = {}
    field = "input"

    def sdk(self, c):
        self.sent = None
        self.http = openai.DefaultHttpxClient(
            event_hooks={"request": [self.remember]}, trust_env=False,
            verify=False)
        return openai.OpenAI(
            base_url=os.environ["GATEWAY"] + c.place + "/v1", max_retries=0,
            api_key=wire.CLIENT_KEY, timeout=30, http_client=self.http)

    def remember(self, request):
        self.url = str(request.url)
        self.sent = request.content

    def embed(self, c, texts, **more):
        """(vectors, tokens)"""
        r = self.sdk(c).embeddings.create(
            model=c.model, input=texts, **self.extra, **more)
        c.expect("indices", [d.index for d in r.data],
                 list(range(len(r.data))))
        c.ok("model", r.model, r)
        c.expect("total", r.usage.total_tokens, r.usage.prompt_tokens)
        return [d.embedding for d in r.data], r.usage.prompt_tokens

    def tuned(self, c, texts):
        return self.embed(c, texts, dimensions=4, user="u-1")

    purpose = truncate = None

    def refused(self, c, status, ask):
        """The parameter that is to blame."""
        kind = {400: openai.BadRequestError, 404: openai.NotFoundError,
                429: openai.RateLimitError}.get(status,
                                                openai.InternalServerError)
        try:
            ask()
        except openai.APIStatusError as e:
            c.expect("class", type(e), kind)
            c.expect("status", e.status_code, status)
            c.ok("body", e.body and e.body["message"] and e.body["type"],
                 e.body)
            return e.body.get("param")
        c.problems.append("no error")


class Floats(Openai):
    name = "floats"
    extra = {"encoding_format": "float"}


class Genai(sdk_calls.Google):
    name = "genai"
    api = "gemini.batch_embed"
    field = "requests"

    def embed(self, c, texts, **config):
        r = self.sdk().embed_content(
            model=c.model, contents=[types.Content(
                parts=[types.Part(text=t)]) for t in texts]
            if isinstance(texts, list) else texts,
            config=types.EmbedContentConfig(http_options=self.at(c),
                                            **config))
        return [e.values for e in r.embeddings], None

    def tuned(self, c, texts):
        return self.embed(c, texts, output_dimensionality=4,
                          task_type="RETRIEVAL_QUERY")

    purpose, truncate = "query", None

    def refused(self, c, status, ask):
        try:
            ask()
        except errors.APIError as e:
            c.expect("status", e.code, status)
            c.ok("message", e.message, e)
            return ([v["field"] for d in e.details["error"].get("details", [])
                     for v in d.get("fieldViolations", [])] or [None])[0]
        c.problems.append("no error")


class Single(Genai):
    """embedContent, which the SDK has for Vertex only."""
    name = "single"
    api = "gemini.embed"
    field = "content"

    def embed(self, c, texts, **config):
        if isinstance(texts, list):
            texts = texts[0]
        self.sent = json.dumps(dict({
            "model": "models/" + c.model,
            "content": {"parts": [{"text": texts}]}}, **config)).encode()
        self.url = "%s%s/v1beta/models/%s:embedContent" % (
            os.environ["GATEWAY"], c.place, c.model)
        r = httpx.post(self.url, content=self.sent, trust_env=False,
                       verify=False,
                       headers={"x-goog-api-key": wire.CLIENT_KEY})
        if r.status_code != 200:
            raise errors.APIError(r.status_code, r.json())
        values = types.ContentEmbedding.model_validate(r.json()["embedding"])
        return [values.values], r.json().get(
            "usageMetadata", {}).get("promptTokenCount")

    def tuned(self, c, texts):
        return self.embed(c, texts, taskType="RETRIEVAL_QUERY",
                          outputDimensionality=4)


class Cohere:
    name = "cohere"
    api = "cohere.embed"
    field = "texts"

    def remember(self, request):
        self.url = str(request.url)
        self.sent = request.content

    def sdk(self, c):
        self.http = httpx.Client(trust_env=False, verify=False, timeout=30,
                                 event_hooks={"request": [self.remember]})
        return cohere.ClientV2(wire.CLIENT_KEY, max_retries=0,
                               base_url=os.environ["GATEWAY"] + c.place,
                               httpx_client=self.http)

    def embed(self, c, texts, **more):
        request = dict({"model": c.model, "input_type": "search_document",
                        "embedding_types": ["float"], "texts": texts if
                        isinstance(texts, list) else [texts]}, **more)
        r = self.sdk(c).embed(**request)
        c.ok("id", r.id, r)
        units = r.meta and r.meta.billed_units
        return r.embeddings.float_, int(units.input_tokens) if units \
            and units.input_tokens is not None else None

    def tuned(self, c, texts):
        return self.embed(c, texts, input_type="search_query",
                          output_dimension=4, truncate="NONE")

    purpose, truncate = "query", False

    def refused(self, c, status, ask):
        try:
            ask()
        except cohere.core.ApiError as e:
            c.expect("status", e.status_code, status)
            c.ok("message", e.body.get("message"), e.body)
            return e.body["message"]
        c.problems.append("no error")


class Ollama:
    name = "ollama"
    api = "ollama.embed"
    field = "input"

    def remember(self, request):
        self.url = str(request.url)
        self.sent = request.content

    def sdk(self, c):
        self.client = ollama.Client(
            host=os.environ["GATEWAY"] + c.place, trust_env=False, timeout=30,
            verify=False,
            headers={"Authorization": "Bearer " + wire.CLIENT_KEY},
            event_hooks={"request": [self.remember]})
        return self.client

    def embed(self, c, texts, **more):
        r = self.sdk(c).embed(model=c.model, input=texts, **more)
        c.ok("model", r.model, r)
        return [list(v) for v in r.embeddings], r.prompt_eval_count

    def tuned(self, c, texts):
        return self.embed(c, texts, dimensions=4, truncate=True)

    purpose, truncate = None, True

    def refused(self, c, status, ask):
        try:
            ask()
        except ollama.ResponseError as e:
            c.expect("status", e.status_code, status)
            c.ok("message", e.error, e)
            return e.error
        c.problems.append("no error")


CLIENTS = [Openai(), Floats(), Genai(), Single(), Cohere(), Ollama()]


class Case(sdk_calls.Case):
    models = MODELS
    checks = CHECKS
    operation = "embeddings"

    def vectors(self, got, want):
        self.expect("vectors", [f32(v) for v in got], [f32(v) for v in want])


def many(name, client):
    return 1 if name in ONE or client.name == "single" else 3


def words(name, client, vectors):
    """What the provider says to what this client makes it be asked."""
    api = api_of(name)
    if api == "ollama" and client.name != "ollama":
        api = name = "openai"
    own = client.name in ("openai", "floats")
    body = said(name, vectors, client.name == "openai" and api in (
        "openai", "azure", "mistral", "voyage", "jina", "tei"),
        1 if own and api in ("openai", "azure", "tei") else -1)
    if client.name == "single" and "embeddings" in body \
            and name == "gemini":
        body["embedding"] = body.pop("embeddings")[0]
    return {"json": body}


# --- tests ----------------------------------------------------------------
def test_lists():
    for name in NAMES:
        for client in CLIENTS:
            n = many(name, client)
            with Case("%d inputs of %s" % (n, client.name), name) as c:
                c.answers(words(name, client, VECTORS[:n]))
                got, tokens = client.embed(c, TEXTS[:n])
                c.vectors(got, VECTORS[:n])
                if tokens is not None:
                    c.expect("tokens", tokens, counted(name))
                c.logged(client.api, counted(name) or None)
                found = told(c.got())
                c.expect("inputs", found[0], TEXTS[:n])


def test_one_text():
    """A text that is in no list."""
    for name in NAMES:
        for client in CLIENTS:
            with Case("a text of %s" % client.name, name) as c:
                c.answers(words(name, client, VECTORS[1:2]))
                got, tokens = client.embed(c, TEXTS[0])
                c.vectors(got, VECTORS[1:2])
                c.logged(client.api, counted(name) or None)
                c.expect("inputs", told(c.got())[0], TEXTS[:1])


def test_tuned():
    """Size, purpose, what becomes of long texts."""
    for name in NAMES:
        for client in CLIENTS:
            with Case("size and purpose of %s" % client.name, name) as c:
                c.answers(words(name, client, VECTORS[:1]))
                got, tokens = client.tuned(c, TEXTS[:1])
                c.vectors(got, VECTORS[:1])
                body = c.got()
                _, _, size, purpose, truncate = told(body)
                c.expect("size", size, 4)
                want = QUERY.get(name) if client.purpose else None
                if name in ("cohere", "bedrock-cohere"):
                    want = want or "search_document"
                c.expect("purpose", purpose, want)
                if name in ("voyage", "jina", "vertex"):
                    c.expect("truncation", truncate, client.truncate)


RECORDED = [
    ("openai", "openai--embeddings-dimensions.response.json"),
    ("cohere", "cohere--TestCohere.test_query.response.json"),
    ("vertex", "vertex--TestGoogle.test_vertex_query.response.json"),
    ("vertex-content", "vertex--google_task_prefix_vertex.response.json"),
    ("voyage", "voyage--TestVoyageAI.test_documents.response.json"),
    ("bedrock-cohere", "bedrock--agw-cohere-embeddings.response.json"),
    ("bedrock", "bedrock--agw-titan-embeddings.response.json")]


def reading(body):
    """A recording's (vectors, tokens or None), by hand."""
    if "data" in body:
        found = [d["embedding"] for d in sorted(body["data"],
                                                key=lambda d: d["index"])]
        found = [list(struct.unpack("<%df" % (len(b) // 4), b))
                 for b in map(base64.b64decode, found)]
        return found, body["usage"]["total_tokens"]
    if "predictions" in body:
        found = [p["embeddings"] for p in body["predictions"]]
        return ([f["values"] for f in found],
                sum(f["statistics"]["token_count"] for f in found))
    if "embedding" in body:
        found = body["embedding"]
        if isinstance(found, list):
            return [found], body["inputTextTokenCount"]
        return [found["values"]], body.get("usageMetadata", {}).get(
            "promptTokenCount")
    found = body["embeddings"]
    tokens = body.get("meta", {}).get("billed_units", {}).get(
        "input_tokens")
    return (found["float"] if isinstance(found, dict) else found,
            int(tokens) if tokens else None)


def test_recordings():
    for name, file in RECORDED:
        data, body = recording("embeddings", file)
        want, counted_there = reading(body)
        for client in CLIENTS:
            if client.name == "single" and len(want) > 1:
                continue
            if name == "openai" and client.name == "floats":
                continue            # the recorded one had asked for base64
            with Case("recorded, %s" % client.name, name) as c:
                c.answers(replay(data))
                got, tokens = client.embed(c, TEXTS[:len(want)])
                c.vectors(got, want)
                c.logged(client.api, counted_there)
                c.got()


def test_pass():
    """Between ends of one API nothing changes."""
    pairs = [("openai", Openai(), said("openai", VECTORS, True, 1)),
             ("openai", Floats(), said("openai", VECTORS, False, 1)),
             ("cohere", Cohere(), said("cohere", VECTORS)),
             ("ollama", Ollama(), said("ollama", VECTORS))]
    for name, client, body in pairs:
        with Case("bytes of %s" % client.name, name) as c:
            text = json.dumps(body, indent=1)
            c.answers(replay(text.encode()))
            client.tuned(c, TEXTS)
            found = c.ledger()
            c.expect("request", [f["body"].encode() for f in found],
                     [client.sent])
            c.logged(client.api, TOKENS)
            r = httpx.post(client.url, content=client.sent, trust_env=False,
                           verify=False,
                           headers={"Content-Type": "application/json"})
            c.expect("answer", r.text, text)


def test_slashes():
    """Base64 as some JSON libraries spell it."""
    vector = [-1.5e-38, 0.1, -2.0e+38, 1 / 3]
    for name, client in [("voyage", k) for k in CLIENTS] + [
            ("openai", CLIENTS[0])]:
        with Case("escaped slashes for %s" % client.name, name) as c:
            text = json.dumps(said(name, [vector], True))
            c.ok("slashes", "/" in text)
            c.answers(replay(text.replace("/", "\\/").encode()))
            c.vectors(client.embed(c, TEXTS[:1])[0], [vector])


def test_tokens():
    """Lists of tokens: who takes them, and who says that he does not."""
    takes = ("openai", "azure", "azure-old", "tei", "ollama")
    for name in NAMES:
        for what in ([1, 2, 3], [[1, 2], [3]]):
            n = 1 if type(what[0]) is int else 2
            if n == 2 and name in ONE:
                continue
            with Case("tokens of %d inputs" % n, name) as c:
                client = CLIENTS[0]
                c.answers(words(name, client, VECTORS[:n]))
                if name in takes:
                    got, _ = client.embed(c, what)
                    c.vectors(got, VECTORS[:n])
                    c.logged(client.api, TOKENS)
                    c.expect("input", c.got()["input"], what)
                    continue
                c.expect("parameter", client.refused(
                    c, 400, lambda: client.embed(c, what)), "input")
                c.logged(client.api, 0, 400)
                c.nothing_got()


def test_unable():
    """What a provider cannot do is told in the client's words."""
    for name in ONE:
        for client in CLIENTS:
            if client.name == "single":
                continue
            with Case("many inputs of %s" % client.name, name) as c:
                c.answers({"json": {}})
                named(c, client, client.field,
                      lambda: client.embed(c, TEXTS[:2]))
    sizes = {"openai": "dimensions", "floats": "dimensions",
             "genai": "outputDimensionality", "ollama": "dimensions",
             "single": "outputDimensionality", "cohere": "output_dimension"}
    for client in CLIENTS:
        with Case("size of %s" % client.name, "bedrock-v1") as c:
            c.answers({"json": {}})
            named(c, client, sizes[client.name],
                  lambda: client.tuned(c, TEXTS[:1]))
    cohere_ = Cohere()
    for name in ("openai", "gemini", "ollama", "bedrock"):
        for kinds in (["int8"], ["float", "int8"]):
            with Case("vectors of %s" % kinds, name) as c:
                c.answers({"json": {}})
                named(c, cohere_, "embedding_types", lambda: cohere_.embed(
                    c, TEXTS[:1], embedding_types=kinds))
        with Case("an image", name) as c:
            c.answers({"json": {}})
            named(c, cohere_, "images", lambda: cohere_.sdk(c).embed(
                model=c.model, input_type="image", embedding_types=["float"],
                images=["data:image/png;base64,aGVsbG8="])
                if name != "gemini" else cohere_.sdk(c).embed(
                    model=c.model, input_type="image",
                    embedding_types=["float"], images=["https://x.test/a"]))


def named(c, client, field, ask):
    found = client.refused(c, 400, ask)
    c.ok("field %s" % field, found and re.search(
        r"\b%s\b" % field, found), found)
    c.logged(client.api, 0, 400)
    c.nothing_got()


def test_bad():
    """Requests that no provider sees."""
    for name in ("openai", "gemini"):
        for request, param in (
                ({"model": "m"}, "input"), ({"model": "m", "input": []},
                                            "input"),
                ({"model": "m", "input": 5}, "input"),
                ({"model": "m", "input": ["a", 5]}, "input"),
                ({"model": "m", "input": "a", "dimensions": "x"},
                 "dimensions"),
                ({"model": "m", "input": "a", "encoding_format": "hex"},
                 "encoding_format"), ({"input": "a"}, "model")):
            with Case("bad %s" % json.dumps(request), name) as c:
                c.answers({"json": {}})
                r = httpx.post(os.environ["GATEWAY"] + c.place
                               + "/v1/embeddings", json=request,
                               trust_env=False, verify=False)
                c.expect("status", r.status_code, 400)
                c.ok("parameter", str(r.json()["error"]["param"]).startswith(
                    param), r.text)
                c.logged("openai.embeddings", 0, 400)
                c.nothing_got()


def test_errors():
    for name, client in [(n, CLIENTS[0]) for n in NAMES] + [
            ("openai", k) for k in CLIENTS[2:]]:
        for status, seen in STATUSES.items():
            with Case("%d, %s" % (status, client.name), name,
                      "/%s-%d-%s" % (name, status, client.name)) as c:
                c.answers(refusal(name, status))
                client.refused(c, seen, lambda: client.embed(c, TEXTS[:1]))
                c.logged(client.api, 0, seen)
                c.got()


def test_answers_that_are_none():
    """A 200 whose vectors are not what was asked for."""
    wrong = [{"data": []}, {"data": [{"index": 0, "embedding": [1, "x"]}]},
             {"data": [{"index": 7, "embedding": [1]}]},
             {"data": [{"index": 0, "embedding": [1]}] * 2},
             {"data": [{"index": 0, "embedding": "????"}]}, {}]
    client = CLIENTS[1]
    for i, body in enumerate(wrong):
        for name in ("openai", "voyage"):
            with Case("wrong answer %d" % i, name, "/%s-wrong-%d" % (
                    name, i)) as c:
                c.answers({"json": body})
                client.refused(c, 502, lambda: client.embed(c, TEXTS[:1]))
                c.logged(client.api, 0, 502)


def test_failover():
    """The next one is of another API and has a model of another name."""
    for second in ("gemini", "cohere", "voyage"):
        for client in CLIENTS:
            n = many(second, client)
            with Case("fails, %s is asked by %s" % (second, client.name),
                      "openai", "/to-%s-%s" % (second, client.name)) as c:
                c.model = "any"
                c.rules([{"match": {"path": "/v1/embeddings",
                                    "body": MODELS["openai"]},
                          "reply": refusal("openai", 500)},
                         {"match": {}, "reply": words(
                             second, client, VECTORS[:n])}])
                got, _ = client.embed(c, TEXTS[:n])
                c.vectors(got, VECTORS[:n])
                c.logged(client.api, TOKENS)
                found = c.ledger()
                c.expect("requests", len(found), 2)
                c.checked("openai", found[0])
                c.checked(second, found[1])


def test_none():
    """A provider without vectors; in a route it is passed by."""
    for client in CLIENTS:
        with Case("none for %s" % client.name, "anthropic") as c:
            c.model = "m"
            c.answers({"json": {}})
            client.refused(c, 400, lambda: client.embed(c, TEXTS[:1]))
            c.logged(client.api, 0, 400)
            c.nothing_got()
        with Case("passed by for %s" % client.name, "gemini",
                  "/past-anthropic") as c:
            c.model = "any"
            c.answers(words("gemini", client, VECTORS[:1]))
            c.vectors(client.embed(c, TEXTS[:1])[0], VECTORS[:1])
            c.logged(client.api, TOKENS)
            c.got()


# --- millions of numbers --------------------------------------------------
ROWS, COLUMNS = 2048, 1536


def write_large(path, api):
    """Less than 20 MB; 61 rows that differ, again and again."""
    rows = [[(i * 7 + k * 13) % 900 / 1000 + 0.1 for k in range(COLUMNS)]
            for i in range(61)]
    texts = ["[%s]" % ",".join("%.3f" % v for v in r) for r in rows]
    rows = [json.loads(t) for t in texts]
    if api == "openai":
        texts = ['"%s"' % packed(r) for r in rows]
    texts = [texts[i % 61] if api == "cohere" else
             '{"index":%d,"embedding":%s}' % (i, texts[i % 61])
             for i in range(ROWS)]
    start, end = {"cohere": ('{"id":"e1","embeddings":{"float":[', "]}}")}.get(
        api, ('{"object":"list","data":[', '],"model":"m-1","usage":{'
              '"prompt_tokens":9,"total_tokens":9}}'))
    with open(path, "w") as f:
        f.write(start + ", ".join(texts) + end)
    return [rows[i % 61] for i in (0, 1, ROWS - 1)]


def pings(end, pipe):
    """Another client of the worker: the longest that it waits."""
    worst, n = 0, 0
    port = urllib.parse.urlparse(os.environ["GATEWAY"]).port
    with socket.create_connection(("127.0.0.1", port)) as s:
        while not end.is_set():
            start = time.monotonic()
            s.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
            if not s.recv(4096):
                break
            worst = max(worst, time.monotonic() - start)
            n += 1
            if n % 900 == 0:        # keepalive_requests
                s.close()
                s = socket.create_connection(("127.0.0.1", port))
            time.sleep(0.001)
    pipe.send((worst, n))


def meanwhile(what):
    """(its value, seconds, the longest wait of another client)"""
    end = multiprocessing.Event()
    here, there = multiprocessing.Pipe()
    other = multiprocessing.Process(target=pings, args=(end, there))
    other.start()
    start = time.monotonic()
    try:
        value = what()
    finally:
        took = time.monotonic() - start
        end.set()
    worst, n = here.recv()
    other.join()
    return value, took, worst


def test_large():
    notes = ["nobody: %.0f ms" % (1000 * meanwhile(
        lambda: time.sleep(1))[2])]
    for name, client in (("mistral", Openai()), ("openai", Openai()),
                         ("cohere", Ollama())):
        with Case("%d x %d numbers" % (ROWS, COLUMNS), name) as c:
            path = os.path.join(os.environ["TESTDIR"], "large-" + name)
            want = write_large(path, name)
            c.answers({"file": path, "headers": {
                "Content-Type": "application/json"}})
            r, took, worst = meanwhile(lambda: large(c, client))
            notes.append("%s: %.1f s, others wait %.0f ms of it, %d bytes to "
                         "%d" % (name, took, 1000 * worst,
                                 os.path.getsize(path), len(r.content)))
            c.expect("status", r.status_code, 200)
            body = r.json()
            found = body.get("embeddings") or [
                d["embedding"] for d in body["data"]]
            c.expect("number", len(found), ROWS)
            found = [found[i] for i in (0, 1, ROWS - 1)]
            if isinstance(found[0], str):
                found = [list(struct.unpack("<%df" % COLUMNS,
                                            base64.b64decode(f)))
                         for f in found]
            c.vectors(found, want)
            c.ok("others do not starve", worst < 2, worst)
            c.logged(client.api, None if name == "cohere" else 9)
    with open(os.path.join(os.environ["TESTDIR"], "large.txt"), "w") as f:
        f.write("\n".join(notes))


def large(c, client):
    body = {"model": c.model, "input": ["text %d" % i for i in range(ROWS)]}
    if client.name == "openai":
        body["encoding_format"] = "base64"
    return httpx.post("%s%s%s" % (
        os.environ["GATEWAY"], c.place, "/api/embed"
        if client.name == "ollama" else "/v1/embeddings"), json=body,
        trust_env=False, verify=False, timeout=60)


if __name__ == "__main__":
    sdk_calls.main(globals())
