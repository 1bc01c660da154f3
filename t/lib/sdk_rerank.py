#!/usr/bin/env python3
"""Rerank: what programs with Cohere's SDK, and those that speak as Jina's,
Voyage's and TEI's do, get through the gateway.

Environment and output as of t/lib/sdk_calls.py; places as in sdk_embed.py.
"""

import json
import os

import cohere
import httpx

import sdk_calls
import wire
from sdk_calls import (STATUSES, api_of, positive, recording, refusal, replay,
                       shaped, strings)

MODELS = {
    "cohere": "rerank-v3.5", "jina": "jina-reranker-v2-base-multilingual",
    "voyage": "rerank-2.5", "together": "Salesforce/Llama-Rank-v1",
    "vllm": "BAAI/bge-reranker-v2-m3", "openai_compatible": "bge",
    "tei": "bge", "bedrock": "cohere.rerank-v3-5:0",
    "bedrock-amazon": "amazon.rerank-v1:0"}
NAMES = list(MODELS)

QUERY = "What \u00e9\u4e2d\U0001f600 \"q\" \\ \n\u2028?"
TEXTS = ["zero", "one \u00e9 \"q\" \\ \n", "two", "three"]
# as the provider spells them, best first
RANKS = [(2, "0.98712340000001"), (0, "1.5e-1"), (3, "0.15"), (1, "-3.25")]
TOKENS = 23


# --- requests of a provider, by its rules ---------------------------------
def documents(out, request, body, path, model, **more):
    wire.expect(out, "path", request["path"], path)
    if model:
        more["_model"] = [model]
    shaped(out, body, _query=str, _documents=strings, **more)
    top = body.get("top_n", body.get("top_k"))
    if top is not None and top > len(body["documents"]):
        out.append("%d of %d" % (top, len(body["documents"])))


def cohere_request(out, request, body, model):
    documents(out, request, body, "/v2/rerank", model, top_n=positive,
              max_tokens_per_doc=positive, priority=int)


def jina_request(out, request, body, model):
    documents(out, request, body, "/v1/rerank", model, top_n=positive,
              return_documents=bool)


def voyage_request(out, request, body, model):
    documents(out, request, body, "/v1/rerank", model, top_k=positive,
              return_documents=bool, truncation=bool)


def openai_request(out, request, body, model):
    documents(out, request, body, "/v1/rerank", model, top_n=positive,
              return_documents=bool, instruction=str)


def tei_request(out, request, body, model):
    wire.expect(out, "path", request["path"], "/rerank")
    shaped(out, body, _query=str, _texts=strings, raw_scores=bool,
           return_text=bool, truncate=bool, truncation_direction=str)


def bedrock_request(out, request, body, model):
    documents(out, request, body, "/model/%s/invoke" % model.replace(
        ":", "%3A"), None, top_n=positive, max_tokens_per_doc=positive,
        _api_version=[2])


def amazon_request(out, request, body, model):
    documents(out, request, body, "/model/%s/invoke" % model.replace(
        ":", "%3A"), None, top_n=positive)


CHECKS = {"cohere": cohere_request, "jina": jina_request,
          "voyage": voyage_request, "together": openai_request,
          "vllm": openai_request, "openai_compatible": openai_request,
          "tei": tei_request, "bedrock": bedrock_request,
          "bedrock-amazon": amazon_request}


# --- answers of providers -------------------------------------------------
def said(name, ranks):
    """With the numbers as they are spelled; TEI's and Bedrock's are not in
    order."""
    api = api_of(name)
    word = "score" if api == "tei" else "relevance_score"
    if api in ("tei", "bedrock"):
        ranks = sorted(ranks)
    found = "[%s]" % ", ".join('{"index": %d, "%s": %s}' % (i, word, s)
                               for i, s in ranks)
    usage = '"usage": {"total_tokens": %d}' % TOKENS
    text = {
        "cohere": '{"id": "r-1", "results": %s, "meta": {"api_version": '
                  '{"version": "2"}, "billed_units": {"search_units": 1}}}',
        "voyage": '{"object": "list", "data": %s, "model": "m-1", ' + usage
                  + "}",
        "tei": "%s", "bedrock": '{"results": %s}',
        "together": '{"id": "r-1", "object": "rerank", "model": "m-1", '
                    '"results": %s, "usage": {"prompt_tokens": 23, '
                    '"completion_tokens": 0, "total_tokens": 23}}',
    }.get(api, '{"id": "r-1", "model": "m-1", "results": %s, ' + usage + "}")
    return replay((text % found).encode())


