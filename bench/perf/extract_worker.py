"""One way of extracting embeddings, in a process of its own.

Called as `python -m bench.perf.extract_worker TASK.json ANSWER.json EMBEDDINGS.npy`.
"""

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.perf.process import peak_gib

Answer = dict[str, Any]
#: Images that each way runs over once before it is timed, so that no way pays for a cold start.
WARM = 64


def main(task_path: str, answer_path: str, embeddings_path: str) -> None:
    """Run the way that the task names and write its speed and its embeddings."""
    warnings.simplefilter("ignore")
    task = json.loads(Path(task_path).read_text())
    answer, embeddings = _WAYS[task["way"]](task)
    answer["peak_gib"] = peak_gib()
    if torch.cuda.is_available():
        answer["peak_gpu_gib"] = torch.cuda.max_memory_allocated() / 2**30
    if embeddings is not None:
        np.save(embeddings_path, embeddings)
    Path(answer_path).write_text(json.dumps(answer))


def _plain(task: dict[str, Any]) -> tuple[Answer, np.ndarray]:
    """Extract the way people write it: Pillow in the main process, float32, NCHW, one loop."""
    from PIL import Image
    from torchvision import transforms

    from features.backbones.registry import load_backbone
    from features.extract.forward import exact_float32

    device = torch.device(task["device"])
    network = load_backbone(task["backbone"], "random").module.eval().to(device)
    steps = transforms.Compose([
        transforms.Resize((task["size"], task["size"])),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])  # fmt: skip

    def run(paths: list[str]) -> np.ndarray:
        parts = []
        with torch.no_grad(), exact_float32():
            for start in range(0, len(paths), 32):
                images = [steps(Image.open(path).convert("RGB")) for path in paths[start : start + 32]]
                parts.append(network(torch.stack(images).to(device)).cpu().numpy())
        return np.concatenate(parts)

    run(task["paths"][:WARM])
    return _timed(run, task)


def _timm(task: dict[str, Any]) -> tuple[Answer, np.ndarray]:
    """Extract timm's way: its model without a head, its transform, its settings, a DataLoader."""
    import timm
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    from features.extract.forward import exact_float32

    device = torch.device(task["device"])
    network = timm.create_model(task["backbone"], pretrained=False, num_classes=0).eval().to(device)
    config = timm.data.resolve_data_config({"input_size": (3, task["size"], task["size"])}, model=network)
    transform = timm.data.create_transform(**config, is_training=False)

    class Files(Dataset):
        def __init__(self, paths: list[str]):
            self.paths = paths

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, row: int) -> torch.Tensor:
            return transform(Image.open(self.paths[row]).convert("RGB"))

    def run(paths: list[str]) -> np.ndarray:
        loader = DataLoader(Files(paths), batch_size=64, num_workers=task["workers"])
        with torch.inference_mode(), exact_float32():
            return np.concatenate([network(batch.to(device)).float().cpu().numpy() for batch in loader])

    run(task["paths"][:WARM])
    return _timed(run, task)


def _ours(task: dict[str, Any]) -> tuple[Answer, np.ndarray]:
    """Extract from files to Parquet, an empty store in front."""
    from features.extract.cached import CachedExtractor
    from features.extract.extractor import Extractor
    from features.store.store import EmbeddingStore

    options = {"size": task["size"], "device": task["device"], "precision": task.get("precision", "bfloat16")}
    extractor = Extractor(
        task["backbone"], "random", compile=task.get("compile", False), batch_size=task.get("batch_size"),
        **options,
    )  # fmt: skip
    answer: Answer = {}
    started = time.perf_counter()
    # Not through the store, whose first images would then not be embedded again.
    extractor.transform(task["paths"][:WARM])
    if task.get("compile"):
        answer["note"] = f"compiling took {time.perf_counter() - started:.0f} s, not counted"
    with tempfile.TemporaryDirectory() as folder:
        timing, embeddings = _timed(CachedExtractor(extractor, EmbeddingStore(folder)).transform, task)
        if task.get("cached"):
            timing, embeddings = _timed(CachedExtractor(extractor, EmbeddingStore(folder)).transform, task)
    return {**timing, **answer}, embeddings


def _mixed(task: dict[str, Any]) -> tuple[Answer, None]:
    """Extract images of many sizes and the same ones of one size, in turn; count the best round of each."""
    from features.extract.extractor import Extractor

    extractor = Extractor(task["backbone"], "random", size=task["size"], device=task["device"], compile=False)
    kinds = {"mixed": task["paths"], "alike": task["alike"]}
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for paths in kinds.values():
        extractor.transform(paths[:WARM])
    for _ in range(task["rounds"]):
        for name, paths in kinds.items():
            started = time.perf_counter()
            extractor.transform(paths)
            seconds[name].append(time.perf_counter() - started)
    return {name: min(spent) for name, spent in seconds.items()}, None


def _ceiling(task: dict[str, Any]) -> tuple[Answer, None]:
    """Run the network alone, on tensors that lie on the device."""
    from features.backbones.registry import load_backbone
    from features.extract.forward import Forward, choose_device

    device = choose_device(task["device"])
    forward = Forward(load_backbone(task["backbone"], "random"), task["size"], device, "bfloat16")
    best = 0.0
    for batch in (16, 32, 64) if device.type == "cpu" else (128, 256, 512, 1024):
        shape = (batch, 1, task["size"], task["size"])
        pixels = torch.randint(0, 255, shape, dtype=torch.uint8, device=device)
        forward(pixels)
        best = max(best, images_per_second(forward, pixels, max(2, 512 // batch)))
    return {"images_per_second": best, "seconds": len(task["paths"]) / best}, None


def images_per_second(forward: Any, pixels: torch.Tensor, passes: int) -> float:
    """Measure a network alone: all passes are started before the first answer is waited for."""
    started = time.perf_counter()
    for answer in [forward.start([pixels]) for _ in range(passes)]:
        answer()
    return passes * len(pixels) / (time.perf_counter() - started)


def _timed(run: Callable[[list[str]], np.ndarray], task: dict[str, Any]) -> tuple[Answer, np.ndarray]:
    """Time a way that has been warmed, from files to embeddings on the CPU, decoding included."""
    started = time.perf_counter()
    embeddings = run(task["paths"])
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "images_per_second": len(embeddings) / seconds}, embeddings


_WAYS: dict[str, Callable[[dict[str, Any]], tuple[Answer, Any]]] = {
    "plain": _plain,
    "timm": _timm,
    "ours": _ours,
    "ceiling": _ceiling,
    "mixed": _mixed,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
