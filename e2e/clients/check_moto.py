#!/usr/bin/env python3
"""Nothing in the deploy half depends on our own platform: the same binary against moto's server.

Every command of managr is followed by a look at what really is there, with boto3. moto runs no containers:
a service made with no tasks is complete at once, one made with a task never is, and managr reports both as such.
AWS_ENDPOINT_URL names the server; MANAGR is the binary.
"""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from common import ENDPOINT, check, eventually, finish

MANAGR = os.environ["MANAGR"]
APP, STAGE, CLUSTER = "shop", "staging", "shop-cluster"
WEB, WORKER, RULE = "shop-web-staging", "shop-worker-staging", "shop-tick-staging"
MANIFEST = """
app = "shop"

[images.server]
context = "."

[variables]
DEBUG = "False"
GREETING = "hello"

[secrets]
SECRET_KEY = {{}}

[services.web]
count = 0

{release}
[services.web.ingress]
container = "web"
port = 8000
grace-period = "30s"

[services.web.containers.web]
image = "server"
ports = [8000]
health-check = {{ command = "curl -f http://127.0.0.1:8000/" }}

[services.worker]
count = 0

[services.worker.containers.worker]
image = "server"
command = ["work"]

[schedules.tick]
image = "server"
command = ["tick"]
schedule = "rate(5 minutes)"

[stages.staging]
{roles}
subnets = ["{subnet}"]
security-groups = ["{group}"]
listener-arn = "{listener}"
[stages.staging.services.web]
target-group = "{targets}"

[stages.own]
cluster = "shop-own"
subnets = ["{subnet}", "{other}"]
security-groups = ["{group}"]
secret = "shop/staging"
{roles}
host = "shop.example.org"

[stages.slow]
cluster = "shop-slow"
subnets = ["{subnet}"]
security-groups = ["{group}"]
secret = "shop/staging"
{roles}
listener-arn = "{listener}"
[stages.slow.services.web]
count = 1
target-group = "{targets}"
"""

# Longer than this and something hangs.
signal.alarm(240)

ec2, ecr, ecs, elb, iam = (boto3.client(name) for name in ("ec2", "ecr", "ecs", "elbv2", "iam"))
events, ssm, scaling, secrets = (boto3.client(n) for n in ("events", "ssm", "application-autoscaling", "secretsmanager"))
# No git here: what is released is chosen by its tag.
_kept = tempfile.TemporaryDirectory(prefix="check-moto-")
home = pathlib.Path(_kept.name)
environment = {**os.environ, "HOME": str(home), "GIT_CEILING_DIRECTORIES": str(home.parent)}


class Ran:
    """How a command of managr ended."""

    def __init__(self, *words, seconds=60):
        done = subprocess.run(
            [MANAGR, *words], cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=seconds,
        )  # fmt: skip
        self.words, self.code, self.out, self.err = words, done.returncode, done.stdout, done.stderr

    def ends(self, code, why, says=""):
        """Notes how it had to end; the command's own words are shown when it did not."""
        is_so = self.code == code and says in self.out + self.err
        check(f"`managr {' '.join(self.words)}`: {why}", is_so, f"exit {self.code}, not {code}\n{self.out}{self.err}")
        return self

    def json(self):
        return json.loads(self.out or "null")


def deploy(tag, *words):
    return Ran("deploy", STAGE, "--tag", tag, "--yes", *words)


def raw(operation, document):
    """A call without botocore's own check of the fields, in either direction."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}"}
    request = AWSRequest("POST", ENDPOINT + "/", data=json.dumps(document).encode(), headers=headers)
    SigV4Auth(Credentials("test", "test"), "ecs", "us-east-1").add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(ENDPOINT + "/", request.data, dict(request.headers)), timeout=30) as answer:
        return json.load(answer)


def service(name):
    return ecs.describe_services(cluster=CLUSTER, services=[name])["services"][0]


def revision(name):
    """`family:revision` that a service runs."""
    return service(name)["taskDefinition"].rsplit("/")[-1]


def definition(name):
    return ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]


def target():
    return events.list_targets_by_rule(Rule=RULE)["Targets"][0]


def kept(what, stage=STAGE):
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=f"/managr/{APP}/{stage}/{what}")
    return [json.loads(parameter["Value"]) for page in pages for parameter in page["Parameters"]]


def everything():
    """What a command that changes nothing leaves as it is."""
    return [
        ecs.list_task_definitions()["taskDefinitionArns"],
        ecs.list_clusters()["clusterArns"],
        ssm.describe_parameters()["Parameters"],
        events.list_rules()["Rules"],
    ]


def manifest(release=""):
    (home / "managr.toml").write_text(MANIFEST.format(release=release, **ground))


def image(tag):
    """Puts an image's manifest in the registry: it is never pulled."""
    layer = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 7, "digest": "sha256:" + tag[-1] * 64}
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 7, "digest": "sha256:" + "c" * 64}
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    text = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]})
    put = ecr.put_image(repositoryName="shop/server", imageManifest=text, imageTag=tag)["image"]
    return f"{repository}@{put['imageId']['imageDigest']}"


