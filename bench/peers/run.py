#!/usr/bin/env python3
"""Waybill and other programs side by side on the same data, results compared, figures as paired ratios.

Usage: bench/peers/run.py [NAME...] [--waybill PATH] [--rounds N] [--quick]

A benchmark is a file beside this one (ledger.py, ...) with
  REQUIREMENTS        packages of its peers, installed into build/peers-venv
  GOALS               {"wall": most, "cpu": most, "memory_mb": most}: ours divided by the best peer's; memory is absolute
  prepare(folder, waybill, quick) -> data         makes the input once, any object
  contestants(data, waybill) -> {name: command}   ours first; each prints its result as one JSON document
  check(data, name, result)                       raises when the result is not the truth
Each contestant runs once to warm up and then `rounds` times in turn, so that a loaded machine slows all alike.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENV = ROOT / "build" / "peers-venv"


def load(name):
    spec = importlib.util.spec_from_file_location(f"peer_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install(requirements):
    """The venv's Python, with the packages in it."""
    python = VENV / "bin" / "python"
    stamp = VENV / "installed.json"
    wanted = sorted(requirements)
    have = json.loads(stamp.read_text()) if stamp.exists() else []
    if not set(wanted) <= set(have):
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], check=True)
        stamp.write_text(json.dumps(sorted(set(wanted) | set(have))))
    return python


def measure(command):
    """(result, wall s, CPU s, peak memory MB) of one run."""
    with tempfile.TemporaryFile() as out:
        start = os.times().elapsed
        process = subprocess.Popen([str(word) for word in command], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = os.times().elapsed - start
        if process.returncode != 0:
            raise SystemExit(f"{command[0]} ended with {process.returncode}")
        out.seek(0)
        return json.load(out), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def compare(name, waybill, rounds, quick):
    bench = load(name)
    python = install(bench.REQUIREMENTS)
    folder = ROOT / "build" / "peers-data" / (name + ("-quick" if quick else ""))
    folder.mkdir(parents=True, exist_ok=True)
    data = bench.prepare(folder, waybill, quick)
    commands = {peer: [python if word == "PYTHON" else word for word in command]
                for peer, command in bench.contestants(data, waybill).items()}
    runs = {peer: [] for peer in commands}
    for turn in range(rounds + 1):
        for peer, command in commands.items():
            result, *figures = measure(command)
            bench.check(data, peer, result)
            if turn > 0:
                runs[peer].append(figures)
    return report(name, bench.GOALS, runs)


def report(name, goals, runs):
    """Prints the table; True when the goals are met."""
    ours = next(iter(runs))
    median = {peer: [statistics.median(run[i] for run in figures) for i in range(3)] for peer, figures in runs.items()}
    print(f"\n{name}: median of {len(runs[ours])} rounds, every result checked")
    print(f"{'':34} {'wall s':>8} {'CPU s':>8} {'MB':>7} {'ours/it wall':>13} {'ours/it CPU':>12}")
    ratios = {}
    for peer, (wall, cpu, memory) in median.items():
        paired = [statistics.median(mine[i] / its[i] for mine, its in zip(runs[ours], runs[peer])) for i in (0, 1)]
        ratios[peer] = paired
        text = "" if peer == ours else f"{paired[0]:13.3f} {paired[1]:12.3f}"
        print(f"{peer:34} {wall:8.2f} {cpu:8.2f} {memory:7.0f} {text}")
    others = [peer for peer in runs if peer != ours]
    found = {"wall": max(ratios[peer][0] for peer in others), "cpu": max(ratios[peer][1] for peer in others),
             "memory_mb": median[ours][2]}
    met = True
    for goal, most in goals.items():
        good = found[goal] <= most
        met = met and good
        print(f"  {goal} against the best: {found[goal]:.3f}, goal {most}: {'met' if good else 'MISSED'}")
    return met


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--waybill", type=pathlib.Path, default=ROOT / "build" / "release" / "waybill")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, two rounds")
    arguments = parser.parse_args()
    names = arguments.names or sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("run", "peer")
                                      and not path.stem.endswith("_peer"))
    rounds = 2 if arguments.quick else arguments.rounds
    met = [compare(name, arguments.waybill.resolve(), rounds, arguments.quick) for name in names]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
