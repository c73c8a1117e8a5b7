"""Log documents with known faults, and a `waybill run` that reads them."""

import datetime
import json
import subprocess
import time
import zlib

import yaml

from harness.waybill import Waybill

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
PAGE = 1000  # exceptions asked for at once
FIELDS = ("hostName", "ip", "serLoc", "applicationId")


class Logs:
    """`documents` in the order of their times, `truth` as `waybill gen ledger` writes it."""

    def __init__(self, lines, truth, begin_ms):
        self.truth = truth
        self.documents = []
        now = begin_ms
        for number, line in enumerate(lines):
            event = _event(line)
            now = max(now, event.get("ctime") or event.get("ptime") or 0)
            self.documents.append(document(number, line.decode(errors="replace"), now, "ctime" in event))

    @property
    def roster(self):
        return [{"name": name, "desc": f"service {name[:4]}", "consumers": {queue: f"handles {queue}" for queue in consumers}}
                for name, consumers in self.truth["roster"].items()]

    def events(self):
        """(produced, consumed): what the lines say, by (producer, uid) and by (producer, uid, consumer), first lines only."""
        produced, consumed = {}, {}
        for _, _, source in self.documents:
            event = _event(source["message"].encode())
            if event.get("type") == "tmmProduce" and event.get("st") == 1:
                produced.setdefault((event["producer"], event["uid"]), (event, source))
            elif event.get("type") == "tmmConsume":
                consumed.setdefault((event["producer"], event["uid"], event["consumer"]), (event, source))
        return produced, consumed


def _event(line):
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def document(number, message, time_ms, consumer):
    """(index, id, source): the index by the local day, the time in UTC without a zone."""
    moment = datetime.datetime.fromtimestamp(time_ms / 1000, datetime.timezone.utc)
    source = {"hostName": f"{'handler' if consumer else 'sender'}-{zlib.crc32(message.encode()) % 3}", "serLoc": "DGDC",
              "logLevel": "INFO", "ip": "10.100.12.86" if consumer else "10.100.12.85", "message": message,
              "applicationId": "tmm_customer" if consumer else "tmm_producer",
              "addDate": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03}"}
    return "log4j-" + moment.astimezone(SHANGHAI).strftime("%Y%m%d"), f"doc-{number}", source


def make_logs(binary, folder, messages, seed=5, ago_ms=100_000, **options):
    begin_ms = int(time.time() * 1000) - ago_ms
    settings = {"messages": messages, "seed": seed, "producers": 8, "spread-ms": 20_000, "lost-ppm": 6000, "duplicated-ppm": 6000,
                "unrecorded-ppm": 5000, "malformed-ppm": 2000, "ignored-ppm": 2000, "begin-ms": begin_ms, **options}
    flags = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    subprocess.run([binary, "gen", "ledger", *flags, "--out", folder / "app.log", "--truth", folder / "truth.json"],
                   check=True, timeout=60)
    return Logs((folder / "app.log").read_bytes().splitlines(), json.loads((folder / "truth.json").read_text()), begin_ms)


class SearchWaybill(Waybill):
    """A ledger `orders` over log4j-* of a search server, whose documents go to audit-tmm at `index_at`."""

    def __init__(self, binary, folder, search, logs, index_at=None, source=None, index=None, server=None, store=None, **ledger):
        super().__init__(binary, folder, "127.0.0.1:1", "none")
        self.search = search
        settings = {
            "listen": f"127.0.0.1:{self.port}", "store": store or f"sqlite:{self.store}",
            "search": {"logs": {"urls": [search.url], **(server or {})}, "out": {"urls": [index_at or search.url], "timeout": "5s"}},
            "ledgers": {"orders": {"producers": logs.roster, "deadline": "2s",
                                   "source": {"search": "logs", "index": "log4j-*", "reread": "1s", **(source or {})},
                                   "index": {"search": "out", **(index or {})}, **ledger}}}
        self.config_file.write_text(yaml.safe_dump(settings, sort_keys=False))

    def ledger(self):
        return self.get("/api/v1/ledgers")["ledgers"][0]


def load(search, logs, count=None):
    """All indices, and the first `count` documents."""
    search.clear()
    for name in {index for index, _, _ in logs.documents}:
        search.make_log_index(name)
    search.index(logs.documents[:count])


def named(documents):
    """Documents of the index as "uid|consumer", sorted."""
    return sorted(f"{source['uid']}|{source['consumer']}" for source in documents.values())


def expected_documents(logs):
    """{(producer, uid, consumer): document} as the index must have them."""
    produced, consumed = logs.events()
    descs = {producer["name"]: producer for producer in logs.roster}
    out = {}
    keys = {(p, uid, queue) for p, uid in produced for queue in logs.truth["roster"][p]} | set(consumed)
    for producer, uid, queue in keys:
        sent, handled = produced.get((producer, uid)), consumed.get((producer, uid, queue))
        event = sent or handled
        made = {"producer": producer, "uid": uid, "consumer": queue, "produce_time": event[0]["ptime"],
                "desc": descs[producer]["desc"], "consumer_desc": descs[producer]["consumers"][queue]}
        if sent:
            made |= {"mq_chanel": queue, "produce_log": {field: sent[1][field] for field in FIELDS}}
        if handled:
            made |= {"ctime": handled[0]["ctime"] - handled[0]["ptime"], "consume_time": handled[0]["ctime"],
                     "consume_log": {field: handled[1][field] for field in FIELDS}}
        for field in FIELDS:
            values = list(dict.fromkeys(source[1][field] for source in (sent, handled) if source))
            made[field] = values if len(values) > 1 else values[0]
        out[producer, uid, queue] = made
    return out
