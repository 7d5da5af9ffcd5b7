"""`defectbench curve`: learning curves of heads and networks, and where they cross."""

from pathlib import Path

import pandas as pd

from bench import console
from bench.config import RunConfig
from bench.run import run
from bench.run_folder import RunFolder
from features.tables import read_saved
from results.tables.formats import to_rich
from results.tables.shown import plain


def curve(config: RunConfig, out: str | Path = "runs", cache: str | Path | None = None) -> int:
    """Measure learning curves, or what is missing of them, and print where head and network cross.

    Parameters
    ----------
    config : RunConfig
        Images, models and, in `curve`, the sizes and draws.
    out : str or Path
        The folder `NAME-curve` is made in it; `NAME-curve-defects` where the sizes count defects.
    cache : str or Path, optional
        Folder of the embedding store.

    Returns
    -------
    int
        Exit code, as `bench.run.run`.
    """
    config = curve_config(config)
    code = run(config, out, cache)
    tables = RunFolder(Path(out) / config.name).tables
    bands = tables / "curve_bands.csv"
    if bands.is_file():
        unit = "defects" if config.curve.by == "defects" else "images"
        title = f"ROC AUC by {unit} of the train split, median of the draws and 95% band"
        console.out.print(to_rich(plain(_by_size(read_saved(bands))), title))
    for name in ("crossing", "extrapolation"):
        path = tables / f"{name}.csv"
        if path.is_file():
            for words in dict.fromkeys(read_saved(path)["words"]):
                if str(words).strip():
                    console.say(str(words))
    return code


def curve_config(config: RunConfig) -> RunConfig:
    """Return the configuration of a run that measures learning curves.

    It keeps frozen embeddings, heads and networks, and leaves out what a curve does not need: heads on
    fine-tuned embeddings, projections, heat maps, repeats.
    """
    curve = config.curve.model_copy(update={"enabled": True})
    networks = curve.networks or config.cnn.models
    # `all` of a network is its ordinary training, so the parameters hold for every size.
    of = {name: {**config.cnn.params_of(name), **curve.params} for name in networks}
    fixed = {"models": networks, "params": {}, "of": of, "train_fraction": None, "tensorboard": False}
    suffix = "curve" if curve.by == "images" else "curve-defects"
    return config.model_copy(
        update={
            "name": f"{config.name}-{suffix}" + ("" if curve.valid == "scaled" else "-whole"),
            "curve": curve,
            "repeats": 1,
            "explain": False,
            "features": config.features.model_copy(update={"fine_tuned": (), "projections": False}),
            "classical": config.classical.model_copy(update={"folds": curve.folds}),
            "cnn": config.cnn.model_copy(update=fixed),
            "darts": type(config.darts)(),
        }
    )


def _by_size(bands: pd.DataFrame) -> pd.DataFrame:
    """Return the medians as a table with a column per size."""
    shown = bands.assign(
        text=[
            f"{row['median']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" if row["draws"] > 1
            else f"{row['median']:.3f}"
            for row in bands.to_dict("records")
        ]
    )  # fmt: skip
    table = shown.pivot(index="row", columns="size", values="text").fillna("")
    order = bands.sort_values("size").groupby("row")["median"].last().sort_values(ascending=False).index
    return table.reindex(order).reset_index().rename(columns=str)
