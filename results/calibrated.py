"""Predictions with scores made into probabilities by a rule fitted on the valid split."""

import numpy as np
import pandas as pd

from results.errors import PredictionsError
from results.metrics.probability import Method, calibrate
from results.predictions import rows_of, validate

METHODS: tuple[Method, ...] = ("temperature", "sigmoid", "isotonic")


def calibrated(predictions: pd.DataFrame, method: str) -> pd.DataFrame:
    """Calibrate each model's scores.

    Parameters
    ----------
    predictions : DataFrame
        As `results.predictions.SCHEMA`.
    method : {"temperature", "sigmoid", "isotonic"}
        See `results.metrics.probability.calibrate`; a decision value counts as log-odds for
        `temperature`. The test split takes no part in the fit.

    Returns
    -------
    DataFrame
        The same predictions; every score is a probability.

    Raises
    ------
    PredictionsError
        For an unknown method, or a valid split with one class only.
    """
    if method not in METHODS:
        raise PredictionsError(f"calibration {method!r}: choose one of {', '.join(METHODS)}")
    frames = []
    for row in rows_of(predictions):
        frame = row.frame
        score = frame["score"].to_numpy(float)
        kind = str(row.constant("score_kind"))
        valid = (frame["split"] == "valid").to_numpy()
        try:
            found = calibrate(frame["y_true"].to_numpy()[valid], score[valid], score, method, kind)
        except PredictionsError as error:
            raise PredictionsError(f"predictions of {row.key['model']}: {error}") from None
        frames.append(frame.assign(score=np.clip(found, 0.0, 1.0), score_kind="probability"))
    return validate(pd.concat(frames)) if frames else predictions
