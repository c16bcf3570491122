"""Local networks, where everybody's keys are at hand. Nothing of production stands on it."""
