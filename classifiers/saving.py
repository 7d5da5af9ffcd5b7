"""Models on disk: skops for classical ones, safetensors for networks; never a pickle."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
import torch
from safetensors.torch import load_file, save_file
from sklearn.base import BaseEstimator

from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.registry import get_spec
from features.errors import InputError
from features.extract.forward import choose_device
from features.files import atomic_path, write_text

FORMAT = 1
_CARD = "model.json"
_NETWORK = "weights.safetensors"
_CLASSICAL = "estimator.skops"
_VERSIONED = {"classical": ("scikit-learn", "xgboost"), "cnn": ("torch", "torchvision")}

# What skops may build besides its own list of safe types; anything else in a file is refused.
_TRUSTED = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.tree._tree.Tree",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.core.Booster",
)


def save_classifier(
    name: str, estimator: BaseEstimator, folder: Path, card: dict[str, Any] | None = None
) -> None:
    """Save a fitted model of the registry.

    Parameters
    ----------
    name : str
        Its name in the registry.
    estimator : estimator
        Fitted, as `make_classifier(name)` makes it.
    folder : Path
        Made if needed; the card is written last, so a folder with a card is whole.
    card : dict, optional
        JSON values to keep with it, such as the threshold and the preprocessing.
    """
    kind = get_spec(name).kind
    record = {
        **(card or {}),
        "format": FORMAT,
        "name": name,
        "kind": kind,
        "versions": {library: version(library) for library in _VERSIONED[kind]},
        "classes": np.asarray(estimator.classes_).tolist(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(estimator, ImageClassifier):
        record["params"] = estimator.get_params()
        record["channels"] = estimator.n_channels_
        state = {k: v.contiguous() for k, v in estimator.module_.state_dict().items()}
        with atomic_path(folder / _NETWORK) as temporary:
            save_file(state, temporary)
    else:
        with atomic_path(folder / _CLASSICAL) as temporary:
            skops.io.dump(estimator, temporary)
    write_text(folder / _CARD, json.dumps(record, indent=2) + "\n")


def read_card(folder: Path) -> dict[str, Any]:
    """Return what was saved beside a model; `InputError` when there is no whole model."""
    path = folder / _CARD
    if not path.is_file():
        raise InputError(f"{folder}: no saved model (no {_CARD})")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not a model card ({error})") from None
    if card.get("format") != FORMAT:
        raise InputError(f"{path}: format {card.get('format')!r}, this defectbench reads {FORMAT}")
    return card


def load_classifier(folder: Path, *, device: str = "auto") -> BaseEstimator:
    """Load a model that `save_classifier` saved.

    Parameters
    ----------
    folder : Path
        Where it was saved.
    device : str
        Where a network shall compute.

    Returns
    -------
    estimator
        Fitted; its scores are those it had.

    Raises
    ------
    InputError
        When the folder holds no whole model, a library's major version is another, or the file holds
        types that no model of ours has.
    """
    card = read_card(folder)
    for library, saved in card["versions"].items():
        if version(library).split(".")[0] != saved.split(".")[0]:
            raise InputError(
                f"{folder}: saved with {library} {saved}, here is {version(library)}; install that "
                "major version or fit again"
            )
    spec = get_spec(card["name"])
    if spec.kind == "classical":
        return _load_classical(folder / _CLASSICAL)
    params = {k: tuple(v) if isinstance(v, list) else v for k, v in card["params"].items()}
    estimator = spec.make(**{**params, "device": device, "checkpoint": None})
    return _load_network(estimator, card, folder / _NETWORK)


def _load_classical(path: Path) -> BaseEstimator:
    try:
        unknown = set(skops.io.get_untrusted_types(file=path)) - set(_TRUSTED)
        if unknown:
            raise InputError(f"{path}: holds {sorted(unknown)[0]}, which no model of ours does")
        return skops.io.load(path, trusted=list(_TRUSTED))
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: damaged ({str(error).splitlines()[0]}); fit again") from None


def _load_network(estimator: ImageClassifier, card: dict[str, Any], path: Path) -> ImageClassifier:
    estimator.classes_ = np.array(card["classes"])
    estimator.n_channels_ = card["channels"]
    estimator.device_ = choose_device(estimator.device)
    module = estimator.build_untrained()
    try:
        module.load_state_dict(load_file(path))
    except Exception as error:
        raise InputError(f"{path}: damaged ({str(error).splitlines()[0]}); train again") from None
    estimator.module_ = module.to(estimator.device_).to(memory_format=torch.channels_last).eval()
    return estimator
