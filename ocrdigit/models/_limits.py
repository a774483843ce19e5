"""Limits of model files that are loaded.

The core's own are 256 layers, 67,108,864 weights, and 4,194,304 numbers between two layers;
inference takes 64 bytes for each of the latter and each thread.
"""

MAX_MODEL_SIZE = 1 << 29  # bytes of a file
MAX_HEADER_SIZE = 1 << 20  # bytes of a safetensors file's description
MAX_LAYER_SIZE = 1 << 19  # numbers that a layer of a classifier gives for an image
MAX_RANGE = 1e30  # of a layer's inputs, for int8
