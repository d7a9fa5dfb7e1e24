"""Sixteen fixed sentences: six pairs that say the same in other words, and four that stand alone."""

SENTENCES = (
    "The train to the coast leaves at seven in the morning.",
    "At seven every morning a train departs for the seaside.",
    "She repaired the old clock in her workshop.",
    "In her shop she fixed an antique timepiece.",
    "Heavy rain flooded the lower streets of the town.",
    "Roads in the low part of town were under water after the downpour.",
    "Sparse matrices skip multiplications by zero.",
    "With many zero entries, a matrix product needs fewer multiplications.",
    "The children built a castle out of sand.",
    "A sand castle was made by the kids.",
    "He forgot his password and could not log in.",
    "Without the right password the user was locked out of the account.",
    "Bread dough has to rest before it is baked.",
    "The orchestra played a quiet piece for strings.",
    "Migrating geese fly in the shape of a wedge.",
    "The price of copper fell for the third week.",
)
