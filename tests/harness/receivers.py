"""Receivers of alerts: HTTP and SMTP servers that keep what they get, and Debian's Alertmanager."""

import email
import email.policy
import http.server
import json
import pathlib
import shutil
import socketserver
import threading
import time

import requests

from . import process
from .wait import wait_until


class HttpReceiver:
    """Keeps each POST as (seconds, path, headers, body). `answer` is (status, body, headers)."""

    def __init__(self, port=0, answer=(200, b"{}", {})):
        self.requests = []
        self.answer = answer
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((time.time(), self.path, dict(self.headers), body))
                status, reply, headers = outer.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def bodies(self):
        return [json.loads(body) for _, _, _, body in list(self.requests)]

    def alerts(self):
        """Every alert of every Alertmanager-like body, in order of arrival."""
        return [alert for body in self.bodies() for alert in body["alerts"]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class MailReceiver:
    """A mail server that keeps (sender, recipients, message)."""

    def __init__(self):
        self.mails = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self):
                self.say("220 test ESMTP")
                sender, to = None, []
                while line := self.rfile.readline():
                    word = line.split(b" ")[0].strip().upper()
                    if word in (b"EHLO", b"HELO"):
                        self.say("250 test")
                    elif word == b"MAIL":
                        sender, to = line.decode().split("<")[1].split(">")[0], []
                        self.say("250 ok")
                    elif word == b"RCPT":
                        to.append(line.decode().split("<")[1].split(">")[0])
                        self.say("250 ok")
                    elif word == b"DATA":
                        self.say("354 go on")
                        lines = []
                        while (part := self.rfile.readline()) not in (b".\r\n", b""):
                            lines.append(part[1:] if part.startswith(b"..") else part)
                        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                        outer.mails.append((sender, to, message))
                        self.say("250 taken")
                    elif word == b"QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("502 what?")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Alertmanager:
    """Debian's Alertmanager without receivers of its own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = process.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        (self.folder / "alertmanager.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")

    def start(self):
        program = shutil.which("prometheus-alertmanager") or "/usr/bin/prometheus-alertmanager"
        self.process = process.start(
            [program, f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="],
            log=self.folder / "alertmanager.log", cwd=self.folder)
        wait_until(self._ready, 15, f"Alertmanager\n{process.tail(self.folder / 'alertmanager.log')}")
        return self

    def _ready(self):
        try:
            return requests.get(self.url + "/-/ready", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def alerts(self):
        return requests.get(self.url + "/api/v2/alerts", timeout=5).json()

    def close(self):
        if self.process is not None:
            process.stop(self.process, timeout=3)
