"""`defectbench curve`: learning curves, with the flags of `defectbench run`."""

from collections.abc import Callable
from typing import Any

import typer

from bench.cli.options import OptionPairs, config_flags, dataset_flags, nested, with_flags
from bench.cli.run import Cache, Epochs, Models, Out, Source, Weights, overrides_of, preset_for

#: What the configuration of a curve fixes.
_FIXED = {"repeats", "explain"}


def build_curve() -> Callable[..., Any]:
    """Return the command's function with the flags of the configuration and of every dataset."""
    from bench.config import RunConfig

    kept = [flag for flag in config_flags(RunConfig) if flag.path[0] not in {*_FIXED, "darts"}]
    flags = [*kept, *dataset_flags()]

    def curve(
        source: Source = None,
        *,
        option: OptionPairs = None,
        weights: Weights = None,
        models: Models = None,
        epochs: Epochs = None,
        out: Out = "runs",
        cache: Cache = None,
        **settings: Any,
    ) -> None:
        """Measure learning curves, or what is missing of them, and print where a network passes the heads."""
        from bench.config import load_config
        from bench.experiments.curve import curve as run_curve

        overrides = overrides_of(nested(flags, settings), option, weights, models, epochs)
        # What the flags of `run` say of all networks and searches holds for the curve's own settings too.
        overrides["curve"] |= {
            "folds": overrides["classical"].get("folds"),
            "networks": overrides["cnn"].get("models"),
        }
        config = load_config(source or preset_for(overrides["dataset"]), overrides)
        raise typer.Exit(run_curve(config, out, cache))

    return with_flags(curve, flags)
