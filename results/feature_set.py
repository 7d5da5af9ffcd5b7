"""What a model learnt from: the name of a set of embeddings, or of the images themselves."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

END_TO_END = "end-to-end"
#: What detectors learn from: the images and the boxes of their defects.
BOXES = "end-to-end with boxes"
NETWORKS = (END_TO_END, BOXES)
#: Weights of a backbone that was trained on the images before it embedded them.
FINE_TUNED = "fine-tuned"
#: Weights of a network that has learnt nothing, a control.
RANDOM_WEIGHTS = "random"
#: What the names of DARTS cells start with; any other cell was given.
IMAGENET, SEARCHED, RANDOM = "ImageNet cell", "searched", "random cell"
#: What the labels of images were used for: fitting, the threshold alone, or nothing.
LABELS, GOOD_AND_VALID, GOOD_ONLY = "labels", "good only + labelled valid", "good only"
_ATTENTION = re.compile(r"(.+), attention ([0-9.e+-]+)")


def attention_words(weight: float | None) -> str:
    """Return the words that tell a network with attention to the boxes from the plain one; empty without.

    Examples
    --------
    >>> attention_words(0.5), attention_words(0), attention_words(None)
    ('attention 0.5', '', '')
    """
    return f"attention {weight:g}" if weight else ""


def split_attention(model: str) -> tuple[str, float]:
    """Return the name of the plain network of a row, and the weight of its attention; 0 without attention.

    Examples
    --------
    >>> split_attention("ResNet-18 FBP, attention 0.5"), split_attention("ResNet-18 FBP")
    (('ResNet-18 FBP', 0.5), ('ResNet-18 FBP', 0.0))
    """
    found = _ATTENTION.fullmatch(model)
    return (found[1], float(found[2])) if found else (model, 0.0)


class FeatureSet(NamedTuple):
    """The columns that name the input of a model.

    Parameters
    ----------
    features : str
        Backbone that embedded the images, `end-to-end`, or `end-to-end with boxes`.
    weights : str
        Name of the weights of the backbone or network.
    preprocess : str
        Name of the preprocessing, `none` by default.

    Examples
    --------
    >>> FeatureSet("resnet18", "imagenet").title
    'resnet18, imagenet'
    """

    features: str
    weights: str
    preprocess: str = "none"

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "FeatureSet":
        """Return the feature set of a row that has these columns."""
        return cls(str(row["features"]), str(row["weights"]), str(row["preprocess"]))

    @property
    def title(self) -> str:
        """The name that tables and figures show."""
        if self.is_network:
            return self.features if self.preprocess == "none" else f"{self.features}, {self.preprocess}"
        name = f"{self.features}, {self.weights}"
        return name if self.preprocess == "none" else f"{name}, {self.preprocess}"

    @property
    def is_network(self) -> bool:
        """Whether the model is a network that was trained on the images themselves."""
        return self.features in NETWORKS

    def columns(self) -> dict[str, str]:
        """Return the columns as a dict."""
        return self._asdict()
