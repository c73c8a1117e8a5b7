#!/usr/bin/env python3
"""The same figures with other tools: kpi_peer.py duckdb|polars|python FILE [THREADS]. Prints one JSON document."""

import datetime
import json
import sys

FIELDS = ["serviceName", "bussinessRst", "chargefee", "requestId", "receiveNotifyTime", "provinceCode"]


def result(minutes, provinces, steps):
    json.dump({"minutes": {row[0]: list(row[1:]) for row in minutes}, "provinces": dict(provinces), "steps": dict(steps)},
              sys.stdout)


def with_duckdb(path, threads):
    import duckdb
    db = duckdb.connect()
    db.execute(f"SET threads = {threads}")
    columns = ", ".join(f"{field}: 'VARCHAR'" for field in FIELDS)
    db.execute(f"""CREATE TEMP TABLE sums AS
        WITH lines AS (SELECT *, bussinessRst = '0000' AS ok FROM read_json('{path}', format = 'newline_delimited',
                                                                           columns = {{{columns}}}))
        SELECT serviceName, CASE WHEN serviceName = 'reChargeNotifyReq' THEN receiveNotifyTime[1:12] END AS minute,
               CASE WHEN serviceName = 'reChargeNotifyReq' THEN provinceCode END AS province,
               count(*) AS n, count(*) FILTER (ok) AS succeeded, sum(chargefee::BIGINT) FILTER (ok) AS amount,
               min(ms) FILTER (ok) AS least, max(ms) FILTER (ok) AS most, sum(ms) FILTER (ok) AS total
        FROM (SELECT *, CASE WHEN serviceName = 'reChargeNotifyReq' THEN
                  epoch_ms(strptime(receiveNotifyTime, '%Y%m%d%H%M%S%g')) - epoch_ms(strptime(requestId[1:17], '%Y%m%d%H%M%S%g'))
                  END AS ms FROM lines)
        GROUP BY ALL""")
    minutes = db.execute("""SELECT minute, sum(n)::BIGINT, sum(succeeded)::BIGINT, coalesce(sum(amount), 0)::BIGINT, min(least),
                            max(most), sum(total) / sum(succeeded) FROM sums WHERE minute IS NOT NULL GROUP BY 1""").fetchall()
    minutes = [row[:6] + (row[6] if row[2] else None,) for row in minutes]
    provinces = db.execute("""SELECT province, sum(n - succeeded)::BIGINT AS failed FROM sums WHERE province IS NOT NULL
                              GROUP BY 1 HAVING failed > 0""").fetchall()
    result(minutes, provinces, db.execute("SELECT serviceName, sum(n)::BIGINT FROM sums GROUP BY 1").fetchall())


def with_polars(path):
    import polars as pl
    lines = pl.scan_ndjson(path, schema={field: pl.String for field in FIELDS})
    steps = lines.group_by("serviceName").len()
    done = lines.filter(pl.col("serviceName") == "reChargeNotifyReq").with_columns(
        ok=pl.col("bussinessRst") == "0000", fee=pl.col("chargefee").cast(pl.Int64),
        ms=(pl.col("receiveNotifyTime").str.strptime(pl.Datetime("ms"), "%Y%m%d%H%M%S%3f")
            - pl.col("requestId").str.slice(0, 17).str.strptime(pl.Datetime("ms"), "%Y%m%d%H%M%S%3f")).dt.total_milliseconds())
    good = pl.col("ok")
    minutes = done.group_by(pl.col("receiveNotifyTime").str.slice(0, 12)).agg(
        pl.len(), good.sum(), pl.col("fee").filter(good).sum(), pl.col("ms").filter(good).min().alias("least"),
        pl.col("ms").filter(good).max().alias("most"), pl.col("ms").filter(good).mean().alias("mean"))
    provinces = done.filter(~good).group_by("provinceCode").len()
    minutes, provinces, steps = pl.collect_all([minutes, provinces, steps])
    result(minutes.rows(), provinces.rows(), steps.rows())


def milliseconds(text):
    return datetime.datetime(int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:12]), int(text[12:14]),
                             int(text[14:17]) * 1000)


def with_python(path):
    minutes, provinces, steps = {}, {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            step = row["serviceName"]
            steps[step] = steps.get(step, 0) + 1
            if step != "reChargeNotifyReq":
                continue
            minute = minutes.setdefault(row["receiveNotifyTime"][:12], [0, 0, 0, None, None, 0])
            minute[0] += 1
            if row["bussinessRst"] != "0000":
                provinces[row["provinceCode"]] = provinces.get(row["provinceCode"], 0) + 1
                continue
            taken = milliseconds(row["receiveNotifyTime"]) - milliseconds(row["requestId"][:17])
            ms = round(taken.total_seconds() * 1000)
            minute[1] += 1
            minute[2] += int(row["chargefee"])
            minute[3] = ms if minute[3] is None else min(minute[3], ms)
            minute[4] = ms if minute[4] is None else max(minute[4], ms)
            minute[5] += ms
    rows = [(minute, *m[:5], m[5] / m[1] if m[1] else None) for minute, m in minutes.items()]
    result(rows, provinces.items(), steps.items())


if __name__ == "__main__":
    if sys.argv[1] == "duckdb":
        with_duckdb(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "polars":
        with_polars(sys.argv[2])
    else:
        with_python(sys.argv[2])
