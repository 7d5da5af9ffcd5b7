"""Settings that follow from the images: sizes and epochs that a configuration leaves to `auto`."""

from typing import Any

import numpy as np
import pandas as pd

import classifiers
from bench.config import AUTO, CELLS, RunConfig

#: Smallest and largest side of embedded images, pixels.
EMBED_SIDES = (160, 320)
#: Smallest and largest side of the images that networks are trained on, pixels.
TRAIN_SIDES = (64, 160)
_FEWEST_EPOCHS = 4
_STEP = 32


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
        Without `auto`; the same configuration and images give the same result.
    """
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
    if AUTO not in {value for name in networks for value in config.cnn.params_of(name).values()}:
        return config.model_copy(update={"features": features})
    of = {name: settled(name) for name in networks}
    cnn = config.cnn.model_copy(update={"of": of, "params": {}})
    return config.model_copy(update={"features": features, "cnn": cnn})


def _rounded(side: float, limits: tuple[int, int]) -> int:
    return int(np.clip(round(side / _STEP) * _STEP, *limits))
