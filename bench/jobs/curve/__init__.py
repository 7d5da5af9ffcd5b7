"""Job kinds of learning curves: models fitted on nested subsets of the train split."""
