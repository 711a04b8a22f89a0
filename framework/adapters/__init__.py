"""Views between the batched contract and Gymnasium / PettingZoo, in both directions."""
