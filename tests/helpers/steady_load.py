"""A machine under a load that does not change."""

from tem_rf.runs.load import MachineLoad


class SteadyLoad:
    """A machine whose load is always the same, so that it looks the same in every snapshot."""

    def read(self) -> MachineLoad:
        """The load."""
        return MachineLoad(cpu=0.25, cores=4, memory_used_gb=4.0, memory_total_gb=16.0, time=0.0)
