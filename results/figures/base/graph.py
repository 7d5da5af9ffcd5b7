"""Where the boxes of a directed graph lie: by graphviz where it is installed, else by layers."""

import itertools
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

import numpy as np

#: Height of a box, and the smallest distance between boxes of a layer and between layers, inches.
HEIGHT, GAP, RISE = 0.27, 0.14, 0.3
_SECONDS = 20

Edge = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Layout:
    """Boxes and edges, inches; edges run downwards.

    Parameters
    ----------
    size : (float, float)
        Width and height of the whole.
    boxes : mapping of str to (x, y)
        Centre of each box.
    curves : sequence of array, shape (1 + 3 k, 2)
        Control points of each edge: k cubic Bezier curves, one after the other.
    """

    size: tuple[float, float]
    boxes: Mapping[str, tuple[float, float]]
    curves: Sequence[np.ndarray]


def lay_out(widths: Mapping[str, float], edges: Sequence[Edge]) -> Layout:
    """Place the boxes of an acyclic graph so that none touches another.

    Parameters
    ----------
    widths : mapping of str to float
        Width of each box, inches.
    edges : sequence of (str, str)
        From box, to box.

    Returns
    -------
    Layout
        That of graphviz where the program `dot` is installed and works, else `layered`.
    """
    found = by_graphviz(widths, edges) if shutil.which("dot") else None
    return found or layered(widths, edges)


def by_graphviz(widths: Mapping[str, float], edges: Sequence[Edge]) -> Layout | None:
    """Return the layout of the program `dot`, None when it fails; see `lay_out`."""
    ids = {name: f"b{number}" for number, name in enumerate(widths)}
    lines = [f"{ids[name]} [width={width:.3f}];" for name, width in widths.items()]
    lines += [f"{ids[start]} -> {ids[end]};" for start, end in edges]
    sources = [ids[name] for name in widths if all(name != end for _, end in edges)]
    # Sources side by side, in their order; edges that reach their box, for the head is drawn on top.
    lines.append(f"{{rank=same; {' -> '.join(sources)} [style=invis]}}" if len(sources) > 1 else "")
    look = (
        f"graph [nodesep={GAP}, ranksep={RISE}]; edge [dir=none]; "
        f'node [shape=box, fixedsize=true, height={HEIGHT}, label=""];'
    )
    text = "\n".join(["digraph {", look, *lines, "}"])
    try:
        done = subprocess.run(
            ["dot", "-Tplain"], input=text, capture_output=True, text=True, timeout=_SECONDS, check=True
        )
        return _read_plain(done.stdout, {short: name for name, short in ids.items()}, edges)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, IndexError):
        # The drawing does not depend on graphviz: what it cannot place, `layered` does.
        return None


def layered(widths: Mapping[str, float], edges: Sequence[Edge]) -> Layout:
    """Return a layout in layers, in which no edge crosses a box; see `lay_out`.

    References
    ----------
    Sugiyama, Tagawa and Toda, Methods for visual understanding of hierarchical system structures, IEEE
    Transactions on Systems, Man, and Cybernetics 11, 1981.
    """
    layer = _layers(widths, edges)
    # An edge over several layers gets a place of no width in each of them.
    chains: list[list[str]] = []
    room = dict(widths)
    for number, (start, end) in enumerate(edges):
        passed = [f"edge {number}, layer {level}" for level in range(layer[start] + 1, layer[end])]
        room |= dict.fromkeys(passed, 0.0)
        layer |= {name: layer[start] + 1 + place for place, name in enumerate(passed)}
        chains.append([start, *passed, end])
    before: dict[str, list[str]] = {name: [] for name in room}
    for chain in chains:
        for one, other in itertools.pairwise(chain):
            before[other].append(one)
    count = max(layer.values(), default=0) + 1
    x: dict[str, float] = {}
    for level in range(count):
        names = [name for name in room if layer[name] == level]
        x |= _side_by_side(names, room, {name: [x[one] for one in before[name]] for name in names})
    left = min(x[name] - room[name] / 2 for name in room)
    right = max(x[name] + room[name] / 2 for name in room)
    step = HEIGHT + 1.2 * RISE
    height = (count - 1) * step + HEIGHT
    at = {name: (x[name] - left, height - HEIGHT / 2 - layer[name] * step) for name in room}
    curves = [_through([at[name] for name in chain]) for chain in chains]
    return Layout((right - left, height), {name: at[name] for name in widths}, curves)


def _layers(names: Iterable[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return the layer of each box: below all that lead to it, and no higher than what follows asks for."""
    before: dict[str, list[str]] = {name: [] for name in names}
    after: dict[str, list[str]] = {name: [] for name in before}
    for start, end in edges:
        before[end].append(start)
        after[start].append(end)
    order = list(TopologicalSorter(before).static_order())
    layer: dict[str, int] = {}
    for name in order:
        layer[name] = max((layer[other] + 1 for other in before[name]), default=0)
    for name in reversed(order):
        if before[name] and after[name]:
            layer[name] = min(layer[other] for other in after[name]) - 1
    return layer


def _side_by_side(
    names: Sequence[str], room: Mapping[str, float], above: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """Return the place of each box of a layer: near the mean of what leads to it, apart from the others."""
    wanted = {name: float(np.mean(above[name])) if above[name] else 0.0 for name in names}
    placed: dict[str, float] = {}
    edge = -np.inf
    for name in sorted(names, key=lambda name: wanted[name]):
        placed[name] = max(wanted[name], edge + GAP + room[name] / 2)
        edge = placed[name] + room[name] / 2
    shift = np.mean([wanted[name] - placed[name] for name in names])
    return {name: place + float(shift) for name, place in placed.items()}


def _through(points: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return a curve from the first box through the places to the last box."""
    (x0, y0), *passed, (x1, y1) = points
    stops = [(x0, y0 - HEIGHT / 2)]
    for x, y in passed:
        # Straight down between the boxes of the layer.
        stops += [(x, y + HEIGHT / 2), (x, y - HEIGHT / 2)]
    stops.append((x1, y1 + HEIGHT / 2))
    curve = stops[:1]
    for (xa, ya), (xb, yb) in itertools.pairwise(stops):
        pull = 0.45 * (ya - yb)
        curve += [(xa, ya - pull), (xb, yb + pull), (xb, yb)]
    return np.array(curve)


def _read_plain(text: str, names: Mapping[str, str], edges: Sequence[Edge]) -> Layout:
    size, boxes = (0.0, 0.0), {}
    curves: dict[Edge, list[np.ndarray]] = {}
    for line in text.splitlines():
        kind, *rest = shlex.split(line)
        if kind == "graph":
            size = (float(rest[1]), float(rest[2]))
        elif kind == "node":
            boxes[names[rest[0]]] = (float(rest[1]), float(rest[2]))
        elif kind == "edge":
            count = int(rest[2])
            points = np.array(rest[3 : 3 + 2 * count], float).reshape(count, 2)
            curves.setdefault((names[rest[0]], names[rest[1]]), []).append(points)
    return Layout(size, boxes, [curves[edge].pop(0) for edge in edges])
