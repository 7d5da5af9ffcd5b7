"""Whether the solver of a fitted model has reached its optimum."""

from typing import Any

import numpy as np


def has_converged(estimator: Any) -> bool:
    """Return whether a solver ended before its limit of iterations; True for a model without such a limit.

    Parameters
    ----------
    estimator : estimator
        Fitted; of a pipeline the last step counts.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> has_converged(LogisticRegression().fit(*make_classification(random_state=0)))
    True
    """
    model = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if getattr(model, "fit_status_", 0):
        return False
    taken, limit = getattr(model, "n_iter_", None), getattr(model, "max_iter", None)
    if taken is None or limit is None or limit < 0:
        return True
    return bool((np.asarray(taken) < limit).all())
