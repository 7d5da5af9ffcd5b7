"""Job kinds, one module each, and the list of jobs that a run is."""

from bench.jobs.detect import DetectJob
from bench.jobs.embed import EmbedJob, embeddings_of, extractor_of, frozen_embeddings
from bench.jobs.fit import FitJob
from bench.jobs.look.audit import AuditJob
from bench.jobs.look.project import ProjectJob
from bench.jobs.patches import PatchesJob
from bench.jobs.plan import StartingWeights, build_jobs, train_job
from bench.jobs.registry import KINDS, from_record, read_jobs
from bench.jobs.search_cell import SearchCellJob
from bench.jobs.train import TrainJob
from bench.jobs.words import as_params, weights_name

__all__ = [
    "KINDS",
    "AuditJob",
    "DetectJob",
    "EmbedJob",
    "FitJob",
    "PatchesJob",
    "ProjectJob",
    "SearchCellJob",
    "StartingWeights",
    "TrainJob",
    "as_params",
    "build_jobs",
    "embeddings_of",
    "extractor_of",
    "from_record",
    "frozen_embeddings",
    "read_jobs",
    "train_job",
    "weights_name",
]
