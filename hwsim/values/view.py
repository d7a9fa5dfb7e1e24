"""`view(array, start, length)`: a slice that counts no reference and checks no bound, for loops of a few nanoseconds.

The array must outlive the view, and the caller must know that the view lies inside it.
"""

from numba import types
from numba.core import config
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

if config.DISABLE_JIT:

    def view(array, start, length):
        return array[start : start + length]

else:

    @intrinsic
    def view(typingctx, array, start, length):
        sig = array(array, types.intp, types.intp)

        def codegen(context, builder, sig, args):
            kind = sig.args[0]
            whole = make_array(kind)(context, builder, args[0])
            part = make_array(kind)(context, builder)
            populate_array(
                part,
                data=builder.gep(whole.data, [args[1]]),
                shape=[args[2]],
                strides=[whole.itemsize],
                itemsize=whole.itemsize,
                meminfo=None,
            )
            return part._getvalue()

        return sig, codegen
