"""The job kind `detect`: one detector, trained on boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.config import RunConfig
from bench.console import say, task
from bench.engine.context import Context
from bench.engine.estimate import noise, seconds_per_item
from bench.engine.job import Job
from bench.jobs.words import as_params, by_content, row_of, weights_hash, weights_name
from classifiers import detection
from classifiers.detection.extra import what_to_install
from features.errors import NotRunnable
from results.feature_set import BOXES, FeatureSet
from results.predictions import SPLITS

if TYPE_CHECKING:
    import numpy as np

    from classifiers.detection.detector import Detector

#: Duration of a forward pass as a share of a training step.
FORWARD_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class DetectJob(Job):
    """Train one detector on the boxes of the train split; score and detect on the valid and test images.

    Parameters
    ----------
    model : str
        Name in the registry of detectors.
    weights : str
        Where its ResNet starts: `imagenet`, `random` or a file.
    weights_hash : str
        Hash of the file, so that another file under the same name is another job.
    preprocess : str
    params : tuple of (str, value)
        Parameters that differ from the detector's defaults.
    """

    model: str
    weights: str
    weights_hash: str = ""
    preprocess: str = "none"
    params: tuple[tuple[str, Any], ...] = ()

    def identity(self) -> dict[str, Any]:
        """Return what the id depends on; a weights file counts by its content."""
        return by_content(super().identity())

    @property
    def title(self) -> str:
        """The detector and its starting weights."""
        title = detection.get_spec(self.model).title
        return f"train {title} on boxes from {weights_name(self.weights)} weights"

    @property
    def slug(self) -> str:
        """The detector and its starting weights."""
        return f"{self.model}-{weights_name(self.weights)}"

    def row(self, context: Context) -> dict[str, Any]:
        """Return the key columns of the detector's leaderboard row."""
        features = FeatureSet(BOXES, weights_name(self.weights), self.preprocess)
        return row_of(detection.get_spec(self.model).title, features, "all", context.config)

    def check(self, context: Context) -> None:
        """Raise `NotRunnable` without boxes and masks, and without the packages that measure detections."""
        from features.datasets.regions import has_regions

        if not has_regions(context.images):
            raise NotRunnable(
                f"dataset {context.config.dataset.name} has neither boxes nor masks, which a detector learns "
                "from; add them, or leave detectors out of the run"
            )
        if missing := what_to_install():
            raise NotRunnable(missing)
        if self.weights == "imagenet":
            architecture = {**detection.get_spec(self.model).settings, **dict(self.params)}["architecture"]
            context.check_weights(architecture, self.weights)

    def run(self, context: Context) -> None:
        """Train the detector, then save it, its history, its predictions and its boxes."""
        from bench.detection.boxes import found_boxes, run_targets
        from bench.engine.finish import Fitted, finish
        from bench.engine.pixels import run_pixels

        folder, estimator = context.folder, self._estimator(context)
        checkpoint = folder.checkpoint_path(self.id)
        estimator.set_params(checkpoint=str(checkpoint))
        targets = run_targets(context, self.preprocess)
        title = f"reading images for {self.model}"
        size = estimator.image_size
        with run_pixels(context, self.id, size, preprocess=self.preprocess, title=title) as pixels:
            boxes = targets.scaled(size)
            self._fit(estimator, context, pixels, boxes, targets.classes)
            for what, count in {**targets.counts, **estimator.counts_}.items():
                say(f"  {count} {what}")
            folder.write_frame(folder.history_path(self.id), estimator.history_)
            X = {split: pixels[context.rows(split)] for split in SPLITS}
            with task(f"detecting with {self.model}", sum(map(len, X.values()))) as update:
                found = found_boxes(estimator, X, context, targets, update)
        folder.write_frame(folder.boxes_path(self.id), found.assign(**self.row(context)))
        chosen = {
            **dict(self.params),
            "best_epoch": estimator.best_epoch_,
            **{name.replace(" ", "_"): count for name, count in estimator.counts_.items()},
        }
        seconds = float(estimator.history_["seconds"].sum())
        fitted = Fitted(self.model, estimator, X, seconds, chosen, self.weights_hash, calibrate=False)
        finish(self, context, fitted)
        checkpoint.unlink(missing_ok=True)

    def seconds(self, context: Context) -> float:
        """Estimate the duration from a few training steps on noise of the images' size."""
        estimator = self._estimator(context)
        boxed = set(context.regions.table["image_id"])
        counts = context.images[context.images["image_id"].isin(boxed)]["split"].value_counts()
        seen, checked = ((1 + estimator.background) * counts.get(split, 0) for split in ("train", "valid"))
        scored = len(context.rows("valid")) + len(context.rows("test"))
        passes = estimator.epochs * (seen + FORWARD_SHARE * checked) + 2 * FORWARD_SHARE * scored
        name = f"seconds per image, {self.id}"
        return passes * context.once(name, lambda: self._measured(estimator, context))

    def _measured(self, estimator: Detector, context: Context) -> float:
        import numpy as np

        height, width = estimator.image_size
        batch = estimator.batch_size
        X, y = noise(context, (height, width), 3 * batch, self.seed)
        box = np.array([[0.2 * width, 0.3 * height, 0.6 * width, 0.6 * height]])
        boxes = [box if defective else box[:0] for defective in y]
        estimator.set_params(epochs=1, weights="random")

        def fit(count: int) -> None:
            estimator.fit(X[:count], y[:count], boxes=boxes[:count], valid=(X[:2], y[:2], boxes[:2]))

        return seconds_per_item(fit, batch, 3 * batch)

    def _estimator(self, context: Context) -> Detector:
        params = {"weights": self.weights, "random_state": self.seed, "device": context.config.device}
        return detection.make_detector(self.model, **{**params, **dict(self.params)})

    def _fit(
        self,
        estimator: Detector,
        context: Context,
        pixels: np.ndarray,
        boxes: list[np.ndarray],
        classes: list[np.ndarray],
    ) -> None:
        train, valid = context.rows("train"), context.rows("valid")
        with task(self.title, estimator.epochs, "epochs") as update:

            def report(row: dict[str, float]) -> None:
                note = f"loss {row['train_loss']:.3f}, valid mAP at 0.5 {row['valid_map_50']:.3f}"
                update(row["epoch"], note)

            estimator.fit(
                pixels[train],
                context.y[train],
                boxes=[boxes[row] for row in train],
                classes=[classes[row] for row in train],
                valid=(
                    pixels[valid],
                    context.y[valid],
                    [boxes[row] for row in valid],
                    [classes[row] for row in valid],
                ),
                report=report,
            )


def detect_jobs(config: RunConfig, weights: Callable[[str], str]) -> Iterator[DetectJob]:
    """Yield the detectors of a run, each with every preprocessing.

    Parameters
    ----------
    config : RunConfig
    weights : callable
        A detector's name to where its ResNet starts.
    """
    for name in config.detectors.models:
        start = weights(name)
        for preprocess in config.preprocess:
            yield DetectJob(
                seed=config.seed,
                model=name,
                weights=start,
                weights_hash=weights_hash(start),
                preprocess=preprocess,
                params=as_params(config.detectors.params_of(name)),
            )
