#!/usr/bin/env python3
"""Writes what this crate takes from the official service models (any machine with boto3).

    models/SERVICE.json          the model of one service: see src/model/read.rs
    src/service.rs               one row for each service
    tests/every-field.json       a RegisterTaskDefinition request with every optional field

Which operations have their shapes written is said in models/served.txt; the others are known by name.
"""
import collections
import json
import pathlib
import sys

import botocore
import botocore.session

HERE = pathlib.Path(__file__).resolve().parent.parent
LOADER = botocore.session.get_session().get_component("data_loader")
# botocore's name, ours, and the words for people. The AWS CLI uses botocore's name.
SERVICES = [
    ("ecs", "Ecs", "Elastic Container Service"),
    ("ecr", "Ecr", "Elastic Container Registry"),
    ("elbv2", "ElbV2", "Elastic Load Balancing, version 2"),
    ("secretsmanager", "SecretsManager", "Secrets Manager"),
    ("ssm", "Ssm", "Systems Manager"),
    ("logs", "Logs", "CloudWatch Logs"),
    ("sts", "Sts", "Security Token Service"),
    ("iam", "Iam", "Identity and Access Management"),
    ("ec2", "Ec2", "Elastic Compute Cloud"),
    ("acm", "Acm", "Certificate Manager"),
    ("kms", "Kms", "Key Management Service"),
    ("route53", "Route53", "Route 53"),
    ("servicediscovery", "ServiceDiscovery", "Cloud Map"),
    ("cloudwatch", "CloudWatch", "CloudWatch"),
    ("application-autoscaling", "ApplicationAutoScaling", "Application Auto Scaling"),
    ("events", "Events", "EventBridge"),
    ("scheduler", "Scheduler", "EventBridge Scheduler"),
    ("rds", "Rds", "Relational Database Service"),
]
PROTOCOLS = {"json1.0": "Json10", "json1.1": "Json11", "query": "Query", "ec2": "Ec2", "rest-json": "RestJson",
             "rest-xml": "RestXml", "smithy-rpc-v2-cbor": "RpcV2Cbor"}


