"""What a run says, in plain words."""

from dataclasses import dataclass

import pandas as pd
from sklearn.metrics import roc_auc_score

from results.blend import MODEL as BLEND
from results.leaderboard import scored
from results.metrics.inspection import overkill_at
from results.predictions import END_TO_END, Row, name_features, rows_of
from results.statistics import auc_interval, delong_test

LEVEL = 0.05
_FINE_TUNED = "fine-tuned"


@dataclass(frozen=True)
class _Best:
    """The row of a kind that the valid split puts first."""

    row: Row
    auc: float
    low: float
    high: float

    @property
    def words(self) -> str:
        model = str(self.row.key["model"])
        if self.row.key["features"] != END_TO_END:
            names = (str(self.row.key[part]) for part in ("features", "weights", "preprocess"))
            model += f" on {name_features(*names)} embeddings"
        return model

    @property
    def figures(self) -> str:
        return f"ROC AUC {self.auc:.3f} (95 % interval {self.low:.3f} to {self.high:.3f})"


def summarise(predictions: pd.DataFrame, statuses: pd.DataFrame, counts: str) -> list[str]:
    """Return the paragraphs that open the report.

    Each kind of model is represented by the row that the valid split puts first; the test split only
    tells how it does, so that no kind gains by having more rows to pick from.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`; the mean of all rows may be among them.
    statuses : DataFrame
        Rows that have no predictions, with `status`.
    counts : str
        A sentence on the images.

    Returns
    -------
    list of str
    """
    rows = [row for row in rows_of(predictions) if row.key["model"] != BLEND]
    frozen = _best([r for r in rows if r.key["features"] != END_TO_END and r.key["weights"] != _FINE_TUNED])
    tuned = _best([r for r in rows if r.key["weights"] == _FINE_TUNED])
    network = _best([r for r in rows if r.key["features"] == END_TO_END])
    said = [counts]
    if frozen and network:
        said.append(_verdict(frozen, network))
    for title, best in (("on frozen embeddings", frozen), ("on embeddings fine-tuned here", tuned),
                        ("end to end", network)):  # fmt: skip
        if best:
            said.append(f"Best {title}, chosen on the valid split: {best.words}. {_inspect(best)}")
    missing = len(statuses)
    if missing:
        reasons = sorted(set(statuses["status"]))
        said.append(f"{missing} rows have no figures: {'; '.join(reasons)}.")
    return said


def _best(rows: list[Row]) -> _Best | None:
    usable = [row for row in rows if len(set(row.part("test")[0])) == 2]
    if not usable:
        return None
    row = max(usable, key=lambda each: scored(each).valid_auc)
    y, score = row.part("test")
    if min(y.sum(), len(y) - y.sum()) < 2:
        return None
    low, high = auc_interval(y, score)
    return _Best(row, float(roc_auc_score(y, score)), low, high)


def _verdict(frozen: _Best, network: _Best) -> str:
    y, first = frozen.row.part("test")
    _, p = delong_test(y, first, network.row.part("test")[1])
    difference = network.auc - frozen.auc
    asked = "Are embeddings and a classical classifier enough? "
    facts = (
        f"{frozen.words} reaches {frozen.figures}; {network.words}, trained end to end, {network.figures}. "
    )
    test = f"The difference is {abs(difference):.3f} (DeLong test, p = {p:.2g})"
    if p >= LEVEL:
        return (
            f"{asked}{facts}{test}: these test images cannot tell them apart, so nothing here speaks for "
            "the network."
        )
    if difference > 0:
        return f"{asked}No: {facts}{test}: the network is better."
    return f"{asked}Yes: {facts}{test}: the embeddings are better."


def _inspect(best: _Best) -> str:
    scores = scored(best.row)
    tn, fp, fn, tp = scores.confusion
    overkill = overkill_at(scores.y_test, scores.score_test, 0.995)
    return (
        f"{best.figures}. At the threshold chosen on the valid split {fn} of {fn + tp} defects escape and "
        f"{fp} of {tn + fp} good parts are thrown away. To find 99.5 % of the defects it would throw away "
        f"{overkill:.0%} of the good parts."
    )
