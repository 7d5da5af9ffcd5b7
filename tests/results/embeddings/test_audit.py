import numpy as np
import pytest

from results.embeddings.audit import audit_labels, audit_quality, neighbours_of_class_1
from results.embeddings.clusters import clusters_table, purity


@pytest.fixture(scope="module")
def noisy():
    """Two overlapping classes of 1,000, 40 labels turned: embeddings, labels, ids, the wrong ones."""
    rng = np.random.default_rng(0)
    truth = np.arange(1000) % 5 == 0
    X = rng.normal(size=(1000, 24)).astype(np.float32) + truth[:, None] * 1.2
    turned = rng.choice(1000, 40, replace=False)
    y = truth.astype(int)
    y[turned] = 1 - y[turned]
    ids = [f"i{n:04d}" for n in range(1000)]
    return X, y, ids, {ids[n] for n in turned}


def test_turned_labels_come_first(noisy):
    X, y, ids, wrong = noisy
    audit = audit_labels(X, y, ids)
    assert audit["rank"].tolist() == list(range(1, 1001)) and set(audit["image_id"]) == set(ids)
    quality = audit_quality(audit, wrong, first=30, share=0.05)
    assert quality["precision"] >= 0.8 and quality["found"] >= 0.7
    issues = set(audit.loc[audit["issue"], "image_id"])
    assert len(issues & wrong) / len(issues) > 0.6
    assert audit_labels(X, y, ids).equals(audit)


def test_what_an_unseeing_model_told_counts(noisy):
    X, y, ids, wrong = noisy
    truth = np.where([name in wrong for name in ids], 1 - y, y)
    held_out = np.where(truth == 1, 0.97, 0.03)
    held_out[500:] = np.nan
    weak = X[:, :3]
    with_network = audit_quality(audit_labels(weak, y, ids, held_out=held_out), wrong, share=0.04)
    assert with_network["found"] > audit_quality(audit_labels(weak, y, ids), wrong, share=0.04)["found"] > 0


def test_labels_without_noise_raise_few_issues(noisy):
    X, y, ids, wrong = noisy
    truth = np.where([name in wrong for name in ids], 1 - y, y)
    assert audit_labels(X, truth, ids)["issue"].mean() < 0.02


def test_a_rare_defect_is_spared_for_looking_unusual(noisy):
    X, y, ids, wrong = noisy
    truth = np.where([name in wrong for name in ids], 1 - y, y)
    # Defects that the embeddings cannot tell from good parts.
    rare = set(np.random.default_rng(1).choice(np.flatnonzero((truth == 1) & (y == 1)), 60, replace=False))
    X = X - 1.2 * np.isin(np.arange(1000), list(rare))[:, None].astype(np.float32)
    novelty = np.random.default_rng(2).normal(size=1000) + 3 * truth
    without, given = (audit_labels(X, y, ids, novelty=each) for each in (None, novelty))
    assert audit_quality(given, wrong)["precision"] > audit_quality(without, wrong)["precision"] + 0.1
    assert without["novelty"].isna().all() and given["novelty"].between(0, 1).all()
    # On any scale: only the order counts.
    assert audit_labels(X, y, ids, novelty=np.exp(novelty)).equals(given)


def test_useless_novelty_hardly_counts(noisy):
    X, y, ids, wrong = noisy
    noise = np.random.default_rng(3).normal(size=1000)
    given, without = (
        audit_quality(audit_labels(X, y, ids, novelty=each), wrong, first=30) for each in (noise, None)
    )
    assert given["precision"] >= without["precision"] - 0.1


def test_an_image_does_not_vouch_for_itself():
    X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    X[1] = X[0]
    y = np.zeros(40, int)
    y[0] = 1
    assert neighbours_of_class_1(X, y)[0] == 0


def test_clusters_find_what_is_there():
    rng = np.random.default_rng(0)
    labels = np.repeat(["good", "bad"], 100)
    X = rng.normal(size=(200, 6)) + (labels == "bad")[:, None] * 9
    table = clusters_table(X, labels).set_index("method")
    assert table.loc["k-means, 2", "adjusted_rand"] == pytest.approx(1)
    assert table.loc["HDBSCAN", "purity"] > 0.95
    noise = clusters_table(rng.normal(size=(200, 6)), labels).set_index("method")
    assert abs(noise.loc["k-means, 2", "adjusted_rand"]) < 0.1


def test_purity():
    assert purity(np.array([0, 0, 0, 1, 1]), np.array([1, 1, 0, 0, 0])) == pytest.approx(4 / 5)
