"""From what a principal did to what it may do: history read for policies."""
