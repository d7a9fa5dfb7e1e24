"""What every port of a machine carries during a Program, item by item: the functional run's values, laid out as the gates move them.

`Carried` runs the commands once, in the order in which the engine ends them; `hwsim/engine/watch.py` knows the cycle of each item.
"""
