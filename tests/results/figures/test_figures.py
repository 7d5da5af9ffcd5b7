import numpy as np
import pandas as pd
import pytest
from predicted import predictions

from results.embeddings import projections
from results.figures import embeddings_figure, render, roc_figure
from results.figures.embeddings import best_on_valid, misclassified


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
    best = best_on_valid(frame, ("resnet18", "random", "none"))
    assert best.key["model"] == "SVM"
    ringed = figure.axes[0].collections[2].get_offsets()
    assert len(ringed) == len(misclassified(best)) > 0


def test_the_same_predictions_give_the_same_svg(frame):
    assert render(roc_figure(frame), "svg") == render(roc_figure(frame), "svg")
    assert render(roc_figure(frame), "png")[:4] == b"\x89PNG"
