"""How unlike good parts an image is at the place where it is least like them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from features.chunks import chunks
from features.extract.forward import choose_device, exact_float32

#: Side in pixels that images are expected at: a quarter of it is the side of the map of patches.
SIDE = 136
REFERENCES = 400
FILTERS = 64
DIMENSIONS = 32
NEIGHBOURS = 3
_REACH = 1
_CHUNK = 256
_PATCHES = 50_000


@torch.inference_mode()
@exact_float32()
def patch_novelty(
    images: np.ndarray,
    good: np.ndarray,
    *,
    device: str = "auto",
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Measure how unusual each image's most unusual patch is; no network needs to be trained.

    A patch is what random filters, pooled and reduced to their principal components, make of some 11
    pixels around it. It is compared with the patches of good images that lie within one step of the
    same place: its distance to the third nearest, in deviations from what good images have at that
    place. So a glue blob counts even if no other image has one, and a place that always varies does not.

    Parameters
    ----------
    images : uint8 array, shape (n, height, width) or (n, height, width, 3)
        All of one size, `SIDE` pixels or so.
    good : bool array, shape (n,)
        Which to compare with; up to `REFERENCES` of them are drawn. A few bad ones do no harm, which
        is why the third nearest counts and not the nearest.
    device : str
        See `features.extract.forward.choose_device`.
    seed : int
        Of the filters and the draw.
    progress : callable, optional
        Called with the number of images done.

    Returns
    -------
    float32 array, shape (n,)
        Deviations; the higher, the more unusual.

    References
    ----------
    Roth et al., Towards total recall in industrial anomaly detection, CVPR 2022 (nearest patches);
    Defard et al., PaDiM: a patch distribution modeling framework, ICPR 2021 (a distribution per place).
    """
    rng = np.random.default_rng(seed)
    candidates = np.flatnonzero(good)
    drawn = np.sort(rng.choice(candidates, min(REFERENCES, len(candidates)), replace=False))
    patches = _Patches(images.shape[3] if images.ndim == 4 else 1, choose_device(device), seed)
    references = patches.fit(images[drawn])
    distances = np.empty((len(images), *references.shape[1:3]), np.float32)
    reference_of = np.full(len(images), -1)
    reference_of[drawn] = np.arange(len(drawn))
    for rows in chunks(len(images), _CHUNK):
        distances[rows] = _distances(patches(images[rows]), references, reference_of[rows]).cpu()
        if progress is not None:
            progress(rows.stop)
    usual, deviation = distances[good].mean(0), distances[good].std(0)
    # A margin that never varies would make a surprise of rounding.
    deviation = np.maximum(deviation, deviation.mean() / 10 + 1e-6)
    return ((distances - usual) / deviation).max((1, 2))


class _Patches:
    """Images to patches, shape (n, height / 4, width / 4, DIMENSIONS)."""

    def __init__(self, channels: int, device: torch.device, seed: int):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            filters = nn.Conv2d(channels, FILTERS, 7, stride=2, padding=3, bias=False)
            nn.init.kaiming_normal_(filters.weight, mode="fan_out", nonlinearity="relu")
        self.filters = filters.to(device).to(memory_format=torch.channels_last)
        self.device, self.seed = device, seed

    def fit(self, images: np.ndarray) -> torch.Tensor:
        """Find the principal components of the patches of some images; return these patches."""
        maps = torch.cat([self._maps(images[rows]) for rows in chunks(len(images), _CHUNK)])
        sample = maps.flatten(0, 2)
        chosen = np.random.default_rng(self.seed).permutation(len(sample))[:_PATCHES]
        sample = sample[torch.from_numpy(chosen).to(self.device)]
        self.mean = sample.mean(0)
        self.components = torch.linalg.svd(sample - self.mean, full_matrices=False).Vh[:DIMENSIONS].T
        return self._reduced(maps)

    def __call__(self, images: np.ndarray) -> torch.Tensor:
        """Return the patches of images."""
        return self._reduced(self._maps(images))

    def _reduced(self, maps: torch.Tensor) -> torch.Tensor:
        return (maps - self.mean) @ self.components

    def _maps(self, images: np.ndarray) -> torch.Tensor:
        pixels = torch.from_numpy(np.require(images, requirements=["C", "W"])).to(self.device).float()
        pixels = pixels.permute(0, 3, 1, 2) if pixels.ndim == 4 else pixels.unsqueeze(1)
        # The light changes from lot to lot and is no defect.
        spread = pixels.std((1, 2, 3), keepdim=True).clamp(min=1)
        pixels = (pixels - pixels.mean((1, 2, 3), keepdim=True)) / spread
        maps = self.filters(pixels.contiguous(memory_format=torch.channels_last))
        return functional.max_pool2d(maps, 3, stride=2, padding=1).relu_().permute(0, 2, 3, 1)


def _distances(patches: torch.Tensor, references: torch.Tensor, itself: np.ndarray) -> torch.Tensor:
    """Return how far patches are from the references' of their place, shape (n, height, width).

    `itself`, int array of shape (n,), tells which reference an image is, so that it is not compared with
    itself; -1 for none.
    """
    n, height, width, dim = patches.shape
    padded = functional.pad(references.permute(0, 3, 1, 2), (_REACH,) * 4, mode="replicate")
    # References last: the nearest of the places around is then a minimum over whole rows.
    padded = padded.permute(2, 3, 0, 1).contiguous()
    lengths = padded.square().sum(-1)
    span = 2 * _REACH + 1
    rows = torch.from_numpy(np.flatnonzero(itself >= 0))
    own = torch.from_numpy(itself[itself >= 0])
    rank = min(NEIGHBOURS, len(references) - 1)
    found = torch.empty(n, height, width, device=patches.device)
    for i in range(height):
        for j in range(width):
            near = padded[i : i + span, j : j + span].reshape(-1, dim)
            squares = lengths[i : i + span, j : j + span].reshape(-1)
            here = patches[:, i, j]
            squares = torch.addmm(squares, here, near.T, alpha=-2).view(n, -1, len(references)).amin(1)
            squares[rows, own] = torch.inf
            found[:, i, j] = squares.topk(rank, 1, largest=False).values[:, -1] + here.square().sum(1)
    return found.clamp(min=0).sqrt()
