"""Whether what Redis shows is what the API says, and whether both are the truth."""

DAYS = {"from": "2018-11-20T00:00:00Z", "to": "2018-11-30T00:00:00Z"}


def windows(server, name, **params):
    return server.get(f"/api/v1/kpis/{name}/windows", **{**DAYS, **params})


def _flat(values):
    """As a hash has it: {"a": {"b": 1.5}} is {"a.b": "1.5"}; what is null is left out."""
    found = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found.update({f"{name}.{inner}": text for inner, text in _flat(value).items()})
        elif value is not None:
            found[name] = value
    return found


def _same(shown, expected):
    return shown is not None and (float(shown) == expected if not isinstance(expected, int) else int(shown) == expected)


def escaped(part):
    return "".join(f"%{ord(c):02X}" if c in "%:" or ord(c) < 32 or ord(c) == 127 else c for c in part)


def redis_shows(redis, server, name):
    """Asserts that the hashes of a KPI are exactly its windows; returns how many there are."""
    listed = {kpi["name"]: kpi for kpi in server.get("/api/v1/kpis")["kpis"]}
    dimensions = listed[name]["by"]
    hashes = redis.hashes(f"waybill:{name}:*")
    expected = windows(server, name)["windows"]
    for window in expected:
        by = [window["by"][dimension] for dimension in dimensions]
        key = ":".join(["waybill", name, str(window["start_ms"]), *map(escaped, by)])
        assert key in hashes, f"{key} is not in Redis"
        found = hashes.pop(key)
        assert found["_start"] == window["start"] and int(found["_start_ms"]) == window["start_ms"]
        assert [found[f"by.{dimension}"] for dimension in dimensions] == by
        figures = _flat(window["values"])
        assert {field for field in found if field[0] != "_" and not field.startswith("by.")} == set(figures), key
        for field, value in figures.items():
            assert _same(found[field], value), f"{key}: {field} is {found[field]}, not {value}"
    assert not hashes, f"not in the API: {sorted(hashes)[:5]}"
    return len(expected)


def equal_truth(server, truth):
    """Asserts the figures of the recharge example against a truth of `waybill gen recharge`."""
    steps = {w["by"]["serviceName"]: w["values"]["lines"] for w in windows(server, "recharge_steps")["windows"]}
    counted = sum(steps.values())
    if counted > truth["lines"]:
        raise RuntimeError(f"counted twice: {counted} of {truth['lines']} lines")
    assert counted == truth["lines"], f"{counted} of {truth['lines']} lines"
    assert steps == {step: count for step, count in truth["stages"].items() if count}
    minutes = {}
    for window in windows(server, "recharge")["windows"]:
        values, duration = window["values"], window["values"]["duration_ms"]
        minutes["".join(c for c in window["start"][:16] if c.isdigit())] = [
            values["total"], values["succeeded"], values["amount"], duration["min"], duration["max"], duration["mean"]]
    assert minutes == truth["minutes"]
    failures = {w["by"]["provinceCode"]: w["values"]["failed"] for w in windows(server, "recharge_failures")["windows"]}
    assert failures == truth["fail_by_province"]
    funnel = windows(server, "funnel")["totals"]
    assert {step: funnel[f"reached_{step}"] for step in truth["stages"]} == truth["stages"]
    return True
