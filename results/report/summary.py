"""What a run says, in plain words."""

from dataclasses import dataclass

import pandas as pd

from results.blend import MODEL as BLEND
from results.cautions import cautions_of, finds_nothing
from results.cells import cells_in, cells_verdict
from results.feature_set import NETWORKS, FeatureSet
from results.intervals import intervals_of
from results.leaderboard import Kind, best_of_kinds, scored
from results.metrics import Scored, get_metric
from results.metrics.operating import defects_needed, operating_point
from results.notes import percent
from results.predictions import Row, rows_of
from results.statistics import delong_test

LEVEL = 0.05


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
        if self.row.key["features"] not in NETWORKS:
            model += f" on {FeatureSet.of(self.row.key).title} embeddings"
        return model

    @property
    def figures(self) -> str:
        return f"ROC AUC {self.auc:.3f} (95% interval {self.low:.3f} to {self.high:.3f})"


def summarise(predictions: pd.DataFrame, statuses: pd.DataFrame, counts: str) -> list[str]:
    """Return the paragraphs that open the report.

    Each kind of model is represented by the row that the valid split puts first; the test split only
    shows how it does, so that no kind gains by having more rows to pick from.

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
    best = best_of_kinds(rows)
    kinds = (Kind.FROZEN, Kind.TUNED, Kind.NETWORK, Kind.DETECTOR)
    frozen, tuned, network, detector = (_measured(best.get(kind)) for kind in kinds)
    said = [counts]
    one_class = [row for row in rows if not scored(row).has_both]
    if rows and len(one_class) == len(rows):
        said.append(f"No model can be ranked: {cautions_of(scored(rows[0]))[0]}.")
    if frozen and network:
        said.append(_verdict(frozen, network))
    for title, row in (("on frozen embeddings", frozen), ("on embeddings fine-tuned here", tuned),
                       ("end to end", network), ("trained on boxes", detector)):  # fmt: skip
        if row:
            said.append(_inspect(title, row))
    said += [verdict for cells in cells_in(rows) if (verdict := cells_verdict(cells))]
    missing = len(statuses)
    if missing:
        reasons = sorted(set(statuses["status"]))
        said.append(f"{missing} rows have no figures: {'; '.join(reasons)}.")
    return said


def _measured(row: Row | None) -> _Best | None:
    if row is None:
        return None
    scores = scored(row)
    found = intervals_of(scores)
    auc = get_metric("roc_auc").compute(scores)
    return _Best(row, auc, found["roc_auc_low"], found["roc_auc_high"])


def _verdict(frozen: _Best, network: _Best) -> str:
    scores, others = scored(frozen.row), scored(network.row)
    asked = "Are embeddings and a classical classifier enough? "
    facts = (
        f"{frozen.words} reaches {frozen.figures}; {network.words}, trained end to end, {network.figures}. "
    )
    blind = [best.words for best, each in ((frozen, scores), (network, others)) if finds_nothing(each)]
    if blind:
        return f"{asked}This run cannot tell: {' and '.join(blind)} finds no test defect at its threshold."
    if frozen.row.images("test") != network.row.images("test"):
        return f"{asked}{facts}They were scored on different test images and cannot be compared."
    few = "; ".join(text for text in cautions_of(scores) if text.startswith("only "))
    try:
        _, p = delong_test(scores.y_test, scores.score_test, others.score_test, scores.groups_test)
    except ValueError as error:
        return f"{asked}{facts}The test split is too small to compare them ({error})."
    difference = network.auc - frozen.auc
    test = f"The difference is {abs(difference):.3f} (DeLong test, p = {p:.2g})"
    caution = f" Caution: {few}." if few else ""
    if p >= LEVEL:
        return (
            f"{asked}{facts}{test}: these test images cannot tell them apart, so nothing here speaks for "
            f"the network.{caution}"
        )
    if difference > 0:
        return f"{asked}No: {facts}{test}: the network is better.{caution}"
    return f"{asked}Yes: {facts}{test}: the embeddings are better.{caution}"


def _inspect(title: str, best: _Best) -> str:
    scores = scored(best.row)
    tn, fp, fn, tp = scores.confusion
    cautions = cautions_of(scores)
    caution = f" Caution: {'; '.join(cautions)}." if cautions else ""
    if finds_nothing(scores):
        return (
            f"No model {title} can be recommended: the valid split puts {best.words} first, and at its "
            f"threshold none of the {fn} test defects is found.{caution}"
        )
    return (
        f"Best {title}, chosen on the valid split: {best.words}. {best.figures}. At the threshold chosen on "
        f"the valid split {fn} of {fn + tp} defects escape and {fp} of {tn + fp} good images are called "
        f"defective. {_operating(scores)}{caution}"
    )


def _operating(scores: Scored) -> str:
    """Return what the valid split proves of the wanted recall, and what its threshold does on test."""
    point = operating_point(scores)
    wanted, sure = percent(point.wanted), f"{point.confidence:.0%} confidence"
    if not point.proofs:
        return f"A recall of {wanted} is not provable: the valid split holds no defect."
    if point.is_provable:
        proof = f"A threshold chosen on the valid split finds {wanted} of the defects with {sure}"
    else:
        most = percent(point.provable, below=point.wanted)
        needed = defects_needed(point.wanted, point.confidence)
        proof = (
            f"A recall of {wanted} is not provable with {point.proofs} independent valid defects "
            f"({needed:.0f} are needed); they prove at most {most} with {sure}, and the threshold for that"
        )
    found = intervals_of(scores)
    rates = []
    for name, count, whole, words in (
        ("escapes_at_operating_point", point.escapes, point.defects, "defects escape"),
        ("overkill_at_operating_point", point.overkills, point.good, "good images are called defective"),
    ):
        low, high = found[f"{name}_low"], found[f"{name}_high"]
        rates.append(
            f"{count} of {whole} {words} ({count / whole:.1%}, 95% interval {low:.1%} to {high:.1%})"
        )
    link = "; with it" if point.is_provable else " gives:"
    return f"{proof}{link} on the test split {rates[0]} and {rates[1]}."
