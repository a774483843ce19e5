"""Fifteen ways in which pictures of digits go wrong, to see what a model withstands.

They are made in the spirit of MNIST-C (Mu and Gilmer, "MNIST-C: A robustness benchmark for
computer vision", 2019), anew: the names are that paper's, the pictures are not the same, so
results are not to be compared with those on MNIST-C itself. Each has five severities, of
which 3 is for tables: a person still reads nearly all.

=================  ===========================  =====================================
name               severities 1 to 5            what is done, and what the levels are
=================  ===========================  =====================================
shot_noise         24, 12, 6, 3, 1.5            quanta of light at full white
impulse_noise      5, 10, 17, 27, 40 %          pixels turned black or white
glass_blur         1/0.6 ... 2/1 ... 3/1.4      reach of rough glass / blur, pixels
motion_blur        3, 5, 7, 10, 13              length of the motion, pixels
shear              0.2, 0.3, 0.45, 0.6, 0.8     slant to either side, pixels a row
scale              0.85, 0.7, 0.6, 0.5, 0.4     factor
rotate             10, 20, 30, 40, 50           degrees to either side
brightness         0.2, 0.35, 0.5, 0.6, 0.7     background raised, of full white
translate          2, 3, 4.5, 6, 8              pixels in any direction
stripe             3, 5, 7, 8, 9                width inverted on each side, pixels
fog                0.4, 0.7, 1, 1.4, 1.8        density of light clouds
spatter            4, 8, 12, 17, 23 %           of the picture splashed
dotted_line        6, 5, 4, 3, 2                pixels from dot to dot
zigzag             1/12 ... 3/9 ... 5/7         height either way / length, pixels
canny_edges        0.5, 0.75, 1, 1.4, 1.8       blur before edges are sought, pixels
=================  ===========================  =====================================

>>> import ocrdigit
>>> from ocrdigit.evaluation import corruptions
>>> sample = ocrdigit.datasets.load_sample()
>>> tests = {
...     name: corruptions.corrupt(sample.X_test, name, random_state=0)
...     for name in corruptions.NAMES
... }
>>> len(tests)
15
"""

from ._corrupt import CORRUPTIONS, NAMES, SEVERITIES, Corruption, corrupt, rotated, scaled

__all__ = ["CORRUPTIONS", "NAMES", "SEVERITIES", "Corruption", "corrupt", "rotated", "scaled"]
