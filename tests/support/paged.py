"""Report pages made for tests."""

import io

import numpy as np
import pandas as pd
from PIL import Image
from predicted import predictions

from results.report import Explorer, Provenance, Sprites, render_page


def page_of(ids, n_sets=1, sprites=True):
    """The report of a made run whose images have these ids, and labels that look like HTML."""
    n = len(ids)
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3 == 0
    images = pd.DataFrame({"image_id": ids, "label": np.where(y, "<b>bad</b>", "good"), "y": y.astype(int),
                           "split": np.where(np.arange(n) < n // 2, "valid", "test")})  # fmt: skip
    points = [
        pd.DataFrame({"features": "resnet18", "weights": f"w{number}", "preprocess": "none", "image_id": ids,
                      "projection": name, "x": rng.normal(size=n) + y * 3, "y": rng.normal(size=n)})
        for number in range(n_sets) for name in ("PCA", "UMAP")
    ]  # fmt: skip
    told_of = min(n // 2, 300)
    told = [
        predictions(model, n=told_of, quality=quality, seed=1).assign(image_id=list(ids[: 2 * told_of]))
        for model, quality in (("LDA", 2.0), ("<i>SVM</i>", 1.0))
    ]
    sheet = Sprites(16, 8, 64, [_jpeg() for _ in range(-(-n // 64))]) if sprites else None
    audit = pd.DataFrame({"rank": [1], "image_id": [ids[0]], "named": ["good"], "suspicion": [0.9],
                          "confidence": [0.1], "neighbours": [0.2], "novelty": [0.3]})  # fmt: skip
    provenance = Provenance("a <title>", "counts & more", audit=audit)
    return render_page(
        pd.concat(told), pd.DataFrame(), Explorer(images, pd.concat(points), sheet), provenance
    )


def _jpeg():
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (128, 128), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()
