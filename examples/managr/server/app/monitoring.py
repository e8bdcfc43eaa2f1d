"""Sends metrics (DogStatsD over UDP) and traces (APM v0.4 over HTTP) to the task's Datadog agent.

Monitoring must never fail or delay a request: metrics are fire and forget, traces leave from one
thread whose queue drops when it is full, and without DD_AGENT_HOST nothing is sent at all.
"""
import http.client
import os
import queue
import random
import socket
import threading
import time

import msgpack

AGENT = os.environ.get("DD_AGENT_HOST", "")
SERVICE = os.environ.get("DD_SERVICE", "managr-app")
METRICS_PORT = int(os.environ.get("DD_DOGSTATSD_PORT", "8125"))
TRACES_PORT = int(os.environ.get("DD_TRACE_AGENT_PORT", "8126"))

_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
_spans = queue.Queue(maxsize=1000)
_sender = None
_sender_lock = threading.Lock()


def metric(name, value, kind="c", **tags):
    """Sends one metric; kind is DogStatsD's letter: c, g, h, d, ms or s."""
    _send(f"{name}:{value}|{kind}" + _tags(tags))


def event(title, text, alert="info", **tags):
    """Sends one event."""
    title, text = title.replace("\n", "\\n"), text.replace("\n", "\\n")
    lengths = f"{len(title.encode())},{len(text.encode())}"
    _send(f"_e{{{lengths}}}:{title}|{text}|t:{alert}" + _tags(tags))


def service_check(name, status, **tags):
    """Sends one service check; status is 0 ok, 1 warning, 2 critical or 3 unknown."""
    _send(f"_sc|{name}|{status}" + _tags(tags))


def _tags(tags):
    return "|#" + ",".join(f"{key}:{value}" for key, value in {"service": SERVICE, **tags}.items())


def _send(line):
    if AGENT:
        try:
            _socket.sendto(line.encode(), (AGENT, METRICS_PORT))
        except OSError:
            pass  # the agent is away; the application is not


def trace(name, resource, start, seconds, error=False, **meta):
    """Queues a trace of one span; start is seconds since the epoch."""
    if not AGENT:
        return
    span = {
        "service": SERVICE,
        "name": name,
        "resource": resource,
        "trace_id": random.getrandbits(63),
        "span_id": random.getrandbits(63),
        "parent_id": 0,
        "start": int(start * 1e9),
        "duration": int(seconds * 1e9),
        "error": int(error),
        "meta": meta,
        "type": "web",
    }
    try:
        _spans.put_nowait(span)
    except queue.Full:
        return
    _start_sender()


def _start_sender():
    # Not at import: gunicorn forks, and a thread does not survive that.
    global _sender
    with _sender_lock:
        if _sender is None or not _sender.is_alive():
            _sender = threading.Thread(target=_drain, name="traces", daemon=True)
            _sender.start()


def _drain():
    while True:
        spans = [_spans.get()]
        while len(spans) < 100:
            try:
                spans.append(_spans.get_nowait())
            except queue.Empty:
                break
        deliver([[span] for span in spans])


def deliver(traces):
    """Sends traces now; returns whether the agent took them."""
    connection = http.client.HTTPConnection(AGENT, TRACES_PORT, timeout=2)
    headers = {"Content-Type": "application/msgpack", "X-Datadog-Trace-Count": str(len(traces))}
    try:
        connection.request("PUT", "/v0.4/traces", msgpack.packb(traces), headers)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


class TraceRequests:
    """Middleware: one trace, one count and one timing per request; health checks are left out."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        start, begun = time.time(), time.monotonic()
        response = self.get_response(request)
        if request.path != "/health-check":
            seconds, status = time.monotonic() - begun, response.status_code
            metric("managr.requests", 1, "c", status=status)
            metric("managr.request.time", round(seconds * 1000, 3), "ms")
            resource = f"{request.method} {request.path}"
            trace("django.request", resource, start, seconds, status >= 500, **{"http.status_code": str(status)})
        return response
