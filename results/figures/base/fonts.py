"""Fonts for names that the default font cannot write, such as Chinese or Japanese ones."""

from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from unicodedata import category

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

#: A package that ships Noto Sans CJK; importing it would change matplotlib's settings.
_PACKAGE = "notojp_matplotlib"
#: Fonts of the usual systems that hold Chinese, Japanese and Korean, in order of preference.
_PREFERRED = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Arial Unicode MS",
)


def use_fonts_for(figure: Figure) -> None:
    """Give every text of a figure a font for each of its characters, as far as there is one.

    Texts that the default font can write stay as they are. For others, fonts of the system come first,
    then the one that is installed with this package. Control characters, such as tabs, become spaces.
    """
    texts = {text for text in figure.findobj(Text) if isinstance(text, Text)}
    for ax in figure.axes:
        # Labels of ticks have no text before they are asked for.
        texts.update(ax.get_xticklabels(), ax.get_yticklabels())
    for text in texts:
        words = text.get_text()
        clean = "".join(" " if category(c) == "Cc" and c != "\n" else c for c in words)
        if clean != words:
            text.set_text(clean)
        families = families_for(text.get_text(), tuple(text.get_fontfamily()))
        if families:
            text.set_fontfamily([*text.get_fontfamily(), *families])


@lru_cache(maxsize=1024)
def families_for(text: str, families: tuple[str, ...]) -> tuple[str, ...]:
    """Return the font families that a text needs besides its own.

    Parameters
    ----------
    text : str
    families : tuple of str
        The families that it has.

    Returns
    -------
    tuple of str
        Empty where its own families hold every character, or where no font does.

    Examples
    --------
    >>> families_for("crack", ("sans-serif",))
    ()
    """
    missing = {character for character in text if character.isprintable()}
    for family in families:
        if missing:
            missing -= _held(font_manager.findfont(font_manager.FontProperties(family=[family])), missing)
    found = []
    for family, path in _candidates() if missing else ():
        held = _held(path, missing)
        if held:
            found.append(family)
            missing -= held
        if not missing:
            break
    return tuple(found)


def _candidates() -> Iterable[tuple[str, str]]:
    """Yield family and file: preferred fonts of the system, the shipped one, all others of the system."""
    known = {
        entry.name: entry.fname
        for entry in font_manager.fontManager.ttflist
        if entry.style == "normal" and entry.weight in ("normal", "regular", 400)
    }
    yield from ((name, known[name]) for name in _PREFERRED if name in known)
    shipped = _shipped()
    if shipped:
        yield shipped
    yield from sorted((name, path) for name, path in known.items() if name not in _PREFERRED)


@lru_cache(maxsize=1)
def _shipped() -> tuple[str, str] | None:
    spec = find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.[ot]tf"))
    if not files:
        return None
    font_manager.fontManager.addfont(files[0])
    return font_manager.fontManager.ttflist[-1].name, str(files[0])


def _held(path: str, characters: Iterable[str]) -> set[str]:
    try:
        font = font_manager.get_font(path)
    except (OSError, RuntimeError):
        # Bitmap fonts, such as some of emoji, cannot be read.
        return set()
    return {character for character in characters if font.get_char_index(ord(character))}
