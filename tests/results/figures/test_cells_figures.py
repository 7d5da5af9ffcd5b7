import shutil

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from predicted import scored_cell

from results.figures import RunView, get_figure, render
from results.figures.base import graph
from results.figures.base.style import house_style
from results.figures.cells import cells_figure, graph_of
from results.figures.search_history import search_history_figure

OPERATIONS = ("skip_connect", "sep_conv_5x5", "max_pool_3x3", "a_new_operation_of_a_very_long_name_7x7")


def genotype(seed, chain=False):
    """A genotype of random operations; `chain`: each node takes the two before it."""
    rng = np.random.default_rng(seed)

    def node(number):
        sources = (number - 2, number - 1) if chain else sorted(rng.choice(number, 2, replace=False).tolist())
        return [[OPERATIONS[rng.integers(len(OPERATIONS))], source] for source in sources]

    return {kind: [node(number) for number in range(2, 6)] for kind in ("normal", "reduction")}


GENOTYPES = {"random 1": genotype(1), "random 2": genotype(2), "chain": genotype(3, chain=True)}


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def boxes_of(layout, widths):
    return {
        name: (x - widths[name] / 2, y - graph.HEIGHT / 2, x + widths[name] / 2, y + graph.HEIGHT / 2)
        for name, (x, y) in layout.boxes.items()
    }


@pytest.fixture(params=["graphviz", "layers"])
def placed(request, monkeypatch):
    """Draw with graphviz, or as where it is not installed."""
    if request.param == "layers":
        monkeypatch.setattr(graph.shutil, "which", lambda name: None)
    return request.param


@pytest.mark.parametrize("name", GENOTYPES)
@pytest.mark.parametrize("kind", ["normal", "reduction"])
def test_no_box_touches_another_and_edges_run_downwards_from_box_to_box(name, kind, placed):
    widths, edges = graph_of(GENOTYPES[name][kind])
    layout = graph.lay_out(widths, edges)
    boxes = boxes_of(layout, widths)
    names = list(boxes)
    assert set(names) == set(widths) and len(layout.curves) == len(edges)
    assert not [
        (one, other)
        for n, one in enumerate(names)
        for other in names[n + 1 :]
        if overlap(boxes[one], boxes[other])
    ]
    for (start, end), curve in zip(edges, layout.curves, strict=True):
        assert layout.boxes[start][1] > layout.boxes[end][1]
        assert (len(curve) - 1) % 3 == 0
        for point, box in ((curve[0], start), (curve[-1], end)):
            left, low, right, high = boxes[box]
            assert left - 0.05 <= point[0] <= right + 0.05 and low - 0.05 <= point[1] <= high + 0.05
    for left, low, right, high in boxes.values():
        assert min(left, low) >= -0.01 and right <= layout.size[0] + 0.01 and high <= layout.size[1] + 0.01


@pytest.mark.parametrize("name", GENOTYPES)
def test_edges_pass_no_box_that_is_not_theirs_without_graphviz(name):
    for kind in ("normal", "reduction"):
        widths, edges = graph_of(GENOTYPES[name][kind])
        layout = graph.layered(widths, edges)
        for (start, end), curve in zip(edges, layout.curves, strict=True):
            for box, (left, low, right, high) in boxes_of(layout, widths).items():
                inside = (curve[::3] > (left, low)).all(axis=1) & (curve[::3] < (right, high)).all(axis=1)
                assert box in (start, end) or not inside.any(), (start, end, box)


def test_what_graphviz_cannot_place_is_drawn_all_the_same(monkeypatch):
    widths, edges = graph_of(GENOTYPES["chain"]["normal"])
    monkeypatch.setattr(graph.shutil, "which", lambda name: "dot")

    def broken(*args, **kwargs):
        raise OSError("no such program")

    monkeypatch.setattr(graph.subprocess, "run", broken)
    assert graph.lay_out(widths, edges).boxes == graph.layered(widths, edges).boxes


def test_labels_lie_within_their_boxes_and_the_canvas(placed):
    figure = cells_figure(
        {**GENOTYPES, "a cell of a very long name, chosen on the valid split of this run": genotype(4)}
    )
    with house_style():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    renderer = canvas.get_renderer()
    for ax in figure.axes:
        texts = {
            text: text.get_window_extent(renderer) for text in ax.findobj(Text) if text.get_text().strip()
        }
        patches = [patch.get_window_extent(renderer) for patch in ax.findobj(FancyBboxPatch)]
        for text, box in texts.items():
            assert ax.bbox.x0 - 1 <= box.x0 and box.x1 <= ax.bbox.x1 + 1, text.get_text()
            around = [
                p for p in patches if p.x0 <= box.x0 and box.x1 <= p.x1 and p.y0 <= box.y0 and box.y1 <= p.y1
            ]
            assert len(around) == 1 or "cell" in text.get_text(), text.get_text()
        extents = list(texts.values())
        assert not any(a.overlaps(b) for n, a in enumerate(extents) for b in extents[n + 1 :])
    assert render(figure, "svg")[:5] == b"<?xml"


def history(cells=("searched 1", "searched 2"), epochs=3):
    return pd.DataFrame([
        {"cell": cell, "epoch": epoch, "train_loss": 0.5, "valid_loss": 0.6, "entropy_normal": 2.0,
         "entropy_reduce": 2.1, "skips_normal": 1, "skips_reduce": 2, "seconds": 1.0}
        for cell in cells for epoch in range(1, epochs + 1)
    ])  # fmt: skip


@pytest.mark.parametrize("epochs", [1, 3])
def test_the_history_has_a_curve_for_each_search(epochs):
    figure = search_history_figure(history(epochs=epochs))
    entropy, skips, loss = figure.axes
    assert [len(ax.get_lines()) for ax in (entropy, skips, loss)] == [4 + 2, 4, 2]
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["searched 1", "searched 2"]
    assert {len(line.get_xdata()) for line in loss.get_lines()} == {epochs}
    assert render(figure, "png")[:4] == b"\x89PNG"


def test_a_run_without_cells_has_neither_figure():
    view = RunView(pd.DataFrame(), pd.DataFrame())
    assert get_figure("cells").draw(view) is None and get_figure("search_history").draw(view) is None


def test_only_the_chosen_searched_cell_is_drawn_beside_the_given_ones():
    frame = pd.concat([scored_cell("searched 1", 1.0), scored_cell("searched 2", 3.0)])
    cells = {"ImageNet cell": genotype(0), "searched 1": genotype(1), "searched 2": genotype(2)}
    figure = get_figure("cells").draw(RunView(frame, pd.DataFrame(), cells=cells))
    titles = [ax.texts[0].get_text().replace("\n", " ") for ax in figure.axes]
    assert titles == [
        f"{name} {kind} cell"
        for name in ("ImageNet cell", "searched 2, chosen on the valid split")
        for kind in ("normal", "reduction")
    ]


def test_graphviz_is_used_where_it_is_installed():
    widths, edges = graph_of(GENOTYPES["random 1"]["normal"])
    found = graph.by_graphviz(widths, edges)
    assert (found is not None) == (shutil.which("dot") is not None)
