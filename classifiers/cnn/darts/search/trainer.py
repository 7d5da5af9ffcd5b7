"""One search step: the architecture learns from one half of the images, the weights from the other."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from classifiers.cnn.darts.search.bilevel import Tensors, first_order, gradients, second_order
from classifiers.cnn.darts.search.supernet import Supernet
from classifiers.cnn.training.convolution import CpuConvolution
from classifiers.cnn.training.net import TargetLoss
from features.extract.forward import autocast, exact_float32
from features.pixels.transforms import normalise

Pair = tuple[torch.Tensor, torch.Tensor]
MOMENTUM, CLIP = 0.9, 5.0


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How the supernet and its architecture learn; the meaning is that in `DartsSearch`."""

    second_order: bool
    learning_rate: float
    weight_decay: float
    alpha_learning_rate: float
    alpha_weight_decay: float
    dtype: torch.dtype
    channels_last: bool = True


class SearchTrainer:
    """A supernet with a linear head and the optimizers of its weights and of its architecture.

    Parameters
    ----------
    supernet : Supernet
    n_outputs : int
        1 for two classes, else the number of classes.
    settings : SearchSettings
    device : device
    """

    def __init__(self, supernet: Supernet, n_outputs: int, settings: SearchSettings, device: torch.device):
        self.settings, self.device = settings, device
        self.network = nn.ModuleDict({"body": supernet, "head": nn.Linear(supernet.dim, n_outputs)})
        self.format = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.network.to(device).to(memory_format=self.format)
        self.architecture = supernet.architecture
        self.alphas = list(self.architecture.parameters())
        own = {id(alpha) for alpha in self.alphas}
        self.weights = [p for p in self.network.parameters() if id(p) not in own]
        self.criterion = TargetLoss()
        self.alpha_optimizer = torch.optim.Adam(
            self.alphas,
            lr=settings.alpha_learning_rate,
            betas=(0.5, 0.999),
            weight_decay=settings.alpha_weight_decay,
        )
        self.weight_optimizer = torch.optim.SGD(
            self.weights, lr=settings.learning_rate, momentum=MOMENTUM, weight_decay=settings.weight_decay
        )

    def step(self, train: Pair, valid: Pair, *, rate: float, decay: float) -> Pair:
        """Update the architecture, then the weights.

        Parameters
        ----------
        train, valid : (images, codes)
            Images of 0 to 255, (n, channels, height, width), of the first and of the second half, and
            their float32 class codes, all on the device.
        rate : float
            Learning rate of the weights.
        decay : float
            Factor of the beta-decay loss.

        Returns
        -------
        train_loss, valid_loss : tensors of one value
            Losses before each update, the second without the beta-decay.
        """
        for group in self.weight_optimizer.param_groups:
            group["lr"] = rate
        with exact_float32() if self.settings.dtype == torch.float32 else nullcontext():
            valid_loss = self._architecture_step(train, valid, rate, decay)
            loss = self.loss(train)
            for weight, part in zip(self.weights, gradients(loss, self.weights), strict=True):
                weight.grad = part
        nn.utils.clip_grad_norm_(self.weights, CLIP)
        self.weight_optimizer.step()
        return loss.detach(), valid_loss

    def loss(self, batch: Pair, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the mean loss of a batch, computed in `dtype`, by default that of the settings."""
        images, codes = batch
        body, head = self.network["body"], self.network["head"]
        grey = images.shape[1]
        images = normalise(images, (0.5,) * grey, (0.25,) * grey)
        dtype = dtype or self.settings.dtype
        with autocast(self.device, dtype), CpuConvolution() if dtype == torch.bfloat16 else nullcontext():
            embedding = body(images.contiguous(memory_format=self.format))
        return self.criterion(head(embedding.float()), codes).mean()

    def _architecture_step(self, train: Pair, valid: Pair, rate: float, decay: float) -> torch.Tensor:
        regular = decay * self.architecture.decay()
        if self.settings.second_order:
            with exact_float32():
                loss, parts = second_order(
                    lambda: self.loss(train, torch.float32),
                    lambda: self.loss(valid, torch.float32),
                    self.weights,
                    self.alphas,
                    rate=rate,
                    velocity=self._velocity(),
                    momentum=MOMENTUM,
                    decay=self.settings.weight_decay,
                )
        else:
            loss, parts = first_order(lambda: self.loss(valid), self.alphas)
        # The decay has no part of the weights, so its gradient is added to that of either order.
        for alpha, part, more in zip(self.alphas, parts, gradients(regular, self.alphas), strict=True):
            alpha.grad = part + more
        self.alpha_optimizer.step()
        return loss

    def _velocity(self) -> Tensors | None:
        state = self.weight_optimizer.state
        return [state[weight]["momentum_buffer"] for weight in self.weights] if state else None

    def state(self) -> dict[str, Any]:
        """Return all that a step changes."""
        return {
            "network": self.network.state_dict(),
            "weight_optimizer": self.weight_optimizer.state_dict(),
            "alpha_optimizer": self.alpha_optimizer.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Load what `state` returned."""
        self.network.load_state_dict(state["network"])
        self.weight_optimizer.load_state_dict(state["weight_optimizer"])
        self.alpha_optimizer.load_state_dict(state["alpha_optimizer"])
