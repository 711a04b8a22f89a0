"""Rules and the receding-horizon reference for the data center: what learners are compared with."""
