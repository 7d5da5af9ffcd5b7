"""An experiment's settings: training loss and AUC of each."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from results.figures.base.style import DEFECT, GOOD, house_style


def tuning_figure(table: pd.DataFrame, title: str) -> Figure:
    """Draw for each stage the loss at the end of the training, the valid AUC and the test AUC.

    Parameters
    ----------
    table : DataFrame
        Columns `stage`, `setting`, `last_loss` (may be NaN), `valid_auc`, `roc_auc`, `roc_auc_low`,
        `roc_auc_high`, `chosen`; a row a setting.
    title : str

    Returns
    -------
    Figure
        Settings of a stage by rows; the one chosen, by its valid AUC, is bold.
    """
    table = table.reset_index(drop=True)
    with_loss = table["last_loss"].notna().any()
    with house_style():
        figure = Figure(figsize=(9 if with_loss else 6, 1.4 + 0.24 * max(len(table), 3)))
        axes = figure.subplots(1, 2 if with_loss else 1, sharey=True, squeeze=False)[0]
        at = np.arange(len(table)) + 0.6 * table["stage"].ne(table["stage"].shift()).cumsum()
        auc = axes[0]
        spread = [table["roc_auc"] - table["roc_auc_low"], table["roc_auc_high"] - table["roc_auc"]]
        auc.errorbar(table["roc_auc"], at, xerr=spread, fmt="s", color=GOOD, markersize=4,
                     elinewidth=0.8, label="test, 95% interval")  # fmt: skip
        auc.plot(table["valid_auc"], at, "o", color=DEFECT, markersize=5, label="valid (chooses)")
        auc.set(xlabel="ROC AUC", title=title)
        auc.set_yticks(at, [f"{s}: {w}" for s, w in zip(table["stage"], table["setting"], strict=True)])
        auc.invert_yaxis()
        auc.legend(loc="best")
        for label, chosen in zip(auc.get_yticklabels(), table["chosen"], strict=True):
            label.set_fontweight("bold" if chosen else "normal")
        if with_loss:
            axes[1].barh(at, table["last_loss"], color="#999999", height=0.7)
            axes[1].set(xlabel="mean training loss of the last 10 batches")
    return figure
