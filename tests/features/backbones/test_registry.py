import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from features.backbones import registry as backbones
from features.backbones.fuse import fuse_batch_norms, grey_network, rgb_network
from features.backbones.grey_stem import GreyStem
from features.backbones.registry import load_backbone
from features.errors import InputError

DIMENSIONS = {"resnet50": 2048, "vgg16_bn": 4096, "vgg19_bn": 4096, "efficientnet_lite0": 1280}


@pytest.fixture(scope="module", params=["resnet18", "resnet50"])
def backbone(request):
    loaded = load_backbone(request.param, "random", seed=0)
    # Statistics as training leaves them, so that fusing has something to get wrong.
    generator = torch.Generator().manual_seed(0)
    for module in loaded.module.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return loaded


@pytest.mark.parametrize("name", backbones.names())
def test_dimensions(name):
    loaded = load_backbone(name, "random")
    with torch.inference_mode():
        assert loaded.module(torch.zeros(2, 3, 64, 64)).shape == (2, loaded.dim)
    assert loaded.dim == DIMENSIONS.get(name, 512)


def test_unknown_name_is_listed():
    with pytest.raises(InputError, match="there are: resnet18"):
        load_backbone("alexnet", "random")


def close(a, b, relative=1e-3):
    return (a - b).norm() / b.norm() < relative


@torch.inference_mode()
@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "efficientnet_lite0"], indirect=True)
def test_fused_and_folded_networks_compute_the_same(backbone):
    pixels = torch.randint(0, 256, (4, 1, 96, 80), dtype=torch.uint8)
    mean = torch.tensor(backbone.mean).view(1, 3, 1, 1)
    std = torch.tensor(backbone.std).view(1, 3, 1, 1)
    plain = backbone.module((pixels.float() / 255 - mean) / std)
    assert close(rgb_network(backbone)(pixels), plain)
    assert close(grey_network(backbone)(pixels), plain)
    assert close(rgb_network(backbone)(pixels.expand(-1, 3, -1, -1)), plain)


def test_fusing_removes_every_batch_norm_of_a_resnet(backbone):
    fused = fuse_batch_norms(backbone.module)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in backbone.module.modules())


def test_grey_network_has_a_one_channel_stem(backbone):
    stems = [m for m in grey_network(backbone).modules() if isinstance(m, GreyStem)]
    assert len(stems) == 1 and stems[0].conv.in_channels == 1


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
@pytest.mark.parametrize("bias", [False, True])
def test_the_grey_stem_folds_weights_that_lie_on_a_gpu(bias):
    with FakeTensorMode():
        conv = nn.Conv2d(3, 8, 3, padding=1, bias=bias, device="cuda")
        stem = GreyStem(conv, (0.5,) * 3, (0.2,) * 3)
        tensors = [stem.conv.weight, stem.shift_filter, stem.bias]
        assert {tensor.device.type for tensor in tensors} == {"cuda"}


@torch.inference_mode()
def test_the_grey_stem_keeps_the_type_of_its_weights():
    conv = nn.Conv2d(3, 8, 3, padding=1, dtype=torch.float64)
    stem = GreyStem(conv, (0.5,) * 3, (0.2,) * 3)
    grey = torch.rand(2, 1, 9, 7, dtype=torch.float64)
    assert torch.allclose(stem(grey), conv(((grey - 0.5) / 0.2).expand(-1, 3, -1, -1)), atol=1e-6)


def test_only_plain_convolutions_fold():
    with pytest.raises(ValueError, match="plain convolution"):
        GreyStem(nn.Conv2d(3, 6, 3, groups=3), (0.5,) * 3, (0.2,) * 3)


def test_names_and_metadata_of_backbones_are_available_without_torch():
    code = (
        "import sys; from features.backbones import info, names; from features import store\n"
        "import features.pixels.preprocess, features.backbones.weights\n"
        "heavy = {'torch', 'torchvision', 'timm', 'sklearn', 'pandas'} & set(sys.modules)\n"
        "print(heavy or [info(name).dim for name in names()])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert done.stdout.strip() == str([DIMENSIONS.get(name, 512) for name in backbones.names()])
    assert backbones.info("efficientnet_lite0").mean == (0.5, 0.5, 0.5)
    with pytest.raises(InputError, match="no backbone 'alexnet'"):
        backbones.info("alexnet")
