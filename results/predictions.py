"""The schema of predictions, the one input of every table, statistic and picture."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from results.errors import PredictionsError

SPLITS = ("valid", "test")
END_TO_END = "end-to-end"

FEATURE_SET = ["features", "weights", "preprocess"]
ROW_KEY = ["model", "features", "weights", "split_kind", "preprocess", "sampling", "repeat"]

COSTS = [
    "fit_seconds", "predict_us", "parameters", "flops", "images_per_second_1", "images_per_second_64",
    "model_bytes",
]  # fmt: skip

SCHEMA = pa.schema(
    [
        ("model", pa.dictionary(pa.int32(), pa.string())),
        ("features", pa.dictionary(pa.int32(), pa.string())),
        ("weights", pa.dictionary(pa.int32(), pa.string())),
        ("split_kind", pa.dictionary(pa.int32(), pa.string())),
        ("preprocess", pa.dictionary(pa.int32(), pa.string())),
        ("sampling", pa.dictionary(pa.int32(), pa.string())),
        ("repeat", pa.int32()),
        ("image_id", pa.string()),
        ("split", pa.dictionary(pa.int32(), pa.string())),
        ("label", pa.dictionary(pa.int32(), pa.string())),
        ("y_true", pa.int8()),
        ("score", pa.float64()),
        ("score_kind", pa.dictionary(pa.int32(), pa.string())),
        ("fit_seconds", pa.float64()),
        ("predict_us", pa.float64()),
        ("parameters", pa.int64()),
        ("flops", pa.float64()),
        ("images_per_second_1", pa.float64()),
        ("images_per_second_64", pa.float64()),
        ("model_bytes", pa.int64()),
        ("params", pa.dictionary(pa.int32(), pa.string())),
    ],
    metadata={
        "model": "title of the classifier or network",
        "features": f"backbone that embedded the images, or {END_TO_END}",
        "weights": "where the backbone's or the network's weights came from",
        "split_kind": "how the images were split: stratified, group or official",
        "split": "valid or test",
        "label": "class of the image, as in the dataset",
        "y_true": "1 where the image shows a defect, 0 where it is good",
        "score": "probability of a defect, or decision value; higher is more defective",
        "score_kind": "probability or decision",
        "fit_seconds": "seconds for the search and the fit, or for training the network",
        "predict_us": "microseconds per image, from decoded pixels to the score",
        "parameters": "numbers that the network and the head keep",
        "flops": "floating-point operations of the network for an image; a multiply-add is two",
        "images_per_second_1": "images a second in batches of one, from decoded pixels to the score",
        "images_per_second_64": "images a second in batches of 64",
        "model_bytes": "size on disk of the network and the head",
        "params": "parameters chosen, as JSON",
    },
)


@dataclass(frozen=True, eq=False)
class Row:
    """One row of the leaderboard: what one model said of every valid and test image.

    Parameters
    ----------
    key : dict of str to str or int
        The columns `ROW_KEY`.
    frame : DataFrame
        Its predictions.
    """

    key: dict[str, str | int]
    frame: pd.DataFrame

    def part(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (y_true, score) of one split, in the order of the image ids."""
        rows = self.frame[self.frame["split"] == split].sort_values("image_id")
        return rows["y_true"].to_numpy(), rows["score"].to_numpy()

    def constant(self, column: str) -> object:
        """Return the value of a column that is the same in every line."""
        return self.frame[column].iloc[0]


def name_features(features: str, weights: str, preprocess: str = "none") -> str:
    """Return what people call a feature set."""
    if features == END_TO_END:
        return END_TO_END if preprocess == "none" else f"{END_TO_END}, {preprocess}"
    return ", ".join([features, weights, *([preprocess] if preprocess != "none" else [])])


def validate(frame: pd.DataFrame) -> pd.DataFrame:
    """Check predictions against the schema.

    Parameters
    ----------
    frame : DataFrame
        One line an image and model.

    Returns
    -------
    DataFrame
        The same lines, the columns in the order of `SCHEMA`.

    Raises
    ------
    PredictionsError
        When a column is missing or unknown, a cell is missing or not finite, an image occurs twice
        for one model, a split has another name, or models were scored on different images.
    """
    names = SCHEMA.names
    for column in [*set(names) - set(frame.columns), *set(frame.columns) - set(names)]:
        known = "missing" if column in names else "unknown"
        raise PredictionsError(f"predictions: {known} column {column!r}")
    frame = frame[names].reset_index(drop=True)
    if frame.empty:
        raise PredictionsError("predictions: no lines")
    for column in names:
        bad = frame[column].isna()
        if pd.api.types.is_float_dtype(frame[column]):
            bad |= ~np.isfinite(frame[column].to_numpy(float))
        if bad.any():
            line = frame[bad].iloc[0]
            raise PredictionsError(
                f"predictions of {line['model']}: {column} of image {line['image_id']} is {line[column]}"
            )
    unknown = sorted(set(frame["split"]) - set(SPLITS))
    if unknown:
        raise PredictionsError(f"predictions: split {unknown[0]!r} is none of {', '.join(SPLITS)}")
    if not frame["y_true"].isin((0, 1)).all():
        raise PredictionsError("predictions: y_true holds something else than 0 and 1")
    doubled = frame[frame.duplicated([*ROW_KEY, "image_id"])]
    if len(doubled):
        line = doubled.iloc[0]
        raise PredictionsError(f"predictions of {line['model']}: image {line['image_id']} occurs twice")
    return frame


def to_table(frame: pd.DataFrame) -> pa.Table:
    """Return validated predictions as an Arrow table of `SCHEMA`, ready for Parquet."""
    return pa.Table.from_pandas(validate(frame), schema=SCHEMA, preserve_index=False)


def read_predictions(paths: Iterable[Path]) -> pd.DataFrame:
    """Read and validate predictions from Parquet files.

    Raises
    ------
    PredictionsError
        Also when two models were not scored on the same images with the same labels.
    """
    frames = []
    for path in paths:
        try:
            frames.append(validate(pd.read_parquet(path)))
        except (OSError, pa.ArrowException) as error:
            raise PredictionsError(f"{path}: not a predictions file ({error})") from None
    if not frames:
        return pd.DataFrame({name: [] for name in SCHEMA.names})
    frame = pd.concat(frames, ignore_index=True)
    truth = frame.groupby(["repeat", "image_id"], observed=True)["y_true"].nunique()
    if (truth > 1).any():
        raise PredictionsError(f"predictions: image {truth[truth > 1].index[0]} has two labels")
    return frame


def rows_of(frame: pd.DataFrame) -> Iterator[Row]:
    """Yield the predictions of one model after the other, in the order of their first line."""
    for _, part in frame.groupby(ROW_KEY, sort=False, observed=True):
        yield Row({name: part[name].iloc[0] for name in ROW_KEY}, part)
