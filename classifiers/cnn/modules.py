"""A network of two parts: a body that computes embeddings and a head that classifies them."""

from typing import Any

import torch
from torch import nn

from features.pixels.transforms import IMAGENET_MEAN, IMAGENET_STD, normalise


class BodyAndHead(nn.Module):
    """Pixels from 0 to 255 in, one decision value (two classes) or one value per class out.

    Parameters
    ----------
    body : Module
        Normalised images (n, channels, height, width) to embeddings (n, dim).
    head : Module
        Embeddings to decisions (n, n_outputs).
    dim : int
        Length of an embedding.
    mean, std : tuple of floats
        Normalisation; as many channels as the body takes.
    frozen : bool
        Whether the body keeps its weights and its batch-norm statistics.
    auxiliary : float
        Weight in the training loss of the decisions that the body makes halfway; see `take_auxiliary`.
    """

    def __init__(
        self,
        body: nn.Module,
        head: nn.Module,
        dim: int,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        frozen: bool = False,
        auxiliary: float = 0.0,
    ):
        super().__init__()
        self.body, self.head, self.dim = body, head, dim
        self.mean, self.std, self.frozen = mean, std, frozen
        self.auxiliary = auxiliary
        if frozen:
            self.body.requires_grad_(False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return decisions for images (four dimensions) or for embeddings (two dimensions)."""
        embedding = inputs if inputs.ndim == 2 else self.embed(inputs)
        # A decision in bfloat16 has eight bits: hundreds of images would tie.
        with torch.autocast(embedding.device.type, enabled=False):
            return self.head(embedding.float())

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embed images of 0 to 255, shape (n, channels, height, width), as (n, dim)."""
        images = normalise(images, self.mean, self.std)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return self.body(images.contiguous(memory_format=torch.channels_last))

    def take_auxiliary(self) -> torch.Tensor | None:
        """Return the decisions (n, n_outputs) that the body made halfway in the last training step, once."""
        if not self.auxiliary:
            return None
        body: Any = self.body
        decisions, body.halfway = body.halfway, None
        return decisions

    def changing_state(self) -> dict[str, torch.Tensor]:
        """Return the part of the state that training changes, which is without a frozen body."""
        state = self.state_dict()
        if not self.frozen:
            return state
        return {name: tensor for name, tensor in state.items() if not name.startswith("body.")}

    def load_changing_state(self, state: dict[str, torch.Tensor]) -> None:
        """Load a state that `changing_state` returned."""
        kept = self.state_dict() if self.frozen else {}
        self.load_state_dict({**kept, **state})

    def train(self, mode: bool = True) -> "BodyAndHead":
        """Switch to training; a frozen body stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.body.eval()
        return self
