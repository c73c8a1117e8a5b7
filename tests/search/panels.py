"""The queries that Grafana sends for the panels of dashboards/grafana, as its data sources for Elasticsearch and OpenSearch
build them: a range and a Lucene query, and aggregations nested in the order of the panel."""

import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "dashboards" / "grafana"
AUTO = "1m"


def dashboard(kind, name):
    return json.loads((FOLDER / f"{kind}-{name}.json").read_text())


def panels(kind, name):
    """{title: target} of a dashboard; each panel has one."""
    found = {}
    for panel in dashboard(kind, name)["panels"]:
        assert len(panel["targets"]) == 1, panel["title"]
        found[panel["title"]] = panel["targets"][0]
    return found


def filled(query, variables):
    """${name:lucene} as Grafana writes it: "*" for all, else the value in quotes."""
    return re.sub(r"\$\{(\w+):lucene\}", lambda m: f'"{variables[m[1]]}"' if m[1] in variables else "*", query)


def ask(search, index, target, from_ms, to_ms, **variables):
    """The answer to a panel's query, through _msearch as Grafana sends it."""
    body = {"size": 0, "query": {"bool": {"filter": [
        {"range": {target["timeField"]: {"gte": from_ms, "lte": to_ms, "format": "epoch_millis"}}},
        {"query_string": {"analyze_wildcard": True, "query": filled(target["query"], variables)}}]}}}
    first = target["metrics"][0]
    if first["type"] == "raw_data":
        body |= {"size": int(first["settings"]["size"]), "sort": [{target["timeField"]: {"order": "desc", "unmapped_type": "boolean"}},
                                                                  {"_doc": {"order": "desc"}}]}
    else:
        here = body
        for level in target["bucketAggs"]:
            here["aggs"] = {level["id"]: bucket(level, search.typed, from_ms, to_ms)}
            here = here["aggs"][level["id"]]
        here["aggs"] = {m["id"]: {m["type"]: {"field": m["field"]}} for m in target["metrics"] if m["type"] != "count"}
    header = {"search_type": "query_then_fetch", "ignore_unavailable": True, "index": index}
    answer = search.http.post(f"{search.url}/_msearch", data=(json.dumps(header) + "\n" + json.dumps(body) + "\n").encode(), timeout=30,
                              headers={"Content-Type": "application/x-ndjson"}).json()["responses"][0]
    assert "error" not in answer and answer["_shards"]["failed"] == 0, answer
    return answer


def bucket(level, typed, from_ms, to_ms):
    settings = level["settings"]
    if level["type"] == "date_histogram":
        width = AUTO if settings["interval"] == "auto" else settings["interval"]
        return {"date_histogram": {("interval" if typed else "fixed_interval"): width, "field": level["field"],
                                   "min_doc_count": int(settings["min_doc_count"]), "format": "epoch_millis",
                                   "extended_bounds": {"min": from_ms, "max": to_ms}}}
    order = {"_term": "_key"}.get(settings["orderBy"], settings["orderBy"])
    return {"terms": {"field": level["field"], "size": int(settings["size"]), "order": {order: settings["order"]},
                      "min_doc_count": int(settings["min_doc_count"])}}


def points(answer, target, metric="1"):
    """{(terms..., epoch ms): value} of an answer; buckets without a value are left out."""
    found = {}
    counted = next(m for m in target["metrics"] if m["id"] == metric)["type"] == "count"

    def walk(part, levels, key):
        if not levels:
            value = part["doc_count"] if counted else part[metric]["value"]
            if value:
                found[key] = value
            return
        for row in part[levels[0]["id"]]["buckets"]:
            walk(row, levels[1:], (*key, row["key"]))

    walk(answer["aggregations"], target["bucketAggs"], ())
    return found


def check_ledger_panels(search, kind, expected):
    """Each panel of the ledger's dashboard against what the documents must be."""
    documents = list(expected.values())
    span = min(d["produce_time"] for d in documents), max(d["produce_time"] for d in documents)
    producer = min(d["producer"] for d in documents)
    for variables in ({}, {"producer": producer}):
        chosen = [d for d in documents if not variables or d["producer"] == producer]
        _check_ledger(search, panels(kind, "ledger"), chosen, span, variables)


def _check_ledger(search, targets, documents, span, variables):
    def values(title, metric="1"):
        return points(ask(search, "audit-tmm", targets[title], *span, **variables), targets[title], metric)

    def grouped(chosen, width_ms, key=lambda d: ()):
        found = {}
        for d in chosen:
            found.setdefault((*key(d), d["produce_time"] // width_ms * width_ms), []).append(d)
        return found

    done = [d for d in documents if "ctime" in d]
    minutes = 60_000
    assert max(values("Largest latency").values()) == max(d["ctime"] for d in done)
    assert values("Messages per day") == {k: len(v) for k, v in grouped(documents, 1440 * minutes).items()}
    curve = grouped(done, 10 * minutes)
    assert values("Latency, 10 minutes", "3") == {k: max(d["ctime"] for d in v) for k, v in curve.items()}
    means = values("Latency, 10 minutes")
    assert set(means) == set(curve)
    assert all(abs(means[k] - sum(d["ctime"] for d in v) / len(v)) < 0.01 for k, v in curve.items())
    recorded = [d for d in documents if "mq_chanel" in d]
    assert values("Messages, 20 minutes") == {k: len(v) for k, v in
                                              grouped(recorded, 20 * minutes, lambda d: (d["mq_chanel"],)).items()}
    open_ones = [d for d in documents if "ctime" not in d]
    unrecorded = [d for d in documents if "mq_chanel" not in d]
    assert variables or (open_ones and unrecorded)
    for curve_of, list_of, chosen in (("Not consumed", "Not consumed: the newest 100", open_ones),
                                      ("Producer not recorded", "Producer not recorded: the newest 100", unrecorded)):
        assert values(curve_of) == {k: len(v) for k, v in grouped(chosen, 10 * minutes).items()}
        hits = ask(search, "audit-tmm", targets[list_of], *span, **variables)["hits"]["hits"]
        newest = sorted((d["produce_time"] for d in chosen), reverse=True)[:100]
        assert [hit["_source"]["produce_time"] for hit in hits] == newest
