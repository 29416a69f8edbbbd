"""What several tests share and that is no fixture."""
