"""A method's scores to metrics, tables and pictures."""

from rhas.evaluate.evaluation import evaluate_method

__all__ = ["evaluate_method"]
