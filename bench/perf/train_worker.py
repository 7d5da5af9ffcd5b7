"""One way of training a ResNet-18, in a process of its own.

Called as `python -m bench.perf.train_worker TASK.json ANSWER.json`.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.perf.process import peak_gib


def main(task_path: str, answer_path: str) -> None:
    """Train the way that the task names and write its speed."""
    warnings.simplefilter("ignore")
    task = json.loads(Path(task_path).read_text())
    answer = _WAYS[task["way"]](task)
    answer["peak_gib"] = peak_gib()
    Path(answer_path).write_text(json.dumps(answer))


def _plain(task: dict[str, Any]) -> dict[str, Any]:
    """Train the way people write it: skorch, a DataLoader over Pillow, float32, NCHW."""
    import skorch
    import torchvision
    from PIL import Image
    from torch.utils.data import Dataset
    from torchvision import transforms

    steps = transforms.Compose([
        transforms.Resize((task["size"], task["size"])),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(brightness=0.1, contrast=0.2),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])  # fmt: skip

    class Files(Dataset):
        def __len__(self) -> int:
            return len(task["paths"])

        def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
            image = steps(Image.open(task["paths"][row]).convert("RGB"))
            return image, torch.tensor([float(task["y"][row])])

    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None)
    network.fc = torch.nn.Linear(512, 1)
    net = skorch.NeuralNet(
        network,
        criterion=torch.nn.BCEWithLogitsLoss,
        optimizer=torch.optim.AdamW,
        lr=1e-3,
        batch_size=task["batch_size"],
        max_epochs=task["epochs"],
        train_split=None,
        iterator_train__shuffle=True,
        iterator_train__num_workers=task["workers"],
        device=task["device"],
        verbose=0,
    )
    net.fit(Files(), y=None)
    return _speed(task, net.history[:, "dur"])


def _ours(task: dict[str, Any]) -> dict[str, Any]:
    """Train with the estimator: decoded once, augmented in batch, bfloat16, channels_last."""
    from classifiers import make_classifier
    from features.pixels.arrays import load_images

    started = time.perf_counter()
    pixels = load_images(task["paths"], size=task["size"])
    decoding = time.perf_counter() - started
    y = np.array(task["y"])
    model = make_classifier(
        "resnet18_fbp",
        size=task["size"],
        epochs=task["epochs"],
        batch_size=task["batch_size"],
        augment="hflip,brightness,contrast",
        precision=task["precision"],
        device=task["device"],
    )
    valid = np.concatenate([np.flatnonzero(y == code)[:2] for code in (0, 1)])
    model.fit(pixels, y, valid=(pixels[valid], y[valid]))
    answer = _speed(task, model.history_["seconds"].tolist())
    return {**answer, "note": f"decoding once took {decoding:.1f} s, not counted"}


def _speed(task: dict[str, Any], seconds: list[float]) -> dict[str, Any]:
    """Return the speed of the epochs after the first, which starts processes and allocates."""
    each = float(np.mean(seconds[1:]))
    return {"seconds": each, "images_per_second": len(task["paths"]) / each, "note": ""}


_WAYS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"plain": _plain, "ours": _ours}

if __name__ == "__main__":
    main(*sys.argv[1:])
