"""Train, valid and test splits, and the folds of a search."""

from features.splits.split import KINDS, SPLITS, make_split

__all__ = ["KINDS", "SPLITS", "make_split"]
