"""Numbers that kernels branch on: instructions of the table, causes of waiting, counters, kinds of messages."""

from hwsim.spec.thread_isa import BY_NAME


def _numbers(names: str) -> tuple[int, ...]:
    return tuple(BY_NAME[name].number for name in names.split())


AUIPC, JAL, JALR, BEQ, BNE, BLT, BGE, BLTU, BGEU = _numbers("auipc jal jalr beq bne blt bge bltu bgeu")
ADD, SUB, SLL, SLT, SLTU, XOR, SRL, SRA, OR, AND = _numbers("add sub sll slt sltu xor srl sra or and")
ADDW, SUBW, SLLW, SRLW, SRAW = _numbers("addw subw sllw srlw sraw")
MUL, MULH, MULHSU, MULHU, DIV, DIVU, REM, REMU = _numbers("mul mulh mulhsu mulhu div divu rem remu")
MULW, DIVW, DIVUW, REMW, REMUW = _numbers("mulw divw divuw remw remuw")
LB, LH, LW, LD, LBU, LHU, LWU = _numbers("lb lh lw ld lbu lhu lwu")
SB, SH, SW, SD = _numbers("sb sh sw sd")
LR_W, LR_D, SC_W, SC_D = _numbers("lr.w lr.d sc.w sc.d")
AMOSWAP_W, AMOADD_W, AMOXOR_W, AMOAND_W, AMOOR_W = _numbers("amoswap.w amoadd.w amoxor.w amoand.w amoor.w")
AMOMIN_W, AMOMAX_W, AMOMINU_W, AMOMAXU_W = _numbers("amomin.w amomax.w amominu.w amomaxu.w")
AMOSWAP_D, AMOADD_D, AMOXOR_D, AMOAND_D, AMOOR_D = _numbers("amoswap.d amoadd.d amoxor.d amoand.d amoor.d")
AMOMIN_D, AMOMAX_D, AMOMINU_D, AMOMAXU_D = _numbers("amomin.d amomax.d amominu.d amomaxu.d")
AMO_FADD_D, AMO_FADD_S, AMO_FMIN_D, AMO_FMAX_D = _numbers("amo.fadd.d amo.fadd.s amo.fmin.d amo.fmax.d")
AMO_CAS_D, AMO_CAS_W = _numbers("amo.cas.d amo.cas.w")
FENCE_I, ECALL, EBREAK, MRET = _numbers("fence.i ecall ebreak mret")
CSRRW, CSRRS, CSRRC, CSRRWI, CSRRSI, CSRRCI = _numbers("csrrw csrrs csrrc csrrwi csrrsi csrrci")
EXIT, DMA_START, DMA_WAIT = _numbers("exit dma.start dma.wait")
QUEUE_PUSH, QUEUE_POP, QUEUE_TRYPUSH, QUEUE_TRYPOP = _numbers("queue.push queue.pop queue.trypush queue.trypop")
COLL_BARRIER, COLL_ADD, COLL_MIN, COLL_MAX, COLL_OR, COLL_FADD, COLL_FIRST = _numbers(
    "coll.barrier coll.add coll.min coll.max coll.or coll.fadd coll.first"
)
CACHE_FLUSH, CACHE_INVAL, CACHE_FLUSHINVAL = _numbers("cache.flush cache.inval cache.flushinval")
FADD_S, FSUB_S, FMUL_S, FDIV_S, FSQRT_S = _numbers("fadd.s fsub.s fmul.s fdiv.s fsqrt.s")
FADD_D, FSUB_D, FMUL_D, FDIV_D, FSQRT_D = _numbers("fadd.d fsub.d fmul.d fdiv.d fsqrt.d")
FSGNJ_S, FSGNJN_S, FSGNJX_S, FMIN_S, FMAX_S = _numbers("fsgnj.s fsgnjn.s fsgnjx.s fmin.s fmax.s")
FSGNJ_D, FSGNJN_D, FSGNJX_D, FMIN_D, FMAX_D = _numbers("fsgnj.d fsgnjn.d fsgnjx.d fmin.d fmax.d")
FLE_S, FLT_S, FEQ_S, FCLASS_S, FLE_D, FLT_D, FEQ_D, FCLASS_D = _numbers("fle.s flt.s feq.s fclass.s fle.d flt.d feq.d fclass.d")
FMADD_S, FMSUB_S, FNMSUB_S, FNMADD_S = _numbers("fmadd.s fmsub.s fnmsub.s fnmadd.s")
FMADD_D, FMSUB_D, FNMSUB_D, FNMADD_D = _numbers("fmadd.d fmsub.d fnmsub.d fnmadd.d")
FCVT_W_S, FCVT_WU_S, FCVT_L_S, FCVT_LU_S = _numbers("fcvt.w.s fcvt.wu.s fcvt.l.s fcvt.lu.s")
FCVT_W_D, FCVT_WU_D, FCVT_L_D, FCVT_LU_D = _numbers("fcvt.w.d fcvt.wu.d fcvt.l.d fcvt.lu.d")
FCVT_S_W, FCVT_S_WU, FCVT_S_L, FCVT_S_LU = _numbers("fcvt.s.w fcvt.s.wu fcvt.s.l fcvt.s.lu")
FCVT_D_W, FCVT_D_WU, FCVT_D_L, FCVT_D_LU = _numbers("fcvt.d.w fcvt.d.wu fcvt.d.l fcvt.d.lu")
FCVT_S_D, FCVT_D_S = _numbers("fcvt.s.d fcvt.d.s")
# requests that no instruction is: a line of a cache, its written bytes
LINE_READ, LINE_WRITE = 200, 201

