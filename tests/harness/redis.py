"""A Redis server that belongs to the tests, and a client of a few lines."""

import pathlib
import shutil
import socket
import tempfile

from . import process
from .wait import wait_until


class Redis:
    """start() and stop() may alternate: the port stays, what it held is gone unless it was saved. close() removes
    everything. It is a client, too: redis("HGETALL", key)."""

    def __init__(self, *options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="waybill-redis-"))
        self.port = process.free_port()
        self.options = options
        self.log = self.folder / "log"
        self.password = options[options.index("--requirepass") + 1] if "--requirepass" in options else None
        self.server = None
        self._stream = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        self.server = process.start(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", str(self.folder), *self.options], log=self.log)
        wait_until(self._answers, 15, f"redis answers\n{process.tail(self.log)}")
        return self

    def _answers(self):
        assert self.server.poll() is None, process.tail(self.log)
        try:
            return self("PING") == "PONG"
        except OSError:
            return False

    def stop(self):
        """SIGKILL."""
        self._disconnect()
        self.server.kill()
        self.server.wait(10)
        self.server = None

    def close(self):
        self._disconnect()
        if self.server is not None:
            process.stop(self.server)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- client ----

    def __call__(self, *words):
        """The reply: str, int, None or a list; an error is raised."""
        return self.pipeline([words])[0]

    def pipeline(self, commands):
        if self._stream is None:
            self._connect()
        try:
            for words in commands:
                self._send(words)
            self._stream.flush()
            return [self._reply() for _ in commands]
        except OSError:
            self._disconnect()
            raise

    def hashes(self, pattern="waybill:*"):
        """All hashes whose keys match, as dicts by key."""
        keys = self("KEYS", pattern)
        types = self.pipeline([("TYPE", key) for key in keys]) if keys else []
        keys = [key for key, kind in zip(keys, types) if kind == "hash"]
        found = self.pipeline([("HGETALL", key) for key in keys]) if keys else []
        return {key: dict(zip(flat[::2], flat[1::2])) for key, flat in zip(keys, found)}

    def _connect(self):
        self._stream = socket.create_connection(("127.0.0.1", self.port), timeout=10).makefile("rwb")
        if self.password is not None:
            self._send(("AUTH", self.password))
            self._stream.flush()
            self._reply()

    def _disconnect(self):
        if self._stream is not None:
            try:
                self._stream.close()
            except OSError:
                pass
        self._stream = None

    def _send(self, words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self._stream.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))

    def _reply(self):
        line = self._stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("redis closed the connection")
        kind, text = line[:1], line[1:-2].decode()
        if kind == b"+":
            return text
        if kind == b"-":
            raise RuntimeError(text)
        if kind == b":":
            return int(text)
        size = int(text)
        if kind == b"$":
            return None if size < 0 else self._stream.read(size + 2)[:-2].decode(errors="surrogateescape")
        return None if size < 0 else [self._reply() for _ in range(size)]
