"""What off-policy learners of a team share: heads, batches, policies, and critics of the joint action."""
