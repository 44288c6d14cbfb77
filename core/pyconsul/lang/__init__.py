"""Languages of Consul's files and requests: pure parsers and evaluators."""
