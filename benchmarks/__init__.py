"""Benchmarks: what a load costs, beside the script that anybody would write first."""
