"""Published figures, shown beside ours and never among them."""

from importlib import resources

import pandas as pd

from results.errors import PredictionsError

COLUMNS = ["dataset", "source", "model", "features", "protocol", "metric", "value"]


def read_published() -> pd.DataFrame:
    """Return every published figure, one row each, with the columns `COLUMNS`.

    Raises
    ------
    PredictionsError
        When a file has other columns, a missing cell or a figure outside 0 and 1.
    """
    frames = []
    for entry in sorted(resources.files(__name__).iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".csv"):
            continue
        with entry.open(encoding="utf-8") as file:
            texts = {column: str for column in COLUMNS if column != "value"}
            # A model may be called NA or None; only an empty cell is missing.
            frame = pd.read_csv(file, dtype=texts, keep_default_na=False, na_values=[""])
        if list(frame.columns) != COLUMNS or frame.isna().any(axis=None):
            raise PredictionsError(
                f"published/{entry.name}: must have the columns {', '.join(COLUMNS)}, all filled"
            )
        if not frame["value"].between(0, 1).all():
            raise PredictionsError(f"published/{entry.name}: a value is outside 0 and 1")
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def published_table(dataset: str) -> pd.DataFrame:
    """Return the published figures of one dataset, a column a metric.

    Parameters
    ----------
    dataset : str
        As in the column `dataset`, such as `elpv` or `nexperia-2`.

    Returns
    -------
    DataFrame
        source, model, features, protocol, then the metrics; best ROC AUC first, then best accuracy.
        Empty for a dataset without published figures.
    """
    rows = read_published()
    rows = rows[rows["dataset"] == dataset]
    keys = ["source", "model", "features", "protocol"]
    if rows.empty:
        return pd.DataFrame(columns=keys)
    wide = rows.pivot_table(index=keys, columns="metric", values="value", sort=False).reset_index()
    wide.columns.name = None
    metrics = [name for name in ("roc_auc", "accuracy") if name in wide]
    others = [name for name in wide if name not in [*keys, *metrics]]
    return wide[[*keys, *metrics, *others]].sort_values(
        metrics or keys, ascending=not metrics, na_position="last", kind="stable", ignore_index=True
    )
