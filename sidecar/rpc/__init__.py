"""JSON-RPC 2.0 over stdio: the protocol, its dispatch, its methods and notifications (design section 2)."""
