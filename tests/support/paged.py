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
    sheet = Sprites(16, 8, 64, [jpeg() for _ in range(-(-n // 64))]) if sprites else None
    audit = pd.DataFrame({"rank": [1], "image_id": [ids[0]], "named": ["good"], "suspicion": [0.9],
                          "confidence": [0.1], "neighbours": [0.2], "novelty": [0.3]})  # fmt: skip
    provenance = Provenance("a <title>", "counts & more", audit=audit)
    return render_page(
        pd.concat(told), pd.DataFrame(), Explorer(images, pd.concat(points), sheet), provenance
    )


def page_of_rows(count, projections=True):
    """The report of a made run of so many rows: heads and networks of long names, a fifth of them not run."""
    failed = count // 5
    frames, ids = [], []
    for number in range(count - failed):
        kind = number % 3
        frames.append(
            predictions(
                ("XGB", f"裂纹 network with a long name, variant {number}", "RF")[kind],
                ("efficientnet_lite0", "end-to-end", f"resnet18_fbp_{number}")[kind],
                ("imagenet", "random", "fine-tuned")[kind],
                quality=0.5 + number / 12,
                preprocess=f"crop_{number}" if kind == 0 else "none",
                fit_seconds=10.0 + 40 * number,
                predict_us=20.0 * (1 + number),
                parameters=1000 * (1 + number**3),
            )
        )
    ids = sorted(frames[0]["image_id"].unique())
    statuses = pd.DataFrame(
        {
            "model": [f"LDA {number}" for number in range(failed)], "features": "resnet50",
            "weights": "imagenet", "split_kind": "stratified", "preprocess": "none", "sampling": "all",
            "repeat": 0,
            "status": "not run: ImageNet weights unreachable, set TORCH_HOME or pass --weights FILE",
        }
    )  # fmt: skip
    truth = frames[0].sort_values("image_id")
    images = pd.DataFrame(
        {"image_id": ids, "label": truth["label"].to_numpy(), "y": truth["y_true"].to_numpy(),
         "split": truth["split"].to_numpy()}
    )  # fmt: skip
    rng = np.random.default_rng(0)
    points = pd.concat(
        [
            pd.DataFrame({"features": features, "weights": weights, "preprocess": "none", "image_id": ids,
                          "projection": "PCA", "x": rng.normal(size=len(ids)), "y": 0.0})
            for features, weights in (("a_first", "random"), ("resnet18_fbp_2", "fine-tuned"))
        ]
    )  # fmt: skip
    explorer = Explorer(images, points if projections else points.iloc[:0])
    table = pd.DataFrame({"model": ["LDA"], "roc_auc": [0.9], "accuracy": [0.8]})
    provenance = Provenance("elpv: 裂纹 and a title", "656 test images", published=table, dataset="elpv")
    return render_page(pd.concat(frames), statuses, explorer, provenance)


def jpeg():
    """A sheet of noise."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (128, 128), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()
