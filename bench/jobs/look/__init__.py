"""What the job kinds that look at one set of embeddings as a whole have in common."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import pandas as pd

from bench.config import RunConfig
from bench.engine.context import Context
from bench.engine.estimate import machine_factor
from bench.engine.job import Job
from bench.jobs.embed import EmbedJob, dim_of


@dataclass(frozen=True, kw_only=True)
class LookJob(Job):
    """Look at one set of embeddings; a subclass says what for.

    `cost` is the duration on the reference machine: seconds, and seconds per image.
    """

    verb: ClassVar[str]
    cost: ClassVar[tuple[float, float]]
    embeddings: EmbedJob

    @property
    def title(self) -> str:
        """Verb and features."""
        features = self.embeddings.features
        return f"{self.verb} {features.features}, {features.weights} weights"

    @property
    def slug(self) -> str:
        """Features."""
        return self.embeddings.slug

    def seconds(self, context: Context) -> float:
        """Estimate the duration: a fixed part, and a part per image."""
        # Raises where the weights cannot be had: the job will not run.
        dim_of(self.embeddings, context)
        fixed, each = self.cost
        return machine_factor(context) * (fixed + each * len(context.images))

    @classmethod
    def plan(cls, config: RunConfig, planned: Sequence[Job]) -> Iterable[Self]:
        """Return a job for each set of embeddings of the run."""
        if not config.features.projections:
            return
        for job in planned:
            if isinstance(job, EmbedJob):
                yield cls(seed=config.seed, embeddings=job)

    def with_features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a table with the columns that name the embeddings in front."""
        return pd.concat([pd.DataFrame(self.embeddings.features.columns(), index=frame.index), frame], axis=1)
