"""Tests for a GPU that hold on the stand-in too: so none of them is run for the first time on a machine that costs."""

import pytest
import torch
from torch.nn.attention import SDPBackend

from tests.gpu import test_kernels_on_a_gpu as kernels
from tests.gpu import test_same_picture_on_a_gpu as pictures
from tests.gpu import test_waits_memory_and_compilation_on_a_gpu as hot_loop
from tests.standin.fake_cuda import Card
from tests.standin.fake_graphs import fake_graphs


def test_kernels(gpu: Card) -> None:
    kernels.test_a_matrix_product_is_as_exact_as_its_format(torch.float32, False, 1e-5)
    kernels.test_a_matrix_product_is_as_exact_as_its_format(torch.bfloat16, False, 2e-2)
    kernels.test_attention_is_the_same_by_each_backend(SDPBackend.MATH, 45, torch.bfloat16)
    kernels.test_deformable_samples_of_our_own_are_a_cpus()
    kernels.test_correlation_is_a_cpus()


def test_flow_and_its_completion(gpu: Card) -> None:
    pictures.test_flow_is_a_cpus({"tf32": False}, 0.01)
    pictures.test_flow_is_completed_as_on_a_cpu_whether_it_is_kept_there_or_in_host_memory()


@pytest.mark.slow
def test_the_host_waits_as_often_as_the_tests_allow(gpu: Card) -> None:
    hot_loop.test_rafts_iterations_never_wait()
    hot_loop.test_copies_through_pinned_buffers_are_right_and_waited_for_only_when_taken()
    assert hot_loop.waits_of_windows(1, 96) == (1, 3)


@pytest.mark.slow
def test_graphs(gpu: Card) -> None:
    with fake_graphs(gpu.stand_in) as graphs:
        hot_loop.compare_graphs_with_eager((40, 32))
    assert graphs.made >= 3, "of RAFT, the encoder and feature propagation"


def test_a_wait_is_noticed(gpu: Card) -> None:
    x = torch.zeros(2, device="cuda:0")
    assert hot_loop.waits_in(lambda: (x + 1, bool(x.any()), x[[0]])) == 2


def test_memory_of_four_windows(gpu: Card) -> None:
    foretold, taken = hot_loop.foretold_and_taken(24)
    assert taken == pytest.approx(foretold, rel=1 / 7)
