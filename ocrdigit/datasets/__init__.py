"""Images of digits with their labels: MNIST and a sample of it, two UCI sets, one's own."""

from ._dataset import Dataset
from ._idx import read_idx
from ._mnist import load_mnist
from ._own import load_csv, load_data, load_folder, load_npz
from ._pictures import load_cheque, load_page, load_string
from ._sample import load_sample
from ._uci import load_optdigits, load_semeion

__all__ = [
    "Dataset",
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
