"""`defectbench tune`: the CNN report's search of dropout and dense layers."""

from pathlib import Path

import pandas as pd

import classifiers
from bench.config import RunConfig
from bench.experiments.lab import Lab, Setting
from bench.jobs import TrainJob
from features.errors import InputError

DROPOUTS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
DENSE = tuple(
    (first, second)
    for first in (1500, 1000, 600, 400, 200)
    for second in (1000, 500, 100, 50, 10)
    if second < first
)


def tune(config: RunConfig, model: str = "simple_cnn", out: str | Path = "runs") -> pd.DataFrame:
    """Repeat the CNN report's search: dropout first, then the sizes of the two dense layers.

    Parameters
    ----------
    config : RunConfig
        Dataset, split, seed, and in `cnn` what else is to be changed of the network.
    model : str
        A network with the parameters `dropout` and `dense`.
    out : str or Path
        The folder `NAME-tune-MODEL` is made in it.

    Returns
    -------
    DataFrame
        A row for the network before, one for each dropout, one for each pair of dense layers with the
        best dropout: mean training loss of the last ten batches, valid AUC, which chooses, and what the
        test split says, which does not.
    """
    params = classifiers.make_classifier(model).get_params()
    if not {"dropout", "dense"} <= set(params):
        raise InputError(f"model {model}: tuning needs a network with dropout and dense, such as simple_cnn")
    lab = Lab(config, f"tune-{model}", out)
    before = lab.network(model)
    lab.measure([Setting("before", f"dropout {params['dropout']:g}, {_pair(params['dense'])}", before)])
    lab.measure([
        Setting("dropout", f"{value:g}", lab.vary(before, f"dropout {value:g}", dropout=value))
        for value in DROPOUTS
    ])  # fmt: skip
    dropout = lab.best("dropout").job
    assert isinstance(dropout, TrainJob)
    lab.measure([
        Setting("dense", _pair(pair), lab.vary(dropout, f"dense {_pair(pair)}", dense=pair))
        for pair in DENSE
    ])  # fmt: skip
    return lab.finish(f"{classifiers.get_spec(model).title}: tuning")


def _pair(pair: tuple[int, int]) -> str:
    return f"{pair[0]}-{pair[1]}"