# groups of instructions, as decoded
ILLEGAL, INTEGER, MULDIV, FLOAT, LOAD, STORE, ATOMIC, SYSTEM, ENGINE, OUTSIDE = range(10)

NEVER = 1 << 60  # a cycle that does not come by itself
WINDOW_LOCAL, WINDOW_SCRATCHPAD = 0x80000000, 0x100000000

# places in CAUSES
(
    ON_INTERVAL, ON_TURN, ON_ARITHMETIC, ON_DRAM, ON_SCRATCHPAD, ON_CACHE, ON_REMOTE, ON_SLOTS, ON_FENCE, ON_FETCH, ON_DMA, ON_QUEUE,
    ON_COLLECTIVE, ON_ENDED,
) = range(14)  # fmt: skip

# places in COUNTERS
(
    N_DRAM_READ, N_DRAM_WRITE, N_DRAM_ATOMIC, N_DRAM_BUSY, N_PAD_READ, N_PAD_WRITE, N_PAD_ATOMIC, N_HIT, N_MISS, N_WRITTEN_BACK,
    N_FETCH_HIT,
    N_FETCH_MISS, N_MESSAGES, N_MESSAGE_BITS, N_LINK_BUSY, N_DMA_COMMANDS, N_DMA_ELEMENTS, N_DMA_BUSY, N_QUEUE, N_COLLECTIVE, N_INTEGER,
    N_MULTIPLY, N_FLOAT,
) = range(23)  # fmt: skip

# kinds of messages
REQUEST, ANSWER, COLLECT, RESULT, DMA_DONE = range(5)
# who an answer goes to, beside threads
WHO_DMA, WHO_NOBODY = -2, -1

# how a kernel comes back
RUNNING, FENCED, TRAPPED, EXITED, HOST, FULL_INBOX, FULL_OUTBOX, OVERRUN = range(8)
SP = 2  # the register that is a thread's stack pointer
# causes of traps, as mcause has them
T_FETCH, T_ILLEGAL, T_BREAK, T_LOAD_ALIGN, T_LOAD, T_STORE_ALIGN, T_STORE, T_ECALL = 1, 2, 3, 4, 5, 6, 7, 11
