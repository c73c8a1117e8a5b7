#!/usr/bin/env python3
"""What the plugin costs a whole client: paired runs with and without it against a real broker.

Runs A B A B ... (A with the plugin, B without), so that a machine whose speed drifts cancels out, and prints the median of the
pairwise ratios A/B of CPU and wall seconds. Topics are made by the caller's broker (auto-creation or given).
"""
import argparse
import json
import statistics
import subprocess
import sys


def run_client(args, mode, topic, plugin):
    command = [args.client, mode, args.bootstrap, topic, str(args.count), str(args.size)]
    if mode == "produce":
        command += ["-X", "linger.ms=5", "-X", "queue.buffering.max.messages=1000000"]
    if plugin:
        command += ["-X", f"plugin.library.paths={args.plugin}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def measure(args, mode):
    """Median ratio with/without for one direction; consumers all read the topic that was produced first."""
    ratios = {"wall_s": [], "cpu_s": []}
    absolute = {"with": [], "without": []}
    for pair in range(-args.warmup, args.pairs):
        topic = f"{args.topic}-{mode}-{pair}" if mode == "produce" else f"{args.topic}-read"
        with_plugin = run_client(args, mode, topic, True)
        without = run_client(args, mode, topic, False)
        if pair < 0:
            continue
        absolute["with"].append(with_plugin["wall_s"])
        absolute["without"].append(without["wall_s"])
        for figure, values in ratios.items():
            values.append(with_plugin[figure] / without[figure])
    return {
        "pairs": args.pairs,
        "messages": args.count,
        "message_bytes": args.size,
        "median_wall_s_with": statistics.median(absolute["with"]),
        "median_wall_s_without": statistics.median(absolute["without"]),
        **{f"median_ratio_{figure}": statistics.median(values) for figure, values in ratios.items()},
        **{f"ratios_{figure}": [round(v, 4) for v in values] for figure, values in ratios.items()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", required=True, help="the program bench_client")
    parser.add_argument("--plugin", required=True, help="path of libwaybill_rdkafka.so")
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", default="waybill-bench")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--warmup", type=int, default=1)
    args = parser.parse_args()
    run_client(args, "produce", f"{args.topic}-read", False)
    print(json.dumps({mode: measure(args, mode) for mode in ("produce", "consume")}, indent=2))


if __name__ == "__main__":
    main()
