"""The split of a run: made from the images that were read, with what is worth knowing about it."""

import numpy as np
import pandas as pd

from bench.config import RunConfig
from bench.console import say, warn
from features.datasets import ImageDataset
from features.splits import SPLITS, make_split, plan_split
from features.structure.copies import conflicting_labels, copy_sets
from features.structure.fingerprints import Fingerprints


def divide(config: RunConfig, dataset: ImageDataset, prints: Fingerprints) -> pd.DataFrame:
    """Return the split of the images, and say what the user should know about it.

    Parameters
    ----------
    config : RunConfig
        Names the split.
    dataset : ImageDataset
        Without the damaged files.
    prints : Fingerprints
        Of the images, in the order of the dataset's table.

    Returns
    -------
    DataFrame
        One row per image of the dataset's table: `split`, and, where images belong together, `cluster`
        (equal for images of one group under a group split, and for exact copies).

    Raises
    ------
    InputError
        When the images cannot be divided as asked.
    """
    table, copies = dataset.table, copy_sets(prints.pixels)
    plan = plan_split(
        dataset,
        kind=config.split.kind,
        sizes=config.split.sizes,
        folds=config.classical.folds,
        seed=config.seed,
        copies=copies,
    )
    counts = ", ".join(f"{(plan.parts == name).sum()} {name}" for name in SPLITS)
    say(f"split {config.split.kind}, seed {config.seed}: {counts}; {dataset.y.sum()} defective in all")
    for note in plan.notes:
        warn(note)
    for line in conflicting_labels(copies, table["label"].tolist(), table["path"].tolist()):
        warn(line)
    columns = {"split": plan.parts.to_numpy()}
    if plan.cluster.nunique() < len(table):
        columns["cluster"] = plan.cluster.to_numpy()
    return pd.DataFrame(columns)


def warn_of_equal_repeats(config: RunConfig, dataset: ImageDataset) -> None:
    """Warn when the test split is the same in several repeats."""
    if config.repeats == 1 or config.split.kind == "stratified":
        return
    tests = {_test_ids(config, dataset, config.seed + repeat) for repeat in range(config.repeats)}
    if len(tests) == 1:
        warn(
            f"the test split is the same in all {config.repeats} repeats (split {config.split.kind}): they "
            "do not show how much the figures vary with the split"
        )
    elif len(tests) < config.repeats:
        warn(
            f"{config.repeats} repeats have {len(tests)} different test splits (split {config.split.kind}): "
            "the figures of equal ones are no independent evidence"
        )


def _test_ids(config: RunConfig, dataset: ImageDataset, seed: int) -> frozenset[str]:
    split = make_split(
        dataset,
        kind=config.split.kind,
        sizes=config.split.sizes,
        folds=config.classical.folds,
        seed=seed,
        copies=np.arange(len(dataset.table)),
    )
    return frozenset(dataset.table["image_id"][split == "test"])
