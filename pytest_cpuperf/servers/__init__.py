"""Live servers: their processes and threads, TorchServe, what is wrong with them and what to set."""
