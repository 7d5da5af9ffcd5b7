"""Whether the weights of a backbone can be had, found out without importing torch or loading anything."""

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit
from urllib.request import url2pathname

from features.backbones import efficientnet_lite
from features.errors import InputError, WeightsUnavailable

HUB_VARIABLE = "DEFECTBENCH_HUB"
CONNECT_SECONDS = 20
_HUB = "https://download.pytorch.org/models/"


def check_weights(architecture: str, source: str) -> None:
    """Raise an error when the weights of a backbone cannot be had.

    A host counts as reachable when it answers; whether it has the file shows when the file is loaded.

    Parameters
    ----------
    architecture, source : str
        As in `features.backbones.weights.load_weights`.

    Raises
    ------
    WeightsUnavailable
        When the hub cannot be reached and TORCH_HOME does not have the file, or a package is missing.
    InputError
        When a file of weights does not exist.

    Examples
    --------
    >>> check_weights("resnet18", "random")
    """
    if is_packaged(architecture):
        efficientnet_lite.check_timm()
    if source == "random":
        return
    if source != "imagenet":
        existing_file(source)
    elif is_packaged(architecture):
        packaged_file()
    else:
        _check_hub(architecture)


def is_packaged(architecture: str) -> bool:
    """Return whether a network's ImageNet weights are an installed package, not a hub's."""
    return architecture == efficientnet_lite.NAME


def existing_file(source: str) -> Path:
    """Return the path of a file of weights; `InputError` when there is none."""
    path = Path(source).expanduser()
    if not path.is_file():
        raise InputError(
            f"weights {str(path)!r}: no such file; give imagenet, random or the path of a state dict"
        )
    return path


def packaged_file() -> Path:
    """Return the packaged file of ImageNet weights; `WeightsUnavailable` when it is missing or damaged."""
    path = efficientnet_lite.weights_file()
    # As in torch.hub, the file's name ends in the beginning of its hash.
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(path.stem.rsplit("-", 1)[1]):
        raise WeightsUnavailable(
            f"ImageNet weights {path} have the wrong hash; reinstall them: {efficientnet_lite.REMEDY}"
        )
    return path


def hub_url() -> str:
    """Return the address of the hub, ending in a slash; DEFECTBENCH_HUB replaces torchvision's."""
    hub = os.environ.get(HUB_VARIABLE, "") or _HUB
    base = hub if "://" in hub else Path(hub).expanduser().resolve().as_uri()
    return f"{base.rstrip('/')}/"


def raise_unreachable(url: str, error: OSError) -> NoReturn:
    """Raise the error of weights that could not be fetched from `url`; its cause names the reason."""
    reason = InputError(f"{url}: {getattr(error, 'reason', None) or error}")
    raise WeightsUnavailable(
        "ImageNet weights unreachable, set TORCH_HOME or pass --weights FILE"
    ) from reason


def _check_hub(architecture: str) -> None:
    files = f"{architecture}-*.pth"
    if any(_kept_folder().glob(files)):
        return
    url = hub_url()
    if urlsplit(url).scheme == "file":
        folder = Path(url2pathname(urlsplit(url).path))
        if not any(folder.glob(files)):
            raise_unreachable(url, FileNotFoundError(f"no file {files}"))
        return
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=CONNECT_SECONDS):
            pass
    except urllib.error.HTTPError as answer:
        answer.close()
    except OSError as error:
        raise_unreachable(url, error)


def _kept_folder() -> Path:
    """Return where torch.hub keeps what it has downloaded."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(cache) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"
