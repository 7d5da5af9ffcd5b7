"""Fingerprints of settings, scorers and estimators, for keys that tell different ones apart."""

import functools
import types
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np


def fingerprint(value: Any) -> str:
    """Return a hash that is the same for equal values and differs for different ones.

    A function is identified by its code, defaults and closure, not by its name: two functions of one
    name have two fingerprints.

    Parameters
    ----------
    value : object
        Numbers, strings, arrays, estimators, scorers, functions and containers of them.

    Returns
    -------
    str
        32 hexadecimal digits.

    Examples
    --------
    >>> fingerprint({"C": 1.0}) == fingerprint({"C": 1.0})
    True
    >>> fingerprint(lambda y, p: 0.0) == fingerprint(lambda y, p: 1.0)
    False
    """
    return joblib.hash(_describe(value, frozenset()))


def cell_key(cell: Mapping[str, Any]) -> str:
    """Return the key of a cell of the grid, the same in every process."""
    return fingerprint(sorted((name, fingerprint(value)) for name, value in cell.items()))


def _describe(value: Any, open_ids: frozenset[int]) -> Any:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        return value
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value
    if id(value) in open_ids:
        return "recursion"
    open_ids = open_ids | {id(value)}

    def inner(part: Any) -> Any:
        return _describe(part, open_ids)

    if isinstance(value, types.FunctionType):
        return "function", value.__module__, value.__qualname__, _function(value, inner)
    if isinstance(value, types.MethodType):
        return "method", inner(value.__func__), inner(value.__self__)
    if isinstance(value, types.CodeType):
        return value.co_code, value.co_names, [inner(part) for part in value.co_consts]
    if isinstance(value, functools.partial):
        return "partial", inner(value.func), inner(value.args), inner(value.keywords)
    if isinstance(value, Mapping):
        return type(value).__name__, sorted((repr(key), inner(part)) for key, part in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, [inner(part) for part in value]
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(joblib.hash(inner(part)) for part in value)
    if isinstance(value, type | types.BuiltinFunctionType | np.ufunc):
        return "named", getattr(value, "__module__", ""), value.__qualname__
    if callable(value) and hasattr(value, "__dict__"):
        own = type(value).__call__
        code = inner(own) if isinstance(own, types.FunctionType) else ""
        return "callable", type(value).__module__, type(value).__qualname__, code, inner(vars(value))
    try:
        return joblib.hash(value)
    except Exception:  # Whatever pickling raises: the text is all that is left to go by.
        return type(value).__qualname__, repr(value)


def _function(function: types.FunctionType, inner: Any) -> Any:
    """Describe what a function does: its code, defaults, closure and the functions it calls by name."""
    cells = [inner(_contents(cell)) for cell in function.__closure__ or ()]
    called = [function.__globals__.get(name) for name in function.__code__.co_names]
    helpers = [
        each
        for each in called
        if isinstance(each, types.FunctionType) and each.__module__ == function.__module__
    ]
    return (
        inner(function.__code__),
        inner(function.__defaults__),
        inner(function.__kwdefaults__),
        cells,
        inner(helpers),
    )


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # The variable has no value yet.
        return None
