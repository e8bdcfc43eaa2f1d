#!/usr/bin/env python3
"""The plain AWS CLI, as a user types it, against the running example: version 1 (PyPI) throughout, and
version 2 (Debian's package) for the reads that users type most and for `logs tail`, which 1 lacks. Both in each
protocol that they speak."""
import json
import subprocess
import time

from common import ENDPOINT, CLUSTER, CONTAINERS, FAMILY, GROUP, SECRET, SERVICE, check, finish


# Debian's is older than AWS_ENDPOINT_URL.
AWS_2 = ["/usr/bin/aws", "--endpoint-url", ENDPOINT]


def aws(*words, code=0, timeout=180, program=("aws",)):
    """Runs one command; returns its output, parsed where it is JSON."""
    ran = subprocess.run([*program, *words], capture_output=True, text=True, timeout=timeout)
    line = " ".join([program[0], *words])
    check(line[:120], ran.returncode == code, f"exit {ran.returncode}: {ran.stderr.strip()[-400:]}")
    try:
        return json.loads(ran.stdout)
    except ValueError:
        return ran.stdout if ran.returncode == code else ""


check("account", (aws("sts", "get-caller-identity") or {}).get("Account") == "123456789012")

arns = (aws("ecs", "list-tasks", "--cluster", CLUSTER, "--family", FAMILY) or {}).get("taskArns", [])
check("one task of the family", len(arns) == 1, arns)
definition = (aws("ecs", "describe-task-definition", "--task-definition", FAMILY) or {}).get("taskDefinition", {})
check("six containers", {c["name"] for c in definition.get("containerDefinitions", [])} == CONTAINERS)
check("images are pinned by digest", all("@sha256:" in c["image"] for c in definition.get("containerDefinitions", [])))
aws("ecs", "wait", "services-stable", "--cluster", CLUSTER, "--services", SERVICE)
services = (aws("ecs", "describe-services", "--cluster", CLUSTER, "--services", SERVICE) or {}).get("services", [])
service = services[0] if services else {}
check("steady", (service.get("runningCount"), service.get("desiredCount"), service.get("pendingCount")) == (1, 1, 0), service)
check("the event says so", any("has reached a steady state" in e["message"] for e in service.get("events", [])))

tasks = (aws("ecs", "describe-tasks", "--cluster", CLUSTER, "--tasks", *arns) or {}).get("tasks", [])
containers = {c["name"]: c for c in (tasks[0]["containers"] if tasks else [])}
check("the task describes its six containers", set(containers) == CONTAINERS)
running = {name for name, c in containers.items() if c["lastStatus"] == "RUNNING"}
check("all run but nginx-config", running == CONTAINERS - {"nginx-config"}, running)
check("which ended with 0", containers.get("nginx-config", {}).get("exitCode") == 0)
check("the app is healthy", containers.get("managr-app", {}).get("healthStatus") == "HEALTHY")

# A one-off: the same definition with another command. The app ends, so the task does.
network = json.dumps(service.get("networkConfiguration", {}))
overrides = json.dumps({"containerOverrides": [{"name": "managr-app", "command": ["python3", "manage.py", "check"]}]})
started = aws(
    "ecs", "run-task", "--cluster", CLUSTER, "--task-definition", FAMILY, "--launch-type", "FARGATE",
    "--network-configuration", network, "--overrides", overrides, "--started-by", "check-cli",
)  # fmt: skip
one_off = (started or {}).get("tasks", [{}])[0].get("taskArn", "none")
aws("ecs", "wait", "tasks-stopped", "--cluster", CLUSTER, "--tasks", one_off)
mine = aws("ecs", "list-tasks", "--cluster", CLUSTER, "--started-by", "check-cli", "--desired-status", "STOPPED") or {}
check("it is listed by who started it", one_off in mine.get("taskArns", []), mine)
stopped = (aws("ecs", "describe-tasks", "--cluster", CLUSTER, "--tasks", one_off) or {}).get("tasks", [{}])[0]
codes = {c["name"]: c.get("exitCode") for c in stopped.get("containers", [])}
check("the one-off's command ended with 0", codes.get("managr-app") == 0, stopped)
check("and that is why the task stopped", stopped.get("stopCode") == "EssentialContainerExited", stopped)

