"""The language of conditions, watches and queries: `E < 0.01 and epoch > 10`, `max(abs(grad(W_h[2,:])))`.

    formula   = all of {"or" all of}
    all of    = negation {"and" negation}
    negation  = "not" negation | chain
    chain     = sum {("<" | "<=" | ">" | ">=" | "==" | "!=") sum}
    sum       = product {("+" | "-") product}
    product   = sign {("*" | "/") sign}
    sign      = "-" sign | atom
    atom      = NUMBER | "TEXT" | NAME [ "[" pick {"," pick} "]" ]
              | FUNCTION "(" formula {"," formula} ")" | "(" formula ")"
    pick      = NUMBER | [NUMBER] ":" [NUMBER]          (from 1, ends included)

It is parsed into a tree of the few records below, checked for names, types and shapes, and read by three readers: one
evaluates it over the values of an iteration, one prints it into the loop of the generated executor, and one bounds it
over an interval of iterations. Nothing is run as code that was not printed from this tree.

What a name means. A slot of the iteration; of a parameter that is trained, its value after its update (``prev(w5)`` is
the one before it). A slot without a sample mark, such as ``out_h1``, means each sample in turn.
"""
