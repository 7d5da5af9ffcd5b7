"""float16 trains with a gradient scaler, float32 without TF32."""

import pytest
import torch
from made import small_network, spots

from classifiers import make_classifier
from classifiers.cnn.training.net import Net


@pytest.fixture(scope="module")
def data():
    return spots(32)


def make(**changes):
    return make_classifier("simple_cnn", **{**small_network("simple_cnn"), **changes})


@pytest.fixture
def steps(monkeypatch):
    """Record each training step: the net, its scale, and whether its weights moved."""
    seen = []
    original = Net.train_step

    def recorded(self, *args, **kwargs):
        before = next(self.module_.parameters()).detach().clone()
        step = original(self, *args, **kwargs)
        moved = not torch.equal(before, next(self.module_.parameters()))
        seen.append({"net": self, "scale": self.scaler_.get_scale(), "moved": moved})
        return step

    monkeypatch.setattr(Net, "train_step", recorded)
    return seen


def test_float16_training_scales_its_gradients_and_the_checkpoint_keeps_the_scale(data, steps, tmp_path):
    path = tmp_path / "state.pt"
    model = make(precision="float16", epochs=2, checkpoint=str(path)).fit(*data)
    assert all(step["scale"] > 1 for step in steps) and any(step["moved"] for step in steps)
    assert torch.load(path, weights_only=True)["scaler"]["scale"] == steps[-1]["scale"]
    exact = make(precision="float32", epochs=2).fit(*data)
    assert abs(model.history_["train_loss"] - exact.history_["train_loss"]).max() < 0.02


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_only_float16_needs_a_scaler(precision, data, steps):
    make(precision=precision, epochs=1).fit(*data)
    assert not steps[0]["net"].scaler_.is_enabled()


def test_a_float16_step_whose_gradients_overflow_is_skipped_and_the_scale_falls(data, steps, monkeypatch):
    scaler = torch.amp.GradScaler
    monkeypatch.setattr(
        torch.amp, "GradScaler", lambda device, enabled: scaler(device, enabled=enabled, init_scale=2.0**60)
    )
    make(precision="float16", epochs=1).fit(*data)
    assert not steps[0]["moved"] and steps[0]["scale"] == 2.0**59


def test_a_resumed_float16_training_takes_up_the_scale(data, steps, tmp_path):
    path = tmp_path / "state.pt"
    settings = {"precision": "float16", "epochs": 2, "checkpoint": str(path)}

    def interrupt(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(**settings).fit(*data, report=interrupt)
    state = torch.load(path, weights_only=True)
    state["scaler"]["scale"] = 64.0
    torch.save(state, path)
    steps.clear()
    make(**settings).fit(*data)
    assert {step["scale"] for step in steps} == {64.0}


def test_float32_training_computes_without_tf32_in_forward_and_backward(data, monkeypatch):
    seen = set()
    backward = torch.Tensor.backward

    def recorded(self, *args, **kwargs):
        seen.add((torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision))
        return backward(self, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "backward", recorded)
    before = torch.backends.cudnn.conv.fp32_precision
    make(precision="float32", epochs=1).fit(*data)
    assert seen == {("ieee", "ieee")}
    assert torch.backends.cudnn.conv.fp32_precision == before
