"""`waybill run` under test: a generated configuration, a free port, an API client."""

import os
import pathlib
import signal
import subprocess

import requests
import yaml

from . import process
from .wait import wait_until

# Where WAYBILL_FAILPOINT="NAME:COUNT" ends the process, at the COUNTth time.
FAILPOINTS = ("flush.before", "flush.after", "commit.before", "commit.rows", "commit.after", "publish.after")


class Waybill:
    """One `waybill run`. start() after stop() or kill() goes on with the same store, group and port."""

    def __init__(self, binary, folder, bootstrap=None, audit_topic=None, audit=None, config=None, command=None):
        """`audit` and `config` are merged over the generated configuration, which without `bootstrap` has no cluster;
        `command` goes in front of the binary."""
        self.binary = pathlib.Path(binary)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = process.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / "waybill.log"
        self.store = self.folder / "waybill.db"
        self.config_file = self.folder / "waybill.yaml"
        self.command = command or []
        self.process = None
        self._http = requests.Session()
        settings = {"listen": f"127.0.0.1:{self.port}", "store": f"sqlite:{self.store}"}
        if bootstrap:
            settings.update(clusters={"main": {"bootstrap.servers": bootstrap}},
                            audit={"clusters": ["main"], "topic": audit_topic, **(audit or {})})
        self.config_file.write_text(yaml.safe_dump({**settings, **(config or {})}, sort_keys=False))

    def start(self, ready=True, timeout=30.0, **env):
        """Starts it and, with `ready`, waits until it says so."""
        self.process = process.start([*self.command, str(self.binary), "run", "-c", str(self.config_file)],
                                     log=self.log, cwd=self.folder, env=process.environment(**env))
        if ready:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=30.0):
        wait_until(self._ready, timeout, f"{self.url}/readyz\n{process.tail(self.log)}")

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"waybill ended with {self.process.returncode}\n{process.tail(self.log)}")
        return self.status("/readyz") == 200

    def status(self, path):
        """The HTTP status, or None when nobody answers."""
        try:
            return self._http.get(self.url + path, timeout=10).status_code
        except requests.RequestException:
            return None

    def stop(self, timeout=15.0, codes=(0,)):
        """SIGTERM; it must finish by itself with one of the exit codes: 3 is for servers that went away meanwhile."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            code = self.process.wait(timeout)
            assert code in codes, f"exit code {code} after SIGTERM\n{process.tail(self.log)}"

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def close(self):
        self._http.close()
        if self.process is not None:
            process.stop(self.process, timeout=2)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # ---- API ----

    def request(self, path, **params):
        return self._http.get(self.url + path, params=params, timeout=20)

    def get(self, path, **params):
        """The JSON answer of an API path. Anything but 200 fails; an answer that cannot be had yet is "not yet"."""
        try:
            answer = self.request(path, **params)
        except requests.RequestException as error:
            raise AssertionError(f"{path}: {error}\n{process.tail(self.log, 10)}") from error
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def topic(self, name):
        """The entry of one topic in /api/v1/topics."""
        found = [topic for topic in self.get("/api/v1/topics")["topics"] if topic["name"] == name]
        assert found, f"topic {name} is not listed"
        return found[0]

    def group(self, topic, name):
        found = [group for group in self.topic(topic)["groups"] if group["name"] == name]
        assert found, f"group {name} is not listed under {topic}"
        return found[0]

    def buckets(self, topic, **params):
        return self.get(f"/api/v1/topics/{topic}/buckets", **params)

    def findings(self, topic, **params):
        """All pages of the findings."""
        result, following = [], None
        while True:
            page = self.get(f"/api/v1/topics/{topic}/findings", **params, **({"next": following} if following else {}))
            result.extend(page["findings"])
            following = page["next"]
            if following is None:
                return result

    def reporters(self):
        return self.get("/api/v1/reporters")["reporters"]

    def metrics(self):
        try:
            answer = self.request("/metrics")
        except requests.RequestException as error:
            raise AssertionError(f"/metrics: {error}") from error
        assert answer.status_code == 200, answer.text
        return answer.text

    def metric(self, name, **labels):
        """Sum of the samples of a metric whose labels include the given ones."""
        total = 0.0
        for line in self.metrics().splitlines():
            if line.startswith((name + "{", name + " ")) and all(f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total


def run_command(binary, *arguments, timeout=60, input=None, cwd=None, **env):
    """One run of a waybill command to its end, with its output as text."""
    return subprocess.run([str(binary), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          input=input, cwd=cwd, env=process.environment(**env))
