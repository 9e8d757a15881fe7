"""Programs as machine code: the same equations printed for LLVM, with the same bits as the generated executor.

``switch`` decides whether it is used, ``workshop`` when; nothing here imports llvmlite before something is compiled.
"""
