"""Lane messages and what attestors sign of them: the Python side of `contracts/bridge`; pure."""
