"""EfficientNet-Lite0: last layer only (LL), or through all layers (FBP)."""

from dataclasses import dataclass

from classifiers.cnn.transfer import TransferNetwork


@dataclass(repr=False, eq=False, kw_only=True)
class EfficientNetLite(TransferNetwork):
    """EfficientNet-Lite0 with a new last layer: 3.4 million parameters.

    Its ImageNet weights come with a Python package (extra `lite`), so that they are available where
    no model hub can be reached.

    Notes
    -----
    The parameters are those of `TransferNetwork` and `ImageClassifier`.

    References
    ----------
    Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML 2019.
    """

    architecture: str = "efficientnet_lite0"
