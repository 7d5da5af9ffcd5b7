"""ResNet-18 and 50: last layer only (LL), or through all layers (FBP, full back-propagation)."""

from dataclasses import dataclass

from classifiers.cnn.transfer import TransferNetwork, all_layers_spec, last_layer_spec


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


LL = last_layer_spec(ResNet, "ResNet-18")
FBP = all_layers_spec(ResNet, "ResNet-18")
LL_50 = last_layer_spec(ResNet, "ResNet-50", architecture="resnet50")
FBP_50 = all_layers_spec(ResNet, "ResNet-50", architecture="resnet50")
