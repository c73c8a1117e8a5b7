"""The payment platform end to end: 23 agents on growing, rotating files, a broker, two workers, MariaDB and Redis, all of
which die again and again. The figures are the truth, to the last cent. The slow one: pytest --full --platform-seconds 600."""

import time

import pytest

from harness.figures import windows
from harness.platform import Platform


def run(platform, kinds, pause):
    try:
        platform.start()
        platform.chaos(kinds, pause)
        platform.settle(patience=60)
        time.sleep(0.5)  # nothing comes after
        platform.right()
        assert all(platform.killed[kind] for kind in kinds), platform.killed
        assert sum(log.rotations for log in platform.logs) > 10
        listed = {kpi["name"]: kpi for kpi in platform.workers[0].get("/api/v1/kpis")["kpis"]}
        assert listed["recharge"]["too_late"] == 0 and listed["recharge"]["problems"] == []
        why = str(listed["recharge_steps"].get("why"))  # all 23 were heard; settling may take longer than silence is allowed to
        assert "agents silent" not in why or "23 of 23 agents silent" in why, why
        by_both = windows(platform.workers[1], "recharge_map")["totals"]
        assert by_both == windows(platform.workers[1], "recharge_map", by="")["totals"]
    finally:
        platform.close()


def test_figures_are_exact_whatever_is_killed(binary, tmp_path):
    platform = Platform(binary, tmp_path, orders=1_500, seconds=6, seed=7)
    run(platform, ["agent", "worker", "redis", "database"], pause=0.8)


@pytest.mark.full
def test_figures_are_exact_after_minutes_of_kills(binary, tmp_path, request):
    seconds = request.config.getoption("--platform-seconds")
    platform = Platform(binary, tmp_path, orders=200 * seconds, seconds=seconds, seed=int(time.time()) % 100_000)
    run(platform, ["agent", "worker", "redis", "database", "broker"], pause=3)
