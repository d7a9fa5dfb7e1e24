"""The innermost tile: `rows` pixels x PANEL columns, one FP32 fused multiply-add a product, ascending k for every sum.

Written in LLVM's vector types, so that the sums stay in registers; each lane is one output and its sums are never reordered, so every
host gives the same bits. A product of two fp16 or int8 numbers is exact in FP32, so fused or not is the same. Without
numba's compiler the plain loops below do the same.
"""

import numpy as np
from numba import types
from numba.core import cgutils, config
from numba.core.cgutils import ir
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

# 8 x 32 sums fill half of the 32 registers of 512 bits of AVX-512, 4 x 16 half of the 16 of 256 bits of AVX2
PANEL, ROWS = (32, 8) if "+avx512f" in (config.CPU_FEATURES or get_host_cpu_features()) else (16, 4)
LOAD, ADD = 1, 2  # mode: start from `part`, not from +0; end by adding to `out`, not by writing `part`

_FLOAT, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, PANEL)


def _plain(rows):
    def tile(out, part, act, base, t0, offset, weight, w0, w_stride, length, mode):
        for r in range(rows):
            for c in range(PANEL):
                total = part[r * PANEL + c] if mode & LOAD else np.float32(0)
                for k in range(length):
                    a = act[base[t0 + r] + offset + k]
                    total = np.float32(total + np.float32(a * weight[w0 + k * w_stride + c]))
                if mode & ADD:
                    out[r * PANEL + c] += total
                else:
                    part[r * PANEL + c] = total

    return tile


def _vector_at(builder, data, index):
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


def _i64(n):
    return ir.Constant(_I64, n)


def _reduce(builder, rows, start, act, weight, w0, w_stride, length):
    """The loop over k. `start`: block -> sums for each way into it. Gives the sums; leaves the builder behind the loop."""
    name = f"llvm.fmuladd.v{PANEL}f32"
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, name)
    head, after = builder.block, builder.append_basic_block("after")
    k, sums = builder.phi(_I64), [builder.phi(_VECTOR) for _ in range(rows)]
    for block, values in start.items():
        k.add_incoming(_i64(0), block)
        for phi, value in zip(sums, values, strict=True):
            phi.add_incoming(value, block)
    row = builder.load(
        _vector_at(builder, weight, builder.add(w0, builder.mul(k, w_stride))), align=4
    )
    none = ir.Constant(_VECTOR, ir.Undefined)
    lanes = ir.Constant(ir.VectorType(_I32, PANEL), [0] * PANEL)
    after_k = builder.add(k, _i64(1))
    totals = []
    for r in range(rows):
        one = builder.load(builder.gep(act[r], [k]))
        first = builder.insert_element(none, one, ir.Constant(_I32, 0))
        spread = builder.shuffle_vector(first, none, lanes)
        totals.append(builder.call(fma, [spread, row, sums[r]]))
        sums[r].add_incoming(totals[r], head)
    k.add_incoming(after_k, head)
    builder.cbranch(builder.icmp_signed("<", after_k, length), head, after)
    builder.position_at_end(after)
    return totals


def _compiled(rows):
    @intrinsic
    def tile(typingctx, out, part, act, base, t0, offset, weight, w0, w_stride, length, mode):
        i = types.int64
        sig = types.void(out, part, act, base, i, i, weight, i, i, i, i)

        def codegen(context, builder, sig, args):
            def data(n):
                return cgutils.create_struct_proxy(sig.args[n])(
                    context, builder, value=args[n]
                ).data

            out, part, act, base, weight = (data(n) for n in (0, 1, 2, 3, 6))
            t0, offset, w0, w_stride, length, mode = (args[n] for n in (4, 5, 7, 8, 9, 10))
            def flag(bit):
                return builder.icmp_signed("!=", builder.and_(mode, _i64(bit)), _i64(0))

            bases = [builder.load(builder.gep(base, [builder.add(t0, _i64(r))])) for r in range(rows)]
            acts = [builder.gep(act, [builder.add(b, offset)]) for b in bases]
            parts = [_vector_at(builder, part, _i64(r * PANEL)) for r in range(rows)]
            outs = [_vector_at(builder, out, _i64(r * PANEL)) for r in range(rows)]
            zero = [ir.Constant(_VECTOR, [0.0] * PANEL)] * rows
            names = ("load", "loop", "add", "store", "end")
            load, loop, add, store, end = (builder.append_basic_block(n) for n in names)
            entry = builder.block
            builder.cbranch(flag(LOAD), load, loop)
            builder.position_at_end(load)
            loaded = [builder.load(p, align=4) for p in parts]
            builder.branch(loop)
            builder.position_at_end(loop)
            start = {entry: zero, load: loaded}
            totals = _reduce(builder, rows, start, acts, weight, w0, w_stride, length)
            builder.cbranch(flag(ADD), add, store)
            builder.position_at_end(add)
            for p, total in zip(outs, totals, strict=True):
                builder.store(builder.fadd(builder.load(p, align=4), total), p, align=4)
            builder.branch(end)
            builder.position_at_end(store)
            for p, total in zip(parts, totals, strict=True):
                builder.store(total, p, align=4)
            builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return sig, codegen

    return tile


# tile(out, part, act, base, t0, offset, weight, w0, w_stride, length, mode)
#   out, part  float32 [rows * PANEL]
#   act        float32; element k of row r is act[base[t0 + r] + offset + k]; base int64
#   weight     float32; element (k, c) is weight[w0 + k * w_stride + c]
#   length     1 or more
tile8, tile4, tile1 = ((_plain if config.DISABLE_JIT else _compiled)(r) for r in (8, 4, 1))
