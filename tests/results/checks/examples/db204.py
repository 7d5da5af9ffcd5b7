import numpy as np
from checked import N, changed, drawn, rows


def _in_groups(count):
    groups = np.char.mod("g%d", np.arange(2 * N) % count + count * (np.arange(2 * N) >= N))
    return changed(**rows(drawn(group=groups, split_kind="group")), split_kind="group")


def fires():
    return _in_groups(29)


def silent():
    return _in_groups(30)
