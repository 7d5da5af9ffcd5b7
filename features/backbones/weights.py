"""Where a backbone's weights come from: torchvision's hub, a Python package, a seed, or a file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from features.backbones import efficientnet_lite
from features.backbones.reach import (
    CONNECT_SECONDS,
    HUB_VARIABLE,
    existing_file,
    hub_url,
    is_packaged,
    packaged_file,
    raise_unreachable,
)
from features.errors import InputError, WeightsUnavailable

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, eq=False)
class Weights:
    """A state dict and what it is called.

    Parameters
    ----------
    name : str
        What the tables show: `imagenet`, `random`, or a file's stem.
    state : dict of str to tensor
        On the CPU. Empty means: initialise from `seed`.
    sha256 : str
        Hash over names, shapes, types and values; part of the embedding key.
    """

    name: str
    state: dict[str, torch.Tensor]
    sha256: str


def load_weights(architecture: str, source: str, *, seed: int = 0) -> Weights:
    """Find the weights of a network.

    Parameters
    ----------
    architecture : str
        A name of `torchvision.models`, such as `resnet18`, or `efficientnet_lite0`.
    source : str
        `imagenet`: torchvision's default weights, looked for in TORCH_HOME, else downloaded, and
        checked against the hash in their name. The environment variable DEFECTBENCH_HUB, a URL or a
        directory, replaces the host that they come from. Those of `efficientnet_lite0` are an
        installed package. `random`: the library's initialisation under `seed`. Otherwise the path of
        a state dict (`.pth`, `.pt` or `.safetensors`).
    seed : int
        For `random`.

    Returns
    -------
    Weights

    Raises
    ------
    WeightsUnavailable
        When the hub cannot be reached, or the weights have the wrong hash, or are not installed.
    InputError
        When a file is missing, is not a state dict, or holds NaN or infinite values.
    """
    import torch

    if source == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            state = _make_network(architecture).state_dict()
        return Weights("random", state, hash_state(state))
    if source == "imagenet":
        state = _from_package() if is_packaged(architecture) else _from_hub(architecture)
        return Weights("imagenet", state, hash_state(state))
    path = Path(source).expanduser()
    state = read_state_file(path)
    return Weights(path.stem, state, hash_state(state))


def hash_state(state: dict[str, torch.Tensor]) -> str:
    """Return the SHA-256 of a state dict, the same in every process and on every device."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()


def read_state_file(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict without ever running code from the file.

    A wrapping `{"state_dict": ...}` and the prefix `module.` of data-parallel training are undone.

    Raises
    ------
    InputError
        When the file is missing, is not a state dict that is safe to load, or holds NaN or infinite
        values; the message names the file.
    """
    import torch

    existing_file(str(path))
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            loaded: object = load_file(path)
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise InputError(
            f"weights {path}: not a state dict that is safe to load ({first}); save one with "
            "torch.save(model.state_dict(), path)"
        ) from None
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not all(isinstance(v, torch.Tensor) for v in loaded.values()):
        raise InputError(f"weights {path}: not a state dict (names to tensors)")
    state = {str(name).removeprefix("module."): tensor for name, tensor in loaded.items()}
    _check_finite(state, str(path))
    return state


def _check_finite(state: dict[str, torch.Tensor], source: str) -> None:
    """Raise `InputError` when weights hold NaN or infinite values: every embedding would be NaN."""
    import torch

    # Not all number types, float8 among them, have their own test for NaN.
    floating = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    bad = [name for name, tensor in floating.items() if not torch.isfinite(tensor.float()).all()]
    if bad:
        raise InputError(
            f"weights {source}: NaN or infinite values in {len(bad)} of {len(state)} tensors (first: "
            f"{bad[0]}); the training that wrote them diverged, choose an earlier checkpoint"
        )


def load_matching(module: nn.Module, state: dict[str, torch.Tensor], source: str) -> None:
    """Load `state` into `module`, whose classifier head has been taken off.

    Raises
    ------
    InputError
        When a tensor is missing or has another shape: the weights are of another architecture.
    """
    own = module.state_dict()
    for name, tensor in own.items():
        if name not in state:
            problem = f"has no {name}"
        elif state[name].shape != tensor.shape:
            problem = f"{name} is {tuple(state[name].shape)}, not {tuple(tensor.shape)}"
        else:
            continue
        raise InputError(
            f"weights {source}: not of this architecture ({problem}); choose the backbone that they "
            "were made with"
        )
    module.load_state_dict({name: state[name] for name in own})


def _make_network(architecture: str) -> nn.Module:
    if is_packaged(architecture):
        return efficientnet_lite.make_network()
    import torchvision

    return torchvision.models.get_model(architecture, weights=None)


def _from_package() -> dict[str, torch.Tensor]:
    return efficientnet_lite.as_timm(read_state_file(packaged_file()))


def _from_hub(architecture: str) -> dict[str, torch.Tensor]:
    import torch
    import torchvision

    weights = torchvision.models.get_model_weights(architecture).DEFAULT
    url = weights.url
    if os.environ.get(HUB_VARIABLE):
        url = f"{hub_url()}{url.rsplit('/', 1)[1]}"
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_SECONDS)
    try:
        # torch.hub writes, by its version to stdout or stderr, before it knows whether it can be reached.
        quiet = io.StringIO()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            return torch.hub.load_state_dict_from_url(
                url, map_location="cpu", check_hash=True, progress=False, weights_only=True
            )
    except RuntimeError as error:
        if "hash" not in str(error):
            raise
        raise WeightsUnavailable(
            f"ImageNet weights from {url} have the wrong hash; remove that file or pass --weights FILE"
        ) from None
    except OSError as error:
        raise_unreachable(url, error)
    finally:
        socket.setdefaulttimeout(patience)
