"""What a running server says of a ledger, compared with what `waybill gen ledger` knows."""

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


def differences(waybill, truth, limit=50):
    """What the ledger `orders`, the only one, says otherwise than the truth; empty when it is right."""
    (found,) = waybill.get("/api/v1/ledgers")["ledgers"]
    wrong = {key: (found[key], truth[key]) for key in ("lines", "malformed", "ignored", "failed") if found[key] != truth[key]}
    pairs = {f"{p['name']}|{c['name']}": (p["produced"], c["consumed"], c["unconsumed"], c["duplicated"], c["unrecorded"])
             for p in found["producers"] for c in p["consumers"]}
    for name, pair in truth["pairs"].items():
        expected = tuple(pair[key] for key in ("produced", "consumed", "lost", "dup", "unrec"))
        if pairs.get(name) != expected:
            wrong[name] = (pairs.get(name), expected)
    for kind, key in LISTS.items():
        listed = exceptions(waybill, kind, limit)
        if listed != sorted(truth[key]):
            wrong[kind] = (len(listed), len(truth[key]))
    return wrong
