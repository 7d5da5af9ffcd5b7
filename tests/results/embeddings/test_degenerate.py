"""Embeddings that hold too little: finite figures, or a reason, never a traceback."""

import warnings

import numpy as np
import pytest

from results.embeddings import projections
from results.embeddings.audit import audit_labels
from results.embeddings.clusters import clusters_table
from results.embeddings.projections import FEWEST_DISTINCT, project

EMBEDDINGS = {
    "equal": np.ones((12, 6)),
    "three equal": np.ones((3, 6)),
    "three": np.arange(9.0).reshape(3, 3),
    "one image": np.ones((1, 4)),
    "one dimension": np.arange(12.0)[:, None],
    "one dimension, equal": np.ones((12, 1)),
    "no dimension": np.ones((12, 0)),
    "no image": np.ones((0, 4)),
    "not finite": np.full((12, 4), np.nan),
    "two kinds": np.repeat(np.eye(2), 6, axis=0),
}
each = pytest.mark.parametrize("X", EMBEDDINGS.values(), ids=EMBEDDINGS)
pytestmark = pytest.mark.filterwarnings("ignore:.*skipped", "ignore:.*not audited", "ignore::UserWarning")


@pytest.fixture
def without_umap(monkeypatch):
    """UMAP compiles for half a minute; `tox -e deep` runs the real one."""
    monkeypatch.setitem(projections._REGISTRY, "UMAP", projections._pca)


@each
def test_projections_are_finite_or_skipped_with_a_reason(X, without_umap):
    check_projections(X)


@pytest.mark.deep
@each
def test_umap_is_finite_or_skipped_with_a_reason(X):
    check_projections(X)


def check_projections(X):
    frame = project(X.astype("f4"), [str(number) for number in range(len(X))])
    assert np.isfinite(frame[["x", "y"]].to_numpy(float)).all()
    drawn, skipped = set(frame["projection"]), frame.attrs["skipped"]
    assert drawn | set(skipped) == {"PCA", "t-SNE", "UMAP"} and not drawn & set(skipped)
    assert all(skipped.values())


def test_a_skipped_projection_warns():
    with pytest.warns(UserWarning, match=f"t-SNE is skipped: 1 distinct images of 9, {FEWEST_DISTINCT} are"):
        project(np.ones((9, 4)), list("abcdefghi"))


@each
def test_clusters_are_figures_or_nan_with_a_reason(X):
    labels = np.where(np.arange(len(X)) % 2, "a", "b")
    table = clusters_table(X, labels)
    assert len(table) == 5
    missing = table["purity"].isna()
    if missing.any():
        assert (table.loc[missing, "reason"] != "").all()
    else:
        assert "reason" not in table


@each
@pytest.mark.parametrize("defects", [0, 1, 2, 3])
def test_the_audit_gives_figures_or_nan_with_a_reason(X, defects):
    y = (np.arange(len(X)) < defects).astype(int)
    table = audit_labels(X, y, [str(number) for number in range(len(X))])
    assert table["rank"].tolist() == list(range(1, len(X) + 1))
    if table["suspicion"].isna().any():
        assert table.attrs["reason"] and not table["issue"].any()
    else:
        assert table["suspicion"].between(0, 1).all() or table.empty


def test_usual_embeddings_give_no_reason_and_no_warning():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(60, 8)), np.arange(60) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert "reason" not in clusters_table(X, labels)
        assert audit_labels(X, labels, [str(number) for number in range(60)])["suspicion"].notna().all()
