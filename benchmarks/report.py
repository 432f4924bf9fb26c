"""What every benchmark prints: one JSON line, and the durability the figure was bought with."""

import json
import os
from typing import Any

import psutil

DURABILITY = "Kafka acks=all, one broker, no fsync per write (its default); PostgreSQL fsync on, synchronous_commit on"
DURABILITY_FSYNC = "Kafka acks=all, one broker, fsync per write; PostgreSQL fsync on, synchronous_commit on"


def line(bench: str, n: int, value: float, unit: str, limit: float, **more: Any) -> dict[str, Any]:
    """One result; `ratio` is value / limit, both in `unit`."""
    return {
        "bench": bench,
        "n": n,
        "value": round(value, 2),
        "unit": unit,
        "limit": round(limit, 2),
        "ratio": round(value / limit, 4) if limit else 0.0,
        **more,
    }


def show(result: dict[str, Any]) -> None:
    """Print a result as one JSON line."""
    print(json.dumps(result), flush=True)


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the sorted values do not exceed; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def usage(pids: dict[str, int]) -> dict[str, dict[str, float]]:
    """CPU seconds and resident MiB of each process with its children, by name."""
    found = {}
    for name, pid in pids.items():
        process = psutil.Process(pid)
        # The benchmark itself is the parent of every service: its children count on their own.
        family = [process] if pid == os.getpid() else [process, *process.children(recursive=True)]
        cpu = sum(sum(p.cpu_times()[:2]) for p in family)
        # Shared pages would count once per child; USS is what ending the process would give back.
        found[name] = {"cpu_s": round(cpu, 2), "rss_mib": round(sum(p.memory_full_info().uss for p in family) / 2**20, 1)}
    return found


def spent(before: dict[str, dict[str, float]], after: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """CPU seconds between two usages, and memory at the second."""
    return {name: {"cpu_s": round(now["cpu_s"] - before[name]["cpu_s"], 2), "rss_mib": now["rss_mib"]} for name, now in after.items()}
