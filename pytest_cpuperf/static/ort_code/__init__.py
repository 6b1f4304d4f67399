"""What onnxruntime code shows of its sessions: their options, their providers."""
