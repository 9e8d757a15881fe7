"""Machine code from the text of a module, by LLVM."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from retrograde.engine.executor.native.passing import NAME as BOUND
from retrograde.engine.executor.native.printing import NAME

_BOUND_TYPES = (*(ctypes.c_void_p,) * 3, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)
"""The parameters of ``passing.FUNCTION``."""

_TYPES = (
    *(ctypes.c_void_p,) * 3,
    *(ctypes.c_int64,) * 2,
    ctypes.c_void_p,
    ctypes.c_int64,
    *(ctypes.c_void_p,) * 3,
    ctypes.c_int64,
    *_BOUND_TYPES[1:],
)
"""The parameters of what ``printing.printed`` prints."""


@cache
def llvm() -> Any:
    """The binding of LLVM, ready for this processor."""
    _load()
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


def _load() -> None:
    """Has the system load LLVM, which takes a fifth of a second, while others have the interpreter.

    ctypes itself keeps the interpreter's lock when it loads a library, but not when it calls a function such as the one
    that loads; when the binding loads it once more, it is there.
    """
    found = find_spec("llvmlite")
    load = getattr(ctypes.CDLL(None), "dlopen", None) if os.name == "posix" else None
    if found is None or load is None:
        return
    from llvmlite.utils import get_library_name

    load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    for folder in found.submodule_search_locations or ():
        load(os.fsencode(Path(folder, "binding", get_library_name())), os.RTLD_NOW)


class Code:
    """Compiled functions; they live as long as this does.

    Args:
        text: the module.
    """

    def __init__(self, text: str) -> None:
        binding = llvm()
        target = binding.Target.from_default_triple()
        machine = target.create_target_machine(
            cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=2, jit=True
        )
        module = binding.parse_assembly(text)
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        tuning = binding.create_pipeline_tuning_options(speed_level=2)
        # Loops are as long as they should be; those of a convolution's border, unrolled, take three times as long to
        # compile and run no faster.
        tuning.loop_unrolling = False
        binding.create_pass_builder(machine, tuning).getModulePassManager().run(
            module, binding.create_pass_builder(machine, tuning)
        )
        self._engine: Any = binding.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()

    @cached_property
    def function(self) -> Callable[..., None]:
        """What ``printing.printed`` has printed; who calls it lets go of the interpreter's lock."""
        found: Callable[..., None] = ctypes.CFUNCTYPE(None, *_TYPES)(self._engine.get_function_address(NAME))
        return found

    @cached_property
    def bound(self) -> Callable[[int, int, int, int, int, int], None]:
        """What ``passing.FUNCTION`` defines; it keeps the interpreter's lock."""
        found: Callable[[int, int, int, int, int, int], None] = ctypes.PYFUNCTYPE(None, *_BOUND_TYPES)(
            self._engine.get_function_address(BOUND)
        )
        return found

    def group(self, number: int, *, short: bool) -> Callable[[int, int], None]:
        """One of what ``blocks.printed_groups`` has printed; a short one keeps the interpreter's lock."""
        kind = ctypes.PYFUNCTYPE if short else ctypes.CFUNCTYPE
        address = self._engine.get_function_address(f"group{number}")
        found: Callable[[int, int], None] = kind(None, ctypes.c_void_p, ctypes.c_void_p)(address)
        return found

    @property
    def scratch(self) -> int:
        """The numbers of scratch memory that its groups need."""
        return int(ctypes.CFUNCTYPE(ctypes.c_int64)(self._engine.get_function_address("scratch"))())
