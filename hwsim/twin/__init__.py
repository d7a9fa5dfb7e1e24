"""Engine and gates on the same Program, held equal clock edge by clock edge. Needs Amaranth: `needs.py` says so first."""
