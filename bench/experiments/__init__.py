"""Named experiments: one network's tuning, and one factor's values over one model."""

from bench.experiments.ablate import FACTORS, REGULARISATION, ablate
from bench.experiments.tune import DENSE, DROPOUTS, tune

__all__ = ["DENSE", "DROPOUTS", "FACTORS", "REGULARISATION", "ablate", "tune"]
