"""Photographs of surfaces: several of each part, under neighbouring numbers, as a camera writes them."""

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter


def write_surfaces(folder, *, parts=70, photographs=(2, 6), name="exp{view}_num_{number}.png", seed=0):
    """Write photographs of parts into `good` and `blow`; return (file below the folder, part) of each."""
    rng = np.random.default_rng(seed)
    written, number = [], 1000
    for part in range(parts):
        defect = part % 3 == 0
        texture = gaussian_filter(rng.normal(size=(48, 48)), 3)
        surface = 110 + 16 * texture / texture.std()
        if defect:
            y, x = rng.integers(6, 36, 2)
            surface[y : y + 4, x : x + 4] += rng.choice([-30, 30])
        number += int(rng.integers(20, 90))
        for view in range(int(rng.integers(*photographs))):
            number += int(rng.integers(1, 3))
            moved = np.roll(surface, rng.integers(-2, 3, 2), (0, 1)) * rng.uniform(0.8, 1.2)
            pixels = (moved + rng.normal(0, 5, moved.shape)).clip(0, 255).astype(np.uint8)
            stem = name.format(view=view + 1, number=number, part=part, code=rng.integers(10**9))
            path = folder / ("blow" if defect else "good") / stem
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
            written.append((path.relative_to(folder).as_posix(), part))
    return written
