"""A method's scores to metrics, tables and pictures."""

from rhas.evaluate.evaluation import EvaluateConfig, evaluate_method

__all__ = ["EvaluateConfig", "evaluate_method"]
