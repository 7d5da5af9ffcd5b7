"""Save and load models: skops for classical models, safetensors for networks, no pickle."""

import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
import torch
from safetensors.torch import load_file, save_file
from sklearn.base import BaseEstimator

from classifiers import detection
from classifiers.registry import get_spec
from classifiers.spec import ClassifierSpec
from features.errors import InputError
from features.extract.forward import choose_device
from features.files import atomic_path, write_text

FORMAT = 1
_CARD = "model.json"
_NETWORK = "weights.safetensors"
_CLASSICAL = "estimator.skops"
_NETWORKS = ("cnn", "detector")
_TORCH = ("torch", "torchvision")
_VERSIONED: dict[str, tuple[str, ...]] = {
    "classical": ("scikit-learn", "xgboost"),
    "cnn": _TORCH,
    "detector": _TORCH,
    "patches": ("scikit-learn", *_TORCH),
}

# A finished model may be calibrated; see `sklearn.calibration.CalibratedClassifierCV`.
_CALIBRATION = ("sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration")


def save_classifier(
    name: str, estimator: BaseEstimator, folder: Path, card: dict[str, Any] | None = None
) -> None:
    """Save a fitted model of the registry.

    Parameters
    ----------
    name : str
        Name of the model in the registry.
    estimator : estimator
        Fitted estimator of `make_classifier(name)` or `make_detector(name)`.
    folder : Path
        Created if necessary. The card is written last, so a folder with a card is complete.
    card : dict, optional
        Further JSON values for the card, such as the threshold and the preprocessing.
    """
    kind = detection.spec_of(name).kind
    record = {
        **(card or {}),
        "format": FORMAT,
        "name": name,
        "kind": kind,
        "versions": {library: version(library) for library in _VERSIONED[kind]},
        "classes": np.asarray(estimator.classes_).tolist(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    if kind in _NETWORKS:
        record["params"] = estimator.get_params()
        record["channels"] = estimator.n_channels_
        if kind == "detector":
            record["box_classes"] = estimator.box_classes_.tolist()
        state = {k: v.contiguous() for k, v in estimator.module_.state_dict().items()}
        with atomic_path(folder / _NETWORK) as temporary:
            save_file(state, temporary)
    else:
        with atomic_path(folder / _CLASSICAL) as temporary:
            skops.io.dump(estimator, temporary)
    write_text(folder / _CARD, json.dumps(record, indent=2) + "\n")


def read_card(folder: Path) -> dict[str, Any]:
    """Return the card of a saved model.

    Raises
    ------
    InputError
        If the folder holds no complete model, or the card cannot be read.
    """
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
        Folder of the saved model.
    device : str
        Device on which a network computes.

    Returns
    -------
    estimator
        Fitted estimator with the same scores as the saved one.

    Raises
    ------
    InputError
        If the folder holds no complete model, if the major version of a library differs, or if the
        file holds types that a model of this name does not contain.
    """
    card = read_card(folder)
    for library, saved in card["versions"].items():
        if version(library).split(".")[0] != saved.split(".")[0]:
            raise InputError(
                f"{folder}: saved with {library} {saved}, installed is {version(library)}; install "
                "that major version or fit again"
            )
    spec = detection.spec_of(card["name"])
    if spec.kind not in _NETWORKS:
        return _load_classical(folder / _CLASSICAL, spec)
    params = {k: tuple(v) if isinstance(v, list) else v for k, v in card["params"].items()}
    estimator = spec.make(**{**params, "device": device, "checkpoint": None})
    return _load_network(estimator, card, folder / _NETWORK)


def _load_classical(path: Path, spec: ClassifierSpec) -> BaseEstimator:
    try:
        found = set(skops.io.get_untrusted_types(file=path))
        trusted = {*_CALIBRATION, *spec.trusted}
        if not found <= trusted and spec.kind == "classical":
            trusted |= types_of_fitted(spec.name)
        if found <= trusted:
            return skops.io.load(path, trusted=sorted(trusted))
    except Exception as error:
        raise InputError(f"{path}: damaged ({str(error).splitlines()[0]}); fit again") from None
    raise InputError(
        f"{path}: holds {min(found - trusted)}, which a fitted {spec.name} does not contain; "
        f"fit again, or list the type in `trusted` of the registry's entry if it belongs to the model"
    )


@cache
def types_of_fitted(name: str) -> frozenset[str]:
    """Return the types, beyond those that skops trusts, in a small fitted copy of a classical model.

    Embeddings may be short or long, and some models choose their data structure by that: both are
    fitted.
    """
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    types: set[str] = set()
    for width in (4, 64):
        model = get_spec(name).make().fit(rng.normal(size=(40, width)) + y[:, None], y)
        types |= set(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
    return frozenset(types)


def _load_network(estimator: BaseEstimator, card: dict[str, Any], path: Path) -> BaseEstimator:
    estimator.classes_ = np.array(card["classes"])
    estimator.n_channels_ = card["channels"]
    if "box_classes" in card:
        estimator.box_classes_ = np.array(card["box_classes"])
    estimator.device_ = choose_device(estimator.device)
    module = estimator.build_untrained()
    try:
        module.load_state_dict(load_file(path))
    except Exception as error:
        raise InputError(f"{path}: damaged ({str(error).splitlines()[0]}); train again") from None
    estimator.module_ = module.to(estimator.device_).to(memory_format=torch.channels_last).eval()
    return estimator
