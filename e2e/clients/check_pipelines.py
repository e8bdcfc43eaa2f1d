"""Do the CI files that `managr pipeline` writes hold, and does the Bitbucket one really deploy?

Validates all three against their vendors' schemas (check-jsonschema), refuses keys that Bitbucket's schema does not
define (the schema itself lets them pass), and runs the scripts in a local runner (bb-run, host mode) against the
embedded platform: a pull request, the main branch, a tag, and the end of the pull request. The platform takes the
pipeline's token as AWS would (AssumeRoleWithWebIdentity); there is no key in the environment.

MANAGR, CHECK_JSONSCHEMA and BB_RUN name the programs; without BB_RUN nothing is run, and that is said.
AWS_ENDPOINT_URL names the platform, REPO an empty directory, HELLO the example's, LISTENER a free port.
"""
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import yaml

MANAGR, CHECK = os.environ["MANAGR"], os.environ["CHECK_JSONSCHEMA"]
BB_RUN, ENDPOINT = os.environ.get("BB_RUN"), os.environ["AWS_ENDPOINT_URL"]
REPO, HELLO = Path(os.environ["REPO"]), Path(os.environ["HELLO"])
LISTENER = os.environ["LISTENER"]
CORPUS = Path(__file__).parents[2] / "crates/import/tests/fixtures/pipeline"

STAGES = """
[stages.staging]
load-balancer = "hello"
host = "staging.hello.test"
tag = "staging-{commit}"
subnets = ["subnet-00000000000000001", "subnet-00000000000000002"]

[stages.prod]
load-balancer = "hello"
host = "hello.test"
tag = "prod-{git-tag}"
subnets = ["subnet-00000000000000001", "subnet-00000000000000002"]

[previews]
from = "staging"
host = "{name}.hello.test"
ttl = "2h"
variables = { GREETING = "hello from {name}" }
"""

# Bitbucket's keys by level: the properties of the definitions of `vendor.bitbucket-pipelines` (check-jsonschema 0.39.0)
# that files of ours may use. What the user writes between the marks is not ours to judge.
STEP = {
    "name", "image", "script", "after-script", "artifacts", "caches", "clone", "concurrency-group", "condition",
    "deployment", "environment", "fail-fast", "max-time", "oidc", "runs-on", "runtime", "services", "size", "trigger",
}
KEYS = {
    "top": {"image", "clone", "definitions", "export", "labels", "options", "pipelines", "triggers"},
    "clone": {"depth", "enabled", "lfs", "skip-ssl-verify"},
    "definitions": {"agents", "caches", "imports", "pipelines", "services"},
    "service": {"image", "memory", "type", "variables"},
    "pipelines": {"branches", "custom", "default", "pull-requests", "tags"},
    "item": {"step", "parallel", "stage", "final", "variables"},
    "step": STEP,
    "artifacts": {"download", "paths", "upload"},
    "condition": {"changesets", "state"},
    "trigger": {"condition", "pipelines"},
}
EVENTS = {
    "deployment-completed", "pipeline-completed", "pullrequest-created", "pullrequest-fulfilled", "pullrequest-push",
    "pullrequest-rejected", "pullrequest-reviewer-status-updated", "pullrequest-updated", "repository-push",
}

faults = []


def check(words, holds, seen=""):
    print(f"{'ok' if holds else 'FAULT'}: {words}" + (f" [{seen}]" if seen and not holds else ""), flush=True)
    if not holds:
        faults.append(words)


def managr(*words, code=0):
    """Runs managr in the repository, and returns what it printed."""
    env = environment() | {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "at a desk"}
    done = subprocess.run([MANAGR, *words], cwd=REPO, env=env, text=True, capture_output=True, timeout=120)
    if done.returncode != code:
        sys.exit(f"managr {' '.join(words)} ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")
    return done.stdout


