"""`defectbench ablate`: one factor's values over one model."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

import classifiers
from bench.config import RunConfig
from bench.experiments.lab import Lab, Setting
from bench.jobs import FitJob, PatchesJob, TrainJob, build_jobs
from features.errors import InputError

_BARE: dict[str, Any] = {
    "dropout": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "augment": "none", "tta": "none",
    "patience": 0, "keep_best": False, "schedule": "constant",
}  # fmt: skip
#: Each switch of the reports alone, from a network without any.
REGULARISATION: dict[str, dict[str, Any]] = {
    "none": {},
    "dropout": {"dropout": 0.3},
    "L2": {"weight_decay": 0.05},
    "label smoothing": {"label_smoothing": 0.1},
    "augmentation": {"augment": "rotate,affine,brightness,contrast"},
    "schedule": {"schedule": "cosine"},
    "best epoch": {"keep_best": True},
    "early stopping": {"patience": 5, "keep_best": True},
}
FACTORS = ("sampling", "preprocess", "weights", "regularisation")


def ablate(
    config: RunConfig, model: str, factor: str, values: Sequence[str] = (), out: str | Path = "runs"
) -> pd.DataFrame:
    """Try one factor's values over one model, everything else the same.

    Parameters
    ----------
    config : RunConfig
    model : str
        A name of `classifiers.names()`.
    factor : str
        `sampling`, `preprocess`, `weights`, `regularisation` (each of the reports' switches alone), or a
        constructor parameter of a network.
    values : sequence of str
        What to try; for `regularisation` all by default.
    out : str or Path
        The folder `NAME-ablate-MODEL-FACTOR` is made in it.

    Returns
    -------
    DataFrame
        As for `tune`, one row per value.
    """
    lab = Lab(config, f"ablate-{model}-{factor}", out)
    lab.measure([Setting(factor, words, job) for words, job in _variants(lab, model, factor, values)])
    return lab.finish(f"{classifiers.get_spec(model).title}: {factor}")


def _variants(
    lab: Lab, model: str, factor: str, values: Sequence[str]
) -> Iterator[tuple[str, FitJob | PatchesJob | TrainJob]]:
    spec = classifiers.get_spec(model)
    if not values and factor != "regularisation":
        raise InputError(f"factor {factor}: say which values to try, --values A,B")
    if spec.kind != "cnn":
        yield from _classical(lab, model, factor, values)
        return
    base = lab.network(model, lab.config.preprocess[0], lab.config.sampling[0])
    if factor == "regularisation":
        for name in values or REGULARISATION:
            if name not in REGULARISATION:
                raise InputError(f"regularisation {name!r}: choose among {', '.join(REGULARISATION)}")
            yield name, lab.vary(base, name, **{**_BARE, **REGULARISATION[name]})
    elif factor in ("sampling", "preprocess", "weights"):
        checked = _checked(lab, factor, values)
        changes: list[dict[str, Any]] = [{factor: value} for value in checked]
        yield from ((value, replace(base, **change)) for value, change in zip(checked, changes, strict=True))
    elif factor in classifiers.make_classifier(model).get_params():
        for text in values:
            yield text, lab.vary(base, f"{factor} {text}", **{factor: _literal(text)})
    else:
        raise InputError(f"factor {factor!r}: choose among {', '.join(FACTORS)} or a parameter of {model}")


def _classical(
    lab: Lab, model: str, factor: str, values: Sequence[str]
) -> Iterator[tuple[str, FitJob | PatchesJob | TrainJob]]:
    if factor not in FACTORS[:3]:
        raise InputError(f"factor {factor!r}: for {model} choose among {', '.join(FACTORS[:3])}")
    for value in _checked(lab, factor, values):
        section = {"models": (model,)}
        changes: dict[str, Any] = {
            "classical": {**lab.config.classical.model_dump(), **section},
            "cnn": {**lab.config.cnn.model_dump(), "models": ()},
            "features": {
                **lab.config.features.model_dump(),
                "fine_tuned": (),
                "projections": False,
                "weights_of": {},
                "weights": (value,) if factor == "weights" else lab.config.features.weights[:1],
            },
        }
        if factor != "weights":
            changes[factor] = (value,)
        varied = RunConfig.model_validate({**lab.config.model_dump(), **changes})
        jobs = build_jobs(varied, cnn_weights=lab.weights, symmetric=lab.dataset.symmetric)
        yield from ((value, job) for job in jobs if isinstance(job, FitJob | PatchesJob))


def _checked(lab: Lab, factor: str, values: Sequence[str]) -> Sequence[str]:
    if factor == "weights":
        return values
    changed = RunConfig.model_validate({**lab.config.model_dump(), factor: tuple(values)})
    return getattr(changed, factor)


def _literal(text: str) -> Any:
    try:
        value = json.loads(text.lower() if text in ("True", "False") else text)
    except ValueError:
        return text
    return tuple(value) if isinstance(value, list) else value
