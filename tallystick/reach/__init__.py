"""From names in files to live ledgers and accounts that sign."""
