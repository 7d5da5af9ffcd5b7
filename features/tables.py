"""CSV files as people have them: any usual encoding and separator, and every cell is text."""

import codecs
import csv
import io
from pathlib import Path

import pandas as pd

from features.errors import InputError

SEPARATORS = (",", ";", "\t", "|")

#: Columns of saved tables that hold names, whatever they look like.
NAMES = frozenset(
    {
        "image_id", "path", "id", "label", "new_label", "named", "told", "given", "suggested",
        "class", "group", "model", "defect", "positive", "neighbours", "near",
    }
)  # fmt: skip

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


def read_text(path: str | Path) -> str:
    """Return a text file's content: UTF-8, UTF-16 or UTF-32, else cp1252 (Windows, western Europe).

    Raises
    ------
    InputError
        For a file that cannot be read, that is empty, or that is no text.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; save it as UTF-8") from None
    if "\0" in text:
        raise InputError(f"{path}: not a text file; save it as UTF-8")
    if not text.strip():
        raise InputError(f"{path}: empty file")
    return text


def read_rows(path: str | Path) -> list[tuple[int, list[str]]]:
    """Return the rows of a CSV file, header included, each with its line number.

    The separator is a comma, semicolon, tab or bar, whichever is most frequent in the first line. Blank
    lines are left out, and a first line `sep=;`, as Excel writes it, is obeyed.

    Raises
    ------
    InputError
        As `read_text`, and for quotation marks that are never closed.
    """
    lines = read_text(path).splitlines(keepends=True)
    skipped = next(i for i, line in enumerate(lines) if line.strip())
    separator = ""
    first = lines[skipped].strip().strip('"')
    if first.lower().startswith("sep=") and len(first) == 5:
        separator, skipped = first[4], skipped + 1
        first = lines[skipped] if skipped < len(lines) else ""
    separator = separator or max(SEPARATORS, key=_outside_quotes(first).count)
    reader = csv.reader(io.StringIO("".join(lines[skipped:]), newline=""), delimiter=separator, strict=True)
    try:
        rows = [(skipped + reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}, line {skipped + reader.line_num}: not a CSV file ({error})") from None
    return [(line, row) for line, row in rows if any(cell.strip() for cell in row)]


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV file with a header; every cell is text, blank ones are empty.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    DataFrame of str
        Columns named without outer spaces. Rows shorter than the header are filled up, as Excel leaves
        them.

    Raises
    ------
    InputError
        As `read_rows`; for a row longer than the header; for two columns of one name.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_bytes("image_id;label\\n007;Gr\\u00f6\\u00dfe\\nNA;None\\n".encode("cp1252"))
    >>> read_table(path).to_numpy().tolist()
    [['007', 'Größe'], ['NA', 'None']]
    """
    rows = read_rows(path)
    if not rows:
        raise InputError(f"{path}: empty file")
    columns = [cell.strip() for cell in rows[0][1]]
    while columns and not columns[-1]:
        columns.pop()
    doubled = next((name for name in columns if columns.count(name) > 1), None)
    if doubled is not None:
        raise InputError(f"{path}: two columns are called {doubled!r}")
    cells = []
    for line, row in rows[1:]:
        if any(cell.strip() for cell in row[len(columns) :]):
            raise InputError(f"{path}, line {line}: {len(row)} values for {len(columns)} columns")
        cells.append((row + [""] * len(columns))[: len(columns)])
    return pd.DataFrame(cells, columns=columns, dtype=str)


def read_saved(path: str | Path) -> pd.DataFrame:
    """Read a CSV table that a run has written: figures are numbers, names and labels are text.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    DataFrame
        A column is numeric (NaN where blank) when every cell is a number or blank, and the column is not
        one of names; else it is text. A class called `NA` or `007` stays what it is.

    Raises
    ------
    InputError
        As `read_table`.
    """
    frame = read_table(path)
    for name in frame.columns.difference(sorted(NAMES)):
        blank = frame[name].str.strip() == ""
        numbers = pd.to_numeric(frame[name].where(~blank), errors="coerce")
        if (numbers.notna() | blank | frame[name].isin(["inf", "-inf"])).all() and not blank.all():
            frame[name] = numbers
    return frame


def _encoding(data: bytes) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    # UTF-16 without a mark: the high byte of most characters is zero.
    even, odd = data[:2000:2].count(0), data[1:2000:2].count(0)
    if max(even, odd) > len(data[:2000]) / 5:
        return "utf-16-le" if odd > even else "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])
