"""Labelled data of the trained networks: what they learn from, and what is kept from them."""
