"""The job kind `explain`: heat maps of a run's models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bench.config import RunConfig
from bench.engine.context import Context
from bench.engine.job import Job
from bench.jobs.fit import FitJob
from bench.jobs.train import FORWARD_SHARE, TrainJob

#: Images of each outcome where nothing says where the defects are: sixteen in all.
PER_OUTCOME = 4


@dataclass(frozen=True, kw_only=True)
class ExplainJob(Job):
    """Make heat maps of the models of a run.

    Where the dataset gives boxes or masks, every network and every linear head on a pooled feature map is
    measured on all valid and test images. Elsewhere the best network and the best head get maps of sixteen
    test images.

    Parameters
    ----------
    models : tuple of FitJob or TrainJob
        The jobs whose models are explained, as far as they ended well.
    method : str
        Of the maps of networks; see `classifiers.maps`.
    networks_only : bool
        Whether heads, panels and images without boxes and masks are left out, as on the further splits of
        a run, which only need the measures of networks.
    """

    models: tuple[FitJob | TrainJob, ...]
    method: str = "grad_cam"
    networks_only: bool = False

    @property
    def title(self) -> str:
        """What is made."""
        return f"heat maps of {len(self.models)} {'networks' if self.networks_only else 'models'}"

    @property
    def slug(self) -> str:
        """The method."""
        return self.method

    @property
    def needs(self) -> tuple[Job, ...]:
        """None: the models that there are get maps, whatever became of the others."""
        return ()

    @property
    def reads(self) -> tuple[Job, ...]:
        """The models."""
        return self.models

    def identity(self) -> dict[str, Any]:
        """Return what the id depends on: the models by their ids."""
        kept = {"networks_only": True} if self.networks_only else {}
        return {"seed": self.seed, "models": [job.id for job in self.models], "method": self.method, **kept}

    @classmethod
    def plan(cls, config: RunConfig, planned: Sequence[Job]) -> Iterable[Self]:
        """Return one job for all models of the run."""
        models: tuple[FitJob | TrainJob, ...] = tuple(job for job in planned if isinstance(job, TrainJob))
        if config.explain_heads:
            models = tuple(job for job in planned if isinstance(job, FitJob | TrainJob))
        if config.explain and models:
            yield cls(seed=config.seed, models=models, networks_only=not config.explain_heads)

    def run(self, context: Context) -> None:
        """Save regions, maps and panels; maps that an interrupted call has saved are kept."""
        from bench.explain.make import explain_models

        done = [job for job in self.models if context.folder.is_ok(job.id)]
        explain_models(done, context, self.method, per_outcome=PER_OUTCOME, networks_only=self.networks_only)

    def seconds(self, context: Context) -> float:
        """Estimate the duration: a forward pass of each network per valid and test image."""
        from features.datasets.regions import has_regions

        if not has_regions(context.images):
            return 0.0 if self.networks_only else 5.0
        images = len(context.rows("valid")) + len(context.rows("test"))
        networks = [job for job in self.models if isinstance(job, TrainJob)]
        return 5.0 + images * FORWARD_SHARE * sum(job.seconds_per_image(context) for job in networks)
