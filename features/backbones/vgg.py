"""VGG with batch norm, as torchvision builds it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_VGG_PLANS = {"vgg16_bn": "D", "vgg19_bn": "E"}


def vgg_body(name: str, hidden_units: int = 4096) -> "nn.Module":
    """Build VGG (batch norm) up to its second dense layer, its tensors named as torchvision names them.

    Parameters
    ----------
    name : {"vgg16_bn", "vgg19_bn"}
    hidden_units : int
        Width of both dense layers; torchvision's have 4096.

    Returns
    -------
    Module
        Initialised as torchvision does; takes (n, 3, height, width), gives (n, hidden_units).
    """
    from torch import nn
    from torchvision.models import vgg

    features = vgg.make_layers(vgg.cfgs[_VGG_PLANS[name]], batch_norm=True)
    classifier = nn.Sequential(
        *(nn.Linear(512 * 7 * 7, hidden_units), nn.ReLU(), nn.Dropout()),
        *(nn.Linear(hidden_units, hidden_units), nn.ReLU(), nn.Dropout()),
    )
    for layer in [*features, *classifier]:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0, 0.01)
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    body = nn.Sequential()
    body.add_module("features", features)
    body.add_module("pool", nn.AdaptiveAvgPool2d((7, 7)))
    body.add_module("flatten", nn.Flatten())
    body.add_module("classifier", classifier)
    return body
