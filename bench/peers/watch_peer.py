"""What others make of the same rules. Usage: watch_peer.py duckdb|python|grep|rg FILE. Prints {rule: matches}."""

import json
import os
import re
import subprocess
import sys

from watch import RULES


def by_duckdb(path):
    import duckdb
    duckdb.sql("SET threads = 1")
    sums = ", ".join(f"count(*) FILTER (regexp_matches({field}, '{pattern}'))" for field, pattern in RULES.values())
    columns = ", ".join(f"{field}: 'VARCHAR'" for field in {field for field, _ in RULES.values()})
    row = duckdb.sql(f"SELECT {sums} FROM read_json('{path}', format = 'newline_delimited', columns = {{{columns}}})").fetchall()[0]
    return dict(zip(RULES, row))


def by_python(path):
    rules = [(name, field, re.compile(pattern).search) for name, (field, pattern) in RULES.items()]
    found = dict.fromkeys(RULES, 0)
    with open(path, "rb") as lines:
        for line in lines:
            fields = json.loads(line)
            for name, field, search in rules:
                if search(fields.get(field, "")):
                    found[name] += 1
    return found


def by_grep(path, command):
    pattern = r'"status":"5\d{2}"'
    done = subprocess.run([*command, pattern, path], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=True)
    return {"status5xx": int(done.stdout)}


if __name__ == "__main__":
    how, file = sys.argv[1:]
    ways = {"duckdb": by_duckdb, "python": by_python, "grep": lambda p: by_grep(p, ["grep", "-cP"]),
            "rg": lambda p: by_grep(p, ["rg", "-c", "-j1"])}
    print(json.dumps(ways[how](file)))