def environment():
    """What a step of a pipeline has: a token, a role, and not one key."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MANAGR_"))}
    env.update({name: os.environ[name] for name in ("MANAGR_DATA_DIR", "MANAGR_BUILDER") if name in os.environ})
    return env | {
        "PATH": f"{Path(MANAGR).parent}:{env['PATH']}",
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pipeline",
        "BITBUCKET_STEP_OIDC_TOKEN": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0ZXN0In0.",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def git(*words):
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    return subprocess.run(["git", *who, *words], cwd=REPO, check=True, text=True, capture_output=True).stdout.strip()


def prepare():
    text = (HELLO / "managr.toml").read_text().replace("\nport = 8000\n", f"\nport = 8000\nlistener = {LISTENER}\n", 1)
    (REPO / "managr.toml").write_text(text + STAGES)
    for name in ("Dockerfile", "hello"):
        (REPO / name).write_bytes((HELLO / name).read_bytes())
    (REPO / "hello").chmod(0o755)
    (REPO / ".gitignore").write_text(".bb-run/\n")
    git("init", "-q", "-b", "main")
    managr("pipeline", "bitbucket")
    managr("pipeline", "github")
    managr("pipeline", "gitlab")
    git("add", "-A")
    git("commit", "-q", "-m", "hello")


def accepts(schema, path):
    done = subprocess.run([CHECK, "--builtin-schema", f"vendor.{schema}", path], cwd=REPO, text=True, capture_output=True)
    return done.returncode == 0, done.stdout + done.stderr


def unknown(document):
    """Yields where a Bitbucket file has a key that its schema does not define."""
    def keys(level, value, path):
        for key in value:
            if key not in KEYS[level]:
                yield f"{path}.{key}"

    def items(value, path):
        for number, item in enumerate(value):
            here = f"{path}[{number}]"
            yield from keys("item", item, here)
            step = item.get("step") or item.get("final")
            if not step:
                continue
            yield from keys("step", step, here)
            if "script" not in step:
                yield f"{here}: no script"
            for name in ("condition", "clone"):
                yield from keys(name, step.get(name, {}), f"{here}.{name}")
            if isinstance(step.get("artifacts"), dict):
                yield from keys("artifacts", step["artifacts"], f"{here}.artifacts")

    yield from keys("top", document, "")
    yield from keys("clone", document.get("clone", {}), "clone")
    yield from keys("definitions", document.get("definitions", {}), "definitions")
    for name, service in document.get("definitions", {}).get("services", {}).items():
        yield from keys("service", service, f"services.{name}")
    yield from keys("pipelines", document["pipelines"], "pipelines")
    for kind, pipelines in document["pipelines"].items():
        for name, value in ({"": pipelines} if kind == "default" else pipelines).items():
            yield from items(value, f"{kind}.{name}")
    for event, rules in document.get("triggers", {}).items():
        if event not in EVENTS:
            yield f"triggers.{event}"
        for rule in rules:
            yield from keys("trigger", rule, f"triggers.{event}")
            for name in rule["pipelines"]:
                if name not in document["pipelines"].get("custom", {}):
                    yield f"triggers.{event}: no pipeline {name}"


def bitbuckets_rules(document):
    """Yields what Bitbucket refuses and no schema says (documentation: deployments, manual steps)."""
    order = ["test", "staging", "production"]
    for kind in ("branches", "tags", "pull-requests"):
        for name, pipeline in document["pipelines"].get(kind, {}).items():
            steps = [item["step"] for item in pipeline]
            if steps[0].get("trigger") == "manual":
                yield f"{kind}.{name}: the first step is manual"
            places = [step["deployment"] for step in steps if "deployment" in step]
            if len(set(places)) != len(places) or places != sorted(places, key=order.index):
                yield f"{kind}.{name}: deployments {places}"


def files():
    path = REPO / "bitbucket-pipelines.yml"
    for schema, name in (
        ("bitbucket-pipelines", "bitbucket-pipelines.yml"),
        ("github-workflows", ".github/workflows/managr.yml"),
        ("gitlab-ci", ".gitlab-ci.yml"),
    ):
        good, words = accepts(schema, name)
        check(f"{name} is what its vendor's schema says", good, words)
    text = path.read_text()
    document = yaml.safe_load(text)
    check("the Bitbucket file has no unknown key", not list(unknown(document)), list(unknown(document)))
    check("it keeps the rules that no schema has", not list(bitbuckets_rules(document)), list(bitbuckets_rules(document)))
    # A check that cannot fail shows nothing.
    (REPO / "broken.yml").write_text(text.replace("trigger: manual", "trigger: manualx"))
    check("the schema is looked at", not accepts("bitbucket-pipelines", "broken.yml")[0])
    (REPO / "broken.yml").unlink()
    broken = copy.deepcopy(document)
    step = broken["pipelines"]["branches"]["main"][1]["step"]
    step["scrpt"] = step.pop("script")
    check("a key that is misspelt is found", list(unknown(broken)) == ["branches.main[1].scrpt", "branches.main[1]: no script"])
    for provider in ("bitbucket", "github", "gitlab"):
        managr("pipeline", provider, "--check")
    keys = [("github", "github-workflows"), ("gitlab", "gitlab-ci"), ("bitbucket", "bitbucket-pipelines")]
    for provider, schema in keys:
        (REPO / "keys.yml").write_text(managr("pipeline", provider, "--auth", "keys", "--stdout"))
        good, words = accepts(schema, "keys.yml")
        check(f"so is the one of {provider} with keys", good, words)
    (REPO / "keys.yml").write_text(managr("pipeline", "bitbucket", "--for", "taskdef", "--stdout"))
    document = yaml.safe_load((REPO / "keys.yml").read_text())
    good, words = accepts("bitbucket-pipelines", "keys.yml")
    check("and the one without a manifest", good and not list(unknown(document)), words)
    (REPO / "keys.yml").unlink()


def imported():
    """What an import makes of people's pipelines is what the vendors' schemas say, with their own steps in it."""
    schemas = {
        "bitbucket-pipelines.yml": "bitbucket-pipelines", ".gitlab-ci.yml": "gitlab-ci", ".github": "github-workflows"
    }
    new = {
        "bitbucket-pipelines": "bitbucket-pipelines.yml.new", "gitlab-ci": ".gitlab-ci.yml.new",
        "github-workflows": ".github/workflows/managr.yml.new",
    }
    for case in sorted(path for path in CORPUS.iterdir() if path.is_dir()):
        schema = next(schemas[name] for name in schemas if (case / name).exists())
        with tempfile.TemporaryDirectory() as scratch:
            there = Path(scratch)
            shutil.copytree(case, there, dirs_exist_ok=True)
            done = subprocess.run([MANAGR, "import", "pipeline"], cwd=there, text=True, capture_output=True, timeout=120)
            check(f"{case.name} is imported", done.returncode == 0, done.stdout + done.stderr)
            written = there / "written.yml"
            (there / new[schema]).rename(written)
            good, words = accepts(schema, written)
            check(f"what takes the place of {case.name} is what its vendor's schema says", good, words)
            if schema == "bitbucket-pipelines":
                document = yaml.safe_load(written.read_text())
                check(f"{case.name} has no unknown key", not list(unknown(document)), list(unknown(document)))


def stale():
    """A change of the manifest that the file depends on is found."""
    path = REPO / "managr.toml"
    text = path.read_text()
    path.write_text(text.replace("staging-{commit}", "latest"))
    said = managr("pipeline", "bitbucket", "--check", code=5)
    check("a stale file is told by its difference", "+ " in said and "managr push prod" in said, said)
    path.write_text(text)


def run(target, **variables):
    """Runs a pipeline as Bitbucket would: its own checkout, nothing of the others."""
    words = [BB_RUN, "--repo", REPO, "--mode", "host", "--no-services", "--no-cache", "-t", target]
    tag = variables.pop("BITBUCKET_TAG", None)
    words += ["--branch", "main"] + (["--tag", tag] if tag else [])
    for name, value in variables.items():
        words += ["-v", f"{name}={value}"]
    started = time.monotonic()
    done = subprocess.run(words, cwd=REPO, env=environment(), text=True, capture_output=True, timeout=180)
    print(f"{target}: {time.monotonic() - started:.1f} s", flush=True)
    check(f"the pipeline of {target} runs to its end", done.returncode == 0, done.stdout + done.stderr)
    if done.returncode != 0:
        sys.exit("what follows rests on it")


def client(name):
    return boto3.client(name, aws_access_key_id="t", aws_secret_access_key="t", region_name="us-east-1")


def service(name):
    found = client("ecs").describe_services(cluster="hello-cluster", services=[name])["services"]
    found = [one for one in found if one["status"] == "ACTIVE"]
    return found[0] if found else None


def image(found):
    arn = found["taskDefinition"]
    definition = client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    return definition["containerDefinitions"][0]["image"]


def answer(host):
    request = urllib.request.Request(f"http://127.0.0.1:{LISTENER}/", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read().decode()
    except urllib.error.URLError as error:
        return f"no answer: {error}"


def stands(name):
    found = service(name)
    if not found:
        return None
    primary = next(one for one in found["deployments"] if one["status"] == "PRIMARY")
    is_done = primary["rolloutState"] == "COMPLETED" and found["runningCount"] == found["desiredCount"] == 1
    check(f"ECS says that {name} is deployed", is_done, primary)
    check(f"{name} runs its image by digest", "@sha256:" in image(found), image(found))
    return found


def left_of(preview):
    """What is there of a preview, by every API that a deploy of it has called."""
    ecs, elb, ssm = client("ecs"), client("elbv2"), client("ssm")
    families = ecs.list_task_definition_families(familyPrefix=f"hello-web-task-{preview}", status="ACTIVE")["families"]
    groups = [group["TargetGroupName"] for group in elb.describe_target_groups()["TargetGroups"]]
    listeners = [
        listener["ListenerArn"]
        for balancer in elb.describe_load_balancers()["LoadBalancers"]
        for listener in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    ]
    rules = [rule for arn in listeners for rule in elb.describe_rules(ListenerArn=arn)["Rules"]]
    hosts = [value for rule in rules for one in rule["Conditions"] for value in one.get("Values", [])]
    parameters = ssm.get_parameters_by_path(Path="/managr/hello", Recursive=True)["Parameters"]
    found = [f"service {service(f'hello-web-{preview}')['serviceName']}"] if service(f"hello-web-{preview}") else []
    found += [f"family {family}" for family in families]
    found += [f"target group {name}" for name in groups if preview in name]
    found += [f"rule for {host}" for host in hosts if preview in host]
    found += [f"parameter {one['Name']}" for one in parameters if preview in one["Name"]]
    return found


def runs():
    commit = git("rev-parse", "HEAD")[:12]
    run("branches.main")
    staging = stands("hello-web-staging")
    check("staging answers", "hello" in answer("staging.hello.test"), answer("staging.hello.test"))

    git("tag", "v1.0")
    run("tags.v*", BITBUCKET_TAG="v1.0")
    prod = stands("hello-web-prod")
    if staging and prod:
        check("production runs the image that staging has", image(prod) == image(staging), (image(prod), image(staging)))
    images = client("ecr").describe_images(repositoryName="hello/hello")["imageDetails"]
    tags = [sorted(one.get("imageTags", [])) for one in images]
    check("it was built once and has both tags", ["prod-v1.0", f"staging-{commit}"] in tags and len(images) == 1, tags)
    check("production answers", "hello" in answer("hello.test"), answer("hello.test"))

    run("pull-requests.**", BITBUCKET_PR_ID="7")
    stands("hello-web-pr-7")
    check("the preview has a host of its own", "from pr-7" in answer("pr-7.hello.test"), answer("pr-7.hello.test"))
    listed = json.loads(managr("preview", "list", "--json"))
    check("it is listed with the end of its time", [one["name"] for one in listed] == ["pr-7"] and
          listed[0]["expiresAt"] - listed[0]["deployedAt"] == 7_200_000, listed)
    check("the plan is kept", (REPO / ".managr/plan.txt").read_text().strip() != "")
    check("what is seen of it is not nothing", len(left_of("pr-7")) >= 5, left_of("pr-7"))
    run("custom.preview-down", BITBUCKET_PR_ID="7")
    check("nothing is left of it", left_of("pr-7") == [], left_of("pr-7"))
    check("what it shared goes on", "hello" in answer("staging.hello.test") and stands("hello-web-staging"))
    check("nor is it listed", managr("preview", "list", "--json").strip() == "[]")


def tidy():
    """Removes what was built here from the builder's own storage."""
    words = ["buildah", "images", "--format", "{{.Name}}:{{.Tag}}"]
    names = subprocess.run(words, text=True, capture_output=True).stdout.split()
    ours = [name for name in names if name.startswith(ENDPOINT.removeprefix("http://") + "/")]
    if ours:
        subprocess.run(["buildah", "rmi", *ours], capture_output=True)


prepare()
files()
imported()
stale()
if BB_RUN:
    try:
        runs()
    finally:
        tidy()
else:
    print("SKIPPED: bb-run needs Python 3.12, which this machine has not: the scripts were not run", flush=True)
if faults:
    sys.exit(f"{len(faults)} faults: " + "; ".join(faults))
