"""Images of noise, each saved twice under one random label: no model may look better than chance."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from bench.engine.divide import divide
from bench.run_folder import RunFolder
from features.datasets import load_dataset
from features.datasets.base import ImageDataset
from features.splits import plan_split
from features.structure.fingerprints import Fingerprints
from results.statistics import auc_interval

IMAGES = 160


def covered(seed):
    """Return whether the interval of the test AUC contains 0.5."""
    rng = np.random.default_rng(seed)
    X = np.repeat(rng.normal(size=(IMAGES, 12)), 2, axis=0)
    label = np.repeat(np.where(rng.random(IMAGES) < 0.5, "bad", "good"), 2)
    ids = [f"{i}" for i in range(2 * IMAGES)]
    dataset = ImageDataset(
        "noise", pd.DataFrame({"image_id": ids, "path": ids, "label": label}), ("good", "bad"), ("bad",)
    )
    plan = plan_split(dataset, seed=seed, copies=np.arange(2 * IMAGES) // 2)
    train, test = (plan.parts == "train").to_numpy(), (plan.parts == "test").to_numpy()
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5).fit(X[train], dataset.y[train])
    groups = plan.cluster[test].to_numpy()
    low, high = auc_interval(dataset.y[test], model.decision_function(X[test]), groups=groups)
    return low <= 0.5 <= high


def test_the_interval_of_noise_saved_twice_contains_chance():
    assert np.mean([covered(seed) for seed in range(10)]) >= 0.8


@pytest.mark.deep
def test_the_interval_of_noise_saved_twice_contains_chance_in_92_percent_of_200_seeds():
    assert np.mean([covered(seed) for seed in range(200)]) >= 0.92


def test_files_of_noise_saved_twice_are_one_cluster_each(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(40):
        pixels = rng.normal(90, 12, (32, 32)).clip(0, 255).astype(np.uint8)
        for copy in range(2):
            path = tmp_path / ("good", "bad")[i % 2] / f"{rng.integers(10**9)}_{copy}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(path)
    dataset = load_dataset("folder", root=tmp_path, positive="bad")
    prints = Fingerprints(len(dataset.table))
    for row, path in enumerate(dataset.table["path"]):
        with Image.open(path) as image:
            prints.observe(row, np.asarray(image))
    config = SimpleNamespace(
        split=SimpleNamespace(kind="stratified", sizes=(0.6, 0.15, 0.25)),
        split_name="stratified",
        classical=SimpleNamespace(folds=3),
        seed=0,
    )
    images = divide(config, dataset, prints, dataset.table["path"].tolist(), RunFolder(tmp_path), look=False)
    assert (images["cluster"].value_counts() == 2).all()
