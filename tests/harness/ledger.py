"""What a running server or command says of a ledger, compared with what `waybill gen ledger` knows."""

import json
import signal
import subprocess

from . import process

LISTS = {"unconsumed": "lost", "duplicated": "dup", "unrecorded": "unrec"}  # kinds of exceptions, and their names in a truth


def exceptions(waybill, kind, limit=50):
    """Those of the ledger `orders`, in pages of `limit`, as sorted "uid|consumer"."""
    rows, following = [], None
    while True:
        page = waybill.get("/api/v1/ledgers/orders/exceptions", kind=kind, limit=limit, **({"next": following} if following else {}))
        rows += page["exceptions"]
        following = page.get("next")
        if following is None:
            return sorted(f"{row['uid']}|{row['consumer']}" for row in rows)


def differing_pairs(producers, truth):
    """{"producer|consumer": (found, expected)} of those whose counts a summary's `producers` says otherwise than the truth."""
    pairs = {f"{p['name']}|{c['name']}": (p["produced"], c["consumed"], c["unconsumed"], c["duplicated"], c["unrecorded"])
             for p in producers for c in p["consumers"]}
    expected = {name: tuple(pair[key] for key in ("produced", "consumed", "lost", "dup", "unrec"))
                for name, pair in truth["pairs"].items()}
    return {name: (pairs.get(name), pair) for name, pair in expected.items() if pairs.get(name) != pair}


def differences(waybill, truth, limit=50):
    """What the ledger `orders`, the only one, says otherwise than the truth; empty when it is right."""
    (found,) = waybill.get("/api/v1/ledgers")["ledgers"]
    wrong = {key: (found[key], truth[key]) for key in ("lines", "malformed", "ignored", "failed") if found[key] != truth[key]}
    wrong |= differing_pairs(found["producers"], truth)
    for kind, key in LISTS.items():
        listed = exceptions(waybill, kind, limit)
        if listed != sorted(truth[key]):
            wrong[kind] = (len(listed), len(truth[key]))
    return wrong


class Follower:
    """`waybill ledger --follow`, running; what it printed so far."""

    def __init__(self, binary, folder, *arguments):
        self.out = folder / "out.ndjson"
        with self.out.open("wb") as out, (folder / "err.log").open("wb") as err:
            self.process = process.start([str(binary), "ledger", *map(str, arguments), "--follow"], stdout=out, stderr=err,
                                         stdin=subprocess.DEVNULL)

    def rows(self):
        return [json.loads(line) for line in self.out.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def stop(self, code=0):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(10) == code
        return self.rows()
