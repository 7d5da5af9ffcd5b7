"""One training of one network: optimizer, schedule, callbacks, resume."""

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from skorch.callbacks import Callback
from skorch.helper import predefined_split

from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.training import augment
from classifiers.cnn.training.attention import Attention
from classifiers.cnn.training.batches import BatchIterator, EpochOrder, PixelDataset
from classifiers.cnn.training.checkpoint import BestEpoch, Checkpoint, StopTraining
from classifiers.cnn.training.net import ClipGradient, Net, RateSchedule, TargetLoss, ValidScores
from classifiers.cnn.training.progressive import image_sizes
from classifiers.cnn.training.settings import TrainingSettings

Report = Callable[[dict[str, float]], None]

VALID_BATCH = 64
_HISTORY = {
    "epoch": "epoch",
    "train_loss": "train_loss",
    "last_loss": "last_loss",
    "valid_loss": "valid_loss",
    "valid_auc": "valid_auc",
    "dur": "seconds",
    "outside_energy": "outside_energy",
}


def train(
    settings: TrainingSettings,
    module: BodyAndHead,
    device: torch.device,
    data: PixelDataset,
    valid: PixelDataset,
    report: Report | None = None,
) -> tuple[pd.DataFrame, int]:
    """Train `module` in place.

    Parameters
    ----------
    settings : TrainingSettings
        How to train.
    module : BodyAndHead
        Network on `device`. Afterwards it holds the weights of the chosen epoch.
    device : device
        Where the network computes.
    data, valid : PixelDataset
        Training rows, with regions where attention to them is to be learnt, and the rows that select the
        epoch.
    report : callable, optional
        Called after each epoch.

    Returns
    -------
    history : DataFrame
        One row per epoch.
    best_epoch : int
        The epoch, counted from 1, whose weights are kept.
    """
    codes = data.targets[:, 0].numpy().astype(int)
    order = EpochOrder(codes, settings.sampling, settings.random_state)
    best = BestEpoch(settings.patience, settings.keep_best)
    checkpoint = Checkpoint(settings.checkpoint, best, settings.identity)
    batches = -(-len(order) // settings.batch_size)
    clock = [0]
    attention = Attention(module, data.inputs) if data.regions is not None else None
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
            RateSchedule(settings.epochs, batches, settings.warmup, settings.schedule, settings.gamma),
            ClipGradient(settings.clip),
            ValidScores(),
            *([] if attention is None else [attention]),
            _Reporter(report, settings.last_epoch),
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
        image_sizes=_image_sizes(settings, data),
        attention=attention,
        attention_weight=settings.attention_weight,
        verbose=0,
    )
    net.initialize()
    # A module handed over as an instance is taken as it is, so `module` is what gets trained.
    assert net.module_ is module
    done = checkpoint.resume(net)
    if done < settings.last_epoch and not best.exhausted:
        net.notify("on_train_begin", X=data, y=None)
        try:
            # Not partial_fit: it would take a Ctrl-C for the end of the training.
            net.fit_loop(data, epochs=settings.last_epoch - done)
        except StopTraining:
            pass
        net.notify("on_train_end", X=data, y=None)
    rows = [{new: row[old] for old, new in _HISTORY.items() if old in row} for row in net.history]
    return pd.DataFrame(rows), best.restore(module)


def make_optimizer(settings: TrainingSettings, module: BodyAndHead) -> torch.optim.Optimizer:
    """Make the optimizer of the trainable parameters, with one learning rate per stage."""
    stages = [module.head, *reversed(list(module.body.children()))]
    groups: list[dict[str, Any]] = []
    for depth, stage in enumerate(stages):
        trained = [p for p in stage.parameters() if p.requires_grad]
        rate = settings.learning_rate * settings.layer_decay**depth
        for params, decay in (
            ([p for p in trained if p.ndim > 1], settings.weight_decay),
            ([p for p in trained if p.ndim <= 1], 0.0),
        ):
            if params:
                groups.append({"params": params, "lr": rate, "weight_decay": decay})
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
    return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)


def _image_sizes(settings: TrainingSettings, data: PixelDataset) -> list[tuple[int, int]] | None:
    # Embeddings of a frozen body have no size.
    if data.inputs.ndim == 2:
        return None
    height, width = data.inputs.shape[1:3]
    return image_sizes((height, width), settings.first_size, settings.epochs)


class _Reporter(Callback):
    """Report each epoch to the caller, with the time left."""

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
