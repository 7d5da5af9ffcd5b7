"""ResNet-18 and 50: last layer only (LL), or through all layers (FBP, full back-propagation)."""

from dataclasses import dataclass

from classifiers.cnn.transfer import TransferNetwork


@dataclass(repr=False, eq=False, kw_only=True)
class ResNet(TransferNetwork):
    """A torchvision ResNet with a new last layer; with one output ResNet-18 has 11,177,025 parameters.

    Notes
    -----
    The parameters are those of `TransferNetwork` and `ImageClassifier`.

    References
    ----------
    He et al., Deep residual learning for image recognition, CVPR 2016.
    """
