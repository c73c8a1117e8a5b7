"""What people would write instead of a ledger. Usage: ledger_peer.py duckdb|polars|dictionary FILE [THREADS]"""

import json
import sys

DUCKDB = """
WITH lines AS (
  SELECT * FROM read_json(?, format = 'newline_delimited', columns = {st: 'INT', type: 'VARCHAR', ptime: 'BIGINT',
    producer: 'VARCHAR', uid: 'VARCHAR', consumer: 'VARCHAR', ctime: 'BIGINT'})),
sent AS (SELECT producer, uid FROM lines WHERE type = 'tmmProduce' AND st = 1 GROUP BY producer, uid),
sums AS (SELECT producer, count(*) AS produced FROM sent GROUP BY producer),
handled AS (SELECT producer, consumer, uid, min(ctime) - min(ptime) AS latency, count(*) AS times
            FROM lines WHERE type = 'tmmConsume' GROUP BY producer, consumer, uid)
SELECT h.producer || '|' || h.consumer, coalesce(any_value(s.produced), 0), count(*),
       coalesce(any_value(s.produced), 0) - count(sent.uid), count(*) FILTER (times > 1), count(*) - count(sent.uid),
       avg(latency), max(latency)
FROM handled h LEFT JOIN sent ON sent.producer = h.producer AND sent.uid = h.uid LEFT JOIN sums s ON s.producer = h.producer
GROUP BY h.producer, h.consumer
"""


def by_duckdb(path, threads):
    import duckdb

    connection = duckdb.connect(config={"threads": int(threads)})
    connection.execute("SET preserve_insertion_order = false")
    return {row[0]: list(row[1:]) for row in connection.execute(DUCKDB, [path]).fetchall()}


def by_polars(path):
    import polars as pl

    schema = {"st": pl.Int32, "type": pl.String, "ptime": pl.Int64, "producer": pl.String, "uid": pl.String,
              "consumer": pl.String, "ctime": pl.Int64}
    lines = pl.scan_ndjson(path, schema=schema)
    sent = lines.filter((pl.col("type") == "tmmProduce") & (pl.col("st") == 1)).select("producer", "uid").unique()
    sums = sent.group_by("producer").agg(pl.len().alias("produced"))
    handled = (lines.filter(pl.col("type") == "tmmConsume").group_by("producer", "consumer", "uid")
               .agg((pl.col("ctime").min() - pl.col("ptime").min()).alias("latency"), pl.len().alias("times")))
    joined = handled.join(sent.with_columns(pl.lit(1).alias("known")), on=["producer", "uid"], how="left")
    result = (joined.group_by("producer", "consumer")
              .agg(pl.len().alias("consumed"), pl.col("known").sum().alias("matched"),
                   (pl.col("times") > 1).sum().alias("repeated"), pl.col("latency").mean().alias("mean"),
                   pl.col("latency").max().alias("max"))
              .join(sums, on="producer", how="left").collect())
    return {f"{row['producer']}|{row['consumer']}": [row["produced"] or 0, row["consumed"], (row["produced"] or 0) - row["matched"],
                                                   row["repeated"], row["consumed"] - row["matched"], row["mean"], row["max"]]
            for row in result.iter_rows(named=True)}


def by_dictionary(path):
    sent, handled, produced = set(), {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if row["type"] == "tmmProduce":
                key = (row["producer"], row["uid"])
                if row["st"] == 1 and key not in sent:
                    sent.add(key)
                    produced[row["producer"]] = produced.get(row["producer"], 0) + 1
            else:
                seen = handled.setdefault((row["producer"], row["consumer"]), {})
                before = seen.get(row["uid"])
                seen[row["uid"]] = (row["ctime"] - row["ptime"], 1) if before is None else (before[0], before[1] + 1)
    result = {}
    for (producer, consumer), seen in handled.items():
        matched = sum((producer, uid) in sent for uid in seen)
        latencies = [latency for latency, _ in seen.values()]
        total = produced.get(producer, 0)
        result[f"{producer}|{consumer}"] = [total, len(seen), total - matched, sum(times > 1 for _, times in seen.values()),
                                            len(seen) - matched, sum(latencies) / len(latencies), max(latencies)]
    return result


if __name__ == "__main__":
    json.dump({"duckdb": by_duckdb, "polars": by_polars, "dictionary": by_dictionary}[sys.argv[1]](*sys.argv[2:]), sys.stdout)
