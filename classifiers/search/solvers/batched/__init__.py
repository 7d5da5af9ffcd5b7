"""LDA, logistic regression and SVM over folds and settings at once, as batched linear algebra in torch."""

import torch


def torch_device(name: str) -> torch.device:
    """Return the device that a search computes batches on."""
    return {"cuda": torch.device("cuda"), "cpu-torch": torch.device("cpu")}[name]


def free_bytes(device: torch.device, otherwise: int) -> int:
    """Return the memory to fill with one batch: half of what a GPU has free, `otherwise` on the CPU."""
    return torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else otherwise
