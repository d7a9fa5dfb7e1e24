"""The thread machine: pipelines of many threads around a scratchpad and a DRAM, cycle by cycle."""
