"""LDA, logistic regression and SVM over folds and settings at once, as batched linear algebra in torch."""

import torch


def torch_device(name: str) -> torch.device | None:
    """Return the device that a search computes batches on, None for a search that has none."""
    return {"cuda": torch.device("cuda"), "cpu-torch": torch.device("cpu")}.get(name)


def free_bytes(device: torch.device, otherwise: int) -> int:
    """Return the memory to fill with one batch: half of what a GPU has free, `otherwise` on the CPU."""
    return torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else otherwise
