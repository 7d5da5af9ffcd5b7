"""The schema of predictions, the one input of every table, statistic and picture."""

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from results.errors import PredictionsError
from results.feature_set import BOXES, END_TO_END, GOOD_ONLY, LABELS, FeatureSet

SPLITS = ("valid", "test")
SCORE_KINDS = ("probability", "decision")

FEATURE_SET = list(FeatureSet._fields)
ROW_KEY = ["model", "features", "weights", "split_kind", "preprocess", "sampling", "repeat"]

COSTS = [
    "fit_seconds", "predict_us", "parameters", "flops", "images_per_second_1", "images_per_second_64",
    "model_bytes",
]  # fmt: skip

#: Columns that files written before they existed lack; such files are read with the value given here.
OPTIONAL = {"group": "", "weights_sha256": "", "supervision": ""}
_SHORTEST_HASH = 8
#: Rounding in single precision may leave a probability this far outside 0 to 1.
_ROUNDING = 1e-6

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
        ("group", pa.dictionary(pa.int32(), pa.string())),
        ("weights_sha256", pa.dictionary(pa.int32(), pa.string())),
        ("supervision", pa.dictionary(pa.int32(), pa.string())),
    ],
    metadata={
        "model": "title of the classifier or network",
        "features": f"backbone that embedded the images, {END_TO_END} or {BOXES}",
        "weights": "where the backbone's or the network's weights came from",
        "split_kind": "how the images were split: stratified, group, approximate groups, official or good",
        "split": "valid or test",
        "label": "class of the image, as in the dataset",
        "y_true": "1 where the image shows a defect, 0 where it is good",
        "score": "probability of a defect, or decision value; higher is more defective",
        "score_kind": "probability or decision",
        "fit_seconds": "seconds for the search and the fit, or for training the network",
        "predict_us": "microseconds per image, from decoded pixels to the score",
        "parameters": "numbers that the network and the head keep",
        "flops": "floating-point operations of the network for an image; a multiply-add is two",
        "images_per_second_1": "images per second in batches of one, from decoded pixels to the score",
        "images_per_second_64": "images per second in batches of 64",
        "model_bytes": "size on disk of the network and the head",
        "params": "parameters chosen, as JSON",
        "group": "images that the split keeps together (a group, copies) have the same; empty for the others",
        "weights_sha256": "hash of the weights of the backbone or the network; empty where it is unknown",
        "supervision": f"{LABELS}: fitted on both classes; {GOOD_ONLY}: fitted on good images alone; empty "
        "in files of before this column, whose models were fitted on both classes",
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
        rows = self._rows(split)
        return rows["y_true"].to_numpy(), rows["score"].to_numpy()

    def groups(self, split: str) -> np.ndarray | None:
        """Return the group of each image of one split, in the order of the image ids.

        Returns
        -------
        str array, shape (n,) or None
            None where no images belong together, or the file does not name groups. An image without a
            group is a group of its own.
        """
        if "group" not in self.frame:
            return None
        rows = self._rows(split)
        named = rows["group"].astype(str)
        if not (named != "").any():
            return None
        groups = named.where(named != "", "image " + rows["image_id"].astype(str))
        return groups.to_numpy(str) if groups.duplicated().any() else None

    def images(self, split: str) -> str:
        """Return a hash of one split's image ids and labels; it is equal for rows on the same images."""
        rows = self._rows(split)
        lines = [f"{name}\t{y}" for name, y in zip(rows["image_id"], rows["y_true"], strict=True)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]

    def constant(self, column: str) -> object:
        """Return the value of a column that is the same in every prediction of the row."""
        return self.frame[column].iloc[0]

    def _rows(self, split: str) -> pd.DataFrame:
        return self.frame[self.frame["split"] == split].sort_values("image_id")


def ids_of(images: pd.DataFrame) -> dict[str, set[str]]:
    """Return the image ids of the valid and the test split.

    Parameters
    ----------
    images : DataFrame
        One row per image, with the columns `image_id` and `split`.

    Returns
    -------
    dict of str to set of str
        As `check_images`, `validate`, `to_table` and `read_predictions` take them.
    """
    return {name: set(images.loc[images["split"] == name, "image_id"].astype(str)) for name in SPLITS}


def check_images(frame: pd.DataFrame, ids: Mapping[str, Iterable[str]]) -> None:
    """Refuse predictions of other images than those of the split.

    Parameters
    ----------
    frame : DataFrame
        As `SCHEMA`.
    ids : mapping of str to iterable of str
        The image ids of `valid` and of `test`; see `ids_of`.

    Raises
    ------
    PredictionsError
        When a row of the leaderboard lacks an image of the split, scores an image that the split does
        not hold, or scores an image twice. The message names the model and one image.
    """
    wanted = {name: set(map(str, ids.get(name, ()))) for name in SPLITS}
    for row in rows_of(frame):
        model = str(row.key["model"])
        for name in SPLITS:
            scored = row.frame.loc[row.frame["split"] == name, "image_id"].astype(str)
            repeated = scored[scored.duplicated()]
            if len(repeated):
                raise PredictionsError(f"predictions of {model}: image {repeated.iloc[0]} occurs twice")
            missing, others = wanted[name] - set(scored), set(scored) - wanted[name]
            if missing or others:
                which, what = ("missing", missing) if missing else ("not of this split", others)
                raise PredictionsError(
                    f"predictions of {model}: {len(what)} of {len(wanted[name])} {name} images are {which}, "
                    f"such as {min(what)}; score this split again"
                )


def validate(frame: pd.DataFrame, ids: Mapping[str, Iterable[str]] | None = None) -> pd.DataFrame:
    """Check predictions against the schema.

    Parameters
    ----------
    frame : DataFrame
        One row per image and model. The columns `OPTIONAL` may be missing.
    ids : mapping of str to iterable of str, optional
        The image ids of each split; see `check_images`.

    Returns
    -------
    DataFrame
        The same rows, the columns in the order of `SCHEMA`.

    Raises
    ------
    PredictionsError
        When a column is missing or unknown, a cell is missing or not finite, an image occurs twice
        for one model, a split or a kind of score has another name, a probability lies outside 0 to 1, or
        images differ from `ids`.
    """
    names = SCHEMA.names
    absent = {column: value for column, value in OPTIONAL.items() if column not in frame}
    frame = frame.assign(**absent) if absent else frame
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
    # Dictionary columns stay as they are: turning them into text costs more than the rest of the check.
    frame = frame.assign(
        **{
            name: frame[name].astype(str)
            for name in OPTIONAL
            if not isinstance(frame[name].dtype, pd.CategoricalDtype)
        }
    )
    unknown = sorted(set(frame["split"]) - set(SPLITS))
    if unknown:
        raise PredictionsError(f"predictions: split {unknown[0]!r} is none of {', '.join(SPLITS)}")
    if not frame["y_true"].isin((0, 1)).all():
        raise PredictionsError("predictions: y_true holds something else than 0 and 1")
    _check_scores(frame)
    _check_repeated(frame)
    if ids is not None:
        check_images(frame, ids)
    return frame


def to_table(frame: pd.DataFrame, ids: Mapping[str, Iterable[str]] | None = None) -> pa.Table:
    """Return validated predictions as an Arrow table of `SCHEMA`, ready for Parquet; see `validate`."""
    return pa.Table.from_pandas(validate(frame, ids), schema=SCHEMA, preserve_index=False)


def read_predictions(paths: Iterable[Path], ids: Mapping[str, Iterable[str]] | None = None) -> pd.DataFrame:
    """Read and validate predictions from Parquet files.

    Parameters
    ----------
    paths : iterable of Path
    ids : mapping of str to iterable of str, optional
        The image ids of each split; see `check_images`.

    Returns
    -------
    DataFrame
        As `SCHEMA`. Where two rows differ in nothing but the hash of their weights, `weights` ends with
        the beginning of the hash; see `tell_weights_apart`.

    Raises
    ------
    PredictionsError
        As `validate`, with the file's name; also when two models were not scored with the same labels,
        or two files hold the same row.
    """
    frames = []
    for path in paths:
        try:
            frames.append(validate(pd.read_parquet(path), ids))
        except (OSError, pa.ArrowException) as error:
            raise PredictionsError(f"{path}: not a predictions file ({error})") from None
        except PredictionsError as error:
            raise PredictionsError(f"{path}: {error}") from None
    if not frames:
        return pd.DataFrame({name: [] for name in SCHEMA.names})
    frame = tell_weights_apart(pd.concat(frames, ignore_index=True))
    _check_repeated(frame)
    truth = frame.groupby(["repeat", "image_id"], observed=True)["y_true"].nunique()
    if (truth > 1).any():
        raise PredictionsError(f"predictions: image {truth[truth > 1].index[0]} has two labels")
    return frame


def tell_weights_apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Name weights by their hash where two files of one name would make one row.

    Parameters
    ----------
    frame : DataFrame
        As `SCHEMA`.

    Returns
    -------
    DataFrame
        The same rows. Where rows differ in nothing but `weights_sha256`, `weights` becomes
        `NAME (HASH)` with the shortest beginning of the hash that tells them apart, eight digits at
        least, for every model on these weights.
    """
    if "weights_sha256" not in frame or frame["weights_sha256"].nunique() < 2:
        return frame
    rows = frame[[*ROW_KEY, "weights_sha256"]].drop_duplicates().astype({"weights_sha256": str})
    pooled = rows[rows.duplicated(ROW_KEY, keep=False)]
    if pooled.empty:
        return frame
    owners = {_owner(row) for row in pooled.to_dict("records")}
    hashes = sorted(set(pooled["weights_sha256"]))
    longest = max(map(len, hashes))
    short = next(
        (n for n in range(_SHORTEST_HASH, longest) if len({h[:n] for h in hashes}) == len(hashes)), longest
    )
    named = frame[[*FEATURE_SET, "model", "weights_sha256"]].astype(str)
    keys = named.drop_duplicates()
    names = {
        tuple(row.values()): f"{row['weights']} ({row['weights_sha256'][:short]})"
        if _owner(row) in owners and row["weights_sha256"]
        else row["weights"]
        for row in keys.to_dict("records")
    }
    lines = zip(*(named[name] for name in named), strict=True)
    return frame.assign(weights=[names[line] for line in lines])


def rows_of(frame: pd.DataFrame) -> Iterator[Row]:
    """Yield the predictions of one model after the other, in the order of their first prediction."""
    for _, part in tell_weights_apart(frame).groupby(ROW_KEY, sort=False, observed=True):
        yield Row({name: part[name].iloc[0] for name in ROW_KEY}, part)


def is_good_only(row: Row) -> bool:
    """Return whether the model of a row was fitted on good images alone."""
    return "supervision" in row.frame and str(row.constant("supervision")) == GOOD_ONLY


def _owner(row: Mapping[Hashable, object]) -> tuple[str, ...]:
    """Return what bears the weights: a feature set, or one network end to end."""
    features = FeatureSet.of(row)
    return (*features, str(row["model"])) if features.is_network else tuple(features)


def _check_scores(frame: pd.DataFrame) -> None:
    unknown = sorted(set(frame["score_kind"].astype(str)) - set(SCORE_KINDS))
    if unknown:
        raise PredictionsError(f"predictions: score_kind {unknown[0]!r} is none of {', '.join(SCORE_KINDS)}")
    kinds = frame[[*ROW_KEY, "score_kind"]].drop_duplicates()
    mixed = kinds[kinds.duplicated(ROW_KEY)]
    if len(mixed):
        raise PredictionsError(
            f"predictions of {mixed['model'].iloc[0]}: score_kind is both {' and '.join(SCORE_KINDS)}"
        )
    outside = (frame["score_kind"] == "probability") & ~frame["score"].between(-_ROUNDING, 1 + _ROUNDING)
    if outside.any():
        line = frame[outside].iloc[0]
        raise PredictionsError(
            f"predictions of {line['model']}: score of image {line['image_id']} is {line['score']:g}, "
            "which is no probability; give decision values the score_kind decision"
        )


def _check_repeated(frame: pd.DataFrame) -> None:
    repeated = frame[frame.duplicated([*ROW_KEY, "weights_sha256", "image_id"])]
    if len(repeated):
        line = repeated.iloc[0]
        raise PredictionsError(f"predictions of {line['model']}: image {line['image_id']} occurs twice")
