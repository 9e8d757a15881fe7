"""A scenario whose texts are full of signs that a language of markup would obey."""

from __future__ import annotations

ODD = r"""
format = 1
title.en = '<b>50% of #1_{x}</b> & $y$ | `k` {{ sheet }} << sheet >> ~^ \input{/etc/passwd} "q"'
title.zh = '百分之五十 <b> % _ & $'
about = { en = '\end{document} {{ sheet }} << sheet >> <% for %>' }
source = 'https://example.org/a_b?c=%20#d&e~f'
[network]
inputs = 2
[[network.layers]]
name = "my_layer_2"
units = 2
activation = "gelu"
weights = [[0.5, -0.25], [1e-7, -3.0]]
[data]
inputs = [[1e-12, -2.5]]
targets = [[1.0, 0.0]]
[loss]
kind = "half_squared_error"
[training]
optimizer = "adam"
learning_rate = 0.01
[stop]
epochs = 3
"""
