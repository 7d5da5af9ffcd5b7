"""The base class of all detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d
from torch import nn

from classifiers.cnn.training.batches import to_tensor
from classifiers.cnn.training.images import check_images, resize_images
from classifiers.detection.modules import DetectorModule, Pyramid
from classifiers.detection.targets import Targets, make_targets
from classifiers.detection.training import DetectionData, Report, train
from features.backbones.registry import load_backbone
from features.chunks import chunks
from features.errors import InputError, NotRunnable
from features.extract.forward import choose_device
from features.pixels.sizes import height_and_width
from features.pixels.transforms import normalise

#: Most proposals per image that are kept.
PROPOSALS = 300
_BATCH = 32

#: Boxes (k, 4) of each image, and the class of each box.
Boxes = Sequence[np.ndarray]
Valid = tuple[np.ndarray, np.ndarray, Boxes] | tuple[np.ndarray, np.ndarray, Boxes, Boxes | None]


class Output(NamedTuple):
    """What a network finds in one image: tensors in pixels of its input, best box first."""

    boxes: torch.Tensor
    scores: torch.Tensor
    labels: torch.Tensor
    proposals: torch.Tensor


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector finds in one image, best first.

    Parameters
    ----------
    boxes : float32 array, shape (k, 4)
        x1, y1, x2, y2 in pixels of the image; x2 and y2 are edges, not included.
    scores : float32 array, shape (k,)
        From 0 to 1.
    labels : str array, shape (k,)
        Class of the defect.
    proposals : float32 array, shape (l, 4)
        Where the network looked for defects, of whatever class.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    proposals: np.ndarray

    @property
    def score(self) -> float:
        """The highest score of a box, 0 without a box."""
        return float(self.scores.max(initial=0.0))


@dataclass(repr=False, eq=False, kw_only=True)
class Detector(ClassifierMixin, BaseEstimator):
    """A network trained from boxes; as a classifier, it scores an image by its best box.

    A subclass defines the network in `build_body` and what it finds in `collect`.

    Parameters
    ----------
    architecture : str
        The ResNet below the feature pyramid: `resnet18`, `resnet34` or `resnet50`.
    size : int or (int, int)
        Side of the square, or (height, width), that images are resized to, in pixels.
    weights : str
        Initial weights of the ResNet: `random`, `imagenet` or the path of a state dict.
    train_norms : bool, optional
        Whether the batch norms of the ResNet are trained; by default where its weights are random. Frozen
        statistics of random weights would be those of nothing.
    channels : int
        Channels of the feature pyramid.
    epochs : int
        Maximum number of epochs. An epoch sees each image with a box, and some good ones.
    background : float
        Good images per image with a box and epoch, drawn anew for each epoch.
    rare : float
        Images of a class that has a smaller share of the images with a box occur several times per epoch, see
        `classifiers.detection.training.repeat_factors`; 0: each occurs once.
    batch_size : int
        Images per step.
    learning_rate : float, optional
        Highest learning rate of AdamW; by default 1e-3 from random weights and 2e-4 from pretrained ones.
    weight_decay : float
        Decoupled weight decay; biases and batch norms have none.
    warmup : float
        Share of the steps in which the learning rate rises; then it falls along a cosine.
    clip : float
        Largest norm of the gradient.
    flips : bool
        Whether training images are mirrored in both directions, besides being moved, scaled and recoloured.
    patience : int
        Stop after this many epochs without a better mean average precision on the valid split; 0 disables
        early stopping.
    score_threshold : float
        Boxes with a lower score are left out.
    max_boxes : int
        Most boxes per image.
    validation_fraction : float
        Share of the rows that is held out for validation if `fit` receives no `valid`.
    precision : {"bfloat16", "float32"}
        Type in which convolutions and dense layers are computed; boxes are float32.
    device : str
        `auto`, `cpu`, `cuda` or `mps`.
    checkpoint : str, optional
        File of the training state. A training that was interrupted continues from its last complete epoch,
        if the data, the settings and the initial weights are the same.
    random_state : int
        Seed of initialisation, order, augmentation and the sampling of proposals.

    Attributes
    ----------
    classes_ : int array
        0 (good) and 1 (defective).
    box_classes_ : str array
        The classes of boxes.
    counts_ : dict of str to int
        How many training images and boxes were of which kind, those left out among them.
    history_ : DataFrame
        One row per epoch: `epoch`, `train_loss`, `valid_map_50`, `valid_auc`, `seconds`.
    best_epoch_ : int
        The epoch, counted from 1, whose weights are kept: the one with the best `valid_map_50`, the last one
        where no box of the valid split is ever found.
    module_ : DetectorModule
        The trained network.
    n_channels_ : int
        1 if the network was trained on grey images, 3 for colour images.
    """

    architecture: str = "resnet18"
    size: int | tuple[int, int] = 160
    weights: str = "random"
    train_norms: bool | None = None
    channels: int = 128
    epochs: int = 30
    background: float = 0.5
    rare: float = 0.2
    batch_size: int = 8
    learning_rate: float | None = None
    weight_decay: float = 0.05
    warmup: float = 0.1
    clip: float = 5.0
    flips: bool = True
    patience: int = 0
    score_threshold: float = 0.001
    max_boxes: int = 20
    validation_fraction: float = 0.15
    precision: str = "bfloat16"
    device: str = "auto"
    checkpoint: str | None = None
    random_state: int = 0

    #: The first stage of the ResNet that the pyramid takes, and the label of the first class of boxes.
    first_stage = 1
    label_offset = 0

    def build_body(self, pyramid: nn.Module, n_classes: int, size: tuple[int, int]) -> nn.Module:
        """Return the untrained network of torchvision for images of one size."""
        raise NotImplementedError

    def collect(self, body: nn.Module, images: torch.Tensor) -> list[Output]:
        """Return what the network, in evaluation mode, finds in normalised images."""
        raise NotImplementedError

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        *,
        boxes: Boxes | None = None,
        classes: Boxes | None = None,
        valid: Valid | None = None,
        report: Report | None = None,
    ) -> Detector:
        """Train the network.

        Parameters
        ----------
        X : uint8 array, shape (n, height, width) or (n, height, width, 3)
            May be memory-mapped.
        y : array, shape (n,)
            1 for a defective image, 0 for a good one. Good images are background. A defective image without
            a usable box is left out: nothing says where its defect is.
        boxes : sequence of n float arrays, shape (k, 4)
            x1, y1, x2, y2 in pixels of `X`; x2 and y2 are edges, not included. An empty array for none.
        classes : sequence of n str arrays, shape (k,), optional
            Class of each box; by default all are of one class.
        valid : (X, y, boxes) or (X, y, boxes, classes), optional
            Images that select the epoch; by default a stratified share `validation_fraction` of `X`.
        report : callable, optional
            Called after each epoch with its row of `history_`.

        Returns
        -------
        self

        Raises
        ------
        NotRunnable
            When no training image has a usable box.
        InputError
            For images, labels or boxes of another form.
        """
        X, y = check_images(X), _binary(y)
        check_consistent_length(X, y)
        targets = make_targets(y, boxes, classes, X.shape[1:3], self.image_size)
        self.counts_ = targets.counts
        if not targets.boxed.any():
            raise NotRunnable(
                f"no usable box in {len(X)} training images: a detector learns from boxes; give boxes, or "
                "choose a dataset with boxes or masks"
            )
        rows = np.arange(len(X))
        if valid is None:
            strata = targets.boxed if min(np.bincount(targets.boxed, minlength=2)) > 1 else None
            rows, held = train_test_split(
                rows, test_size=self.validation_fraction, stratify=strata, random_state=self.random_state
            )
            X_valid, targets_valid = X[held], _part(targets, held)
        else:
            X_valid, y_valid = check_images(valid[0]), _binary(valid[1])
            named = valid[3] if len(valid) > 3 else None
            targets_valid = make_targets(y_valid, valid[2], named, X_valid.shape[1:3], self.image_size)
        kept = rows[(targets.boxed | targets.good)[rows]]
        data = _part(targets, kept)
        self.classes_ = np.array([0, 1])
        self.box_classes_ = np.unique(np.concatenate(data.classes))
        self.n_channels_ = 1 if X.ndim == 3 else 3
        self.device_ = choose_device(self.device)
        with torch.random.fork_rng():
            torch.manual_seed(self.random_state)
            self.module_ = self.build().to(self.device_)
            history, self.best_epoch_ = train(
                self,
                DetectionData(resize_images(X[kept], self.image_size), data),
                DetectionData(resize_images(X_valid, self.image_size), targets_valid),
                report,
            )
        self.history_ = pd.DataFrame(history)
        self.module_.eval()
        return self

    def detect(self, X: np.ndarray) -> list[Detections]:
        """Return the boxes, scores, labels and proposals of each image."""
        check_is_fitted(self, "module_")
        X = check_images(X)
        height, width = self.image_size
        scale = np.array([X.shape[2] / width, X.shape[1] / height] * 2, np.float32)
        found = []
        for rows in chunks(len(X), _BATCH):
            for output in self.outputs(resize_images(X[rows], self.image_size)):
                boxes, scores, labels, proposals = (each.cpu().numpy() for each in output)
                names = self.box_classes_[labels - self.label_offset]
                found.append(Detections(boxes * scale, scores, names, proposals * scale))
        return found

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the highest score of a box in each image, float64 array of shape (n,); 0 without a box."""
        return np.array([each.score for each in self.detect(X)], float)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return 1 for each image with a box whose score is at least 0.5, else 0."""
        return self.classes_[(self.decision_function(X) >= 0.5).astype(int)]

    def build(self) -> DetectorModule:
        """Return the untrained network; `fit` sets the random seed before."""
        backbone = load_backbone(self.architecture, self.weights, seed=self.random_state)
        norms = self.weights == "random" if self.train_norms is None else self.train_norms
        pyramid = Pyramid(backbone, self.first_stage, self.channels, norms)
        body = self.build_body(pyramid, len(self.box_classes_), self.image_size)
        return DetectorModule(body, backbone.mean, backbone.std)

    def build_untrained(self) -> DetectorModule:
        """Return the network with random weights, for a state dict to be loaded into."""
        with torch.random.fork_rng():
            plain = clone(self).set_params(weights="random", train_norms=True)
            plain.box_classes_ = self.box_classes_
            return plain.build()

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width that images are resized to."""
        return height_and_width(self.size)

    @property
    def highest_rate(self) -> float:
        """Highest learning rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 1e-3 if self.weights == "random" else 2e-4

    @torch.inference_mode()
    def outputs(self, X: np.ndarray) -> list[Output]:
        """Return what the network finds in images of the size that it takes."""
        module = self.module_.eval()
        images = normalise(to_tensor(X).to(self.device_), module.mean, module.std)
        return self.collect(module.body, images)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _binary(y: np.ndarray) -> np.ndarray:
    y = column_or_1d(y)
    if not np.isin(y, (0, 1)).all():
        raise InputError("labels of a detector are 0 (good) and 1 (defective): the boxes have the classes")
    return y.astype(int)


def _part(targets: Targets, rows: np.ndarray) -> Targets:
    """Return the targets of some images, with the counts of all of them."""
    return Targets(
        [targets.boxes[row] for row in rows],
        [targets.classes[row] for row in rows],
        targets.boxed[rows],
        targets.good[rows],
        targets.counts,
    )
