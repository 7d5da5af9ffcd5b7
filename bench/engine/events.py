"""Training histories as TensorBoard event files, on request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import InputError

Write = Callable[[dict[str, float]], None]


@contextmanager
def event_log(folder: Path | None) -> Iterator[Write]:
    """Yield a function that writes an epoch's figures as events below `folder`; None writes nothing.

    Raises
    ------
    InputError
        When the package `tensorboard` is not installed.
    """
    if folder is None:
        yield lambda row: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError(
            "tensorboard event files need the package tensorboard: pip install defectbench[track]"
        ) from None
    with SummaryWriter(str(folder)) as writer:

        def write(row: dict[str, float]) -> None:
            for name in ("train_loss", "valid_loss", "valid_auc", "seconds"):
                writer.add_scalar(name, row[name], int(row["epoch"]))

        yield write
