"""One way of training a ResNet-18, or all ways of a step of another network, in a process of its own.

Called as `python -m bench.perf.train_worker TASK.json ANSWER.json`.
"""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch

from bench.perf.process import answer_task
from classifiers.cnn.darts.search.trainer import SearchTrainer


def main(task_path: str, answer_path: str) -> None:
    """Train the way that the task names and write its speed."""
    answer_task(lambda task: _WAYS[task["way"]](task), task_path, answer_path)


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


def _search(task: dict[str, Any]) -> dict[str, Any]:
    """Time a step of the DARTS search in each type and layout, one step each in turn."""
    from classifiers.cnn.darts import DartsSearch

    device = torch.device(task["device"])
    generator = torch.Generator().manual_seed(0)
    shape = (task["batch_size"], 1, task["size"], task["size"])
    images = torch.randint(0, 256, shape, generator=generator).float().to(device)
    batch = images, (torch.arange(len(images)) % 2).float().to(device)

    def take(trainer: SearchTrainer) -> float:
        started = time.perf_counter()
        trainer.step(batch, batch, rate=0.01, decay=1.0)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    trainers = []
    for precision, channels_last in _SEARCH_WAYS.values():
        torch.manual_seed(0)
        search = DartsSearch(
            channels=task["channels"],
            layers=task["layers"],
            precision=precision,
            channels_last=channels_last,
            device=task["device"],
        )
        trainers.append(search.make_trainer(1, 1))
    return _in_turn(
        {way: partial(take, trainer) for way, trainer in zip(_SEARCH_WAYS, trainers, strict=True)},
        task["steps"],
        device,
    )


def _gradients(task: dict[str, Any]) -> dict[str, Any]:
    """Time a training step of EfficientNet-Lite0 with torch's gradients and with `CpuConvolution`'s."""
    from classifiers.cnn.training.convolution import CpuConvolution
    from features.backbones import load_backbone

    network = load_backbone("efficientnet_lite0", "random").module.train()
    network = network.requires_grad_().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(task["batch_size"], 3, task["size"], task["size"], generator=generator)
    images = images.contiguous(memory_format=torch.channels_last)

    def take(context: Callable[[], AbstractContextManager[Any]]) -> float:
        started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16), context():
            loss = network(images).float().square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return time.perf_counter() - started

    ways = {"torch's gradients, bfloat16": nullcontext, "ours, bfloat16": CpuConvolution}
    calls = {way: partial(take, context) for way, context in ways.items()}
    return _in_turn(calls, task["steps"], torch.device("cpu"))


def _in_turn(
    ways: Mapping[str, Callable[[], float]], steps: int, device: torch.device
) -> dict[str, list[dict[str, Any]]]:
    """Take a step of each way in turn; return the median seconds of each and its costliest operations."""
    seconds = np.array([[take() for take in ways.values()] for _ in range(2 + steps)])
    each = np.median(seconds[2:], axis=0).tolist()
    found = [
        {"way": way, "seconds": own, "note": _costliest(take, device)}
        for (way, take), own in zip(ways.items(), each, strict=True)
    ]
    return {"ways": found}


def _costliest(work: Callable[[], Any], device: torch.device, most: int = 5) -> str:
    """Return the largest shares of the time, as `28% convolution_backward`, and the calls."""
    kinds = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        kinds.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=kinds) as profile:
        work()
    own = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    events = [event for event in profile.key_averages() if event.key.startswith("aten::")]
    times = {event.key: getattr(event, own) for event in events}
    calls = sum(event.count for event in events)
    total = sum(times.values())
    largest = sorted(times, key=lambda name: -times[name])[:most]
    shares = ", ".join(f"{times[name] / total:.0%} {name.removeprefix('aten::')}" for name in largest)
    return f"{shares}; {calls:,} calls of operators"


#: The first is the one that the others are compared with.
_SEARCH_WAYS = {
    "float32, NCHW": ("float32", False),
    "float32, channels_last": ("float32", True),
    "bfloat16, channels_last": ("bfloat16", True),
}
_WAYS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "plain": _plain,
    "ours": _ours,
    "search": _search,
    "gradients": _gradients,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
