import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from predicted import predictions

from results import figures
from results.embeddings import projections
from results.figures import RunView, render
from results.figures.base.style import house_style
from results.figures.embeddings import best_of_set, embeddings_figure, misclassified
from results.figures.roc import roc_figure
from results.leaderboard import Kind, best_of_kinds, leaderboard
from results.predictions import rows_of
from results.report.summary import summarise


@pytest.fixture(scope="module")
def frame():
    return pd.concat([predictions("LDA", quality=1.5), predictions("SVM", quality=3.0)])


@pytest.fixture(scope="module")
def points(frame):
    ids = sorted(frame["image_id"].unique())
    matrix = np.random.default_rng(0).normal(size=(len(ids), 8)).astype(np.float32)
    return (
        projections.project(matrix, ids, seed=0).assign(
            features="resnet18", weights="random", preprocess="none"
        ),
        ids,
        matrix,
    )


def test_projections_are_complete_and_repeat(points):
    frame, ids, matrix = points
    assert frame.groupby("projection").size().to_dict() == {n: len(ids) for n in projections.names()}
    assert np.isfinite(frame[["x", "y"]].to_numpy()).all()
    again = projections.project(matrix, ids, seed=0)
    pd.testing.assert_frame_equal(frame[again.columns.tolist()], again)


def test_roc_figure_has_a_curve_for_each_model(frame):
    figure = roc_figure(frame)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [label.split()[0] for label in labels] == ["SVM", "LDA"]


def test_embeddings_figure_rings_the_misclassified(frame, points):
    truth = frame[["image_id", "y_true"]].drop_duplicates().rename(columns={"y_true": "defect"})
    figure = embeddings_figure(points[0], truth, frame)
    assert len(figure.axes) == 3
    best = best_of_set(frame, ("resnet18", "random", "none"))
    assert best.key["model"] == "SVM"
    ringed = figure.axes[0].collections[2].get_offsets()
    assert len(ringed) == len(misclassified(best)) > 0


def test_embeddings_figure_rings_the_errors_of_the_row_that_the_report_calls_best():
    # "Blind" ranks defects better, but no threshold pays: it finds none. "LDA" finds half of them.
    frame = pd.concat([predictions("Blind", n=300), predictions("LDA", n=300)], ignore_index=True)
    place = np.arange(600) % 300
    y = (place < 6).astype(int)
    frame["y_true"] = np.tile(y, 2)
    blind = np.where(y == 1, 2.0, np.linspace(0, 2.2, 300)[place])
    frame["score"] = np.concatenate([blind, np.where(place < 3, 9.0, np.where(y == 1, 0.0, blind))])
    best = best_of_set(frame, ("resnet18", "random", "none"))
    text = " ".join(summarise(frame, pd.DataFrame(columns=["status"]), ""))
    assert "chosen on the valid split: LDA on" in text
    ids = frame["image_id"].unique()
    projected = pd.DataFrame({"features": "resnet18", "weights": "random", "preprocess": "none", "x": 0.0,
                              "projection": "PCA", "image_id": ids, "y": np.arange(600.0)})  # fmt: skip
    figure = embeddings_figure(projected, pd.DataFrame({"image_id": ids, "defect": y}), frame)
    assert figure.axes[0].get_ylabel() == "ringed: wrong by LDA"
    assert len(figure.axes[0].collections[2].get_offsets()) == len(misclassified(best)) == 3
    assert best_of_kinds(rows_of(frame))[Kind.FROZEN].key == best.key


def test_the_same_predictions_give_the_same_svg(frame):
    assert render(roc_figure(frame), "svg") == render(roc_figure(frame), "svg")
    assert render(roc_figure(frame), "png")[:4] == b"\x89PNG"


def views(points):
    """What the figures are tried on, by name."""
    frame = pd.concat([predictions("LDA"), predictions("SVM", weights="lr$x^{$ [v2] a/long/file-name.pt")])
    classes = frame.assign(label=(np.arange(len(frame)) % 5).astype(str))
    test = frame["split"] == "test"
    truth = frame[["image_id", "y_true"]].drop_duplicates().rename(columns={"y_true": "defect"})
    runs = {
        "binary": frame, "five classes": classes, "one row": predictions("LDA"),
        "equal scores": frame.assign(score=0.5),
        "one class in test": frame.assign(y_true=frame["y_true"].where(~test, 0)),
    }  # fmt: skip
    return {name: RunView(run, leaderboard(run), points, truth) for name, run in runs.items()}


def texts_outside(figure):
    """Texts of a figure that reach over the edge of its canvas."""
    with house_style():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    width, height = canvas.get_width_height()
    inside = Bbox([[-1, -1], [width + 1, height + 1]])
    found = []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and not is_tick_label(text, figure):
            box = text.get_window_extent(canvas.get_renderer())
            if not all(inside.contains(*corner) for corner in box.corners()):
                found.append(text.get_text())
    return found


def is_tick_label(text, figure):
    """Whether a text belongs to a tick, which matplotlib keeps where the axis does not reach."""
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    return any(text in axis.get_ticklabels(which=which) for axis in axes for which in ("major", "minor"))


@pytest.mark.parametrize("name", figures.names())
def test_every_figure_draws_every_run_within_its_canvas(name, points):
    for run, view in views(points[0]).items():
        figure = figures.get_figure(name).draw(view)
        if figure is None:
            continue
        assert render(figure, "svg")[:5] == b"<?xml" and render(figure, "png")[:4] == b"\x89PNG"
        outside = texts_outside(figure)
        assert not outside, (run, outside)
