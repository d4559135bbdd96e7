"""Values to text: tables for people, JSON, JSON lines and CSV for programs. Decides nothing."""
