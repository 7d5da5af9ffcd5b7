"""Where models look: localisation of their heat maps against boxes and masks, with baselines."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from results.metrics import localisation
from results.metrics.localisation.base import Located
from results.metrics.localisation.baselines import NAMES, applies, baseline
from results.metrics.localisation.overlap import (
    area_below,
    choose_threshold,
    curve_counts,
    per_region_overlap,
)
from results.metrics.localisation.saved import locate
from results.predictions import ROW_KEY

#: Columns of a table of maps, besides `ROW_KEY`; x2 and y2 of the window are not included.
COLUMNS = [
    "method", "image_id", "split", "label", "y", "group", "height", "width", "window_x1", "window_y1",
    "window_x2", "window_y2", "map_height", "map_width", "values",
]  # fmt: skip
ALL = "all defects"
BASELINE = "baseline"
PRO = "pro_auc"
DRAWS = 1000
#: Most pixels that the per-region overlap sorts at once; beyond, images are left out evenly.
MOST_PIXELS = 16_000_000


def localisation_table(maps: Iterable[pd.DataFrame], regions: pd.DataFrame) -> pd.DataFrame:
    """Measure the heat maps of each model on the test split.

    Parameters
    ----------
    maps : iterable of DataFrame
        The maps of one model each, with the columns `ROW_KEY` and `COLUMNS`; they are read one at a time.
    regions : DataFrame
        As `features.datasets.regions.Regions.table`.

    Returns
    -------
    DataFrame
        Columns `ROW_KEY`, `method`, `label` (a defect class, or all defects), `n` (test images with a
        region), `removed` (defective test images whose regions a crop removes), `without_region` (other
        defective test images), `without_evidence` (maps without a positive value), `good` (good test images),
        `threshold` (share of the largest heat, chosen on the valid split) and for each metric its mean with
        `_low` and `_high` (95%, bootstrap over images, or over groups where images belong together).
        `pro_auc` is of the regions of masks, and has no value where there are only boxes. Where a
        preprocessing has maps, the last rows are those of the baselines under it. Empty without maps or
        regions.
    """
    if regions.empty:
        return pd.DataFrame()
    rows: list[dict[str, object]] = []
    guesses: dict[tuple[object, ...], list[dict[str, object]]] = {}
    for frame in maps:
        if frame.empty:
            continue
        measured = _Measured(frame, regions)
        key = {name: frame[name].iloc[0] for name in (*ROW_KEY, "method")}
        rows += [{**key, **row} for row in measured.rows(lambda located: located)]
        under = (key["preprocess"], key["split_kind"], key["repeat"])
        if under not in guesses:
            guesses[under] = [
                {**key, "model": name, "features": "", "weights": "", "sampling": "", "method": BASELINE,
                 **row}
                for name in NAMES
                for row in measured.rows(partial(baseline, name), name)
            ]  # fmt: skip
    found = [*rows, *(row for each in guesses.values() for row in each)]
    return pd.DataFrame(found)


def over_repeats(table: pd.DataFrame) -> pd.DataFrame:
    """Return how each model localises all defects over repeated splits.

    Parameters
    ----------
    table : DataFrame
        As `localisation_table`, of several splits, which `repeat` numbers.

    Returns
    -------
    DataFrame
        `ROW_KEY` without `repeat`, `method`, `repeats` (number of splits), and for each metric its mean over
        the splits and, with `_deviation`, its standard deviation. Models that one split only has are left
        out.
    """
    if table.empty:
        return pd.DataFrame()
    key = [name for name in ROW_KEY if name != "repeat"] + ["method"]
    whole = table[(table["label"] == ALL) & (table["method"] != BASELINE)]
    rows = []
    for values, part in whole.groupby(key, sort=False, dropna=False):
        if len(part) < 2:
            continue
        row: dict[str, object] = {**dict(zip(key, values, strict=True)), "repeats": len(part)}
        for name in (*localisation.names(), PRO):
            each = part[name].astype(float)
            if each.notna().any():
                row |= {name: each.mean(), f"{name}_deviation": each.std(ddof=1)}
        rows.append(row)
    return pd.DataFrame(rows)


class _Measured:
    """The images of one model's maps."""

    def __init__(self, frame: pd.DataFrame, regions: pd.DataFrame):
        self.frame = frame[frame["split"].isin(["valid", "test"])].reset_index(drop=True)
        self.records = self.frame.to_dict("records")
        by_image = dict(list(regions.groupby("image_id")))
        nothing = regions.iloc[:0]
        self.of_image = [by_image.get(name, nothing) for name in self.frame["image_id"]]
        marks, evidence = [], []
        for row in range(len(self.frame)):
            located = self.locate(row)
            marks.append(len(located.regions) > 0)
            evidence.append(bool(located.evidence.any()))
        self.marked, self.evident = np.array(marks, bool), np.array(evidence, bool)
        self.named = np.array([len(own) > 0 for own in self.of_image], bool)
        self.masked = np.array([(own["source"] == "mask").any() for own in self.of_image], bool)

    def locate(self, row: int) -> Located:
        """Return one image; all of them at their full size would fill the memory."""
        return locate(self.records[row], self.of_image[row])

    def rows(self, change: Callable[[Located], Located], guess: str | None = None) -> list[dict[str, object]]:
        """Return one row for all defects and one for each defect class."""
        frame = self.frame
        test, defect = (frame["split"] == "test").to_numpy(), (frame["y"] == 1).to_numpy()
        valid = np.flatnonzero(self.marked & ~test).tolist()
        threshold = choose_threshold(change(self.locate(row)) for row in valid)
        values = pd.DataFrame(
            [self._values(row, change, threshold, guess) if test[row] else {} for row in range(len(frame))]
        )
        labels = [ALL, *sorted(set(frame.loc[test & defect, "label"].astype(str)))]
        found = []
        for label in labels if len(labels) > 2 else labels[:1]:
            own = test & defect & ((label == ALL) | (frame["label"].astype(str) == label).to_numpy())
            marked = own & self.marked
            row: dict[str, object] = {
                "label": label,
                "n": int(marked.sum()),
                "removed": int((own & self.named & ~self.marked).sum()),
                "without_region": int((own & ~self.named).sum()),
                "without_evidence": int((own & ~self.evident).sum()),
                "good": int((test & ~defect).sum()),
                "threshold": threshold if guess is None and len(valid) else np.nan,
            }
            for name in localisation.names():
                metric = localisation.get_metric(name)
                rows = np.flatnonzero(marked if metric.needs_region else own)
                each = values[name].to_numpy(float)[rows] if name in values else np.array([])
                row |= _with_interval(name, each, _groups(frame, rows))
            row |= self._overlap(change, own, test & ~defect, guess)
            found.append(row)
        return found

    def _values(
        self, row: int, change: Callable[[Located], Located], threshold: float, guess: str | None
    ) -> dict[str, float]:
        located = replace(change(self.locate(row)), threshold=threshold)
        found = {}
        for name in localisation.names():
            metric = localisation.get_metric(name)
            if (self.marked[row] or not metric.needs_region) and (guess is None or applies(guess, metric)):
                found[name] = metric.compute(located)
        return found

    def _overlap(
        self, change: Callable[[Located], Located], own: np.ndarray, good: np.ndarray, guess: str | None
    ) -> dict[str, float]:
        if not (own & self.masked).any() or guess not in (None, NAMES[-1]):
            return dict.fromkeys((PRO, f"{PRO}_low", f"{PRO}_high"), np.nan)
        rows = np.flatnonzero((own & self.masked) | good)
        frame = self.frame.iloc[rows]
        sides = [frame[f"window_{side}2"] - frame[f"window_{side}1"] for side in "xy"]
        pixels = int((sides[0] * sides[1]).sum())
        rows = rows[:: max(1, -(-pixels // MOST_PIXELS))]
        maps = [change(self.locate(int(row))) for row in rows]
        low, high = overlap_interval(maps, _groups(self.frame, rows))
        return {PRO: per_region_overlap(maps), f"{PRO}_low": low, f"{PRO}_high": high}


def _groups(frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Return the group of each image as a code; an image without one is a group of its own."""
    named = frame["group"].astype(str).to_numpy()[rows]
    own = np.array([group or f"image {row}" for group, row in zip(named, rows, strict=True)], object)
    return np.unique(own.astype(str), return_inverse=True)[1] if len(own) else np.zeros(0, int)


def _with_interval(name: str, values: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    if len(values) == 0 or np.isnan(values).all():
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    counts = _draws(groups)
    sums, sizes = np.bincount(groups, values), np.bincount(groups)
    means = (counts @ sums) / (counts @ sizes)
    low, high = np.percentile(means, [2.5, 97.5])
    return {name: float(values.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}


def _draws(groups: np.ndarray) -> np.ndarray:
    """Return how often each group is drawn in each of the bootstrap's samples."""
    number = int(groups.max()) + 1
    rng = np.random.default_rng(0)
    return rng.multinomial(number, np.full(number, 1 / number), size=DRAWS).astype(float)


def overlap_interval(maps: list[Located], groups: np.ndarray) -> tuple[float, float]:
    """Return the bootstrap's interval of the per-region overlap, from the curve at 200 levels of heat.

    Parameters
    ----------
    maps : list of Located
    groups : int array, shape (n,)
        Code of the group of each image; groups are drawn whole.
    """
    gain, false, regions, negatives = curve_counts(maps)
    counts = _draws(groups)[:, groups]
    found = []
    for draw in counts:
        if not draw @ regions or not draw @ negatives:
            continue
        found.append(area_below((draw @ false) / (draw @ negatives), (draw @ gain) / (draw @ regions)))
    if not found:
        return np.nan, np.nan
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
