import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from classifiers.cnn.darts.genotype import DARTS_V2
from classifiers.cnn.darts.network import DerivedNetwork, reductions
from features.errors import InputError


def with_head(body, classes):
    return nn.Sequential(body, nn.Linear(body.dim, classes))


def parameters(module):
    return sum(tensor.numel() for tensor in module.parameters())


def test_the_imagenet_network_has_the_published_size():
    network = with_head(DerivedNetwork(DARTS_V2, channels=48, layers=14), 1000).eval()
    assert parameters(network) == 4_718_752
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, 224, 224))
    # The paper reports 574 million. The network with the published number of parameters, to the last one,
    # has 530 million in its convolutions, and 541 million with batch norms, ReLU and pooling.
    assert counter.get_total_flops() / 2 == pytest.approx(529.9e6, rel=0.001)


def test_the_cifar_network_has_the_published_size():
    network = with_head(DerivedNetwork(DARTS_V2, channels=36, layers=20, stem="cifar"), 10)
    assert parameters(network) == pytest.approx(3.3e6, rel=0.02)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (267, 275)])
def test_images_of_any_size_are_embedded(height, width):
    body = DerivedNetwork(DARTS_V2, channels=4, layers=3, in_channels=1).eval()
    with torch.inference_mode():
        assert body(torch.rand(2, 1, height, width)).shape == (2, body.dim)


def test_drop_path_drops_edges_in_training_only():
    torch.manual_seed(0)
    body = DerivedNetwork(DARTS_V2, channels=4, layers=3, in_channels=1, drop_path=0.5)
    images = torch.rand(2, 1, 32, 32)
    body.train()
    assert not torch.equal(body(images), body(images))
    body.eval()
    assert torch.equal(body(images), body(images))


@pytest.mark.parametrize("layers", [2, 3, 5, 8, 14, 20])
def test_every_network_has_two_reductions(layers):
    first, second = reductions(layers)
    assert 0 <= first < second < layers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 1}, "1 layers: two reduction cells need at least two"),
        ({"channels": 3}, "3 channels: give an even number"),
        ({"stem": "none"}, "stem 'none': choose imagenet or cifar"),
    ],
)
def test_bad_settings_are_one_line(options, message):
    with pytest.raises(InputError, match=message):
        DerivedNetwork(DARTS_V2, **{"channels": 4, "layers": 3, **options})
