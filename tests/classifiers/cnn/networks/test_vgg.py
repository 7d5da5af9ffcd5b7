import pytest
import torch
from made import small_network

import classifiers
from features.backbones.vgg import vgg_body


def make(name="cnn2", **params):
    return classifiers.make_classifier(name, **{**small_network(name), "epochs": 4, **params})


@pytest.mark.parametrize("hidden_units", [16, pytest.param(4096, marks=pytest.mark.deep)])
def test_vgg_starts_from_weights_at_hand(hidden_units, tmp_path):
    state = {f"features.{k}": v + 1 for k, v in vgg_body("vgg16_bn", 16).features.state_dict().items()}
    if hidden_units == 4096:
        state |= {f"classifier.{k}": torch.full_like(v, 0.5)
                  for k, v in vgg_body("vgg16_bn").classifier.state_dict().items()}  # fmt: skip
    torch.save(state, tmp_path / "vgg.pth")
    model = make("vgg16_ll", weights=str(tmp_path / "vgg.pth"), hidden_units=hidden_units)
    body = model.build(1, 1).body.state_dict()
    assert torch.equal(body["features.0.weight"], state["features.0.weight"])
    assert body["classifier.3.weight"].shape == (hidden_units, hidden_units)
