"""The payload of the report's page."""

import json
import re

import pandas as pd
from predicted import predictions

from results.report import Explorer, Provenance, render_page
from results.report.summary import summarise

TUNED = {"features": "resnet18_fbp", "weights": "fine-tuned (4f2a91c0)"}


def test_the_plots_show_in_front_the_rows_that_the_summary_calls_best():
    """The valid split chooses: of equal models the one that is better on test only stays behind."""
    frames = [
        predictions("LDA", quality=2.0), predictions("LR", quality=1.0),
        predictions("SVM", quality=2.0, **TUNED), predictions("RF", quality=1.0, **TUNED),
        predictions("CNN", features="end-to-end", quality=1.5),
    ]  # fmt: skip
    for worse in (1, 3):
        lift = (frames[worse]["split"] == "test") & (frames[worse]["y_true"] == 1)
        frames[worse]["score"] += 9.0 * lift
    frame = pd.concat(frames, ignore_index=True)
    statuses = pd.DataFrame()
    truth = frame.drop_duplicates("image_id").rename(columns={"y_true": "y"})
    page = render_page(frame, statuses, Explorer(truth, pd.DataFrame()), Provenance("t", "c"))
    payload = re.search(r'<script type="application/json" id="payload">(.*?)</script>', page, re.S)
    models = json.loads(payload[1])["models"]
    assert models[0]["name"].startswith(("LR", "RF"))
    leads = {model["kind"]: model["name"].split(" · ")[0] for model in models if model["leads"]}
    assert leads == {
        "head on frozen embeddings": "LDA", "head on fine-tuned embeddings": "SVM",
        "end-to-end network": "CNN", "mean of all rows": "Mean of all rows",
    }  # fmt: skip
    text = " ".join(summarise(frame, statuses, ""))
    for name in ("LDA on", "SVM on", "CNN."):
        assert f"chosen on the valid split: {name}" in text