def served():
    names = collections.defaultdict(list)
    for line in (HERE / "models/served.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            service, operation = line.split()
            names[service].append(operation)
    return names


def compact(**members):
    """Leaves out what says nothing."""
    return {name: value for name, value in members.items() if value not in (None, False, [], {})}


def member(name, of, required):
    """[name, shape] or [name, shape, flags]."""
    flags = compact(
        req=name in required,
        name=of.get("locationName") if of.get("locationName") != name else None,
        at=of.get("location"),
        token=of.get("idempotencyToken"),
        query=of.get("queryName"),
        time=of.get("timestampFormat"),
        flat=of.get("flattened"),
        streaming=of.get("streaming"),
    )
    return [name, of["shape"]] + ([flags] if flags else [])


def shape(of):
    kind = of["type"]
    common = compact(min=of.get("min"), max=of.get("max"), sensitive=of.get("sensitive"))
    if kind == "structure":
        error = of.get("error", {})
        is_error = of.get("exception") or of.get("error")
        common |= compact(
            members=[member(name, m, of.get("required", [])) for name, m in of["members"].items()],
            payload=of.get("payload"), union=of.get("union"), event=of.get("eventstream"),
            error=compact(code=error.get("code"), status=error.get("httpStatusCode"), fault=of.get("fault")) or ({"code": None} if is_error else None))
    elif kind == "list":
        item = of["member"]
        common |= compact(item=item["shape"], name=item.get("locationName"), flat=of.get("flattened"))
    elif kind == "map":
        common |= compact(key=of["key"]["shape"], item=of["value"]["shape"], key_name=of["key"].get("locationName"),
                          name=of["value"].get("locationName"), flat=of.get("flattened"))
    elif kind == "string":
        common |= compact(enum=of.get("enum"), pattern=of.get("pattern"))
    elif kind == "timestamp":
        common |= compact(time=of.get("timestampFormat"))
    elif kind == "blob":
        common |= compact(streaming=of.get("streaming"))
    return {"type": kind, **common}


def below(of):
    if of["type"] == "structure":
        return [m["shape"] for m in of["members"].values()]
    if of["type"] == "list":
        return [of["member"]["shape"]]
    if of["type"] == "map":
        return [of["key"]["shape"], of["value"]["shape"]]
    return []


def pages(service):
    try:
        return LOADER.load_service_model(service, "paginators-1")["pagination"]
    except Exception:
        return {}


def write_model(service, names):
    model = LOADER.load_service_model(service, "service-2")
    unknown = sorted(set(names) - set(model["operations"]))
    if unknown:
        sys.exit(f"models/served.txt: {service} has no operation {unknown[0]}")
    operations, wanted, paging = {}, [], pages(service)
    for name in sorted(set(names)):
        op = model["operations"][name]
        given, answer = op.get("input", {}), op.get("output", {})
        http = op.get("http", {})
        page = paging.get(name, {})
        operations[name] = compact(
            input=given.get("shape"), output=answer.get("shape"),
            errors=[e["shape"] for e in op.get("errors", [])],
            wrapper=answer.get("resultWrapper"),
            root=given.get("locationName"), xmlns=given.get("xmlNamespace", {}).get("uri"),
            method=http.get("method") if http.get("method") != "POST" else None,
            path=http.get("requestUri") if http.get("requestUri") != "/" else None,
            status=http.get("responseCode"),
            unsigned=op.get("authtype") == "none" or op.get("auth") == ["smithy.api#noAuth"],
            page=compact(given=page.get("input_token"), answered=page.get("output_token"), limit=page.get("limit_key"), result=page.get("result_key")))
        wanted += [s for s in (given.get("shape"), answer.get("shape")) if s]
        wanted += [e["shape"] for e in op.get("errors", [])]
    shapes = {}
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = shape(model["shapes"][name])
            wanted += below(model["shapes"][name])
    line = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    rows = lambda table: ",\n".join(f"{line(name)}:{line(table[name])}" for name in sorted(table))
    text = "{\"names\":%s,\n\"operations\":{\n%s\n},\n\"shapes\":{\n%s\n}}\n" % (
        line(sorted(model["operations"])), rows(operations), rows(shapes))
    (HERE / f"models/{service}.json").write_text(text)


def write_services():
    rows = []
    for service, name, words in SERVICES:
        meta = LOADER.load_service_model(service, "service-2")["metadata"]
        version = meta.get("jsonVersion") or "1.1"
        protocols = [PROTOCOLS[f"json{version}" if p == "json" else p] for p in meta["protocols"]]
        text = lambda value: json.dumps(value) if value else '""'
        compatible = "awsQueryCompatible" in meta
        rows.append(f"""    Row {{
        service: Service::{name},
        cli: {text(service)},
        words: {text(words)},
        signing: {text(meta.get("signingName") or meta["endpointPrefix"])},
        target: {text(meta.get("targetPrefix"))},
        version: {text(meta["apiVersion"])},
        namespace: {text(meta.get("xmlNamespace"))},
        protocols: &[{", ".join("Protocol::" + p for p in protocols)}],
        speaks_query_codes: {str(compatible).lower()},
        model: include_bytes!(concat!(env!("OUT_DIR"), "/{service}.z")),
    }},""")
    doc = lambda s, n, w: f"    /// {w}.\n    {n},"
    text = f"""//! The services that the platform speaks: one row for each, as the official models describe them.
//!
//! Written by `tools/from_botocore.py` from botocore {botocore.__version__}.

use crate::protocol::Protocol;

/// What the tables were made from: what AWS added later is not in them.
pub const MODELS: &str = "botocore {botocore.__version__}";

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {{
{chr(10).join(doc(*s) for s in SERVICES)}
}}

/// What is known of a service besides its model.
pub(crate) struct Row {{
    pub(crate) service: Service,
    pub(crate) cli: &'static str,
    pub(crate) words: &'static str,
    pub(crate) signing: &'static str,
    pub(crate) target: &'static str,
    pub(crate) version: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) protocols: &'static [Protocol],
    pub(crate) speaks_query_codes: bool,
    pub(crate) model: &'static [u8],
}}

pub(crate) const ROWS: [Row; {len(SERVICES)}] = [
{chr(10).join(rows)}
];
"""
    (HERE / "src/service.rs").write_text(text)


def every_field():
    model = botocore.session.get_session().get_service_model("ecs")

    def sample(shape, path):
        t = shape.type_name
        if t == "structure":
            return {n: sample(m, path + [n]) for n, m in shape.members.items()}
        if t == "list":
            return [sample(shape.member, path)]
        if t == "map":
            return {"key": sample(shape.value, path)}
        if t in ("integer", "long"):
            return 10
        if t in ("double", "float"):
            return 1.5
        if t == "boolean":
            return True
        return shape.enum[0] if shape.enum else "sample-" + path[-1]

    doc = sample(model.operation_model("RegisterTaskDefinition").input_shape, [])
    # Values that the rules tie to each other; everything else is the sample.
    doc.update(family="every-field", networkMode="awsvpc", requiresCompatibilities=["EC2"], cpu="256", memory="512", tags=[{"key": "k", "value": "v"}])
    c = doc["containerDefinitions"][0]
    c.update(name="one", image="nginx", cpu=10, memory=128, memoryReservation=64, essential=True, links=[], hostname="", extraHosts=[], disableNetworking=False)
    del c["links"], c["hostname"], c["extraHosts"], c["disableNetworking"], c["dnsServers"], c["dnsSearchDomains"]
    c["portMappings"] = [{"containerPort": 80, "hostPort": 80, "protocol": "tcp", "name": "web", "appProtocol": "http"}]
    c["dependsOn"] = [{"containerName": "two", "condition": "START"}]
    c["mountPoints"] = [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}]
    c["volumesFrom"] = [{"sourceContainer": "two", "readOnly": True}]
    c["healthCheck"].update(command=["CMD-SHELL", "true"], interval=30, timeout=5, retries=3, startPeriod=10)
    c["ulimits"] = [{"name": "nofile", "softLimit": 10, "hardLimit": 20}]
    c["systemControls"] = [{"namespace": "net.core.somaxconn", "value": "1024"}]
    c["restartPolicy"] = {"enabled": True, "ignoredExitCodes": [0], "restartAttemptPeriod": 60}
    c["environmentFiles"] = [{"value": "arn:aws:s3:::bucket/a.env", "type": "s3"}]
    c["secrets"] = [{"name": "SECRET", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"}]
    c["linuxParameters"]["tmpfs"] = [{"containerPath": "/tmp", "size": 10, "mountOptions": ["ro"]}]
    doc["containerDefinitions"].append({"name": "two", "image": "busybox", "essential": False, "memory": 64})
    doc["volumes"] = [dict(doc["volumes"][0], name="data")]
    doc["ephemeralStorage"] = {"sizeInGiB": 30}
    doc["runtimePlatform"] = {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}
    doc["proxyConfiguration"]["containerName"] = "one"
    (HERE / "tests/every-field.json").write_text(json.dumps(doc, indent=1) + "\n")


for name, operations in sorted(served().items()):
    write_model(name, operations)
for name in sorted({row[0] for row in SERVICES} - set(served())):
    write_model(name, [])
write_services()
every_field()
