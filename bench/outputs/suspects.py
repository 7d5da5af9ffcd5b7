"""The label audit of a run that its report shows."""

import pandas as pd

from bench.jobs import AuditJob, read_jobs
from bench.run_folder import RunFolder
from results.feature_set import FeatureSet
from results.leaderboard import scored
from results.predictions import rows_of


def best_audit(folder: RunFolder) -> AuditJob | None:
    """Return the finished audit of the feature set with the best valid AUC; None when there is none."""
    done = [job for job in read_jobs(folder) if isinstance(job, AuditJob) and folder.is_ok(job.id)]
    aucs: dict[FeatureSet, float] = {}
    for row in rows_of(folder.predictions()):
        key = FeatureSet.of(row.key)
        aucs[key] = max(aucs.get(key, 0.0), scored(row).valid_auc)
    return max(done, key=lambda job: aucs.get(job.embeddings.features, 0.0), default=None)


def name_labels(audit: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Add to an audit where each image is, what its label says, and room for another one."""
    table = audit.merge(images[["image_id", "path", "label", "split"]].rename(columns={"label": "named"}),
                        on="image_id", how="left")  # fmt: skip
    return table.assign(new_label="")
