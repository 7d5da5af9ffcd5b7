"""Every model, classical or end-to-end, as a scikit-learn estimator, behind one registry."""

from classifiers.registry import (
    ClassifierSpec,
    get_spec,
    make_classifier,
    make_search,
    names,
)

__all__ = ["ClassifierSpec", "get_spec", "make_classifier", "make_search", "names"]
