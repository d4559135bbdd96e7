"""Where rows are kept: an embedded DuckDB file, or a search engine. Each speaks ``cloudsearch.store.Store``."""
