"""Settings that follow from the images: what a configuration leaves to `auto`, and sizes of curves."""

from typing import Any

import numpy as np
import pandas as pd

import classifiers
from bench.config import AUTO, CELLS, CurveConfig, RunConfig
from features.errors import InputError
from features.splits.subsets import ALL, parse_sizes

#: Smallest and largest side of embedded images, pixels.
EMBED_SIDES = (160, 320)
#: Smallest and largest side of the images that networks are trained on, pixels.
TRAIN_SIDES = (64, 160)
_FEWEST_EPOCHS = 4
_STEP = 32
#: Sizes of a learning curve where none are given, and how many of them networks get.
_SIZES = {"images": "32,64,...,all", "defects": "1,2,5,...,all"}
_NETWORK_SIZES = 4


def adapt(config: RunConfig, images: pd.DataFrame) -> RunConfig:
    """Replace every `auto` by a value that suits the images.

    Backbones get images of about their own size. Networks get half of it, and the number of epochs in
    which they see about `config.cnn.passes` images, never more epochs than the default of the network.

    Parameters
    ----------
    config : RunConfig
    images : DataFrame
        The run's split, with `height`, `width` and `split`.

    Returns
    -------
    RunConfig
        Without `auto`, the sizes of a learning curve as numbers; the same configuration and images give the
        same result.

    Raises
    ------
    InputError
        For a size of a learning curve that is larger than the train split, and for a split in which the curve
        lacks good or defective images.
    """
    if config.curve.enabled:
        config = config.model_copy(update={"curve": _sized(config.curve, images)})
    side = float(np.median(images[["height", "width"]].min(axis=1)))
    train = int((images["split"] == "train").sum())
    size = _rounded(side, EMBED_SIDES) if config.features.size == AUTO else config.features.size
    features = config.features.model_copy(update={"size": size})
    small = _rounded(side / 2, TRAIN_SIDES)

    def settled(name: str) -> dict[str, Any]:
        params = config.cnn.params_of(name)
        if params.get("size") == AUTO:
            params["size"] = small
        if params.get("epochs") == AUTO:
            wanted = max(_FEWEST_EPOCHS, round(config.cnn.passes / max(train, 1)))
            params["epochs"] = min(wanted, classifiers.get_spec(name).parameter("epochs"))
        return params

    cells = [CELLS] if config.darts.is_used else []
    networks = dict.fromkeys([*config.cnn.models, *config.features.fine_tuned, *cells])
    if AUTO not in [value for name in networks for value in config.cnn.params_of(name).values()]:
        return config.model_copy(update={"features": features})
    of = {name: settled(name) for name in networks}
    cnn = config.cnn.model_copy(update={"of": of, "params": {}})
    return config.model_copy(update={"features": features, "cnn": cnn})


def _rounded(side: float, limits: tuple[int, int]) -> int:
    return int(np.clip(round(side / _STEP) * _STEP, *limits))


def _sized(curve: CurveConfig, images: pd.DataFrame) -> CurveConfig:
    """Return the settings of a learning curve with its sizes as numbers, without `all`."""
    for name in ("train", "valid", "test"):
        held = images.loc[images["split"] == name, "y"]
        for label, what in ((0, "good image"), (1, "defect")):
            if not (held == label).any():
                raise InputError(
                    f"split {name}: no {what} among its {len(held)} images; a learning curve needs both "
                    "classes in train, valid and test: add labels, or give the split a larger share"
                )
    train = images[images["split"] == "train"]
    whole = int(train["y"].sum()) if curve.by == "defects" else len(train)
    sizes = parse_sizes(curve.sizes or _SIZES[curve.by], whole)
    networks = parse_sizes(curve.network_sizes, whole) if curve.network_sizes else sizes[-_NETWORK_SIZES:]
    texts = {
        "sizes": ",".join(map(str, sizes)) or ALL,
        "network_sizes": ",".join(map(str, networks)) or ALL,
    }
    return curve.model_copy(update=texts)
