"""What the checks share: the names of the running example, a watched session, and waiting."""
import os
import sys
import time

import boto3
import botocore.config

import wirecheck

ENDPOINT = os.environ.setdefault("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

APP = "http://127.0.0.1:8080"
CLUSTER, SERVICE, FAMILY = "managr-cluster", "managr-app-local", "managr-app-task-local"
GROUP, SECRET = "/managr/local", "managr/local"
CONTAINERS = {
    "managr-app",
    "managr-app-proxy",
    "managr-app-worker",
    "managr-app-scheduled-tasks",
    "nginx-config",
    "datadog-agent",
}

watch = wirecheck.Watch()
_session = boto3.Session()
watch.attach(_session)
_config = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
_faults = []


def client(name):
    """A boto3 client whose every answer is held against the service's model."""
    return _session.client(name, config=_config)


def check(words, holds, seen=""):
    """Notes one statement and whether it holds."""
    print(f"{'ok' if holds else 'FAULT'}: {words}" + (f" [{seen}]" if seen and not holds else ""), flush=True)
    if not holds:
        _faults.append(words)


def eventually(words, look, seconds=30):
    """Notes a statement that must come to hold; `look` returns what it saw, truthy once it holds."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen or time.monotonic() > end:
            break
        time.sleep(0.5)
    check(words, bool(seen))
    return seen


def finish():
    """Ends the program: 0 when everything held and no answer broke its model."""
    for fault in watch.faults:
        check(f"answers as the model says: {fault}", False)
    held = f"{watch.answers} answers held against the models, " if watch.answers else ""
    print(f"{held}{len(_faults)} faults")
    sys.exit(1 if _faults else 0)
