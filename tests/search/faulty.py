"""A server in front of a search server that fails on purpose."""

import base64
import collections
import http.server
import json
import ssl
import threading

import requests

from harness import process


class FaultyProxy:
    """Relays to `target`. Each request whose path holds `where` takes the next of `faults`, until there are none:
    429, 503: refused with that status; "lost": done, and the connection ends without an answer; "half": done, and the answer
    ends in its middle; "items": only every second document of a bulk is done, the others are told 429; "fine": relayed.
    `hits` counts what was done."""

    def __init__(self, target, where, faults=(), certificate=None, password=None):
        """With `certificate` (a file with key and certificate) it speaks TLS; with `password`, "user:password", it asks for that."""
        self.target, self.where = target, where
        self.password = password
        self.faults = collections.deque(faults)
        self.hits = collections.Counter()
        self.port = process.free_port()
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                proxy.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if self.password is not None:
            wanted = "Basic " + base64.b64encode(self.password.encode()).decode()
            if request.headers.get("Authorization") != wanted:
                return self.send(request, 401, b'{"error":{"type":"security_exception","reason":"missing credentials"}}')
        fault = self.faults.popleft() if self.where in request.path and self.faults else None
        if fault is not None:
            self.hits[fault] += 1
        if fault in (429, 503):
            return self.send(request, fault, b'{"error":{"type":"es_rejected_execution_exception","reason":"queue is full"}}')
        if fault == "items":
            return self.send(request, 200, self.every_second(request, body))
        answer = self.relay(request, body)
        if fault == "lost":
            request.close_connection = True
            return None
        return self.send(request, answer.status_code, answer.content, half=fault == "half")

    def relay(self, request, body):
        headers = {name: value for name, value in request.headers.items() if name.lower() == "content-type"}
        return requests.request(request.command, self.target + request.path, data=body or None, headers=headers, timeout=30)

    def every_second(self, request, body):
        lines = body.decode().splitlines(keepends=True)
        pairs = [lines[i] + lines[i + 1] for i in range(0, len(lines), 2)]
        request.path = request.path.partition("?")[0]
        done = iter(self.relay(request, "".join(pairs[::2]).encode()).json()["items"])
        busy = {"index": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}}}
        return json.dumps({"errors": True, "items": [busy if i % 2 else next(done) for i in range(len(pairs))]}).encode()

    @staticmethod
    def send(request, status, content, half=False):
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[:len(content) // 2] if half else content)
        if half:
            request.close_connection = True