def counted(name):
    return 0 if api_of(name) in ("cohere", "tei", "bedrock") else TOKENS


# --- clients --------------------------------------------------------------
class V2:
    """Cohere's SDK."""
    name = "v2"
    api = "cohere.rerank"
    top = "top_n"

    def make(self, c, kind):
        self.http = httpx.Client(trust_env=False, verify=False, timeout=30)
        return kind(wire.CLIENT_KEY, max_retries=0, httpx_client=self.http,
                    base_url=os.environ["GATEWAY"] + c.place)

    def rank(self, c, texts, **more):
        """([(index, score, document)], what else is said)"""
        r = self.make(c, cohere.ClientV2).rerank(
            model=c.model, query=QUERY, documents=texts, **more)
        return self.read(c, r)

    def read(self, c, r):
        c.ok("id", r.id, r)
        self.units = r.meta.billed_units and r.meta.billed_units.search_units
        return [(k.index, k.relevance_score, getattr(
            getattr(k, "document", None), "text", None)) for k in r.results]

    def refused(self, c, status, ask):
        try:
            ask()
        except cohere.core.ApiError as e:
            c.expect("status", e.status_code, status)
            c.ok("message", e.body.get("message"), e.body)
            return e.body["message"]
        c.problems.append("no error")


class V1(V2):
    """With its texts in the answer."""
    name = "v1"

    def rank(self, c, texts, **more):
        return self.read(c, self.make(c, cohere.Client).rerank(
            model=c.model, query=QUERY, documents=[
                {"text": t, "title": "x"} if i else t
                for i, t in enumerate(texts)], return_documents=True,
            rank_fields=["text"], **more))


class Refused(Exception):
    def __init__(self, r):
        super().__init__(r.text)
        self.r = r


class Raw:
    """Others are simple enough."""
    api = "cohere.rerank"
    units = None

    def post(self, c, **body):
        r = httpx.post(os.environ["GATEWAY"] + c.place + self.path,
                       json=body, trust_env=False, verify=False,
                       timeout=30, headers={
                           "Authorization": "Bearer " + wire.CLIENT_KEY})
        if r.status_code != 200:
            raise Refused(r)
        self.text = r.text
        return r.json()

    def refused(self, c, status, ask):
        try:
            ask()
        except Refused as e:
            c.expect("status", e.r.status_code, status)
            c.ok("message", e.r.json()["message"], e.r.text)
            return e.r.json()["message"]
        c.problems.append("no error")


class Jina(Raw):
    name = "jina"
    path = "/v1/rerank"
    top = "top_n"

    def rank(self, c, texts, **more):
        body = self.post(c, model=c.model, query=QUERY, documents=texts,
                         return_documents=True, **more)
        shaped(c.problems, body, "answer", _model=str, _results=list, id=str,
               meta=dict, usage=dict)
        return [(r["index"], r["relevance_score"], r["document"]["text"])
                for r in body["results"]]


class Voyage(Raw):
    """What its SDK sends and reads."""
    name = "voyage"
    path = "/v1/rerank"
    top = "top_k"

    def rank(self, c, texts, **more):
        body = self.post(c, **dict({
            "model": c.model, "query": QUERY, "documents": texts,
            "top_k": None, "truncation": True, "return_documents": True},
            **more))
        shaped(c.problems, body, "answer", _object=["list"], _data=list,
               _model=str, _usage=dict)
        c.expect("tokens", body["usage"]["total_tokens"], counted(c.api))
        return [(r["index"], r["relevance_score"], r["document"])
                for r in body["data"]]


