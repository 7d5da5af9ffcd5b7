"""The base class of all end-to-end networks, trained by skorch."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.training import augment, tta
from classifiers.cnn.training.batches import PixelDataset, to_tensor
from classifiers.cnn.training.identity import identify, settings_of
from classifiers.cnn.training.images import check_images, check_labelled, outputs_for, resize_images
from classifiers.cnn.training.loop import VALID_BATCH, Report, train
from classifiers.cnn.training.progressive import check_takes, image_sizes
from classifiers.cnn.training.regions import RegionMasks
from classifiers.cnn.training.settings import TrainingSettings
from features.backbones.registry import Backbone
from features.backbones.weights import hash_state
from features.chunks import chunks
from features.errors import InputError
from features.extract.forward import autocast, choose_device
from features.pixels.sizes import height_and_width
from features.pixels.transforms import resize_batch


@dataclass(repr=False, eq=False, kw_only=True)
class ImageClassifier(ClassifierMixin, BaseEstimator):
    """A network trained from images to classes.

    A subclass defines the network in `build` and may set other defaults.

    Parameters
    ----------
    size : int, (int, int) or None
        Side of the square, or (height, width), that images are resized to, in pixels; None keeps their
        size.
    weights : str
        Initial weights of the body: `random`, `imagenet` or the path of a state dict. Networks without
        published weights support `random` only.
    epochs : int
        Maximum number of passes over the training rows.
    batch_size : int
        Images per step.
    learning_rate : float, optional
        Highest learning rate of the head, and of the body where `layer_decay` is 1; by default 1e-3 from
        random weights and 2e-4 from pretrained weights.
    layer_decay : float
        Factor on the learning rate for each stage further from the head (discriminative learning rates).
    weight_decay : float
        Decoupled weight decay of AdamW, or L2 penalty of SGD; biases and batch norms have none.
    optimizer : {"adamw", "sgd"}
        SGD uses Nesterov momentum of 0.9.
    warmup : float
        Share of the steps in which the learning rate rises.
    schedule : {"cosine", "constant", "exponential"}
        Whether the learning rate then falls along a cosine, stays constant, or is multiplied by `gamma`
        after each epoch.
    gamma : float
        Factor on the learning rate per epoch of the exponential schedule.
    clip : float
        Largest norm of the gradient; a longer one is shortened to it. 0 leaves gradients as they are.
    dropout : float
        Share of the units that are dropped before the last layer.
    label_smoothing : float
        Share of the target spread over all classes.
    augment : str
        Comma-separated names of `classifiers.cnn.training.augment`, or `none`.
    mixup : float
        Each image and its target are blended with another image of the batch, in a share drawn from
        Beta(mixup, mixup); 0 disables it (Zhang et al., mixup: beyond empirical risk minimization, ICLR
        2018).
    ema : float
        Decay per step of the exponential moving average of the weights, which is validated and kept
        instead of the weights; 0 disables it (Polyak and Juditsky, Acceleration of stochastic
        approximation by averaging, SIAM J. Control Optim. 30, 1992).
    attention_weight : float
        Factor of the penalty on evidence outside of the regions that `fit` receives: the share of the
        positive values of the heat map that lies outside, a mean over the defective training images of a
        batch that have a region. 0 disables it. See `classifiers.cnn.training.attention`.
    first_size : float
        Size of the training images in the first epoch, as a share of their full size. They grow to full
        size over three quarters of the epochs (progressive resizing); 1 keeps the size. Validation and
        prediction use the full size.
    sampling : str
        `all`, or a number of images per class and epoch, drawn with (`2000B`) or without (`2000S`)
        replacement.
    class_weight : {None, "balanced"}
        Weights of the classes in the loss.
    patience : int
        Stop after this many epochs without a better AUC on the valid split; 0 disables early stopping.
    stop_after : int
        Stop after this many epochs of the schedule; 0 trains for `epochs`. With `keep_best=False` it
        repeats a training on more rows for the number of epochs that was chosen on fewer rows.
    keep_best : bool
        Whether to restore the weights of the epoch with the best AUC on the valid split.
    tta : str
        Test-time augmentation: `none`, `hflip`, `flips`, `dihedral` or `tencrop`.
    validation_fraction : float
        Share of the rows that is held out for validation if `fit` receives no `valid`.
    precision : {"bfloat16", "float16", "float32"}
        Type in which the network computes; weights stay float32.
    device : str
        `auto`, `cpu`, `cuda` or `mps`.
    checkpoint : str, optional
        File of the training state. A training that was interrupted continues from its last complete epoch,
        if the data, the settings and the initial weights are the same.
    random_state : int
        Seed of initialisation, order, augmentation and dropout.

    Attributes
    ----------
    classes_ : array
        The classes, in the order of the columns of `predict_proba`.
    history_ : DataFrame
        One row per epoch: `epoch`, `train_loss`, `last_loss` (mean of the last ten batches),
        `valid_loss`, `valid_auc`, `seconds`, and with attention `outside_energy` (mean share outside).
    best_epoch_ : int
        The epoch, counted from 1, whose weights are kept.
    module_ : BodyAndHead
        The trained network.
    n_channels_ : int
        1 if the network was trained on grey images, 3 for colour images.
    """

    size: int | tuple[int, int] | None = 128
    weights: str = "random"
    epochs: int = 40
    batch_size: int = 32
    learning_rate: float | None = None
    layer_decay: float = 1.0
    weight_decay: float = 1e-2
    optimizer: str = "adamw"
    warmup: float = 0.15
    schedule: str = "cosine"
    gamma: float = 0.97
    clip: float = 0.0
    dropout: float = 0.0
    label_smoothing: float = 0.0
    augment: str = "brightness,contrast"
    mixup: float = 0.0
    ema: float = 0.0
    attention_weight: float = 0.0
    first_size: float = 1.0
    sampling: str = "all"
    class_weight: str | None = None
    patience: int = 0
    stop_after: int = 0
    keep_best: bool = True
    tta: str = "none"
    validation_fraction: float = 0.15
    precision: str = "bfloat16"
    device: str = "auto"
    checkpoint: str | None = None
    random_state: int = 0

    def build(self, n_outputs: int, channels: int) -> BodyAndHead:
        """Return the untrained network for images of 1 or 3 channels; `fit` sets the random seed before."""
        raise NotImplementedError

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        *,
        valid: tuple[np.ndarray, np.ndarray] | None = None,
        sample_weight: np.ndarray | None = None,
        regions: np.ndarray | RegionMasks | None = None,
        report: Report | None = None,
    ) -> "ImageClassifier":
        """Train the network.

        Parameters
        ----------
        X : uint8 array, shape (n, height, width) or (n, height, width, 3)
            May be memory-mapped.
        y : array, shape (n,)
            Classes.
        valid : (X, y), optional
            Rows that select the epoch; by default a stratified share `validation_fraction` of `X`.
        sample_weight : array, shape (n,), optional
            Weight of each image in the loss.
        regions : uint8 or bool array, shape (n, height, width), optional
            Where the defect of each image is, in the pixels of `X`: 255 or True in a region, 0 outside; all 0
            for an image without a region, which contributes nothing, like images of the first class.
            `RegionMasks` need no memory for those. Needed where `attention_weight` is above 0, and not used
            elsewhere.
        report : callable, optional
            Called after each epoch with its row of `history_`, `epochs` and `seconds_left`.

        Returns
        -------
        self

        Raises
        ------
        InputError
            For images or regions of another type or shape, for labels of a single class, for an unknown
            setting, and where `attention_weight` is given without regions.
        TrainingDiverged
            If the loss is not a finite number; the message names the settings to change.
        """
        X, y, encoder = check_labelled(X, y)
        self.classes_, codes = encoder.classes_, encoder.transform(y)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        weight = weight * compute_sample_weight(self.class_weight, y)
        masks = self._masks(regions, X, codes)
        if valid is None:
            rows, held = train_test_split(
                np.arange(len(X)),
                test_size=self.validation_fraction,
                stratify=codes,
                random_state=self.random_state,
            )
            X_valid, codes_valid = X[held], codes[held]
            X, codes, weight = X[rows], codes[rows], weight[rows]
            masks = None if masks is None else masks.rows(rows)
        else:
            X_valid, codes_valid = check_images(valid[0]), encoder.transform(valid[1])
        with torch.random.fork_rng():
            torch.manual_seed(self.random_state)
            self.n_channels_ = 1 if X.ndim == 3 else 3
            self.module_ = self.build(outputs_for(self.classes_), self.n_channels_)
            smallest = image_sizes(self.image_size or X.shape[1:3], self.first_size, self.epochs)[0]
            if self.first_size < 1:
                check_takes(self.module_, smallest, self.n_channels_)
            identity = ""
            if self.checkpoint is not None:
                data = [X, codes, weight, X_valid, codes_valid]
                data += [] if masks is None else [masks.place, masks.masks]
                identity = identify(settings_of(self), self.module_.state_dict(), data)
            self.device_ = choose_device(self.device)
            self.module_.to(self.device_).to(memory_format=torch.channels_last)
            X, X_valid = resize_images(X, self.image_size), resize_images(X_valid, self.image_size)
            if masks is not None:
                masks = RegionMasks(masks.place, resize_images(masks.masks, self.image_size))
            elif self.module_.frozen and not augment.parse(self.augment):
                # The body never changes, so one pass over the images serves every epoch.
                X, X_valid = self.embed(X), self.embed(X_valid)
            self.history_, self.best_epoch_ = train(
                self.training_settings(identity),
                self.module_,
                self.device_,
                PixelDataset(X, codes, weight, masks),
                PixelDataset(X_valid, codes_valid, np.ones(len(X_valid))),
                report,
            )
        self.module_.eval()
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class, float64 array of shape (n, n_classes)."""
        check_is_fitted(self, "module_")
        module, views = self.module_.eval(), tta.views(self.tta)

        def compute(images: torch.Tensor) -> torch.Tensor:
            return torch.stack([_probabilities(module(view(images))) for view in views]).mean(dim=0)

        return self._batchwise(X, compute)

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the log-odds of the second class, shape (n,), or log-probabilities (n, n_classes)."""
        logs = np.log(np.clip(self.predict_proba(X), 1e-12, None))
        return logs[:, 1] - logs[:, 0] if len(self.classes_) == 2 else logs

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each image, array of shape (n,)."""
        check_is_fitted(self, "module_")
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def embed(self, X: np.ndarray) -> np.ndarray:
        """Return the penultimate activations, float32 array of shape (n, dim)."""
        check_is_fitted(self, "module_")
        module = self.module_.eval()
        return self._batchwise(X, lambda images: module.embed(images).float())

    def as_backbone(self, name: str) -> Backbone:
        """Return the trained body as a backbone that an `Extractor` takes."""
        check_is_fitted(self, "module_")
        module = self.module_
        sha256 = hash_state(module.body.state_dict())
        return Backbone(name, "fine-tuned", sha256, module.body, module.dim, module.mean, module.std)

    @property
    def highest_rate(self) -> float:
        """Highest learning rate of the head."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 1e-3 if self.weights == "random" or self._is_frozen() else 2e-4

    @property
    def image_size(self) -> tuple[int, int] | None:
        """Height and width that images are resized to; None keeps their size."""
        return None if self.size is None else height_and_width(self.size)

    def build_untrained(self) -> BodyAndHead:
        """Return the network with random weights, for a state dict to be loaded into."""
        with torch.random.fork_rng():
            return (
                clone(self).set_params(weights="random").build(outputs_for(self.classes_), self.n_channels_)
            )

    def training_settings(self, identity: str = "") -> TrainingSettings:
        """Return the parameters that concern training, with the digest of the training."""
        shared = {field.name for field in fields(TrainingSettings)} - {"identity", "learning_rate"}
        values = {name: getattr(self, name) for name in shared}
        return TrainingSettings(**values, identity=identity, learning_rate=self.highest_rate)

    def _masks(
        self, regions: np.ndarray | RegionMasks | None, X: np.ndarray, codes: np.ndarray
    ) -> RegionMasks | None:
        """Return the regions to attend to; None where there is no attention, or no image has a region."""
        if not self.attention_weight > 0:
            return None
        if regions is None:
            raise InputError(
                f"attention_weight {self.attention_weight:g} without regions: pass fit(X, y, regions=...), "
                "or set it to 0"
            )
        masks = RegionMasks.of(regions, X.shape, codes)
        return masks if len(masks) else None

    def _is_frozen(self) -> bool:
        return bool(getattr(self, "last_layer_only", False))

    @torch.inference_mode()
    def _batchwise(self, X: np.ndarray, compute: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
        X = check_images(X)
        parts = []
        with autocast(self.device_, getattr(torch, self.precision)):
            for rows in chunks(len(X), VALID_BATCH):
                images = to_tensor(X[rows]).to(self.device_)
                if self.image_size is not None:
                    images = resize_batch(images, self.image_size)
                parts.append(compute(images).cpu().numpy())
        return np.concatenate(parts)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _probabilities(decisions: torch.Tensor) -> torch.Tensor:
    # In single precision a decision above 17 is a probability of 1, and ties with every other.
    decisions = decisions.cpu().double()
    if decisions.shape[1] == 1:
        positive = decisions.sigmoid()
        return torch.cat([1 - positive, positive], dim=1)
    return decisions.softmax(dim=1)
