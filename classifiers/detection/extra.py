"""The packages of the extra `detection`."""

from importlib.util import find_spec

#: What selecting the epoch needs, besides torchvision.
PACKAGES = ("torchmetrics", "faster_coco_eval")


def what_to_install() -> str:
    """Return one line that says which packages are missing and how to install them; empty if none are."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if not missing:
        return ""
    return f"detectors need {' and '.join(missing)}: pip install 'defectbench[detection]'"
