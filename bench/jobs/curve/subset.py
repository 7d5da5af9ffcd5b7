"""What the jobs of a learning curve share: their subset, and the point that they save."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.config import CurveConfig, RunConfig
from bench.engine.context import Context
from bench.engine.job import Job
from features.splits.subsets import By, Draw, Valid, make_draw
from features.splits.words import counted

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, kw_only=True)
class SubsetJob(Job):
    """Fit a model on one subset of the train split, and score the test images.

    Parameters
    ----------
    size : int
        Train images of the subset, or defects beside all good images.
    draw : int
        Number of the random draw; the subsets of one draw are nested.
    by : {"images", "defects"}
        What the size counts.
    valid : {"scaled", "whole"}
        Whether the valid split shrinks in proportion.
    """

    size: int
    draw: int
    by: By = "images"
    valid: Valid = "scaled"

    @property
    def base(self) -> Job:
        """The job that fits the same model on the whole train split."""
        raise NotImplementedError

    @property
    def needs(self) -> tuple[Job, ...]:
        """What the base needs: it need not have run itself."""
        return self.base.needs

    def identity(self) -> dict[str, Any]:
        """Return what the id depends on; the base counts by its id."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value.id if isinstance(value, Job) else value for name, value in values.items()}

    def check(self, context: Context) -> None:
        """Raise `InputError` when something that the base needs cannot be had."""
        self.base.check(context)

    @property
    def title(self) -> str:
        """The model, the size and the draw."""
        size = counted(self.size, self.by.removesuffix("s"))
        return f"{self.base.title}, {size}, draw {self.draw + 1}"

    @property
    def slug(self) -> str:
        """The model, the size and the draw."""
        return f"{self.base.slug}-{self.size}-{self.draw + 1}"

    def rows(self, context: Context) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the train and of the valid images."""
        return draw_of(context, self.seed, self.draw, self.by, self.valid).rows(self.size)

    def save(
        self, context: Context, estimator: BaseEstimator, X: np.ndarray, seconds: float, settings: str
    ) -> None:
        """Score the valid and the test images and save the point.

        Parameters
        ----------
        context : Context
        estimator : estimator
            Fitted on the train images of the subset.
        X : array, shape (n_images, ...)
            Its input for every image of the run.
        seconds : float
            Duration of the search and the fit.
        settings : str
            How the parameters were chosen.
        """
        from bench.engine.scoring import score_splits
        from results.curves.points import ROW, Point

        train, valid = self.rows(context)
        places = {"valid": valid, "test": context.rows("test")}
        scores = score_splits(
            dict.fromkeys(places, estimator), {name: X[rows] for name, rows in places.items()}
        )
        frames = []
        for name, rows in places.items():
            images = context.images.iloc[rows]
            score, kind = scores[name]
            frames.append(
                pd.DataFrame(
                    {
                        "image_id": images["image_id"].astype(str), "split": name, "y_true": images["y"],
                        "score": score, "score_kind": kind, "group": context.group_names(rows),
                    }
                )
            )  # fmt: skip
        row = self.base.row(context) or {}
        point = Point(
            {name: str(row[name]) for name in ROW},
            {
                "size": self.size, "draw": self.draw, "train": len(train), "valid": len(valid),
                "train_defects": context.y[train].sum(), "valid_defects": context.y[valid].sum(),
                "seconds": seconds,
            },
            settings,
            pd.concat(frames),
        )  # fmt: skip
        context.folder.write_frame(context.folder.curve_path(self.id), point.to_frame())


def draw_of(context: Context, seed: int, draw: int, by: By, valid: Valid) -> Draw:
    """Return one draw of nested subsets, made once per run; groups stay together under a group split."""
    images = context.images

    def make() -> Draw:
        grouped = context.config.split.kind == "group"
        return make_draw(
            images["split"].to_numpy(str),
            images["label"].to_numpy(str),
            context.y,
            seed=1000 * seed + draw,
            by=by,
            valid=valid,
            cluster=context.cluster if grouped else None,
        )

    return context.once(f"draw {seed} {draw} {by} {valid}", make)


def subset_settings(config: RunConfig, *, network: bool) -> Iterator[dict[str, Any]]:
    """Yield the size, the draw and the axis of each subset that a configuration asks for.

    Parameters
    ----------
    config : RunConfig
        Its sizes are numbers, see `bench.engine.adapt`.
    network : bool
        Whether for a network, which has sizes and draws of its own.
    """
    curve: CurveConfig = config.curve
    if not curve.enabled:
        return
    text, draws = (curve.network_sizes, curve.network_draws) if network else (curve.sizes, curve.draws)
    for size in filter(str.isdecimal, text.split(",")):
        for draw in range(draws):
            yield {"size": int(size), "draw": draw, "by": curve.by, "valid": curve.valid}
