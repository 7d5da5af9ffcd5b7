"""The job kind `centre`: the mean embedding of each split."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import pandas as pd

from bench.config import RunConfig
from bench.engine.context import Context
from bench.engine.job import Job
from bench.jobs.embed import EmbedJob, embeddings_of


@dataclass(frozen=True, kw_only=True)
class CentreJob(Job):
    """Average one set of embeddings over each split."""

    embeddings: EmbedJob

    @property
    def title(self) -> str:
        """Verb and features."""
        return f"centre {self.embeddings.features.features}"

    @classmethod
    def plan(cls, config: RunConfig, planned: Sequence[Job]) -> Iterable[Self]:
        """Return a job for each set of embeddings of the run."""
        for job in planned:
            if isinstance(job, EmbedJob):
                yield cls(seed=config.seed, embeddings=job)

    def run(self, context: Context) -> None:
        """Write one row per split."""
        matrix = embeddings_of(self.embeddings, context).matrix
        splits = context.images["split"].to_numpy()
        means = pd.DataFrame({split: matrix[splits == split].mean(axis=0) for split in sorted(set(splits))})
        means.columns.name = "split"
        path = context.folder.tables / f"{self.id}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        context.folder.write_frame(path, means.T.add_prefix("dim_").reset_index())
