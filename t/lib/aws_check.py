#!/usr/bin/env python3
"""Requests to Bedrock, checked by botocore: signature and shape.

    aws_check.py ACCESS SECRET TOKEN REGION <ledger lines

A line of JSON for each request of a mock's ledger: {"path", "op", "problems"}.
The signature is made anew by botocore from what the provider received, the
body is held against the model of the service.
"""

import datetime
import json
import re
import sys
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.loaders
import botocore.model
import botocore.validate

OPERATIONS = {"converse": "Converse", "converse-stream": "ConverseStream",
              "count-tokens": "CountTokens"}
SIGNED = re.compile(r"^AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/"
                    r"(?P<scope>[^,]+), SignedHeaders=(?P<names>[^,]+), "
                    r"Signature=(?P<signature>[0-9a-f]{64})$")


def service():
    data = botocore.loaders.Loader().load_service_model("bedrock-runtime",
                                                        "service-2")
    return botocore.model.ServiceModel(data)


def signature(request, head, found, keys, region):
    """What botocore signs, of the same request at the same time."""
    access, secret, token = keys
    names = found["names"].split(";")
    url = "http://%s%s" % (head["host"], request["path"])
    again = botocore.awsrequest.AWSRequest(
        method=request["method"], url=url, data=request["body"].encode())

    for name in names:
        if name not in ("host", "x-amz-date", "x-amz-security-token"):
            again.headers[name] = head[name]

    signer = botocore.auth.SigV4Auth(
        botocore.credentials.Credentials(access, secret, token or None),
        "bedrock", region)

    when = datetime.datetime.strptime(head["x-amz-date"], "%Y%m%dT%H%M%SZ")

    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return when

        @classmethod
        def now(cls, tz=None):
            return when.replace(tzinfo=tz)

    botocore.auth.datetime = type("module", (), {"datetime": Clock,
                                                 "timezone":
                                                 datetime.timezone})
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda *a, **k: when
    again.context["timestamp"] = head["x-amz-date"]
    signer.add_auth(again)
    return SIGNED.match(again.headers["Authorization"])["signature"]


def shape(model, op, request, body):
    """The body as parameters of the operation, by the service's model."""
    name = urllib.parse.unquote(request["path"].split("/")[2])
    report = botocore.validate.ParamValidator().validate(
        dict(body, modelId=name), model.operation_model(op).input_shape)
    return [report.generate_report()] if report.has_errors() else []


def check(model, request, keys, region):
    head = {k.lower(): v for k, v in request["headers"]}
    problems = []
    op = OPERATIONS.get(request["path"].rsplit("/", 1)[-1])

    found = SIGNED.match(head.get("authorization", ""))
    if not found:
        problems.append("authorization: %r" % head.get("authorization"))
    else:
        day = head["x-amz-date"][:8]
        scope = "%s/%s/bedrock/aws4_request" % (day, region)
        if (found["id"], found["scope"]) != (keys[0], scope):
            problems.append("scope: %s/%s" % (found["id"], found["scope"]))
        if head.get("x-amz-security-token", "") != keys[2]:
            problems.append("token: %r" % head.get("x-amz-security-token"))
        want = signature(request, head, found, keys, region)
        if found["signature"] != want:
            problems.append("signature: %s, botocore's is %s"
                            % (found["signature"], want))

    if op:
        problems += shape(model, op, request, json.loads(request["body"]))
    return {"path": request["path"], "op": op, "problems": problems}


def main():
    keys, region = sys.argv[1:4], sys.argv[4]
    model = service()
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("event", "request") == "request":
            print(json.dumps(check(model, request, keys, region)))


main()
