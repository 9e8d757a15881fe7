"""Random networks of all kinds, computed by the engine, by PyTorch and by JAX, in float64.

``texts.network(number)`` is the text of a scenario, a function of the number alone: a grammar of convolutional,
recurrent, attending, acyclic and scalar networks with every loss, optimiser and schedule. Two interpreters of such
texts, which share no code with the engine and little with each other, compute all iterations:

* ``torch_side``: ``torch.nn.functional``, autograd, ``torch.optim``, ``torch.optim.lr_scheduler``, ``clip_grad_norm_``;
* ``jax_side``: ``jax.numpy`` and ``jax.grad``; the updates in NumPy, from the formulas that PyTorch documents.

From the engine they take what is drawn there: the initial parameters, the order of the samples, the dropout masks.
Compared are E and its terms, what every layer hands on, every net input, the gradients of all of these and of every
parameter, and after each update all parameters and running statistics.

Not drawn are ``update = "in_place"``, which neither library has (``torch_dense`` compares it), scaled inputs, files and
texts as data, and what no one agrees on: the winner among values that are equal but for rounding, the slope at a kink,
and a gradient that is 0 but for rounding divided by its own size.

``python -m tests.oracles.random_networks`` writes ``random_networks.npz`` anew, the values that PyTorch computes. With
``--all`` it compares all networks in full with PyTorch, and every fifteenth with JAX, and prints a report; with ``--all
--side jax`` all with JAX, which compiles each of them and takes a quarter of an hour.
"""
