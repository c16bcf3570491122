"""What is read from and written to disk: instrument, plan, manifest."""
