"""The machine that times are measured on."""

import os
import platform
from functools import cache


@cache
def this_machine() -> str:
    """Return what identifies this machine: its name, its processor and the number of usable cores."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    return f"{platform.node()}, {platform.machine()}, {cores} cores"
