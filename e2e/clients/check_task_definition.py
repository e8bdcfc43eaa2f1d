#!/usr/bin/env python3
"""Register → describe → strip → register of task definitions loses nothing: every optional field that
ECS has, and fields invented here. The model decides what "every" is, so the documents below cannot
fall behind it unnoticed.
"""
import json
import urllib.error
import urllib.request

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from common import ENDPOINT, check, finish

MODEL = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
# What describe adds and register does not take.
ANSWER_ONLY = {
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities",
    "registeredAt", "deregisteredAt", "registeredBy", "deleteRequestedAt",
}  # fmt: skip


def call(operation, document):
    """One signed call without botocore's own check of the fields. Returns status and answer."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}"}
    request = AWSRequest("POST", ENDPOINT + "/", data=json.dumps(document).encode(), headers=headers)
    SigV4Auth(Credentials("test", "test"), "ecs", "us-east-1").add_auth(request)
    raw = urllib.request.Request(ENDPOINT + "/", request.data, dict(request.headers))
    try:
        with urllib.request.urlopen(raw, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def paths(shape, value, at=""):
    """Every path of the model that a document has."""
    if shape.type_name == "structure":
        for name, inner in value.items():
            if name in shape.members:
                yield f"{at}.{name}"
                yield from paths(shape.members[name], inner, f"{at}.{name}")
    elif shape.type_name == "list":
        for inner in value:
            yield from paths(shape.member, inner, at)


def all_paths(shape, at=""):
    if shape.type_name == "structure":
        for name, inner in shape.members.items():
            yield f"{at}.{name}"
            yield from all_paths(inner, f"{at}.{name}")
    elif shape.type_name == "list":
        yield from all_paths(shape.member, at)


def lost(sent, kept, at=""):
    """Every leaf of `sent` that `kept` has not, or has otherwise."""
    if isinstance(sent, dict):
        for name, inner in sent.items():
            if not isinstance(kept, dict) or name not in kept:
                yield f"{at}.{name}"
            else:
                yield from lost(inner, kept[name], f"{at}.{name}")
    elif isinstance(sent, list):
        if not isinstance(kept, list) or len(sent) != len(kept):
            yield at
        else:
            for index, inner in enumerate(sent):
                yield from lost(inner, kept[index], f"{at}[{index}]")
    elif sent != kept or isinstance(sent, bool) != isinstance(kept, bool):
        yield f"{at}: {sent!r} became {kept!r}"


ROLE = "arn:aws:iam::123456789012:role/r"
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-abcdef"
MAIN = {
    "name": "main",
    "image": "example/main:1",
    "repositoryCredentials": {"credentialsParameter": ARN},
    "cpu": 128,
    "memory": 512,
    "memoryReservation": 256,
    "links": ["side:alias"],
    "portMappings": [
        {"containerPort": 80, "hostPort": 8080, "protocol": "tcp", "name": "web", "appProtocol": "http"},
        {"containerPortRange": "7000-7010", "protocol": "udp"},
    ],
    "essential": True,
    "restartPolicy": {"enabled": True, "ignoredExitCodes": [0, 3], "restartAttemptPeriod": 60},
    "entryPoint": ["/bin/sh", "-c"],
    "command": ["echo hello"],
    "environment": [{"name": "A", "value": "b"}, {"name": "EMPTY", "value": ""}],
    "environmentFiles": [{"value": "arn:aws:s3:::bucket/file.env", "type": "s3"}],
    "mountPoints": [{"sourceVolume": "host", "containerPath": "/host", "readOnly": True}],
    "volumesFrom": [{"sourceContainer": "side", "readOnly": False}],
    "linuxParameters": {
        "capabilities": {"add": ["SYS_PTRACE"], "drop": ["NET_RAW"]},
        "devices": [{"hostPath": "/dev/null", "containerPath": "/dev/zero2", "permissions": ["read"]}],
        "initProcessEnabled": True,
        "sharedMemorySize": 64,
        "tmpfs": [{"containerPath": "/tmp", "size": 16, "mountOptions": ["noexec"]}],
        "maxSwap": 128,
        "swappiness": 10,
    },
    "secrets": [{"name": "S", "valueFrom": ARN + ":key::"}],
    "dependsOn": [{"containerName": "side", "condition": "START"}],
    "startTimeout": 30,
    "stopTimeout": 20,
    "versionConsistency": "enabled",
    "hostname": "h",
    "user": "1000:1000",
    "workingDirectory": "/srv",
    "disableNetworking": False,
    "privileged": False,
    "readonlyRootFilesystem": True,
    "dnsServers": ["10.0.0.2"],
    "dnsSearchDomains": ["example.internal"],
    "extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.3"}],
    "dockerSecurityOptions": ["no-new-privileges"],
    "interactive": True,
    "pseudoTerminal": True,
    "dockerLabels": {"k": "v"},
    "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}],
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"},
        "secretOptions": [{"name": "token", "valueFrom": ARN}],
    },
    "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 10, "timeout": 5, "retries": 2, "startPeriod": 15},
    "systemControls": [{"namespace": "net.core.somaxconn", "value": "1024"}],
    "resourceRequirements": [
        {"type": "GPU", "value": "1", "sharingStrategy": {"nvidiaMps": {"memory": 1024, "maxComputePercent": 50}}},
    ],
}
SIDE = {
    "name": "side",
    "image": "example/side@sha256:" + "0" * 64,
    "memory": 128,
    "essential": False,
    "firelensConfiguration": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "true"}},
    "credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::bucket/spec.json"],
}
# One document cannot hold everything: some fields exclude each other, or belong to one launch type.
ON_INSTANCES = {
    "family": "check-all-fields",
    "taskRoleArn": ROLE,
    "executionRoleArn": ROLE,
    "networkMode": "bridge",
    "containerDefinitions": [MAIN, SIDE],
    "volumes": [
        {"name": "host", "host": {"sourcePath": "/srv"}},
        {
            "name": "docker",
            "dockerVolumeConfiguration": {
                "scope": "shared", "autoprovision": True, "driver": "local", "driverOpts": {"a": "b"}, "labels": {"c": "d"},
            },
        },
        {
            "name": "efs",
            "efsVolumeConfiguration": {
                "fileSystemId": "fs-12345678", "rootDirectory": "/", "transitEncryption": "ENABLED",
                "transitEncryptionPort": 2999, "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"},
            },
        },
        {
            "name": "fsx",
            "fsxWindowsFileServerVolumeConfiguration": {
                "fileSystemId": "fs-87654321", "rootDirectory": "share",
                "authorizationConfig": {"credentialsParameter": ARN, "domain": "d"},
            },
        },
        {
            "name": "s3",
            "s3filesVolumeConfiguration": {
                "fileSystemArn": "arn:aws:s3files:us-east-1:123456789012:file-system/fs-1", "rootDirectory": "/",
                "transitEncryptionPort": 2998, "accessPointArn": "arn:aws:s3files:us-east-1:123456789012:access-point/a",
            },
        },
        {"name": "later", "configuredAtLaunch": True},
    ],
    "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}],
    "requiresCompatibilities": ["EC2"],
    "cpu": "1024",
    "memory": "2048",
    "tags": [{"key": "team", "value": "check"}],
    "pidMode": "task",
    "ipcMode": "task",
    "enableFaultInjection": False,
    "inferenceAccelerators": [{"deviceName": "device_1", "deviceType": "eia2.medium"}],
    "trustedExecutionConfiguration": {"isolationMode": "SHARED", "attestationPolicy": "policy"},
    "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
}  # fmt: skip
ON_FARGATE = {
    "family": "check-fargate-fields",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": ROLE,
    "ephemeralStorage": {"sizeInGiB": 30},
    "containerDefinitions": [{"name": "envoy", "image": "example/envoy:1"}],
    "proxyConfiguration": {
        "type": "APPMESH", "containerName": "envoy", "properties": [{"name": "IgnoredUID", "value": "1337"}],
    },
}  # fmt: skip
invented = json.loads(json.dumps(ON_FARGATE))
invented["family"] = "check-invented-fields"
invented["inventedForThisCheck"] = {"deep": [{"er": 1.5, "none": [], "text": "ü"}], "flag": False}
invented["containerDefinitions"][0]["alsoInvented"] = ["a", {"b": 9007199254740993}]
invented["containerDefinitions"][0]["healthCheck"] = {"command": ["CMD", "true"], "inventedInside": "x"}

tried = {p for document in (ON_INSTANCES, ON_FARGATE) for p in paths(MODEL, document)}
missing = set(all_paths(MODEL)) - tried
check("the documents have every optional field of the model", not missing, sorted(missing))


def describe(arn):
    status, answer = call("DescribeTaskDefinition", {"taskDefinition": arn, "include": ["TAGS"]})
    check("described", status == 200, answer)
    stripped = {k: v for k, v in answer.get("taskDefinition", {}).items() if k not in ANSWER_ONLY}
    return stripped | ({"tags": answer["tags"]} if answer.get("tags") else {})


for document in (ON_INSTANCES, ON_FARGATE, invented):
    name = document["family"]
    status, answer = call("RegisterTaskDefinition", document)
    check(f"{name}: registered", status == 200, answer)
    if status != 200:
        continue
    first = answer["taskDefinition"]
    gone = list(lost({k: v for k, v in document.items() if k != "tags"}, first))
    check(f"{name}: the answer has every field that was sent", not gone, gone)
    once = describe(first["taskDefinitionArn"])
    check(f"{name}: describe has every field that was sent", not list(lost(document, once)), list(lost(document, once)))
    status, answer = call("RegisterTaskDefinition", once)
    check(f"{name}: registered again", status == 200, answer)
    if status != 200:
        continue
    second = answer["taskDefinition"]
    check(f"{name}: as the next revision", second["revision"] == first["revision"] + 1, second["revision"])
    twice = describe(second["taskDefinitionArn"])
    check(f"{name}: nothing was lost, and nothing added", once == twice, [*lost(once, twice), *lost(twice, once)])
    for arn in (first["taskDefinitionArn"], second["taskDefinitionArn"]):
        status, answer = call("DeregisterTaskDefinition", {"taskDefinition": arn})
        check(f"{name}: deregistered", status == 200 and answer["taskDefinition"]["status"] == "INACTIVE", answer)
    status, answer = call("DeleteTaskDefinitions", {"taskDefinitions": [first["taskDefinitionArn"], second["taskDefinitionArn"]]})
    check(f"{name}: deleted", status == 200 and len(answer["taskDefinitions"]) == 2, answer)
finish()