def role(purpose, principal, *actions):
    """Makes one of the roles that the stages name."""
    may = {"Effect": "Allow", "Principal": {"Service": f"{principal}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.create_role(RoleName=f"shop-{purpose}", AssumeRolePolicyDocument=trust)
    if actions:
        can = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [can]})
        iam.put_role_policy(RoleName=f"shop-{purpose}", PolicyName="can", PolicyDocument=policy)


subnet = ec2.describe_subnets()["Subnets"][0]
group = ec2.create_security_group(GroupName="shop", Description="shop", VpcId=subnet["VpcId"])["GroupId"]
two = [other["SubnetId"] for other in ec2.describe_subnets()["Subnets"][:2]]
balancer = elb.create_load_balancer(Name="shop", Subnets=two)["LoadBalancers"][0]["LoadBalancerArn"]
targets = elb.create_target_group(Name="shop", Protocol="HTTP", Port=80, VpcId=subnet["VpcId"], TargetType="ip")
targets = targets["TargetGroups"][0]["TargetGroupArn"]
listener = elb.create_listener(
    LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}]
)["Listeners"][0]["ListenerArn"]
roles = 'execution-role = "shop-execution"\ntask-role = "shop-task"\nschedule-role = "shop-schedule"'
ground = {"roles": roles, "subnet": two[0], "other": two[1], "group": group, "listener": listener, "targets": targets}
secret = secrets.create_secret(Name="shop/staging", SecretString=json.dumps({"SECRET_KEY": "s3cret"}))["ARN"]
repository = ecr.create_repository(repositoryName="shop/server")["repository"]["repositoryUri"]
first, second = image("v1"), image("v2")
manifest()

# A plan changes nothing.
before = everything()
Ran("plan", STAGE, "--tag", "v1").ends(0, "plans where nothing is yet", "+ service shop-web-staging")
Ran("plan", STAGE, "--tag", "v1", "--detailed-exitcode").ends(2, "says that there is something to do")
Ran("plan", STAGE, "--tag", "v9").ends(5, "an image that the registry lacks is no plan", "v9")
check("a plan changes nothing", everything() == before)

# Verification looks before anything is touched.
deploy("v1").ends(5, "roles that are not there are found before anything is done", "there is no role `shop-execution`")
check("and nothing was done", everything()[:2] == before[:2])
role("execution", "ecs-tasks", "secretsmanager:GetSecretValue", "logs:*", "ecr:*")
role("task", "ecs-tasks")
role("schedule", "events", "ecs:RunTask", "iam:PassRole")
Ran("verify", STAGE, "--tag", "v1").ends(0, "finds nothing wrong with them")
Ran("verify", STAGE, "--tag", "v9").ends(5, "finds an image that is not there", "v9")

# The first release.
deploy("v1").ends(0, "is watched to its end", "runs release 1")
web = service(WEB)
check("the service runs the revision registered", revision(WEB) == "shop-web-task-staging:1", revision(WEB))
check("in the subnets and groups of the stage", web["networkConfiguration"]["awsvpcConfiguration"]
      == {"subnets": [ground["subnet"]], "securityGroups": [group], "assignPublicIp": "DISABLED"})  # fmt: skip
