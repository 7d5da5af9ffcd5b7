"""skorch's training loop with the batch work done on the device."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

import numpy as np
import skorch
import torch
from sklearn.metrics import roc_auc_score
from skorch.callbacks import Callback
from skorch.dataset import unpack_data
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from classifiers.cnn.modules import BodyAndHead
from classifiers.cnn.training.attention import Attention
from classifiers.cnn.training.augment import augment, augment_with_masks
from classifiers.cnn.training.batches import Inputs, PixelDataset
from classifiers.cnn.training.convolution import CpuConvolution
from features.errors import InputError
from features.extract.forward import autocast, exact_float32
from features.pixels.transforms import resize_batch


class TrainingDiverged(InputError):
    """The training loss is no longer a number."""


class Net(skorch.NeuralNet):
    """A `NeuralNet` that augments, normalises and computes whole batches on the device.

    Parameters
    ----------
    *args, **kwargs
        As for `skorch.NeuralNet`.
    augment_steps : list of str
        Augmentations of `classifiers.cnn.training.augment`, in training only.
    dtype : torch.dtype
        Type in which the network computes.
    make_optimizer : callable
        Module to optimizer.
    clock : list of int
        One entry, the current epoch.
    seed : int
        With the epoch, decides augmentation, mixup and dropout.
    mixup : float
        Both parameters of the Beta distribution from which the share of a blend is drawn; 0 disables it.
    ema : float
        Decay per step of the moving average of the weights that is evaluated; 0 evaluates the weights
        themselves.
    image_sizes : list of (int, int), optional
        Height and width of the training images per epoch, pixels; by default their own.
    attention : Attention, optional
        Makes the penalty on evidence outside of the regions of the defects.
    attention_weight : float
        Factor of that penalty.
    """

    def __init__(
        self,
        *args: Any,
        augment_steps: list[str] | None = None,
        dtype: torch.dtype = torch.bfloat16,
        make_optimizer: Callable[[torch.nn.Module], torch.optim.Optimizer] | None = None,
        clock: list[int] | None = None,
        seed: int = 0,
        mixup: float = 0.0,
        ema: float = 0.0,
        image_sizes: list[tuple[int, int]] | None = None,
        attention: Attention | None = None,
        attention_weight: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.augment_steps, self.dtype = augment_steps, dtype
        self.make_optimizer, self.clock, self.seed = make_optimizer, clock, seed
        self.mixup, self.ema = mixup, ema
        self.image_sizes = image_sizes
        self.attention, self.attention_weight = attention, attention_weight

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> "Net":
        """Make the optimizer of the trainable parameters, and the gradient scaler of float16."""
        assert self.make_optimizer is not None
        self.optimizer_ = self.make_optimizer(self.module_)
        # Most gradients of a trained network lie below what float16 can hold; bfloat16 needs no scaler.
        self.scaler_ = torch.amp.GradScaler(
            torch.device(self.device).type, enabled=self.dtype == torch.float16
        )
        return self

    @property
    def evaluated(self) -> BodyAndHead:
        """The network that is validated and kept: the running mean where there is one."""
        return self.module_ if self.average_ is None else cast(BodyAndHead, self.average_.module)

    def initialize_module(self) -> "Net":
        """Make the module, and the running mean of its weights."""
        super().initialize_module()
        averaging = get_ema_multi_avg_fn(self.ema) if self.ema else None
        self.average_ = (
            AveragedModel(self.module_, multi_avg_fn=averaging, use_buffers=True) if averaging else None
        )
        return self

    def train_step(self, *args: Any, **kwargs: Any) -> Any:
        """Take one optimizer step and update the running mean of the weights."""
        # The backward pass runs outside `infer`, so TF32 is switched off for the whole step.
        with exact_float32() if self.dtype == torch.float32 else nullcontext():
            step = super().train_step(*args, **kwargs)
        if self.average_ is not None:
            self.average_.update_parameters(self.module_)
        return step

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Compute the loss and the gradients of one batch; those of float16 are scaled.

        References
        ----------
        Micikevicius et al., Mixed precision training, ICLR 2018 (loss scaling).
        """
        if not self.scaler_.is_enabled():
            return super().train_step_single(batch, **fit_params)
        self._set_training(True)
        inputs, targets = unpack_data(batch)
        decisions = self.infer(inputs, **fit_params)
        loss = self.get_loss(decisions, targets, X=inputs, training=True)
        self.scaler_.scale(loss).backward()
        return {"loss": loss, "y_pred": decisions}

    def _step_optimizer(self, step_fn: Callable[[], torch.Tensor]) -> None:
        """Take the step; the scaler undoes its scale and skips a step whose gradients overflowed."""
        if not self.scaler_.is_enabled():
            super()._step_optimizer(step_fn)
            return
        step_fn()
        self.scaler_.step(self.optimizer_)
        self.scaler_.update()

    def infer(self, x: Inputs, **fit_params: Any) -> torch.Tensor:
        """Compute decisions (n, n_outputs) of a uint8 batch on the CPU."""
        device = torch.device(self.device)
        if isinstance(x, dict):
            return self._infer_watched(x["images"].to(device), x["regions"].to(device))
        x = x.to(device, non_blocking=True)
        if self.module_.training and self.image_sizes is not None:
            x = resize_batch(x, self.image_sizes[len(self.history) - 1])
        if x.ndim == 4 and self.module_.training and self.augment_steps:
            x = augment(x, self.augment_steps, self._generator)
        if self.module_.training and self.mixup:
            x = self._mix(x)
        module = self.module_ if self.module_.training else self.evaluated
        return self._pass(module.train(self.module_.training), x)

    def _pass(self, module: BodyAndHead, x: torch.Tensor) -> torch.Tensor:
        """Pass a batch on the device through a network."""
        fast = CpuConvolution() if self.module_.training and self.dtype == torch.bfloat16 else nullcontext()
        with autocast(x.device, self.dtype), fast:
            return module(x).float()

    def _infer_watched(self, x: torch.Tensor, regions: torch.Tensor) -> torch.Tensor:
        """Compute decisions of a training batch; its regions move with the images."""
        assert self.attention is not None
        if self.image_sizes is not None:
            size = self.image_sizes[len(self.history) - 1]
            x, regions = resize_batch(x, size), resize_batch(regions, size)
        if self.augment_steps:
            x, regions = augment_with_masks(x, regions, self.augment_steps, self._generator)
        self._masks = regions.float() / 255
        with self.attention.watch(self.module_):
            return self._pass(self.module_, x)

    def get_loss(
        self, y_pred: torch.Tensor, y_true: torch.Tensor, X: Any = None, training: bool = False
    ) -> torch.Tensor:
        """Weighted mean of the criterion; `y_true` holds class code and sample weight."""
        y_true = y_true.to(y_pred.device)
        if not training:
            return self._mean_loss(y_pred, y_true)
        loss = self._training_loss(y_pred, y_true)
        if isinstance(X, dict):
            assert self.attention is not None
            outside = self.attention.penalty(y_pred, y_true[:, 0], y_true[:, 1], self._masks)
            loss = loss + self.attention_weight * outside
        halfway = self.module_.take_auxiliary()
        if halfway is None:
            return loss
        return loss + self.module_.auxiliary * self._training_loss(halfway, y_true)

    def _training_loss(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        own = self._mean_loss(y_pred, y_true)
        if not self.mixup:
            return own
        share, partners = self._mixed
        return share * own + (1 - share) * self._mean_loss(y_pred, y_true[partners])

    def _mean_loss(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        loss = self.criterion_(y_pred, y_true[:, 0])
        return (loss * y_true[:, 1]).sum() / y_true[:, 1].sum().clamp_min(1e-12)

    def _mix(self, x: torch.Tensor) -> torch.Tensor:
        """Blend each input of the batch with another one, all in the same share."""
        share = float(self._rng.beta(self.mixup, self.mixup))
        partners = torch.from_numpy(self._rng.permutation(len(x))).to(x.device)
        self._mixed = share, partners
        x = x.float()
        return share * x + (1 - share) * x[partners]

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Start the epoch's random numbers from the seed and the epoch alone."""
        super().on_epoch_begin(net, **kwargs)
        epoch = len(self.history) - 1
        assert self.clock is not None
        self.clock[0] = epoch
        torch.manual_seed(self.seed * 100_003 + epoch)
        self._generator = torch.Generator().manual_seed(self.seed * 100_003 + epoch)
        self._rng = np.random.default_rng([self.seed, epoch])


class TargetLoss(torch.nn.Module):
    """Cross-entropy per image, binary (one output) or categorical, with label smoothing."""

    def __init__(self, label_smoothing: float = 0.0):
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, decisions: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the loss of each image, shape (n,)."""
        if decisions.shape[1] == 1:
            targets = codes * (1 - self.label_smoothing) + self.label_smoothing / 2
            return functional.binary_cross_entropy_with_logits(decisions[:, 0], targets, reduction="none")
        return functional.cross_entropy(
            decisions, codes.long(), reduction="none", label_smoothing=self.label_smoothing
        )


class ClipGradient(Callback):
    """Shorten gradients to a largest norm; 0 leaves them as they are."""

    def __init__(self, norm: float):
        self.norm = norm

    def on_grad_computed(self, net: Net, **kwargs: Any) -> None:
        """Clip the gradient of the coming step, without the scale of float16."""
        if self.norm > 0:
            net.scaler_.unscale_(net.optimizer_)
            torch.nn.utils.clip_grad_norm_(net.module_.parameters(), self.norm)


class RateSchedule(Callback):
    """Learning rates that rise for a share of the steps, then follow a schedule.

    A function of the step alone, so a resumed training goes on where it was.

    Parameters
    ----------
    epochs, batches : int
        Epochs of the schedule, and steps of an epoch.
    warmup : float
        Share of the steps in which the rates rise.
    schedule : {"cosine", "constant", "exponential"}
        Whether they then fall to zero along a cosine, stay, or are multiplied by `gamma` after each epoch.
    gamma : float
    """

    def __init__(
        self, epochs: int, batches: int, warmup: float, schedule: str = "cosine", gamma: float = 0.97
    ):
        self.steps, self.batches, self.warmup = epochs * batches, batches, warmup
        self.epochs, self.schedule, self.gamma = epochs, schedule, gamma

    def on_train_begin(self, net: Net, **kwargs: Any) -> None:
        """Remember each parameter group's own rate."""
        for group in net.optimizer_.param_groups:
            group.setdefault("initial_lr", group["lr"])

    def on_epoch_begin(self, net: Net, **kwargs: Any) -> None:
        """Set the step count to the start of this epoch."""
        self.step = (len(net.history) - 1) * self.batches

    def on_batch_begin(self, net: Net, training: bool = False, **kwargs: Any) -> None:
        """Set the rates of the coming step."""
        if training:
            for group in net.optimizer_.param_groups:
                group["lr"] = group["initial_lr"] * self.factor(self.step / self.steps)
            self.step += 1

    def factor(self, done: float) -> float:
        """Return the factor on the learning rate after a share `done` of the training."""
        if done < self.warmup:
            return 0.02 + 0.98 * done / self.warmup
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "exponential":
            # Half a step more, so that rounding does not put the first step of an epoch into the one before.
            return float(self.gamma ** int(done * self.epochs + 0.5 / self.batches))
        rest = (done - self.warmup) / (1 - self.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(rest, 1.0)))


class ValidScores(Callback):
    """Record the valid split's AUC each epoch, from the decisions that the loss was made of."""

    def on_epoch_begin(self, net: Net, **kwargs: Any) -> None:
        """Clear the decisions of the last epoch."""
        self.decisions: list[np.ndarray] = []

    def on_batch_end(self, net: Net, training: bool = False, **kwargs: Any) -> None:
        """Keep the decisions of a valid batch; stop when a training loss is not a number."""
        if not training:
            self.decisions.append(kwargs["y_pred"].detach().cpu().numpy())
        elif not torch.isfinite(kwargs["loss"]):
            rate = max(group["initial_lr"] for group in net.optimizer_.param_groups)
            raise TrainingDiverged(
                f"training loss became {kwargs['loss'].item()} in epoch {len(net.history)}: lower the "
                f"learning rate (now {rate:g}) or compute with precision float32"
            )

    def on_epoch_end(self, net: Net, dataset_valid: PixelDataset, **kwargs: Any) -> None:
        """Record `valid_auc`, and the mean training loss of the last ten batches."""
        codes = dataset_valid.targets[:, 0].numpy().astype(int)
        net.history.record("valid_auc", auc(np.concatenate(self.decisions), codes))
        losses = [batch["train_loss"] for batch in net.history[-1]["batches"] if "train_loss" in batch]
        net.history.record("last_loss", float(np.mean(losses[-10:])))


def auc(decisions: np.ndarray, codes: np.ndarray) -> float:
    """Area under the ROC curve, one-versus-rest mean for more than two classes; NaN for one class."""
    if len(np.unique(codes)) < 2:
        return float("nan")
    if decisions.shape[1] == 1:
        return float(roc_auc_score(codes, decisions[:, 0]))
    present = np.unique(codes)
    return float(np.mean([roc_auc_score(codes == code, decisions[:, code]) for code in present]))
