"""Naive Bayes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifiers.spec import ClassifierSpec, standardised

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_naive_bayes(random_state: int | None = None, **params: Any) -> Pipeline:
    """Make a Gaussian naive Bayes classifier; it is not random, so `random_state` has no effect.

    References
    ----------
    Hand and Yu, Idiot's Bayes: not so stupid after all, International Statistical Review 69, 2001.
    """
    from sklearn.naive_bayes import GaussianNB

    return standardised(GaussianNB(**params))


SPEC = ClassifierSpec(
    name="bayes",
    title="Naive Bayes",
    kind="classical",
    make=make_naive_bayes,
    summary="Gaussian naive Bayes",
    grids={
        "small": {"model__var_smoothing": [1e-9, 1e-3]},
        "full": {"model__var_smoothing": [1e-9, 1e-6, 1e-3, 1e-1]},
    },
)
