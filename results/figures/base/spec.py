"""What a figure of a run is: a name, a title, and a function of what the run saved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from results.curves.summary import Curves


@dataclass(frozen=True, eq=False)
class RunView:
    """What a run saved, as its figures take it.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`, with the mean of all rows.
    leaderboard : DataFrame
        As `results.leaderboard.leaderboard`.
    projections : DataFrame
        Columns `features`, `weights`, `preprocess`, `projection`, `image_id`, `x`, `y`; may be empty.
    truth : DataFrame
        Columns `image_id` and `defect` (1 where the image shows one).
    repeats : DataFrame
        A leaderboard over all splits of the run; empty for one split.
    test_share : float
        Test images divided by train images.
    cells : mapping of str to mapping
        Genotypes of the DARTS networks to draw, by their names; see `results.figures.cells`.
    panels : DataFrame
        Images with their heat maps, see `results.figures.heat_maps`; may be empty.
    regions : DataFrame
        Where the defects are, as `features.datasets.regions.Regions.table`; may be empty.
    boxes : DataFrame
        What detectors found, as `results.tables.detection.detection_table` takes it; may be empty.
    searches : DataFrame
        Histories of the searches for DARTS cells; see `results.figures.search_history`; may be empty.
    curves : Curves
        Tables of learning curves; see `results.figures.learning_curves`.
    """

    predictions: pd.DataFrame
    leaderboard: pd.DataFrame
    projections: pd.DataFrame = field(default_factory=pd.DataFrame)
    truth: pd.DataFrame = field(default_factory=pd.DataFrame)
    repeats: pd.DataFrame = field(default_factory=pd.DataFrame)
    test_share: float = 0.0
    cells: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    searches: pd.DataFrame = field(default_factory=pd.DataFrame)
    panels: pd.DataFrame = field(default_factory=pd.DataFrame)
    regions: pd.DataFrame = field(default_factory=pd.DataFrame)
    curves: Curves = field(default_factory=Curves)
    boxes: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class FigureSpec:
    """One entry of the registry of figures.

    Parameters
    ----------
    name : str
        Name of the files.
    title : str
        Caption in the report.
    draw : callable
        `RunView` to a matplotlib `Figure`, or None when the run has nothing to draw.
    in_report : bool
        Whether the report shows it; False for figures that the report draws interactively.
    needs : str
        Field of `RunView` without which nothing is drawn; empty for a figure of any run.
    """

    name: str
    title: str
    draw: Callable[[RunView], Figure | None]
    in_report: bool = True
    needs: str = ""
