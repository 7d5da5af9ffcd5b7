"""Heat maps: where in an image the evidence for a class is.

Maps are raw: they are not normalised, so that their magnitudes can be compared between images, and they have
the size of the feature map, not of the image. A new method for networks is one module and one entry here.
"""

from classifiers.maps import eigen_cam, grad_cam, grad_cam_plus_plus, hirescam, layer_cam
from classifiers.maps.base import MapMethod
from features.errors import InputError

_REGISTRY: dict[str, MapMethod] = {
    method.name: method
    for method in (
        grad_cam.METHOD,
        hirescam.METHOD,
        grad_cam_plus_plus.METHOD,
        eigen_cam.METHOD,
        layer_cam.METHOD,
    )
}

__all__ = ["MapMethod", "get_method", "names"]


def names() -> list[str]:
    """Return the names of the methods for networks."""
    return list(_REGISTRY)


def get_method(name: str) -> MapMethod:
    """Return the method of a name.

    Raises
    ------
    InputError
        If there is no such method; the message lists the methods.

    Examples
    --------
    >>> get_method("grad_cam").title
    'Grad-CAM'
    """
    if name not in _REGISTRY:
        raise InputError(f"no heat map method {name!r}; there are: {', '.join(_REGISTRY)}")
    return _REGISTRY[name]