check("behind the target group that there was", [b["targetGroupArn"] for b in web["loadBalancers"]] == [targets])
container = definition("shop-web-task-staging:1")["containerDefinitions"][0]
check("the image is pinned by its digest", container["image"] == first, container["image"])
check("the secret is named, not copied", container["secrets"] == [{"name": "SECRET_KEY", "valueFrom": f"{secret}:SECRET_KEY::"}])
rule = events.describe_rule(Name=RULE)
check("the schedule has a rule", rule["ScheduleExpression"] == "rate(5 minutes)")
check("whose target is the revision", target()["EcsParameters"]["TaskDefinitionArn"].endswith("/shop-tick-task-staging:1"))
check("one release is recorded", [r["outcome"] for r in kept("releases")] == ["succeeded"])
check("the lock was given back", [lease["released"] for lease in kept("lease")] == [True])
Ran("plan", STAGE, "--tag", "v1", "--detailed-exitcode").ends(0, "right after a deploy there is nothing to do")
deploy("v1").ends(0, "again is no release", "nothing to do")
check("still one release is recorded", len(kept("releases")) == 1)

# What others changed meanwhile, and is not ours.
events.put_rule(Name=RULE, ScheduleExpression="rate(5 minutes)", Description="theirs", State="DISABLED")
theirs = {**target(), "Input": '{"a": 1}', "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:dead"}}
theirs["EcsParameters"]["Group"] = "family:theirs"
theirs["RetryPolicy"] = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60}
events.put_targets(Rule=RULE, Targets=[theirs])
scaling.register_scalable_target(
    ServiceNamespace="ecs", ResourceId=f"service/{CLUSTER}/{WORKER}", ScalableDimension="ecs:service:DesiredCount",
    MinCapacity=1, MaxCapacity=5,
)  # fmt: skip
ecs.update_service(cluster=CLUSTER, service=WORKER, desiredCount=3)
Ran("plan", STAGE, "--tag", "v1", "--detailed-exitcode").ends(0, "an autoscaler's count is nobody else's business")
Ran("scale", STAGE, "worker", "9").ends(5, "stays within an autoscaler's bounds", "scaled between 1 and 5 tasks")

# A change, planned, kept, and carried out.
Ran("plan", STAGE, "--tag", "v2", "--out", "plan.json", "--detailed-exitcode").ends(2, "after a change there is something to do")
Ran("deploy", STAGE, "--plan", "plan.json", "--yes").ends(0, "carries a kept plan out", "runs release 2")
check("the service runs the next revision", revision(WEB) == "shop-web-task-staging:2", revision(WEB))
check("with the new image", definition(revision(WEB))["containerDefinitions"][0]["image"] == second)
check("the autoscaled service runs its next revision", revision(WORKER) == "shop-worker-task-staging:2", revision(WORKER))
check("and keeps its count", service(WORKER)["desiredCount"] == 3, service(WORKER)["desiredCount"])
theirs["EcsParameters"]["TaskDefinitionArn"] = theirs["EcsParameters"]["TaskDefinitionArn"][:-1] + "2"
check("the rule's target has the new revision, and all else it had", target() == theirs, f"{target()}\n{theirs}")
rule = events.describe_rule(Name=RULE)
check("the rule too", (rule["Description"], rule["State"]) == ("theirs", "DISABLED"), rule)
Ran("deploy", STAGE, "--plan", "plan.json", "--yes").ends(5, "a plan of another state is refused", "out of date")
check("and nothing was changed", (revision(WEB), len(kept("releases"))) == ("shop-web-task-staging:2", 2))
Ran("wait", STAGE).ends(0, "there is nothing to wait for", "steady")
status = Ran("status", STAGE, "--json").ends(0, "tells what runs").json()
check("and it is what ECS says", [s["revision"] for s in status["services"]] == [revision(WEB), revision(WORKER)], status)
check("no address of this machine is made up", [s["url"] for s in status["services"]] == [None, None], status)

# Back, and not forth again.
Ran("rollback", STAGE, "--yes").ends(0, "goes back", "runs release 1 again, as release 3")
check("the services run the first revisions again", (revision(WEB), revision(WORKER))
      == ("shop-web-task-staging:1", "shop-worker-task-staging:1"))  # fmt: skip
