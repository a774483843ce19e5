"""Work on clusters: predictions over Dask's collections, readings to tables, on many machines.

======================  ======================================================================
:func:`predict`         digits of the images in a dask array, dataframe, series or bag
:func:`predict_proba`   their probabilities
:func:`read`            the numbers of files and pictures in a series or bag, as a table or bag
:class:`Scorer`         ``predict`` and ``predict_proba`` as an object that can be pickled
:class:`Reader`         reading as an object that can be pickled
======================  ======================================================================

The functions need Dask: ``pip install 'ocrdigit[dask]'``. They compute nothing: they add tasks to
the graph of a collection, as many as it has chunks or partitions. Dask computes them on as many
workers as there are, runs the tasks of a lost worker again, and keeps no more in memory than the
partitions in work, if the results are small or written to files.

A model is sent to each worker once, as a :class:`Scorer` or a :class:`Reader`. Both work with other
engines, too, such as Ray and Spark. A process that receives one uses a single thread for each call,
as engines run as many tasks as there are cores; the environment variable
``OCRDIGIT_NUM_THREADS`` sets another number.
"""

from ._predict import predict, predict_proba
from ._read import read
from ._reader import Reader
from ._scorer import Scorer

__all__ = ["Reader", "Scorer", "predict", "predict_proba", "read"]
