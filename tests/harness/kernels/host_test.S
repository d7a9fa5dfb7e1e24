# A test as the public suites for RISC-V build theirs: reset vector with registers that may not be there, traps, mret into the test,
# two tests of `add`, an environment call at the end, which writes (code << 1 | 1) to tohost, 1 being success. WANTED: what 3 + 4 is taken for.
  .section .text.init, "ax", @progbits
  .globl _start
_start:
  j reset
  .align 2
on_trap:
  csrr t5, mcause
  li t6, 11
  beq t5, t6, write_host
  li t6, 8
  beq t5, t6, write_host
  ori gp, gp, 1337
write_host:
  sw gp, tohost, t5
  sw zero, tohost + 4, t5
  j write_host

reset:
  li gp, 0
  csrr a0, mhartid
1: bnez a0, 1b
  la t0, 1f
  csrw mtvec, t0
  csrwi satp, 0            # no such register here: the trap goes on at 1
  .align 2
1: la t0, 1f
  csrw mtvec, t0
  li t0, -1
  csrw pmpaddr0, t0
  .align 2
1: la t0, on_trap
  csrw mtvec, t0
  csrwi mstatus, 0
  la t0, tests
  csrw mepc, t0
  csrr a0, mhartid
  mret

tests:
  li gp, 2
  li a1, -1
  li a2, 1
  add a3, a1, a2
  bnez a3, fail
  li gp, 3
  li a1, 3
  li a2, 4
  add a3, a1, a2
  li t2, WANTED
  bne a3, t2, fail
  fence
  li gp, 1
  li a7, 93
  li a0, 0
  ecall
fail:
  fence
1: beqz gp, 1b
  sll gp, gp, 1
  or gp, gp, 1
  li a7, 93
  mv a0, gp
  ecall
  unimp

  .section .tohost, "aw", @progbits
  .align 6
  .globl tohost
tohost: .dword 0
  .align 6
  .globl fromhost
fromhost: .dword 0