theirs["EcsParameters"]["TaskDefinitionArn"] = theirs["EcsParameters"]["TaskDefinitionArn"][:-1] + "1"
check("the schedule too, and its target keeps the rest", target() == theirs, target())
check("the count is still the autoscaler's", service(WORKER)["desiredCount"] == 3)
Ran("rollback", STAGE, "--yes").ends(1, "does not go forth", "no earlier release")
check("and did not", revision(WEB) == "shop-web-task-staging:1", revision(WEB))
Ran("plan", STAGE, "--tag", "v1", "--detailed-exitcode").ends(0, "the old release is there again")
history = Ran("history", STAGE, "--json").ends(0, "is read from Parameter Store").json()
check("history is what is kept", history == sorted(kept("releases"), key=lambda release: release["number"]))
check("and tells what was restored", [(r["number"], r.get("restored"), r["tag"] if "tag" in r else None) for r in history]
      == [(1, None, "v1"), (2, None, None), (3, 1, None)], history)  # fmt: skip

# A count that is ours to say.
Ran("scale", STAGE, "web", "2", "--no-wait").ends(0, "asks for tasks, and does not claim that they run", "was asked for 2 tasks")
check("the service is to have two", service(WEB)["desiredCount"] == 2)
Ran("scale", STAGE, "web", "0").ends(0, "waits until none runs")

# Task definitions that others wrote.
shown = Ran("taskdef", "show", STAGE, "web").ends(0, "shows what the service runs").json()
check("as ECS has it", shown["containerDefinitions"] == definition("shop-web-task-staging:1")["containerDefinitions"])
answer_only = {"taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy"}
bare = {key: value for key, value in shown.items() if key not in answer_only}
full = json.loads(json.dumps({**bare, "volumes": [], "placementConstraints": [], "tags": []}))
full["cpu"], full["memory"] = ".25 vCPU", "0.5 GB"
main = full["containerDefinitions"][0]
main.update(
    cpu=0, essential=True, mountPoints=[], volumesFrom=[], systemControls=[], links=[], dependsOn=[], ulimits=[],
    interactive=False, pseudoTerminal=False, privileged=False, readonlyRootFilesystem=False, dnsServers=[],
    extraHosts=[], dockerLabels={}, environmentFiles=[], resourceRequirements=[], disableNetworking=False,
)  # fmt: skip
main["environment"].reverse()
main["portMappings"] = [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]
main["healthCheck"].update(interval=30, timeout=5, retries=3, startPeriod=0)
main["logConfiguration"]["secretOptions"] = []
(home / "full.json").write_text(json.dumps({**full, "tags": [{"key": "by", "value": "cli"}]}))
registered = subprocess.run(
    ["aws", "ecs", "register-task-definition", "--cli-input-json", f"file://{home}/full.json"],
    env=environment, capture_output=True, text=True, timeout=60,
)  # fmt: skip
check("the AWS CLI registers it with every default written out", registered.returncode == 0, registered.stderr)
by_cli = json.loads(registered.stdout or "{}").get("taskDefinition", {}).get("taskDefinitionArn", "").rsplit("/")[-1]
Ran("taskdef", "diff", "shop-web-task-staging:1", by_cli).ends(0, "defaults are no difference", "no difference")
ecs.update_service(cluster=CLUSTER, service=WEB, taskDefinition=by_cli)
Ran("plan", STAGE, "--tag", "v1", "--detailed-exitcode").ends(0, "a manifest that says the same has nothing to do")
Ran("taskdef", "diff", STAGE, "web", "--tag", "v1").ends(0, "nor is it another task definition", "no difference")
Ran("taskdef", "diff", STAGE, "web", "--tag", "v2").ends(1, "another image is", "image")

# Every field is kept, known or not.
full["family"] = "others"
full["containerDefinitions"][0]["fieldOfNextYear"] = {"deep": [1, {"deeper": None}]}
raw("RegisterTaskDefinition", full)
again = json.loads(json.dumps(full))
raw("RegisterTaskDefinition", again)
Ran("taskdef", "diff", "others:1", "others:2").ends(0, "registered again, nothing differs", "no difference")
printed = Ran("taskdef", "update", "others", "--image", f"web={second}").ends(0, "prints, and registers nothing").json()
check("nothing was registered", definition("others")["revision"] == 2)
updated = Ran("taskdef", "update", "others", "--image", f"web={second}", "--register").ends(0, "registers another image")
check("and prints its ARN", updated.out.strip().endswith("task-definition/others:3"), updated.out)
old, new = (raw("DescribeTaskDefinition", {"taskDefinition": f"others:{n}"})["taskDefinition"] for n in (2, 3))
old["containerDefinitions"][0]["image"] = second
old.update({key: new[key] for key in answer_only if key in new})
check("all other fields are kept", old == new, f"{old}\n{new}")
check("what was printed is what was registered", printed["containerDefinitions"] == new["containerDefinitions"])
update = ["taskdef", "update", "shop-web-task-staging", "--image", f"web={second}", "--cluster", CLUSTER, "--service", WEB]
Ran(*update).ends(0, "puts it into a service, and watches", "task-definition/shop-web-task-staging:4")
check("which runs it", revision(WEB) == "shop-web-task-staging:4", revision(WEB))
tags = ecs.describe_task_definition(taskDefinition=revision(WEB), include=["TAGS"])["tags"]
check("its tags travel with it", tags == [{"key": "by", "value": "cli"}], tags)
Ran("plan", STAGE, "--tag", "v2", "--detailed-exitcode").ends(2, "the worker is still behind")

