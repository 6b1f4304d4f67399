"""The records everything else produces and reports render: frozen, plain, versioned as JSON."""
