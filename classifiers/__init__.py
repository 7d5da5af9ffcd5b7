"""All models, classical and end-to-end, as scikit-learn estimators in one registry."""

from classifiers.registry import (
    ClassifierSpec,
    get_spec,
    make_classifier,
    make_search,
    names,
)

__all__ = ["ClassifierSpec", "get_spec", "make_classifier", "make_search", "names"]