images = (aws("ecr", "describe-images", "--repository-name", "thinknimble/managr/server") or {}).get("imageDetails", [])
check("the server image is in the registry", images and images[0]["imageDigest"].startswith("sha256:"), images)
value = aws("secretsmanager", "get-secret-value", "--secret-id", SECRET) or {}
check("the secret is one JSON object", set(json.loads(value.get("SecretString", "{}"))) == {"SECRET_KEY", "DD_API_KEY"})
tail = aws("logs", "tail", GROUP, "--since", "1h", program=AWS_2)
check("logs tail shows lines of the app", "gunicorn" in tail or "GET /health-check" in tail, tail[-300:])

group = (service.get("loadBalancers") or [{}])[0].get("targetGroupArn", "none")
health = (aws("elbv2", "describe-target-health", "--target-group-arn", group) or {}).get("TargetHealthDescriptions", [])
check("the target is healthy", [t["TargetHealth"]["State"] for t in health] == ["healthy"], health)

# `--follow` must print what is said after it began, by paging with tokens.
marker = f"marker-{time.time_ns()}"
follow = subprocess.Popen([*AWS_2, "logs", "tail", GROUP, "--follow", "--since", "1m"], stdout=subprocess.PIPE, text=True)
stream = f"check-cli-{time.time_ns()}"
aws("logs", "create-log-stream", "--log-group-name", GROUP, "--log-stream-name", stream)
event = json.dumps([{"timestamp": int(time.time() * 1000), "message": marker}])
aws("logs", "put-log-events", "--log-group-name", GROUP, "--log-stream-name", stream, "--log-events", event)
timer = subprocess.Popen(["sh", "-c", f"sleep 30; kill {follow.pid}"])
seen = any(marker in line for line in follow.stdout)
follow.kill()
timer.kill()
check("logs tail --follow prints a line that comes later", seen)
aws("logs", "delete-log-stream", "--log-group-name", GROUP, "--log-stream-name", stream)

for words in (
    ("ecs", "list-tasks", "--cluster", CLUSTER, "--family", FAMILY),
    ("ecs", "describe-task-definition", "--task-definition", FAMILY),
    ("ecs", "describe-services", "--cluster", CLUSTER, "--services", SERVICE),
    ("ecs", "wait", "services-stable", "--cluster", CLUSTER, "--services", SERVICE),
    ("ecr", "describe-images", "--repository-name", "thinknimble/managr/server"),
    ("secretsmanager", "get-secret-value", "--secret-id", SECRET, "--query", "Name"),
    ("elbv2", "describe-target-health", "--target-group-arn", group),
):
    aws(*words, program=AWS_2)

# Each protocol, by both: JSON, Query, EC2's, REST-XML, and CloudWatch's three, of which version 2 still speaks Query.
PROTOCOLS = (
    ("json", ("logs", "describe-log-groups", "--log-group-name-prefix", GROUP), lambda told: told["logGroups"][0]["logGroupName"] == GROUP),
    ("query", ("sts", "get-caller-identity"), lambda told: len(told["Account"]) == 12),
    ("query", ("iam", "list-roles", "--max-items", "1"), lambda told: isinstance(told["Roles"], list)),
    ("ec2", ("ec2", "describe-vpcs", "--filters", "Name=is-default,Values=true"), lambda told: [v["IsDefault"] for v in told["Vpcs"]] == [True]),
    ("rest-xml", ("route53", "list-hosted-zones", "--max-items", "1"), lambda told: isinstance(told["HostedZones"], list)),
    ("cbor, json or query", ("cloudwatch", "list-metrics", "--namespace", "AWS/ECS"), lambda told: isinstance(told["Metrics"], list)),
)
for number, program in (("1", ("aws",)), ("2", AWS_2)):
    version = subprocess.run([program[0], "--version"], capture_output=True, text=True, timeout=60)
    said = (version.stdout + version.stderr).split(" ")[0]
    check(f"version {number} is asked: {said}", said.startswith(f"aws-cli/{number}."), said)
    for protocol, words, holds in PROTOCOLS:
        told = aws(*words, program=program)
        check(f"{said} in {protocol}: {' '.join(words[:2])}", told and holds(told), told)
    none = subprocess.run([*program, "route53", "get-hosted-zone", "--id", "Z0NOPE"], capture_output=True, text=True, timeout=60)
    check(f"{said} in rest-xml: route53 get-hosted-zone", "(NoSuchHostedZone)" in none.stderr, none.stderr)

aws("ecs", "describe-task-definition", "--task-definition", "no-such-family", code=255)
aws("ecs", "describe-task-definition", "--task-definition", "no-such-family", code=254, program=AWS_2)
finish()
