#!/usr/bin/env python3
"""botocore's side of tests/botocore: reads cases from stdin, a line each, and says for each what it sends and how it
reads the answer. Run by main.rs."""
import base64
import datetime
import functools
import json
import math
import sys
import urllib.parse

import botocore.parsers
import botocore.serialize
import botocore.session
from botocore.model import ServiceModel

LOADER = botocore.session.get_session().get_component("data_loader")
OUT = sys.stdout


@functools.cache
def service(name):
    return ServiceModel(LOADER.load_service_model(name, "service-2"), service_name=name)


def known(value, shape):
    """The part of a document that this botocore's model has; what nothing is left of goes, as it was not made up
    empty."""
    kind = shape.type_name
    if kind == "structure":
        members = {n: known(v, shape.members[n]) for n, v in value.items() if n in shape.members}
        return {n: v for n, v in members.items() if v not in ({}, [])}
    if kind == "list":
        return [v for v in (known(v, shape.member) for v in value) if v not in ({}, [])]
    if kind == "map":
        entries = {k: known(v, shape.value) for k, v in value.items()}
        return {k: v for k, v in entries.items() if v not in ({}, [])}
    return value


def told(value, shape):
    """A document as a program passes it to botocore."""
    kind = shape.type_name
    if kind == "structure":
        return {n: told(v, shape.members[n]) for n, v in value.items()}
    if kind == "list":
        return [told(v, shape.member) for v in value]
    if kind == "map":
        return {k: told(v, shape.value) for k, v in value.items()}
    if kind == "blob":
        return base64.b64decode(value)
    if kind == "timestamp":
        return datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(milliseconds=round(value * 1000))
    return value


def canonical(value):
    """What botocore read, as a document."""
    if isinstance(value, dict):
        return {k: canonical(v) for k, v in value.items()}
    if isinstance(value, list):
        return [canonical(v) for v in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000) / 1000
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def request_of(case, operation):
    serializer = botocore.serialize.create_serializer(case["protocol"], include_validation=False)
    shape = operation.input_shape
    request = serializer.serialize_to_request(told(case["input"], shape) if shape else {}, operation)
    body = request["body"]
    if isinstance(body, dict):
        body = urllib.parse.urlencode(body, doseq=True)
    if isinstance(body, str):
        body = body.encode()
    query = request["query_string"]
    path, _, fixed = request["url_path"].partition("?")
    query = "&".join(filter(None, [fixed, urllib.parse.urlencode(query, doseq=True)]))
    return {"method": request["method"], "path": path, "query": query, "headers": dict(request["headers"]),
            "body": base64.b64encode(body).decode()}


def parsed(case, reply, shape):
    parser = botocore.parsers.create_parser(case["protocol"])
    response = {"status_code": reply["status"], "headers": botocore.awsrequest.HeadersDict(reply["headers"]),
                "body": base64.b64decode(reply["body"]), "context": {}}
    return parser.parse(response, shape)


def faults(case, operation):
    shape = operation.output_shape
    if shape is not None and not getattr(operation, "has_event_stream_output", False):
        want, got = known(case["output"], shape), parsed(case, case["reply"], shape)
        got.pop("ResponseMetadata")
        # What stands in every answer besides the output, and what the older model does not have.
        got = known(canonical(got), shape)
        if got != want:
            yield f"answered {json.dumps(want)}, read {json.dumps(got)}, of {base64.b64decode(case['reply']['body'])!r}"
    compatible = operation.service_model.is_query_compatible
    names = {s.name for s in operation.error_shapes}
    for error in case["errors"]:
        if error["name"] not in names:
            continue
        got = parsed(case, error["reply"], shape)
        xml = case["protocol"] in ("query", "ec2", "rest-xml")
        code = error["code"] if xml or compatible else error["name"]
        seen = (got["Error"]["Code"], got["Error"]["Message"], got["ResponseMetadata"]["HTTPStatusCode"])
        if seen != (code, "what <is> wrong & why", error["status"]):
            yield f"error {code}: {seen}"
        if xml and got["ResponseMetadata"].get("RequestId") != "the-id":
            yield f"error {code} has no request id"


for line in sys.stdin:
    case = json.loads(line)
    model = service(case["service"])
    if case["operation"] not in model.operation_names or case["protocol"] not in botocore.serialize.SERIALIZERS:
        said = {"unknown": True}
    else:
        operation = model.operation_model(case["operation"])
        case["input"] = known(case["input"], operation.input_shape) if operation.input_shape else {}
        said = {"input": case["input"], "request": request_of(case, operation), "faults": list(faults(case, operation))}
    OUT.write(json.dumps(said) + "\n")
