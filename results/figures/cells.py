"""The cells of DARTS networks: what leads to each node, and by which operation."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from results.cells import cells_of
from results.feature_set import SEARCHED
from results.figures.base.graph import HEIGHT, Edge, Layout, lay_out
from results.figures.base.spec import FigureSpec, RunView
from results.figures.base.style import house_style, wrapped

#: Cells: their key in a genotype, and their title.
KINDS = (("normal", "normal cell"), ("reduction", "reduction cell"))
_FONT = 8.0
_CHARACTER, _MARGIN = 0.075, 0.2
_PAD, _LINE = 0.25, 0.17
_STATES, _OUTPUT = "#cfe6f5", "#f7d9c4"
_TITLE_CHARACTERS = 44

Nodes = Sequence[Sequence[tuple[str, int]]]


def cells_figure(genotypes: Mapping[str, Mapping[str, Any]]) -> Figure | None:
    """Draw the normal and the reduction cell of each genotype, one below the other.

    Parameters
    ----------
    genotypes : mapping of str to mapping
        Title to genotype: `normal` and `reduction`, each a list of nodes, a node a list of edges
        [operation, input].

    Returns
    -------
    Figure
        None without genotypes. Boxes are placed by graphviz where it is installed.
    """
    if not genotypes:
        return None
    panels = [
        (wrapped(title, _TITLE_CHARACTERS, 2) + f"\n{words}", graph_of(genotype[kind]))
        for title, genotype in genotypes.items()
        for kind, words in KINDS
    ]
    layouts = [lay_out(*graph) for _, graph in panels]
    # A title must fit over a narrow cell.
    width = max(_TITLE_CHARACTERS * 0.09, *(layout.size[0] for layout in layouts)) + 2 * _PAD
    titles = [_LINE * (title.count("\n") + 1) + _PAD for title, _ in panels]
    heights = [layout.size[1] + head + _PAD for layout, head in zip(layouts, titles, strict=True)]
    with house_style():
        figure = Figure(figsize=(width, sum(heights)))
        # Every panel has its place already.
        figure.set_layout_engine("none")
        low = 1.0
        for (title, graph), layout, height, head in zip(panels, layouts, heights, titles, strict=True):
            share = height / sum(heights)
            low -= share
            ax = figure.add_axes((0, low, 1, share))
            margin = (width - layout.size[0]) / 2
            ax.set(xlim=(-margin, width - margin), ylim=(-_PAD / 2, height - _PAD / 2))
            ax.set_axis_off()
            ax.text(layout.size[0] / 2, layout.size[1] + head, title, ha="center", va="top", fontsize=10)
            _draw(ax, graph, layout)
    return figure


def graph_of(nodes: Nodes) -> tuple[dict[str, float], list[Edge]]:
    """Return the boxes of a cell with their widths, inches, and the edges between them.

    An operation is a box of its own between its input and its node, so that graphs are laid out without
    labels on edges. The name of a box is what it shows, after a number that keeps it apart from others.
    """
    inputs = 2
    states = [f"{number}|input {number}" for number in range(inputs)]
    states += [f"{number}|node {number}" for number in range(inputs, inputs + len(nodes))]
    output = "output|output"
    boxes, edges = list(states), []
    for number, node in enumerate(nodes, start=inputs):
        for place, (operation, source) in enumerate(node):
            box = f"{number}.{place}|{operation}"
            boxes.append(box)
            edges += [(states[source], box), (box, states[number])]
    boxes.append(output)
    edges += [(state, output) for state in states[inputs:]]
    return {box: _CHARACTER * len(_label(box)) + _MARGIN for box in boxes}, edges


def _label(box: str) -> str:
    return box.partition("|")[2]


def _draw(ax: Axes, graph: tuple[dict[str, float], list[Edge]], layout: Layout) -> None:
    widths, _ = graph
    for points in layout.curves:
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(points) - 1)
        ax.add_patch(
            FancyArrowPatch(
                path=Path(points, codes), arrowstyle="-|>", mutation_scale=6, color="#777777",
                linewidth=0.8, shrinkA=0, shrinkB=0, zorder=1,
            )
        )  # fmt: skip
    for box, (x, y) in layout.boxes.items():
        name, width = _label(box), widths[box]
        state = not box.partition("|")[0].count(".")
        colour = (_OUTPUT if name == "output" else _STATES) if state else "white"
        round_off = f"round,pad=0,rounding_size={0.45 * HEIGHT if state else 0.03}"
        ax.add_patch(
            FancyBboxPatch(
                (x - width / 2, y - HEIGHT / 2), width, HEIGHT, boxstyle=round_off, facecolor=colour,
                edgecolor="#444444", linewidth=0.7, zorder=2,
            )
        )  # fmt: skip
        ax.text(x, y, name, ha="center", va="center_baseline", fontsize=_FONT, zorder=3)


def _of_run(view: RunView) -> Figure | None:
    """Draw the searched cell that the valid split chose, and the given ones."""
    groups = cells_of(view.predictions)
    chosen = next((cells.chosen.cell for cells in groups if cells.chosen), None)
    titles = {
        name: f"{name}, chosen on the valid split" if name == chosen else name
        for name in view.cells
        if chosen is None or name == chosen or not name.startswith(SEARCHED)
    }
    return cells_figure({title: view.cells[name] for name, title in titles.items()})


FIGURE = FigureSpec("cells", "Cells of the DARTS networks", _of_run, needs="cells")
