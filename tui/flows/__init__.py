"""The parts of the screen Flows: the form of a launch, the flows, their schedules."""
