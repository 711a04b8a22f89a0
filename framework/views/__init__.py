"""Pictures and pages drawn from a run directory alone, so that a dead run can be looked at like a finished one."""
