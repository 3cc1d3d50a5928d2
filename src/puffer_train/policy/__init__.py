"""The network: an encoder of observations, a stack of recurrent layers, and one head for actions and value.

Nothing has a bias, so that the whole policy is a few kinds of matrices, which Muon trains well and NumPy can
run from an exported file. Read in this order: `network.py` puts the parts together; `encoders.py` reads
observations, `cells.py` remembers, `distributions.py` and `values.py` give actions and values; `identity.py`
is what a saved policy depends on. `own.py` puts a network of the user's own in place of the encoder, `whole.py` in
place of everything.
"""

from puffer_train.policy.cells import LSTM, LSTMScan, MinGRU, MinGRUScan, Resets
from puffer_train.policy.distributions import (
    MASKED_LOGIT,
    CategoricalActions,
    GaussianActions,
    action_centre,
    action_scale,
)
from puffer_train.policy.identity import normalize_of, settings_of
from puffer_train.policy.make import make_policy
from puffer_train.policy.named_network import check_permission, find_network
from puffer_train.policy.network import Policy
from puffer_train.policy.values import DistributionValue, ScalarValue

__all__ = [
    "LSTM",
    "MASKED_LOGIT",
    "CategoricalActions",
    "DistributionValue",
    "GaussianActions",
    "LSTMScan",
    "MinGRU",
    "MinGRUScan",
    "Policy",
    "Resets",
    "ScalarValue",
    "action_centre",
    "action_scale",
    "check_permission",
    "find_network",
    "make_policy",
    "normalize_of",
    "settings_of",
]
