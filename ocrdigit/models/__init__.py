"""The models that come with the package, by name, for :func:`ocrdigit.load`.

============  ================================================================================
``default``   what ``ocrdigit.predict`` uses: reads MNIST, other hands and cut-out digits
``tiny``      the same in less than 10,000 numbers, for small devices
``large``     more accurate on most; takes three times as long
``seed``      the project's first network, trained on MNIST alone by the recipe "default"
============  ================================================================================

``weights/MODEL_CARD.md`` says how each was trained and how good it is.
"""

from __future__ import annotations

import os

NAMES = ("default", "tiny", "large", "seed")

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "weights")


def path_of(model: str | os.PathLike[str]) -> str:
    """Return the file of a model that is named, or the path as given.

    Examples
    --------
    >>> from ocrdigit import models
    >>> models.path_of("tiny").endswith("tiny.safetensors")
    True
    """
    if isinstance(model, str) and model in NAMES:
        return os.path.join(_FOLDER, f"{model}.safetensors")
    return os.fspath(model)
