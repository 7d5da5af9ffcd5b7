"""Predictions made for tests."""

import json

import numpy as np
import pandas as pd

from results.predictions import validate


def predictions(model="LDA", features="resnet18", weights="random", n=60, quality=1.0, seed=0, **fixed):
    """Predictions of one model on n valid and n test images, better with higher quality."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(2 * n) % 3 == 0).astype(int)
    frame = pd.DataFrame(
        {
            "model": model,
            "features": features,
            "weights": weights,
            "split_kind": "stratified",
            "preprocess": "none",
            "sampling": "all",
            "repeat": 0,
            "image_id": [f"i{i:04d}" for i in range(2 * n)],
            "split": np.where(np.arange(2 * n) < n, "valid", "test"),
            "label": np.where(y, "bad", "good"),
            "y_true": y,
            "score": rng.normal(0, 1, 2 * n) + quality * y,
            "score_kind": "decision",
            "fit_seconds": 1.5,
            "predict_us": 20.0,
            "parameters": 1000,
            "flops": 2e9,
            "images_per_second_1": 50.0,
            "images_per_second_64": 200.0,
            "model_bytes": 4000,
            "params": "{}",
        }
    )
    return validate(frame.assign(**fixed))


def scored_cell(cell, quality=1.0):
    """Predictions of a DARTS network of the cell of a name."""
    params = json.dumps({"cell": cell})
    return predictions(f"DARTS ({cell})", "end-to-end", quality=quality, params=params, fit_seconds=60.0)
