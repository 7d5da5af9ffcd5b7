"""The run's images: loaded, decoded once to find the damaged ones, split, and saved."""

import unicodedata
from collections import Counter
from dataclasses import replace

import pandas as pd

from bench.config import RunConfig
from bench.console import say, task, warn
from bench.engine.divide import divide, warn_of_equal_repeats
from bench.engine.inputs import check_files, record_files
from bench.run_folder import RunFolder
from features.datasets import ImageDataset, depth_warning, load_dataset
from features.datasets.relabel import relabel
from features.errors import InputError
from features.files import atomic_path
from features.pixels.images import scan_images
from features.pixels.properties import image_properties
from features.structure.fingerprints import Fingerprints


def prepare(config: RunConfig, folder: RunFolder, *, look: bool = True) -> tuple[ImageDataset, pd.DataFrame]:
    """Return the dataset and the run's split, made now or by an earlier call.

    Parameters
    ----------
    config : RunConfig
        Names the dataset and the split.
    folder : RunFolder
        Keeps `split.parquet`, `properties.parquet` and `problems.csv`.
    look : bool
        Whether to look for images that belong together when the split is made.

    Returns
    -------
    dataset : ImageDataset
        As loaded; damaged files are still in its table.
    split : DataFrame
        The images in use, with `split`, `y`, `content`, `height`, `width` and `channels`; and `cluster`
        where images belong together, see `divide`.

    Raises
    ------
    InputError
        When the dataset cannot be used, or is not the one that the folder's split was made of.
    """
    dataset = load_dataset(config.dataset.name, **config.dataset.options)
    if folder.split.is_file():
        warn_of_equal_repeats(config, dataset)
        return dataset, _reuse(config, folder, dataset)
    say(f"{len(dataset.table)} images of {len(dataset.classes)} classes in dataset {dataset.name}")
    for line in (dataset.credit, *dataset.notes):
        if line:
            say(line)
    with task("reading images", len(dataset.table)) as update:
        prints = Fingerprints(len(dataset.table))
        scan = scan_images(
            dataset.table["path"].tolist(),
            progress=update,
            observe=prints.observe,
            bit_depth=dataset.bit_depth,
        )
    note = depth_warning(dataset, scan)
    if note:
        warn(note)
    bad = scan[scan["problem"] != ""]
    sound = dataset.without(bad)
    _report_problems(sound, folder)
    table = sound.table.merge(scan.drop(columns="problem"), on="path", validate="1:1")
    table["y"] = sound.y
    kept = prints.rows((scan["problem"] == "").to_numpy())
    for name, column in divide(config, sound, kept, table["content"].tolist(), folder, look=look).items():
        table[name] = column.to_numpy()
    table = _corrected(config, dataset, table)
    folder.write_config(config)
    record_files(folder, scan["path"].tolist(), scan["content"].tolist())
    properties = image_properties(table["path"].tolist(), kept.thumbnails)
    folder.write_frame(folder.properties, pd.concat([table[["image_id"]], properties], axis=1))
    folder.write_frame(folder.split, table)
    warn_of_equal_repeats(config, sound)
    return dataset, table


def _corrected(config: RunConfig, dataset: ImageDataset, table: pd.DataFrame) -> pd.DataFrame:
    """Correct labels after the split, so that the split does not depend on the corrections.

    Test labels stay as they are unless `relabel_test` is set; then `label_before` and `y_before` keep
    what they were.
    """
    if config.relabel is None:
        return table
    labels = relabel(dataset, config.relabel).table.set_index("image_id")["label"]
    new = labels.reindex(table["image_id"]).to_numpy()
    touched = (table["label"].to_numpy() != new) & (config.relabel_test | (table["split"] != "test"))
    before = table[["label", "y"]].add_suffix("_before")
    table = table.assign(label=table["label"].where(~touched, new))
    table["y"] = table["label"].isin(dataset.positive).astype(before["y_before"].dtype)
    left = int((table["label"].to_numpy() != new).sum())
    say(f"{touched.sum()} labels corrected by {config.relabel}")
    if left:
        say(f"{left} corrections are of test images and were not made; --relabel-test makes them too")
    return table.assign(**before) if config.relabel_test else table


