"""The split of a run: made from the images that were read, with what is worth knowing about it."""

import json

import numpy as np
import pandas as pd

from bench.config import RunConfig
from bench.console import say, warn
from bench.run_folder import RunFolder
from classifiers import get_spec as get_classifier
from classifiers.spec import GOOD_ONLY
from features.datasets import APPROXIMATE, ImageDataset, get_spec
from features.files import write_text
from features.splits import SPLITS, make_split, plan_split
from features.structure.copies import conflicting_labels, copy_sets, count_copies
from features.structure.examine import crossing_share, examine, near_sets_table
from features.structure.fingerprints import Fingerprints


def divide(
    config: RunConfig,
    dataset: ImageDataset,
    prints: Fingerprints,
    content: list[str],
    folder: RunFolder,
    *,
    look: bool = True,
) -> pd.DataFrame:
    """Return the split of the images, and say what the user should know about it.

    Parameters
    ----------
    config : RunConfig
        Names the split.
    dataset : ImageDataset
        Without the damaged files.
    prints : Fingerprints
        Of the images, in the order of the dataset's table.
    content : list of str
        Hash of each file, in the same order.
    folder : RunFolder
        Gets `structure.json`, what was found about images that belong together, and `near_copies.csv`.
    look : bool
        Whether to look for images that belong together.

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
    table, copies = dataset.table, copy_sets(prints.pixels, content)
    plan = plan_split(
        dataset,
        kind=config.split.kind,
        sizes=config.split.sizes,
        folds=config.classical.folds,
        seed=config.seed,
        copies=copies,
        good_only=_may_lack_defects(config),
    )
    counts = ", ".join(f"{(plan.parts == name).sum()} {name}" for name in SPLITS)
    say(f"split {config.split_name}, seed {config.seed}: {counts}; {dataset.y.sum()} defective in all")
    if config.split_name == APPROXIMATE:
        warn(f"{APPROXIMATE}: {get_spec(config.dataset.name).guessed_groups}")
    for note in plan.notes:
        warn(note)
    for line in conflicting_labels(copies, table["label"].tolist(), table["path"].tolist()):
        warn(line)
    if look:
        _look(config, dataset, prints, copies, plan.parts.to_numpy(), folder)
    columns = {"split": plan.parts.to_numpy()}
    if plan.cluster.nunique() < len(table):
        columns["cluster"] = plan.cluster.to_numpy()
    return pd.DataFrame(columns)


def _look(
    config: RunConfig,
    dataset: ImageDataset,
    prints: Fingerprints,
    copies: np.ndarray,
    parts: np.ndarray,
    folder: RunFolder,
) -> None:
    table, spec = dataset.table, get_spec(config.dataset.name)
    if config.split.kind != "group" and config.dataset.options.get("group"):
        warn(f"--group names groups, but split {config.split.kind} parts them: add --split group")
    sets_file = folder.path / "near_copies.csv"
    found = examine(
        table,
        dataset.y,
        prints,
        copies=copies,
        parts=parts,
        kind=config.split.kind,
        takes_group="group" in spec.options.model_fields,
        groups=spec.groups_name,
        sets_file=str(sets_file),
    )
    for line in found.warnings:
        warn(line)
    if found.near_sets is not None:
        write_text(
            sets_file, near_sets_table(table["image_id"].tolist(), found.near_sets).to_csv(index=False)
        )
    record = {
        "near_share": found.near_share,
        "group": found.naming.group if found.naming else None,
        "auc_parted": None if np.isnan(found.auc_parted) else found.auc_parted,
        "auc_whole": None if np.isnan(found.auc_whole) else found.auc_whole,
        "copies": count_copies(copies)[0],
        "warnings": found.warnings,
    }
    write_text(folder.path / "structure.json", json.dumps(record, indent=2) + "\n")


def look_at_embeddings(images: pd.DataFrame, matrix: np.ndarray, name: str) -> float:
    """Warn where embeddings show near copies of test images in train; return their share.

    Parameters
    ----------
    images : DataFrame
        The run's split.
    matrix : ndarray of float, shape (n_images, n_dimensions)
        Embeddings of the images.
    name : str
        What the embeddings are called.
    """
    share, line = crossing_share(matrix, images["split"].to_numpy(object), images["image_id"].tolist())
    if line:
        warn(f"by the embeddings of {name}, {line}; keep what belongs together whole with --split group")
    return share


def warn_of_equal_repeats(config: RunConfig, dataset: ImageDataset) -> None:
    """Warn when the test split is the same in several repeats."""
    if config.repeats == 1 or config.split.kind == "stratified":
        return
    tests = {_test_ids(config, dataset, config.seed + repeat) for repeat in range(config.repeats)}
    if len(tests) == 1:
        warn(
            f"the test split is the same in all {config.repeats} repeats (split {config.split_name}): they "
            "do not show how much the figures vary with the split"
        )
    elif len(tests) < config.repeats:
        warn(
            f"{config.repeats} repeats have {len(tests)} different test splits (split {config.split_name}): "
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
        good_only=_may_lack_defects(config),
    )
    return frozenset(dataset.table["image_id"][split == "test"])


def _may_lack_defects(config: RunConfig) -> bool:
    """Return whether some model learns from good images only, where the split may then lack defects."""
    if config.split.kind != "official":
        return False
    return any(get_classifier(name).supervision == GOOD_ONLY for name in config.classical.models)
