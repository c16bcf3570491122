"""What users type: one file a verb. Nothing below prints."""
