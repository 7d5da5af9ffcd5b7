"""Train, valid and test splits, and the folds of a search."""

from features.splits.folds import make_folds
from features.splits.split import KINDS, SPLITS, Split, make_split, plan_split

__all__ = ["KINDS", "SPLITS", "Split", "make_folds", "make_split", "plan_split"]
