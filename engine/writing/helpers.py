"""Functions that lines of code call where a library has none of its own; a program brings those that it uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_NUMPY = {
    "windows": '''
def windows(x, kernel, stride=None, padding=None, dilation=None, filled=0.0):
    """All windows of x: (samples, channels, *positions, *kernel)."""
    n = len(kernel)
    stride, padding, dilation = stride or (1,) * n, padding or ((0, 0),) * n, dilation or (1,) * n
    x = np.pad(x, [(0, 0), (0, 0), *padding], constant_values=filled)
    reach = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilation)]
    found = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(2, 2 + n)))
    return found[(..., *(slice(None, None, step) for step in (*stride, *dilation)))]
''',
    "overlapped": '''
def overlapped(parts, shape, stride=None, padding=None, dilation=None):
    """The way back through windows: what lies on each other is added up in an array of a shape."""
    n = len(shape) - 2
    stride, padding, dilation = stride or (1,) * n, padding or ((0, 0),) * n, dilation or (1,) * n
    found = np.zeros((*shape[:2], *(length + before + behind for length, (before, behind) in zip(shape[2:], padding))))
    for tap in np.ndindex(parts.shape[-n:]):
        first = [t * step for t, step in zip(tap, dilation)]
        at = (slice(f, f + s * (count - 1) + 1, s) for f, s, count in zip(first, stride, parts.shape[2:]))
        found[(..., *at)] += parts[(..., *tap)]
    return found[(..., *(slice(before, before + length) for length, (before, _) in zip(shape[2:], padding)))]
''',
    "routed": '''
def routed(g, winner, kernel):
    """The windows of a gradient that goes to their winners, which are counted from 1."""
    taps = np.arange(1, np.prod(kernel) + 1)
    return np.where(winner[..., None] == taps, g[..., None], 0.0).reshape(*g.shape, *kernel)
''',
}
_WAVES = '''
def sinusoids(positions, width):
    """The waves that tell positions apart."""
    element = np.arange(width)
    place = np.arange(positions)[:, None] / 10000.0 ** ((element - element % 2) / width)
    return np.where(element % 2 == 0, np.sin(place), np.cos(place))
'''
_TENSORFLOW = {
    "convolution": '''
def convolution(x, W, stride=None, padding=None, dilation=None):
    """TensorFlow has channels last."""
    n = len(x.shape) - 2
    last, first = [0, *range(2, 2 + n), 1], [0, 1 + n, *range(1, 1 + n)]
    x = tf.transpose(tf.pad(x, [(0, 0), (0, 0), *(padding or ((0, 0),) * n)]), last)
    W = tf.transpose(W, [*range(2, 2 + n), 1, 0])
    net = tf.nn.convolution(x, W, strides=stride or 1, dilations=dilation or 1)
    return tf.transpose(net, first)
''',
    "pooled": '''
def pooled(x, kind, kernel, stride=None, padding=None, dilation=None, filled=0.0):
    """TensorFlow has channels last."""
    n = len(kernel)
    last, first = [0, *range(2, 2 + n), 1], [0, 1 + n, *range(1, 1 + n)]
    x = tf.pad(x, [(0, 0), (0, 0), *(padding or ((0, 0),) * n)], constant_values=tf.cast(filled, x.dtype))
    out = tf.nn.pool(tf.transpose(x, last), kernel, kind, strides=stride or (1,) * n, dilations=dilation)
    return tf.transpose(out, first)
''',
}
HELPERS: Mapping[str, Mapping[str, str]] = {
    "numpy": {**_NUMPY, "sinusoids": _WAVES},
    "torch": {"sinusoids": _WAVES},
    "tensorflow": {**_TENSORFLOW, "sinusoids": _WAVES},
    "jax": {"sinusoids": _WAVES},
}
"""By library: the functions that lines call, by name."""


def helpers(library: str, names: Iterable[str]) -> list[str]:
    """The lines of some of these functions, with two blank ones before each."""
    wanted = set(names)
    found: list[str] = []
    for name, text in HELPERS[library].items():
        if name in wanted:
            found += ["", *text.rstrip().splitlines()]
    return found
