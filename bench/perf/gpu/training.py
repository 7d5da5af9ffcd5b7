"""A training that is killed: `python -m bench.perf.gpu.training DATA.npz CHECKPOINT EPOCHS DEVICE`."""

import sys
from typing import Any

import numpy as np


def make_network(checkpoint: str, epochs: int, device: str) -> Any:
    """Return the network that the checks train, with its checkpoint."""
    import classifiers

    return classifiers.make_classifier(
        "resnet18_fbp", size=64, epochs=epochs, batch_size=16, device=device, checkpoint=checkpoint
    )


def main(data: str, checkpoint: str, epochs: str, device: str) -> None:
    """Train until the end, or until somebody kills this process."""
    with np.load(data) as arrays:
        make_network(checkpoint, int(epochs), device).fit(arrays["X"], arrays["y"])


if __name__ == "__main__":
    main(*sys.argv[1:])
