"""Real OpenSearch and Elasticsearch servers on free loopback ports."""

import json
import os
import pathlib
import shutil
import tempfile

import requests

from . import process
from .databases import NOBODY
from .databases import _as_nobody as as_nobody
from .wait import wait_until

CACHE = "~/.cache/waybill"
OPENSEARCH, ELASTICSEARCH = "opensearch-2.19.4", "elasticsearch-6.8.23"


class SearchServer:
    """One node. start() after stop() or kill() goes on with the same data and port; close() removes everything."""

    def __init__(self, release):
        """`release`: the name of a folder that `./dev deps` has unpacked."""
        product = release.partition("-")[0]
        root = pathlib.Path(os.environ.get("WAYBILL_SEARCH_SERVERS") or CACHE).expanduser() / release
        if not (root / "bin" / product).exists():
            raise RuntimeError(f"no {root}; run: ./dev deps")
        # Not below pytest's folders: those are closed to other users.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="waybill-search-"))
        self.folder.chmod(0o755)
        self.home = self.folder / release
        shutil.copytree(root, self.home, symlinks=True)
        self.log = self.folder / "log"
        if os.geteuid() == 0:
            for path in [self.home, *self.home.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)
        self.port, transport = process.free_port(), process.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = requests.Session()
        self.process = None
        options = {"discovery.type": "single-node", "http.port": self.port, "transport.port": transport,
                   "network.host": "127.0.0.1", "cluster.routing.allocation.disk.threshold_enabled": "false"}
        if product == "elasticsearch":
            options["transport.tcp.port"] = options.pop("transport.port")
        self.command = [*as_nobody(), "bash", str(self.home / "bin" / product), *(f"-E{k}={v}" for k, v in options.items())]
        java = str(pathlib.Path(shutil.which("java")).resolve().parents[1])
        heap = "-Xms512m -Xmx512m"
        self.environment = process.environment(HOME=self.folder, JAVA_HOME=java, OPENSEARCH_JAVA_HOME=java, ES_JAVA_HOME=java,
                                               OPENSEARCH_JAVA_OPTS=heap, ES_JAVA_OPTS=heap)

    def start(self, timeout=90.0):
        self.process = process.start(self.command, log=self.log, cwd=self.home, env=self.environment)
        wait_until(self._answers, timeout, f"{self.url} answers\n{process.tail(self.log)}")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}\n{process.tail(self.log)}")
        try:
            return self.http.get(f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def kill(self):
        """SIGKILL; what was acknowledged is on disk."""
        self.process.kill()
        self.process.wait(10)

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what tests ask it ----

    def call(self, method, path, body=None, ok=True, **params):
        answer = self.http.request(method, self.url + path, params=params, timeout=30,
                                   data=json.dumps(body) if body is not None else None,
                                   headers={"Content-Type": "application/json"} if body is not None else None)
        assert not ok or answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.text else {}

    @property
    def typed(self):
        return "elasticsearch-6" in self.home.name

    def make_log_index(self, name):
        """As shippers of logs make them: the time is a date, the rest text."""
        mapping = {"properties": {"addDate": {"type": "date"}, "message": {"type": "text"}, "logLevel": {"type": "keyword"}}}
        self.call("PUT", f"/{name}", {"settings": {"number_of_shards": 2, "number_of_replicas": 0},
                                      "mappings": {"log4j": mapping} if self.typed else mapping})

    def index(self, documents, refresh=True):
        """Indexes (index, id, document) triples."""
        for start in range(0, len(documents), 2000):
            lines = []
            for name, key, document in documents[start:start + 2000]:
                action = {"_index": name, "_id": key, **({"_type": "log4j"} if self.typed else {})}
                lines += [json.dumps({"index": action}), json.dumps(document)]
            answer = self.http.post(f"{self.url}/_bulk", data=("\n".join(lines) + "\n").encode(), timeout=60,
                                    headers={"Content-Type": "application/x-ndjson"}).json()
            assert not answer["errors"], [i for i in answer["items"] if i["index"]["status"] >= 300][:3]
        if refresh:
            self.call("POST", "/_refresh")

    def count(self, alias, query=None):
        """Documents that match a query as people type it."""
        self.call("POST", f"/{alias}/_refresh", ok=False)
        body = {"query": {"query_string": {"query": query}}} if query else {"query": {"match_all": {}}}
        answer = self.call("GET", f"/{alias}/_count", body, ok=False)
        return answer.get("count", 0)

    def documents(self, alias, query=None):
        """All of them, by _id."""
        self.call("POST", f"/{alias}/_refresh", ok=False)
        body = {"size": 2000, "query": {"query_string": {"query": query}} if query else {"match_all": {}}, "sort": ["_doc"]}
        page = self.call("POST", f"/{alias}/_search", body, scroll="1m")
        found = {}
        while page["hits"]["hits"]:
            found.update({hit["_id"]: hit["_source"] for hit in page["hits"]["hits"]})
            page = self.call("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        return found

    def clear(self):
        """Removes every index and template of the tests."""
        self.call("DELETE", "/log4j-*,audit-*,waybill-*", ok=False, allow_no_indices="true", expand_wildcards="all")
        self.call("DELETE", "/_template/waybill-*", ok=False)
        if not self.typed:
            self.call("DELETE", "/_index_template/waybill-*", ok=False)
