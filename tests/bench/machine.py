"""A description of the machine, and the processor time that other processes take."""

from __future__ import annotations

import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

REPORTED_FEATURES = (
    *("avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni"),
    *("avx512_bf16", "avx_vnni", "amx_tile", "asimd", "asimddp", "sve"),
)
IDLE_LOAD = 0.3  # load average; above it the figures are not reliable


def describe() -> dict[str, Any]:
    cpu = _cpu_info()
    has = set((cpu.get("flags") or cpu.get("Features") or "").split())
    return {
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "model": f"family {cpu['cpu family']}, model {cpu['model']}" if "model" in cpu else "",
        "features": [feature for feature in REPORTED_FEATURES if feature in has],
        "cores": len(available_cpus()),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _cpu_info() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def available_cpus() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pin(cpus: list[int]) -> None:
    """Restrict this process and its future children to the given processors."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)


class Disturbance:
    """The processor time that other processes take during a measurement."""

    def __init__(self) -> None:
        self.load_at_start = os.getloadavg()[0]
        self._busy, self._all = _machine_seconds()
        self._own = _own_seconds()

    def share(self) -> float:
        """Return the share of all processor time since the start that others took, 0..1."""
        busy, everything = _machine_seconds()
        others = busy - self._busy - (_own_seconds() - self._own)
        return max(0.0, others / max(everything - self._all, 1e-9))


def _machine_seconds() -> tuple[float, float]:
    """Return the busy and the total seconds of all processors since boot."""
    if sys.platform != "linux":
        return 0.0, 0.0
    first_line = Path("/proc/stat").read_text().splitlines()[0]
    # user, nice, system, idle, iowait, irq, softirq, steal; guest time is part of the first two
    ticks = [int(field) / os.sysconf("SC_CLK_TCK") for field in first_line.split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _own_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
