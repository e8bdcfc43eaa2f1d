#!/usr/bin/env python3
"""Into the running example, as people do it today: `aws ecs execute-command` of both versions of the CLI with
our drop-in for its plugin, `aws ssm start-session` for ports, and a client that has nothing of ours
(PyPI's pyssm-client, where there is a Python that it takes)."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from common import CLUSTER, ENDPOINT, FAMILY, check, client, eventually, finish
from terminal import Terminal

MANAGR = os.environ["MANAGR"]
AWS_1, AWS_2 = ["aws"], ["/usr/bin/aws", "--endpoint-url", ENDPOINT]

ecs = client("ecs")
task = ecs.list_tasks(cluster=CLUSTER, family=FAMILY)["taskArns"][0].rsplit("/", 1)[1]

with tempfile.TemporaryDirectory() as bin_dir:
    installed = subprocess.run([MANAGR, "plugin", "install", "--dir", bin_dir], capture_output=True, text=True)
    check("the drop-in is installed", installed.returncode == 0, installed.stderr)
    os.environ["PATH"] = f"{bin_dir}:{os.environ['PATH']}"

    for name, aws in (("AWS CLI 1", AWS_1), ("AWS CLI 2", AWS_2)):
        # What the team has in its alias, word for word.
        words = f"ecs execute-command --cluster {CLUSTER} --task {task} --container managr-app --interactive --command /bin/bash"
        shell = Terminal([*aws, *words.split()])
        check(f"{name}: a session starts", shell.until("Starting session with SessionId: ecs-execute-command-", 60))
        shell.type("PS1='ready> '; stty size\r")
        check(f"{name}: the window's size", shell.until("33 101\r\n"), shell.shown[-300:])
        shell.type("echo $((6 * 7)) čeština\r")
        check(f"{name}: an answer, in UTF-8", shell.until("42 čeština\r\n"), shell.shown[-300:])
        shell.resize(120, 50)
        shell.type("while [ \"$(stty size)\" != '50 120' ]; do sleep 0.1; done; echo wi''der\r")
        check(f"{name}: a change of the window's size", shell.until("wider\r\n"), shell.shown[-300:])
        # What says so is in the foreground already: a Ctrl-C before bash has given the terminal away is bash's own.
        shell.type("sh -c \"echo slee''ping; exec sleep 1000\"\r")
        check(f"{name}: a command runs", shell.until("sleeping\r\n"), shell.shown[-300:])
        shell.type("\x03")
        # What is typed while bash changes the terminal's mode may wait in it for the next key.
        shell.until("ready> ")
        shell.type("echo \"code $?\"\r")
        check(f"{name}: Ctrl-C ends the command and not the shell", shell.until("code 130\r\n"), shell.shown[-300:])
        shell.until("ready> ")
        shell.type("exit 3\r")
        check(f"{name}: it says that the session is over", shell.until("Exiting session with sessionId: "), shell.shown[-300:])
        check(f"{name}: it ends", shell.end() == 0, shell.shown[-300:])
        check(f"{name}: the terminal is as before", shell.is_as_before())

    containers = ecs.describe_tasks(cluster=CLUSTER, tasks=[task])["tasks"][0]["containers"]
    runtime = next(c["runtimeId"] for c in containers if c["name"] == "managr-app")
    agents = next(c.get("managedAgents") for c in containers if c["name"] == "managr-app")
    check("the agent runs", agents and agents[0]["lastStatus"] == "RUNNING", agents)

    # A port that the container has, and none of this machine: gunicorn behind nginx.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        local = free.getsockname()[1]
    target = f"ecs:{CLUSTER}_{task}_{runtime}"
    parameters = json.dumps({"portNumber": ["8000"], "localPortNumber": [str(local)]})
    forward = subprocess.Popen(
        ["aws", "ssm", "start-session", "--target", target, "--document-name", "AWS-StartPortForwardingSession",
         "--parameters", parameters], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip

    def health():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{local}/health-check", timeout=5).status == 200
        except OSError:
            return False

    eventually("aws ssm start-session forwards a port", health)
    ssm = client("ssm")
    active = ssm.describe_sessions(State="Active")["Sessions"]
    check("the session is listed", [s["Target"] for s in active] == [target], active)
    os.killpg(forward.pid, signal.SIGINT)  # as a terminal does
    check("Ctrl-C ends it", forward.wait(20) is not None)
    eventually("and it is no longer active", lambda: not ssm.describe_sessions(State="Active")["Sessions"], 40)

# An independent client.
PYSSM = os.environ.get("PYSSM")
if PYSSM:
    answer = ecs.execute_command(cluster=CLUSTER, task=task, container="managr-app", interactive=True, command="/bin/sh")
    shell = Terminal([PYSSM, "connect", json.dumps({**answer["session"], "target": f"ecs:{CLUSTER}_{task}_{runtime}"})])
    time.sleep(1)
    shell.type("echo $((6 * 7)) wor''ld\r")
    check("pyssm-client: an answer", shell.until("42 world\r", 30), shell.shown[-500:])
    shell.type("exit\r")
    check("pyssm-client: it ends", shell.end() is not None, shell.shown[-300:])
else:
    print("skipped: pyssm-client needs Python 3.12 or newer, and this machine has none")

finish()
