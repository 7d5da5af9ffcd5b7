"""Labels of figures: every character has a font, and none lies on another."""

import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from predicted import predictions

from results.figures import render
from results.figures.base.fonts import families_for
from results.figures.base.style import house_style
from results.figures.pareto import pareto_figure
from results.leaderboard import leaderboard


@pytest.mark.parametrize("name", ["裂纹", "ひび割れ", "균열", "трещина", "شرخ", "crack ✓ 裂纹"])
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_every_character_of_a_name_has_a_font(name, suffix):
    with house_style():
        figure = Figure()
        figure.subplots().set_title(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert render(figure, suffix)


def test_a_character_without_a_font_is_found_by_the_warning():
    with house_style():
        figure = Figure()
        figure.subplots().set_title("裂纹")
    with pytest.warns(UserWarning, match="Glyph"):
        FigureCanvasAgg(figure).draw()


def test_latin_text_needs_no_other_font():
    assert families_for('lr$x^{$ [v2] 3" crack, ß', ("sans-serif",)) == ()


def many_rows(count):
    """Rows of long names whose AUC rises with their cost, so that all lie on the front."""
    frames = [
        predictions(f"Model {number:02d} of a very long name, variant {number}", quality=1 + number / 12)
        for number in range(count)
    ]
    table = leaderboard(pd.concat(frames))
    auc = table["roc_auc"].astype(float)
    return table.assign(predict_us=100 * np.exp(8 * auc), fit_seconds=np.exp(4 * auc))


@pytest.mark.parametrize("count", [1, 3, 25])
def test_labels_of_the_cost_figure_do_not_overlap(count):
    figure = pareto_figure(many_rows(count))
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    width, height = figure.canvas.get_width_height()
    for ax in figure.axes:
        assert ax.texts
        boxes = [text.get_window_extent(renderer) for text in ax.texts]
        for one, other in combinations(boxes, 2):
            wide = min(one.x1, other.x1) - max(one.x0, other.x0)
            high = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert min(wide, high) <= 1
        assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height for box in boxes)


def test_the_cost_figure_repeats():
    table = many_rows(6)
    assert render(pareto_figure(table), "svg") == render(pareto_figure(table), "svg")


def test_an_axis_within_a_power_of_ten_has_numbers():
    with house_style():
        figure = Figure()
        ax = figure.subplots()
        ax.plot([13, 80], [0, 1])
        ax.set(xscale="log", xlim=(13, 80))
    render(figure, "png")
    low, high = ax.get_xlim()
    ticks = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
    assert [label.get_text() for tick, label in ticks if low <= tick <= high] == ["20", "50"]
