#!/usr/bin/env python3
"""Precision and recall of the verdicts: `./dev accuracy [--defects K] [--messages N] [--only KIND,...]`.

Injects K defects of each kind for which a verdict is promised into N messages on a real broker, compares what `waybill run`
says with what was injected, offset by offset, prints a table, and writes it to docs/accuracy.md when it is a full run. Exits 1
when anything was missed or too much. What is true is known from the plan, from what the clients were told, and, for readers
that were killed, from their own reports; never from the program under test."""

import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

from accuracy_kinds import KINDS  # noqa: E402
from harness import oracle, reports  # noqa: E402
from harness.clients import Clients  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.waybill import Waybill, run_command  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WAYBILL_BUILD", ROOT / "build" / "release")).resolve()
PAGE = ROOT / "docs" / "accuracy.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
JUDGED_WITHIN = int(os.environ.get("WAYBILL_JUDGED_WITHIN", "240"))  # seconds after the last injection


HEAD = """`./dev accuracy` ({version}): {defects} defects of each kind in {count:,} messages on a real broker, compared offset by
offset with the answers of the API, up to {within} s after the last injection: the last answer counts. The collector
itself is left alone here; `tests/test_oracle.py` kills it. An operator's acts (accepted, replayed) are no defects and
not in the table; nor are markers of transactions, which nobody claims and which give no finding.

"""


class Bench:
    """What the kinds share: a broker, a collector, a maker of clients, and how much to inject."""

    def __init__(self, folder, options):
        self.defects, self.messages = options.defects, options.messages
        self.kafka = LocalBroker(folder, group_min_session_timeout_ms=1000, log_cleaner_backoff_ms=1000)
        self.kafka.start()
        self.audit_topic = self.kafka.create_topic("waybill-reports", partitions=16)
        self.clients = Clients(self.kafka.bootstrap, BUILD / "libwaybill_rdkafka", self.audit_topic, folder)
        self.waybill = Waybill(BUILD / "waybill", folder / "waybill", self.kafka.bootstrap, self.audit_topic)
        self.folder = folder
        self.others = 0  # messages of kinds that need topics of their own

    def told(self):
        return oracle.Told(reports.read_all(self.kafka.bootstrap, self.audit_topic, 120), reports.runs)

    def close(self):
        self.waybill.close()
        self.clients.close()
        self.kafka.close()


def ranges(places):
    """How many runs of adjacent offsets."""
    return sum((partition, offset - 1) not in places for partition, offset in places)


def compare(bench, case):
    """Rows of the table, one for each expected (state, reason). `case.expected` has their places."""
    found = {}
    for finding in bench.waybill.findings(case.topic, group=case.group):
        places = found.setdefault((finding["state"], finding["reason"]), set())
        places |= {(finding["partition"], o) for o in range(finding["first_offset"], finding["last_offset"] + 1)}
    rows = []
    for key in case.expected or {(): set()}:
        wanted, said = case.expected.get(key, set()), found.pop(key, set())
        rows.append({"kind": case.kind if isinstance(case.kind, str) else case.kind[key],
                     "verdict": ", ".join(filter(None, key)) or "no finding", "defects": case.defects or ranges(wanted),
                     "offsets": len(wanted), "found": len(wanted & said), "missed": len(wanted - said),
                     "false": len(said - wanted), "wrong": [sorted(said - wanted)[:3], sorted(wanted - said)[:3]]})
    for key, said in found.items():  # what should not be there at all
        rows[0]["false"] += len(said)
        rows[0]["wrong"].append([key, sorted(said)[:3]])
    return rows


def exact(row):
    return row["missed"] == row["false"] == 0


def total(rows):
    """Rows of one kind added up, with precision and recall. Where nothing must be found there is no recall."""
    row = {key: sum(r[key] for r in rows) for key in ("defects", "offsets", "found", "missed", "false")}
    row["precision"] = row["found"] / (row["found"] + row["false"]) if row["found"] + row["false"] else None
    row["recall"] = row["found"] / row["offsets"] if row["offsets"] else None
    return {"kind": rows[0]["kind"], "verdict": rows[0]["verdict"], **row}


def judge(bench, cases):
    """Compares again and again until all is as it must be, or the time is over."""
    deadline = time.monotonic() + JUDGED_WITHIN
    while True:
        rows = []
        for case in cases:
            try:
                rows += compare(bench, case)
            except AssertionError as error:
                rows.append({"kind": str(case.kind), "verdict": "no answer", "wrong": str(error)[:200],
                             "defects": 0, "offsets": 1, "found": 0, "missed": 1, "false": 0})
        if all(map(exact, rows)) or time.monotonic() > deadline:
            return rows
        time.sleep(2)


def table(rows):
    head = ["injected", "verdict", "defects", "offsets", "found", "missed", "false", "precision", "recall"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * 2 + " ---: |" * 7]
    for row in rows:
        figures = [f"{row[key]:,}" for key in head[2:7]]
        figures += ["" if row[key] is None else f"{row[key]:.3f}" for key in head[7:]]
        lines.append("| " + " | ".join([row["kind"], row["verdict"], *figures]) + " |")
    return "\n".join(lines)


def write_page(text):
    page = PAGE.read_text()
    if BEGIN not in page:
        page = page.replace("# Accuracy\n", f"# Accuracy\n\n{BEGIN}\n{END}\n", 1)
    before, rest = page.split(BEGIN, 1)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END, 1)[1]}")


def run(options, folder):
    reports.generate(folder)
    bench = Bench(folder, options)
    began = time.monotonic()

    def say(text):
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)
    try:
        wanted = [kind for kind in KINDS if not options.only or kind.__name__ in options.only]
        bench.waybill.start()
        cases = []
        for kind in wanted:
            say(f"injecting {kind.__name__}")
            cases += list(kind(bench))
        say("judging")
        for case in cases:
            case.settle()
        rows = judge(bench, cases)
        count = sum(bench.waybill.topic(name)["produced"] for name in {case.topic for case in cases})
        say(f"judged; {count:,} messages")
    finally:
        bench.close()
    for row in rows:
        if not exact(row):
            print(f"{row['kind']}: [too much, missing, ...] {json.dumps(row['wrong'])}")
    by_kind = {}
    for row in rows:
        by_kind.setdefault((row["kind"], row["verdict"]), []).append(row)
    return [total(group) for group in by_kind.values()], count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--defects", type=int, default=100, help="of each kind (100)")
    parser.add_argument("--messages", type=int, default=1_000_000, help="in all (1,000,000)")
    parser.add_argument("--only", type=lambda text: text.split(","), help="kinds, separated by commas")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="waybill-accuracy-") as folder:
        rows, count = run(options, pathlib.Path(folder))
    text = table(rows)
    print(text)
    right = all(map(exact, rows))
    if not options.only and options.messages >= 1_000_000 and options.defects >= 100 and right:
        version = run_command(BUILD / "waybill", "--version").stdout.strip()
        write_page(HEAD.format(defects=options.defects, count=count, version=version, within=JUDGED_WITHIN) + text)
        print(f"written to {PAGE.relative_to(ROOT)}")
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
