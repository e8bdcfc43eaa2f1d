#!/usr/bin/env python3
"""The example as its users see it: through the balancer, nginx and Django, and what happens behind."""
import json
import re
import urllib.error
import urllib.request

from common import APP, CLUSTER, FAMILY, GROUP, SECRET, SERVICE, check, client, eventually, finish

ecs, logs = client("ecs"), client("logs")


def ask(path, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(APP + path, None if body is None else json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def said(container, words):
    """Returns the lines of a container of the running task that hold all `words`."""
    stream = f"/{container}/{task}"
    found = []
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP):
        lines = (e["message"] for e in page["events"] if e["logStreamName"].endswith(stream))
        found += [line for line in lines if all(word in line for word in words)]
    return found


task = ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE)["taskArns"][0].rsplit("/", 1)[-1]
revision = ecs.describe_task_definition(taskDefinition=FAMILY)["taskDefinition"]["revision"]
secrets = json.loads(client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])

status, headers, page = ask("/")
check("the page answers 200 through the balancer", status == 200, status)
check("nginx was on the way", "managr-app-proxy" in headers.get("Via", ""), dict(headers))
check("the page names the task that answered", task in page)
check("the page holds no secret", not any(value in page for value in secrets.values()))

status, _, body = ask("/", Accept="application/json")
facts = json.loads(body) if status == 200 else {}
way = {hop["header"]: hop["value"] for hop in facts.get("way", [])}
check("the balancer added X-Amzn-Trace-Id", re.match(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}$", way.get("X-Amzn-Trace-Id", "")), way)
check("X-Forwarded-For names the client, then the balancer", way.get("X-Forwarded-For", "").startswith("127.0.0.1, "), way)
check("X-Forwarded-Proto is http", way.get("X-Forwarded-Proto") == "http", way)
check("nginx added its own", way.get("X-Proxy", "").startswith("nginx/"), way)
check("Django in gunicorn answered", facts.get("server", "").startswith("gunicorn/"), facts)
check("the metadata endpoint told the container's name", facts.get("container") == "managr-app", facts)
check("and the family and revision", (facts.get("family"), facts.get("revision")) == (FAMILY, str(revision)), facts)
check("a plain variable arrived", facts.get("greeting") == "Hello from managr", facts)
length = len(secrets.get("SECRET_KEY", ""))
check("the secret arrived whole", length > 0 and facts.get("secret_key") == f"present, {length} characters", facts)
check("a secret for another container did not", facts.get("dd_api_key") == "not given to this container", facts)

script = re.search(r'src="(/static/[^"]+\.js)"', page)
check("the page names its built front end", script, page[:300])
if script:
    status, headers, text = ask(script.group(1))
    check("the front end is served, and may be cached for ever", status == 200 and "immutable" in headers.get("Cache-Control", ""), dict(headers))
    check("it is a bundle", "/jobs" in text and "import " not in text)

check("a wrong path is Django's 404", ask("/nowhere")[0] == 404)
check("the health check answers", ask("/health-check")[0] == 200)


def job(text):
    status, _, body = ask("/jobs", {"text": text}, Content_Type="application/json")
    check(f"job {text!r} is queued", status == 201, body)
    return json.loads(body)["id"] if status == 201 else None


def state(number):
    found = [j for j in json.loads(ask("/jobs")[2])["jobs"] if j["id"] == number]
    return found and found[0]["state"] in ("done", "failed") and found[0]


one, two = job("one two three"), job("fail")
done = eventually("the worker did it", lambda: state(one))
check("with the right result", done and (done["state"], done["result"]) == ("done", "3 words, 13 characters"), done)
failed = eventually("and it survives one that fails", lambda: state(two))
check("which is marked so", failed and failed["state"] == "failed", failed)
eventually("the worker's log says so", lambda: said("managr-app-worker", [f"job {one} done"]))

runs = eventually("the crontab ran within 70 s", lambda: json.loads(ask("/jobs")[2])["scheduled"], 70)
check("and swept", runs and "removed" in runs[0]["said"], runs)
eventually("its output is in the container's log", lambda: said("managr-app-scheduled-tasks", ["removed", "jobs"]))
eventually("nginx-config said what it wrote", lambda: said("nginx-config", ["wrote"]))
eventually("nginx logged requests with the balancer's trace", lambda: said("managr-app-proxy", ["GET / HTTP", "trace=Root=1-"]))
eventually("the agent took metrics", lambda: said("datadog-agent", ["metric", "managr.requests"]))
eventually("and traces", lambda: said("datadog-agent", ["trace", "django.request", 'resource="GET /"']))
eventually("and the failed job's event", lambda: said("datadog-agent", ["event", "alert=error"]))
eventually("and the sweep's service check", lambda: said("datadog-agent", ["check", "managr.sweep"]))
check("the agent got its key", said("datadog-agent", ["DD_API_KEY present"]))
for value in secrets.values():
    check("no log holds a secret", not any(said(c, [value]) for c in ("managr-app", "managr-app-worker", "datadog-agent")))
finish()