class Tei(Raw):
    """No model: it has one."""
    name = "tei"
    path = "/rerank"
    top = None

    def rank(self, c, texts, **more):
        body = self.post(c, query=QUERY, texts=texts, return_text=True,
                         truncate=True, **dict({"model": c.model}, **more))
        c.ok("array", isinstance(body, list), body)
        return [(r["index"], r["score"], r["text"]) for r in body]


CLIENTS = [V2(), V1(), Jina(), Voyage(), Tei()]


class Case(sdk_calls.Case):
    models = MODELS
    checks = CHECKS
    operation = "rerank"

    def ranks(self, client, got, want, texts=TEXTS):
        self.expect("ranks", [g[:2] for g in got],
                    [(i, float(s)) for i, s in want])
        self.expect("documents", [g[2] for g in got], [
            None if client.name == "v2" else texts[i] for i, s in want])


# --- tests ----------------------------------------------------------------
def test_all():
    for name in NAMES:
        for client in CLIENTS:
            with Case("ranks for %s" % client.name, name) as c:
                c.answers(said(name, RANKS))
                c.ranks(client, client.rank(c, TEXTS), RANKS)
                if isinstance(client, V2):
                    c.expect("units", client.units,
                             1 if name == "cohere" else None)
                if isinstance(client, Raw):
                    c.ok("numbers as they were", all(
                        s in client.text for i, s in RANKS), client.text)
                c.logged(client.api, counted(name))
                body = c.got()
                c.expect("query", body["query"], QUERY)
                c.expect("texts", body.get("documents", body.get("texts")),
                         TEXTS)


def test_top():
    """A few; where a provider gives all of them, too, and more than all."""
    for name in NAMES:
        for client in CLIENTS[:4]:
            for top in (2, 9):
                with Case("%d of them for %s" % (top, client.name),
                          name) as c:
                    c.answers(said(name, RANKS if name == "tei"
                                   else RANKS[:top]))
                    got = client.rank(c, TEXTS, **{client.top: top})
                    c.ranks(client, got, RANKS[:top])
                    c.logged(client.api, counted(name))
                    body = c.got()
                    if name != "tei":
                        c.expect("number", body.get("top_n", body.get(
                            "top_k")), min(top, 4))


def test_recordings():
    for name, file in (
            ("cohere", "cohere--agw-rerank.json"),
            ("cohere", "cohere--vercel-cohere-reranking.1.json"),
            ("together", "together--vercel-togetherai-reranking.1.json"),
            ("voyage", "voyage--vercel-voyage-reranking.1.json"),
            ("bedrock", "bedrock--agw-rerank.json")):
        data, body = recording("rerank", file)
        want = [(r["index"], r.get("relevance_score", r.get(
            "relevanceScore"))) for r in body.get("results",
                                                  body.get("data"))]
        texts = TEXTS + ["four", "five"]
        usage = body.get("usage", {})
        tokens = usage.get("prompt_tokens", usage.get(
            "total_tokens", int(body.get("meta", {}).get("tokens", {}).get(
                "input_tokens", 0))))
        for client in CLIENTS[:3] + CLIENTS[4:]:
            with Case("recorded %s, %s" % (file.split(".")[0], client.name),
                      name) as c:
                c.answers(replay(data))
                c.ranks(client, client.rank(c, texts), want, texts)
                c.logged(client.api, tokens)
                c.got()


def test_settings():
    with Case("tokens of a document", "cohere") as c:
        c.answers(said("cohere", RANKS))
        CLIENTS[0].rank(c, TEXTS, max_tokens_per_doc=100)
        c.expect("limit", c.got()["max_tokens_per_doc"], 100)
    with Case("not to cut", "voyage") as c:
        c.answers(said("voyage", RANKS))
        CLIENTS[3].rank(c, TEXTS, truncation=False)
        c.expect("cut", c.got()["truncation"], False)
    with Case("long texts are cut", "tei") as c:
        c.answers(said("tei", RANKS))
        CLIENTS[0].rank(c, TEXTS)
        c.expect("cut", c.got()["truncate"], True)
    with Case("raw scores", "tei") as c:
        c.answers(said("tei", RANKS))
        CLIENTS[4].rank(c, TEXTS, raw_scores=True)
        c.expect("raw", c.got()["raw_scores"], True)
    with Case("an instruction", "vllm") as c:
        c.answers(said("vllm", RANKS))
        CLIENTS[2].rank(c, TEXTS, instruction="Find code.")
        c.expect("instruction", c.got()["instruction"], "Find code.")
    with Case("a client of one model", "tei") as c:
        c.answers(said("tei", RANKS))
        client = CLIENTS[4]
        r = httpx.post(os.environ["GATEWAY"] + "/tei-one/rerank", json={
            "query": QUERY, "texts": TEXTS}, trust_env=False,
            verify=False)
        c.expect("status", r.status_code, 200)
        c.ok("array", isinstance(r.json(), list), r.text)
        c.got()


