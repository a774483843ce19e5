"""The trained models in the package, by name, for :func:`ocrdigit.load`.

============  ==========  ======  =====  =========  ====  ===================================
name          parameters  file    MNIST  optdigits  time  trained on
============  ==========  ======  =====  =========  ====  ===================================
``default``   149,915     305 KB  99.70  99.67      1     the data of tiny, and documents
``tiny``      9,435       21 KB   99.58  99.17      0.4   MNIST, UCI's sets, synthetic images
``large``     468,459     942 KB  99.76  99.33      3     the data of tiny
``seed``      110,634     444 KB  99.55             0.6   MNIST
============  ==========  ======  =====  =========  ====  ===================================

"default" is the model of :func:`ocrdigit.predict`; "tiny" is for small devices; "seed" is the
project's first network, trained with the recipe "default". All but "seed" have a non-digit class
(see ``DigitClassifier.digit_score``) and use test-time augmentation (see the parameter ``tta`` of
:class:`ocrdigit.DigitClassifier`).

The accuracies are on MNIST's test set and on optdigits' test set by other writers, in percent. The
times are those of one image on one thread, relative to "default". ``weights/MODEL_CARD.md`` has
the training data, the metrics and the limits of each model.
"""

from __future__ import annotations

import os

__all__ = ["NAMES", "path_of"]

#: The names of the models in the package.
NAMES = ("default", "tiny", "large", "seed")

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "weights")


def path_of(model: str | os.PathLike[str]) -> str:
    """Return the path of a model's file.

    Parameters
    ----------
    model : path or {"default", "tiny", "large", "seed"}
        The name of a model in the package, or a path, which is returned as it is.

    Returns
    -------
    str
        The path; of a path, itself.

    Examples
    --------
    >>> from ocrdigit import models
    >>> models.path_of("tiny").endswith("tiny.safetensors")
    True
    """
    if isinstance(model, str) and model in NAMES:
        return os.path.join(_FOLDER, f"{model}.safetensors")
    return os.fspath(model)
