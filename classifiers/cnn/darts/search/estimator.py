"""The search as an estimator: images and classes in, a genotype out."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from classifiers.cnn.darts.genotype import Genotype, read_genotype
from classifiers.cnn.darts.search.architecture import KINDS, skips
from classifiers.cnn.darts.search.halves import batches, halve
from classifiers.cnn.darts.search.supernet import Supernet
from classifiers.cnn.darts.search.trainer import Pair, SearchSettings, SearchTrainer
from classifiers.cnn.training import augment
from classifiers.cnn.training.batches import to_tensor
from classifiers.cnn.training.identity import identify, settings_of
from classifiers.cnn.training.images import check_labelled, outputs_for, resize_images
from classifiers.cnn.training.loop import Report
from classifiers.cnn.training.net import TrainingDiverged
from features.errors import InputError
from features.extract.forward import choose_device
from features.files import atomic_path
from features.pixels.sizes import height_and_width

ORDERS = ("first", "second")
PRECISIONS = ("auto", "bfloat16", "float32")
#: Highest factor of the beta-decay loss, as published.
BETA_DECAY = 50.0


@dataclass(repr=False, eq=False, kw_only=True)
class DartsSearch(BaseEstimator):
    """Differentiable search for the cells of a network.

    All candidate operations take part in one network, weighted by the softmax of the architecture
    parameters alpha. The images are divided into two stratified halves. The weights of the network learn
    from the first half, alpha from the second. At the end each node keeps its two strongest edges.

    Parameters
    ----------
    channels : int
        Channels of each node of the first cells.
    layers : int
        Number of cells, at least 3; two of them are reduction cells.
    epochs : int
        Maximum number of passes over the first half.
    batch_size : int
        Images of each half per step.
    image_size : int, (int, int) or None
        Side of the square, or (height, width), that images are resized to, in pixels; None keeps their
        size.
    order : {"first", "second"}
        Whether alpha learns with the present weights, or with those after one more step. The second
        order takes about four times as long and computes the gradient of alpha in float32.
    beta_decay : bool or float
        Factor of the beta-decay loss in the last epoch, to which it rises linearly from 0. It keeps the
        search from collapsing into skip connections. True gives 50, False or 0 disables it.
    partial_channels : int
        The operations see one channel in so many, which cuts the memory about as much; 1 gives them all,
        4 is the published share. Above 1, edges have a learned strength each.
    max_skips : int or None
        Stop when a cell holds more skip connections than this; the genotype of the epoch before is kept.
        None disables it.
    stem : {"imagenet", "cifar"}
        Whether the stem reduces the image to an eighth of its side.
    augment : str
        Comma-separated names of `classifiers.cnn.training.augment`, or `none`; for both halves.
    learning_rate, min_learning_rate : float
        Learning rate of the weights, which falls from one to the other along a cosine over the epochs.
    weight_decay : float
        L2 penalty of the weights.
    alpha_learning_rate, alpha_weight_decay : float
        Learning rate and L2 penalty of alpha.
    precision : {"auto", "bfloat16", "float32"}
        Type in which the network computes; weights and alpha stay float32. `auto` takes bfloat16 on a GPU
        and float32 elsewhere, where the small convolutions of a search are faster so.
    channels_last : bool
        Whether the channels of a pixel are neighbours in memory.
    device : str
        `auto`, `cpu`, `cuda` or `mps`.
    checkpoint : str, optional
        File of the state of the search. A search that was interrupted continues from its last complete
        epoch, if the data and the settings are the same.
    seed : int
        Seed of the halves, the initialisation, the order and the augmentation.

    Attributes
    ----------
    genotype_ : Genotype
        The cells found.
    history_ : list of dict
        One row per epoch: `epoch`, `train_loss` (first half), `valid_loss` (second half, without
        beta-decay), `entropy_normal`, `entropy_reduce` (mean entropy of alpha per edge, nats),
        `skips_normal`, `skips_reduce` (skip connections of the cell derived after the epoch), `seconds`.
    classes_ : array
        The classes.
    stopped_ : bool
        Whether `max_skips` ended the search.

    References
    ----------
    Liu, Simonyan and Yang, DARTS: differentiable architecture search, ICLR 2019. Ye et al., beta-DARTS:
    beta-decay regularization for differentiable architecture search, CVPR 2022. Liang et al., DARTS+:
    improved differentiable architecture search with early stopping, 2019. Xu et al., PC-DARTS: partial
    channel connections for memory-efficient architecture search, ICLR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).integers(0, 256, (8, 16, 16), dtype=np.uint8)
    >>> search = DartsSearch(channels=2, layers=3, epochs=1, batch_size=4, image_size=16, device="cpu")
    >>> search.fit(X, np.arange(8) % 2).genotype_.name
    'searched'
    """

    channels: int = 16
    layers: int = 8
    epochs: int = 50
    batch_size: int = 64
    image_size: int | tuple[int, int] | None = 128
    order: str = "first"
    beta_decay: bool | float = True
    partial_channels: int = 1
    max_skips: int | None = 3
    stem: str = "imagenet"
    augment: str = "brightness,contrast"
    learning_rate: float = 0.025
    min_learning_rate: float = 0.001
    weight_decay: float = 3e-4
    alpha_learning_rate: float = 3e-4
    alpha_weight_decay: float = 1e-3
    precision: str = "auto"
    channels_last: bool = True
    device: str = "auto"
    checkpoint: str | None = None
    seed: int = 0

    def fit(self, X: np.ndarray, y: np.ndarray, *, report: Report | None = None) -> "DartsSearch":
        """Search on training images.

        Parameters
        ----------
        X : uint8 array, shape (n, height, width) or (n, height, width, 3)
            May be memory-mapped.
        y : array, shape (n,)
            Classes.
        report : callable, optional
            Called after each epoch with its row of `history_`, `epochs` and `seconds_left`.

        Returns
        -------
        self

        Raises
        ------
        InputError
            For images of another type or shape, a class with fewer than two images, and an unknown
            setting.
        TrainingDiverged
            If a loss is not a finite number; the message names the settings to change.
        """
        self._check()
        X, y, encoder = check_labelled(X, y)
        self.classes_, codes = encoder.classes_, encoder.transform(y)
        halves = halve(codes, self.classes_, self.seed)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            trainer = self.make_trainer(1 if X.ndim == 3 else 3, outputs_for(self.classes_))
        identity = ""
        if self.checkpoint is not None:
            identity = identify(settings_of(self), trainer.network.state_dict(), (X, codes))
        size = self.image_size
        X = resize_images(X, None if size is None else height_and_width(size))
        run = _Run(trainer, Path(self.checkpoint) if self.checkpoint else None, identity)
        run.resume()
        started, first = time.perf_counter(), len(run.history)
        for epoch in range(first, self.epochs):
            if run.stopped:
                break
            row = self._epoch(trainer, X, codes, halves, epoch)
            run.end_epoch(row, self.max_skips)
            if report is not None:
                each = (time.perf_counter() - started) / (epoch + 1 - first)
                left = 0.0 if run.stopped else each * (self.epochs - epoch - 1)
                report({**row, "epochs": self.epochs, "seconds_left": left})
        self.genotype_, self.history_, self.stopped_ = run.genotype, run.history, run.stopped
        return self

    def make_trainer(self, channels: int, n_outputs: int) -> SearchTrainer:
        """Return the supernet for images of 1 or 3 channels with its optimizers, from torch's seed."""
        supernet = Supernet(
            channels=self.channels,
            layers=self.layers,
            stem=self.stem,
            in_channels=channels,
            partial_channels=self.partial_channels,
        )
        device = choose_device(self.device)
        automatic = "bfloat16" if device.type == "cuda" else "float32"
        settings = SearchSettings(
            second_order=self.order == "second",
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            alpha_learning_rate=self.alpha_learning_rate,
            alpha_weight_decay=self.alpha_weight_decay,
            dtype=getattr(torch, automatic if self.precision == "auto" else self.precision),
            channels_last=self.channels_last,
        )
        return SearchTrainer(supernet, n_outputs, settings, device)

    def decay_factor(self, epoch: int) -> float:
        """Return the factor of the beta-decay loss in an epoch, counted from 0."""
        highest = BETA_DECAY if self.beta_decay is True else float(self.beta_decay)
        return highest * epoch / max(self.epochs - 1, 1)

    def rate(self, epoch: int) -> float:
        """Return the learning rate of the weights in an epoch, counted from 0."""
        falling = 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
        return self.min_learning_rate + (self.learning_rate - self.min_learning_rate) * falling

    def _epoch(
        self,
        trainer: SearchTrainer,
        X: np.ndarray,
        codes: np.ndarray,
        halves: tuple[np.ndarray, np.ndarray],
        epoch: int,
    ) -> dict[str, float]:
        started = time.perf_counter()
        generator = torch.Generator().manual_seed(self.seed * 100_003 + epoch)
        steps = augment.parse(self.augment)

        def load(rows: np.ndarray) -> Pair:
            images = to_tensor(X[rows]).to(trainer.device, non_blocking=True)
            targets = torch.from_numpy(codes[rows]).float().to(trainer.device)
            return augment.augment(images, steps, generator), targets

        losses, count = torch.zeros(2, device=trainer.device), 0
        for first, second in batches(*halves, self.batch_size, self.seed, epoch):
            found = trainer.step(
                load(first), load(second), rate=self.rate(epoch), decay=self.decay_factor(epoch)
            )
            losses += len(first) * torch.stack(found)
            count += len(first)
        train_loss, valid_loss = (losses / count).tolist()
        if not math.isfinite(train_loss) or not math.isfinite(valid_loss):
            raise TrainingDiverged(
                f"loss became {train_loss} in epoch {epoch + 1} of the search: lower the learning rate "
                f"(now {self.learning_rate:g}) or compute with precision float32"
            )
        architecture = trainer.architecture
        cells = dict(zip(KINDS, _cells(architecture.genotype()), strict=True))
        return {
            "epoch": epoch + 1,
            "train_loss": train_loss,
            "valid_loss": valid_loss,
            "entropy_normal": architecture.entropy("normal"),
            "entropy_reduce": architecture.entropy("reduction"),
            "skips_normal": skips(cells["normal"]),
            "skips_reduce": skips(cells["reduction"]),
            "seconds": time.perf_counter() - started,
        }

    def _check(self) -> None:
        for name, choices in (("order", ORDERS), ("precision", PRECISIONS)):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"{name} {getattr(self, name)!r}: choose {', '.join(choices[:-1])} or {choices[-1]}"
                )
        for name, least in (("layers", 3), ("epochs", 1), ("batch_size", 2), ("max_skips", 0)):
            value = getattr(self, name)
            if not (value is None and name == "max_skips") and value < least:
                raise InputError(f"{name} {value}: a search needs at least {least}")
        if self.beta_decay < 0:
            raise InputError(f"beta_decay {self.beta_decay}: give 0 or more")