def _reuse(config: RunConfig, folder: RunFolder, dataset: ImageDataset) -> pd.DataFrame:
    """Return the split of an earlier call; `InputError` when anything that it was made of changed."""
    before = folder.config()
    for section in ("dataset", "split", "seed", "relabel", "relabel_test"):
        was, now = getattr(before, section), getattr(config, section)
        if was != now:
            raise InputError(
                f"{folder.path}: holds a run with {section} {_short(was)}, not {_short(now)}; choose "
                "another --name or --out, or remove the folder"
            )
    table = folder.read_split()
    dataset = named_as_saved(dataset, table["image_id"].tolist())
    left_out = _left_out(folder)
    present = dataset.table[~dataset.table["path"].isin(left_out)].set_index("image_id")
    new, gone = set(present.index) - set(table["image_id"]), set(table["image_id"]) - set(present.index)
    if new or gone:
        raise InputError(
            f"{folder.path}: the images changed since this run was made ({len(new)} new, {len(gone)} "
            "gone); choose another --name, or remove the folder"
        )
    expected = _expected(config, dataset, table)
    for column in expected.columns.intersection(table.columns):
        was, now = (frame[column].map(_composed) for frame in (table, expected))
        changed = int(((was != now) & ~(was.isna() & now.isna())).sum())
        if changed:
            raise InputError(
                f"{folder.path}: {changed} values of {column} changed since this run was made; choose "
                "another --name, or remove the folder"
            )
    # The images may lie elsewhere than they did when the run was made.
    table["path"] = present["path"].reindex(table["image_id"]).to_numpy()
    damaged = sorted(left_out & set(dataset.table["path"]))
    check_files(folder, [*table["path"], *damaged], [*table["content"], *[""] * len(damaged)])
    return table


def named_as_saved(dataset: ImageDataset, saved: list[str]) -> ImageDataset:
    """Give images the ids of an earlier split that differ from theirs in Unicode normalisation only.

    A copy of a folder on another file system may spell an accent with one character or with two. An id
    that is ambiguous stays as it is.
    """
    ids = dataset.table["image_id"].tolist()
    known, spelled = set(saved), Counter(_nfc(name) for name in saved)
    by_spelling = {_nfc(name): name for name in saved if spelled[_nfc(name)] == 1}
    there = Counter(_nfc(name) for name in ids)
    names = [
        by_spelling.get(_nfc(name), name) if name not in known and there[_nfc(name)] == 1 else name
        for name in ids
    ]
    return dataset if names == ids else replace(dataset, table=dataset.table.assign(image_id=names))


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _composed(value: object) -> object:
    return _nfc(value) if isinstance(value, str) else value


def _expected(config: RunConfig, dataset: ImageDataset, table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that the dataset gives today to the images of an earlier split."""
    given = dataset.table.drop(columns=["path", "split"], errors="ignore").set_index("image_id")
    given["y"] = given["label"].isin(dataset.positive).astype(int)
    given = given.reindex(table["image_id"]).reset_index()
    return _corrected(config, dataset, given.assign(split=table["split"])).drop(columns=["split"])


def _left_out(folder: RunFolder) -> set[str]:
    return (
        set(pd.read_csv(folder.problems, dtype=str, keep_default_na=False)["path"])
        if folder.problems.is_file()
        else set()
    )


def _report_problems(dataset: ImageDataset, folder: RunFolder) -> None:
    if not dataset.problems:
        return
    for path, reason in dataset.problems:
        warn(f"left out {path}: {reason}")
    say(f"{len(dataset.problems)} files left out, listed in {folder.problems}")
    with atomic_path(folder.problems) as temporary:
        frame = pd.DataFrame(dataset.problems, columns=["path", "problem"])
        frame.to_csv(temporary, index=False)


def _short(value: object) -> str:
    if hasattr(value, "model_dump"):
        return ", ".join(f"{k}={v}" for k, v in value.model_dump(exclude_none=True).items())
    return str(value)
