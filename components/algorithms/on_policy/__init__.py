"""What the on-policy algorithms share: rollouts, advantages, value scaling, stacked policies and critics."""
