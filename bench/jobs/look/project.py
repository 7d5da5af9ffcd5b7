"""The job kind `project`: embeddings in two dimensions."""

from bench.engine.context import Context
from bench.jobs.embed import embeddings_of
from bench.jobs.look import LookJob


class ProjectJob(LookJob):
    """Project one set of embeddings to two dimensions."""

    verb = "project"
    cost = (10.0, 0.006)

    def run(self, context: Context) -> None:
        """Write the projections of every image."""
        from results.embeddings.projections import project

        ids = context.images["image_id"].tolist()
        frame = project(embeddings_of(self.embeddings, context).matrix, ids, seed=self.seed)
        context.folder.write_frame(context.folder.projection_path(self.id), self.with_features(frame))
