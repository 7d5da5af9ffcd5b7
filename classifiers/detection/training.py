"""One training of one detector: order, optimizer, selection of the epoch, resume."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from classifiers.cnn.training.batches import to_tensor
from classifiers.cnn.training.convolution import CpuConvolution
from classifiers.cnn.training.identity import identify, settings_of
from classifiers.cnn.training.net import TrainingDiverged
from classifiers.detection.augment import augment
from classifiers.detection.precision import average_precision
from classifiers.detection.targets import Targets
from features.chunks import chunks
from features.extract.forward import exact_float32
from features.files import atomic_path
from features.pixels.transforms import normalise

Report = Callable[[dict[str, float]], None]
_VALID_BATCH = 32


class Detector(Protocol):
    """What a training takes of a `classifiers.detection.detector.Detector`."""

    epochs: int
    background: float
    rare: float
    batch_size: int
    weight_decay: float
    warmup: float
    clip: float
    flips: bool
    patience: int
    precision: str
    checkpoint: str | None
    random_state: int
    label_offset: int
    box_classes_: np.ndarray
    device_: torch.device
    module_: Any

    @property
    def highest_rate(self) -> float:
        """Highest learning rate."""

    def get_params(self) -> dict[str, Any]:
        """Return the parameters."""

    def outputs(self, X: np.ndarray) -> list[Any]:
        """Return boxes, scores and labels of images of the size that the network takes."""


@dataclass(frozen=True, eq=False)
class DetectionData:
    """Images of the size that the network takes, and their boxes.

    Parameters
    ----------
    images : uint8 array, shape (n, height, width[, 3])
    targets : Targets
    """

    images: np.ndarray
    targets: Targets

    def epoch(self, background: float, seed: int, epoch: int, rare: float = 0.0) -> np.ndarray:
        """Return the rows of an epoch, shuffled: every image with a box, and some good ones drawn anew.

        Parameters
        ----------
        background : float
            Good images per image with a box.
        seed, epoch : int
            Decide the draw.
        rare : float
            Images of a class with a smaller share of the images with a box occur several times.
        """
        rng = np.random.default_rng([seed, epoch])
        boxed, good = np.flatnonzero(self.targets.boxed), np.flatnonzero(self.targets.good)
        factors = repeat_factors([self.targets.classes[row] for row in boxed], rare)
        # One offset for all images: the number of rows of two epochs differs by one at most.
        ends = np.floor(np.concatenate([[0.0], np.cumsum(factors)]) + rng.random())
        repeated = np.repeat(boxed, np.diff(ends).astype(int))
        wanted = min(len(good), round(background * len(repeated)))
        return rng.permutation(np.concatenate([repeated, rng.choice(good, wanted, replace=False)]))


def repeat_factors(classes: Sequence[np.ndarray], rare: float) -> np.ndarray:
    """Return how often an epoch should contain each image with a box.

    Parameters
    ----------
    classes : sequence of str arrays
        Classes of the boxes of each image.
    rare : float
        Share of the images below which a class counts as rare; 0: no class is.

    Returns
    -------
    float array, shape (len(classes),)
        The square root of `rare` divided by the share of the image's rarest class, and at least 1.

    References
    ----------
    Gupta, Dollar, Girshick, LVIS: a dataset for large vocabulary instance segmentation, CVPR 2019
    (repeat factor sampling).

    Examples
    --------
    >>> repeat_factors([np.array(["a"])] * 7 + [np.array(["b"])], 0.5).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]
    """
    own = [sorted(set(names.tolist())) for names in classes]
    counts = Counter(name for names in own for name in names)
    fewest = np.array([min(counts[name] for name in names) for names in own], float)
    return np.maximum(1.0, np.sqrt(rare * len(own) / fewest))


@dataclass
class _State:
    """What an epoch leaves to the next one."""

    history: list[dict[str, float]] = field(default_factory=list)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    best: float = 0.0

    def exhausted(self, patience: int) -> bool:
        return 0 < patience <= len(self.history) - self.best_epoch


def train(
    detector: Detector, data: DetectionData, valid: DetectionData, report: Report | None = None
) -> tuple[list[dict[str, float]], int]:
    """Train `detector.module_` in place.

    Parameters
    ----------
    detector : Detector
        Its network is built and lies on its device. Afterwards it holds the weights of the chosen epoch.
    data, valid : DetectionData
        Training images, and the images that select the epoch.
    report : callable, optional
        Called after each epoch.

    Returns
    -------
    history : list of dict
        One row per epoch.
    best_epoch : int
        The epoch, counted from 1, whose weights are kept.

    Raises
    ------
    TrainingDiverged
        When the loss is not a finite number.
    """
    module, epochs = detector.module_, detector.epochs
    # Good images beyond a few per defect hardly move the selection, and cost most of its time.
    chosen = np.sort(valid.epoch(detector.background, detector.random_state, 0))
    first = data.epoch(detector.background, detector.random_state, 1, detector.rare)
    steps = math.ceil(len(first) / detector.batch_size)
    optimizer = _optimizer(detector)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _rate(step / max(epochs * steps, 1), detector.warmup)
    )
    identity = "" if detector.checkpoint is None else _identity(detector, data, valid)
    state = _resume(detector, identity, optimizer, schedule)
    while len(state.history) < epochs and not state.exhausted(detector.patience):
        started = time.perf_counter()
        epoch = len(state.history) + 1
        loss = _epoch(detector, data, optimizer, schedule, epoch)
        precision, auc = _validate(detector, valid, chosen)
        seconds = time.perf_counter() - started
        row = {"epoch": epoch, "train_loss": loss, "valid_map_50": precision, "valid_auc": auc}
        state.history.append({**row, "seconds": seconds})
        # Until a box of the valid split is found, nothing tells the epochs apart: the last one is kept.
        if state.best == 0 or precision > state.best:
            state.best, state.best_epoch = max(0.0, float(np.nan_to_num(precision))), epoch
            state.weights = {name: value.cpu().clone() for name, value in module.state_dict().items()}
        _save(detector, state, identity, optimizer, schedule)
        if report is not None:
            report(state.history[-1])
    module.load_state_dict(state.weights)
    return state.history, state.best_epoch


def _epoch(detector: Detector, data: DetectionData, optimizer: Any, schedule: Any, epoch: int) -> float:
    """Train on the images of one epoch; return the mean loss."""
    module = detector.module_.train()
    # A seed for each epoch, so that a training that goes on draws what an uninterrupted one does.
    torch.manual_seed(detector.random_state * 10_007 + epoch)
    generator = torch.Generator().manual_seed(detector.random_state * 10_007 + epoch)
    rows = data.epoch(detector.background, detector.random_state, epoch, detector.rare)
    losses = []
    for batch in np.split(rows, range(detector.batch_size, len(rows), detector.batch_size)):
        # Batch norm cannot be trained on a single image.
        if len(batch) < 2 <= len(rows):
            continue
        inputs = _batch(detector, data, batch, generator)
        with CpuConvolution():
            loss = sum(module(*inputs).values())
        if not torch.isfinite(loss):
            raise TrainingDiverged(
                f"epoch {epoch}: the loss is {loss.item()}; give a lower learning_rate (now "
                f"{detector.highest_rate:g}), or precision = float32"
            )
        optimizer.zero_grad(set_to_none=True)
        # The backward pass runs outside of the forward's context.
        with exact_float32() if detector.precision == "float32" else nullcontext():
            loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), detector.clip)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def _batch(
    detector: Detector, data: DetectionData, rows: np.ndarray, generator: torch.Generator
) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]]]:
    """Return the augmented, normalised images of a batch, and their boxes as torchvision takes them."""
    known = {name: code for code, name in enumerate(detector.box_classes_.tolist())}
    boxes = [torch.from_numpy(data.targets.boxes[row]) for row in rows]
    codes = [
        torch.tensor([known[name] for name in data.targets.classes[row]], dtype=torch.int64) for row in rows
    ]
    images, boxes, kept = augment(to_tensor(data.images[rows]), boxes, generator, flips=detector.flips)
    device, module = detector.device_, detector.module_
    targets = [
        {"boxes": own.to(device), "labels": (code[stays] + detector.label_offset).to(device)}
        for own, code, stays in zip(boxes, codes, kept, strict=True)
    ]
    return normalise(images.to(device), module.mean, module.std), targets


def _validate(detector: Detector, valid: DetectionData, rows: np.ndarray) -> tuple[float, float]:
    """Return the mean average precision of some valid images, and the ROC AUC of their image scores."""
    found = []
    for part in chunks(len(rows), _VALID_BATCH):
        found += detector.outputs(valid.images[rows[part]])
    truth = [(valid.targets.boxes[row], valid.targets.classes[row]) for row in rows]
    boxed = valid.targets.boxed[rows]
    auc = math.nan
    if 0 < boxed.sum() < len(boxed):
        scores = [float(each.scores.max()) if len(each.scores) else 0.0 for each in found]
        auc = float(roc_auc_score(boxed, scores))
    if not boxed.any():
        return math.nan, auc
    detected = [
        (
            each.boxes.cpu().numpy(),
            each.scores.cpu().numpy(),
            detector.box_classes_[each.labels.cpu().numpy() - detector.label_offset],
        )
        for each in found
    ]
    return average_precision(detected, truth), auc


def _optimizer(detector: Detector) -> torch.optim.Optimizer:
    trained = [p for p in detector.module_.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": detector.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=detector.highest_rate, fused=True)


def _rate(progress: float, warmup: float) -> float:
    if progress < warmup:
        return max(progress / warmup, 1e-3)
    return 0.5 * (1 + math.cos(math.pi * min((progress - warmup) / max(1 - warmup, 1e-9), 1.0)))


def _identity(detector: Detector, data: DetectionData, valid: DetectionData) -> str:
    """Return the digest of everything that a training depends on, but for the device."""
    params = {**settings_of(detector), "classes": detector.box_classes_.tolist()}
    arrays: list[np.ndarray] = []
    for each in (data, valid):
        names = np.array(["\t".join(own) for own in each.targets.classes])
        params[f"classes {len(arrays)}"] = names.tolist()
        arrays += [each.images, np.concatenate(each.targets.boxes), each.targets.boxed, each.targets.good]
    return identify(params, detector.module_.state_dict(), tuple(arrays))


def _resume(detector: Detector, identity: str, optimizer: Any, schedule: Any) -> _State:
    """Return the state of an interrupted training of the same identity, a new one where there is none."""
    if detector.checkpoint is None or not Path(detector.checkpoint).is_file():
        return _State()
    saved = torch.load(detector.checkpoint, map_location="cpu", weights_only=True)
    if saved["identity"] != identity:
        return _State()
    detector.module_.load_state_dict(saved["module"])
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    return _State(saved["history"], saved["weights"], saved["best_epoch"], saved["best"])


def _save(detector: Detector, state: _State, identity: str, optimizer: Any, schedule: Any) -> None:
    if detector.checkpoint is None:
        return
    # The lambda of the schedule cannot be loaded safely, and is made anew.
    steps = {k: v for k, v in schedule.state_dict().items() if k != "lr_lambdas"}
    saved = {
        "identity": identity,
        "module": detector.module_.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": {**steps, "lr_lambdas": [None] * len(optimizer.param_groups)},
        "history": state.history,
        "weights": state.weights,
        "best_epoch": state.best_epoch,
        "best": state.best,
    }
    with atomic_path(detector.checkpoint) as temporary:
        torch.save(saved, temporary)
