"""Generated photographs on disk, exactly in Nexperia's layouts."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
from PIL import Image

from features.chips.generator import Chip, draw_chip
from features.errors import InputError

LAYOUTS = ("first", "second")
TRUTH = "truth.csv"
SAMPLE = "submission_sample.csv"
_FOLDERS = {
    "first": {"good": "train/good_0", "bad": "train/bad_1", "test": "test/all_tests"},
    "second": {
        "good": "train/train_contest/good_all",
        "bad": "train/train_contest/defect",
        "test": "test/test_contest",
    },
}
_SUFFIX = {"first": ".jpg", "second": ".bmp"}
_CHUNK = 64


def write_chips(
    directory: str | Path,
    *,
    n: int,
    seed: int = 0,
    layout: str = "second",
    difficulty: float = 1.0,
    label_noise: float = 0.0,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write `n` photographs, their boxes and their truth.

    Parameters
    ----------
    directory : str or Path
        Must not exist yet, or be empty; it appears whole, once everything is written.
    n : int
        Photographs in all; the real shares of train and test, good and defective are kept.
    seed : int
        With the index, decides each photograph.
    layout : {"first", "second"}
        Which contest's folders and file type (JPEG or BMP).
    difficulty, label_noise : float
        See `draw_chip`.
    workers : int, optional
        Processes; all cores by default.
    progress : callable, optional
        Called with the number of photographs written.

    Returns
    -------
    Path
        `directory`. Besides the images it holds `defect_area.csv`, `submission_sample.csv`,
        `truth.csv` (id, split, label, truth, defects) and, in the second layout, a file of boxes for
        each defect class.

    Raises
    ------
    InputError
        For an unknown layout, a number out of range, or a directory that holds something.
    """
    directory = Path(directory).expanduser()
    if layout not in LAYOUTS:
        raise InputError(f"layout {layout!r}: choose first or second")
    if n < 1 or difficulty <= 0 or not 0 <= label_noise < 1:
        raise InputError(
            f"n {n}, difficulty {difficulty}, label noise {label_noise}: give n of 1 or more, a positive "
            "difficulty and a share under 1"
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory}: holds something already; give a new directory")
    partial_directory = directory.with_name(f".{directory.name}-partial-{os.getpid()}")
    try:
        for folder in _FOLDERS[layout].values():
            (partial_directory / folder).mkdir(parents=True)
        draw = partial(
            _write_chunk,
            folder=partial_directory, n=n, seed=seed, layout=layout, difficulty=difficulty,
            label_noise=label_noise,
        )  # fmt: skip
        rows: list[dict[str, object]] = []
        for part in _map(draw, range(0, n, _CHUNK), workers):
            rows += part
            if progress is not None:
                progress(len(rows))
        _write_tables(partial_directory, pd.DataFrame(rows), layout)
        if directory.exists():
            directory.rmdir()
        partial_directory.rename(directory)
    finally:
        shutil.rmtree(partial_directory, ignore_errors=True)
    return directory


def _map(draw, starts, workers):  # type: ignore[no-untyped-def]
    if workers == 1 or len(starts) == 1:
        yield from map(draw, starts)
        return
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        yield from pool.map(draw, starts)


def _write_chunk(
    start: int, *, folder: Path, n: int, seed: int, layout: str, difficulty: float, label_noise: float
) -> list[dict[str, object]]:
    rows = []
    for index in range(start, min(start + _CHUNK, n)):
        chip = draw_chip(seed, index, difficulty=difficulty, label_noise=label_noise)
        place = "test" if chip.split == "test" else ("bad" if chip.labelled_bad else "good")
        path = folder / _FOLDERS[layout][place] / f"{chip.name}{_SUFFIX[layout]}"
        options = {"quality": 92} if layout == "first" else {}
        Image.fromarray(chip.pixels).save(path, **options)  # type: ignore[arg-type]
        rows.append(_row(chip))
    return rows


def _row(chip: Chip) -> dict[str, object]:
    return {
        "id": chip.name,
        "split": chip.split,
        "label": int(chip.labelled_bad),
        "truth": int(chip.truly_bad),
        "defects": "|".join(name for name, _ in chip.defects),
        "boxes": [box for _, box in chip.defects],
    }


def _write_tables(folder: Path, rows: pd.DataFrame, layout: str) -> None:
    rows.drop(columns="boxes").to_csv(folder / TRUTH, index=False)
    test = rows[rows["split"] == "test"]
    column = "label" if layout == "first" else "defect_score"
    pd.DataFrame({"id": test["id"], column: 0}).to_csv(folder / SAMPLE, index=False)
    train = rows[rows["split"] == "train"]
    boxes = []
    for name, defects, found in zip(train["id"], train["defects"], train["boxes"], strict=True):
        for defect, box in zip(defects.split("|"), found, strict=False):
            boxes.append((name, defect.replace(" ", "_"), "rectangle", *box))
    columns = ["image_id", "class", "shape", "x_1", "y_1", "x_2", "y_2"]
    table = pd.DataFrame(boxes, columns=columns)
    area = table.drop(columns=["class", "shape"]).rename(columns={"image_id": "id"})
    area.to_csv(folder / "defect_area.csv", index=False)
    if layout == "second":
        for defect, part in table.groupby("class"):
            part.to_csv(folder / "train" / "train_contest" / f"{defect!s}.csv", index=False, header=False)