def test_refused():
    """What cannot be had is named."""
    asked = [({"instruction": "x"}, "instruction", n)
             for n in ("cohere", "voyage", "tei", "bedrock")]
    asked += [({"raw_scores": True}, "raw_scores", n)
              for n in ("cohere", "vllm", "bedrock-amazon")]
    asked += [({"documents": []}, "documents", "cohere"),
              ({"documents": ["a", 5]}, "documents[1]", "cohere"),
              ({"documents": "a"}, "documents", "jina"),
              ({"documents": None}, "documents", "jina"),
              ({"query": None}, "query", "voyage"),
              ({"query": 5}, "query", "voyage"),
              ({"top_n": 0}, "top_n", "cohere"),
              ({"top_n": "x"}, "top_n", "cohere"),
              ({"top_n": 1, "top_k": 1}, "top_k", "cohere"),
              ({"model": None}, "model", "cohere"),
              ({"documents": [{"text": "a", "b": 1}], "rank_fields": ["b"]},
               "rank_fields", "cohere")]
    client = Raw()
    client.path = "/v1/rerank"
    for more, field, name in asked:
        with Case("refused: %s" % json.dumps(more), name) as c:
            c.answers(said(name, RANKS))
            body = dict({"model": c.model, "query": QUERY,
                         "documents": TEXTS}, **more)
            found = client.refused(c, 400, lambda: client.post(c, **{
                k: v for k, v in body.items() if v is not None}))
            c.ok("field %s" % field, found and field in found, found)
            c.logged("cohere.rerank", 0, 400)
            c.nothing_got()


def test_errors():
    for name, client in [(n, CLIENTS[0]) for n in NAMES] + [
            ("cohere", k) for k in CLIENTS[1:]]:
        for status, seen in STATUSES.items():
            with Case("%d, %s" % (status, client.name), name,
                      "/%s-%d-%s" % (name, status, client.name)) as c:
                c.answers(refusal(name, status))
                client.refused(c, seen, lambda: client.rank(c, TEXTS))
                c.logged(client.api, 0, seen)
                c.got()


def test_answers_that_are_none():
    for i, body in enumerate((
            {}, 5, {"results": {}}, {"results": [{"index": 9,
                                                      "relevance_score": 1}]},
            {"results": [{"index": 0, "relevance_score": "x"}]},
            {"results": [{"index": 0, "relevance_score": 1}] * 2})):
        with Case("wrong answer %d" % i, "cohere",
                  "/cohere-wrong-%d" % i) as c:
            c.answers(replay(json.dumps(body).encode()))
            CLIENTS[0].refused(c, 502, lambda: CLIENTS[0].rank(c, TEXTS))
            c.logged("cohere.rerank", 0, 502)


def test_failover():
    for second in ("voyage", "tei", "bedrock"):
        for client in CLIENTS:
            with Case("fails, %s is asked by %s" % (second, client.name),
                      "cohere", "/to-%s-%s" % (second, client.name)) as c:
                c.model = "any"
                c.api = second              # whose tokens are told
                c.rules([{"match": {"path": "/v2/rerank"},
                          "reply": refusal("cohere", 500)},
                         {"match": {}, "reply": said(second, RANKS)}])
                c.ranks(client, client.rank(c, TEXTS), RANKS)
                c.logged(client.api, counted(second))
                found = c.ledger()
                c.expect("requests", len(found), 2)
                c.checked("cohere", found[0])
                c.checked(second, found[1])


if __name__ == "__main__":
    sdk_calls.main(globals())
