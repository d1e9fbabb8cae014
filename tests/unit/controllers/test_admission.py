"""Turns and room: never more than there is, everybody's turn comes, and big jobs are not passed for ever."""

from __future__ import annotations

from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.controllers.admission import PASSES, Admission, Amount, Claim

GIB = 1 << 30
NODE = Amount(8, 32 * GIB, 2)
_numbers = count()


def claim(user: str = "a", vcpus: float = 1, gpus: int = 0, hosts: int = 1, *, turns: bool = False) -> Claim:
    number = next(_numbers)
    amount = Amount(vcpus, vcpus * 4 * GIB, gpus)
    return Claim(f"{user}-{number:06d}", user, float(number), (amount,) * hosts, turns)


def names(claims: list[Claim]) -> list[str]:
    return [each.uid for each in claims]


def wait(admission: Admission, *claims: Claim) -> list[str]:
    for each in claims:
        admission.wait(each)
    return names(admission.admit())


def test_what_fits_runs_and_the_oldest_is_next() -> None:
    admission = Admission([NODE])
    one, two, three = claim(vcpus=4), claim(vcpus=4), claim(vcpus=4)
    assert wait(admission, one, two, three) == [one.uid, two.uid]
    admission.leave(one.uid)
    assert names(admission.admit()) == [three.uid]


def test_users_take_turns() -> None:
    admission = Admission([Amount(1, 4 * GIB, 0)])
    many = [claim("a") for _ in range(5)]
    few = [claim("b"), claim("b")]
    order = wait(admission, *many, *few)
    while admission.inside:
        admission.leave(order[-1])
        order += names(admission.admit())
    assert [uid[0] for uid in order] == ["a", "b", "a", "b", "a", "a", "a"]


def test_who_has_less_in_use_comes_first() -> None:
    admission = Admission([NODE])
    big, small = claim("a", vcpus=4), claim("b", vcpus=2)
    wait(admission, big, small, claim("c", vcpus=2))
    of_a, of_b = claim("a", vcpus=2), claim("b", vcpus=2)
    assert wait(admission, of_a, of_b) == []
    assert admission.next == of_b.uid


def test_gpus_are_given_once_and_processors_as_often_as_is_said() -> None:
    admission = Admission([Amount(2, 8 * GIB, 1)], overcommit=2.0)
    one, two, three = claim(vcpus=2, gpus=1), claim(vcpus=2, gpus=1), claim(vcpus=2)
    assert wait(admission, one, two) == [one.uid]
    assert wait(admission, three) == [three.uid]


def test_a_gang_enters_as_a_whole() -> None:
    admission = Admission([NODE, NODE])
    gang = claim(vcpus=8, hosts=2)
    first = claim(vcpus=1)
    assert wait(admission, first) == [first.uid]
    assert wait(admission, gang) == []
    admission.leave(first.uid)
    assert names(admission.admit()) == [gang.uid]


def test_what_asks_for_more_than_there_is_runs_alone_or_never() -> None:
    huge = claim(vcpus=8, hosts=3)
    fitted, strict = Admission([NODE]), Admission([NODE], one_always=False)
    assert fitted.possible(huge)
    assert not strict.possible(huge)
    first = claim()
    wait(fitted, first)
    assert wait(fitted, huge) == []
    fitted.leave(first.uid)
    assert names(fitted.admit()) == [huge.uid]
    fitted.leave(huge.uid)
    assert wait(fitted, claim(vcpus=8)) != [], "all of it was given back"


def test_who_spans_hosts_takes_turns_and_others_go_past() -> None:
    admission = Admission([NODE])
    one, two, single = claim(hosts=2, turns=True), claim(hosts=2, turns=True), claim()
    assert wait(admission, one, two, single) == [one.uid, single.uid]
    admission.leave(one.uid)
    assert names(admission.admit()) == [two.uid]


def test_what_does_not_delay_the_next_goes_past_it_as_often_as_it_likes() -> None:
    """The one that is next waits for a GPU; there are processors for others beside it."""
    admission = Admission([NODE])
    holder = claim(vcpus=1, gpus=2)
    wait(admission, holder)
    ahead = claim(vcpus=4, gpus=2)
    assert wait(admission, ahead) == []
    for _ in range(PASSES + 5):
        small = claim("b", vcpus=3)
        assert wait(admission, small) == [small.uid]
        admission.leave(small.uid)
    admission.leave(holder.uid)
    assert names(admission.admit()) == [ahead.uid]


def test_a_stream_of_small_ones_passes_a_large_one_so_often_and_no_more() -> None:
    admission = Admission([NODE])
    running = [claim("b") for _ in range(8)]
    wait(admission, *running)
    large = claim("a", vcpus=8)
    assert wait(admission, large) == []
    passed = 0
    for _ in range(100):
        if large.uid in [each.uid for each in admission]:
            break
        admission.leave(running.pop(0).uid)
        small = claim("b")
        entered = wait(admission, small)
        passed += small.uid in entered
        if small.uid in entered:
            running.append(small)
    assert large.uid in [each.uid for each in admission]
    assert passed == PASSES


Asked = tuple[str, int, int, int, bool]
_ASKED = st.tuples(
    st.sampled_from("abc"), st.sampled_from([1, 2, 4, 8]), st.integers(0, 2), st.integers(1, 2), st.booleans()
)
_STEPS = st.lists(st.one_of(_ASKED, st.integers(0, 30)), max_size=60)


def _check(admission: Admission, nodes: list[Amount]) -> None:
    running = list(admission)
    for place in range(3):
        used = sum(host[place] for each in running for host in each.hosts)
        assert used <= sum(node[place] for node in nodes) + 1e-6
    assert sum(each.turns for each in running) <= 1


@settings(max_examples=150, deadline=None)
@given(_STEPS, st.integers(1, 3))
def test_never_above_what_there_is_and_all_run_in_the_end(steps: list[Asked | int], size: int) -> None:
    nodes = [NODE] * size
    admission = Admission(nodes, one_always=False)
    left: set[str] = set()
    for step in steps:
        if isinstance(step, int):
            running = list(admission)
            if running:
                gone = running[step % len(running)].uid
                admission.leave(gone)
                left.discard(gone)
        else:
            user, vcpus, gpus, hosts, turns = step
            asked = claim(user, vcpus, gpus, hosts, turns=turns and hosts > 1)
            if not admission.possible(asked):
                continue
            left.add(asked.uid)
            admission.wait(asked)
        admission.admit()
        _check(admission, nodes)
    for _ in range(len(left) + 1):
        for each in list(admission):
            admission.leave(each.uid)
            left.discard(each.uid)
        admission.admit()
        _check(admission, nodes)
    assert not left


@settings(max_examples=50, deadline=None)
@given(st.lists(_ASKED, min_size=1, max_size=30))
def test_the_same_jobs_get_the_same_turns_in_whatever_order_they_are_found(asked: list[Asked]) -> None:
    claims = [claim(user, vcpus, gpus, hosts) for user, vcpus, gpus, hosts, _ in asked]
    forth, back = Admission([NODE]), Admission([NODE])
    for each in claims:
        forth.wait(each)
    for each in reversed(claims):
        back.wait(each)
    assert names(forth.admit()) == names(back.admit())