class _Run:
    """What a search has found so far, and the file in which it survives."""

    def __init__(self, trainer: SearchTrainer, path: Path | None, identity: str):
        self.trainer, self.path, self.identity = trainer, path, identity
        self.history: list[dict[str, float]] = []
        self.genotype: Genotype = trainer.architecture.genotype()
        self.within, self.stopped = False, False

    def end_epoch(self, row: dict[str, float], max_skips: int | None) -> None:
        """Add the row of an epoch, choose between its genotype and the one before, and save.

        A start beyond the bound is chance, not collapse, so the search goes on until it was within once.
        """
        self.history.append(row)
        beyond = max_skips is not None and max(row["skips_normal"], row["skips_reduce"]) > max_skips
        self.stopped = beyond and self.within
        if not self.stopped:
            self.genotype = self.trainer.architecture.genotype()
            self.within = not beyond
        if self.path is None:
            return
        state = {
            "identity": self.identity, "history": self.history, "genotype": self.genotype.to_json(),
            "within": self.within, "stopped": self.stopped, **self.trainer.state(),
        }  # fmt: skip
        with atomic_path(self.path) as temporary:
            torch.save(state, temporary)

    def resume(self) -> None:
        """Load the file if it belongs to this search."""
        if self.path is None or not self.path.is_file():
            return
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        if state["identity"] != self.identity:
            return
        self.history, self.genotype = state["history"], read_genotype(state["genotype"])
        self.within, self.stopped = state["within"], state["stopped"]
        self.trainer.load_state(state)


def _cells(genotype: Genotype) -> tuple[Any, Any]:
    return genotype.normal, genotype.reduction
