"""A relay in front of a broker that swallows answers."""

import selectors
import socket
import threading

_CHUNK = 1 << 16


class CuttingProxy:
    """Relays each connection to `port` of 127.0.0.1 to the broker at `target`. While it is `deaf`, what the broker answers is
    thrown away; cut() closes every connection. So a client that was deaf and then cut has its requests done and does not
    know it. One thread; close() ends it."""

    def __init__(self, port, target):
        host, _, target_port = target.rpartition(":")
        self.deaf = threading.Event()
        self._target = (host, int(target_port))
        self._listener = socket.create_server(("127.0.0.1", port))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._pairs = {}  # socket: (other end, it is the broker's answers)
        self._cut, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self):
        self._cut.set()

    def close(self):
        self._ended.set()
        self._thread.join(10)

    def _run(self):
        while not self._ended.is_set():
            for key, _ in self._selector.select(0.02):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj in self._pairs:
                    self._relay(key.fileobj)
            if self._cut.is_set():
                self._close_all()
                self._cut.clear()
        self._close_all()
        self._listener.close()

    def _accept(self):
        client, _ = self._listener.accept()
        broker = socket.create_connection(self._target, timeout=5)
        for one, other, answers in ((client, broker, False), (broker, client, True)):
            self._pairs[one] = (other, answers)
            self._selector.register(one, selectors.EVENT_READ)

    def _relay(self, source):
        other, answers = self._pairs[source]
        try:
            data = source.recv(_CHUNK)
            if data and not (answers and self.deaf.is_set()):
                other.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._forget(source)
            self._forget(other)

    def _forget(self, end):
        if self._pairs.pop(end, None) is not None:
            self._selector.unregister(end)
            end.close()

    def _close_all(self):
        for end in list(self._pairs):
            self._forget(end)
