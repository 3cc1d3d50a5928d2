"""From settings to a policy."""

from __future__ import annotations

import torch

from puffer_train.config import Normalize, PolicySettings
from puffer_train.contract import EnvironmentSpec
from puffer_train.policy.named_network import find_network
from puffer_train.policy.network import Policy
from puffer_train.policy.own import is_whole_policy
from puffer_train.policy.whole import WholePolicy


def make_policy(
    spec: EnvironmentSpec, settings: PolicySettings, generator: torch.Generator, normalize: Normalize = "false"
) -> Policy:
    """Return the policy that the settings describe; its first weights are drawn from `generator`.

    normalize: `train.normalize_observations`. A network of the user's own gets observations as they are.

    Raises:
        ConfigError: The encoder or the network cannot read such observations.
        CodeFailedError: The code of the user's own network raised.
    """
    whole = settings.network and is_whole_policy(find_network(settings.network))
    return (WholePolicy if whole else Policy)(spec, settings, generator, normalize)
