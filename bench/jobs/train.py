"""The job kind `train`: one network, end to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import classifiers
from bench.console import task
from bench.engine.context import Context
from bench.engine.estimate import noise, seconds_per_item
from bench.engine.events import event_log
from bench.engine.job import Job
from bench.jobs.search_cell import SearchCellJob
from bench.jobs.words import by_content, network_title, row_of, weights_name
from classifiers.cnn.darts.genotype import read_genotype
from features.errors import InputError
from features.files import write_text
from results.feature_set import END_TO_END, IMAGENET, FeatureSet
from results.predictions import SPLITS

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from bench.engine.cost import Footprint

#: Duration of a forward pass as a share of a training step.
FORWARD_SHARE = 0.35


@dataclass(frozen=True, kw_only=True)
class TrainJob(Job):
    """Train one network end to end and score the valid and test images.

    Parameters
    ----------
    model : str
        Name in the registry of classifiers.
    weights : str
        Where the network starts: `imagenet`, `random` or a file.
    weights_hash : str
        Hash of the file, so that another file under the same name is another job.
    preprocess, sampling : str
    params : tuple of (str, value)
        Parameters that differ from the network's defaults.
    train_fraction : float, optional
        Share of train and valid that the network learns from; 1: both, after the epoch is chosen.
    variant : str
        Words that distinguish it from other rows of the same network in a table.
    cell : str
        DARTS networks: name of the cell in tables; empty for the cell that the network has by default.
    search : SearchCellJob, optional
        DARTS networks: the search that the cell comes from.
    """

    model: str
    weights: str
    preprocess: str = "none"
    sampling: str = "all"
    params: tuple[tuple[str, Any], ...] = ()
    train_fraction: float | None = None
    variant: str = ""
    weights_hash: str = ""
    cell: str = ""
    search: SearchCellJob | None = None

    def identity(self) -> dict[str, Any]:
        """Return what the id depends on; a network without a cell has the id that it had before cells."""
        values = by_content(super().identity())
        return {name: value for name, value in values.items() if name not in ("cell", "search") or value}

    @property
    def title(self) -> str:
        """Network, variant and starting weights."""
        what = network_title(self.model, self.cell) + (f", {self.variant}," if self.variant else "")
        return f"train {what} from {weights_name(self.weights)} weights"

    @property
    def slug(self) -> str:
        """Network, starting weights, cell and variant."""
        return "-".join(filter(None, [self.model, weights_name(self.weights), self.cell, self.variant]))

    def row(self, context: Context) -> dict[str, Any]:
        """Return the key columns of the network's leaderboard row."""
        title = network_title(self.model, self.cell)
        model = f"{title}, {self.variant}" if self.variant else title
        features = FeatureSet(END_TO_END, weights_name(self.weights), self.preprocess)
        return row_of(model, features, self.sampling, context.config)

    @property
    def attends(self) -> bool:
        """Whether the network learns from the boxes and masks of the training images."""
        return bool(dict(self.params).get("attention_weight"))

    def check(self, context: Context) -> None:
        """Raise `NotRunnable` when the train split does not hold both classes, or no region for attention."""
        context.check_labels()
        if self.attends:
            context.check_regions()

    def run(self, context: Context) -> None:
        """Train the network, then save it, its history and its predictions."""
        from bench.engine.pixels import network_size, run_pixels

        estimator = self.estimator(context)
        title = f"reading images for {self.model}"
        size = network_size(estimator, context)
        with run_pixels(context, self.id, size, preprocess=self.preprocess, title=title) as pixels:
            self._train(estimator, context, pixels)

    def seconds(self, context: Context) -> float:
        """Estimate the duration from a few training steps on noise of the images' size."""
        from bench.engine.pixels import network_size
        from classifiers.cnn.training.progressive import relative_cost
        from classifiers.cnn.training.tta import views

        estimator = self.estimator(context)
        train, valid = len(training_rows(self, context)), len(context.rows("valid"))
        scored = (valid + len(context.rows("test"))) * len(views(estimator.tta))
        epochs = estimator.stop_after or estimator.epochs
        fits = 2 if self.train_fraction == 1 else 1
        trained = train * relative_cost(network_size(estimator, context), estimator.first_size, epochs)
        passes = epochs * (trained + FORWARD_SHARE * valid) * fits + FORWARD_SHARE * scored
        if getattr(estimator, "last_layer_only", False) and estimator.augment == "none" and not self.attends:
            # The frozen body embeds every image once.
            passes = train + valid + FORWARD_SHARE * scored
        return self.seconds_per_image(context) * passes

    def seconds_per_image(self, context: Context) -> float:
        """Return the seconds of one training step per image, measured once per run."""
        return context.once(f"seconds per image, {self.id}", lambda: self._measured(context))

    def footprint(self, context: Context) -> Footprint:
        """Return the parameters and the memory of the training; see `training_footprint`."""
        from bench.engine.cost import training_footprint
        from bench.engine.pixels import network_size

        estimator = self.estimator(context).set_params(weights="random")
        module = estimator.build(1, context.channels)
        height, width = network_size(estimator, context)
        shape = (context.channels, height, width)
        return training_footprint(module, shape, estimator.batch_size, len(context.images))

    def _measured(self, context: Context) -> float:
        from bench.engine.pixels import network_size

        estimator = self.estimator(context)
        batch = estimator.batch_size
        X, y = noise(context, network_size(estimator, context), 3 * batch, self.seed)
        regions = np.full(X.shape[:3], 255, np.uint8)
        estimator.set_params(epochs=1, first_size=1.0, stop_after=0, checkpoint=None, sampling="all")

        def fit(count: int) -> None:
            estimator.fit(X[:count], y[:count], valid=(X[:2], y[:2]), regions=regions[:count])

        return seconds_per_item(fit, batch, 3 * batch)

    def _train(self, estimator: BaseEstimator, context: Context, pixels: np.ndarray) -> None:
        from sklearn.base import clone

        from bench.engine.finish import Fitted, finish

        train, valid = training_rows(self, context), context.rows("valid")
        self.fit(estimator, context, pixels, train)
        context.folder.write_frame(context.folder.history_path(self.id), estimator.history_)
        seconds = float(estimator.history_["seconds"].sum())
        chosen = {**dict(self.params), "best_epoch": estimator.best_epoch_}
        if "genotype" in estimator.get_params():
            genotype = read_genotype(estimator.genotype)
            write_text(context.folder.genotype_path(self.id), genotype.to_json() + "\n")
            chosen |= {"genotype": genotype.name, "cell": self.cell or IMAGENET}
        held_out = None
        checkpoints = [context.folder.checkpoint_path(self.id)]
        if self.train_fraction == 1:
            # The new network has learnt the valid split, so its scores there could choose no threshold.
            held_out = estimator
            checkpoints.append(checkpoints[0].with_suffix(".both.pt"))
            estimator = clone(held_out).set_params(
                stop_after=held_out.best_epoch_, keep_best=False, checkpoint=str(checkpoints[1])
            )
            self.fit(estimator, context, pixels, np.concatenate([train, valid]))
            seconds += float(estimator.history_["seconds"].sum())
        X = {split: pixels[context.rows(split)] for split in SPLITS}
        finish(
            self,
            context,
            Fitted(self.model, estimator, X, seconds, chosen, self.weights_hash, held_out=held_out),
        )
        for path in checkpoints:
            path.unlink(missing_ok=True)

    def estimator(self, context: Context) -> BaseEstimator:
        """Return the untrained network; it checkpoints under the id of this job."""
        balanced = self.sampling == "balanced"
        params = {
            **dict(self.params),
            "weights": self.weights,
            "random_state": self.seed,
            "sampling": "all" if balanced else self.sampling,
            "class_weight": "balanced" if balanced else None,
        }
        if self.search is not None and (path := context.folder.genotype_path(self.search.id)).is_file():
            # The text, so that the saved network does not depend on where the run's folder lies.
            params["genotype"] = read_genotype(path).to_json()
        checkpoint = str(context.folder.checkpoint_path(self.id))
        return classifiers.make_classifier(
            self.model, **params, device=context.config.device, checkpoint=checkpoint
        )

    def fit(
        self,
        estimator: BaseEstimator,
        context: Context,
        pixels: np.ndarray,
        rows: np.ndarray,
        valid: np.ndarray | None = None,
        title: str | None = None,
    ) -> None:
        """Train the network and show its progress.

        Parameters
        ----------
        estimator : estimator
            As `estimator` returns it.
        context : Context
        pixels : uint8 array, shape (n_images, height, width[, 3])
        rows : ndarray of int
            Positions of the images that it learns from; a position may occur several times.
        valid : ndarray of int, optional
            Positions of the images that select the epoch; by default the valid split.
        title : str, optional
            What the progress line shows; by default the title of this job.
        """
        from bench.engine.pixels import training_masks

        weight = context.sample_weight
        size = (pixels.shape[1], pixels.shape[2])
        masks = training_masks(context, rows, size, self.preprocess) if self.attends else None
        valid = context.rows("valid") if valid is None else valid
        epochs = estimator.stop_after or estimator.epochs
        log = context.folder.path / "tensorboard" / self.id if context.config.cnn.tensorboard else None
        with task(title or self.title, epochs, "epochs") as update, event_log(log) as write:

            def report(row: dict[str, float]) -> None:
                update(row["epoch"], f"loss {row['train_loss']:.3f}, valid AUC {row['valid_auc']:.3f}")
                write(row)

            estimator.fit(
                pixels[rows],
                context.y[rows],
                valid=(pixels[valid], context.y[valid]),
                sample_weight=None if weight is None else weight[rows],
                regions=masks,
                report=report,
            )


def training_rows(job: TrainJob, context: Context) -> np.ndarray:
    """Return the positions of the images that a network learns from.

    Raises
    ------
    InputError
        When the train split has fewer images than `train_fraction` asks for.
    """
    train, valid = context.rows("train"), context.rows("valid")
    if job.train_fraction in (None, 1):
        return train
    share = len(train) / (len(train) + len(valid))
    wanted = round(float(str(job.train_fraction)) * (len(train) + len(valid)))
    if wanted > len(train):
        raise InputError(
            f"train_fraction {job.train_fraction}: the train split holds {share:.2f} of train and valid "
            "together; give less, or 1 for both"
        )
    if wanted == len(train):
        return train
    from sklearn.model_selection import train_test_split

    kept, _ = train_test_split(train, train_size=wanted, stratify=context.y[train], random_state=job.seed)
    return np.sort(kept)
