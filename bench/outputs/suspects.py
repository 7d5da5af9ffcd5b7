"""The label audit of a run that its report shows."""

import pandas as pd

from bench.jobs import AuditJob, EmbedJob, weights_name
from bench.run_folder import RunFolder
from results.leaderboard import scored
from results.predictions import FEATURE_SET, rows_of


def best_audit(folder: RunFolder) -> AuditJob | None:
    """Return the finished audit of the feature set with the best valid AUC; None when there is none."""
    done = [job for job in folder.jobs() if isinstance(job, AuditJob) and folder.is_ok(job)]
    aucs: dict[tuple[str, ...], float] = {}
    for row in rows_of(folder.predictions()):
        key = tuple(str(row.key[name]) for name in FEATURE_SET)
        aucs[key] = max(aucs.get(key, 0.0), scored(row).valid_auc)
    return max(done, key=lambda job: aucs.get(_feature_set(job.embeddings), 0.0), default=None)


def name_labels(audit: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Add to an audit where each image is, what its label says, and room for another one."""
    table = audit.merge(images[["image_id", "path", "label", "split"]].rename(columns={"label": "named"}),
                        on="image_id", how="left")  # fmt: skip
    return table.assign(new_label="")


def _feature_set(job: EmbedJob) -> tuple[str, ...]:
    return job.backbone, weights_name(job.weights), job.preprocess
