"""Prints how long NumPy takes to import, and then the module named on the command line.

It imports nothing else, so that neither finds parts of itself loaded already.
"""

import sys
from time import perf_counter

start = perf_counter()
import numpy  # noqa: E402, F401

middle = perf_counter()
__import__(sys.argv[1])
end = perf_counter()
print(f'{{"numpy": {middle - start}, "beyond_numpy": {end - middle}}}')
