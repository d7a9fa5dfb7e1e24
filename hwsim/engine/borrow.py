"""`borrow(array)`: the same array without reference counting.

Passing a counted array through a dozen calls a tick costs several times what the tick itself does.
The caller of `loop` holds the arrays for as long as it runs.
"""

from typing import Any

from numba import config
from numba.core import cgutils
from numba.extending import intrinsic

if config.DISABLE_JIT:

    def borrow(a: Any) -> Any:
        return a

else:

    @intrinsic  # type: ignore[untyped-decorator]
    def borrow(typingctx: Any, a: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            ary = context.make_array(sig.args[0])(context, builder, args[0])
            ary.meminfo = cgutils.get_null_value(ary.meminfo.type)
            return ary._getvalue()

        return a(a), codegen
