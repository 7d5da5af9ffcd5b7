import numpy as np
from checked import changed, healthy


def _suspects(count):
    audit = healthy().audit
    return changed(audit=audit.assign(issue=np.arange(len(audit)) < count))


def fires():
    return _suspects(41)


def silent():
    return _suspects(40)
