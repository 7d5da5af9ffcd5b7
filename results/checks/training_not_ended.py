"""Networks that were still improving when their training ended."""

from collections.abc import Iterator

import numpy as np

from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity
from results.predictions import ROW_KEY

#: Gain in valid ROC AUC over the last quarter of the epochs that counts as improving.
GAIN = 0.01
_FEWEST_EPOCHS = 4


def _find(data: RunData) -> Iterator[Finding]:
    for key, history in data.histories.groupby(ROW_KEY, sort=False, observed=True):
        auc = history.sort_values("epoch")["valid_auc"].to_numpy(float)
        if len(auc) < _FEWEST_EPOCHS or not np.isfinite(auc).all():
            continue
        before = len(auc) - max(1, len(auc) // 4)
        gain = float(auc[before:].max() - auc[:before].max())
        if gain > GAIN:
            yield Finding(
                f"{named(dict(zip(ROW_KEY, key, strict=True)))}: the valid ROC AUC rose by {gain:.3f} in the "
                f"last {len(auc) - before} of {len(auc)} epochs, to {auc[before:].max():.3f}",
                {"gain": gain, "epochs": len(auc)},
            )


CHECK = Check(
    "DB303",
    "training_not_ended",
    Severity.WARNING,
    "networks were trained for four epochs or more",
    "The network has not reached what it can: its row is too weak to speak against networks.",
    "Train longer: --epochs, or `epochs` in [cnn.of.NAME].",
    _find,
    needs=("histories.valid_auc",),
)
