"""Print the import time of NumPy, and then that of the module named on the command line.

Nothing else is imported, so that neither finds some of its dependencies loaded.
"""

import sys
from time import perf_counter

start = perf_counter()
import numpy  # noqa: E402, F401

middle = perf_counter()
__import__(sys.argv[1])
end = perf_counter()
print(f'{{"numpy": {middle - start}, "beyond_numpy": {end - middle}}}')
