"""The contract, tested: what `puffer-envs check` and the test suite run on every environment.

Examples:
    >>> from puffer_envs import conformance
    >>> for result in conformance.run_checks(conformance.subject("gymnasium:CartPole-v1")):
    ...     print(result.check, result.status, result.message)
"""

from puffer_envs.conformance.errors import ContractError, NotOfferedError
from puffer_envs.conformance.runs import random_actions
from puffer_envs.conformance.subject import BATCH, STEPS, Subject, subject
from puffer_envs.conformance.suite import CHECKS, Check, Result, check_doc, check_name, run_checks

__all__ = [
    "BATCH",
    "CHECKS",
    "STEPS",
    "Check",
    "ContractError",
    "NotOfferedError",
    "Result",
    "Subject",
    "check_doc",
    "check_name",
    "random_actions",
    "run_checks",
    "subject",
]
