"""Weights under adapters are kept and taken back as if there were none."""

import copy

import pytest
import torch

from dpo.lora import add_lora, load_merged, merge_lora, merged_state

pytest.importorskip("peft")


def adapted() -> torch.nn.Module:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.Linear(4, 2))
    add_lora(network, 2)
    for name, value in network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value)
    return network


def test_the_merged_state_is_what_merging_leaves_and_the_network_stays():
    network, x = adapted(), torch.randn(5, 3)
    before, state = network(x), merged_state(network)
    torch.testing.assert_close(network(x), before)
    merged = copy.deepcopy(network)
    merge_lora(merged)
    assert state.keys() == merged.state_dict().keys()
    torch.testing.assert_close(merged(x), before)
    assert all(torch.equal(state[name], value) for name, value in merged_state(merged).items())


def test_weights_are_taken_back_with_and_without_adapters():
    network, x = adapted(), torch.randn(5, 3)
    state, before = merged_state(network), network(x)
    with torch.no_grad():
        for value in network.parameters():
            value += 1
    load_merged(network, state)
    torch.testing.assert_close(network(x), before)
    merge_lora(network)
    torch.testing.assert_close(network(x), before)
    load_merged(network, state)
    torch.testing.assert_close(network(x), before)
