"""Printed text: fonts that are found in folders, and words to print."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Gray = NDArray[np.uint8]

# Fonts whose names contain one of these imitate handwriting; their text is used as cursive.
_SCRIPTS = (
    "ecolier", "dancing", "kristi", "joscelyn", "kaushan", "dkg", "femke", "breip", "rufscript",
    "lobster", "script", "hand", "because", "leckerli", "chancery", "italianno", "parisienne",
    "sacramento", "allura", "satisfy", "caveat", "pacifico",
)  # fmt: skip
_PROBE = "0123456789aegnst"  # characters that a font must have, all with different shapes
_PROBE_SIZE = 24  # pixels

_WORDS_TEXT = """
Name Date Total Amount Signature Address Street City Phone No Code Account Number Sum Page
Invoice Price Quantity Item Description Unit Tax Net Gross Order Customer Received Paid Due Nom
Anschrift Rue Ville Montant Solde Compte Facture Prix Page Datum Betrag Summe Konto Unterschrift
Ort Straße Menge Preis Rechnung Fecha Importe Nombre Firma Cuenta Ciudad Pagar Suma Cuota Data
Totale Importo Indirizzo Conto the of and to in is for on with as by that was from are this
which or an be at not have had but his her they all were you their one two three seven ten
hundred thousand euros dollars francs Janvier March April June July August October December
Monday Friday votes list party candidate ballot station district box morning evening school
house garden river mountain letter paper table window yellow green blue white black left right
upper lower first second third last please write clearly inside fields only office use section
part line sheet form register notary deed sale lease mortgage Durand Martin Bernard Dubois
Moreau Laurent Simon Michel Garcia Smith Jones Miller Davis Wilson Taylor Schmidt Weber Meyer
Fischer Rossi Bianchi Silva Santos Nowak Kowalski Jensen
"""
_WORDS = tuple(_WORDS_TEXT.split())
_SYLLABLES_TEXT = """
ba be bi bo ca ce co da de di do en er es fa fe ga ge ha he in is ja ka ke la le li lo ma me mi
mo na ne ni no on or pa pe po qua ra re ri ro sa se si so st ta tel ti to tra un ur va ve vi vo
wa we xi za zu mento tion sch ant eur ille
"""
_SYLLABLES = tuple(_SYLLABLES_TEXT.split())


class Fonts:
    """Fonts of the machine, grouped in families.

    Parameters
    ----------
    files : sequence of path
        TrueType or OpenType files. Without any, the font that Pillow contains is used.
    """

    def __init__(self, files: Sequence[str]) -> None:
        families: dict[str, list[str]] = {}
        for file in files:
            name = Path(file).stem.split("-")[0].lower()
            families.setdefault(name[:7], []).append(file)
        scripts = {name for name in families if any(s in name for s in _short(_SCRIPTS))}
        self._numbers = [families[name] for name in sorted(families) if name not in scripts]
        self._printed = [family for family in self._numbers if "DSEG" not in Path(family[0]).stem]
        self._scripts = [families[name] for name in sorted(scripts)]

    def printed(self, rng: np.random.Generator, *, numbers: bool = False) -> str:
        """Return the path of a random font for print, "" for the font of Pillow.

        For ``numbers``, fonts of segment displays are included.
        """
        return _choose((self._numbers if numbers else self._printed) or self._scripts, rng)

    def script(self, rng: np.random.Generator) -> str | None:
        """Return the path of a random font that imitates handwriting, or None without one."""
        return _choose(self._scripts, rng) or None


def _short(names: Sequence[str]) -> list[str]:
    return [name[:7] for name in names]


def _choose(families: list[list[str]], rng: np.random.Generator) -> str:
    """Return a random file of a random family that has all characters; "" if there is none."""
    for _ in range(20 if families else 0):
        family = families[rng.integers(len(families))]
        file = family[rng.integers(len(family))]
        if _is_complete(file):
            return file
    return ""


@lru_cache(maxsize=1024)
def _is_complete(file: str) -> bool:
    """Return whether a font draws the characters of ``_PROBE``, each with its own shape."""
    try:
        font = load(file, _PROBE_SIZE)
        shapes = [text_mask(character, font) for character in _PROBE]
        space = text_mask(" ", font)  # some fonts for schools draw ruling lines
    except (OSError, ValueError):
        return False
    if all(_is_framed(shape) for shape in shapes[:10]) or space.max() > 64:
        return False
    drawn = {(shape.shape, shape.tobytes()) for shape in shapes if shape.max(initial=0) > 64}
    return len(drawn) == len(_PROBE)


def _is_framed(shape: Gray) -> bool:
    """Return whether a character stands in a box or on a black one, as in some symbol fonts."""
    shape = shape[:, (shape > 96).any(axis=0)]
    if min(shape.shape) <= 10:
        return False
    rows, columns = shape[:, shape.shape[1] // 4 : -(shape.shape[1] // 4)], shape[5:-5].T
    sides = (rows[:2], rows[-2:], columns[:2], columns[-2:])
    return all(float((side.max(axis=0) > 96).mean()) > 0.95 for side in sides)


@lru_cache(maxsize=256)
def load(file: str, size: int) -> Any:
    """Return a font of ``size`` pixels; ``file`` "" is the font that Pillow contains."""
    if file:
        return ImageFont.truetype(file, size)
    return ImageFont.load_default(size)


def text_mask(text: str, font: Any) -> Gray:
    """Return the coverage (h, w) of ``text``, trimmed to its bounding box."""
    left, top, right, bottom = (int(side) for side in font.getbbox(text))
    canvas = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(canvas).text((-left, -top), text, 255, font)
    return np.asarray(canvas)


@lru_cache(maxsize=16)
def find_fonts(folder: str | None) -> Fonts:
    """Return the fonts in ``folder`` and below; by default, those that matplotlib contains."""
    if folder is None:
        spec = importlib.util.find_spec("matplotlib")
        if spec is None or not spec.submodule_search_locations:
            return Fonts([])
        folder = str(Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf")
    found = [
        os.path.join(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith((".ttf", ".otf"))
    ]
    return Fonts(sorted(found))


def word(rng: np.random.Generator) -> str:
    """Return a random word: one of a list, or random syllables."""
    if rng.random() < 0.6:
        text = _WORDS[rng.integers(len(_WORDS))]
    else:
        chosen = rng.integers(len(_SYLLABLES), size=rng.integers(1, 5))
        text = "".join(_SYLLABLES[i] for i in chosen)
    case = rng.random()
    if case < 0.15:
        return text.upper()
    return text.capitalize() if case < 0.4 else text


def sentence(length: int, rng: np.random.Generator) -> str:
    """Return words separated by spaces, of about ``length`` characters."""
    words: list[str] = []
    total = 0
    while total < length:
        words.append(word(rng) + (",", ".", ":", "")[min(3, int(rng.integers(12)))])
        total += len(words[-1]) + 1
    return " ".join(words)[: max(1, length)].strip() or "a"
