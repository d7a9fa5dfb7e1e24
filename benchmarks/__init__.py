"""What `make bench` measures. Each figure stands beside what was asked of it; nothing here is a test."""
