"""Fifteen image corruptions, to measure the robustness of a model.

They are modelled on MNIST-C (Mu and Gilmer, "MNIST-C: A robustness benchmark for computer
vision", 2019). The names are those of the paper, but the images differ, so results cannot be
compared with results on MNIST-C. Each corruption has five severities. Tables of results use
severity 3, at which people still read nearly all images.

=================  ===========================  ========================================
name               levels of severities 1 to 5  meaning of the levels
=================  ===========================  ========================================
shot_noise         24, 12, 6, 3, 1.5            photons at full white
impulse_noise      5, 10, 17, 27, 40 %          pixels set to black or white
glass_blur         1/0.6 ... 2/1 ... 3/1.4      displacement / blur sigma, pixels
motion_blur        3, 5, 7, 10, 13              length of the motion, pixels
shear              0.2, 0.3, 0.45, 0.6, 0.8     shear to either side, pixels per row
scale              0.85, 0.7, 0.6, 0.5, 0.4     factor
rotate             10, 20, 30, 40, 50           degrees to either side
brightness         0.2, 0.35, 0.5, 0.6, 0.7     offset of all pixels, of full white
translate          2, 3, 4.5, 6, 8              shift in any direction, pixels
stripe             3, 5, 7, 8, 9                width inverted on each side, pixels
fog                0.4, 0.7, 1, 1.4, 1.8        density of light clouds
spatter            4, 8, 12, 17, 23 %           area covered by splashes
dotted_line        6, 5, 4, 3, 2                distance of the dots, pixels
zigzag             1/12 ... 3/9 ... 5/7         amplitude / period, pixels
canny_edges        0.5, 0.75, 1, 1.4, 1.8       blur sigma before edge detection, pixels
=================  ===========================  ========================================

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
