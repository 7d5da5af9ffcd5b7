import pytest
import torch

import classifiers


@pytest.mark.parametrize(
    ("name", "published", "tolerance"),
    [("resnet18_fbp", 11_177_025, 0), ("designed_resnet", 2_878_241, 0), ("stratified", 3_118_497, 0.02)],
)
def test_networks_have_the_published_number_of_parameters(name, published, tolerance):
    module = classifiers.make_classifier(name).build(1, 1)
    assert abs(sum(p.numel() for p in module.parameters()) - published) <= tolerance * published


def test_the_designed_networks_take_whole_photographs():
    for name in ("designed_resnet", "stratified"):
        model = classifiers.make_classifier(name)
        assert model.image_size == (267, 275)
        module = model.build(1, 1).eval()
        embedded = module.embed(torch.zeros(2, 1, 267, 275, dtype=torch.uint8))
        assert embedded.shape == (2, 32) and module.body.get_submodule("0") is not None
