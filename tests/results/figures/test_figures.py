import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from predicted import predictions

from results import figures
from results.curves import Curves
from results.embeddings import projections
from results.figures import RunView, render
from results.figures.base.fonts import use_fonts_for
from results.figures.base.style import house_style, plain_logarithms
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


def texts_outside(boxes, size):
    """Texts of a figure that reach over the edge of its canvas."""
    inside = Bbox([[0, 0], size])
    return [name for name, box in boxes if not all(inside.contains(*corner) for corner in box.corners())]


def texts_that_overlap(boxes):
    """Pairs of texts of a figure whose boxes overlap by more than half a pixel."""
    pairs = itertools.combinations(boxes, 2)
    return [(a, b) for (a, one), (b, other) in pairs if one.padded(-0.5).overlaps(other.padded(-0.5))]


def drawn_boxes(figure):
    """The texts of a figure, drawn, with their boxes in pixels; and the size of the canvas."""
    with house_style():
        for ax in figure.axes:
            plain_logarithms(ax)
        use_fonts_for(figure)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    # Labels of ticks are left out: matplotlib keeps some where the axis does not reach.
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    ticks = {id(text) for axis in axes for text in (*axis.get_majorticklabels(), *axis.get_minorticklabels())}
    drawn = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    texts = [text for text in drawn if id(text) not in ticks]
    boxes = [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in texts]
    return boxes, canvas.get_width_height()


LONG = 'a weights file with a long name/lr$x^{$ [v2] 3" crack 裂纹 صدع/'


@pytest.fixture(scope="module")
def many():
    """25 rows on five feature sets, whose names are long and in several scripts."""
    frame = pd.concat([
        predictions(f"裂纹\t{number} of a model whose name is long", quality=1 + number % 7 / 5, seed=number,
                    weights=f"{LONG}{number % 5}", predict_us=20.0 + number % 6 / 100,
                    fit_seconds=5.0 + number % 11)
        for number in range(25)
    ])  # fmt: skip
    ids = frame["image_id"].unique()
    rng = np.random.default_rng(0)
    points = [
        pd.DataFrame({"features": "resnet18", "weights": f"{LONG}{number}", "preprocess": "none",
                      "projection": name, "image_id": ids, "x": rng.normal(size=len(ids)),
                      "y": rng.normal(size=len(ids))})
        for number in range(5) for name in ("PCA", "t-SNE", "UMAP")
    ]  # fmt: skip
    truth = frame[["image_id", "y_true"]].drop_duplicates("image_id").rename(columns={"y_true": "defect"})
    panels = long_panels()
    return RunView(frame, leaderboard(frame), pd.concat(points), truth, curves=long_curves(), **panels)


def long_curves():
    """Learning curves of 25 heads on five feature sets and two networks, whose names are long."""
    rows = [
        (f"裂纹\t{number} of a model whose name is long", "head", f"{LONG}{number % 5}")
        for number in range(25)
    ]
    rows += [(f"{LONG} network {number}", "network", "imagenet") for number in range(2)]
    bands = pd.DataFrame([
        {"row": f"{model} {weights}", "model": model, "weights": weights, "preprocess": "none",
         "sampling": "all", "features": "end-to-end" if kind == "network" else "resnet18",
         "kind": kind, "by": "images", "size": size, "labels": 1.25 * size, "draws": 3, "median": auc,
         "low": auc - 0.02, "high": auc + 0.01}
        for number, (model, kind, weights) in enumerate(rows) for size in (32, 128, 1024)
        for auc in [0.6 + number / 100 + size / 8000]
    ])  # fmt: skip
    head, network = bands["row"].iloc[0], bands["row"].iloc[-1]
    crossing = {"head": head, "network": network, "result": "crosses", "labels": 300.0, "low": 90.0,
                "high": np.nan, "smallest": 40.0, "largest": 1280.0, "words": "made"}  # fmt: skip
    laws = [{"row": head, "leading": True, "labels": labels, "roc_auc": 0.8, "low": 0.75, "high": 0.85}
            for labels in (2560.0, 5120.0)]  # fmt: skip
    return Curves(bands, bands, pd.DataFrame([crossing]), pd.DataFrame(laws))


def long_panels():
    """Heat maps of images with long names under three preprocessings, and one box."""
    rows = [
        {**dict.fromkeys(("model", "features", "weights"), LONG), "preprocess": name, "outcome": outcome,
         "image_id": f"{LONG}/裂纹/{outcome}-{LONG}", "height": 30, "width": 40, "window_x1": 0,
         "window_y1": 0, "window_x2": 40, "window_y2": 30, "map_height": 2, "map_width": 3,
         "values": [0.0, 1, -2, 0, 0, 3], "opposite": [0.0, -1, 2, 0, 0, -3],
         "pixels": bytes(range(120)), "pixels_height": 10, "pixels_width": 12}
        for name in ("none", "I:30:60", "bits12+crop20")
        for outcome in ("hit", "escape", "overkill", "correct")
    ]  # fmt: skip
    region = {"image_id": rows[0]["image_id"], "source": "box", "x1": 5.0, "y1": 6.0, "x2": 9.0, "y2": 20.0,
              "height": 30, "width": 40, "runs": []}  # fmt: skip
    return {"panels": pd.DataFrame(rows), "regions": pd.DataFrame([region])}


@pytest.mark.parametrize("name", figures.names())
def test_no_label_is_cut_or_overlaps_another_with_25_rows_and_long_names(name, many):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spec = figures.get_figure(name)
        figure = spec.draw(many)
        if figure is None:
            assert spec.needs and len(getattr(many, spec.needs)) == 0
            return
        boxes, size = drawn_boxes(figure)
        assert texts_outside(boxes, size) == [] and texts_that_overlap(boxes) == []


def test_overlapping_and_cut_labels_are_found():
    with house_style():
        figure = Figure(figsize=(2, 2))
        figure.text(0.2, 0.5, "first")
        figure.text(0.25, 0.5, "second")
        figure.text(0.9, 0.9, "a label that is cut")
    boxes, size = drawn_boxes(figure)
    assert texts_that_overlap(boxes) == [("first", "second")]
    assert texts_outside(boxes, size) == ["a label that is cut"]


@pytest.mark.parametrize("name", figures.names())
def test_every_figure_draws_every_run_within_its_canvas(name, points):
    for run, view in views(points[0]).items():
        figure = figures.get_figure(name).draw(view)
        if figure is None:
            continue
        assert render(figure, "svg")[:5] == b"<?xml" and render(figure, "png")[:4] == b"\x89PNG"
        outside = texts_outside(*drawn_boxes(figure))
        assert not outside, (run, outside)
