"""The reference grid of `defectbench perf search`."""

from typing import Any

#: Family to (model of the registry, grid).
REFERENCE_GRID: dict[str, tuple[str, dict[str, list[Any]]]] = {
    "lda": ("lda", {"shrinkage": [1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]}),
    "lr": ("lr", {"C": [10.0**e for e in range(-5, 4)]}),
    "svm": ("svm", {"kernel": ["rbf"], "C": [0.01, 0.1, 1, 10, 100], "gamma": [1e-5, 1e-4, 1e-3, 1e-2]}),
    "svm-linear": ("svm", {"kernel": ["linear"], "C": [10.0**e for e in range(-4, 3)]}),
    "rf": (
        "rf",
        {
            "n_estimators": [100, 200, 500],
            "max_features": ["sqrt", 0.1],
            "min_samples_leaf": [1, 3],
        },
    ),
    "rf-depth": (
        "rf",
        {"n_estimators": [100, 200, 500], "max_features": ["sqrt"], "max_depth": [6, 12]},
    ),
    "xgb": (
        "xgb",
        {"n_estimators": [100, 200, 400], "max_depth": [3, 6], "learning_rate": [0.05, 0.1]},
    ),
    "xgb-bins": (
        "xgb",
        {
            "n_estimators": [100, 200, 400],
            "max_depth": [3, 6],
            "learning_rate": [0.05, 0.1],
            "max_bin": [64],
        },
    ),
}

#: The families whose sum the total is of; the others are additions, timed beside it.
TOTAL = ("lda", "lr", "svm", "rf", "xgb")


def grid_of(family: str) -> tuple[str, dict[str, list[Any]]]:
    """Return the model and the grid of a family, in the names of the model's pipeline."""
    model, grid = REFERENCE_GRID[family]
    return model, {f"model__{name}": values for name, values in grid.items()}
