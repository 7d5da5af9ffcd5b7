"""One training of one network: optimizer, schedule, callbacks, resume."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from skorch.callbacks import Callback
from skorch.helper import predefined_split

from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.training import augment
from classifiers.cnn.training.batches import BatchIterator, EpochOrder, PixelDataset
from classifiers.cnn.training.checkpoint import BestEpoch, Checkpoint, StopTraining
from classifiers.cnn.training.net import Net, TargetLoss, ValidScores, WarmupCosine
from features.errors import InputError

if TYPE_CHECKING:
    from classifiers.cnn.image_classifier import ImageClassifier

Report = Callable[[dict[str, float]], None]

VALID_BATCH = 64
_HISTORY = {
    "epoch": "epoch",
    "train_loss": "train_loss",
    "last_loss": "last_loss",
    "valid_loss": "valid_loss",
    "valid_auc": "valid_auc",
    "dur": "seconds",
}


def train(
    settings: "ImageClassifier",
    module: BodyAndHead,
    device: torch.device,
    data: PixelDataset,
    valid: PixelDataset,
    report: Report | None = None,
) -> tuple[pd.DataFrame, int]:
    """Train `module` in place.

    Parameters
    ----------
    settings : ImageClassifier
        Its constructor parameters say how.
    module : BodyAndHead
        On `device`; holds the chosen epoch's weights afterwards.
    device : device
    data, valid : PixelDataset
        Rows to learn from, and rows that choose the epoch.
    report : callable, optional
        Called after each epoch.

    Returns
    -------
    history : DataFrame
        One row an epoch.
    best_epoch : int
        The epoch, from 1, whose weights are kept.
    """
    codes = data.targets[:, 0].numpy().astype(int)
    order = EpochOrder(codes, settings.sampling, settings.random_state)
    best = BestEpoch(settings.patience, settings.keep_best)
    checkpoint = Checkpoint(settings.checkpoint, best, _identity(settings, data))
    batches = -(-len(order) // settings.batch_size)
    clock = [0]
    net = Net(
        module,
        criterion=TargetLoss,
        criterion__label_smoothing=settings.label_smoothing,
        make_optimizer=lambda _: make_optimizer(settings, module),
        batch_size=settings.batch_size,
        iterator_train=BatchIterator,
        iterator_train__order=order,
        iterator_train__clock=clock,
        iterator_valid=BatchIterator,
        iterator_valid__batch_size=VALID_BATCH,
        train_split=predefined_split(valid),
        callbacks=[
            WarmupCosine(settings.epochs, batches, settings.warmup, _is_constant(settings.schedule)),
            ValidScores(),
            _Reporter(report, settings.stop_after or settings.epochs),
            best,
            checkpoint,
        ],
        device=str(device),
        augment_steps=augment.parse(settings.augment),
        dtype=getattr(torch, settings.precision),
        clock=clock,
        seed=settings.random_state,
        mixup=settings.mixup,
        ema=settings.ema,
        verbose=0,
    )
    net.initialize()
    # A module handed over as an instance is taken as it is, so `module` is what gets trained.
    assert net.module_ is module
    done = checkpoint.resume(net)
    epochs = min(settings.epochs, settings.stop_after or settings.epochs)
    if done < epochs and not best.exhausted:
        net.notify("on_train_begin", X=data, y=None)
        try:
            # Not partial_fit: it would take a Ctrl-C for the end of the training.
            net.fit_loop(data, epochs=epochs - done)
        except StopTraining:
            pass
        net.notify("on_train_end", X=data, y=None)
    rows = [{new: row[old] for old, new in _HISTORY.items()} for row in net.history]
    return pd.DataFrame(rows), best.restore(module)


def make_optimizer(settings: "ImageClassifier", module: BodyAndHead) -> torch.optim.Optimizer:
    """Make the optimizer of the parameters that are trained, with a rate for each stage."""
    stages = [module.head, *reversed(list(module.body.children()))]
    groups: list[dict[str, Any]] = []
    for depth, stage in enumerate(stages):
        trained = [p for p in stage.parameters() if p.requires_grad]
        rate = settings.highest_rate * settings.layer_decay**depth
        for params, decay in (
            ([p for p in trained if p.ndim > 1], settings.weight_decay),
            ([p for p in trained if p.ndim <= 1], 0.0),
        ):
            if params:
                groups.append({"params": params, "lr": rate, "weight_decay": decay})
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=settings.highest_rate, fused=True)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.highest_rate, momentum=0.9, nesterov=True)
    raise InputError(f"optimizer {settings.optimizer!r}: choose adamw or sgd")


def _is_constant(schedule: str) -> bool:
    if schedule not in ("cosine", "constant"):
        raise InputError(f"schedule {schedule!r}: choose cosine or constant")
    return schedule == "constant"


class _Reporter(Callback):
    """Tell the caller of each epoch, with the time that is left."""

    def __init__(self, report: Report | None, epochs: int):
        self.report, self.epochs = report, epochs

    def on_train_begin(self, net: Net, **kwargs: Any) -> None:
        self.started, self.first = time.perf_counter(), len(net.history)

    def on_epoch_end(self, net: Net, **kwargs: Any) -> None:
        if self.report is None:
            return
        done = len(net.history)
        each = (time.perf_counter() - self.started) / (done - self.first)
        row = net.history[-1]
        self.report(
            {
                **{new: row[old] for old, new in _HISTORY.items() if old in row},
                "epochs": self.epochs,
                "seconds_left": each * (self.epochs - done),
            }
        )


def _identity(settings: "ImageClassifier", data: PixelDataset) -> dict[str, Any]:
    """Say what must be equal for a checkpoint to be of this very training."""
    params = {k: v for k, v in settings.get_params().items() if k not in ("checkpoint", "device")}
    sample = np.ascontiguousarray(data.inputs[:: max(1, len(data) // 64)])
    return {
        "class": type(settings).__name__,
        "params": repr(sorted(params.items())),
        "rows": len(data),
        "checksum": float(sample.astype(np.float64).sum()),
    }
