"""The settings of one training, without the network that is trained."""

import math
from dataclasses import dataclass

from features.errors import InputError

_CHOICES = {
    "optimizer": ("adamw", "sgd"),
    "schedule": ("cosine", "constant", "exponential"),
    "precision": ("bfloat16", "float16", "float32"),
}


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a network is trained.

    The parameters have the meaning they have in `ImageClassifier`, with two differences:
    `learning_rate` is always a number, and `checkpoint` comes with the `identity` of the training.

    Parameters
    ----------
    epochs : int
        Maximum number of passes over the training rows.
    batch_size : int
        Images per step.
    learning_rate : float
        Highest learning rate of the head.
    layer_decay : float
        Factor on the learning rate for each stage further from the head.
    weight_decay : float
        Decoupled weight decay of AdamW, or L2 penalty of SGD.
    optimizer : {"adamw", "sgd"}
    warmup : float
        Share of the steps in which the learning rate rises.
    schedule : {"cosine", "constant", "exponential"}
    gamma, clip : float
    label_smoothing : float
    augment : str
        Comma-separated names of `classifiers.cnn.training.augment`, or `none`.
    mixup, ema, attention_weight : float
    first_size : float
    sampling : str
    patience, stop_after : int
        Epochs.
    keep_best : bool
    precision : {"bfloat16", "float16", "float32"}
    checkpoint : str or None
        File of the training state; None saves no state.
    identity : str
        A digest of everything that decides the result. A checkpoint with another identity is ignored.
    random_state : int

    Raises
    ------
    InputError
        If `optimizer`, `schedule` or `precision` is not one of its choices, and for an `attention_weight`
        that is negative or used together with `mixup`.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    layer_decay: float
    weight_decay: float
    optimizer: str
    warmup: float
    schedule: str
    gamma: float
    clip: float
    label_smoothing: float
    augment: str
    mixup: float
    ema: float
    attention_weight: float
    first_size: float
    sampling: str
    patience: int
    stop_after: int
    keep_best: bool
    precision: str
    checkpoint: str | None
    identity: str
    random_state: int

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise InputError(f"{name} {value!r}: choose {', '.join(choices[:-1])} or {choices[-1]}")
        weight = self.attention_weight
        if not (math.isfinite(weight) and weight >= 0):
            raise InputError(f"attention_weight {weight!r}: give 0 or a positive number, such as 0.5")
        if weight and self.mixup:
            raise InputError(
                f"attention_weight {weight:g} with mixup {self.mixup:g}: a blend of two images has no boxes "
                "of its own; set mixup = 0"
            )

    @property
    def last_epoch(self) -> int:
        """The epoch, counted from 1, after which training ends at the latest."""
        return min(self.epochs, self.stop_after or self.epochs)
