"""Wattloom: modular simulations for learning to control energy systems."""

if __name__ == "framework":  # reached from the checkout's root: a second module with an empty registry
    raise ImportError("`import framework` would load a second, empty copy of the package; use `import wattloom` instead")

__version__ = "0.1.0"
