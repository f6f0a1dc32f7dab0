"""The parameters of params.yaml: a module per section, `params` for all of them together."""
