"""What Grafana does with a query of its PostgreSQL data source before it sends it: variables, then macros."""

import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def quoted(value):
    return "'" + value.replace("'", "''") + "'"


def with_variables(sql, variables):
    """`${name:sqlstring}`: quoted texts with commas between; a Raw goes in as it is, as the value of "All" does."""
    def text(match):
        value = variables[match[1]]
        if isinstance(value, Raw):
            return value
        return ",".join(map(quoted, value)) if isinstance(value, list) else quoted(value)
    return re.sub(r"\$\{(\w+):sqlstring\}", text, sql)


class Raw(str):
    """The `allValue` of a variable, which is not quoted."""


def expanded(sql, from_ms, to_ms, interval, variables):
    """The SQL that reaches the server. `interval` as "5m"."""
    sql = with_variables(sql, variables).replace("$__interval", interval)
    width = int(interval[:-1]) * SECONDS[interval[-1]]

    def macro(match):
        name, arguments = match[1], [argument.strip() for argument in match[2].split(",")]
        if name == "unixEpochFrom":
            return str(from_ms // 1000)
        if name == "unixEpochTo":
            return str(to_ms // 1000)
        assert name == "unixEpochGroup" and arguments[1] == interval, f"a macro that this test does not know: {match[0]}"
        return f"floor(({arguments[0]})/{width})*{width}"
    sql = re.sub(r"\$__(\w+)\(([^)]*)\)", macro, sql)
    assert "$" not in sql, sql
    return sql
