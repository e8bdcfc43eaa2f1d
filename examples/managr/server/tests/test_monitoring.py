"""What reaches an agent, over real sockets."""
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock

import msgpack
from django.test import SimpleTestCase

from app import monitoring


class Metrics(SimpleTestCase):
    def setUp(self):
        self.agent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.agent.bind(("127.0.0.1", 0))
        self.agent.settimeout(5)
        self.addCleanup(self.agent.close)

    def sent(self, act):
        port = self.agent.getsockname()[1]
        with mock.patch.multiple(monitoring, AGENT="127.0.0.1", METRICS_PORT=port, SERVICE="s"):
            act()
        return self.agent.recv(9000).decode()

    def test_each_kind_has_the_agents_grammar(self):
        self.assertEqual(self.sent(lambda: monitoring.metric("a.b", 2, "g", k="v")), "a.b:2|g|#service:s,k:v")
        self.assertEqual(self.sent(lambda: monitoring.event("é", "a\nb")), "_e{2,4}:é|a\\nb|t:info|#service:s")
        self.assertEqual(self.sent(lambda: monitoring.service_check("c", 2)), "_sc|c|2|#service:s")

    def test_nothing_is_sent_and_nothing_fails_without_an_agent(self):
        with mock.patch.object(monitoring, "AGENT", ""):
            monitoring.metric("a", 1)
            monitoring.trace("n", "r", 0, 1)
        self.assertTrue(monitoring._spans.empty())


class Traces(SimpleTestCase):
    def test_a_trace_arrives_as_version_0_4(self):
        taken = {}

        class Agent(BaseHTTPRequestHandler):
            def do_PUT(self):
                taken["path"] = self.path
                taken["body"] = msgpack.unpackb(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Agent)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        with mock.patch.multiple(monitoring, AGENT="127.0.0.1", TRACES_PORT=server.server_port):
            self.assertTrue(monitoring.deliver([[{"service": "s", "name": "n", "trace_id": 2**63 - 1}]]))
        self.assertEqual(taken["path"], "/v0.4/traces")
        self.assertEqual(taken["body"][0][0]["trace_id"], 2**63 - 1)

    def test_an_agent_that_is_away_is_no_error(self):
        with mock.patch.multiple(monitoring, AGENT="127.0.0.1", TRACES_PORT=1):
            self.assertFalse(monitoring.deliver([[{}]]))
