"""The main job told step by step, and its report."""