# A release command that does not run keeps everything else from being touched. moto's RunTask counts the memory
# that containers name, fails where they name none, and its tasks have stopped before they ran.
manifest('[services.web.release]\ncontainer = "web"\ncommand = ["migrate"]\ntimeout = "2s"')
deploy("v1").ends(1, "a release command that does not run is no release", "RunTask")
check("the service runs what it ran", revision(WEB) == "shop-web-task-staging:4", revision(WEB))
lost = max(kept("releases"), key=lambda release: release["number"])
check("what was not registered is not recorded", (lost["outcome"], WEB in lost["services"]) == ("failed", False), lost)
Ran("rollback", STAGE, "1", "--yes").ends(0, "and nothing stands in the way back", "runs release 1 again")
manifest()

# A way of its own: balancer, group, listener and rule.
own = ["own", "--tag", "v1"]
Ran("deploy", *own, "--yes").ends(0, "makes the way to the service", "runs release 1")
made = elb.describe_load_balancers(Names=["shop-own"])["LoadBalancers"][0]["LoadBalancerArn"]
made = elb.describe_listeners(LoadBalancerArn=made)["Listeners"][0]["ListenerArn"]
rules = [rule for rule in elb.describe_rules(ListenerArn=made)["Rules"] if not rule["IsDefault"]]
way = elb.describe_target_groups(Names=["shop-web-own"])["TargetGroups"][0]["TargetGroupArn"]
check("one rule forwards the stage's host", [(r["Conditions"][0]["Values"], r["Actions"][0]["TargetGroupArn"]) for r in rules]
      == [(["shop.example.org"], way)], rules)  # fmt: skip
Ran("plan", *own, "--detailed-exitcode").ends(0, "and finds it as it should be")

# A service that never gets there is never said to have. Not our stage: it is made with one task, which never runs.
slow = ["deploy", "slow", "--yes"]
Ran(*slow, "--tag", "v1", "--timeout", "2").ends(4, "no task ever runs: timed out")
check("which is recorded", [r["outcome"] for r in kept("releases", "slow")] == ["timed-out"], kept("releases", "slow"))
Ran(*slow, "--tag", "v2", "--no-wait").ends(6, "a deployment under way is not put aside unasked", "--interrupt")
Ran(*slow, "--tag", "v2", "--no-wait", "--interrupt").ends(0, "unless it is said; nobody watches")
check("which is recorded too", [r["outcome"] for r in kept("releases", "slow")] == ["timed-out", "unwatched"])
Ran("wait", "slow", "--timeout", "2").ends(4, "has not ended")

# One at a time; a deploy that was killed holds nothing up.
holder = subprocess.Popen([MANAGR, *slow, "--tag", "v1", "--interrupt", "--timeout", "100"], cwd=home, env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
try:
    eventually("one deploy is under way", lambda: kept("releases", "slow")[-1]["outcome"] == "in-progress")
    by = kept("lease", "slow")[-1]["by"]
    check("the lock names its process", by["pid"] == holder.pid, by)
    other = Ran(*slow, "--tag", "v2", "--interrupt").ends(6, "a second one is told who is at it", by["user"])
    check("and where", by["host"] in other.err, other.err)
finally:
    holder.kill()
    holder.wait()
since = time.monotonic()
Ran(*slow, "--tag", "v2", "--interrupt", "--no-wait").ends(0, "takes the lock of one that was killed", "took over the lock")
check("at once", time.monotonic() - since < 10, time.monotonic() - since)
check("one that was cut off is not a success", kept("releases", "slow")[-2]["outcome"] == "in-progress")

finish()
