"""The job kind `audit`: labels that may be wrong, and clusters."""

import numpy as np

from bench.engine.context import Context
from bench.jobs.embed import embeddings_of
from bench.jobs.look import LookJob


class AuditJob(LookJob):
    """Look for wrong labels with one set of embeddings, and cluster it."""

    verb = "audit labels on"
    cost = (3.0, 0.006)

    def run(self, context: Context) -> None:
        """Write the suspicion of every label, and how the clusters agree with the labels."""
        from bench.engine.pixels import novelty
        from results.embeddings.audit import FOLDS, audit_labels
        from results.embeddings.clusters import clusters_table

        matrix, images = embeddings_of(self.embeddings, context).matrix, context.images
        ids = images["image_id"].tolist()
        # Copies in another fold would bear each other out.
        folds = None if context.cluster is None else context.folds(np.arange(len(ids)), FOLDS, self.seed)
        audit = audit_labels(matrix, context.y, ids, novelty=novelty(context), folds=folds, seed=self.seed)
        clusters = clusters_table(matrix, images["label"].to_numpy(), seed=self.seed)
        folder = context.folder
        folder.write_frame(folder.audit_path(self.id), audit)
        folder.write_frame(folder.clusters_path(self.id), self.with_features(clusters))
