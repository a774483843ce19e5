"""Data sets of handwritten digits: MNIST, a sample of it, two UCI sets, and your own data.

========================  ====================================================================
:func:`load_mnist`        MNIST, from a folder, the cache or a public mirror
:func:`load_sample`       5,000 images of MNIST, in the package
:func:`load_optdigits`    optdigits of UCI, by 43 writers, from a local file
:func:`load_semeion`      semeion of UCI, by about 80 writers, from a local file
:func:`load_data`         your own data, whatever their format
:func:`load_folder`       images in folders that are named by their digit
:func:`load_csv`          a CSV file with one image in a row
:func:`load_npz`          two arrays of an ``.npz`` file
:func:`read_idx`          one file in MNIST's IDX format
:func:`load_page`         a picture of a page of numbers, in the package
:func:`load_cheque`       a picture of an amount on a cheque, in the package
:func:`load_string`       a picture of one number, in the package
========================  ====================================================================

Loaders of whole sets return a :class:`Dataset`, those of pictures a :class:`Picture`.
"""

from ._dataset import Dataset
from ._idx import read_idx
from ._mnist import load_mnist
from ._own import load_csv, load_data, load_folder, load_npz
from ._picture import Picture
from ._sample import load_cheque, load_page, load_sample, load_string
from ._uci import load_optdigits, load_semeion

__all__ = [
    "Dataset",
    "Picture",
    "load_cheque",
    "load_csv",
    "load_data",
    "load_folder",
    "load_mnist",
    "load_npz",
    "load_optdigits",
    "load_page",
    "load_sample",
    "load_semeion",
    "load_string",
    "read_idx",
]
