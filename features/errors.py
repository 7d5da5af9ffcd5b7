"""What goes wrong with a user's files and settings, said in one line."""


class InputError(ValueError):
    """A user's file, folder or setting cannot be used.

    The message is one line that names the file, the value and the remedy; the command line prints
    it and exits with a non-zero code.
    """


class UnreadableImage(InputError):
    """One image file cannot be decoded.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        What is wrong with it, in a few words.
    """

    def __init__(self, path: str, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.path, self.reason)


class UnknownPositive(InputError):
    """It is not known which class of a dataset is defective, or a class that was named does not exist.

    Parameters
    ----------
    message : str
        One line.
    classes : tuple of str
        The classes of the dataset.
    """

    def __init__(self, message: str, classes: tuple[str, ...]):
        super().__init__(message)
        self.classes = tuple(classes)

    def __reduce__(self) -> tuple[type, tuple[str, tuple[str, ...]]]:
        return type(self), (str(self), self.classes)


class NotRunnable(InputError):
    """Something that a row of the leaderboard needs cannot be had; the row is not run."""


class WeightsUnavailable(NotRunnable):
    """Weights that a backbone was asked for cannot be had; the rows that need them are not run."""
