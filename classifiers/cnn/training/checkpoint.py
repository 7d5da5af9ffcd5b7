"""The best epoch, early stopping, and training that can be resumed."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback

from classifiers.cnn.modules import BodyAndHead
from features.files import atomic_path


class StopTraining(Exception):
    """Raised at the end of the last epoch."""


class BestEpoch(Callback):
    """Keep the weights of the epoch with the best valid AUC, of equal ones that with the lowest loss.

    Parameters
    ----------
    patience : int
        Number of epochs without improvement after which training stops; 0 disables early stopping.
    keep_best : bool
        Whether `restore` returns to the best epoch or stays at the last.
    """

    def __init__(self, patience: int, keep_best: bool):
        self.patience, self.keep_best = patience, keep_best
        self.epoch, self.last = 0, 0
        self.score = (-float("inf"), -float("inf"))
        self.weights: dict[str, torch.Tensor] = {}

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare the epoch with the best so far."""
        self.last = len(net.history)
        auc, loss = net.history[-1, "valid_auc"], net.history[-1, "valid_loss"]
        # An AUC that cannot rise any more, or that one class does not have, leaves it to the loss.
        score = (0.0 if math.isnan(auc) else float(auc), -float(loss))
        better = score > self.score
        if better:
            self.score, self.epoch = score, self.last
        if better or not self.keep_best:
            self.weights = {
                name: tensor.detach().cpu().clone() for name, tensor in net.evaluated.changing_state().items()
            }

    @property
    def exhausted(self) -> bool:
        """Whether the patience is used up."""
        return 0 < self.patience <= self.last - self.epoch

    def restore(self, module: BodyAndHead) -> int:
        """Load the kept weights and return their epoch, counted from 1."""
        module.load_changing_state(self.weights)
        return self.epoch if self.keep_best else self.last


class Checkpoint(Callback):
    """Save the whole state of the training after each epoch, and stop it when `best` says so.

    Parameters
    ----------
    path : str, optional
        File of the state; None saves nothing.
    best : BestEpoch
    identity : str
        Digest of the training. `resume` ignores a file with another one.
    """

    def __init__(self, path: str | None, best: BestEpoch, identity: str):
        self.path, self.best, self.identity = path, best, identity

    def resume(self, net: Any) -> int:
        """Load the state if it belongs to this training; return the number of finished epochs."""
        if self.path is None or not Path(self.path).is_file():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        if state["identity"] != self.identity:
            return 0
        net.module_.load_changing_state(state["module"])
        net.optimizer_.load_state_dict(state["optimizer"])
        # Checkpoints written before float16 had a scaler hold no state of one.
        if state.get("scaler"):
            net.scaler_.load_state_dict(state["scaler"])
        if net.average_ is not None:
            net.average_.load_state_dict(state["average"])
        for row in state["history"]:
            net.history.new_epoch()
            for name, value in row.items():
                net.history.record(name, value)
        best = self.best
        best.weights, best.epoch = state["weights"], state["best_epoch"]
        best.score = tuple(state["best_score"])
        best.last = len(net.history)
        return len(net.history)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Save, then stop when the patience is used up."""
        if self.path is not None:
            # Plain numbers only: NumPy's would not pass a weights-only load.
            rows = [
                {name: np.asarray(value).item() for name, value in row.items() if name != "batches"}
                for row in net.history
            ]
            state = {
                "identity": self.identity,
                "module": net.module_.changing_state(),
                "optimizer": net.optimizer_.state_dict(),
                "scaler": net.scaler_.state_dict(),
                "average": net.average_.state_dict() if net.average_ is not None else {},
                "history": rows,
                "weights": self.best.weights,
                "best_epoch": self.best.epoch,
                "best_score": list(self.best.score),
            }
            with atomic_path(self.path) as temporary:
                torch.save(state, temporary)
        if self.best.exhausted:
            raise StopTraining
